//! Calls in an order that Terraform never has, and values that do not fit together.

use prost::Message;
use terraform_provider_acr::{
    emulator::{self, Options},
    framework::{Value, msgpack},
    protocol::wire::{self, Diagnostic, DynamicValue, apply_resource_change as apply, plan_resource_change as plan},
};

use super::{Method, POOL, Session, Subject, is_error, packed, with};

/// The value for calls about the pool; null for `None`.
fn dynamic(value: &Value) -> Option<DynamicValue> {
    Some(packed(msgpack::encode(&Subject::Resource.ty(), value)))
}

fn summaries(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|it| it.summary.as_str()).collect()
}

async fn planned(session: &Session, prior: &Value, proposed: &Value, config: &Value) -> plan::Response {
    let request = plan::Request {
        type_name: POOL.into(),
        prior_state: dynamic(prior),
        proposed_new_state: dynamic(proposed),
        config: dynamic(config),
        ..plan::Request::default()
    };
    let reply = session
        .call("PlanResourceChange", request.encode_to_vec())
        .await
        .unwrap();
    let reply = plan::Response::decode(reply.as_slice()).unwrap();
    reply
        .diagnostics
        .iter()
        .for_each(|it| super::assert_readable(it, "a plan"));
    reply
}

async fn applied(session: &Session, prior: &Value, planned: &Value, config: &Value) -> apply::Response {
    let request = apply::Request {
        type_name: POOL.into(),
        prior_state: dynamic(prior),
        planned_state: dynamic(planned),
        config: dynamic(config),
        ..apply::Request::default()
    };
    let reply = session
        .call("ApplyResourceChange", request.encode_to_vec())
        .await
        .unwrap();
    let reply = apply::Response::decode(reply.as_slice()).unwrap();
    reply
        .diagnostics
        .iter()
        .for_each(|it| super::assert_readable(it, "an apply"));
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn before_configure_only_what_needs_azure_fails() {
    let session = Session::new().await;
    let pool = Subject::Resource.value();
    // A plan before the schema was ever asked for.
    let reply = planned(&session, &Value::Null, &pool, &pool).await;
    assert_eq!(reply.diagnostics, []);
    let reply = msgpack::decode(&Subject::Resource.ty(), &reply.planned_state.unwrap().msgpack).unwrap();
    assert_eq!(
        (reply.member("id"), reply.member("tier")),
        (&Value::Unknown, &Value::string("S1"))
    );
    for method in ["ReadResource", "ReadDataSource"] {
        let diagnostics = session.value(method, &Method::named(method).subject.value()).await;
        assert_eq!(summaries(&diagnostics), ["Provider not configured"], "{method}");
    }
    let reply = applied(&session, &Value::Null, &pool, &pool).await;
    assert_eq!(summaries(&reply.diagnostics), ["Provider not configured"]);
    let reply = applied(&session, &pool, &Value::Null, &Value::Null).await;
    assert_eq!(summaries(&reply.diagnostics), ["Provider not configured"]);
    let kept = msgpack::decode(&Subject::Resource.ty(), &reply.new_state.unwrap().msgpack).unwrap();
    assert_eq!(kept, pool, "what was not deleted stays in the state");
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_comes_at_any_time_and_configure_starts_afresh() {
    let emulator = emulator::start_blocking(Options::default()).unwrap();
    let session = Session::with(&emulator.environment()).await;
    let (nothing, pool) = (Subject::Provider.value(), Subject::Resource.value());
    for _ in 0..3 {
        session.call("Stop", Vec::new()).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(session.value("Configure", &nothing).await, []);
        assert_eq!(
            session.value("ReadResource", &pool).await,
            [],
            "a pool that does not exist is read as gone"
        );
    }
    session.call("Stop", Vec::new()).await.unwrap();
    let diagnostics = session.value("ReadResource", &pool).await;
    assert!(is_error(&diagnostics), "a stopped provider reads nothing");
    // A provider block that is refused leaves nothing of the one before.
    let wrong = with(&nothing, &[("environment", Value::string("nowhere"))]);
    assert!(is_error(&session.value("Configure", &wrong).await));
    assert!(is_error(&session.value("ReadResource", &pool).await));
    let open = with(&nothing, &[("client_id", Value::Unknown)]);
    assert_eq!(session.value("Configure", &open).await, []);
    assert!(
        is_error(&session.value("ReadResource", &pool).await),
        "unknown is not empty"
    );
    assert_eq!(session.value("Configure", &nothing).await, []);
    assert_eq!(session.value("ReadResource", &pool).await, []);
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_do_not_fit_together_are_refused() {
    let session = Session::new().await;
    let pool = Subject::Resource.value();
    let open = with(&pool, &[("id", Value::Unknown)]);
    for (what, prior, proposed, config) in [
        ("a proposed object that nobody wrote", &Value::Null, &pool, &Value::Null),
        ("an update that nobody wrote", &pool, &pool, &Value::Null),
        ("a configuration of nothing", &pool, &Value::Null, &pool),
        ("an unknown state", &open, &pool, &pool),
        ("an unknown state to destroy", &open, &Value::Null, &Value::Null),
        ("a wholly unknown object", &Value::Null, &Value::Unknown, &pool),
        ("a wholly unknown configuration", &Value::Null, &pool, &Value::Unknown),
        ("a wholly unknown state", &Value::Unknown, &pool, &pool),
    ] {
        let reply = planned(&session, prior, proposed, config).await;
        assert!(is_error(&reply.diagnostics), "{what}: {reply:?}");
        assert_eq!(reply.planned_state, None, "{what}");
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_do_not_fit_together_are_refused() {
    let emulator = emulator::start_blocking(Options::default()).unwrap();
    let session = Session::configured(&emulator).await;
    let pool = Subject::Resource.value();
    let open = with(&pool, &[("id", Value::Unknown)]);
    for (what, prior, planned, config) in [
        ("nothing", &Value::Null, &Value::Null, &Value::Null),
        ("nothing from a configuration", &Value::Null, &Value::Null, &pool),
        ("a planned object that nobody wrote", &Value::Null, &pool, &Value::Null),
        ("an update that nobody wrote", &pool, &pool, &Value::Null),
        ("an unknown state", &open, &pool, &pool),
        ("an unknown state to delete", &open, &Value::Null, &Value::Null),
        ("a wholly unknown plan", &Value::Null, &Value::Unknown, &pool),
        ("a wholly unknown state", &Value::Unknown, &Value::Null, &Value::Null),
        ("a wholly unknown configuration", &Value::Null, &pool, &Value::Unknown),
    ] {
        let reply = applied(&session, prior, planned, config).await;
        assert!(is_error(&reply.diagnostics), "{what}: {reply:?}");
    }
    assert!(emulator.requests().is_empty(), "nothing of it is asked of Azure");
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_are_refused() {
    let session = Session::new().await;
    let method = Method::named("ImportResourceState");
    let long = "/".repeat(10 << 20);
    let deep = format!("{}{}", super::REGISTRY, "/agentPools/p".repeat(100_000));
    for id in [
        "",
        " ",
        "/",
        "//",
        "\0",
        "builds",
        super::REGISTRY,
        "/subscriptions/ſ/é",
        "\"}",
        "…",
        "%2F..%2F",
        &long,
        &deep,
    ] {
        let request = wire::import_resource_state::Request {
            type_name: POOL.into(),
            id: id.into(),
            ..Default::default()
        };
        let what: String = id.chars().take(40).collect();
        let diagnostics = session.diagnose(method, request.encode_to_vec(), &what).await;
        assert!(is_error(&diagnostics), "{what}");
        assert!(diagnostics.iter().all(|it| it.detail.len() < 20_000), "{what}");
    }
    session.assert_alive().await;
}
