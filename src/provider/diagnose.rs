//! From Azure's errors to diagnostics: what failed, Azure's own words, and what to do next.

use crate::{azure::Error, framework::Diagnostic};

use super::sign_in_advice;

/// The diagnostic of a failed operation. `doing` is a verb with its object, such as `creating agent pool "p" (…)`.
#[must_use]
pub fn azure(doing: &str, error: &Error) -> Diagnostic {
    let mut summary = doing.to_owned();
    if let Some(first) = summary.get(..1).map(str::to_uppercase) {
        summary.replace_range(..1, &first);
    }
    let advice = error.code().and_then(advice).or_else(|| kind_advice(error));
    let detail = advice.map_or_else(|| error.to_string(), |advice| format!("{error}\n\n{advice}"));
    Diagnostic::error(summary, detail)
}

/// What to do about an error code of ARM's or Entra ID's.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "AuthorizationFailed" => {
            "The principal that Terraform signs in as lacks the action named above. Grant it a role that has it, such as \"Container Registry Tasks Contributor\" on the registry; a new assignment takes some minutes to work."
        }
        "LinkedAuthorizationFailed" => {
            "Joining a subnet needs Microsoft.Network/virtualNetworks/subnets/join/action on that subnet. Grant a role that has it, such as \"Network Contributor\", on the subnet."
        }
        "LocationNotAvailableForResourceType" => {
            "Agent pools are a preview and exist in some regions only. A pool is always in its registry's region: use a registry in one of the regions named above."
        }
        "RegistryStatusConflict" => {
            "Azure changes a pool only when no other operation runs on it and it has not failed. Wait for the other operation to end; replace a pool that has failed with: terraform apply -replace=ADDRESS."
        }
        "TasksOperationsNotAllowed" => {
            "Azure has ACR Tasks switched off for this subscription, as it does for free and trial ones. Ask Azure support to allow them, or use another subscription."
        }
        "InUseSubnetCannotBeDeleted" => "The subnet still holds network interfaces. Delete what uses it first.",
        "SubscriptionNotFound" => {
            "The provider reached an Azure that does not know this subscription. Check the subscription in the id, the tenant of the credential and `environment`. State was left as it is."
        }
        "ParentResourceNotFound" | "ResourceGroupNotFound" => {
            "The registry named in registry_id does not exist. If the same configuration creates it, take the id from that resource rather than as text, so that Terraform knows the order."
        }
        "TooManyRequests" | "429" => "Azure is throttling requests. Try again later, or with a lower -parallelism.",
        _ => return sign_in_advice::advice(code),
    })
}

/// What to do about an error that has no code.
fn kind_advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::Transport { .. } => Some(
            "Check the network, the proxy variables (HTTPS_PROXY, NO_PROXY) and, for private certificate authorities, SSL_CERT_FILE.",
        ),
        Error::NotArm(_) => {
            Some("The answer does not come from Azure Resource Manager: a proxy or a wrong endpoint may be in between.")
        }
        Error::DeadlineExceeded { .. } => Some(
            "The time for this operation is over; raise it in the resource's timeouts block if Azure needs longer.",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
