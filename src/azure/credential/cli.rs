//! The Azure CLI as a source of tokens, for people at their own machines.

use std::ffi::OsStr;
use std::io;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions, Executor};

/// How long `az` may take. It starts within seconds; a slow network may make it wait for Entra ID.
pub const CLI_TIMEOUT: Duration = Duration::from_secs(60);

/// The credential; `az` is run when a token is needed, not before.
pub(super) fn credential(tenant_id: Option<&str>) -> Result<Arc<dyn TokenCredential>, String> {
    let options = AzureCliCredentialOptions {
        tenant_id: tenant_id.map(str::to_string),
        executor: Some(Arc::new(BoundedShell)),
        ..Default::default()
    };
    let inner = AzureCliCredential::new(Some(options)).map_err(|error| error.to_string())?;
    Ok(Arc::new(Cli {
        inner,
        tenant_id: tenant_id.map(str::to_string),
    }))
}

/// The CLI's credential, whose complaints become advice.
#[derive(Debug)]
struct Cli {
    inner: Arc<AzureCliCredential>,
    tenant_id: Option<String>,
}

#[async_trait::async_trait]
impl TokenCredential for Cli {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let token = self.inner.get_token(scopes, options).await;
        token.map_err(|error| {
            let message = advice(&error.to_string(), self.tenant_id.as_deref());
            azure_core::Error::with_message(ErrorKind::Credential, message)
        })
    }
}

/// What to do, before the CLI's own words.
fn advice(said: &str, tenant: Option<&str>) -> String {
    let own = own_words(said);
    let login = tenant.map_or("az login".to_string(), |tenant| format!("az login --tenant {tenant}"));
    let holds = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    if holds(&["az not found on PATH", "wasn't found on PATH"]) {
        return "the command `az` is not on the PATH. Install the Azure CLI, or configure another way to sign in"
            .into();
    }
    if holds(&["expires_on field not found"]) {
        return "this `az` is too old to say when its tokens expire. Update it to 2.54.0 or newer".into();
    }
    if holds(&["timed out", "did not end within"]) {
        return format!("`az` {own}");
    }
    if holds(&[
        "AADSTS90002",
        "AADSTS50020",
        "not found in tenant",
        "doesn't exist in tenant",
        "Couldn't find tenant",
    ]) && let Some(tenant) = tenant
    {
        return format!(
            "the account that `az` is signed in with has no access to the tenant {tenant}. Check tenant_id, or sign in there with `{login}`. az said: {own}"
        );
    }
    if holds(&["az login", "No subscription found", "refresh token has expired"]) {
        return format!("`az` is not signed in, or no longer. Run `{login}`. az said: {own}");
    }
    format!("`az account get-access-token` failed: {own}")
}

/// The CLI's message in one line, without azure_identity's frame.
fn own_words(said: &str) -> String {
    let said = said.split("\nTo troubleshoot").next().unwrap_or_default();
    let said = said.trim_start_matches("AzureCliCredential authentication failed.");
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

/// Runs the shell that azure_identity asks for, and ends what hangs.
#[derive(Debug)]
struct BoundedShell;

#[async_trait::async_trait]
impl Executor for BoundedShell {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = tokio::process::Command::new(program);
        command.args(args).stdin(std::process::Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(CLI_TIMEOUT, command.output()).await {
            Ok(output) => output,
            Err(_) => {
                let message = format!("did not end within {} s", CLI_TIMEOUT.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_own_sentence() {
        let framed = |text: &str| {
            format!("AzureCliCredential authentication failed. {text}\nTo troubleshoot, visit https://aka.example/cli")
        };
        let cases = [
            ("az not found on PATH", "not on the PATH"),
            (
                "ERROR: Please run 'az login' to setup account.",
                "`az` is not signed in",
            ),
            (
                "ERROR: AADSTS90002: Tenant 't-1' not found.",
                "no access to the tenant t-1",
            ),
            (
                "ERROR: AADSTS700082: The refresh token has expired.",
                "az login --tenant t-1",
            ),
            ("expires_on field not found. Please use", "2.54.0"),
            ("timed out error: did not end within 60 s", "`az` timed out"),
            ("ERROR: something new", "failed: ERROR: something new"),
        ];
        for (said, want) in cases {
            let told = advice(&framed(said), Some("t-1"));
            assert!(told.contains(want) && !told.contains("aka.example"), "{said}: {told}");
        }
    }
}
