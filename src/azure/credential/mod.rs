//! How tokens are obtained: one variant for each way to sign in, all of them through azure_identity.
//!
//! * `entra`: what all ways that end at Entra ID's token endpoint share.
//! * `certificate`: a client certificate, read from PKCS#12 or PEM.
//! * `assertion`: the signed statement that proves possession of the certificate's key.
//! * `federated`: tokens of other issuers: given, from a file, from GitHub, from Azure Pipelines.
//! * `managed`: managed identity, bounded where there is none.
//! * `cli`: the Azure CLI.
//! * `auxiliary`: tokens of further tenants.
//! * `explained`: failures in our own words.

mod assertion;
mod auxiliary;
mod certificate;
mod cli;
mod entra;
mod explained;
mod federated;
mod managed;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::HttpClient;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::time::OffsetDateTime;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};

use super::cloud::Cloud;
use super::error::Error;
use assertion::SignedAssertion;
use auxiliary::AuxiliaryTokens;
use certificate::SigningCertificate;
use entra::client_options;
use explained::Explained;
use federated::{GitHubToken, GivenToken, PipelinesToken, TokenFile};

pub use auxiliary::AUXILIARY_TENANTS_MAX;
pub use managed::{MANAGED_IDENTITY_ATTEMPTS, MANAGED_IDENTITY_TIMEOUT};

/// An application (a service principal, or the identity of a workload) in its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The directory.
    pub tenant_id: String,
    /// The application.
    pub client_id: String,
}

/// Where a client certificate comes from.
#[derive(Clone)]
pub enum CertificateOrigin {
    /// Its bytes in base64, as `client_certificate` has them. A secret: the private key is in there.
    Base64(Secret),
    /// A file.
    File(PathBuf),
}

/// Where the token comes from that another issuer vouches with.
#[derive(Clone)]
pub enum FederatedOrigin {
    /// The token itself.
    Token(Secret),
    /// A file, read at each refresh: whoever writes it keeps it fresh.
    File(PathBuf),
    /// The file that AKS mounts into a pod with a workload identity; as [`FederatedOrigin::File`].
    WorkloadIdentity(PathBuf),
    /// GitHub's endpoint for the running job.
    GitHub(TokenRequest),
    /// Azure Pipelines' endpoint for the running job.
    AzurePipelines {
        /// The endpoint.
        request: TokenRequest,
        /// The id of the service connection to sign in as.
        service_connection_id: String,
    },
}

/// An endpoint that issues tokens to a running job, and the job's permission to ask.
#[derive(Clone)]
pub struct TokenRequest {
    /// The endpoint; https only.
    pub url: String,
    /// The bearer token for it.
    pub token: Secret,
}

/// Who we are towards Entra ID.
#[derive(Clone)]
pub enum CredentialSource {
    /// A service principal with a client certificate.
    ClientCertificate {
        /// The service principal.
        application: Application,
        /// Certificate and key, PKCS#12 or PEM.
        certificate: CertificateOrigin,
        /// What the file is encrypted with.
        password: Option<Secret>,
    },
    /// A service principal with a client secret.
    ClientSecret {
        /// The directory.
        tenant_id: String,
        /// The application.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
    },
    /// An application that trusts another issuer (OpenID Connect, "workload identity federation").
    Federated {
        /// The application.
        application: Application,
        /// The other issuer's token.
        origin: FederatedOrigin,
    },
    /// The identity of the machine or app that this runs on.
    ManagedIdentity {
        /// The application id of a user-assigned identity; the system-assigned one when absent.
        client_id: Option<String>,
    },
    /// Whoever is signed in to the Azure CLI.
    AzureCli {
        /// The directory; the CLI's own when absent.
        tenant_id: Option<String>,
        /// The ways that come before this last one, each with why it did not apply: what to say when this fails too.
        passed_over: Vec<String>,
    },
}

impl CredentialSource {
    /// What the credential is called in logs and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientCertificate { .. } => "client certificate",
            Self::ClientSecret { .. } => "client secret",
            Self::Federated { origin, .. } => match origin {
                FederatedOrigin::Token(_) => "OIDC token",
                FederatedOrigin::File(_) => "OIDC token file",
                FederatedOrigin::WorkloadIdentity(_) => "AKS workload identity",
                FederatedOrigin::GitHub(_) => "GitHub OIDC",
                FederatedOrigin::AzurePipelines { .. } => "Azure Pipelines OIDC",
            },
            Self::ManagedIdentity { .. } => "managed identity",
            Self::AzureCli { .. } => "Azure CLI",
        }
    }

    /// The same principal in another directory; `None` for managed identities, which exist in one only.
    #[must_use]
    pub fn in_tenant(&self, tenant: &str) -> Option<Self> {
        let mut source = self.clone();
        match &mut source {
            Self::ClientCertificate { application, .. } | Self::Federated { application, .. } => {
                application.tenant_id = tenant.to_string();
            }
            Self::ClientSecret { tenant_id, .. } => *tenant_id = tenant.to_string(),
            Self::AzureCli { tenant_id, passed_over } => {
                *tenant_id = Some(tenant.to_string());
                passed_over.clear();
            }
            Self::ManagedIdentity { .. } => return None,
        }
        Some(source)
    }

    /// Makes the credential: reads certificates, reaches no network.
    ///
    /// # Errors
    /// [`Error::Credential`] when a part is missing, malformed or unreadable.
    pub fn build(&self, cloud: &Cloud, http: Arc<dyn HttpClient>) -> Result<Arc<dyn TokenCredential>, Error> {
        let passed_over = match self {
            Self::AzureCli { passed_over, .. } => passed_over.clone(),
            _ => Vec::new(),
        };
        let name = self.name();
        let inner = self.inner(cloud, http).map_err(|message| Error::Credential {
            code: None,
            message: format!("{name}: {message}"),
        })?;
        let is_local = matches!(self, Self::ManagedIdentity { .. } | Self::AzureCli { .. });
        Ok(Arc::new(Explained::new(name, inner, passed_over, is_local)))
    }

    fn inner(&self, cloud: &Cloud, http: Arc<dyn HttpClient>) -> Result<Arc<dyn TokenCredential>, String> {
        match self {
            Self::ClientCertificate {
                application,
                certificate,
                password,
            } => {
                let password = password.as_ref().map(Secret::secret);
                let certificate = SigningCertificate::load(certificate, password, OffsetDateTime::now_utc())?;
                let assertion = SignedAssertion::new(application, cloud, certificate);
                asserted(application, assertion, cloud, http)
            }
            Self::ClientSecret {
                tenant_id,
                client_id,
                client_secret,
            } => {
                let options = ClientSecretCredentialOptions {
                    client_options: client_options(cloud, http),
                };
                let credential =
                    ClientSecretCredential::new(tenant_id, client_id.clone(), client_secret.clone(), Some(options));
                Ok(credential.map_err(|error| error.to_string())?)
            }
            Self::Federated { application, origin } => match origin {
                FederatedOrigin::Token(token) => asserted(application, GivenToken(token.clone()), cloud, http),
                FederatedOrigin::File(path) | FederatedOrigin::WorkloadIdentity(path) => {
                    asserted(application, TokenFile(path.clone()), cloud, http)
                }
                FederatedOrigin::GitHub(request) => {
                    let token = GitHubToken::new(request, http.clone())?;
                    asserted(application, token, cloud, http)
                }
                FederatedOrigin::AzurePipelines {
                    request,
                    service_connection_id,
                } => {
                    let token = PipelinesToken::new(request, service_connection_id, http.clone())?;
                    asserted(application, token, cloud, http)
                }
            },
            Self::ManagedIdentity { client_id } => managed::credential(client_id.as_deref(), http),
            Self::AzureCli { tenant_id, .. } => cli::credential(tenant_id.as_deref()),
        }
    }
}

/// The policies that authorize each attempt of a request: the principal's own token, and those of further tenants.
///
/// # Errors
/// As [`CredentialSource::build`].
pub(super) fn authorization(
    source: &CredentialSource,
    auxiliary_tenants: &[String],
    cloud: &Cloud,
    http: &Arc<dyn HttpClient>,
) -> Result<Vec<Arc<dyn Policy>>, Error> {
    let credential = source.build(cloud, http.clone())?;
    let mut policies: Vec<Arc<dyn Policy>> = vec![Arc::new(BearerTokenAuthorizationPolicy::new(
        credential,
        [cloud.scope()],
    ))];
    if let Some(auxiliary) = AuxiliaryTokens::new(source, auxiliary_tenants, cloud, http)? {
        policies.push(Arc::new(auxiliary));
    }
    Ok(policies)
}

/// A credential that shows an assertion instead of a secret.
fn asserted<C: ClientAssertion + 'static>(
    application: &Application,
    assertion: C,
    cloud: &Cloud,
    http: Arc<dyn HttpClient>,
) -> Result<Arc<dyn TokenCredential>, String> {
    let options = ClientAssertionCredentialOptions {
        client_options: client_options(cloud, http),
    };
    let Application { tenant_id, client_id } = application.clone();
    let credential = ClientAssertionCredential::new(tenant_id, client_id, assertion, Some(options));
    Ok(credential.map_err(|error| error.to_string())?)
}

impl fmt::Debug for CredentialSource {
    /// The kind and who is signed in; never a secret, a token or a file's content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tenant, client) = match self {
            Self::ClientCertificate { application, .. } | Self::Federated { application, .. } => {
                (Some(&application.tenant_id), Some(&application.client_id))
            }
            Self::ClientSecret {
                tenant_id, client_id, ..
            } => (Some(tenant_id), Some(client_id)),
            Self::ManagedIdentity { client_id } => (None, client_id.as_ref()),
            Self::AzureCli { tenant_id, .. } => (tenant_id.as_ref(), None),
        };
        f.debug_struct("CredentialSource")
            .field("name", &self.name())
            .field("tenant_id", &tenant)
            .field("client_id", &client)
            .finish_non_exhaustive()
    }
}

/// The first `AADSTS<digits>` in a message.
pub(super) fn aadsts_code(message: &str) -> Option<String> {
    let start = message.find("AADSTS")?;
    let digits = message[start + 6..].chars().take_while(char::is_ascii_digit).count();
    (digits > 0).then(|| message[start..start + 6 + digits].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::FakeHttp;

    const HUSH: &str = "hush-hush";

    fn application() -> Application {
        Application {
            tenant_id: "tenant".into(),
            client_id: "app".into(),
        }
    }

    fn every_source() -> Vec<CredentialSource> {
        let hush = || Secret::from(HUSH.to_string());
        let request = || TokenRequest {
            url: "https://issuer.example/token?a=b".into(),
            token: hush(),
        };
        let federated = |origin| CredentialSource::Federated {
            application: application(),
            origin,
        };
        vec![
            CredentialSource::ClientCertificate {
                application: application(),
                certificate: CertificateOrigin::Base64(hush()),
                password: Some(hush()),
            },
            CredentialSource::ClientSecret {
                tenant_id: "tenant".into(),
                client_id: "app".into(),
                client_secret: hush(),
            },
            federated(FederatedOrigin::Token(hush())),
            federated(FederatedOrigin::File("token".into())),
            federated(FederatedOrigin::WorkloadIdentity("token".into())),
            federated(FederatedOrigin::GitHub(request())),
            federated(FederatedOrigin::AzurePipelines {
                request: request(),
                service_connection_id: "connection".into(),
            }),
            CredentialSource::ManagedIdentity { client_id: None },
            CredentialSource::AzureCli {
                tenant_id: Some("tenant".into()),
                passed_over: Vec::new(),
            },
        ]
    }

    #[test]
    fn every_credential_is_made_without_network_and_prints_no_secret() {
        let http = FakeHttp::new();
        for source in every_source() {
            let printed = format!("{source:?}");
            assert!(
                !printed.contains("hush") && printed.contains(source.name()),
                "{printed}"
            );
            match source.build(&Cloud::public(), http.clone()) {
                Ok(credential) => {
                    let printed = format!("{credential:?}");
                    assert!(!printed.contains("hush"), "{printed}");
                }
                // The certificate of this table is none.
                Err(error) => {
                    assert_eq!(source.name(), "client certificate");
                    assert!(!error.to_string().contains("hush"), "{error}");
                }
            }
        }
        assert!(http.token_requests().is_empty() && http.asked().is_empty());
    }

    #[test]
    fn every_credential_but_a_managed_identity_moves_to_another_tenant() {
        for source in every_source() {
            let moved = source.in_tenant("elsewhere").map(|moved| format!("{moved:?}"));
            assert_eq!(moved.is_none(), source.name() == "managed identity");
            assert!(moved.is_none_or(|moved| moved.contains("elsewhere") && !moved.contains("\"tenant\"")));
        }
    }

    #[test]
    fn missing_parts_are_errors() {
        let source = CredentialSource::ClientSecret {
            tenant_id: "tenant".into(),
            client_id: "app".into(),
            client_secret: Secret::from(String::new()),
        };
        let error = source.build(&Cloud::public(), FakeHttp::new()).unwrap_err();
        assert!(error.to_string().contains("client secret: "), "{error}");
    }

    #[test]
    fn aadsts_codes_are_found() {
        assert_eq!(aadsts_code("failed. AADSTS700016: no").as_deref(), Some("AADSTS700016"));
        assert_eq!(aadsts_code("AADSTS: no"), None);
        assert_eq!(aadsts_code("nothing"), None);
    }
}
