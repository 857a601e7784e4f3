//! Who may ask: three service principals, random at each start, and the tokens issued to them.
//!
//! Tokens are well-formed JWTs, because azurerm reads claims from them. They are not signed by anything that could be
//! verified elsewhere: the emulator knows its own tokens by having issued them, so a foreign one can never pass.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::refusals::Refusal;

/// Audiences of ARM that every client may ask for beside the emulator's own address.
const ARM_AUDIENCES: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];
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
}

/// The principals and the tokens issued so far.
pub(super) struct Identities {
    /// Full, reader, no-subnet-read; in this order.
    pub(super) principals: [Principal; 3],
    tenant_id: String,
    base_url: String,
    issued: HashMap<String, Issued>,
}

struct Issued {
    principal: usize,
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
    pub(super) fn random(tenant_id: &str, base_url: &str) -> Identities {
        let principal = |name, rights| Principal {
            name,
            client_id: random_id(),
            client_secret: random_text(40),
            object_id: random_id(),
            rights,
        };
        Identities {
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

    /// The tenant all of them live in.
    pub(super) fn tenant_id(&self) -> &str {
        &self.tenant_id
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

    /// A new token of a principal for an audience.
    pub(super) fn issue(&mut self, principal: usize, audience: &str, now: OffsetDateTime, life: Duration) -> String {
        let who = &self.principals[principal];
        let expires = now + life;
        let claims = json!({
            "aud": audience,
            "iss": format!("{}/{}/v2.0", self.base_url, self.tenant_id),
            "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(),
            "exp": expires.unix_timestamp(),
            "aio": random_text(32),
            "appid": who.client_id,
            "appidacr": "1",
            "idp": format!("{}/{}/", self.base_url, self.tenant_id),
            "idtyp": "app",
            "oid": who.object_id,
            "sub": who.object_id,
            "tid": self.tenant_id,
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
        let Some(issued) = self.issued.get(token.trim()) else {
            return Err(refuse(
                "InvalidAuthenticationToken",
                "The access token was not issued by this emulator.",
            ));
        };
        if issued.expires <= now {
            return Err(refuse("ExpiredAuthenticationToken", "The access token has expired."));
        }
        let audience = issued.audience.trim_end_matches('/');
        if audience != self.base_url && !ARM_AUDIENCES.contains(&audience) {
            return Err(refuse(
                "InvalidAuthenticationTokenAudience",
                "The access token is for another audience.",
            ));
        }
        Ok(&self.principals[issued.principal])
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
        let mut identities = Identities::random("t", "https://localhost:1");
        let good = identities.issue(1, "https://localhost:1/", now, Duration::seconds(60));
        let other = identities.issue(0, "https://vault.azure.net", now, Duration::seconds(60));
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
    }
}
