//! A write that was accepted although nobody heard of it, and operations that last longer than the provider is patient.

use std::time::Duration;

use serde_json::json;

use super::life::{self, registry};

/// Longer than all the attempts of one request, so that the repeated write meets the operation that the first one began.
const SLOW: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_write_that_meets_its_own_first_attempt_waits_for_it() {
    let life = life::begin_slowly(None, SLOW).await;
    let mut pool = life.core.resource(life::TYPE);
    let lost = |method: &str| json!({"match": {"method": method}, "times": 1, "applied": true, "action": {"respond": {"status": 500}}});
    for (method, count) in [("PUT", 1), ("PATCH", 3)] {
        life.fault(lost(method));
        let applied = pool
            .apply(json!({"name": "builds", "registry_id": registry(), "instance_count": count}))
            .await;
        assert!(applied.errors().is_empty() && !applied.tainted, "{method}: {applied:?}");
    }
    life.fault(lost("DELETE"));
    let destroyed = pool.destroy().await;
    assert!(destroyed.errors().is_empty(), "{destroyed:?}");
    life.core.expect_clean();
}
