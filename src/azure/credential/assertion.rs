//! A client assertion: a short-lived statement, signed with a certificate's key, that stands for a client secret.
//!
//! Entra ID's documentation asks for PS256 and for the certificate's SHA-256 thumbprint in `x5t#S256`.

use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_core::time::{Duration, OffsetDateTime};
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::Application;
use super::certificate::SigningCertificate;
use crate::azure::cloud::Cloud;

/// How long an assertion is valid: it is used at once, and Entra ID recommends five to ten minutes.
const ASSERTION_LIFETIME: Duration = Duration::minutes(10);

/// Makes and signs an assertion for each request.
#[derive(Debug)]
pub(super) struct SignedAssertion {
    client_id: String,
    audience: String,
    certificate: SigningCertificate,
}

impl SignedAssertion {
    /// Assertions of `application` for its directory's token endpoint.
    pub(super) fn new(application: &Application, cloud: &Cloud, certificate: SigningCertificate) -> Self {
        let authority = cloud.authority_host();
        Self {
            client_id: application.client_id.clone(),
            audience: format!("{authority}{}/oauth2/v2.0/token", application.tenant_id),
            certificate,
        }
    }

    fn at(&self, now: OffsetDateTime, id: &str) -> Result<String, String> {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.certificate.thumbprint()});
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": id,
            "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(),
            "exp": (now + ASSERTION_LIFETIME).unix_timestamp(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.certificate.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{signature}"))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for SignedAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.at(OffsetDateTime::now_utc(), &uuid::Uuid::new_v4().to_string())
            .map_err(|problem| azure_core::Error::with_message(ErrorKind::Credential, problem))
    }
}
