//! Many calls at once, and a client that goes away.

use std::time::{Duration, Instant};

use prost::Message;
use terraform_provider_acr::{
    emulator::{self, Emulator, Options},
    framework::{Value, msgpack},
    protocol::wire::apply_resource_change,
};
use tonic::codegen::{Service, http};

use super::{METHODS, PLAIN, POOL, Session, Subject, call, packed, with};
use crate::plugin_process::HANG;

/// More than Terraform ever sends at once, which is ten by default.
const AT_ONCE: usize = 200;

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + HANG;
    while !holds() {
        assert!(Instant::now() < end, "never seen: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn pool_exists(emulator: &Emulator) -> bool {
    emulator.live_ids().iter().any(|id| id.ends_with("/agentPools/builds"))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_are_all_answered() {
    let session = Session::new().await;
    let requests = METHODS.iter().map(|method| {
        let bytes = msgpack::encode(&method.subject.ty(), &method.subject.value());
        (method.name, (method.request)(POOL, Some(packed(bytes))))
    });
    let requests: Vec<_> = requests.chain(PLAIN.map(|name| (name, Vec::new()))).collect();
    let calls = (0..AT_ONCE).map(|number| {
        let (channel, (name, request)) = (session.channel.clone(), requests[number % requests.len()].clone());
        tokio::spawn(async move { (name, call(&channel, name, request).await) })
    });
    for answered in calls.collect::<Vec<_>>() {
        let (name, reply) = answered.await.unwrap();
        assert!(reply.is_ok(), "{name}: {reply:?}");
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_stops_no_operation() {
    let options = Options {
        provisioning: Duration::from_secs(3_600),
        retry_after: Duration::from_secs(1),
        ..Options::default()
    };
    let emulator = emulator::start_blocking(options).unwrap();
    let session = Session::configured(&emulator).await;
    let pool = with(
        &Subject::Resource.value(),
        &[("instance_count", Value::integer(1)), ("tier", Value::string("S1"))],
    );
    let value = Some(packed(msgpack::encode(&Subject::Resource.ty(), &pool)));
    let request = apply_resource_change::Request {
        type_name: POOL.into(),
        planned_state: value.clone(),
        config: value,
        ..apply_resource_change::Request::default()
    };
    let channel = session.process.connect().await;
    let applying = tokio::spawn(async move { call(&channel, "ApplyResourceChange", request.encode_to_vec()).await });
    until("the create", || pool_exists(&emulator)).await;
    // The connection goes with the task.
    applying.abort();
    assert!(applying.await.unwrap_err().is_cancelled());
    session.assert_alive().await;
    // The provider is still waiting for the pool, and sees it finished.
    emulator.clear_requests();
    until("a poll", || !emulator.requests().is_empty()).await;
    emulator.advance(Duration::from_secs(7_200));
    let is_pool_read = |it: &emulator::JournalEntry| it.method == "GET" && it.path.ends_with("/agentPools/builds");
    until("the finished pool read", || {
        emulator.requests().iter().any(is_pool_read)
    })
    .await;
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_up_at_once_do_no_harm() {
    let session = Session::new().await;
    let method = super::Method::named("PlanResourceChange");
    let pool = with(
        &Subject::Resource.value(),
        &[("name", Value::string("x".repeat(1 << 20)))],
    );
    let request = (method.request)(POOL, Some(packed(msgpack::encode(&method.subject.ty(), &pool))));
    for _ in 0..50 {
        let channel = session.process.connect().await;
        let request = request.clone();
        let calling = tokio::spawn(async move { call(&channel, "PlanResourceChange", request).await });
        tokio::task::yield_now().await;
        calling.abort();
        // Whether it was in time does not matter.
        let _ = calling.await;
    }
    session.assert_alive().await;
}

/// A call whose body is no sequence of gRPC frames, or one of wrong frames. The status, if the server gave one.
async fn framed(channel: &tonic::transport::Channel, body: &[u8]) -> Option<String> {
    let request = http::Request::post("http://localhost/tfplugin5.Provider/ReadResource")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(axum::body::Body::from(body.to_vec())))
        .unwrap();
    let mut channel = channel.clone();
    std::future::poll_fn(|context| channel.poll_ready(context))
        .await
        .unwrap();
    let response = channel.call(request).await.ok()?;
    let status = response.headers().get("grpc-status")?;
    Some(status.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_lie_end_in_a_status() {
    let session = Session::new().await;
    for (what, body) in [
        ("nothing", &b""[..]),
        ("half a length", b"\0\0"),
        ("a length without a message", b"\0\0\0\0\x09"),
        ("4 GB announced", b"\0\xff\xff\xff\xffx"),
        ("256 MB announced", b"\0\x10\0\0\0x"),
        ("compression that was not agreed", b"\x01\0\0\0\x01x"),
        ("a flag that means nothing", b"\x07\0\0\0\x01x"),
    ] {
        let status = framed(&session.channel, body).await;
        assert!(status.as_ref().is_some_and(|it| it != "0"), "{what}: {status:?}");
    }
    session.assert_alive().await;
}
