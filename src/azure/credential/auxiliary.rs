//! Tokens of further tenants, in the header by which Resource Manager lets one request reach across tenants.
//!
//! The header serves writes that name resources elsewhere. A *read* of what lies in another tenant wants that tenant's token
//! as its own: the refusal names the tenant, and when it is one of ours the read is sent once more. That the challenge names
//! it in `authorization_uri` is how Azure's clients find a subscription's tenant; it is assumed here, not recorded.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::headers::{AUTHORIZATION, HeaderName};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, Context, HttpClient, Method, Request, StatusCode};
use azure_core::time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::CredentialSource;
use crate::azure::cloud::Cloud;
use crate::azure::error::Error;

/// How many tenants Resource Manager takes in one request.
pub const AUXILIARY_TENANTS_MAX: usize = 3;

const HEADER: HeaderName = HeaderName::from_static("x-ms-authorization-auxiliary");
const CHALLENGE: HeaderName = HeaderName::from_static("www-authenticate");
/// How long before its end a token is replaced; azure_identity's own figure.
const REFRESH_BEFORE: Duration = Duration::minutes(5);

/// Adds `Bearer t1; Bearer t2` to each request.
#[derive(Debug)]
pub(super) struct AuxiliaryTokens {
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
    pub(super) fn new(
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
    /// Whether the answer refuses a read for want of this tenant's token.
    fn is_wanted(&self, request: &Request, answer: &AsyncRawResponse) -> bool {
        let challenge = answer.headers().get_optional_str(&CHALLENGE).unwrap_or_default();
        let names_us = |part: &str| part.eq_ignore_ascii_case(&self.id);
        request.method() == Method::Get
            && answer.status() == StatusCode::Unauthorized
            && challenge.split(['/', '"']).any(names_us)
    }

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
        let answer = next[0].send(context, request, &next[1..]).await?;
        let Some(home) = self.tenants.iter().find(|tenant| tenant.is_wanted(request, &answer)) else {
            return Ok(answer);
        };
        tracing::debug!(tenant = home.id, "this is in another tenant; reading with its token");
        request.insert_header(AUTHORIZATION, format!("Bearer {}", home.token(&self.scope).await?));
        next[0].send(context, request, &next[1..]).await
    }
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::Secret;

    use super::*;
    use crate::azure::fake::{FakeHttp, call, reply};
    use crate::azure::{Client, Settings};

    const PATH: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";

    /// A client with the auxiliary tenants `one` and `two`, whose tokens are called as their tenants.
    fn client(http: &Arc<FakeHttp>) -> Client {
        for tenant in ["home", "one", "two"] {
            let body = format!(r#"{{"token_type":"Bearer","expires_in":86399,"access_token":"token-of-{tenant}"}}"#);
            http.push_token(reply(200, &body));
        }
        let settings = Settings {
            cloud: Cloud::custom("https://arm.example", "https://login.example", None).unwrap(),
            credential: CredentialSource::ClientSecret {
                tenant_id: "home".into(),
                client_id: "app".into(),
                client_secret: Secret::from("hush".to_string()),
            },
            auxiliary_tenant_ids: vec!["one".into(), "two".into()],
            partner_id: None,
            terraform_version: "1.11.4".into(),
            send_correlation_id: true,
            wire: crate::azure::Wire {
                http: Some(http.clone()),
                ..Default::default()
            },
        };
        Client::new(settings).unwrap()
    }

    /// `authorization | auxiliary` of each request.
    fn tokens(http: &FakeHttp) -> Vec<String> {
        let header = |headers: &[(String, String)], name: &str| {
            let found = headers.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value.replace("Bearer token-of-", ""))
                .unwrap_or_default()
        };
        let told = |headers: Vec<(String, String)>| {
            let auxiliary = header(&headers, "x-ms-authorization-auxiliary");
            format!("{} | {auxiliary}", header(&headers, "authorization"))
        };
        http.asked().into_iter().map(|asked| told(asked.headers)).collect()
    }

    fn challenge(tenant: &str) -> String {
        format!("Bearer authorization_uri=\"https://login.example/{tenant}\", error=\"invalid_token\"")
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_in_another_tenant_is_sent_again_with_its_token() {
        let refusal = r#"{"error":{"code":"InvalidAuthenticationTokenTenant","message":"no"}}"#;
        let refused = reply(401, refusal).header("www-authenticate", &challenge("TWO"));
        let http = FakeHttp::with([refused, reply(200, "{}")]);
        client(&http).get(&call(60), PATH, "2024-01-01").await.unwrap();
        assert_eq!(tokens(&http), ["home | one; two", "two | one; two"]);
        assert_eq!(http.token_requests().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn other_refusals_and_writes_never_carry_another_tenants_token() {
        let refusal = r#"{"error":{"code":"InvalidAuthenticationTokenTenant","message":"no"}}"#;
        for (tenant, write) in [("elsewhere", false), ("two", true)] {
            let refused = || reply(401, refusal).header("www-authenticate", &challenge(tenant));
            let http = FakeHttp::with([refused(), refused()]);
            let (client, call) = (client(&http), call(60));
            let answer = match write {
                true => client.put(&call, PATH, "2024-01-01", &serde_json::json!({})).await,
                false => client.get(&call, PATH, "2024-01-01").await,
            };
            assert_eq!(answer.unwrap_err().code(), Some("InvalidAuthenticationTokenTenant"));
            // The client tries once more with a fresh token of its own, which is not the other tenant's.
            let sent = tokens(&http);
            assert_eq!((sent.len(), sent[0].as_str()), (2, "home | one; two"));
            assert!(
                !sent[1].starts_with("two |") && !sent[1].starts_with("one |"),
                "{sent:?}"
            );
        }
    }
}
