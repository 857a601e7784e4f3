//! For tests: an HTTP client that answers from a script and records what it was asked. Paused clocks work with it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, StatusCode};
use tokio_util::sync::CancellationToken;

use super::envelope::FailedAnswer;
use super::error::{Error, RequestLine};
use super::{Call, Client, Cloud, CredentialSource, Pace, Settings, Throttle, Wire};

/// Status, headers, body.
type Answer = (u16, Vec<(&'static str, String)>, String);

/// One scripted answer.
pub(crate) struct Reply {
    outcome: Result<Answer, ErrorKind>,
    delay: Duration,
}

/// What was asked, without the token itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub method: String,
    pub url: String,
    pub body: String,
    pub authorized: bool,
    pub headers: Vec<(String, String)>,
}

/// Answers in the order of the script; when it is over, the last answer stays.
pub(crate) struct FakeHttp {
    script: Mutex<VecDeque<Reply>>,
    routes: Mutex<Vec<(&'static str, VecDeque<Reply>)>>,
    tokens: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Asked>>,
    offer: Mutex<&'static str>,
}

/// What the registry namespace offers unless a test says otherwise.
const OFFER: &str =
    r#"{"resourceTypes":[{"resourceType":"registries/agentPools","apiVersions":["2025-03-01-preview"]}]}"#;

pub(crate) fn reply(status: u16, body: &str) -> Reply {
    Reply {
        outcome: Ok((status, Vec::new(), body.to_string())),
        delay: Duration::ZERO,
    }
}

pub(crate) fn fault(kind: ErrorKind) -> Reply {
    Reply {
        outcome: Err(kind),
        delay: Duration::ZERO,
    }
}

/// What comes of a failed answer to a PUT.
pub(crate) fn refusal(status: u16, body: &str) -> Error {
    Error::from_answer(FailedAnswer {
        status,
        body: body.as_bytes(),
        correlation_id: "c-1".into(),
        request_id: Some("r-1".into()),
        request: RequestLine {
            method: super::retry::Method::Put,
            path: "/p".into(),
        },
        after_unclear_attempt: false,
    })
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok((_, headers, _)) = &mut self.outcome {
            headers.push((name, value.to_string()));
        }
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl FakeHttp {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::default(),
            routes: Mutex::default(),
            tokens: Mutex::default(),
            asked: Mutex::default(),
            offer: Mutex::new(OFFER),
        })
    }

    pub(crate) fn with(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let fake = Self::new();
        fake.script.lock().unwrap().extend(replies);
        fake
    }

    /// A script of its own for what is read at URLs that hold `part`.
    pub(crate) fn route(&self, part: &'static str, replies: impl IntoIterator<Item = Reply>) {
        let replies = replies.into_iter().collect();
        self.routes.lock().unwrap().push((part, replies));
    }

    fn next(&self, method: &str, url: &str) -> Reply {
        let mut routes = self.routes.lock().unwrap();
        let route = routes
            .iter_mut()
            .find(|(part, _)| method == "GET" && url.contains(part));
        let mut script = self.script.lock().unwrap();
        let script = route.map_or(&mut *script, |(_, replies)| replies);
        let next = script
            .pop_front()
            .unwrap_or_else(|| panic!("the script is over at {method} {url}"));
        if script.is_empty() {
            script.push_back(Reply {
                outcome: next.outcome.clone(),
                delay: next.delay,
            });
        }
        next
    }

    /// What the registry namespace's metadata say from now on.
    pub(crate) fn offers(&self, metadata: &'static str) {
        *self.offer.lock().unwrap() = metadata;
    }

    pub(crate) fn push_token(&self, reply: Reply) {
        self.tokens.lock().unwrap().push_back(reply);
    }

    /// Requests but those for tokens and for the registry namespace's metadata.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| !is_token(&asked.url) && !is_offer(&asked.url))
            .cloned()
            .collect()
    }

    /// `GET /path` of each of them; the query is left out.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |asked: Asked| {
            let path = asked
                .url
                .split('?')
                .next()
                .unwrap()
                .splitn(4, '/')
                .nth(3)
                .unwrap_or_default()
                .to_string();
            format!("{} /{path}", asked.method)
        };
        self.asked().into_iter().map(line).collect()
    }

    pub(crate) fn token_requests(&self) -> Vec<String> {
        let urls = self
            .asked
            .lock()
            .unwrap()
            .iter()
            .map(|asked| asked.url.clone())
            .collect::<Vec<_>>();
        urls.into_iter().filter(|url| is_token(url)).collect()
    }

    /// A client of `https://arm.example` whose every exchange is with this script.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let settings = Settings {
            cloud: Cloud::custom("https://arm.example", "https://login.example", None).unwrap(),
            credential: CredentialSource::ClientSecret {
                tenant_id: "tenant".into(),
                client_id: "app".into(),
                client_secret: Secret::from("hush-hush".to_string()),
            },
            auxiliary_tenant_ids: Vec::new(),
            partner_id: None,
            terraform_version: "1.11.4".into(),
            send_correlation_id: true,
            wire: Wire {
                http: Some(self.clone()),
                pace: Pace::default(),
                // Paused clocks differ from test to test, so that nothing is shared.
                throttle: Some(Throttle::default()),
            },
        };
        Client::new(settings).unwrap()
    }
}

/// An operation with `seconds` until its deadline.
pub(crate) fn call(seconds: u64) -> Call {
    Call::new(CancellationToken::new(), Duration::from_secs(seconds))
}

/// The metadata of the registry namespace, which every client asks for once.
fn is_offer(url: &str) -> bool {
    url.contains("/providers/Microsoft.ContainerRegistry?") && !url.contains("/resourceGroups/")
}

fn is_token(url: &str) -> bool {
    url.ends_with("/oauth2/v2.0/token")
}

impl fmt::Debug for FakeHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeHttp")
    }
}

#[async_trait]
impl HttpClient for FakeHttp {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url().to_string();
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(k, v)| (k.as_str().to_string(), v.as_str().to_string()))
            .collect();
        let authorized = headers.iter().any(|(name, _)| name == "authorization");
        let method = match request.method() {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            _ => "POST",
        };
        let body = String::from_utf8(azure_core::Bytes::from(request.body()).to_vec()).unwrap();
        self.asked.lock().unwrap().push(Asked {
            method: method.into(),
            url: url.clone(),
            body,
            authorized,
            headers,
        });
        let next = if is_offer(&url) {
            reply(200, &self.offer.lock().unwrap())
        } else if is_token(&url) {
            let granted = r#"{"token_type":"Bearer","expires_in":86399,"access_token":"granted"}"#;
            self.tokens
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or_else(|| reply(200, granted))
        } else {
            self.next(method, &url)
        };
        tokio::time::sleep(next.delay).await;
        let (status, pairs, body) = next
            .outcome
            .map_err(|kind| azure_core::Error::with_message(kind, "the wire was cut"))?;
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from(name), value);
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), headers, body))
    }
}
