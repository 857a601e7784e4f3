//! Connections in, calls run, and an end that does not hang.

use std::{io, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes};
use tracing::Instrument;

use super::{
    ServeError,
    activity::Activity,
    listener::{Connection, Listener, Stream},
    services,
    signals::Interrupts,
};

/// How long running calls and open streams may take to end after shutdown was asked for. The host kills the process two
/// seconds after it closed the connection and logs that it had to; half a second is left for the end itself.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1500);

/// How long a client may take to prove who it is. Local handshakes take milliseconds; whoever is silent is no host.
const TLS_HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long to wait after a failed accept: out of file descriptors, say, which only time mends.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How many accepted connections may wait for the gRPC server to take them; it takes them at once.
const CONNECTIONS_WAITING_MAX: usize = 16;

/// A server that is ready to take connections.
pub struct Server {
    /// Where connections come in.
    pub listener: Listener,
    /// Proves who the client is; without one the connection is plain text.
    pub acceptor: Option<TlsAcceptor>,
    /// Cancelled when the end is wanted.
    pub shutdown: CancellationToken,
}

impl Server {
    /// Serves until the host asks for the end or is gone. Interrupts are swallowed meanwhile.
    pub async fn run_for_host(self, routes: Routes, interrupts: Interrupts) -> Result<(), ServeError> {
        let activity = Activity::new();
        let watched = activity.clone();
        let gone = async move {
            tokio::select! {
                () = watched.host_gone() => tracing::warn!("the host is gone: nobody is connected and nothing runs"),
                () = interrupts.swallow() => std::future::pending().await,
            }
        };
        self.run(routes, activity, gone).await
    }

    /// Serves until `end` or until shutdown is asked for. However long nobody connects: a person is at work.
    pub async fn run_until(self, routes: Routes, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        self.run(routes, Activity::new(), end).await
    }

    async fn run(self, routes: Routes, activity: Activity, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self {
            listener,
            acceptor,
            shutdown,
        } = self;
        let routes = services::add(routes, &shutdown).await;
        let routes = routes
            .into_axum_router()
            .layer(from_fn_with_state(activity.clone(), run_call));
        let (sender, connections) = mpsc::channel(CONNECTIONS_WAITING_MAX);
        let server = tonic::transport::Server::builder()
            .add_routes(routes.into())
            .serve_with_incoming_shutdown(ReceiverStream::new(connections), shutdown.clone().cancelled_owned());
        let accepting = accept_connections(&listener, acceptor, activity, sender);
        let ending = async {
            tokio::select! {
                () = end => shutdown.cancel(),
                () = shutdown.cancelled() => {}
            }
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            result = server => result.map_err(ServeError::Server),
            () = ending => {
                tracing::warn!("shutting down although calls are still running");
                Ok(())
            }
            () = accepting => Ok(()),
        }
    }
}

/// Takes connections for ever. A failure of one connection, or of accepting itself, never ends the server.
async fn accept_connections(
    listener: &Listener,
    acceptor: Option<TlsAcceptor>,
    activity: Activity,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                continue;
            }
        };
        let (acceptor, activity, sender) = (acceptor.clone(), activity.clone(), sender.clone());
        // Spawned, so that a client that is slow to prove itself does not hold up the host.
        tokio::spawn(async move {
            match authenticate(stream, acceptor).await {
                // The receiver is gone only when the server ends; the connection then ends too.
                Ok(stream) => drop(sender.send(Ok(Connection::new(stream, activity.connection()))).await),
                Err(error) => tracing::warn!(%error, "a client was refused"),
            }
        });
    }
}

/// The stream after TLS, where TLS is asked for.
async fn authenticate(stream: Box<dyn Stream>, acceptor: Option<TlsAcceptor>) -> io::Result<Box<dyn Stream>> {
    let Some(acceptor) = acceptor else { return Ok(stream) };
    match tokio::time::timeout(TLS_HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(result) => Ok(Box::new(result?)),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the TLS handshake took too long",
        )),
    }
}

/// Runs each call as a task of its own. The gRPC server drops a call whose connection breaks; work that has begun at the
/// far end must be seen through all the same. A call that panics becomes an error instead of a broken stream.
async fn run_call(State(activity): State<Activity>, request: Request, next: Next) -> Response {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default();
    // At the level of errors, so that these fields are there whenever anything is logged.
    let span = tracing::error_span!("call", tf_rpc = method, tf_req_id = %uuid::Uuid::new_v4());
    let running = activity.call();
    let call = async move {
        let response = next.run(request).await;
        drop(running);
        response
    };
    match tokio::spawn(call.instrument(span)).await {
        Ok(response) => response,
        Err(_) => Status::internal("the provider panicked; this is a bug in it, see the log for the trace").into_http(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        sync::Arc,
    };

    use axum::{Router, routing::any};
    use hyper_util::rt::TokioIo;
    use tokio::{net::UnixStream, sync::Notify, task::JoinHandle};
    use tonic::{
        Code,
        client::Grpc,
        transport::{Channel, Endpoint},
    };

    use super::*;
    use crate::plugin::{serve_unix, wire::Empty};

    /// A server in this process, with calls that do what the tests need.
    struct Served {
        _directory: tempfile::TempDir,
        socket: PathBuf,
        shutdown: CancellationToken,
        server: JoinHandle<Result<(), ServeError>>,
        /// Told when the call `Wait` has begun.
        begun: Arc<Notify>,
        /// Lets the call `Wait` go on.
        go_on: Arc<Notify>,
        /// Told when the call `Wait` has been seen through.
        done: Arc<Notify>,
    }

    impl Served {
        async fn start() -> Self {
            let [begun, go_on, done] = std::array::from_fn(|_| Arc::new(Notify::new()));
            let told = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&done));
            let wait = move || {
                let (begun, go_on, done) = told.clone();
                async move {
                    begun.notify_one();
                    go_on.notified().await;
                    done.notify_one();
                }
            };
            let router = Router::new()
                .route("/test.Calls/Wait", any(wait))
                .route("/test.Calls/Panic", any(panics));
            let directory = tempfile::tempdir().unwrap();
            let socket = directory.path().join("s");
            let shutdown = CancellationToken::new();
            let server = tokio::spawn({
                let (socket, shutdown) = (socket.clone(), shutdown.clone());
                async move { serve_unix(&socket, router.into(), shutdown).await }
            });
            while !socket.exists() {
                tokio::task::yield_now().await;
            }
            Self {
                _directory: directory,
                socket,
                shutdown,
                server,
                begun,
                go_on,
                done,
            }
        }

        async fn call(&self, method: &'static str) -> Result<(), Status> {
            call(connect(&self.socket).await, method).await
        }
    }

    async fn panics() {
        panic!("as the test wants it");
    }

    async fn connect(socket: &Path) -> Channel {
        let socket = socket.to_owned();
        let connect = move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        };
        Endpoint::from_static("http://localhost")
            .connect_with_connector(tower::service_fn(connect))
            .await
            .unwrap()
    }

    async fn call(channel: Channel, method: &'static str) -> Result<(), Status> {
        let mut client = Grpc::new(channel);
        client.ready().await.unwrap();
        let path = axum::http::uri::PathAndQuery::from_static(method);
        let codec = tonic_prost::ProstCodec::<Empty, Empty>::default();
        client
            .unary(tonic::Request::new(Empty {}), path, codec)
            .await
            .map(|_| ())
    }

    #[tokio::test]
    async fn a_call_is_seen_through_although_its_connection_breaks() {
        let served = Served::start().await;
        let channel = connect(&served.socket).await;
        let calling = tokio::spawn(call(channel, "/test.Calls/Wait"));
        served.begun.notified().await;
        calling.abort();
        assert!(calling.await.unwrap_err().is_cancelled());
        served.go_on.notify_one();
        served.done.notified().await;
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_one_call() {
        let served = Served::start().await;
        for _ in 0..2 {
            let status = served.call("/test.Calls/Panic").await.unwrap_err();
            assert!(
                status.code() == Code::Internal && status.message().contains("panicked"),
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn a_call_that_does_not_end_does_not_hold_up_the_end() {
        let served = Served::start().await;
        let calling = tokio::spawn(call(connect(&served.socket).await, "/test.Calls/Wait"));
        served.begun.notified().await;
        served.shutdown.cancel();
        served.server.await.unwrap().unwrap();
        assert!(!served.socket.exists());
        calling.abort();
    }

    #[test]
    fn the_end_comes_before_the_hosts_kill() {
        const HOST_KILLS_AFTER: Duration = Duration::from_secs(2);
        const { assert!(SHUTDOWN_GRACE.as_millis() < HOST_KILLS_AFTER.as_millis()) };
    }
}
