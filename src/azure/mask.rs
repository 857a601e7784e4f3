//! Takes out of a text what must never be read by others: query strings (signatures) and the bodies' secrets.

use serde_json::Value;

/// What stands where something was taken out.
pub const MASKED: &str = "…";

/// Names of JSON members whose value is a secret or a signed URL, in lower case. From the Tasks API's definitions:
/// tokens, passwords, secret arguments' `value`, and links that carry a signature.
const SECRET_MEMBERS: &[&str] = &[
    "value",
    "token",
    "refreshtoken",
    "password",
    "contextaccesstoken",
    "updatetriggertoken",
    "updatetriggerendpoint",
    "encodedvaluescontent",
    "uploadurl",
    "loglink",
    "logartifactlink",
    "access_token",
    "client_secret",
];

/// `text` with the user info, query and fragment of each URL in it replaced by an ellipsis.
pub fn mask_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        out.push_str(before);
        let end = after.find(ends_a_url).unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        out.push_str(&mask_one(url));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// A URL without its query, for logs and messages: origin and path.
pub fn without_query(url: &azure_core::http::Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// A JSON body fit for a log: secrets replaced, URLs without queries. What is no JSON is not shown at all.
pub fn mask_body(body: &[u8]) -> String {
    if body.is_empty() {
        return String::from("(empty)");
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            mask_value(&mut value);
            value.to_string()
        }
        Err(_) => format!("({} bytes, not JSON)", body.len()),
    }
}

fn ends_a_url(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '<' | '>' | ')' | ']' | '}' | ',' | '`')
}

fn mask_one(url: &str) -> String {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, path) = url.split_at(authority_end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority.to_string(), |(_, host)| format!("{MASKED}@{host}"));
    match path.find(['?', '#']) {
        Some(at) => format!("{host}{}?{MASKED}", &path[..at]),
        None => format!("{host}{path}"),
    }
}

fn mask_value(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                // `value` is a secret inside an argument, but the list itself in a page of results.
                let secret = SECRET_MEMBERS.contains(&name.to_lowercase().as_str());
                if secret && !member.is_array() && !member.is_object() && !member.is_null() {
                    *member = Value::from(MASKED);
                } else {
                    mask_value(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_value),
        Value::String(text) => *text = mask_urls(text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_query_and_user_info() {
        let cases = [
            ("no url here?really", "no url here?really"),
            ("for url (https://h.example/a?sig=x)", "for url (https://h.example/a?…)"),
            (
                "https://u:p@h.example/a#t and https://b/?c=d.",
                "https://…@h.example/a?… and https://b/?…",
            ),
            ("https://h.example:8443", "https://h.example:8443"),
        ];
        for (text, want) in cases {
            assert_eq!(mask_urls(text), want);
        }
    }

    #[test]
    fn bodies_lose_secrets() {
        let body = br#"{"value":[{"name":"A","value":"hush"},{"token":"hush","link":"https://b/x?sig=hush"}],"password":{"value":"hush","type":"Opaque"}}"#;
        let shown = mask_body(body);
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("\"name\":\"A\"") && shown.contains("Opaque"), "{shown}");
        assert_eq!(mask_body(b"<html>hush"), "(10 bytes, not JSON)");
        assert_eq!(mask_body(b""), "(empty)");
    }
}
