//! Client assertions: JSON Web Tokens that stand for a client secret, signed with a registered certificate's key or by an
//! issuer that the application trusts.
//!
//! Codes are those that Entra ID is known to answer with; texts are our own.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;

use super::identity::Principal;
use super::issuer::{EXCHANGE_AUDIENCE, Issuer};

/// How far the clocks of client and authority may be apart.
const SKEW: Duration = Duration::minutes(5);

/// A certificate that an application may sign with.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    der: Vec<u8>,
    public_key: Vec<u8>,
    expires: i64,
}

/// Why an assertion is refused: Entra ID's number and a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) u32, pub(super) String);

/// What an assertion proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Certificate,
    FederatedToken,
}

impl Certificate {
    /// Reads a certificate in DER. The error says what is wrong with it.
    pub(super) fn from_der(der: &[u8]) -> Result<Certificate, String> {
        let certificate = X509::from_der(der).map_err(|error| error.to_string())?;
        let tbs = certificate.tbs_certificate();
        let expires = tbs.validity().not_after.to_unix_duration().as_secs();
        Ok(Certificate {
            der: der.to_vec(),
            public_key: tbs.subject_public_key_info().subject_public_key.raw_bytes().to_vec(),
            expires: i64::try_from(expires).unwrap_or(i64::MAX),
        })
    }

    fn is_named_by(&self, header: &Value) -> bool {
        let named = |member: &str, algorithm| {
            let thumbprint = URL_SAFE_NO_PAD.encode(digest(algorithm, &self.der));
            header[member].as_str() == Some(thumbprint.as_str())
        };
        named("x5t#S256", &SHA256) || named("x5t", &SHA1_FOR_LEGACY_USE_ONLY)
    }
}

/// The parts of a signed token.
struct Token<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl Token<'_> {
    fn parse(text: &str) -> Option<Token<'_>> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Token {
            header: json(header)?,
            claims: json(claims)?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    fn is_signed_with(&self, public_key: &[u8]) -> bool {
        let algorithm: &RsaParameters = match self.header["alg"].as_str() {
            Some("PS256") => &RSA_PSS_2048_8192_SHA256,
            Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, public_key)
            .verify(self.signed.as_bytes(), &self.signature)
            .is_ok()
    }

    fn check_time(&self, now: OffsetDateTime) -> Result<(), Refused> {
        let at = |name: &str| self.claims[name].as_i64();
        let (earliest, latest) = ((now - SKEW).unix_timestamp(), (now + SKEW).unix_timestamp());
        let good = at("exp").is_some_and(|exp| exp > earliest) && at("nbf").is_none_or(|nbf| nbf <= latest);
        if good {
            return Ok(());
        }
        refuse(700_024, "The client assertion is outside of its period of validity.")
    }
}

/// Checks an assertion of `principal` for `audience`, the tenant's token endpoint. `now` is the emulator's time.
pub(super) fn verify(
    assertion: &str,
    principal: &Principal,
    issuer: &Issuer,
    audience: &str,
    now: OffsetDateTime,
) -> Result<Proof, Refused> {
    let Some(token) = Token::parse(assertion) else {
        return refuse(50_027, "The client assertion is no signed JSON Web Token.");
    };
    if token.claim("iss") == issuer.url() {
        return federated(&token, principal, issuer, now);
    }
    if token.header.get("x5t").is_none() && token.header.get("x5t#S256").is_none() {
        let text = format!(
            "No trusted issuer is called '{}' for this application.",
            token.claim("iss")
        );
        return refuse(700_211, &text);
    }
    certificate(&token, principal, audience)
}

fn certificate(token: &Token, principal: &Principal, audience: &str) -> Result<Proof, Refused> {
    let Some(known) = principal
        .certificates
        .iter()
        .find(|known| known.is_named_by(&token.header))
    else {
        return refuse(
            700_027,
            "The certificate that signed the client assertion is not registered on the application.",
        );
    };
    // The client dates its assertions by the machine's clock, which the emulator's own may have been advanced from.
    let now = OffsetDateTime::now_utc();
    if known.expires <= now.unix_timestamp() {
        return refuse(700_027, "The certificate that signed the client assertion has expired.");
    }
    if !token.is_signed_with(&known.public_key) {
        return refuse(700_027, "The signature of the client assertion is wrong.");
    }
    let client_id = &principal.client_id;
    if token.claim("iss") != client_id || token.claim("sub") != client_id {
        return refuse(
            700_021,
            "Issuer and subject of the client assertion are not the application's id.",
        );
    }
    if !token.claim("aud").eq_ignore_ascii_case(audience) {
        return refuse(
            700_023,
            &format!("The audience of the client assertion is not '{audience}'."),
        );
    }
    if token.claim("jti").is_empty() {
        return refuse(50_027, "The client assertion has no 'jti'.");
    }
    token.check_time(now)?;
    Ok(Proof::Certificate)
}

fn federated(token: &Token, principal: &Principal, issuer: &Issuer, now: OffsetDateTime) -> Result<Proof, Refused> {
    if !token.is_signed_with(issuer.public_key()) {
        return refuse(5_000_811, "The signature of the token is none of the issuer's.");
    }
    if token.claim("aud") != EXCHANGE_AUDIENCE {
        let text = format!("No federated credential has the audience '{}'.", token.claim("aud"));
        return refuse(700_212, &text);
    }
    let subject = token.claim("sub");
    if !principal.trusted_subjects.iter().any(|trusted| trusted == subject) {
        return refuse(
            700_213,
            &format!("No federated credential has the subject '{subject}'."),
        );
    }
    token.check_time(now)?;
    Ok(Proof::FederatedToken)
}

fn refuse<T>(code: u32, text: &str) -> Result<T, Refused> {
    Err(Refused(code, text.to_string()))
}

#[cfg(test)]
mod tests;
