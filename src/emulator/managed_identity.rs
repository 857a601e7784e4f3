//! Managed identity: a virtual machine's instance metadata service and an App Service app's endpoint, in plain HTTP.
//!
//! The metadata service's address cannot be served here; a client that is told of this port as its HTTP proxy asks for
//! `http://169.254.169.254/…` through it. Off unless asked for, because whoever can reach the port gets a token.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, header};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;

use super::Options;
use super::answer::Answer;
use super::control::is_loopback_host;
use super::exchange::{Incoming, Told};
use super::identity::Identities;
use super::json::Json;
use super::query::Query;
use super::server::{self, Shared};

/// The metadata service's address on every virtual machine of Azure.
const METADATA_ADDRESS: &str = "169.254.169.254";
/// The first version of the metadata service with tokens; every later one is taken too.
const METADATA_VERSION: &str = "2018-02-01";
/// The first version of App Service's endpoint with this header; every later one is taken too.
const APP_SERVICE_VERSION: &str = "2019-08-01";

/// The port, if it is asked for.
pub(super) fn listener(options: &Options) -> io::Result<Option<std::net::TcpListener>> {
    if !options.managed_identity {
        return Ok(None);
    }
    let listener = std::net::TcpListener::bind((options.listen.ip(), 0))?;
    listener.set_nonblocking(true)?;
    Ok(Some(listener))
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new().fallback(handle).with_state(shared);
    // Ends with the runtime it runs on.
    let _ = axum::serve(listener, router).await;
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let Some(incoming) = Incoming::read(request).await else {
        return server::plain(axum::http::StatusCode::PAYLOAD_TOO_LARGE);
    };
    let mut world = shared.lock();
    let now = world.tick();
    let life = world.token_lifetime;
    let header_secret = shared.identity_header.as_str();
    let answer = answer(&mut world.identities, &incoming, header_secret, (now, life));
    let told = Told {
        sign_in: (answer.status == 200).then_some("managed identity"),
        ..Told::default()
    };
    server::journal(&mut world, &incoming, Some(answer.status), told);
    let mut response = Response::new(Body::empty());
    server::write(&mut response, answer);
    response
}

fn answer(
    identities: &mut Identities,
    incoming: &Incoming,
    header_secret: &str,
    clock: (OffsetDateTime, Duration),
) -> Answer {
    let host = incoming.header(header::HOST.as_str()).unwrap_or_default();
    if host != METADATA_ADDRESS && !is_loopback_host(host) {
        return refusal(
            403,
            "forbidden",
            "This is acr-emulator's managed identity endpoint, and no proxy for other hosts.",
        );
    }
    match (incoming.method.as_str(), incoming.path.as_str()) {
        ("GET", "/metadata/identity/oauth2/token") => {
            let metadata = incoming
                .header("metadata")
                .is_some_and(|value| value.eq_ignore_ascii_case("true"));
            if !metadata || incoming.header("x-forwarded-for").is_some() {
                return refusal(400, "invalid_request", "Required metadata header not specified");
            }
            token(identities, &incoming.query, METADATA_VERSION, clock)
        }
        ("GET", "/msi/token") => {
            if incoming.header("x-identity-header") != Some(header_secret) {
                return refusal(401, "unauthorized", "The header X-IDENTITY-HEADER is missing or wrong");
            }
            token(identities, &incoming.query, APP_SERVICE_VERSION, clock)
        }
        _ => refusal(404, "not_found", "The emulator serves tokens here and nothing else"),
    }
}

fn token(identities: &mut Identities, query: &Query, since: &str, (now, life): (OffsetDateTime, Duration)) -> Answer {
    // Versions are dates, so that the order of texts is theirs.
    if query.get("api-version").is_none_or(|version| version < since) {
        return refusal(400, "invalid_request", "The api-version is missing or not served");
    }
    let Some(resource) = query.get("resource").filter(|resource| !resource.is_empty()) else {
        return refusal(400, "invalid_resource", "The parameter 'resource' is missing");
    };
    let principal = match query.get("client_id") {
        // The system-assigned identity may do everything.
        None => Some(0),
        Some(client_id) => identities.find(client_id),
    };
    let Some(principal) = principal else {
        return refusal(400, "invalid_request", "Identity not found");
    };
    let tenant = identities.tenant_id().to_string();
    let token = identities.issue(principal, &tenant, resource, now, life);
    let text = |seconds: i64| Json::from(seconds.to_string());
    let body = Json::object([
        ("access_token", token.into()),
        ("client_id", identities.principals[principal].client_id.as_str().into()),
        ("expires_in", text(life.whole_seconds())),
        ("expires_on", text((now + life).unix_timestamp())),
        ("ext_expires_in", text(life.whole_seconds())),
        ("not_before", text(now.unix_timestamp())),
        ("resource", resource.into()),
        ("token_type", "Bearer".into()),
    ]);
    Answer::json(200, body)
}

fn refusal(status: u16, error: &str, text: &str) -> Answer {
    Answer::json(status, json!({"error": error, "error_description": text}).into())
}
