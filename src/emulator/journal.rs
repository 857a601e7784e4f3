//! The journal: who asked what. Never a token, a signature or a secret.

use serde::Serialize;
use serde_json::{Map, Value};

use super::query::Query;

/// What stands in the place of a secret.
pub(super) const MASK: &str = "<masked>";
/// Entries kept; the oldest go first, so that a long demo does not eat the memory.
const CAPACITY: usize = 100_000;
/// Members of bodies and forms whose values are secrets, in lower case.
const SECRET_MEMBERS: [&str; 12] = [
    "client_secret",
    "client_assertion",
    "clientsecret",
    "secret",
    "password",
    "token",
    "accesstoken",
    "access_token",
    "refreshtoken",
    "contextaccesstoken",
    "updatetriggerendpoint",
    "sig",
];
/// Query parameters of signed polling URLs and of blob URLs that carry the signature.
const SIGNATURE_PARAMETERS: [&str; 5] = ["c", "s", "h", "sig", "code"];

/// One request to Entra ID or ARM.
#[derive(Clone, Debug, Serialize)]
pub struct JournalEntry {
    /// Counts from 1 since the start or the last reset.
    pub sequence: u64,
    /// When, RFC 3339 on the emulator's clock.
    pub time: String,
    /// The HTTP method.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query, decoded, signatures masked.
    pub query: String,
    /// The `api-version`, if one was sent.
    pub api_version: Option<String>,
    /// The name of the identity (`full`, `reader`, `no-subnet-read`), if the token was good.
    pub identity: Option<String>,
    /// The status answered; nothing when a fault reset the connection.
    pub status: Option<u16>,
    /// The body, secrets masked: JSON, or an object of the form's members.
    pub request_body: Option<Value>,
    /// `x-ms-correlation-request-id` as sent.
    pub correlation_id: Option<String>,
    /// `User-Agent` as sent.
    pub user_agent: Option<String>,
    /// With what somebody signed in by this request: `client secret`, `certificate`, `federated token`, `managed identity`.
    pub sign_in: Option<&'static str>,
    /// The tenants whose tokens came along in `x-ms-authorization-auxiliary`.
    pub auxiliary_tenants: Vec<String>,
    /// Whether an `Authorization` header came along. Storage takes none beside a signature in the URL.
    pub authorization: bool,
}

/// The entries, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: std::collections::VecDeque<JournalEntry>,
    next: u64,
}

impl Journal {
    /// Adds an entry and numbers it.
    pub(super) fn record(&mut self, mut entry: JournalEntry) {
        self.next += 1;
        entry.sequence = self.next;
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// All entries, oldest first.
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.entries.iter().cloned().collect()
    }

    /// Forgets everything; numbers start over.
    pub(super) fn clear(&mut self) {
        *self = Journal::default();
    }
}

/// The query without signatures.
pub(super) fn masked_query(query: &Query) -> String {
    query.masked(|name| SIGNATURE_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) || is_secret(name))
}

/// The body without secrets. What is neither JSON nor a form is described by its size only.
pub(super) fn masked_body(content_type: &str, body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let form = Query::parse(&String::from_utf8_lossy(body)).masked(is_secret);
        return Some(Value::String(form));
    }
    let value = serde_json::from_slice(body).map(masked_value);
    Some(value.unwrap_or_else(|_| Value::String(format!("<{} bytes that are no JSON>", body.len()))))
}

fn masked_value(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(masked_value).collect(),
        Value::Object(members) => Value::Object(masked_members(members)),
        Value::String(text) => Value::String(masked_url(text)),
        scalar => scalar,
    }
}

/// A source that carries its own token: before the host of a repository, or as the signature of an archive.
fn masked_url(text: String) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = match authority.rsplit_once('@') {
        Some((user_info, _)) => format!("{MASK}{}", &rest[user_info.len()..]),
        None => rest.to_owned(),
    };
    let (place, query) = rest
        .split_once('?')
        .map_or((rest.as_str(), None), |(place, query)| (place, Some(query)));
    match query.map(Query::parse) {
        Some(query) => format!("{scheme}://{place}?{}", masked_query(&query)),
        None => format!("{scheme}://{place}"),
    }
}

fn masked_members(members: Map<String, Value>) -> Map<String, Value> {
    // ACR's `{name, value, isSecret: true}` and `{type: Opaque, value}` carry secrets under an innocent name; the type may
    // be left out.
    let typed = members.contains_key("type") || members.len() == 1;
    let holds_secret = members.get("isSecret") == Some(&Value::Bool(true)) || typed;
    let masked = members.into_iter().map(|(name, value)| {
        let hide = is_secret(&name) || (holds_secret && name == "value");
        let hide = hide && !value.is_object();
        let value = if hide {
            Value::String(MASK.into())
        } else {
            masked_value(value)
        };
        (name, value)
    });
    masked.collect()
}

fn is_secret(name: &str) -> bool {
    SECRET_MEMBERS.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_keep_what_is_harmless_and_lose_what_is_secret() {
        let body = br#"{"a":{"password":{"type":"Opaque","value":"hush"},"token":"hush","name":"plain"},
            "c":{"userName":{"value":"hush"},"password":{"value":"hush"}},"step":{"type":"Docker","contextAccessToken":"hush"},
            "arguments":[{"name":"n","value":"hush","isSecret":true},{"name":"n","value":"plain","isSecret":false}]}"#;
        let text = masked_body("application/json", body).unwrap().to_string();
        assert!(!text.contains("hush") && text.matches("plain").count() == 2, "{text}");
        for (url, shown) in [
            (
                "https://hush@git.example/a.git#main",
                "https://<masked>@git.example/a.git#main",
            ),
            (
                "https://me:hush@git.example/a.git",
                "https://<masked>@git.example/a.git",
            ),
            (
                "https://blobs.example/a.tar.gz?sv=1&sig=hush",
                "https://blobs.example/a.tar.gz?sv=1&sig=<masked>",
            ),
            ("https://git.example/a@b.git", "https://git.example/a@b.git"),
        ] {
            assert_eq!(masked_url(url.to_owned()), shown);
        }
        let form = masked_body(
            "application/x-www-form-urlencoded; charset=utf-8",
            b"client_id=plain&client_secret=hush",
        );
        let text = form.unwrap().to_string();
        assert!(!text.contains("hush") && text.contains("plain"), "{text}");
        let other = masked_body("text/plain", b"hush").unwrap().to_string();
        assert!(!other.contains("hush"), "{other}");
    }

    #[test]
    fn signatures_of_polling_urls_are_masked() {
        let query = masked_query(&Query::parse("api-version=1&t=5&c=hush&s=hush&h=hush"));
        assert!(!query.contains("hush") && query.contains("t=5"), "{query}");
    }
}
