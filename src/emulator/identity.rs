//! Who may ask: three service principals, random at each start, how they may prove themselves, and the tokens issued to
//! them.
//!
//! Tokens are well-formed JWTs, because azurerm reads claims from them. They are not signed by anything that could be
//! verified elsewhere: the emulator knows its own tokens by having issued them, so a foreign one can never pass.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::assertions::Certificate;
use super::issuer::Issuer;
use super::refusals::Refusal;
use super::sign_in::trusted_subjects;

/// Audiences of ARM that every client may ask for beside the emulator's own address.
const ARM_AUDIENCES: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];
/// How many auxiliary tenants one request may name, as Resource Manager documents.
const AUXILIARY_TENANTS_MAX: usize = 3;
/// Bytes of an RS256 signature with a 2048-bit key, so that tokens have a realistic length.
const SIGNATURE_BYTES: usize = 256;

/// What a principal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// Everything.
    Full,
    /// `*/read` and nothing else.
    Reader,
    /// Everything but reading subnets.
    NoSubnetRead,
}

/// A service principal.
pub(super) struct Principal {
    /// What the journal calls it.
    pub(super) name: &'static str,
    /// Its application id.
    pub(super) client_id: String,
    /// Its password.
    pub(super) client_secret: String,
    /// Its object id.
    pub(super) object_id: String,
    /// What it may do.
    pub(super) rights: Rights,
    /// What it may sign client assertions with.
    pub(super) certificates: Vec<Certificate>,
    /// About whom tokens of the emulator's issuer may speak for it.
    pub(super) trusted_subjects: Vec<String>,
}

/// The principals and the tokens issued so far.
pub(super) struct Identities {
    /// Full, reader, no-subnet-read; in this order.
    pub(super) principals: [Principal; 3],
    /// The issuer whose tokens the first principal may sign in with.
    pub(super) issuer: Issuer,
    tenant_id: String,
    /// Further tenants in which the principals exist too.
    auxiliary_tenants: Vec<String>,
    base_url: String,
    issued: HashMap<String, Issued>,
}

struct Issued {
    principal: usize,
    tenant: String,
    audience: String,
    expires: OffsetDateTime,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities")
            .field("tenant_id", &self.tenant_id)
            .finish_non_exhaustive()
    }
}

impl Rights {
    /// Whether an action such as `Microsoft.Network/virtualNetworks/subnets/read` is among them.
    pub(super) fn allow(self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        match self {
            Rights::Full => true,
            Rights::Reader => action.ends_with("/read"),
            Rights::NoSubnetRead => action != "microsoft.network/virtualnetworks/subnets/read",
        }
    }
}

impl Identities {
    /// Principals with new random ids and secrets.
    pub(super) fn random(tenant_id: &str, auxiliary_tenants: &[String], base_url: &str) -> Identities {
        let principal = |name, rights| Principal {
            name,
            client_id: random_id(),
            client_secret: random_text(40),
            object_id: random_id(),
            rights,
            certificates: Vec::new(),
            trusted_subjects: if rights == Rights::Full {
                trusted_subjects()
            } else {
                Vec::new()
            },
        };
        Identities {
            issuer: Issuer::new(base_url),
            auxiliary_tenants: auxiliary_tenants.to_vec(),
            principals: [
                principal("full", Rights::Full),
                principal("reader", Rights::Reader),
                principal("no-subnet-read", Rights::NoSubnetRead),
            ],
            tenant_id: tenant_id.into(),
            base_url: base_url.into(),
            issued: HashMap::new(),
        }
    }

    /// The tenant that the subscription trusts.
    pub(super) fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// The tenant of this name, in the casing of the seed.
    pub(super) fn tenant(&self, name: &str) -> Option<&str> {
        let mut all = std::iter::once(&self.tenant_id).chain(&self.auxiliary_tenants);
        all.find(|known| known.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    /// The principal with this application id.
    pub(super) fn find(&self, client_id: &str) -> Option<usize> {
        self.principals
            .iter()
            .position(|principal| principal.client_id.eq_ignore_ascii_case(client_id))
    }

    /// Every token issued so far.
    pub(super) fn issued_tokens(&self) -> Vec<String> {
        self.issued.keys().cloned().collect()
    }

    /// A new token of a principal in a tenant, for an audience.
    pub(super) fn issue(
        &mut self,
        principal: usize,
        tenant: &str,
        audience: &str,
        now: OffsetDateTime,
        life: Duration,
    ) -> String {
        let who = &self.principals[principal];
        let expires = now + life;
        let claims = json!({
            "aud": audience,
            "iss": format!("{}/{tenant}/v2.0", self.base_url),
            "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(),
            "exp": expires.unix_timestamp(),
            "aio": random_text(32),
            "appid": who.client_id,
            "appidacr": "1",
            "idp": format!("{}/{tenant}/", self.base_url),
            "idtyp": "app",
            "oid": who.object_id,
            "sub": who.object_id,
            "tid": tenant,
            "uti": random_text(22),
            "ver": "1.0",
        });
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "acr-emulator"});
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.{}", part(&header), part(&claims), random_base64(SIGNATURE_BYTES));
        self.issued.insert(
            token.clone(),
            Issued {
                principal,
                tenant: tenant.into(),
                audience: audience.into(),
                expires,
            },
        );
        token
    }

    /// The principal behind an `Authorization` header, for ARM.
    pub(super) fn authenticate(&self, header: Option<&str>, now: OffsetDateTime) -> Result<&Principal, Refusal> {
        let authority = format!("{}/{}", self.base_url, self.tenant_id);
        let refuse = |code, message| Refusal::unauthenticated(code, message, &authority);
        let Some(header) = header else {
            return Err(refuse(
                "AuthenticationFailed",
                "The request has no 'Authorization' header.",
            ));
        };
        let Some((scheme, token)) = header.split_once(' ') else {
            return Err(refuse(
                "AuthenticationFailedInvalidHeader",
                "The 'Authorization' header has a wrong format.",
            ));
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refuse(
                "AuthenticationFailedInvalidHeader",
                "The 'Authorization' header is no bearer token.",
            ));
        }
        let issued = self
            .issued_for_arm(token, now)
            .map_err(|(code, message)| refuse(code, message))?;
        if issued.tenant != self.tenant_id {
            let message = "The access token is from another tenant than the subscription's.";
            return Err(refuse("InvalidAuthenticationTokenTenant", message));
        }
        Ok(&self.principals[issued.principal])
    }

    /// The tenants behind an `x-ms-authorization-auxiliary` header: `Bearer t1; Bearer t2`.
    pub(super) fn authenticate_auxiliary(&self, header: &str, now: OffsetDateTime) -> Result<Vec<String>, Refusal> {
        let authority = format!("{}/{}", self.base_url, self.tenant_id);
        let refuse = |code, message| Refusal::unauthenticated(code, message, &authority);
        let mut tenants = Vec::new();
        for part in header.split(';').map(str::trim) {
            let Some(token) = part.strip_prefix("Bearer ") else {
                let message = "The 'x-ms-authorization-auxiliary' header has a wrong format.";
                return Err(refuse("AuthenticationFailedInvalidHeader", message));
            };
            let issued = self
                .issued_for_arm(token, now)
                .map_err(|(code, message)| refuse(code, message))?;
            tenants.push(issued.tenant.clone());
        }
        if tenants.len() > AUXILIARY_TENANTS_MAX {
            let message = "The 'x-ms-authorization-auxiliary' header holds too many tokens.";
            return Err(refuse("AuthenticationFailedInvalidHeader", message));
        }
        Ok(tenants)
    }

    fn issued_for_arm(&self, token: &str, now: OffsetDateTime) -> Result<&Issued, (&'static str, &'static str)> {
        let Some(issued) = self.issued.get(token.trim()) else {
            let message = "The access token was not issued by this emulator.";
            return Err(("InvalidAuthenticationToken", message));
        };
        if issued.expires <= now {
            return Err(("ExpiredAuthenticationToken", "The access token has expired."));
        }
        let audience = issued.audience.trim_end_matches('/');
        if audience != self.base_url && !ARM_AUDIENCES.contains(&audience) {
            let message = "The access token is for another audience.";
            return Err(("InvalidAuthenticationTokenAudience", message));
        }
        Ok(issued)
    }
}

/// A random id in the usual form.
pub(super) fn random_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// So many random hexadecimal digits.
pub(super) fn random_text(digits: usize) -> String {
    let mut text = String::new();
    while text.len() < digits {
        text.push_str(&uuid::Uuid::new_v4().simple().to_string());
    }
    text.truncate(digits);
    text
}

/// So many random bytes in unpadded base64url. Six bits of each sixteen bytes are fixed, which does not matter here.
pub(super) fn random_base64(bytes: usize) -> String {
    let mut random = Vec::with_capacity(bytes);
    while random.len() < bytes {
        random.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    random.truncate(bytes);
    URL_SAFE_NO_PAD.encode(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights() {
        for (rights, action, allowed) in [
            (
                Rights::Full,
                "Microsoft.ContainerRegistry/registries/agentPools/delete",
                true,
            ),
            (
                Rights::Reader,
                "Microsoft.ContainerRegistry/registries/agentPools/read",
                true,
            ),
            (
                Rights::Reader,
                "Microsoft.ContainerRegistry/registries/agentPools/write",
                false,
            ),
            (
                Rights::Reader,
                "Microsoft.ContainerRegistry/registries/agentPools/listQueueStatus/action",
                false,
            ),
            (
                Rights::NoSubnetRead,
                "Microsoft.Network/virtualNetworks/Subnets/read",
                false,
            ),
            (Rights::NoSubnetRead, "Microsoft.Network/virtualNetworks/read", true),
        ] {
            assert_eq!(rights.allow(action), allowed, "{rights:?} {action}");
        }
    }

    #[test]
    fn tokens_pass_only_for_arm_and_only_until_they_expire() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut identities = Identities::random("t", &["aux".into()], "https://localhost:1");
        let good = identities.issue(1, "t", "https://localhost:1/", now, Duration::seconds(60));
        let other = identities.issue(0, "t", "https://vault.azure.net", now, Duration::seconds(60));
        for (header, at, name) in [
            (format!("Bearer {good}"), 59, Some("reader")),
            (format!("bearer {good}"), 0, Some("reader")),
            (format!("Bearer {good}"), 60, None),
            (format!("Bearer {other}"), 0, None),
            (format!("Basic {good}"), 0, None),
            (format!("Bearer {good}x"), 0, None),
        ] {
            let who = identities.authenticate(Some(&header), now + Duration::seconds(at));
            assert_eq!(who.ok().map(|who| who.name), name, "{header} at {at}");
        }
        assert!(identities.authenticate(None, now).is_err());
        let foreign = identities.issue(0, "aux", "https://localhost:1", now, Duration::seconds(60));
        let header = format!("Bearer {foreign}");
        assert!(
            identities.authenticate(Some(&header), now).is_err(),
            "a foreign tenant's token is no primary one"
        );
        assert_eq!(identities.authenticate_auxiliary(&header, now).unwrap(), ["aux"]);
        assert!(identities.authenticate_auxiliary("Bearer x", now).is_err());
    }
}
