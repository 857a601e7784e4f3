//! Which way to sign in: a pure function from what is given to an ordered list of candidates, and the first that is usable.
//!
//! The order is azurerm's, so that a configuration that works there signs in as the same principal here.

use std::path::PathBuf;

use azure_core::credentials::Secret;

use crate::azure::{
    CredentialSource,
    credential::{Application, CertificateOrigin, FederatedOrigin, TokenRequest},
};

/// All that decides how to sign in, from block and environment.
#[derive(Clone, Default)]
pub(super) struct Given {
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) client_certificate: Option<Secret>,
    pub(super) client_certificate_path: Option<String>,
    pub(super) client_certificate_password: Option<Secret>,
    pub(super) use_oidc: bool,
    pub(super) oidc_token: Option<Secret>,
    pub(super) oidc_token_file_path: Option<String>,
    pub(super) oidc_request_url: Option<String>,
    pub(super) oidc_request_token: Option<Secret>,
    pub(super) ado_pipeline_service_connection_id: Option<String>,
    pub(super) use_aks_workload_identity: bool,
    /// What AKS puts into a pod's environment.
    pub(super) workload: Workload,
    pub(super) use_msi: bool,
    pub(super) use_cli: bool,
    /// Whether the command `az` is there.
    pub(super) has_az: bool,
}

/// The variables of a pod with a workload identity.
#[derive(Clone, Default)]
pub(super) struct Workload {
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) token_file: Option<String>,
}

/// One way to sign in: usable, or with the reason why not.
pub(super) struct Candidate {
    pub(super) name: &'static str,
    pub(super) outcome: Result<CredentialSource, Unusable>,
}

/// Why a way to sign in is not usable.
pub(super) struct Unusable {
    pub(super) reason: String,
    /// It was asked for, but something is missing: worth a warning when another way is taken.
    pub(super) incomplete: bool,
}

/// The way that is taken.
pub(super) struct Choice {
    pub(super) source: CredentialSource,
    /// The ways before it, each with why it did not apply.
    pub(super) passed_over: Vec<String>,
    /// Those among them that somebody began to configure.
    pub(super) incomplete: Vec<String>,
}

/// Every way to sign in, in the order in which they are looked at.
pub(super) fn candidates(given: &Given) -> Vec<Candidate> {
    let candidate = |name, outcome| Candidate { name, outcome };
    vec![
        candidate("client certificate", client_certificate(given)),
        candidate("client secret", client_secret(given)),
        candidate("OIDC token", oidc_token(given)),
        candidate("OIDC token file", oidc_token_file(given)),
        candidate("Azure Pipelines OIDC", azure_pipelines(given)),
        candidate("GitHub OIDC", github(given)),
        candidate("AKS workload identity", workload_identity(given)),
        candidate("managed identity", managed_identity(given)),
        candidate("Azure CLI", azure_cli(given)),
    ]
}

/// The first usable candidate; else all of them with their reasons.
pub(super) fn choose(candidates: Vec<Candidate>) -> Result<Choice, Vec<String>> {
    let (mut passed_over, mut incomplete) = (Vec::new(), Vec::new());
    for Candidate { name, outcome } in candidates {
        match outcome {
            Ok(mut source) => {
                if let CredentialSource::AzureCli { passed_over: told, .. } = &mut source {
                    told.clone_from(&passed_over);
                }
                return Ok(Choice {
                    source,
                    passed_over,
                    incomplete,
                });
            }
            Err(unusable) => {
                let told = format!("{name}: {}", unusable.reason);
                if unusable.incomplete {
                    incomplete.push(told.clone());
                }
                passed_over.push(told);
            }
        }
    }
    Err(passed_over)
}

type Outcome = Result<CredentialSource, Unusable>;

fn client_certificate(given: &Given) -> Outcome {
    let certificate = match (&given.client_certificate, &given.client_certificate_path) {
        (Some(base64), _) => CertificateOrigin::Base64(base64.clone()),
        (None, Some(path)) => CertificateOrigin::File(PathBuf::from(path)),
        (None, None) => {
            return absent(
                "neither client_certificate (ARM_CLIENT_CERTIFICATE) nor client_certificate_path (ARM_CLIENT_CERTIFICATE_PATH) is set",
            );
        }
    };
    Ok(CredentialSource::ClientCertificate {
        application: application(given)?,
        certificate,
        password: given.client_certificate_password.clone(),
    })
}

fn client_secret(given: &Given) -> Outcome {
    let Some(secret) = given.client_secret.clone() else {
        return absent(
            "neither client_secret (ARM_CLIENT_SECRET) nor client_secret_file_path (ARM_CLIENT_SECRET_FILE_PATH) is set",
        );
    };
    let Application { tenant_id, client_id } = application(given)?;
    Ok(CredentialSource::ClientSecret {
        tenant_id,
        client_id,
        client_secret: secret,
    })
}

fn oidc_token(given: &Given) -> Outcome {
    needs_oidc(given)?;
    let Some(token) = given.oidc_token.clone() else {
        return absent("oidc_token (ARM_OIDC_TOKEN) is not set");
    };
    federated(given, FederatedOrigin::Token(token))
}

fn oidc_token_file(given: &Given) -> Outcome {
    needs_oidc(given)?;
    let Some(path) = &given.oidc_token_file_path else {
        return absent("oidc_token_file_path (ARM_OIDC_TOKEN_FILE_PATH) is not set");
    };
    federated(given, FederatedOrigin::File(PathBuf::from(path)))
}

fn azure_pipelines(given: &Given) -> Outcome {
    needs_oidc(given)?;
    let Some(connection) = &given.ado_pipeline_service_connection_id else {
        return absent("ado_pipeline_service_connection_id (ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID) is not set");
    };
    let origin = FederatedOrigin::AzurePipelines {
        request: token_request(given, "the step must map SYSTEM_ACCESSTOKEN into its environment")?,
        service_connection_id: connection.clone(),
    };
    federated(given, origin)
}

fn github(given: &Given) -> Outcome {
    needs_oidc(given)?;
    if given.ado_pipeline_service_connection_id.is_some() {
        return absent("ado_pipeline_service_connection_id is set, so the endpoint is not GitHub's");
    }
    let hint = "a GitHub job gets them with `permissions: id-token: write`";
    federated(given, FederatedOrigin::GitHub(token_request(given, hint)?))
}

fn workload_identity(given: &Given) -> Outcome {
    if !given.use_aks_workload_identity {
        return absent("use_aks_workload_identity (ARM_USE_AKS_WORKLOAD_IDENTITY) is not true");
    }
    let file = given
        .oidc_token_file_path
        .as_ref()
        .or(given.workload.token_file.as_ref());
    let tenant = given.tenant_id.as_ref().or(given.workload.tenant_id.as_ref());
    let client = given.client_id.as_ref().or(given.workload.client_id.as_ref());
    let parts = [
        ("AZURE_FEDERATED_TOKEN_FILE", file),
        ("tenant_id (ARM_TENANT_ID, AZURE_TENANT_ID)", tenant),
        ("client_id (ARM_CLIENT_ID, AZURE_CLIENT_ID)", client),
    ];
    let [file, tenant_id, client_id] = all(parts)?;
    Ok(CredentialSource::Federated {
        application: Application { tenant_id, client_id },
        origin: FederatedOrigin::WorkloadIdentity(PathBuf::from(file)),
    })
}

fn managed_identity(given: &Given) -> Outcome {
    if !given.use_msi {
        return absent("use_msi (ARM_USE_MSI) is not true");
    }
    Ok(CredentialSource::ManagedIdentity {
        client_id: given.client_id.clone(),
    })
}

fn azure_cli(given: &Given) -> Outcome {
    if !given.use_cli {
        return absent("use_cli (ARM_USE_CLI) is false");
    }
    if !given.has_az {
        return absent("the command `az` is not on the PATH");
    }
    Ok(CredentialSource::AzureCli {
        tenant_id: given.tenant_id.clone(),
        passed_over: Vec::new(),
    })
}

fn federated(given: &Given, origin: FederatedOrigin) -> Outcome {
    Ok(CredentialSource::Federated {
        application: application(given)?,
        origin,
    })
}

fn needs_oidc(given: &Given) -> Result<(), Unusable> {
    if given.use_oidc {
        return Ok(());
    }
    absent("use_oidc (ARM_USE_OIDC) is not true")
}

/// The endpoint that issues tokens; `hint` says where its parts come from.
fn token_request(given: &Given, hint: &str) -> Result<TokenRequest, Unusable> {
    let url = given.oidc_request_url.as_ref();
    let token = given.oidc_request_token.as_ref();
    if let (Some(url), Some(token)) = (url, token) {
        return Ok(TokenRequest {
            url: url.clone(),
            token: token.clone(),
        });
    }
    let parts = [
        (
            "oidc_request_url (ARM_OIDC_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_URL, SYSTEM_OIDCREQUESTURI)",
            url.is_some(),
        ),
        (
            "oidc_request_token (ARM_OIDC_REQUEST_TOKEN, ACTIONS_ID_TOKEN_REQUEST_TOKEN, SYSTEM_ACCESSTOKEN)",
            token.is_some(),
        ),
    ];
    Err(Unusable {
        reason: format!("{}; {hint}", missing(&parts)),
        // Whoever sets use_oidc wants this, and gets another principal instead.
        incomplete: true,
    })
}

fn application(given: &Given) -> Result<Application, Unusable> {
    let parts = [
        ("tenant_id (ARM_TENANT_ID)", given.tenant_id.as_ref()),
        ("client_id (ARM_CLIENT_ID)", given.client_id.as_ref()),
    ];
    let [tenant_id, client_id] = all(parts)?;
    Ok(Application { tenant_id, client_id })
}

/// All parts, or the names of those that are missing.
fn all<const N: usize>(parts: [(&str, Option<&String>); N]) -> Result<[String; N], Unusable> {
    if parts.iter().all(|(_, value)| value.is_some()) {
        return Ok(parts.map(|(_, value)| value.cloned().unwrap_or_default()));
    }
    let known: Vec<(&str, bool)> = parts.iter().map(|(name, value)| (*name, value.is_some())).collect();
    Err(Unusable {
        reason: missing(&known),
        incomplete: true,
    })
}

fn missing(parts: &[(&str, bool)]) -> String {
    let names: Vec<&str> = parts
        .iter()
        .filter(|(_, there)| !there)
        .map(|(name, _)| *name)
        .collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} not set", names.join(" and "))
}

fn absent<T>(reason: &str) -> Result<T, Unusable> {
    Err(Unusable {
        reason: reason.into(),
        incomplete: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn secret() -> Option<Secret> {
        Some(Secret::from("hush".to_owned()))
    }

    /// Everything at once: each way is usable.
    fn everything() -> Given {
        Given {
            tenant_id: text("t"),
            client_id: text("c"),
            client_secret: secret(),
            client_certificate: None,
            client_certificate_path: text("file.pfx"),
            client_certificate_password: None,
            use_oidc: true,
            oidc_token: secret(),
            oidc_token_file_path: text("token"),
            oidc_request_url: text("https://issuer.example"),
            oidc_request_token: secret(),
            ado_pipeline_service_connection_id: text("connection"),
            use_aks_workload_identity: true,
            workload: Workload::default(),
            use_msi: true,
            use_cli: true,
            has_az: true,
        }
    }

    fn chosen(given: &Given) -> String {
        match choose(candidates(given)) {
            Ok(choice) => choice.source.name().to_owned(),
            Err(reasons) => format!("none of {}", reasons.len()),
        }
    }

    #[test]
    fn the_order_is_azurerms() {
        let mut given = everything();
        let mut order = vec![chosen(&given)];
        let removals: [fn(&mut Given); 9] = [
            |given| given.client_certificate_path = None,
            |given| given.client_secret = None,
            |given| given.oidc_token = None,
            |given| {
                given.workload.token_file = given.oidc_token_file_path.take();
            },
            |given| given.ado_pipeline_service_connection_id = None,
            |given| given.use_oidc = false,
            |given| given.use_aks_workload_identity = false,
            |given| given.use_msi = false,
            |given| given.has_az = false,
        ];
        for remove in removals {
            remove(&mut given);
            order.push(chosen(&given));
        }
        let names: Vec<&str> = candidates(&given).iter().map(|candidate| candidate.name).collect();
        assert_eq!(order[..9], names);
        assert_eq!(order[9], "none of 9");
    }

    #[test]
    fn what_is_missing_is_named_and_what_was_begun_is_known() {
        let bare = Given {
            client_secret: secret(),
            use_oidc: true,
            oidc_request_url: text("https://issuer.example"),
            use_aks_workload_identity: true,
            ..Given::default()
        };
        let told: Vec<(String, bool)> = candidates(&bare)
            .into_iter()
            .filter_map(|candidate| candidate.outcome.err())
            .map(|unusable| (unusable.reason, unusable.incomplete))
            .collect();
        let holds = |index: usize, text: &str, incomplete: bool| {
            assert!(
                told[index].0.contains(text) && told[index].1 == incomplete,
                "{index}: {told:#?}"
            );
        };
        holds(0, "ARM_CLIENT_CERTIFICATE_PATH", false);
        holds(
            1,
            "tenant_id (ARM_TENANT_ID) and client_id (ARM_CLIENT_ID) are not set",
            true,
        );
        holds(2, "ARM_OIDC_TOKEN", false);
        holds(5, "SYSTEM_ACCESSTOKEN) is not set", true);
        holds(6, "AZURE_FEDERATED_TOKEN_FILE and tenant_id", true);
        holds(7, "ARM_USE_MSI", false);
        holds(8, "use_cli (ARM_USE_CLI) is false", false);
        assert!(!format!("{told:?}").contains("hush"));
    }

    #[test]
    fn the_cli_knows_what_came_before_it() {
        let given = Given {
            client_secret: secret(),
            use_cli: true,
            has_az: true,
            ..Given::default()
        };
        let choice = choose(candidates(&given)).unwrap_or_else(|reasons| panic!("{reasons:?}"));
        assert_eq!(choice.incomplete.len(), 1);
        let CredentialSource::AzureCli { passed_over, .. } = choice.source else {
            panic!("not the CLI")
        };
        assert_eq!(passed_over.len(), 8);
        assert_eq!(passed_over, choice.passed_over);
    }
}
