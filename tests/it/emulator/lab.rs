//! An emulator with its clock frozen, a client that trusts it, and short names for what every test does.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, Method};
use serde_json::Value;
use terraform_provider_acr::emulator::{Emulator, Options, start};

/// How long operations take in these tests, on the emulator's clock.
pub const PROVISIONING: Duration = Duration::from_secs(300);
/// The version that the Azure CLI uses.
pub const POOLS: &str = "2025-03-01-preview";
/// A version for groups and networks.
pub const NETWORKS: &str = "2024-05-01";

pub struct Lab {
    pub emulator: Emulator,
    pub client: Client,
    pub token: String,
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_string()
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_string()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Lab {
    pub async fn new() -> Lab {
        Lab::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Options)) -> Lab {
        let mut options = Options {
            provisioning: PROVISIONING,
            ..Options::default()
        };
        change(&mut options);
        let emulator = start(options).await.unwrap();
        emulator.set_frozen(true);
        let client = client(&emulator);
        let mut lab = Lab {
            emulator,
            client,
            token: String::new(),
        };
        lab.token = lab.token_of("ARM_CLIENT_ID", "ARM_CLIENT_SECRET").await;
        lab
    }

    pub fn variable(&self, name: &str) -> String {
        let found = self.emulator.environment().into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name} is not in the environment")).1
    }

    pub async fn login(&self, form: &str) -> Reply {
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            self.emulator.url(),
            self.variable("ARM_TENANT_ID")
        );
        let request = self
            .client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded");
        reply(request.body(form.to_string())).await.unwrap()
    }

    pub async fn token_of(&self, id: &str, secret: &str) -> String {
        let form = self.grant(&self.variable(id), &self.variable(secret));
        self.login(&form).await.json()["access_token"]
            .as_str()
            .unwrap()
            .to_string()
    }

    pub fn grant(&self, id: &str, secret: &str) -> String {
        let scope = format!("{}/.default", self.emulator.url())
            .replace(':', "%3A")
            .replace('/', "%2F");
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}")
    }

    pub async fn send(&self, method: &str, url: &str, token: &str, body: Option<&str>) -> reqwest::Result<Reply> {
        let url = if url.starts_with('/') {
            format!("{}{url}", self.emulator.url())
        } else {
            url.to_string()
        };
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        reply(request).await
    }

    pub async fn call(&self, method: &str, url: &str, body: Option<&str>) -> Reply {
        self.send(method, url, &self.token, body).await.unwrap()
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.call("GET", url, None).await
    }

    pub async fn control(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        self.send(method, &format!("/emulator/{path}"), self.emulator.token(), body)
            .await
            .unwrap()
    }

    pub fn group(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/rg-builds",
            self.emulator.subscription_id()
        )
    }

    pub fn registry(&self) -> String {
        format!(
            "{}/providers/Microsoft.ContainerRegistry/registries/contosobuilds",
            self.group()
        )
    }

    pub fn subnet(&self) -> String {
        format!(
            "{}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents",
            self.group()
        )
    }

    pub fn pool(&self, name: &str) -> String {
        format!("{}/agentPools/{name}?api-version={POOLS}", self.registry())
    }

    pub async fn put_pool(&self, name: &str, properties: &str) -> Reply {
        let body = format!(r#"{{"location":"eastus","properties":{properties}}}"#);
        self.call("PUT", &self.pool(name), Some(&body)).await
    }

    /// A pool whose creation is over.
    pub async fn have_pool(&self, name: &str, properties: &str) {
        let reply = self.put_pool(name, properties).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        self.emulator.advance(PROVISIONING);
    }

    pub async fn state_of(&self, name: &str) -> String {
        self.get(&self.pool(name)).await.json()["properties"]["provisioningState"]
            .as_str()
            .unwrap()
            .to_string()
    }
}

pub fn client(emulator: &Emulator) -> Client {
    let authority = Certificate::from_pem(&std::fs::read(emulator.ca_file()).unwrap()).unwrap();
    let builder = Client::builder().tls_certs_only([authority]).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub async fn reply(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Reply {
        status,
        headers,
        text: response.text().await?,
    })
}
