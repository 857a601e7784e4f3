//! Images that runs push: names as builds write them, and digests.

use aws_lc_rs::digest::{SHA256, digest};

use super::archives::hex;
use super::json::Json;

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) digest: String,
}

impl Image {
    /// The image that a name means beside a registry. Its digest depends on what it is made of, not on its name, so that
    /// one build under two names is one image.
    pub(super) fn named(name: &str, login_server: &str, content: &str) -> Image {
        let (host, rest) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => (login_server, name),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, tag),
            None => (rest, "latest"),
        };
        Image {
            registry: host.to_ascii_lowercase(),
            repository: repository.into(),
            tag: tag.into(),
            digest: format!("sha256:{}", hex(digest(&SHA256, content.as_bytes()).as_ref())),
        }
    }

    /// Its full name.
    pub(super) fn name(&self) -> String {
        format!("{}/{}:{}", self.registry, self.repository, self.tag)
    }

    /// As `outputImages` shows it.
    pub(super) fn to_json(&self) -> Json {
        Json::object([
            ("registry", (&self.registry).into()),
            ("repository", (&self.repository).into()),
            ("tag", (&self.tag).into()),
            ("digest", (&self.digest).into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            ("app", "contoso.azurecr.io/app:latest"),
            ("team/app:v1", "contoso.azurecr.io/team/app:v1"),
            ("contoso.azurecr.io/team/app:v1", "contoso.azurecr.io/team/app:v1"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
        ] {
            assert_eq!(Image::named(name, "contoso.azurecr.io", "x").name(), expected);
        }
        let digest = |name, content| Image::named(name, "r", content).digest;
        assert_eq!(digest("a", "one"), digest("b", "one"));
        assert_ne!(digest("a", "one"), digest("a", "two"));
        assert_eq!(digest("a", "one").len(), "sha256:".len() + 64);
    }
}
