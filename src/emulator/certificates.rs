//! The emulator's own certificate authority: alive in memory only, and good for this machine's loopback only.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use tempfile::TempDir;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Where Linux distributions keep the bundle of public roots.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// How long certificates are valid: longer than any demo, shorter than anybody should trust them.
const VALIDITY: time::Duration = time::Duration::days(30);

/// The server's TLS set-up, and the files by which clients trust it. The files vanish with this value.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) server: Arc<ServerConfig>,
    /// The authority's certificate alone.
    pub(super) authority_file: PathBuf,
    /// The system's roots, where found, and the authority's certificate.
    pub(super) bundle_file: PathBuf,
    _folder: TempDir,
}

/// Makes an authority and a certificate for `localhost` and `127.0.0.1`.
pub(super) fn create() -> Result<Certificates, io::Error> {
    let (authority, leaf, leaf_key) = issue().map_err(io::Error::other)?;
    let leaf_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], leaf_key)
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let folder = tempfile::Builder::new().prefix("acr-emulator-").tempdir()?;
    let authority_file = folder.path().join("ca.pem");
    let bundle_file = folder.path().join("bundle.pem");
    std::fs::write(&authority_file, authority.pem())?;
    std::fs::write(
        &bundle_file,
        system_roots(&SYSTEM_BUNDLES.map(Path::new)) + &authority.pem(),
    )?;
    Ok(Certificates {
        server: Arc::new(server),
        authority_file,
        bundle_file,
        _folder: folder,
    })
}

fn issue() -> Result<(rcgen::Certificate, rcgen::Certificate, KeyPair), rcgen::Error> {
    let from = time::OffsetDateTime::now_utc() - time::Duration::days(1);
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "acr-emulator (loopback only)");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
        ],
        excluded_subtrees: Vec::new(),
    });
    (params.not_before, params.not_after) = (from, from + VALIDITY);
    let authority_key = KeyPair::generate()?;
    let authority = params.self_signed(&authority_key)?;
    let issuer = Issuer::from_params(&params, &authority_key);
    let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (from, from + VALIDITY);
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, &issuer)?;
    Ok((authority, leaf, key))
}

/// The first bundle that can be read; nothing where there is none.
fn system_roots(candidates: &[&Path]) -> String {
    let found = candidates.iter().find_map(|path| std::fs::read_to_string(path).ok());
    let mut roots = found.unwrap_or_default();
    if !roots.is_empty() && !roots.ends_with('\n') {
        roots.push('\n');
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_vanish_and_hold_no_key() {
        let certificates = create().unwrap();
        let file = certificates.authority_file.clone();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE"),
            "{text}"
        );
        assert!(
            std::fs::read_to_string(&certificates.bundle_file)
                .unwrap()
                .ends_with(&text)
        );
        drop(certificates);
        assert!(!file.exists());
    }
}
