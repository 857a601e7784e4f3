//! From the body of a failed answer to an [`Error`]: ARM's envelope if it is one, else what can be told of it.

use serde::Deserialize;
use serde_json::Value;

use super::error::{ArmError, Error, NotArm, RequestLine, ServiceError};
use super::mask::mask_urls;

/// How much of a body that is not ARM's is shown, in characters: enough to recognise a proxy's page.
const SNIPPET_MAX: usize = 200;

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
                snippet: snippet(answer.body),
                correlation_id: answer.correlation_id,
                request: answer.request,
                after_unclear_attempt: answer.after_unclear_attempt,
            })),
        }
    }
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
fn snippet(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "null" {
        return "an empty body".to_string();
    }
    if let Ok(problem) = serde_json::from_str::<Value>(trimmed) {
        let member = |name: &str| {
            problem
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        if let Some(said) = member("detail")
            .or(member("title"))
            .or(member("error_description"))
            .or(member("message"))
        {
            let fields = problem
                .get("errors")
                .map(|errors| format!(" {errors}"))
                .unwrap_or_default();
            return shorten(&mask_urls(&format!("{said}{fields}")));
        }
    }
    if trimmed.starts_with('<') {
        let lower = trimmed.to_ascii_lowercase();
        let title = lower
            .find("<title>")
            .zip(lower.find("</title>"))
            .filter(|(open, close)| open < close);
        return match title {
            Some((open, close)) => format!("a web page titled \"{}\"", shorten(trimmed[open + 7..close].trim())),
            None => "a web page".to_string(),
        };
    }
    shorten(&mask_urls(trimmed))
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
    use crate::azure::retry::Method;

    fn answer(status: u16, body: &str) -> Error {
        Error::from_answer(FailedAnswer {
            status,
            body: body.as_bytes(),
            correlation_id: "c-1".into(),
            request_id: Some("r-1".into()),
            request: RequestLine {
                method: Method::Put,
                path: "/p".into(),
            },
            after_unclear_attempt: false,
        })
    }

    #[test]
    fn the_code_survives_escapes_and_details() {
        let error = answer(
            409,
            r#"{"error":{"code":"RegistryStatusConflict","message":"The \"pool\"\r\nis busy.","target":"request",
                "details":[{"code":"Inner","message":null,"target":null}],"additionalInfo":[{"x":1}]}}"#,
        );
        assert_eq!(error.code(), Some("RegistryStatusConflict"));
        let want = "PUT /p: HTTP 409: RegistryStatusConflict: The \"pool\"\nis busy. (target request); Inner (correlation id c-1, request id r-1)";
        assert_eq!(error.to_string(), want);
        assert!(!error.is_gone() && !error.may_have_been_accepted());
    }

    #[test]
    fn what_is_not_arms_says_so() {
        let cases = [
            ("", "an empty body"),
            ("null", "an empty body"),
            (
                "<html><head><title>502 Bad\n Gateway</title></head>",
                "a web page titled \"502 Bad Gateway\"",
            ),
            ("<html>oops", "a web page"),
            (
                r#"{"title":"One or more validation errors","errors":{"Type":["required"]}}"#,
                r#"One or more validation errors {"Type":["required"]}"#,
            ),
            (r#"{"status":"Creating"}"#, r#"{"status":"Creating"}"#),
            (
                r#"{"error":{"message":"no code"}}"#,
                r#"{"error":{"message":"no code"}}"#,
            ),
            ("see https://h.example/x?sig=hush", "see https://h.example/x?…"),
        ];
        for (body, want) in cases {
            match answer(502, body) {
                Error::NotArm(other) => assert_eq!(other.snippet, want),
                other => panic!("{body}: {other:?}"),
            }
        }
        let Error::NotArm(long) = answer(502, &"x".repeat(5000)) else {
            panic!()
        };
        assert_eq!(long.snippet.chars().count(), SNIPPET_MAX + 1);
    }
}
