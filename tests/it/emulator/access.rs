//! Who gets in: tokens, signatures, rights, and the emulator's own door.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use terraform_provider_acr::emulator::{Options, StartError, start};

use super::lab::{Lab, NETWORKS, POOLS};
use super::shape::shape_of;

#[tokio::test]
async fn tokens_are_well_formed() {
    let lab = Lab::new().await;
    let reply = lab
        .login(&lab.grant(&lab.variable("ARM_CLIENT_ID"), &lab.variable("ARM_CLIENT_SECRET")))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        shape_of(&reply.text),
        "{token_type:string,expires_in:number,ext_expires_in:number,access_token:string}"
    );
    let token = reply.json()["access_token"].as_str().unwrap().to_string();
    let parts: Vec<&str> = token.split('.').collect();
    assert!(parts.len() == 3 && !parts[2].is_empty(), "{token}");
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!(claims["aud"], lab.emulator.url());
    assert_eq!(claims["tid"], lab.variable("ARM_TENANT_ID"));
    assert_eq!(claims["appid"], lab.variable("ARM_CLIENT_ID"));
    for claim in ["exp", "nbf", "iat"] {
        assert!(claims[claim].is_i64(), "{claim}");
    }
    for claim in ["iss", "oid"] {
        assert!(claims[claim].is_string(), "{claim}");
    }
    assert_ne!(token, lab.token, "each token is new");
}

#[tokio::test]
async fn entra_refuses_in_its_own_way() {
    let lab = Lab::new().await;
    let id = lab.variable("ARM_CLIENT_ID");
    let good = lab.grant(&id, &lab.variable("ARM_CLIENT_SECRET"));
    for (form, status, error, code) in [
        (lab.grant(&id, "wrong"), 401, "invalid_client", 7000215),
        (
            lab.grant("00000000-0000-4000-8000-000000000000", "wrong"),
            400,
            "unauthorized_client",
            700016,
        ),
        (
            good.replace("client_credentials", "password"),
            400,
            "unsupported_grant_type",
            70003,
        ),
        (good.replace(".default", "read"), 400, "invalid_scope", 1002012),
    ] {
        let reply = lab.login(&form).await;
        assert_eq!((reply.status, reply.json()["error"].as_str().unwrap()), (status, error));
        let description = reply.json()["error_description"].as_str().unwrap().to_string();
        assert!(
            description.starts_with(&format!("AADSTS{code}: ")) && description.contains("\r\n"),
            "{description}"
        );
        assert_eq!(
            shape_of(&reply.text),
            "{error:string,error_description:string,error_codes:[number],timestamp:string,trace_id:string,correlation_id:string}"
        );
    }
    let other = "/00000000-0000-4000-8000-000000000000/oauth2/v2.0/token";
    let reply = lab.send("POST", other, "", Some("{}")).await.unwrap();
    assert_eq!(reply.status, 400);
    assert!(
        reply.json()["error_description"]
            .as_str()
            .unwrap()
            .starts_with("AADSTS90002: "),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn arm_wants_a_token_of_its_own() {
    let lab = Lab::with(|options| options.token_lifetime = Duration::from_secs(3600)).await;
    let other = Lab::new().await;
    let url = format!("{}?api-version=2023-07-01", lab.registry());
    for (token, code) in [
        (String::new(), "AuthenticationFailed"),
        ("nonsense".into(), "InvalidAuthenticationToken"),
        (other.token.clone(), "InvalidAuthenticationToken"),
        (format!("{}x", lab.token), "InvalidAuthenticationToken"),
        (lab.emulator.token().into(), "InvalidAuthenticationToken"),
    ] {
        let reply = lab.send("GET", &url, &token, None).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (401, code));
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer authorization_uri="), "{challenge}");
    }
    assert_eq!(lab.get(&url).await.status, 200);
    lab.emulator.advance(Duration::from_secs(3600));
    assert_eq!(lab.get(&url).await.code(), "ExpiredAuthenticationToken");
}

#[tokio::test]
async fn polling_urls_must_be_followed_verbatim() {
    let lab = Lab::new().await;
    let url = lab
        .put_pool("pool-a", r#"{"tier":"S1"}"#)
        .await
        .header("azure-asyncoperation")
        .unwrap()
        .to_string();
    assert_eq!(lab.get(&url).await.status, 200);
    let bare = url.split("&t=").next().unwrap();
    let last = |name: &str| {
        let value = url
            .split(&format!("&{name}="))
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap();
        url.replace(value, &format!("{}_", &value[..value.len() - 1]))
    };
    for tampered in [
        bare.to_string(),
        format!("{url}x"),
        last("t"),
        last("c"),
        last("s"),
        last("h"),
    ] {
        assert_eq!(lab.get(&tampered).await.status, 403, "{tampered}");
    }
    // Signed for one operation is not signed for another.
    let other = lab
        .put_pool("pool-b", r#"{"tier":"S1"}"#)
        .await
        .header("azure-asyncoperation")
        .unwrap()
        .to_string();
    let crossed = format!(
        "{}?{}",
        url.split('?').next().unwrap(),
        other.split('?').nth(1).unwrap()
    );
    assert_eq!(lab.get(&crossed).await.status, 403);
    assert_eq!(
        lab.send("GET", &url, "", None).await.unwrap().status,
        401,
        "a signature is no token"
    );
}

#[tokio::test]
async fn a_reader_reads_and_nothing_else() {
    let lab = Lab::new().await;
    lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
    let token = lab
        .token_of("ACR_EMULATOR_READER_CLIENT_ID", "ACR_EMULATOR_READER_CLIENT_SECRET")
        .await;
    let pool = lab.pool("pool-a");
    let queue = pool.replace("pool-a?", "pool-a/listQueueStatus?");
    for (method, url, action) in [
        ("PUT", &pool, "agentPools/write"),
        ("PATCH", &pool, "agentPools/write"),
        ("DELETE", &pool, "agentPools/delete"),
        ("POST", &queue, "agentPools/listQueueStatus/action"),
    ] {
        let reply = lab.send(method, url, &token, Some("{}")).await.unwrap();
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "AuthorizationFailed"),
            "{method}"
        );
        let message = reply.message();
        let wanted = format!(
            "perform action 'Microsoft.ContainerRegistry/registries/{action}' over scope '{}/agentPools/pool-a",
            lab.registry()
        );
        assert!(message.contains(&wanted), "{message}");
        assert!(
            message.contains(&lab.variable("ACR_EMULATOR_READER_CLIENT_ID")),
            "{message}"
        );
    }
    for url in [
        pool.clone(),
        format!("{}?api-version={NETWORKS}", lab.subnet()),
        format!("{}/runs?api-version={POOLS}", lab.registry()),
    ] {
        assert_eq!(lab.send("GET", &url, &token, None).await.unwrap().status, 200, "{url}");
    }
    assert_eq!(lab.state_of("pool-a").await, "Succeeded", "nothing happened");
    let reader: Vec<String> = lab
        .emulator
        .reader_environment()
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert!(reader.contains(&lab.variable("ACR_EMULATOR_READER_CLIENT_SECRET")));
    assert!(!reader.contains(&lab.variable("ARM_CLIENT_SECRET")));
}

#[tokio::test]
async fn an_identity_that_may_not_read_subnets() {
    let lab = Lab::new().await;
    let token = lab
        .token_of(
            "ACR_EMULATOR_NO_SUBNET_READ_CLIENT_ID",
            "ACR_EMULATOR_NO_SUBNET_READ_CLIENT_SECRET",
        )
        .await;
    let subnet = format!("{}?api-version={NETWORKS}", lab.subnet());
    assert_eq!(
        lab.send("GET", &subnet, &token, None).await.unwrap().code(),
        "AuthorizationFailed"
    );
    let network = subnet.replace("/subnets/snet-agents", "");
    assert_eq!(lab.send("GET", &network, &token, None).await.unwrap().status, 200);
}

#[tokio::test]
async fn loopback_only() {
    let options = Options {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Options::default()
    };
    assert!(matches!(start(options).await, Err(StartError::NotLoopback(_))));
}

#[tokio::test]
async fn stopping_closes_the_port_and_removes_the_files() {
    let lab = Lab::new().await;
    let file = lab.emulator.ca_file().to_path_buf();
    let bundle = lab.variable("SSL_CERT_FILE");
    assert!(file.exists() && std::path::Path::new(&bundle).exists());
    let (client, url) = (lab.client.clone(), format!("{}/metadata/endpoints", lab.emulator.url()));
    lab.emulator.stop().await;
    assert!(!file.exists() && !std::path::Path::new(&bundle).exists());
    assert!(client.get(url).send().await.is_err());
}
