//! Managed identity: of a virtual machine (the instance metadata service) or of an App Service app.
//!
//! Where there is no metadata service nothing answers at its address, and azure_identity would go on asking for more than a
//! minute. An endpoint that is there answers within milliseconds, so silence is final after a few seconds.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use super::entra::forget_retry_after;
use crate::azure::mask::without_query;

/// How long one request to a managed identity endpoint may take. It is on the same host, or next to it.
pub const MANAGED_IDENTITY_TIMEOUT: Duration = Duration::from_secs(3);
/// How many requests may stay without an answer before the endpoint counts as absent.
pub const MANAGED_IDENTITY_ATTEMPTS: u32 = 2;

/// The credential; its source (virtual machine or App Service) is chosen by azure_identity from the environment.
pub(super) fn credential(
    client_id: Option<&str>,
    http: Arc<dyn HttpClient>,
) -> Result<Arc<dyn TokenCredential>, String> {
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_string())),
        client_options: ClientOptions {
            transport: Some(Transport::new(Arc::new(Bounded(http)))),
            ..Default::default()
        },
    };
    Ok(ManagedIdentityCredential::new(Some(options)).map_err(|error| error.to_string())?)
}

/// An HTTP client that takes silence for an answer.
#[derive(Debug)]
struct Bounded(Arc<dyn HttpClient>);

#[async_trait::async_trait]
impl HttpClient for Bounded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut last = String::new();
        for _ in 0..MANAGED_IDENTITY_ATTEMPTS {
            match tokio::time::timeout(MANAGED_IDENTITY_TIMEOUT, answer(&self.0, request)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => last = cause(&error),
                Err(_) => last = format!("no answer within {} s", MANAGED_IDENTITY_TIMEOUT.as_secs()),
            }
        }
        let (endpoint, attempts) = (without_query(request.url()), MANAGED_IDENTITY_ATTEMPTS);
        // Not `Io`: azure_core would ask again.
        Err(refusal(format!(
            "there is no managed identity here: nothing answered as it should at {endpoint} in {attempts} attempts ({last}). Managed identities exist on Azure's own machines only; elsewhere set use_msi = false. With HTTP_PROXY set, NO_PROXY must hold 169.254.169.254"
        )))
    }
}

/// The whole answer; one that says no is an error with the endpoint's own words.
async fn answer(http: &Arc<dyn HttpClient>, request: &Request) -> azure_core::Result<AsyncRawResponse> {
    let (status, mut headers, body) = http.execute_request(request).await?.deconstruct();
    let body = body.collect().await?;
    forget_retry_after(&mut headers);
    let said = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
    if !said.is_object() {
        let status = u16::from(status);
        return Err(refusal(format!(
            "HTTP {status} in a form that is no managed identity's; a proxy, most likely"
        )));
    }
    if status != StatusCode::BadRequest {
        return Ok(AsyncRawResponse::from_bytes(status, headers, body));
    }
    // azure_identity would replace this body by a guess.
    let said = said["error_description"].as_str().unwrap_or("HTTP 400").to_string();
    Ok(AsyncRawResponse::from_bytes(
        StatusCode::Forbidden,
        headers,
        format!(
            "{said}. With client_id set, that user-assigned identity must be assigned to this machine or app; without, a system-assigned one must be switched on"
        ),
    ))
}

fn cause(error: &azure_core::Error) -> String {
    let mut innermost: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn refusal(message: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Credential, message)
}

#[cfg(test)]
mod tests {
    use azure_core::http::{Method, Url};

    use super::*;
    use crate::azure::fake::{FakeHttp, fault, reply};

    async fn ask(http: Arc<FakeHttp>) -> azure_core::Result<AsyncRawResponse> {
        let url = Url::parse("http://169.254.169.254/metadata/identity/oauth2/token?resource=r").unwrap();
        Bounded(http).execute_request(&Request::new(url, Method::Get)).await
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_refused_connections_end_soon() {
        let silent = FakeHttp::with([reply(200, "{}").after(Duration::from_secs(3600))]);
        let begun = tokio::time::Instant::now();
        let text = ask(silent.clone()).await.unwrap_err().to_string();
        assert_eq!(begun.elapsed(), MANAGED_IDENTITY_TIMEOUT * MANAGED_IDENTITY_ATTEMPTS);
        assert!(
            text.contains("no answer within 3 s") && text.contains("use_msi = false"),
            "{text}"
        );
        let proxy = FakeHttp::with([reply(502, "<html>hush")]);
        let text = ask(proxy).await.unwrap_err().to_string();
        assert!(
            text.contains("HTTP 502") && text.contains("NO_PROXY") && !text.contains("hush"),
            "{text}"
        );
        let text = ask(FakeHttp::with([fault(ErrorKind::Io)]))
            .await
            .unwrap_err()
            .to_string();
        assert!(text.contains("the wire was cut"), "{text}");
    }

    #[tokio::test]
    async fn one_lost_answer_is_forgiven_and_a_refusal_is_told() {
        let http = FakeHttp::with([fault(ErrorKind::Io), reply(200, "{}")]);
        assert_eq!(ask(http).await.unwrap().status(), StatusCode::Ok);
        let http = FakeHttp::with([reply(400, r#"{"error_description":"Identity not found"}"#)]);
        let (status, _, body) = ask(http).await.unwrap().deconstruct();
        let body = String::from_utf8(body.collect().await.unwrap().to_vec()).unwrap();
        assert_eq!(status, StatusCode::Forbidden);
        assert!(body.starts_with("Identity not found. With client_id set"), "{body}");
    }
}
