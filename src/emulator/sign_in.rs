//! What a test or demo may ask of the emulator about ways to sign in: certificates, other issuers, managed identities.

use super::Emulator;
use super::assertions::Certificate;
use super::issuer::{EXCHANGE_AUDIENCE, GITHUB_SUBJECT, PIPELINES_SUBJECT};

/// A certificate that cannot be registered.
#[derive(Debug)]
pub struct CertificateError(String);

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "registering a certificate: {}", self.0)
    }
}

impl std::error::Error for CertificateError {}

impl Emulator {
    /// The application id of the principal that may do everything.
    pub fn client_id(&self) -> String {
        self.shared.lock().identities.principals[0].client_id.clone()
    }

    /// Lets the principal that may do everything sign in with this certificate (DER, without its key).
    ///
    /// # Errors
    /// When it is no certificate.
    pub fn register_certificate(&self, der: &[u8]) -> Result<(), CertificateError> {
        let certificate = Certificate::from_der(der).map_err(CertificateError)?;
        self.shared.lock().identities.principals[0]
            .certificates
            .push(certificate);
        Ok(())
    }

    /// Lets that principal sign in with tokens of the emulator's issuer about `subject`, as a federated credential does.
    /// The subjects of the GitHub and Azure Pipelines endpoints are trusted from the start.
    pub fn trust_subject(&self, subject: &str) {
        self.shared.lock().identities.principals[0]
            .trusted_subjects
            .push(subject.into());
    }

    /// Takes that trust back.
    pub fn distrust_subject(&self, subject: &str) {
        let mut world = self.shared.lock();
        world.identities.principals[0]
            .trusted_subjects
            .retain(|trusted| trusted != subject);
    }

    /// A token of the emulator's issuer about `subject`, such as a cluster mounts into a pod. Good for ten minutes of the
    /// emulator's clock.
    pub fn federated_token(&self, subject: &str) -> String {
        let mut world = self.shared.lock();
        let now = world.tick();
        world.identities.issuer.token(subject, EXCHANGE_AUDIENCE, now)
    }

    /// What `az account get-access-token` prints for somebody who may do everything: an access token of `tenant`.
    pub fn cli_answer(&self, tenant: &str) -> String {
        let mut world = self.shared.lock();
        let (now, life) = (world.tick(), world.token_lifetime);
        let audience = self.url();
        let token = world.identities.issue(0, tenant, audience, now, life);
        let expires = now + life;
        serde_json::json!({
            "accessToken": token,
            "expires_on": expires.unix_timestamp(),
            "tenant": tenant,
            "tokenType": "Bearer",
        })
        .to_string()
    }

    /// What a job of GitHub Actions has in its environment.
    pub fn github_environment(&self) -> Vec<(String, String)> {
        let world = self.shared.lock();
        let issuer = &world.identities.issuer;
        let url = format!("{}/github?api-version=2.0", issuer.url());
        pairs([
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &issuer.job_token),
        ])
    }

    /// What a step of Azure Pipelines has in its environment, and the service connection's id.
    pub fn pipelines_environment(&self) -> Vec<(String, String)> {
        let world = self.shared.lock();
        let issuer = &world.identities.issuer;
        let url = format!("{}/pipelines", issuer.url());
        pairs([
            ("SYSTEM_OIDCREQUESTURI", url.as_str()),
            ("SYSTEM_ACCESSTOKEN", &issuer.job_token),
            ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", &issuer.service_connection_id),
        ])
    }

    /// What leads a client's question to the instance metadata service here: this emulator's plain port as its HTTP proxy.
    /// Empty unless [`super::Options::managed_identity`] is on.
    pub fn machine_environment(&self) -> Vec<(String, String)> {
        let Some(port) = self.shared.plain_port else {
            return Vec::new();
        };
        let proxy = format!("http://127.0.0.1:{port}");
        pairs([("HTTP_PROXY", proxy.as_str()), ("http_proxy", &proxy)])
    }

    /// What an app of App Service has in its environment. Empty unless [`super::Options::managed_identity`] is on.
    pub fn app_service_environment(&self) -> Vec<(String, String)> {
        let Some(port) = self.shared.plain_port else {
            return Vec::new();
        };
        let endpoint = format!("http://127.0.0.1:{port}/msi/token");
        pairs([
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", &self.shared.identity_header),
        ])
    }
}

/// The subjects that are trusted from the start.
pub(super) fn trusted_subjects() -> Vec<String> {
    vec![GITHUB_SUBJECT.into(), PIPELINES_SUBJECT.into()]
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_string(), value.to_string())).into()
}
