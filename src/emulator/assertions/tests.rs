//! Assertions with one thing wrong at a time.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::identity::Identities;
use super::*;

const KEY: &str = include_str!("../../../tests/fixtures/credentials/key.pem");
const CERTIFICATE: &str = include_str!("../../../tests/fixtures/credentials/certificate.pem");
const AUDIENCE: &str = "https://localhost:1/t/oauth2/v2.0/token";

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

fn signed(header: &Value, claims: &Value, padding: &'static dyn RsaEncoding) -> String {
    let key = RsaKeyPair::from_pkcs8(&der(KEY)).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A principal that may sign with the fixtures' certificate.
fn identities() -> Identities {
    let mut identities = Identities::random("t", &[], "https://localhost:1");
    let certificate = Certificate::from_der(&der(CERTIFICATE)).unwrap();
    identities.principals[0].certificates.push(certificate);
    identities
}

fn check(identities: &Identities, assertion: &str, now: OffsetDateTime) -> Result<Proof, u32> {
    let principal = &identities.principals[0];
    verify(assertion, principal, &identities.issuer, AUDIENCE, now).map_err(|Refused(code, _)| code)
}

#[test]
fn a_certificates_assertion_is_checked_member_by_member() {
    let identities = identities();
    let client = identities.principals[0].client_id.as_str();
    let now = OffsetDateTime::now_utc();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der(CERTIFICATE)));
    let old_thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der(CERTIFICATE)));
    let header = json!({"alg": "PS256", "x5t#S256": thumbprint});
    let claims = json!({
        "aud": AUDIENCE, "iss": client, "sub": client, "jti": "1",
        "nbf": now.unix_timestamp(), "exp": now.unix_timestamp() + 600,
    });
    let with = |member: &str, value: Value| {
        let mut claims = claims.clone();
        claims[member] = value;
        signed(&header, &claims, &RSA_PSS_SHA256)
    };
    let good = signed(&header, &claims, &RSA_PSS_SHA256);
    let old = signed(
        &json!({"alg": "RS256", "x5t": old_thumbprint}),
        &claims,
        &RSA_PKCS1_SHA256,
    );
    let other_key = json!({"alg": "PS256", "x5t#S256": "other"});
    let hour = 3600;
    let cases = [
        ("good", good.clone(), Ok(Proof::Certificate)),
        ("RS256 with SHA-1", old, Ok(Proof::Certificate)),
        ("broken", "a.b".into(), Err(50_027)),
        ("tampered", good.replacen('.', ".e", 1), Err(50_027)),
        ("other claims", swapped(&good, &with("jti", json!("2"))), Err(700_027)),
        (
            "not registered",
            signed(&other_key, &claims, &RSA_PSS_SHA256),
            Err(700_027),
        ),
        (
            "wrong padding",
            signed(&header, &claims, &RSA_PKCS1_SHA256),
            Err(700_027),
        ),
        (
            "no algorithm",
            signed(
                &json!({"alg": "none", "x5t#S256": thumbprint}),
                &claims,
                &RSA_PSS_SHA256,
            ),
            Err(700_027),
        ),
        ("audience", with("aud", json!("https://elsewhere")), Err(700_023)),
        ("issuer", with("iss", json!("somebody")), Err(700_021)),
        ("subject", with("sub", json!("somebody")), Err(700_021)),
        ("no id", with("jti", Value::Null), Err(50_027)),
        ("expired", with("exp", json!(now.unix_timestamp() - hour)), Err(700_024)),
        ("no end", with("exp", Value::Null), Err(700_024)),
        ("early", with("nbf", json!(now.unix_timestamp() + hour)), Err(700_024)),
        (
            "no thumbprint",
            signed(&json!({"alg": "PS256"}), &claims, &RSA_PSS_SHA256),
            Err(700_211),
        ),
    ];
    for (what, assertion, expected) in cases {
        assert_eq!(check(&identities, &assertion, now), expected, "{what}");
    }
}

/// The claims of one token under the signature of another.
fn swapped(signature_of: &str, claims_of: &str) -> String {
    let (_, signature) = signature_of.rsplit_once('.').unwrap();
    let (signed, _) = claims_of.rsplit_once('.').unwrap();
    format!("{signed}.{signature}")
}

#[test]
fn a_federated_token_is_checked_member_by_member() {
    let mut identities = identities();
    identities.principals[0].trusted_subjects.push("subject".into());
    let now = OffsetDateTime::UNIX_EPOCH;
    let issuer = &identities.issuer;
    let good = issuer.token("subject", EXCHANGE_AUDIENCE, now);
    let late = now + Duration::hours(1);
    let forged = signed(
        &json!({"alg": "RS256"}),
        &json!({"iss": issuer.url()}),
        &RSA_PKCS1_SHA256,
    );
    let cases = [
        ("good", good.clone(), now, Ok(Proof::FederatedToken)),
        (
            "subject",
            issuer.token("Subject", EXCHANGE_AUDIENCE, now),
            now,
            Err(700_213),
        ),
        (
            "audience",
            issuer.token("subject", "api://other", now),
            now,
            Err(700_212),
        ),
        ("expired", good, late, Err(700_024)),
        ("forged", forged, now, Err(5_000_811)),
    ];
    for (what, token, now, expected) in cases {
        assert_eq!(check(&identities, &token, now), expected, "{what}");
    }
}
