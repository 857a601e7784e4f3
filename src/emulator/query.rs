//! Query strings and form bodies: pairs, decoded, in order.

/// Decoded name and value pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`; `+` is a space, and a broken escape stays as it is.
    pub(super) fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
        });
        Query(pairs.collect())
    }

    /// The first value of a name, compared as ARM does: in any casing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The pairs, with the values of those `secret` names masked.
    pub(super) fn masked(&self, secret: impl Fn(&str) -> bool) -> String {
        let pairs = self.0.iter().map(|(name, value)| {
            if secret(name) {
                format!("{name}={}", super::journal::MASK)
            } else {
                format!("{name}={value}")
            }
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Percent-decodes; what is not valid stays.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_masks() {
        let query = Query::parse("api-version=1&$filter=a%20eq+%27b%27&s=secret&broken=%zz");
        assert_eq!(query.get("API-Version"), Some("1"));
        assert_eq!(query.get("$filter"), Some("a eq 'b'"));
        assert_eq!(query.get("broken"), Some("%zz"));
        let masked = query.masked(|name| name == "s");
        assert!(!masked.contains("secret") && masked.contains("s=<masked>"), "{masked}");
    }
}
