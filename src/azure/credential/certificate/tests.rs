//! Files as OpenSSL writes them are in the integration tests; here is what needs none.

use super::*;

fn problem(bytes: &[u8], password: Option<&str>) -> String {
    SigningCertificate::read(bytes, password, OffsetDateTime::now_utc()).unwrap_err()
}

#[test]
fn what_is_no_certificate_is_told_apart() {
    let cases: [(&[u8], &str); 6] = [
        (b"nonsense", "neither PKCS#12 nor PEM"),
        (b"", "neither PKCS#12 nor PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA", "does not end"),
        (
            b"-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
            "no base64",
        ),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "old way",
        ),
        (
            b"-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n",
            "no certificate",
        ),
    ];
    for (bytes, want) in cases {
        let told = problem(bytes, Some("hush-hush"));
        assert!(told.contains(want) && !told.contains("hush"), "{told}");
    }
}

#[test]
fn a_missing_file_and_bad_base64_are_named() {
    let now = OffsetDateTime::now_utc();
    let file = CertificateOrigin::File("no/such/file.pfx".into());
    let told = SigningCertificate::load(&file, None, now).unwrap_err();
    assert!(told.starts_with("the file no/such/file.pfx cannot be read: "), "{told}");
    let text = CertificateOrigin::Base64(azure_core::credentials::Secret::from("?".to_string()));
    let told = SigningCertificate::load(&text, None, now).unwrap_err();
    assert!(told.contains("client_certificate_path"), "{told}");
}
