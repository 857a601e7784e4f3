//! TLS, HTTP, and the way of one request: fault, identity, answer, journal.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::answer::{Answer, Content};
use super::exchange::{Answered, Incoming, Told};
use super::faults::{Fault, FaultAction, FaultResponse};
use super::identity::random_id;
use super::journal::{JournalEntry, masked_body, masked_query};
use super::operations::Fate;
use super::world::World;
use super::{arm, blobs, clock, control, issuer, login, metadata};

/// How long a client may take for its TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long half a body has for leaving before its connection ends.
const FLUSH_PAUSE: Duration = Duration::from_millis(20);
/// Handshakes that may wait for the HTTP side.
const BACKLOG: usize = 128;

/// What every request needs.
pub(super) struct Shared {
    pub(super) world: Mutex<World>,
    pub(super) base_url: String,
    pub(super) control_token: String,
    /// The port of the managed identity endpoints, when they are served.
    pub(super) plain_port: Option<u16>,
    /// What an app of App Service shows to its endpoint.
    pub(super) identity_header: String,
}

impl Shared {
    /// The state, also after a request has panicked.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>, stop: oneshot::Receiver<()>) {
    let (ready, accepted) = mpsc::channel(BACKLOG);
    tokio::spawn(accept(listener, tls, ready));
    let router = Router::new().fallback(handle).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Line>();
    // Dropping the server closes every connection: an emulator that stops owes nobody a graceful end.
    tokio::select! {
        _ = axum::serve(Accepted(accepted), service) => {}
        _ = stop => {}
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, ready: mpsc::Sender<Connection>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; the next attempt may find one.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                let _ = ready
                    .send(Connection {
                        stream,
                        line: Line::default(),
                    })
                    .await;
            }
        });
    }
}

/// Connections whose handshake is done.
struct Accepted(mpsc::Receiver<Connection>);

impl Listener for Accepted {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        match self.0.recv().await {
            Some(connection) => (connection, ()),
            // The accepting task ends only with the whole server.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets a fault cut a connection from inside a request.
#[derive(Clone, Debug, Default)]
struct Line(Arc<AtomicBool>);

impl Connected<IncomingStream<'_, Accepted>> for Line {
    fn connect_info(stream: IncomingStream<'_, Accepted>) -> Line {
        stream.io().line.clone()
    }
}

/// A TLS stream that fails every write once its line is cut.
struct Connection {
    stream: TlsStream<TcpStream>,
    line: Line,
}

impl Connection {
    fn check(&self) -> std::io::Result<()> {
        if self.line.0.load(Ordering::Relaxed) {
            // Without lingering, closing the socket sends a reset instead of a polite end.
            let _ = self.stream.get_ref().0.set_zero_linger();
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Result<Response<Body>, Infallible> {
    let incoming = if blobs::owned(request.uri().path()).is_some() {
        Incoming::read_blob(&shared, request).await
    } else {
        match Incoming::read(request).await {
            Some(incoming) => incoming,
            None => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE)),
        }
    };
    if let Some(path) = incoming.path.strip_prefix("/emulator/") {
        return Ok(controlled(&shared, &incoming, path));
    }
    let fault = shared.lock().faults.strike(&incoming.method, &incoming.path);
    Ok(match fault {
        None => finished(&shared, &incoming, None),
        Some(fault) => faulty(&shared, &incoming, fault, &line).await,
    })
}

async fn faulty(shared: &Shared, incoming: &Incoming, fault: Fault, line: &Line) -> Response<Body> {
    match fault.action {
        FaultAction::FailOperation(failure) => finished(shared, incoming, Some(Fate::Fail(failure))),
        FaultAction::HangOperation(_) => finished(shared, incoming, Some(Fate::Hang)),
        FaultAction::StallSeconds(seconds) => {
            let answer = fault.applied.then(|| finished(shared, incoming, None));
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            answer.unwrap_or_else(|| finished(shared, incoming, None))
        }
        FaultAction::Reset(_) => {
            apply_before_fault(shared, incoming, fault.applied, None);
            line.0.store(true, Ordering::Relaxed);
            plain(StatusCode::OK)
        }
        FaultAction::Respond(response) => {
            apply_before_fault(shared, incoming, fault.applied, Some(response.status));
            canned(shared, incoming, &response)
        }
        FaultAction::Truncate(_) => truncated(finished(shared, incoming, None)).await,
    }
}

/// Lets the request take effect or not, and journals what the client will see of it.
fn apply_before_fault(shared: &Shared, incoming: &Incoming, applied: bool, status: Option<u16>) {
    let mut world = shared.lock();
    let told = if applied {
        answer(&mut world, shared, incoming, None).told
    } else {
        Told::default()
    };
    journal(&mut world, incoming, status, told);
}

fn finished(shared: &Shared, incoming: &Incoming, fate: Option<Fate>) -> Response<Body> {
    let mut world = shared.lock();
    let Answered { answer, told } = answer(&mut world, shared, incoming, fate);
    journal(&mut world, incoming, Some(answer.status), told);
    respond(&world, incoming, answer)
}

fn answer(world: &mut World, shared: &Shared, incoming: &Incoming, fate: Option<Fate>) -> Answered {
    let now = world.tick();
    if blobs::owned(&incoming.path).is_some() {
        return world.store.blob_answer(incoming, now).into();
    }
    let lower = incoming.path.trim_matches('/').to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').collect();
    let method = incoming.method.as_str();
    if login::owns(&segments) {
        let life = (now, world.token_lifetime);
        let base_url = &shared.base_url;
        let identities = &mut world.identities;
        let (answer, sign_in) = login::answer(identities, base_url, method, &segments, &incoming.body, life);
        let told = Told {
            sign_in,
            ..Told::default()
        };
        return Answered { answer, told };
    }
    if issuer::owns(&segments) {
        let issuer = &world.identities.issuer;
        let authorization = incoming.header("authorization");
        return issuer
            .answer(method, &segments, &incoming.query, authorization, now)
            .into();
    }
    if (method, lower.as_str()) == ("GET", "metadata/endpoints") {
        return metadata::endpoints(&shared.base_url, &world.store.tenant_id).into();
    }
    let World { identities, store, .. } = world;
    let auxiliary = incoming.header("x-ms-authorization-auxiliary");
    let auxiliary = auxiliary.map_or(Ok(Vec::new()), |header| identities.authenticate_auxiliary(header, now));
    let principal = identities.authenticate(incoming.header("authorization"), now);
    let (principal, auxiliary_tenants) = match (principal, auxiliary) {
        (Ok(principal), Ok(auxiliary)) => (principal, auxiliary),
        (Err(refusal), _) | (_, Err(refusal)) => return refusal.into_answer().into(),
    };
    let request = arm::Request {
        method,
        path: &incoming.path,
        query: &incoming.query,
        body: &incoming.body,
        correlation: incoming.header("x-ms-correlation-request-id"),
        now,
        fate,
    };
    let told = Told {
        identity: Some(principal.name.to_string()),
        sign_in: None,
        auxiliary_tenants,
    };
    let answer = arm::answer(store, principal, request);
    Answered { answer, told }
}

fn controlled(shared: &Shared, incoming: &Incoming, path: &str) -> Response<Body> {
    let mut world = shared.lock();
    let expected = format!("Bearer {}", shared.control_token);
    let answer = if !incoming.header("host").is_some_and(control::is_loopback_host) {
        control::refused("The Host header is not this machine's loopback.")
    } else if incoming.header("authorization") != Some(expected.as_str()) {
        control::refused("The emulator's own token is missing or wrong; it is in the env file.")
    } else {
        world.tick();
        control::answer(&mut world, &incoming.method, path.trim_end_matches('/'), &incoming.body)
    };
    let mut response = Response::new(Body::empty());
    write(&mut response, answer);
    response
}

/// Puts a request down.
pub(super) fn journal(world: &mut World, incoming: &Incoming, status: Option<u16>, told: Told) {
    let time = clock::with_zulu(world.clock.now());
    world.journal.record(JournalEntry {
        sequence: 0,
        time,
        method: incoming.method.clone(),
        path: incoming.path.clone(),
        query: masked_query(&incoming.query),
        api_version: incoming.query.get("api-version").map(str::to_string),
        identity: told.identity,
        status,
        request_body: request_body(incoming),
        correlation_id: incoming.header("x-ms-correlation-request-id").map(str::to_string),
        user_agent: incoming.header("user-agent").map(str::to_string),
        sign_in: told.sign_in,
        auxiliary_tenants: told.auxiliary_tenants,
        authorization: incoming.header("authorization").is_some(),
    });
}

fn request_body(incoming: &Incoming) -> Option<serde_json::Value> {
    match &incoming.upload {
        None => masked_body(incoming.header("content-type").unwrap_or_default(), &incoming.body),
        Some(Ok(received)) => Some(format!("<{} bytes uploaded>", received.length()).into()),
        Some(Err(problem)) => Some(format!("<no upload: {problem:?}>").into()),
    }
}

/// An answer with the headers that ARM puts on all of them.
fn respond(world: &World, incoming: &Incoming, answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if blobs::owned(&incoming.path).is_some() {
        write(&mut response, answer);
        return response;
    }
    let request_id = random_id();
    let correlation = incoming
        .header("x-ms-correlation-request-id")
        .unwrap_or(&request_id)
        .to_string();
    let routing = format!("EASTUS:{}:{}", clock::compact(world.clock.now()), random_id());
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    set("cache-control", "no-cache");
    set("pragma", "no-cache");
    set("expires", "-1");
    set("strict-transport-security", "max-age=31536000; includeSubDomains");
    set("x-content-type-options", "nosniff");
    set("x-cache", "CONFIG_NOCACHE");
    set("x-ms-request-id", &request_id);
    set("x-ms-correlation-request-id", &correlation);
    set("x-ms-routing-request-id", &routing);
    // Nothing is throttled here: the buckets are always as full as after one request.
    let (kind, own, global) = match incoming.method.as_str() {
        "GET" | "HEAD" => ("reads", "249", "3749"),
        "DELETE" => ("deletes", "199", "2999"),
        _ => ("writes", "199", "2999"),
    };
    for (scope, left) in [("subscription", own), ("subscription-global", global)] {
        let name = HeaderName::try_from(format!("x-ms-ratelimit-remaining-{scope}-{kind}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(left)) {
            response.headers_mut().insert(name, value);
        }
    }
    write(&mut response, answer);
    response
}

/// Turns an answer into HTTP.
pub(super) fn write(response: &mut Response<Body>, answer: Answer) {
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    let (content_type, bytes) = match answer.body {
        None => return,
        Some(Content::Json(body)) => ("application/json; charset=utf-8", body.to_bytes()),
        Some(Content::Bytes(content_type, bytes)) => (content_type, bytes),
    };
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    *response.body_mut() = Body::from(bytes);
}

fn canned(shared: &Shared, incoming: &Incoming, wanted: &FaultResponse) -> Response<Body> {
    let mut response = respond(&shared.lock(), incoming, Answer::empty(wanted.status));
    let body = match &wanted.body {
        None => None,
        Some(serde_json::Value::String(text)) => Some(text.clone()),
        Some(value) => {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            Some(value.to_string())
        }
    };
    for (name, value) in &wanted.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    *response.body_mut() = body.map_or_else(Body::empty, Body::from);
    response
}

/// Half the body under the full length, then the end of the connection.
async fn truncated(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let _ = sender.send(Ok(half)).await;
    tokio::spawn(async move {
        // The first half leaves before the end does; without this pause both would be lost together.
        tokio::time::sleep(FLUSH_PAUSE).await;
        drop(sender);
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    Response::from_parts(parts, Body::from_stream(stream))
}

/// A status and nothing else.
pub(super) fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
