//! Entra ID: discovery and the client-credentials grant, with a secret or a client assertion. Nothing else is served.

use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::answer::Answer;
use super::assertions::{self, Proof, Refused};
use super::identity::{Identities, random_id};
use super::json::Json;
use super::query::Query;
use super::refusals::Refusal;

/// Tenant names that clients use for discovery before they know the real one.
const TENANT_ALIASES: [&str; 2] = ["common", "organizations"];

/// The only kind of client assertion there is.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Whether a path, in lower case, is Entra's.
pub(super) fn owns(segments: &[&str]) -> bool {
    matches!(
        segments,
        ["common", "discovery", "instance"]
            | [_, "v2.0", ".well-known", "openid-configuration"]
            | [_, "oauth2", "v2.0", _]
    )
}

/// Answers a request to Entra ID, and says with what somebody signed in. `segments` is the path in lower case.
pub(super) fn answer(
    identities: &mut Identities,
    base_url: &str,
    method: &str,
    segments: &[&str],
    body: &[u8],
    clock: (OffsetDateTime, Duration),
) -> (Answer, Option<&'static str>) {
    let answer = match (method, segments) {
        ("GET", ["common", "discovery", "instance"]) => instance_discovery(base_url, identities.tenant_id()),
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            match known_tenant(identities, tenant, true, clock.0) {
                Ok(tenant) => openid_configuration(base_url, &tenant),
                Err(refusal) => refusal,
            }
        }
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => match known_tenant(identities, tenant, false, clock.0) {
            Ok(tenant) => {
                let form = Query::parse(&String::from_utf8_lossy(body));
                return match token(identities, &tenant, base_url, &form, clock) {
                    Ok((answer, with)) => (answer, Some(with)),
                    Err(refusal) => (refusal, None),
                };
            }
            Err(refusal) => refusal,
        },
        _ => Refusal::not_served("this part of Entra ID").into_answer(),
    };
    (answer, None)
}

fn known_tenant(identities: &Identities, tenant: &str, aliases: bool, now: OffsetDateTime) -> Result<String, Answer> {
    if aliases && TENANT_ALIASES.contains(&tenant) {
        return Ok(identities.tenant_id().to_string());
    }
    if let Some(known) = identities.tenant(tenant) {
        return Ok(known.to_string());
    }
    let text = format!("Tenant '{tenant}' not found: the emulator has the tenants of its seed only.");
    Err(refusal(400, "invalid_tenant", 90002, &text, now))
}

fn instance_discovery(base_url: &str, tenant: &str) -> Answer {
    let host = base_url.trim_start_matches("https://");
    let body = json!({
        "tenant_discovery_endpoint": format!("{base_url}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    });
    Answer::json(200, body.into())
}

fn openid_configuration(base_url: &str, tenant: &str) -> Answer {
    let at = |path: &str| format!("{base_url}/{tenant}/{path}");
    let body = json!({
        "token_endpoint": at("oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": at("discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": at("v2.0"),
        "request_uri_parameter_supported": false,
        "authorization_endpoint": at("oauth2/v2.0/authorize"),
        "device_authorization_endpoint": at("oauth2/v2.0/devicecode"),
        "end_session_endpoint": at("oauth2/v2.0/logout"),
        "http_logout_supported": true,
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": null,
        "cloud_instance_name": "acr-emulator",
        "cloud_graph_host_name": "localhost",
        "msgraph_host": "localhost",
    });
    Answer::json(200, body.into())
}

fn token(
    identities: &mut Identities,
    tenant: &str,
    base_url: &str,
    form: &Query,
    (now, life): (OffsetDateTime, Duration),
) -> Result<(Answer, &'static str), Answer> {
    if form.get("grant_type") != Some("client_credentials") {
        let text = "The emulator serves the grant type 'client_credentials' only.";
        return Err(refusal(400, "unsupported_grant_type", 70003, text, now));
    }
    let client_id = form.get("client_id").unwrap_or_default();
    let Some(principal) = identities.find(client_id) else {
        let text = format!("Application with identifier '{client_id}' was not found in the emulator's tenant.");
        return Err(refusal(400, "unauthorized_client", 700016, &text, now));
    };
    let audience = format!("{base_url}/{tenant}/oauth2/v2.0/token");
    let with = proof(identities, principal, form, &audience, now)
        .map_err(|Refused(code, text)| refusal(401, "invalid_client", code, &text, now))?;
    let Some(audience) = form
        .get("scope")
        .unwrap_or_default()
        .split(' ')
        .find_map(|scope| scope.strip_suffix("/.default"))
    else {
        let text = "The scope must be an audience followed by '/.default'.";
        return Err(refusal(400, "invalid_scope", 1002012, text, now));
    };
    let seconds = life.whole_seconds();
    let token = identities.issue(principal, tenant, audience, now, life);
    let body = Json::object([
        ("token_type", "Bearer".into()),
        ("expires_in", seconds.into()),
        ("ext_expires_in", seconds.into()),
        ("access_token", token.into()),
    ]);
    Ok((Answer::json(200, body), with))
}

/// Checks what the client shows for itself, and names it.
fn proof(
    identities: &Identities,
    principal: usize,
    form: &Query,
    audience: &str,
    now: OffsetDateTime,
) -> Result<&'static str, Refused> {
    let known = &identities.principals[principal];
    if let Some(assertion) = form.get("client_assertion") {
        if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            let text = format!("The 'client_assertion_type' must be '{ASSERTION_TYPE}'.");
            return Err(Refused(50027, text));
        }
        return match assertions::verify(assertion, known, &identities.issuer, audience, now)? {
            Proof::Certificate => Ok("certificate"),
            Proof::FederatedToken => Ok("federated token"),
        };
    }
    match form.get("client_secret") {
        None => {
            let text = "The request body must contain 'client_assertion' or 'client_secret'.";
            Err(Refused(7000218, text.into()))
        }
        Some(secret) if secret != known.client_secret => {
            let text = format!(
                "Invalid client secret provided for the application '{}'.",
                known.client_id
            );
            Err(Refused(7000215, text))
        }
        Some(_) => Ok("client secret"),
    }
}

/// An error of the token endpoint. The description holds CR LF, as Entra's does: clients have stumbled over that.
fn refusal(status: u16, error: &str, code: u32, text: &str, now: OffsetDateTime) -> Answer {
    let (trace, correlation) = (random_id(), random_id());
    let timestamp = now
        .replace_nanosecond(0)
        .ok()
        .and_then(|now| now.format(&Rfc3339).ok())
        .unwrap_or_default();
    let timestamp = timestamp.replace('T', " ");
    let description =
        format!("AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}");
    let body = Json::object([
        ("error", error.into()),
        ("error_description", description.into()),
        ("error_codes", Json::Array(vec![i64::from(code).into()])),
        ("timestamp", timestamp.into()),
        ("trace_id", trace.into()),
        ("correlation_id", correlation.into()),
    ]);
    Answer::json(status, body)
}
