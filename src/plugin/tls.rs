//! Mutual TLS between host and plugin.
//!
//! The host makes a certificate for one connection and passes it, public part only, in the environment. It is self-signed,
//! a certificate authority, and used as an end entity, which ordinary chain validation refuses with good reason. Trust is
//! therefore simpler and stricter here: the client must present *exactly* that certificate and prove, by a signature, that
//! it holds the key. Whoever may reach the socket but is not the host is refused.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use time::{Duration, OffsetDateTime};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
        client::danger::HandshakeSignatureValid,
        crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime, pem::PemObject},
        server::danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::ServeError;

/// The name for which the host checks our certificate, whatever the address.
const SERVER_NAME: &str = "localhost";

/// How far back the certificate's validity begins: two clocks of one machine (a container's, say) may differ a little.
const CLOCK_SKEW: Duration = Duration::seconds(30);

/// How long the certificate is valid. Its key lives in memory only and dies with the process, so the end only has to lie
/// behind any process; thirty years are what the host gives its own.
const VALIDITY: Duration = Duration::days(30 * 365);

/// This process's own certificate, and the acceptor that knows the one client to let in.
pub struct Identity {
    certificate: CertificateDer<'static>,
    /// Accepts connections of the trusted client only.
    pub acceptor: TlsAcceptor,
}

impl Identity {
    /// Makes a fresh key and certificate, and trusts the client whose certificate `client_pem` is.
    pub fn trusting(client_pem: &str) -> Result<Self, ServeError> {
        let client = read_client_certificate(client_pem)?;
        let failed = |cause: &dyn std::fmt::Display| ServeError::ServerCertificate(cause.to_string());
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|cause| failed(&cause))?;
        let certificate = server_certificate(&key).map_err(|cause| failed(&cause))?;
        // The provider is named, never looked up: two of them in one program make the look-up panic. It has to be
        // aws-lc because the host's key is on P-521, which the usual alternative cannot verify.
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .map_err(|cause| failed(&cause))?
            .with_client_cert_verifier(Arc::new(PinnedClient {
                certificate: client,
                crypto,
            }))
            .with_single_cert(
                vec![certificate.clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .map_err(|cause| failed(&cause))?;
        // Newer hosts refuse a server that does not choose HTTP/2 here.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            certificate,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// The certificate, DER, that the host must trust.
    pub fn certificate(&self) -> &[u8] {
        self.certificate.as_ref()
    }
}

/// Lets in whoever presents this certificate and proves to hold its key.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    crypto: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hint: the client has only one certificate to offer.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    // The certificate is public; these two are what makes possession of its key count.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.crypto.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.crypto.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}

/// The one certificate in `pem`. More than one would leave open which client is meant.
fn read_client_certificate(pem: &str) -> Result<CertificateDer<'static>, ServeError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates = certificates.map_err(|cause| ServeError::ClientCertificate(cause.to_string()))?;
    let [certificate] = <[_; 1]>::try_from(certificates).map_err(|other| {
        ServeError::ClientCertificate(format!("expected one PEM certificate, found {}", other.len()))
    })?;
    Ok(certificate)
}

/// A self-signed end-entity certificate for [`SERVER_NAME`].
fn server_certificate(key: &KeyPair) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, SERVER_NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + VALIDITY;
    Ok(params.self_signed(key)?.der().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> String {
        rcgen::generate_simple_self_signed(vec![SERVER_NAME.to_owned()])
            .unwrap()
            .cert
            .pem()
    }

    #[test]
    fn the_hosts_signature_scheme_is_offered() {
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let certificate = read_client_certificate(&pem()).unwrap();
        let schemes = PinnedClient { certificate, crypto }.supported_verify_schemes();
        assert!(schemes.contains(&SignatureScheme::ECDSA_NISTP521_SHA512), "{schemes:?}");
    }

    #[test]
    fn client_certificates_that_cannot_be_pinned() {
        let two = pem() + &pem();
        let cut = pem().replace("-----END CERTIFICATE-----", "");
        for bad in ["", "certificate", two.as_str(), cut.as_str()] {
            assert!(
                matches!(Identity::trusting(bad), Err(ServeError::ClientCertificate(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn every_process_has_a_certificate_of_its_own() {
        let client = pem();
        let (one, other) = (
            Identity::trusting(&client).unwrap(),
            Identity::trusting(&client).unwrap(),
        );
        assert_ne!(one.certificate(), other.certificate());
        // The host ignores a certificate field of 50 characters or fewer.
        assert!(one.certificate().len() > 50);
    }
}
