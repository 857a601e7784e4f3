//! Messages and values that are none.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use terraform_provider_acr::{
    emulator::{self, Options},
    framework::{Type, Value, msgpack},
    protocol::wire::DynamicValue,
};
use tonic::Code;

use super::{CALLS, METHODS, Method, NOT_OFFERED, PLAIN, POOL, Session, Subject, is_error, json, packed};

/// Random messages for each call; a failure repeats, because the generator is seeded.
const ROUNDS: usize = 100;

/// As long as a value that no person wrote.
pub(super) const LONG: usize = 10 << 20;

/// So deep that a reader that nests overflows its stack.
const DEEP: usize = 500_000;

/// A value, what it is, and whether it must be refused by all that take values.
struct Case {
    what: String,
    value: DynamicValue,
    refused: bool,
}

pub(super) fn text(text: &str) -> Vec<u8> {
    msgpack::encode(&Type::String, &Value::string(text))
}

/// The object with one member written by hand.
fn with_member(ty: &Type, object: &Value, member: &str, raw: &[u8]) -> Vec<u8> {
    let Type::Object(types) = ty else { unreachable!() };
    let mut bytes = vec![0xde];
    bytes.extend(u16::try_from(types.len()).unwrap().to_be_bytes());
    for (name, ty) in types {
        bytes.extend(text(name));
        bytes.extend(if name == member {
            raw.to_vec()
        } else {
            msgpack::encode(ty, object.member(name))
        });
    }
    bytes
}

/// Bytes that are no object whatever its type is.
pub(super) fn no_objects() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("unknown", b"\xd4\x00\x00".to_vec()),
        (
            "unknown with a refinement",
            b"\xc7\x07\x0c\x82\x01\xc2\x02\xa2a-".to_vec(),
        ),
        (
            "an extension longer than the message",
            b"\xc9\xff\xff\xff\xff\x00".to_vec(),
        ),
        ("a bool", b"\xc3".to_vec()),
        ("a number", b"\x05".to_vec()),
        ("text", b"\xa1x".to_vec()),
        ("a marker that means nothing", b"\xc1".to_vec()),
        ("an empty list", b"\x90".to_vec()),
        ("an empty object", b"\x80".to_vec()),
        ("an object of 4 G members", b"\xdf\xff\xff\xff\xff".to_vec()),
        ("an object with a member that nobody has", b"\x81\xa1?\xc0".to_vec()),
        (
            "an object whose member's name has 4 GB",
            b"\x81\xdb\xff\xff\xff\xffx".to_vec(),
        ),
        (
            "an object whose member's name is long",
            [&b"\x81"[..], &text(&"x".repeat(LONG)), b"\xc0"].concat(),
        ),
        ("an object whose member's name is a number", b"\x81\x05\xc0".to_vec()),
        (
            "an object whose member's name is no UTF-8",
            b"\x81\xa2\xff\xfe\xc0".to_vec(),
        ),
        ("a list of 4 G elements", b"\xdd\xff\xff\xff\xff".to_vec()),
        ("4 GB of text", b"\xdb\xff\xff\xff\xff".to_vec()),
        ("4 GB of bytes", b"\xc6\xff\xff\xff\xff".to_vec()),
        ("lists in lists", b"\x91".repeat(DEEP)),
        ("objects in objects", b"\x81\xa1a".repeat(DEEP)),
        ("any type in any type", b"\x92\xc4\x09\"dynamic\"".repeat(DEEP)),
        ("nulls", b"\xc0".repeat(LONG)),
    ]
}

/// JSON that is no object whatever its type is.
pub(super) fn no_json_objects() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("text that is no JSON", b"{".to_vec()),
        ("a JSON list", b"[]".to_vec()),
        ("a JSON number", b"1e999999999".to_vec()),
        ("a JSON string", b"\"x\"".to_vec()),
        ("bytes that are no UTF-8", b"{\"\xff\":1}".to_vec()),
        ("JSON with a member that nobody has", b"{\"?\":1}".to_vec()),
        ("JSON lists in lists", b"[".repeat(DEEP)),
        (
            "JSON lists in lists that end",
            [b"[".repeat(DEEP), b"]".repeat(DEEP)].concat(),
        ),
        ("JSON objects in objects", b"{\"name\":".repeat(DEEP)),
        ("a JSON null", b"null".to_vec()),
    ]
}

fn cases(method: &Method) -> Vec<Case> {
    let (ty, good) = (method.subject.ty(), method.subject.value());
    let bytes = msgpack::encode(&ty, &good);
    let mut cases: Vec<Case> = no_objects()
        .into_iter()
        .map(|(what, bytes)| Case {
            what: what.into(),
            value: packed(bytes),
            refused: true,
        })
        .collect();
    cases.extend(no_json_objects().into_iter().map(|(what, text)| Case {
        // A plan from nothing to nothing is odd, but no plan can be wrong about it.
        refused: what != "a JSON null" || method.name != "PlanResourceChange",
        what: what.into(),
        value: json(text),
    }));
    cases.extend((1..bytes.len()).map(|length| Case {
        what: format!("the first {length} bytes of a value"),
        value: packed(&bytes[..length]),
        refused: true,
    }));
    cases.push(Case {
        what: "a value and one byte".into(),
        value: packed([&bytes[..], b"\xc0"].concat()),
        refused: true,
    });
    let Type::Object(types) = &ty else { unreachable!() };
    for (name, member) in types {
        for (kind, raw) in members() {
            // Unknown is no state; what the member's type cannot be is nothing at all. 10 MB of text is only odd.
            let refused = (kind == "unknown" && method.needs_known()) || msgpack::decode(member, &raw).is_err();
            let value = packed(with_member(&ty, &good, name, &raw));
            cases.push(Case {
                what: format!("{name} = {kind}"),
                value,
                refused,
            });
        }
    }
    cases
}

pub(super) fn members() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("unknown", b"\xd4\x00\x00".to_vec()),
        ("null", b"\xc0".to_vec()),
        ("true", b"\xc3".to_vec()),
        ("-1", b"\xff".to_vec()),
        ("2^64-1", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ("infinity", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00".to_vec()),
        ("not a number", b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00".to_vec()),
        ("the smallest float", b"\xcb\x00\x00\x00\x00\x00\x00\x00\x01".to_vec()),
        ("1e999999999", text("1e999999999")),
        ("1e-9223372036854775808", text("1e-9223372036854775808")),
        ("0.1e9223372036854775807", text("0.1e9223372036854775807")),
        ("no text", text("")),
        ("a NUL", text("\0")),
        ("no UTF-8", b"\xa2\xff\xfe".to_vec()),
        ("letters beyond ASCII", text("ſ/éé/ẞ/\u{202e}/🦀")),
        ("bytes", b"\xc4\x01x".to_vec()),
        ("a list", b"\x91\xc0".to_vec()),
        ("an empty object", b"\x80".to_vec()),
        ("a value with its type", b"\x92\xc4\x08\"string\"\xa1x".to_vec()),
    ]
}

/// `configure` is sent before each call's turn, because garbage has gone to Configure too.
async fn assert_refusals(session: &Session, configure: bool) {
    for method in METHODS.iter().filter(|it| it.takes_values()) {
        if configure {
            assert_eq!(session.value("Configure", &Subject::Provider.value()).await, []);
        }
        for Case { what, value, refused } in cases(method) {
            let diagnostics = session
                .diagnose(method, (method.request)(POOL, Some(value)), &what)
                .await;
            assert!(!refused || is_error(&diagnostics), "{} takes {what}", method.name);
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_none_are_refused() {
    assert_refusals(&Session::new().await, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_provider_refuses_them_too() {
    let emulator = emulator::start_blocking(Options::default()).unwrap();
    let session = Session::configured(&emulator).await;
    assert_refusals(&session, true).await;
    let is_write = |it: &&emulator::JournalEntry| ["PUT", "PATCH", "DELETE"].contains(&it.method.as_str());
    assert_eq!(emulator.requests().iter().find(is_write).map(|it| &it.path), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_values_are_refused_as_null_is() {
    let session = Session::new().await;
    for method in METHODS {
        for (what, value) in [
            ("nothing", None),
            ("an empty value", Some(DynamicValue::default())),
            ("nil", Some(packed(*b"\xc0"))),
        ] {
            let diagnostics = session.diagnose(method, (method.request)(POOL, value), what).await;
            // From nothing to nothing there is nothing to plan.
            assert_eq!(
                is_error(&diagnostics),
                method.name != "PlanResourceChange",
                "{} of {what}",
                method.name
            );
        }
        let diagnostics = session.diagnose(method, Vec::new(), "an empty message").await;
        assert!(is_error(&diagnostics), "{} of an empty message", method.name);
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_no_type_are_refused() {
    let session = Session::new().await;
    for method in METHODS.iter().filter(|it| it.subject != Subject::Provider) {
        for name in [
            "",
            "acr_agent_pool ",
            "ACR_AGENT_POOL",
            "acr_agent_pool\0",
            "\u{202e}",
            &"x".repeat(LONG),
        ] {
            let diagnostics = session
                .diagnose(method, (method.request)(name, None), name.get(..20).unwrap_or(name))
                .await;
            let [diagnostic] = &diagnostics[..] else {
                panic!("{}: {diagnostics:?}", method.name)
            };
            assert!(
                diagnostic.summary.starts_with("Unknown "),
                "{}: {diagnostic:?}",
                method.name
            );
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_are_answered_shortly() {
    let session = Session::new().await;
    // Ten times as long for one of them only: an unoptimised provider takes half a second to look at it.
    let (long, longest) = (text(&"9".repeat(LONG / 10)), text(&"9".repeat(LONG)));
    for method in METHODS.iter().filter(|it| it.takes_values()) {
        let (ty, good) = (method.subject.ty(), method.subject.value());
        let Type::Object(types) = &ty else { unreachable!() };
        for name in types.keys() {
            let raw = if name == "name" { &longest } else { &long };
            let request = (method.request)(POOL, Some(packed(with_member(&ty, &good, name, raw))));
            for diagnostic in session.diagnose(method, request, name).await {
                assert!(
                    diagnostic.detail.len() < 20_000,
                    "{} answers {} bytes",
                    method.name,
                    diagnostic.detail.len()
                );
            }
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_values_get_an_answer() {
    let session = Session::new().await;
    let mut random = TestRunner::deterministic();
    for method in METHODS {
        let bytes = msgpack::encode(&method.subject.ty(), &method.subject.value());
        for _ in 0..ROUNDS {
            let noise = prop::collection::vec(any::<u8>(), 1..200)
                .new_tree(&mut random)
                .unwrap()
                .current();
            let (at, byte) = (0..bytes.len(), any::<u8>()).new_tree(&mut random).unwrap().current();
            let mut changed = bytes.clone();
            changed[at] = byte;
            for value in [packed(noise.clone()), json(noise.clone()), packed(changed)] {
                let what = format!("{value:?}");
                session
                    .diagnose(method, (method.request)(POOL, Some(value)), &what)
                    .await;
            }
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_no_protocol_buffers_end_in_a_status() {
    let session = Session::new().await;
    let mut random = TestRunner::deterministic();
    let names = METHODS
        .iter()
        .map(|it| it.name)
        .chain(CALLS)
        .chain(PLAIN)
        .chain(NOT_OFFERED);
    for name in names {
        for _ in 0..ROUNDS {
            // Some noise reads as fields that nobody knows, which protocol buffers skip.
            let noise = prop::collection::vec(any::<u8>(), 1..100)
                .new_tree(&mut random)
                .unwrap()
                .current();
            if let Err(status) = session.call(name, noise.clone()).await {
                assert!(
                    [Code::Internal, Code::Unimplemented].contains(&status.code()),
                    "{name} of {noise:?}: {status:?}"
                );
            }
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_limit_ends_in_a_status() {
    let session = Session::new().await;
    let method = Method::named("ReadResource");
    let huge = vec![0xc0; terraform_provider_acr::plugin::MESSAGE_BYTES_MAX + 1];
    let status = session
        .call(method.name, (method.request)(POOL, Some(packed(huge))))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    session.assert_alive().await;
}
