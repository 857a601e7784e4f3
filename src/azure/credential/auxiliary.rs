//! Tokens of further tenants, in the header by which Resource Manager lets one request reach across tenants.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, HttpClient, Request};
use azure_core::time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::CredentialSource;
use crate::azure::cloud::Cloud;
use crate::azure::error::Error;

/// How many tenants Resource Manager takes in one request.
pub const AUXILIARY_TENANTS_MAX: usize = 3;

const HEADER: HeaderName = HeaderName::from_static("x-ms-authorization-auxiliary");
/// How long before its end a token is replaced; azure_identity's own figure.
const REFRESH_BEFORE: Duration = Duration::minutes(5);

/// Adds `Bearer t1; Bearer t2` to each request.
#[derive(Debug)]
pub(in crate::azure) struct AuxiliaryTokens {
    scope: String,
    tenants: Vec<Tenant>,
}

#[derive(Debug)]
struct Tenant {
    id: String,
    credential: Arc<dyn TokenCredential>,
    cached: Mutex<Option<AccessToken>>,
}

impl AuxiliaryTokens {
    /// The policy; `None` when there are no tenants to add, or when the credential exists in its own tenant only.
    pub(in crate::azure) fn new(
        source: &CredentialSource,
        tenants: &[String],
        cloud: &Cloud,
        http: &Arc<dyn HttpClient>,
    ) -> Result<Option<Self>, Error> {
        let mut ready = Vec::new();
        for id in tenants {
            let Some(source) = source.in_tenant(id) else { continue };
            ready.push(Tenant {
                id: id.clone(),
                credential: source.build(cloud, http.clone())?,
                cached: Mutex::default(),
            });
        }
        let policy = (!ready.is_empty()).then(|| Self {
            scope: cloud.scope(),
            tenants: ready,
        });
        Ok(policy)
    }
}

impl Tenant {
    async fn token(&self, scope: &str) -> azure_core::Result<String> {
        let mut cached = self.cached.lock().await;
        let now = OffsetDateTime::now_utc();
        if let Some(token) = cached.as_ref().filter(|token| token.expires_on > now + REFRESH_BEFORE) {
            return Ok(token.token.secret().to_string());
        }
        match self.credential.get_token(&[scope], None).await {
            Ok(token) => {
                let secret = token.token.secret().to_string();
                *cached = Some(token);
                Ok(secret)
            }
            // A token that is still good outlives a refresh that failed.
            Err(error) => match cached.as_ref().filter(|token| token.expires_on > now) {
                Some(token) => Ok(token.token.secret().to_string()),
                None => {
                    let message = format!("for the auxiliary tenant {}: {error}", self.id);
                    Err(azure_core::Error::with_message(ErrorKind::Credential, message))
                }
            },
        }
    }
}

#[async_trait]
impl Policy for AuxiliaryTokens {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let mut tokens = Vec::with_capacity(self.tenants.len());
        for tenant in &self.tenants {
            tokens.push(format!("Bearer {}", tenant.token(&self.scope).await?));
        }
        request.insert_header(HEADER, tokens.join("; "));
        next[0].send(context, request, &next[1..]).await
    }
}
