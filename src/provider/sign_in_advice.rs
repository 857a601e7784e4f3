//! What to do about Entra ID's error codes when signing in, and about Resource Manager's when it refuses a token.
//!
//! What each code means is in Microsoft's list of `AADSTS` codes; the advice is for the arguments of our provider block.

/// Advice for a code such as `AADSTS7000215`; nothing for codes whose own text has to do.
#[must_use]
pub fn advice(code: &str) -> Option<&'static str> {
    if code == "InvalidAuthenticationTokenTenant" {
        return Some(
            "The subscription belongs to another tenant than the one signed in to. Check tenant_id and subscription; for the Azure CLI, which account is the default one.",
        );
    }
    Some(match code.strip_prefix("AADSTS")? {
        // The client secret.
        "7000215" => {
            "The client secret is wrong. Use the secret's value, not its id, and check that it belongs to this client_id."
        }
        "7000222" => "The client secret has expired. Create a new one.",
        "7000218" => {
            "Entra ID wants a proof that was not sent: the application takes part as a public client, or the proof was lost on the way."
        }
        // The application and its directory.
        "700016" => "The application does not exist in this tenant. Check client_id and tenant_id.",
        "7000112" => "The application is switched off in this tenant. Ask whoever administers it.",
        "90002" => "The tenant does not exist in this cloud. Check tenant_id and environment.",
        "900023" => "tenant_id is neither a tenant's id nor one of its domain names.",
        "7000229" | "500011" => {
            "The tenant does not know one of the two sides. Check environment and, in a custom cloud, resource_manager_audience; an application of another tenant needs a service principal in this one."
        }
        // The client certificate.
        "700027" => {
            "The certificate is not among those of the application, or has expired there. Add its public part under Certificates & secrets of the application with this client_id."
        }
        "700021" | "700023" => {
            "The signed assertion is for another application or authority. Check client_id, tenant_id and, in a custom cloud, active_directory_authority_host."
        }
        // Tokens of other issuers.
        "700211" => {
            "The application has no federated credential for the issuer of this token. Add one with exactly the issuer named above."
        }
        "700212" => {
            "The application has no federated credential for the audience of this token. Tokens must be issued for api://AzureADTokenExchange."
        }
        "700213" => {
            "The application has no federated credential for the subject of this token. Add one with exactly the subject named above, casing included; for GitHub it depends on repository and branch, environment or event."
        }
        "70021" => {
            "No federated credential of the application fits the token's issuer, subject and audience together. Compare them letter by letter, casing included; a new one takes some minutes to work."
        }
        "700024" => {
            "The token or assertion is not valid now. oidc_token is used as it is and ends within minutes: give oidc_token_file_path or a request URL instead, which are asked anew. For a certificate check this machine's clock."
        }
        "50027" | "5000811" | "50013" => {
            "The token is not one that Entra ID can verify. Check that it is whole, and that the issuer's keys can be read from the internet."
        }
        // People, by way of the Azure CLI.
        "50020" => {
            "The account belongs to another tenant and is no guest of this one. Check tenant_id, or sign in with another account."
        }
        "50076" | "50079" | "50158" | "700082" | "70043" | "50173" => {
            "The session of the Azure CLI has to be renewed. Run az login again, with --tenant for the tenant in question."
        }
        "53003" | "530003" | "530036" => {
            "A conditional access policy of the tenant forbids this sign-in. Ask whoever administers it."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_begin_alike_are_told_apart() {
        for (code, want) in [
            ("AADSTS70021", Some("together")),
            ("AADSTS700211", Some("issuer named above")),
            ("AADSTS700213", Some("subject named above")),
            ("AADSTS700021", Some("another application or authority")),
            ("AADSTS7000215", Some("not its id")),
            ("AADSTS7000222", Some("expired")),
            ("InvalidAuthenticationTokenTenant", Some("another tenant")),
            ("AADSTS1", None),
            ("AuthorizationFailed", None),
        ] {
            let told = advice(code);
            assert_eq!(told.is_some(), want.is_some(), "{code}");
            assert!(
                told.unwrap_or_default().contains(want.unwrap_or_default()),
                "{code}: {told:?}"
            );
        }
    }
}
