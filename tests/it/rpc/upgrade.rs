//! Stored states that nobody stored.

use std::collections::HashMap;

use prost::Message;
use terraform_provider_acr::protocol::wire::{RawState, upgrade_resource_state::Request};

use super::{Method, POOL, Session, is_error};

#[tokio::test(flavor = "multi_thread")]
async fn stored_states_that_are_none_are_refused() {
    let session = Session::new().await;
    let method = Method::named("UpgradeResourceState");
    let json = |json: &[u8]| RawState {
        json: json.to_vec(),
        ..RawState::default()
    };
    let flat = RawState {
        flatmap: HashMap::from([("id".to_owned(), "x".to_owned())]),
        ..RawState::default()
    };
    let nested = [b"{\"gone\":".repeat(500_000), b"1".to_vec(), b"}".repeat(500_000)].concat();
    for (what, version, state, refused) in [
        ("no state", 0, None, true),
        ("an empty state", 0, Some(RawState::default()), true),
        ("a flat state", 0, Some(flat), true),
        ("null", 0, Some(json(b"null")), true),
        ("a number", 0, Some(json(b"7")), true),
        ("a list", 0, Some(json(b"[]")), true),
        ("half an object", 0, Some(json(b"{\"name\":")), true),
        ("no UTF-8", 0, Some(json(b"{\"name\":\"\xff\"}")), true),
        ("half a surrogate", 0, Some(json(b"{\"name\":\"\\ud800\"}")), true),
        ("a list as a name", 0, Some(json(b"{\"name\":[]}")), true),
        (
            "a number without end",
            0,
            Some(json(b"{\"instance_count\":1e999999999}")),
            true,
        ),
        ("a list as timeouts", 0, Some(json(b"{\"timeouts\":[{}]}")), true),
        ("a newer version", 1, Some(json(b"{}")), true),
        ("the newest version", i64::MAX, Some(json(b"{}")), true),
        ("a version before the first", -1, Some(json(b"{}")), true),
        // These Core itself would read: what is missing is null, what is gone is dropped.
        ("an empty object", 0, Some(json(b"{}")), false),
        ("a member that is gone", 0, Some(json(b"{\"gone\":{\"a\":[1]}}")), false),
        ("a deep member that is gone", 0, Some(json(&nested)), false),
    ] {
        let request = Request {
            type_name: POOL.into(),
            version,
            raw_state: state,
        };
        let diagnostics = session.diagnose(method, request.encode_to_vec(), what).await;
        assert_eq!(is_error(&diagnostics), refused, "{what}: {diagnostics:?}");
    }
    session.assert_alive().await;
}
