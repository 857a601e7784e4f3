//! An outage between plan and apply.

use serde_json::json;

use super::life::{self, registry};

/// Terraform plans once more at apply. What the first plan knew of the registry must not turn unknown because of an outage:
/// Terraform would call that a bug of the provider.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_at_apply_is_told_as_one() {
    let life = life::begin(None).await;
    let config = json!({"name": "builds", "registry_id": registry()});
    let mut pool = life.core.resource(life::TYPE);
    let planned = pool.plan(config.clone()).await;
    assert!(planned.errors().is_empty(), "{planned:?}");
    life.fault(json!({"match": {"method": "GET"}, "action": {"respond": {"status": 503}}}));
    let applied = pool.apply_plan(&planned, config.clone()).await;
    let errors = applied.errors();
    assert!(
        errors.len() == 1 && errors[0].contains("registry \"contosobuilds\"") && errors[0].contains("HTTP 503"),
        "{errors:?}"
    );
    life.core.expect_clean();
    life.emulator.set_faults(Vec::new());
    let applied = pool.apply(config).await;
    assert!(applied.errors().is_empty(), "{applied:?}");
    life.core.expect_clean();
}

/// Who may not read the registry plans all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_read_leaves_the_location_open() {
    let life = life::begin(None).await;
    let mut pool = life.core.resource(life::TYPE);
    for (status, code) in [(403, "AuthorizationFailed"), (404, "ResourceNotFound")] {
        let body = json!({"error": {"code": code, "message": "no"}});
        life.fault(json!({"action": {"respond": {"status": status, "body": body}}, "match": {"method": "GET"}}));
        let planned = pool.plan(json!({"name": "builds", "registry_id": registry()})).await;
        assert!(planned.errors().is_empty(), "{planned:?}");
        assert!(planned.planned.get("location").text().is_none(), "{planned:?}");
    }
    life.core.expect_clean();
}
