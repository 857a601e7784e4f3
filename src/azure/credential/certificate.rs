//! A client certificate with its RSA key, out of PKCS#12 or PEM, from a file or from base64.
//!
//! azure_identity's own certificate credential needs the system's OpenSSL, which a user's machine may lack, and takes no
//! PEM. Every refusal here says what to do, because the reader has a file in front of them and nothing else.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use azure_core::time::OffsetDateTime;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as Pkcs12Error;
use pkcs8::EncryptedPrivateKeyInfoRef;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::CertificateOrigin;

/// Where PEM begins. PKCS#12 is binary.
const PEM_BEGIN: &str = "-----BEGIN ";

/// A certificate and the key that belongs to it.
pub(super) struct SigningCertificate {
    key: RsaKeyPair,
    thumbprint: String,
}

impl SigningCertificate {
    /// Reads certificate and key, and checks that they belong together and that the certificate is valid at `now`.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it; never a secret.
    pub(super) fn load(
        origin: &CertificateOrigin,
        password: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, String> {
        let (bytes, whence) = match origin {
            CertificateOrigin::File(path) => {
                let whence = format!("the file {}", path.display());
                let bytes = std::fs::read(path).map_err(|error| format!("{whence} cannot be read: {error}"))?;
                (bytes, whence)
            }
            CertificateOrigin::Base64(text) => {
                let whence = "client_certificate".to_string();
                let bytes = base64_bytes(text.secret()).ok_or("client_certificate is not base64. Encode the PKCS#12 or PEM file with: base64 -w0 FILE. A path belongs into client_certificate_path.")?;
                (bytes, whence)
            }
        };
        Self::read(&bytes, password, now).map_err(|problem| format!("{whence} {problem}"))
    }

    /// As [`SigningCertificate::load`]; the error is a clause about a file not named.
    fn read(bytes: &[u8], password: Option<&str>, now: OffsetDateTime) -> Result<Self, String> {
        let found = match std::str::from_utf8(bytes).ok().filter(|text| text.contains(PEM_BEGIN)) {
            Some(text) => from_pem(text, password)?,
            None => from_pkcs12(bytes, password)?,
        };
        found.joined(now)
    }

    /// The certificate's SHA-256 thumbprint in base64url, as `x5t#S256` wants it.
    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// An RSASSA-PSS signature with SHA-256, in base64url.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String, String> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| "signing with the certificate's key failed".to_string())?;
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for SigningCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningCertificate")
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// What a file held, in DER.
#[derive(Default)]
struct Found {
    certificates: Vec<Vec<u8>>,
    keys: Vec<RsaKeyPair>,
    /// Why a key that was there is not among `keys`.
    refused_key: Option<String>,
}

impl Found {
    fn take_key(&mut self, key: Result<RsaKeyPair, String>) {
        match key {
            Ok(key) => self.keys.push(key),
            Err(problem) => self.refused_key = Some(problem),
        }
    }

    /// The certificate whose key is there: a file may hold the chain too, in any order.
    fn joined(self, now: OffsetDateTime) -> Result<SigningCertificate, String> {
        if self.certificates.is_empty() {
            return Err("holds no certificate.".into());
        }
        if self.keys.is_empty() {
            return Err(self.refused_key.unwrap_or_else(|| {
                "holds no private key. Export the certificate together with its private key.".into()
            }));
        }
        for key in self.keys {
            for der in &self.certificates {
                let certificate = Certificate::from_der(der)
                    .map_err(|error| format!("holds a certificate that cannot be read: {error}."))?;
                let tbs = certificate.tbs_certificate();
                if tbs.subject_public_key_info().subject_public_key.raw_bytes() != key.public_key().as_ref() {
                    continue;
                }
                check_validity(&certificate, now)?;
                let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, der));
                return Ok(SigningCertificate { key, thumbprint });
            }
        }
        Err("holds a private key and certificates that do not belong together.".into())
    }
}

/// Bytes out of base64, whatever line breaks a tool has put in.
fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    let dense: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).ok()
}

fn check_validity(certificate: &Certificate, now: OffsetDateTime) -> Result<(), String> {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let validity = certificate.tbs_certificate().validity();
    if validity.not_after.to_unix_duration().as_secs() < seconds {
        let end = validity.not_after.to_date_time();
        return Err(format!(
            "holds a certificate that expired at {end}. Renew it, and add the new one to the application."
        ));
    }
    if validity.not_before.to_unix_duration().as_secs() > seconds {
        let start = validity.not_before.to_date_time();
        return Err(format!(
            "holds a certificate that is not valid before {start}. Check this machine's clock."
        ));
    }
    Ok(())
}

fn from_pkcs12(bytes: &[u8], password: Option<&str>) -> Result<Found, String> {
    let archive = Pkcs12Archive::from_pkcs12(bytes, password.unwrap_or_default()).map_err(|error| match error {
        Pkcs12Error::MacError(_) | Pkcs12Error::UnpadError | Pkcs12Error::Pkcs5Error(_) => wrong_password(password),
        error => format!("is neither PKCS#12 nor PEM, or a kind of PKCS#12 that is not supported: {error}."),
    })?;
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec());
    let mut found = Found {
        certificates: certificates.collect(),
        ..Found::default()
    };
    for bag in &archive.keys {
        found.take_key(rsa_key(bag.key.as_der()));
    }
    Ok(found)
}

fn wrong_password(password: Option<&str>) -> String {
    match password {
        Some(_) => "cannot be decrypted with client_certificate_password: the password is wrong.".into(),
        None => "is encrypted. Set client_certificate_password.".into(),
    }
}

fn rsa_key(pkcs8: &[u8]) -> Result<RsaKeyPair, String> {
    RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| not_rsa())
}

fn not_rsa() -> String {
    "holds a private key that is not RSA of 2048 to 8192 bits; Entra ID takes no other for client certificates.".into()
}

fn from_pem(text: &str, password: Option<&str>) -> Result<Found, String> {
    let mut found = Found::default();
    for (label, body) in pem_sections(text)? {
        let der = || base64_bytes(body).ok_or_else(|| broken_section(label, body));
        match label {
            "CERTIFICATE" => found.certificates.push(der()?),
            "PRIVATE KEY" => found.take_key(rsa_key(&der()?)),
            "RSA PRIVATE KEY" => found.take_key(RsaKeyPair::from_der(&der()?).map_err(|_| not_rsa())),
            "ENCRYPTED PRIVATE KEY" => {
                let encrypted = der()?;
                let encrypted = EncryptedPrivateKeyInfoRef::from_der(&encrypted)
                    .map_err(|error| format!("holds an encrypted key that cannot be read: {error}."))?;
                let key = encrypted
                    .decrypt(password.unwrap_or_default())
                    .map_err(|_| wrong_password(password))?;
                found.take_key(rsa_key(key.as_bytes()));
            }
            "EC PRIVATE KEY" => found.take_key(Err(not_rsa())),
            // Parameters, comments and the like are no concern of ours.
            _ => {}
        }
    }
    Ok(found)
}

/// Label and base64 text of each section.
fn pem_sections(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut sections = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(PEM_BEGIN) {
        let (label, after) = begun.split_once("-----").ok_or("is broken PEM.")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after
            .split_once(end.as_str())
            .ok_or_else(|| format!("is broken PEM: the section \"{label}\" does not end."))?;
        sections.push((label, body));
        rest = after;
    }
    Ok(sections)
}

fn broken_section(label: &str, body: &str) -> String {
    if body.contains("Proc-Type") {
        return "holds a key encrypted in OpenSSL's old way. Convert it with: openssl pkcs8 -topk8 -in FILE.".into();
    }
    format!("is broken PEM: the section \"{label}\" is no base64.")
}

#[cfg(test)]
mod tests;
