//! A context together with the token that opens it, as a run's request carries it: there is no other field for one.
//!
//! A git repository takes the token as the user in its address, an archive as its query (a signature). The result is a secret
//! through and through.

use std::fmt;

use super::super::run::Secret;
use super::{Context, ContextError, without_prefix};

/// Why a token cannot be put into a context. Repeats neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The context itself cannot be used.
    Context(ContextError),
    /// A token would travel unencrypted, or not at all.
    NotHttps,
    /// An artifact of a registry, which is opened by credentials of that registry.
    Artifact,
    /// There is nothing to open.
    NoSource,
    /// No text, or white space in it.
    Malformed,
}

/// The address with the token in it.
///
/// # Errors
/// When the context takes no token.
pub fn with_token(context: &str, token: &Secret) -> Result<Secret, TokenError> {
    let parsed = Context::parse(context).map_err(TokenError::Context)?;
    let token = token.expose().trim();
    if token.is_empty() || token.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(TokenError::Malformed);
    }
    let rest = match (
        without_prefix(context, "https://"),
        without_prefix(context, "github.com/"),
    ) {
        (Some(rest), _) => rest,
        (None, Some(_)) => context,
        (None, None) => "",
    };
    match parsed {
        Context::Nothing => Err(TokenError::NoSource),
        Context::Artifact => Err(TokenError::Artifact),
        _ if rest.is_empty() => Err(TokenError::NotHttps),
        Context::Git(_) => {
            // A host that wants a user name is given `user:token`.
            let user_info = match token.split_once(':') {
                Some((user, password)) => format!("{}:{}", encoded(user), encoded(password)),
                None => encoded(token),
            };
            Ok(Secret::new(format!("https://{user_info}@{rest}")))
        }
        Context::Archive => {
            let joint = if rest.contains('?') { '&' } else { '?' };
            let query = token.trim_start_matches(['?', '&']);
            Ok(Secret::new(format!("https://{rest}{joint}{query}")))
        }
    }
}

/// The text with everything but unreserved characters as `%` and two digits.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Context(error) => error.fmt(f),
            Self::NotHttps => f.write_str("a token is sent over https only, and this context has another scheme"),
            Self::Artifact => {
                f.write_str("an artifact of a registry is opened by credentials of that registry, not by a token")
            }
            Self::NoSource => f.write_str("there is no source that a token could open"),
            Self::Malformed => f.write_str("the token is empty or has white space in it"),
        }
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(context: &str, token: &str) -> Result<String, TokenError> {
        with_token(context, &Secret::new(token)).map(|place| place.expose().to_owned())
    }

    #[test]
    fn repositories_take_it_as_the_user_and_archives_as_the_query() {
        for (context, token, want) in [
            (
                "https://github.com/contoso/app.git#main:src",
                "ghp_1",
                "https://ghp_1@github.com/contoso/app.git#main:src",
            ),
            (
                "github.com/contoso/app.git",
                "t",
                "https://t@github.com/contoso/app.git",
            ),
            (
                "HTTPS://dev.azure.com/contoso/shop/_git/app",
                "a/b@c",
                "https://a%2Fb%40c@dev.azure.com/contoso/shop/_git/app",
            ),
            ("https://git.contoso.example/app.git", "oauth2:x y", "malformed"),
            (
                "https://git.contoso.example/app.git",
                "oauth2:x:y",
                "https://oauth2:x%3Ay@git.contoso.example/app.git",
            ),
            (
                "https://store.blob.core.windows.net/c/app.tar.gz",
                "?sv=1&sig=a%2Bb",
                "https://store.blob.core.windows.net/c/app.tar.gz?sv=1&sig=a%2Bb",
            ),
            (
                "https://files.contoso.example/app.tar.gz?version=7",
                "key=1",
                "https://files.contoso.example/app.tar.gz?version=7&key=1",
            ),
        ] {
            match with(context, token) {
                Ok(place) => assert_eq!(place, want),
                Err(error) => assert_eq!((error, want), (TokenError::Malformed, "malformed")),
            }
        }
    }

    #[test]
    fn what_takes_no_token_says_so_and_repeats_none() {
        for (context, token, want) in [
            ("http://git.contoso.example/app.git", "hush", TokenError::NotHttps),
            ("git://git.contoso.example/app.git", "hush", TokenError::NotHttps),
            ("git@github.com:contoso/app.git", "hush", TokenError::NotHttps),
            ("oci://contoso.azurecr.io/source:v1", "hush", TokenError::Artifact),
            ("/dev/null", "hush", TokenError::NoSource),
            ("https://github.com/contoso/app.git", "", TokenError::Malformed),
            ("./app", "hush", TokenError::Context(ContextError::Local)),
        ] {
            let error = with(context, token).unwrap_err();
            assert_eq!(error, want, "{context}");
            assert!(!error.to_string().contains("hush"));
        }
    }
}
