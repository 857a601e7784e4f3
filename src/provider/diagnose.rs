//! From Azure's errors to diagnostics: what failed, Azure's own words, and what to do next.

use crate::{azure::Error, framework::Diagnostic};

use super::sign_in_advice;

/// What a principal must be allowed on a subnet to put machines into it.
const SUBNET_JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

/// The diagnostic of a failed operation. `doing` is a verb with its object, such as `creating agent pool "p" (…)`.
#[must_use]
pub fn azure(doing: &str, error: &Error) -> Diagnostic {
    let mut summary = doing.to_owned();
    if let Some(first) = summary.get(..1).map(str::to_uppercase) {
        summary.replace_range(..1, &first);
    }
    let advice = missing_permission(error)
        .or_else(|| conflict(error).map(str::to_owned))
        .or_else(|| error.codes().into_iter().find_map(advice).map(str::to_owned))
        .or_else(|| kind_advice(error).map(str::to_owned));
    let detail = advice.map_or_else(|| error.to_string(), |advice| format!("{error}\n\n{advice}"));
    Diagnostic::error(summary, detail)
}

/// What to do about `RegistryStatusConflict`, which is told of pools, and may come for whatever else is of a registry.
fn conflict(error: &Error) -> Option<&'static str> {
    let Error::Arm(arm) = error else { return None };
    if !error.codes().contains(&"RegistryStatusConflict") {
        return None;
    }
    Some(match arm.request.path.to_ascii_lowercase().contains("/agentpools/") {
        true => {
            "Azure changes a pool only when no other operation runs on it and it has not failed. Wait for the other operation to end; replace a pool that has failed with: terraform apply -replace=ADDRESS."
        }
        false => {
            "Azure refuses the change because of the present state of the registry or of something in it: another operation may be running there. Wait for it to end, and apply again."
        }
    })
}

/// For a refused permission: the action to grant and where, read from Azure's sentence.
fn missing_permission(error: &Error) -> Option<String> {
    let (said, codes) = (error.said(), error.codes());
    let named = |before: &str| {
        let rest = &said[said.find(before)? + before.len()..];
        Some(&rest[..rest.find('\'')?])
    };
    if codes.contains(&"LinkedAuthorizationFailed") {
        let scope = named("linked scope(s) '").unwrap_or("the subnet");
        return Some(format!(
            "Putting a pool into a subnet needs {SUBNET_JOIN} on that subnet. Grant a role that has it, such as \"Network Contributor\", on {scope}; a new assignment takes some minutes to work."
        ));
    }
    if !codes.contains(&"AuthorizationFailed") {
        return None;
    }
    let (action, scope) = (named("perform action '")?, named("over scope '")?);
    let role = match action.to_ascii_lowercase() {
        action if action.starts_with("microsoft.network/") => "Network Contributor",
        action if action.ends_with("/registries/read") => "Reader",
        _ => "Container Registry Tasks Contributor",
    };
    Some(format!(
        "The principal that Terraform signs in as lacks the action {action}. Grant a role that has it, such as \"{role}\", on {scope} or above; a new assignment takes some minutes to work."
    ))
}

/// What to do about an error code of ARM's or Entra ID's.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "AuthorizationFailed" => {
            "The principal that Terraform signs in as lacks the action named above. Grant it a role that has it, such as \"Container Registry Tasks Contributor\" on the registry; a new assignment takes some minutes to work."
        }
        "LocationNotAvailableForResourceType" => {
            "Agent pools are a preview and exist in some regions only. A pool is always in its registry's region: use a registry in one of the regions named above."
        }
        "TasksOperationsNotAllowed" => {
            "Azure has ACR Tasks switched off for this subscription, as it does for free and trial ones. Ask Azure support to allow them, or use another subscription."
        }
        "ProviderCall" => {
            "Azure could not do what it must at the repository of a source trigger: register a webhook. Check repository_url and the token in authentication: one of GitHub needs the scopes repo and admin:repo_hook, and an owner who administers the repository."
        }
        "InvalidRepositoryUrl" => {
            "Azure does not know the repository of a source trigger. Expected is https://github.com/owner/repository, or https://dev.azure.com/organisation/project/_git/repository, and a source_type that belongs to it."
        }
        "InUseSubnetCannotBeDeleted" => "The subnet still holds network interfaces. Delete what uses it first.",
        "SubscriptionNotFound" => {
            "The provider reached an Azure that does not know this subscription. Check the subscription in the id, the tenant of the credential and `environment`. State was left as it is."
        }
        "ParentResourceNotFound" | "ResourceGroupNotFound" => {
            "The registry named in registry_id does not exist. If the same configuration creates it, take the id from that resource rather than as text, so that Terraform knows the order."
        }
        "MissingSubscriptionRegistration" => {
            "The subscription has never used this service. Register it once: az provider register --namespace Microsoft.ContainerRegistry."
        }
        "NoRegisteredProviderFound" | "InvalidResourceType" => {
            "This cloud serves none of the API versions that agent pools and tasks exist in (2025-03-01-preview, 2019-06-01-preview): it does not offer agent pools and tasks. Check `environment`, or use a registry in another cloud."
        }
        "ExpiredAuthenticationToken" | "InvalidAuthenticationToken" | "AuthenticationFailed" => {
            "Azure did not accept the access token, nor a fresh one. Check the clock of this machine, and that `environment` and tenant_id belong to the subscription."
        }
        "InvalidAuthenticationTokenTenant" => {
            "The credential belongs to another tenant than the subscription. Check tenant_id and the subscription in the id."
        }
        "RequestDisallowedByPolicy" => {
            "An Azure Policy of your organisation forbids this; it is named above. Ask its owners for an exemption, or change the configuration so that it complies."
        }
        "ScopeLocked" => {
            "A lock on the resource or above it forbids this change. Remove the lock first, or leave the resource as it is."
        }
        "ReadOnlyDisabledSubscription" => "The subscription is disabled. Enable it again in the Azure portal.",
        "ResourceGroupBeingDeleted" => {
            "The resource group is being deleted. Wait until it is gone, or use another one."
        }
        "TooManyRequests" | "429" => "Azure is throttling requests. Try again later, or with a lower -parallelism.",
        _ => return sign_in_advice::advice(code),
    })
}

/// What to do about an error that has no code.
fn kind_advice(error: &Error) -> Option<&'static str> {
    if error.status() == Some(429) {
        return advice("429");
    }
    match error {
        Error::Transport { message, .. } | Error::Credential { message, code: None } => network_advice(message),
        Error::DeadlineExceeded { next_wait: Some(_), .. } => Some(
            "Azure throttles this subscription or principal. Run again later or with a lower -parallelism, or raise the time in the resource's timeouts block.",
        ),
        Error::NotArm(answer) if answer.problem => None,
        Error::NotArm(_) => {
            Some("The answer does not come from Azure Resource Manager: a proxy or a wrong endpoint may be in between.")
        }
        Error::DeadlineExceeded { .. } => Some(
            "The time for this operation is over; raise it in the resource's timeouts block if Azure needs longer.",
        ),
        _ => None,
    }
}

/// What to do about a connection that did not come about, by the words of the libraries beneath; `None` for what is no
/// matter of the network.
fn network_advice(message: &str) -> Option<&'static str> {
    let causes: [(&[&str], &str); 5] = [
        (
            &["invalid peer certificate", "certificate verify failed"],
            "The certificate that was presented is not trusted here. If a proxy inspects TLS or the cloud has its own certificate authority, put that authority's certificate (PEM) into a file, together with the public ones, and name it in SSL_CERT_FILE.",
        ),
        (
            &["dns error", "failed to lookup address", "Name or service not known"],
            "The name of the host could not be resolved. Check `environment` and the endpoints for typing errors, and the DNS of this machine; behind a proxy, set HTTPS_PROXY.",
        ),
        (
            &["tunnel", "proxy"],
            "The proxy did not let the connection through. Check HTTPS_PROXY (address, user, password), and add hosts that need no proxy to NO_PROXY.",
        ),
        (
            &["timed out", "deadline has elapsed"],
            "Nothing answered in time. Check the firewall and the route to the host; behind a proxy, set HTTPS_PROXY.",
        ),
        (
            &["onnect", "sending request", "reset", "closed"],
            "Check the network, the proxy variables (HTTPS_PROXY, NO_PROXY) and, for private certificate authorities, SSL_CERT_FILE.",
        ),
    ];
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    causes.iter().find(|(words, _)| said(words)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::error::{ArmError, RequestLine, ServiceError};
    use crate::azure::retry::Method;

    fn refusal(status: u16, code: &str, message: &str) -> Error {
        Error::Arm(Box::new(ArmError {
            status,
            body: ServiceError {
                code: code.into(),
                message: message.into(),
                ..ServiceError::default()
            },
            correlation_id: "c-1".into(),
            request_id: None,
            request: RequestLine {
                method: Method::Put,
                path: "/p".into(),
            },
            after_unclear_attempt: false,
        }))
    }

    #[test]
    fn every_code_that_users_meet_has_advice() {
        for code in [
            "AuthorizationFailed",
            "LinkedAuthorizationFailed",
            "LocationNotAvailableForResourceType",
            "RegistryStatusConflict",
            "TasksOperationsNotAllowed",
            "ProviderCall",
            "InvalidRepositoryUrl",
            "InUseSubnetCannotBeDeleted",
            "SubscriptionNotFound",
            "ParentResourceNotFound",
            "ResourceGroupNotFound",
            "NoRegisteredProviderFound",
            "InvalidResourceType",
            "MissingSubscriptionRegistration",
            "ExpiredAuthenticationToken",
            "InvalidAuthenticationTokenTenant",
            "RequestDisallowedByPolicy",
            "ScopeLocked",
            "TooManyRequests",
        ] {
            let detail = azure("creating agent pool \"p\"", &refusal(400, code, "m")).detail;
            let (said, advice) = detail
                .split_once("\n\n")
                .unwrap_or_else(|| panic!("no advice for {code}"));
            assert_eq!(said, format!("PUT /p: HTTP 400: {code}: m (correlation id c-1)"));
            assert!(advice.ends_with('.') || advice.ends_with("ADDRESS."), "{advice}");
        }
        let throttled = azure("reading", &refusal(429, "SubscriptionRequestsThrottled", "m")).detail;
        assert!(throttled.contains("-parallelism"), "{throttled}");
    }

    #[test]
    fn a_conflict_is_advised_on_by_what_was_written() {
        let conflict = |path: &str| {
            let mut error = refusal(409, "RegistryStatusConflict", "m");
            if let Error::Arm(arm) = &mut error {
                arm.request.path = path.into();
            }
            azure("writing", &error).detail
        };
        let (pool, task) = (
            conflict("/registries/r/agentPools/p"),
            conflict("/registries/r/tasks/t"),
        );
        assert!(pool.contains("replace a pool that has failed"), "{pool}");
        assert!(!task.contains("pool") && task.contains("apply again"), "{task}");
    }

    #[test]
    fn a_code_within_details_is_advised_on_too() {
        let Error::Arm(mut arm) = refusal(409, "MultipleErrors", "m") else {
            unreachable!()
        };
        arm.body.details.push(ServiceError {
            code: "ScopeLocked".into(),
            ..ServiceError::default()
        });
        assert!(azure("deleting", &Error::Arm(arm)).detail.contains("A lock"));
    }

    #[test]
    fn the_action_to_grant_is_read_from_azures_sentence() {
        let pool = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/agentPools/p";
        let cases = [
            (
                "AuthorizationFailed",
                format!("The client 'c' does not have authorization to perform action 'Microsoft.ContainerRegistry/registries/agentPools/write' over scope '{pool}' or the scope is invalid."),
                format!("lacks the action Microsoft.ContainerRegistry/registries/agentPools/write. Grant a role that has it, such as \"Container Registry Tasks Contributor\", on {pool} or above"),
            ),
            (
                "AuthorizationFailed",
                "no authorization to perform action 'Microsoft.Network/virtualNetworks/subnets/read' over scope '/s'".into(),
                "such as \"Network Contributor\", on /s or above".into(),
            ),
            ("AuthorizationFailed", "in other words".into(), "lacks the action named above".into()),
            (
                "LinkedAuthorizationFailed",
                "may not perform action(s) 'x' on the linked scope(s) '/vnet/subnets/a'.".into(),
                "needs Microsoft.Network/virtualNetworks/subnets/join/action on that subnet. Grant a role that has it, such as \"Network Contributor\", on /vnet/subnets/a;".into(),
            ),
        ];
        for (code, said, want) in cases {
            let detail = azure("creating", &refusal(403, code, &said)).detail;
            assert!(detail.contains(&want), "{detail}\nwanted {want}");
        }
    }

    #[test]
    fn broken_connections_are_told_apart() {
        for (message, want) in [
            (
                "error sending request: invalid peer certificate: UnknownIssuer",
                "SSL_CERT_FILE",
            ),
            (
                "client error (Connect): dns error: failed to lookup address information",
                "could not be resolved",
            ),
            (
                "client error (Connect): tunnel error: unsuccessful",
                "HTTPS_PROXY (address",
            ),
            ("error sending request: operation timed out", "Nothing answered in time"),
            (
                "client error (Connect): tcp connect error: Connection refused",
                "Check the network",
            ),
        ] {
            let message = message.to_owned();
            let broken = Error::Credential { message, code: None };
            let detail = azure("signing in", &broken).detail;
            assert!(detail.contains(want), "{detail}");
        }
        let other = Error::Credential {
            message: "the token file is missing".into(),
            code: None,
        };
        assert!(!azure("signing in", &other).detail.contains("\n\n"));
    }

    #[test]
    fn the_summary_says_what_was_being_done_and_the_detail_what_to_do() {
        let error = Error::Credential {
            message: "AADSTS7000215: Invalid client secret".into(),
            code: Some("AADSTS7000215".into()),
        };
        let diagnostic = azure("reading agent pool \"p\"", &error);
        assert_eq!(diagnostic.summary, "Reading agent pool \"p\"");
        assert!(
            diagnostic.detail.contains("AADSTS7000215") && diagnostic.detail.contains("not its id"),
            "{}",
            diagnostic.detail
        );
    }
}
