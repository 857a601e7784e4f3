//! From the body of a failed answer to an [`Error`]: ARM's envelope if it is one, else what can be told of it.

use serde::Deserialize;
use serde_json::Value;

use super::error::{ArmError, Error, NotArm, RequestLine, ServiceError};
use super::mask::mask_urls;

/// How much of a body that is not ARM's is shown, in characters: enough to recognise a proxy's page.
const SNIPPET_MAX: usize = 200;

/// Where the title of a web page begins.
const TITLE: &str = "<title>";

/// How deep nested `details` and `innererror`s are read; ARM nests two or three levels.
const DETAIL_DEPTH_MAX: usize = 8;

/// A failed answer before it is known what it is.
pub(super) struct FailedAnswer<'a> {
    pub status: u16,
    pub body: &'a [u8],
    pub correlation_id: String,
    pub request_id: Option<String>,
    pub request: RequestLine,
    pub after_unclear_attempt: bool,
}

impl Error {
    /// The failed answer `body` of `status`, read as ARM's envelope if it is one.
    pub(super) fn from_answer(answer: FailedAnswer<'_>) -> Self {
        match parse_envelope(answer.body) {
            Some(body) => Self::Arm(Box::new(ArmError {
                status: answer.status,
                body,
                correlation_id: answer.correlation_id,
                request_id: answer.request_id,
                request: answer.request,
                after_unclear_attempt: answer.after_unclear_attempt,
            })),
            None => Self::NotArm(Box::new(NotArm {
                status: answer.status,
                problem: parse_problem(answer.body).is_some(),
                snippet: parse_problem(answer.body).unwrap_or_else(|| snippet(answer.body)),
                correlation_id: answer.correlation_id,
                request: answer.request,
                after_unclear_attempt: answer.after_unclear_attempt,
            })),
        }
    }
}

/// The refusal of a blob's service, which writes its code into a header and XML, if anything, into the body.
pub(super) fn blob_refusal(
    request: RequestLine,
    status: u16,
    code: Option<&str>,
    request_id: Option<&str>,
    body: &[u8],
) -> Error {
    let text = String::from_utf8_lossy(body);
    let inside = |tag: &str| {
        let (_, after) = text.split_once(&format!("<{tag}>"))?;
        Some(after.split_once('<')?.0.lines().next()?.trim().to_string())
    };
    let code = code.map(str::to_string).or_else(|| inside("Code"));
    // Only the first line: the others repeat the request's id and the time.
    let said = match (&code, inside("Message")) {
        (Some(code), Some(message)) => format!("{code}: {}", mask_urls(&message)),
        (Some(code), None) => code.clone(),
        (None, _) => snippet(body),
    };
    Error::NotArm(Box::new(NotArm {
        status,
        problem: code.is_some(),
        snippet: said,
        correlation_id: request_id.unwrap_or("unknown").to_string(),
        request,
        after_unclear_attempt: false,
    }))
}

impl ServiceError {
    /// Reads an `error` object of an operation's status body. `None` when it holds neither code nor message.
    pub fn from_json(value: &Value) -> Option<Self> {
        serde_json::from_value::<WireError>(value.clone()).ok()?.into_error(0)
    }
}

/// The envelope's inside as it comes; every member may be missing or null. Owned strings: borrowed ones fail on escapes.
#[derive(Deserialize)]
struct WireError {
    code: Option<Value>,
    message: Option<String>,
    target: Option<String>,
    details: Option<Value>,
    innererror: Option<Value>,
}

impl WireError {
    fn into_error(self, depth: usize) -> Option<ServiceError> {
        // Some services write the code as a number.
        let code = match self.code {
            Some(Value::String(code)) => code,
            Some(Value::Number(code)) => code.to_string(),
            _ => String::new(),
        };
        let message = self.message.unwrap_or_default();
        if code.is_empty() && message.is_empty() {
            return None;
        }
        let mut nested = match self.details {
            Some(Value::Array(details)) => details,
            _ => Vec::new(),
        };
        nested.extend(self.innererror);
        let details = if depth < DETAIL_DEPTH_MAX {
            let read = |value| serde_json::from_value::<Self>(value).ok()?.into_error(depth + 1);
            nested.into_iter().filter_map(read).collect()
        } else {
            Vec::new()
        };
        Some(ServiceError {
            code,
            // A carriage return would overwrite the line on a terminal.
            message: mask_urls(&message.replace("\r\n", "\n")),
            target: self.target.filter(|target| !target.is_empty()),
            details,
        })
    }
}

/// ARM's envelope `{"error":{…}}`, or the bare object that a few gateways send. An error without a code is not ARM's.
fn parse_envelope(body: &[u8]) -> Option<ServiceError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error").unwrap_or(&value);
    ServiceError::from_json(error).filter(|error| !error.code.is_empty())
}

/// What can be told of a body that is not ARM's.
pub(super) fn snippet(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "null" {
        return "an empty body".to_string();
    }
    if trimmed.starts_with('<') {
        let lower = trimmed.to_ascii_lowercase();
        let title = lower
            .find(TITLE)
            .zip(lower.find("</title>"))
            .filter(|(open, close)| open < close);
        return match title {
            Some((open, close)) => format!(
                "a web page titled \"{}\"",
                shorten(&mask_urls(trimmed[open + TITLE.len()..close].trim()))
            ),
            None => "a web page".to_string(),
        };
    }
    shorten(&mask_urls(trimmed))
}

/// A problem document as ASP.NET services write it (`title`, `detail`, `errors` by field, a trace id), or another error object
/// that holds one sentence for humans. Parts of Azure's own registry service answer like this.
fn parse_problem(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    let member = |name: &str| {
        problem
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let mut text = match (member("title"), member("detail")) {
        (Some(title), Some(detail)) => format!("{title} {detail}"),
        (title, detail) => detail
            .or(title)
            .or(member("error_description"))
            .or(member("message"))?
            .to_string(),
    };
    for (field, faults) in problem.get("errors").and_then(Value::as_object).into_iter().flatten() {
        let faults: Vec<&str> = match faults {
            Value::Array(faults) => faults.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        text = format!("{text} {field}: {}", faults.join(" "));
    }
    let trace = member("traceId").or_else(|| problem.pointer("/extensions/traceId")?.as_str());
    let trace = trace.map(|id| format!(" (trace id {id})")).unwrap_or_default();
    Some(shorten(&mask_urls(&text)) + &trace)
}

fn shorten(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(SNIPPET_MAX) {
        Some((at, _)) => format!("{}…", &one_line[..at]),
        None => one_line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::refusal as answer;

    /// The whole sentence that a user reads, for every kind of failed answer.
    #[test]
    fn golden_texts() {
        let arm = |text: &str| format!("PUT /p: HTTP 409: {text} (correlation id c-1, request id r-1)");
        let other = |text: &str| {
            format!(
                "PUT /p: HTTP 409 without an Azure error: {text} (correlation id c-1); a proxy or gateway may have answered"
            )
        };
        let problem = |text: &str| format!("PUT /p: HTTP 409: {text} (correlation id c-1)");
        let cases = [
            // The resource provider's envelope, with everything in it. The code survives escapes.
            (
                r#"{"error":{"code":"RegistryStatusConflict","message":"The \"pool\"\r\nis busy.","target":"request",
                    "details":[{"code":"Inner","message":null,"target":null}],"additionalInfo":[{"x":1}]}}"#,
                arm("RegistryStatusConflict: The \"pool\"\nis busy. (target request); Inner"),
            ),
            // The gateway's, with code and message only.
            (
                r#"{"error":{"code":"ResourceNotFound","message":"It was not found."}}"#,
                arm("ResourceNotFound: It was not found."),
            ),
            // Nested details and an inner error.
            (
                r#"{"error":{"code":"A","message":"a","details":[{"code":"B","message":"b","details":[{"code":"C","message":"c"}]}],
                    "innererror":{"code":"D","message":"d","innererror":{"code":"E"}}}}"#,
                arm("A: a; B: b; C: c; D: d; E"),
            ),
            // A code that is a number, a message that is missing, an envelope without the outer object.
            (r#"{"error":{"code":42}}"#, arm("42")),
            (r#"{"code":"Bare","message":"no envelope"}"#, arm("Bare: no envelope")),
            // Signatures in messages do not pass.
            (
                r#"{"error":{"code":"A","message":"see https://h.example/x?sig=hush"}}"#,
                arm("A: see https://h.example/x?…"),
            ),
            // ASP.NET's problem documents.
            (
                r#"{"errors":{"Type":["The Type field is required."],"Sku":["Bad.","Worse."]},"type":"https://t.example/1",
                    "title":"One or more validation errors occurred.","status":400,"extensions":{"traceId":"00-1"}}"#,
                problem(
                    "One or more validation errors occurred. Sku: Bad. Worse. Type: The Type field is required. (trace id 00-1)",
                ),
            ),
            (
                r#"{"title":"Conflict.","detail":"Try later.","traceId":"00-2"}"#,
                problem("Conflict. Try later. (trace id 00-2)"),
            ),
            (r#"{"message":"just this"}"#, problem("just this")),
            // An error without a code, and bodies that are no errors at all.
            (
                r#"{"error":{"message":"no code"}}"#,
                other(r#"{"error":{"message":"no code"}}"#),
            ),
            (r#"{"status":"Creating"}"#, other(r#"{"status":"Creating"}"#)),
            // Gateways and proxies.
            ("", other("an empty body")),
            ("null", other("an empty body")),
            (
                "<html><head><title>502 Bad\n Gateway</title></head>",
                other("a web page titled \"502 Bad Gateway\""),
            ),
            ("<html>oops", other("a web page")),
            ("upstream connect error", other("upstream connect error")),
            ("see https://h.example/x?sig=hush", other("see https://h.example/x?…")),
        ];
        for (body, want) in cases {
            assert_eq!(answer(409, body).to_string(), want, "{body}");
        }
        let Error::NotArm(long) = answer(502, &"x".repeat(5000)) else {
            panic!()
        };
        assert_eq!(long.snippet.chars().count(), SNIPPET_MAX + 1);
    }

    #[test]
    fn what_is_read_of_an_envelope() {
        let error = answer(
            409,
            r#"{"error":{"code":"Outer","message":"m","details":[{"code":"Inner"}]}}"#,
        );
        assert_eq!((error.code(), error.codes()), (Some("Outer"), vec!["Outer", "Inner"]));
        assert!(!error.is_gone() && !error.may_have_been_accepted());
    }
}
