//! Another issuer of tokens, as a CI system or a cluster runs one: signed tokens about a subject, which Entra ID exchanges.
//!
//! Serves GitHub's and Azure Pipelines' endpoints for a running job. Discovery documents are not served: the emulator's own
//! Entra ID, which alone takes these tokens, knows the key.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::answer::Answer;
use super::identity::{random_id, random_text};
use super::query::Query;

/// The audience that Entra ID exchanges tokens for.
pub(super) const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";
/// The subject of GitHub's tokens here.
pub(super) const GITHUB_SUBJECT: &str = "repo:contoso/builds:ref:refs/heads/main";
/// The subject of Azure Pipelines' tokens here.
pub(super) const PIPELINES_SUBJECT: &str = "sc://contoso/builds/azure";
/// The version of Azure Pipelines' endpoint.
const PIPELINES_VERSION: &str = "7.1";
/// How long the issuer's tokens live: GitHub's live for minutes, too.
const TOKEN_LIFETIME: Duration = Duration::minutes(10);

/// The issuer. Its key is made when it is first needed: most emulators never issue such a token.
pub(super) struct Issuer {
    url: String,
    key: OnceLock<RsaKeyPair>,
    /// What a running job shows to its CI system.
    pub(super) job_token: String,
    /// The id of the only service connection.
    pub(super) service_connection_id: String,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Whether a path, in lower case, is the issuer's.
pub(super) fn owns(segments: &[&str]) -> bool {
    segments.first() == Some(&"_oidc")
}

impl Issuer {
    /// An issuer below the emulator's address, with a new job token.
    pub(super) fn new(base_url: &str) -> Issuer {
        Issuer {
            url: format!("{base_url}/_oidc"),
            key: OnceLock::new(),
            job_token: random_text(40),
            service_connection_id: random_id(),
        }
    }

    /// What its tokens call it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The public key in PKCS#1.
    pub(super) fn public_key(&self) -> &[u8] {
        self.key().public_key().as_ref()
    }

    fn key(&self) -> &RsaKeyPair {
        self.key.get_or_init(|| {
            RsaKeyPair::generate(KeySize::Rsa2048).expect("making a key fails only without a source of randomness")
        })
    }

    /// A signed token about `subject`.
    pub(super) fn token(&self, subject: &str, audience: &str, now: OffsetDateTime) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "acr-emulator-issuer"});
        let claims = json!({
            "iss": self.url,
            "aud": audience,
            "sub": subject,
            "jti": random_id(),
            "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(),
            "exp": (now + TOKEN_LIFETIME).unix_timestamp(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let key = self.key();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .expect("an RSA key of our own making signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Answers a request to the issuer. `segments` is the path in lower case.
    pub(super) fn answer(
        &self,
        method: &str,
        segments: &[&str],
        query: &Query,
        authorization: Option<&str>,
        now: OffsetDateTime,
    ) -> Answer {
        let allowed = authorization == Some(format!("Bearer {}", self.job_token).as_str());
        match (method, segments) {
            (_, ["_oidc", "github" | "pipelines"]) if !allowed => {
                Answer::json(401, json!({"message": "The job's token is missing or wrong."}).into())
            }
            ("GET", ["_oidc", "github"]) => {
                let audience = query.get("audience").unwrap_or("https://github.example/contoso");
                let token = self.token(GITHUB_SUBJECT, audience, now);
                Answer::json(200, json!({"count": token.len(), "value": token}).into())
            }
            ("POST", ["_oidc", "pipelines"]) => self.pipelines(query, now),
            _ => Answer::json(404, json!({"message": "The issuer has no such endpoint."}).into()),
        }
    }

    fn pipelines(&self, query: &Query, now: OffsetDateTime) -> Answer {
        if query.get("api-version") != Some(PIPELINES_VERSION) {
            let text = format!("The api-version must be {PIPELINES_VERSION}.");
            return Answer::json(400, json!({"message": text}).into());
        }
        let connection = query.get("serviceConnectionId").unwrap_or_default();
        if !connection.eq_ignore_ascii_case(&self.service_connection_id) {
            return Answer::json(404, json!({"message": "There is no such service connection."}).into());
        }
        let token = self.token(PIPELINES_SUBJECT, EXCHANGE_AUDIENCE, now);
        Answer::json(200, json!({"oidcToken": token}).into())
    }
}
