//! The environment that points clients at the emulator, and the file that carries it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use super::identity::Principal;

/// Permission bits of group and others: none may be set on a file that holds a secret.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The variables that azurerm, azapi, the Azure SDKs, the Azure CLI and this provider read.
pub(super) fn variables(
    base_url: &str,
    subscription: &str,
    tenant: &str,
    principal: &Principal,
    bundle: &Path,
) -> Vec<(String, String)> {
    let bundle = bundle.display().to_string();
    let (id, secret) = (principal.client_id.as_str(), principal.client_secret.as_str());
    let pairs = [
        ("ARM_SUBSCRIPTION_ID", subscription),
        ("ARM_TENANT_ID", tenant),
        ("ARM_CLIENT_ID", id),
        ("ARM_CLIENT_SECRET", secret),
        ("ARM_ENVIRONMENT", "custom"),
        ("ARM_RESOURCE_MANAGER_ENDPOINT", base_url),
        ("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", base_url),
        ("ARM_RESOURCE_MANAGER_AUDIENCE", base_url),
        ("AZURE_SUBSCRIPTION_ID", subscription),
        ("AZURE_TENANT_ID", tenant),
        ("AZURE_CLIENT_ID", id),
        ("AZURE_CLIENT_SECRET", secret),
        ("AZURE_AUTHORITY_HOST", base_url),
        ("SSL_CERT_FILE", &bundle),
        ("REQUESTS_CA_BUNDLE", &bundle),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// Writes `export` lines, readable by the owner only.
///
/// Refuses a symbolic link, anything that is no file, and a file that others may read: whoever put it there would get
/// the secret. The file is replaced, never written through.
pub(super) fn write(path: &Path, variables: &[(String, String)]) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(known) if !known.file_type().is_file() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it exists and is no regular file",
            ));
        }
        #[cfg(unix)]
        Ok(known) if known.permissions().mode() & OTHERS != 0 => {
            let problem = "it exists and others may read or write it; remove it or `chmod 600` it first";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        Ok(_) => {}
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Temporary files are 0600 from the first moment, and renaming keeps that.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for (name, value) in variables {
        writeln!(file, "export {name}={}", quoted(value))?;
    }
    file.flush()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A shell word in single quotes.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        for (value, expected) in [("plain", "'plain'"), ("a b$c", "'a b$c'"), ("it's", r"'it'\''s'")] {
            assert_eq!(quoted(value), expected);
        }
    }
}
