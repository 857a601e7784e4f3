//! Function calls with everything that is no argument: the answer is a result of the promised type, or an error that says which
//! argument is to blame.

use prost::Message;
use terraform_provider_acr::{
    framework::{Type, Value, msgpack},
    protocol::wire::{
        DynamicValue, Function, FunctionError, call_function, get_functions, get_metadata, get_provider_schema,
    },
};

use super::{
    Session,
    garbage::{LONG, members, no_json_objects, no_objects, text},
    json, packed,
};

/// Longest error that anyone reads, in bytes.
const ERROR_BYTES_MAX: usize = 20_000;

/// The signatures, by name.
async fn signatures(session: &Session) -> Vec<(String, Function)> {
    let reply = session.call("GetFunctions", Vec::new()).await.unwrap();
    let reply = get_functions::Response::decode(reply.as_slice()).unwrap();
    assert_eq!(reply.diagnostics, []);
    let mut functions: Vec<_> = reply.functions.into_iter().collect();
    functions.sort_by(|a, b| a.0.cmp(&b.0));
    functions
}

fn ty(json: &[u8]) -> Type {
    Type::parse(std::str::from_utf8(json).unwrap()).unwrap()
}

/// Arguments that each function takes; the last one is variadic where it can be.
fn good(name: &str) -> Vec<DynamicValue> {
    let registry = super::REGISTRY;
    let value = |ty: Type, value: Value| packed(msgpack::encode(&ty, &value));
    let string = |text: &str| value(Type::String, Value::string(text));
    let none = Value::Dynamic(Type::Tuple(Vec::new()), Box::new(Value::List(Vec::new())));
    match name {
        "check_outbound_rules" => vec![value(Type::Dynamic, none.clone()), value(Type::Dynamic, none)],
        "next_runs" => vec![
            string("0 21 * * *"),
            string("2026-01-01T00:00:00Z"),
            value(Type::Number, Value::integer(3)),
        ],
        "parse_agent_pool_id" => vec![string(&format!("{registry}/agentPools/builds"))],
        "parse_task_id" => vec![string(&format!("{registry}/tasks/nightly"))],
        "required_firewall_rules" => vec![
            value(
                Type::list(Type::String),
                Value::List(vec![Value::string("10.0.0.0/24")]),
            ),
            string("mcr"),
        ],
        "required_outbound_rules" => vec![value(Type::Number, Value::integer(100)), string("mcr")],
        "required_routes" => vec![string("mcr")],
        "tier" => vec![string("S1")],
        other => panic!("{other} is new: say here what it takes"),
    }
}

/// Calls; a result is looked at, an error too.
async fn called(
    session: &Session,
    (name, function): &(String, Function),
    arguments: Vec<DynamicValue>,
    what: &str,
) -> Result<Value, FunctionError> {
    let count = arguments.len();
    let request = call_function::Request {
        name: name.clone(),
        arguments,
    };
    let reply = session.call("CallFunction", request.encode_to_vec()).await;
    let reply = reply.unwrap_or_else(|status| panic!("{name} of {what}: {status:?}\n{:?}", session.process));
    match call_function::Response::decode(reply.as_slice()).unwrap() {
        call_function::Response {
            result: Some(result),
            error: None,
        } => {
            let result = msgpack::decode(&ty(&function.r#return.as_ref().unwrap().r#type), &result.msgpack).unwrap();
            assert!(
                !result.is_null() && result.is_wholly_known(),
                "{name} of {what}: {result:?}"
            );
            Ok(result)
        }
        call_function::Response {
            result: None,
            error: Some(error),
        } => {
            let text = &error.text;
            let readable = !text.is_empty() && !text.ends_with('.') && text.len() < ERROR_BYTES_MAX;
            assert!(readable && !text.contains("panicked"), "{name} of {what}: {text}");
            let blames = error
                .function_argument
                .is_none_or(|at| (0..count).contains(&usize::try_from(at).unwrap()));
            assert!(blames, "{name} of {what}: {error:?}");
            Err(error)
        }
        other => panic!("{name} of {what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_the_same_functions() {
    let session = Session::new().await;
    let functions = signatures(&session).await;
    let reply = session.call("GetSchema", Vec::new()).await.unwrap();
    let schema = get_provider_schema::Response::decode(reply.as_slice()).unwrap();
    assert_eq!(schema.functions, functions.iter().cloned().collect());
    let reply = session.call("GetMetadata", Vec::new()).await.unwrap();
    let metadata = get_metadata::Response::decode(reply.as_slice()).unwrap();
    let mut names: Vec<String> = metadata.functions.into_iter().map(|it| it.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        functions.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_nobody_configured_answers() {
    let session = Session::new().await;
    for function in signatures(&session).await {
        let first = called(&session, &function, good(&function.0), "good arguments")
            .await
            .unwrap();
        let second = called(&session, &function, good(&function.0), "good arguments")
            .await
            .unwrap();
        assert_eq!(first, second, "{}", function.0);
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_arguments_is_refused() {
    let session = Session::new().await;
    for function in signatures(&session).await {
        let (name, signature) = &function;
        let fixed = signature.parameters.len();
        for count in 0..fixed {
            let arguments = good(name)[..count].to_vec();
            let error = called(&session, &function, arguments, "too few arguments")
                .await
                .unwrap_err();
            assert!(
                error.text.contains("arguments are expected") && error.function_argument.is_none(),
                "{error:?}"
            );
        }
        let arguments: Vec<DynamicValue> = good(name).into_iter().cycle().take(50).collect();
        let many = called(&session, &function, arguments, "many arguments").await;
        let at = many.map_err(|error| error.function_argument);
        match (fixed, &signature.variadic_parameter) {
            (0, Some(_)) => assert!(at.is_ok(), "{name}: {at:?}"),
            // What a variadic parameter does not take is told at its own place.
            (_, Some(_)) => assert_eq!(at, Err(Some(fixed as i64 + 1)), "{name}"),
            (_, None) => assert_eq!(at, Err(None), "{name}"),
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_none_are_blamed() {
    let session = Session::new().await;
    for function in signatures(&session).await {
        let (name, signature) = &function;
        let arguments = good(name);
        for at in 0..arguments.len() {
            let parameter = signature
                .parameters
                .get(at)
                .or(signature.variadic_parameter.as_ref())
                .unwrap();
            let of = ty(&parameter.r#type);
            let raw = no_objects().into_iter().chain(members()).map(|(what, bytes)| {
                // Null is refused by whoever has no use for it, and unknown by all.
                let decoded = msgpack::decode(&of, &bytes);
                let refused = decoded.map_or(true, |it| {
                    !it.is_wholly_known() || it.is_null() && !parameter.allow_null_value
                });
                (what, packed(bytes), refused)
            });
            let texts = no_json_objects().into_iter().map(|(what, text)| {
                let refused = match what {
                    "a JSON null" => !parameter.allow_null_value,
                    "a JSON list" => of != Type::list(Type::String),
                    "a JSON string" => of != Type::String,
                    _ => true,
                };
                (what, json(text), refused)
            });
            let long = [("10 MB of text", packed(text(&"9".repeat(LONG))), false)];
            for (what, value, refused) in raw.chain(texts).chain(long).collect::<Vec<_>>() {
                let mut arguments = arguments.clone();
                arguments[at] = value;
                let answer = called(&session, &function, arguments, what).await;
                let Err(error) = answer else {
                    assert!(!refused, "{name} takes {what} for {}", parameter.name);
                    continue;
                };
                assert_eq!(error.function_argument, Some(at as i64), "{name}: {what}: {error:?}");
            }
        }
    }
    session.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_null() {
    let session = Session::new().await;
    for function in signatures(&session).await {
        for at in 0..good(&function.0).len() {
            let mut arguments = good(&function.0);
            arguments[at] = DynamicValue::default();
            let answer = called(&session, &function, arguments, "an empty value").await;
            let allowed = function.1.parameters.get(at).is_some_and(|it| it.allow_null_value);
            match answer {
                Ok(_) => assert!(allowed, "{}", function.0),
                Err(error) => assert_eq!(
                    (allowed, error.function_argument, error.text.as_str()),
                    (false, Some(at as i64), "it must not be null"),
                    "{}",
                    function.0
                ),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_no_function_are_refused() {
    let session = Session::new().await;
    let any = ("tier".to_owned(), signatures(&session).await.pop().unwrap().1);
    for name in [
        "",
        "TIER",
        "tier ",
        "acr::tier",
        "tier\0",
        "acr_agent_pool",
        &"x".repeat(LONG),
    ] {
        let function = (name.to_owned(), any.1.clone());
        let error = called(&session, &function, good("tier"), "a name of nothing")
            .await
            .unwrap_err();
        assert!(error.text.starts_with("this provider offers no function "), "{error:?}");
        assert_eq!(error.function_argument, None);
    }
    session.assert_alive().await;
}
