//! The services that the host expects beside the provider's own: broker, standard streams, controller, health.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream, service::Routes};
use tonic_health::{ServingStatus, server::health_reporter};

use super::wire::{
    ConnInfo, Empty, StdioData,
    grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
    grpc_controller_server::{GrpcController, GrpcControllerServer},
    grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
};

/// The name under which the host asks for a plugin's health.
const HEALTH_SERVICE: &str = "plugin";

/// Adds the host's services to the provider's. `shutdown` is cancelled when the host asks for the end, and ends the
/// streams that the host keeps open.
pub async fn add(routes: Routes, shutdown: &CancellationToken) -> Routes {
    let (health, health_service) = health_reporter();
    health.set_service_status(HEALTH_SERVICE, ServingStatus::Serving).await;
    routes
        .add_service(health_service)
        .add_service(GrpcBrokerServer::new(Broker(shutdown.clone())))
        .add_service(GrpcStdioServer::new(Stdio(shutdown.clone())))
        .add_service(GrpcControllerServer::new(Controller(shutdown.clone())))
}

struct Broker(CancellationToken);

#[tonic::async_trait]
impl GrpcBroker for Broker {
    /// Side connections are never opened from here, so the stream stays silent; the host expects it to stay open.
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        Ok(Response::new(Silent::until(&self.0, request.into_inner())))
    }
}

struct Stdio(CancellationToken);

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    /// Nothing is printed, so there is nothing to forward. A host that reattaches calls this once a run.
    async fn stream_stdio(&self, _request: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(Silent::until(&self.0, ())))
    }
}

struct Controller(CancellationToken);

#[tonic::async_trait]
impl GrpcController for Controller {
    /// The answer still goes out: the server finishes calls that have begun.
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host asked for shutdown");
        self.0.cancel();
        Ok(Response::new(Empty {}))
    }
}

/// A stream without items that ends with the process; an endless one would hold up the graceful end.
struct Silent<T, K> {
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What must live as long as the stream: the client's half, whose drop would reset the call.
    _kept: K,
    _item: std::marker::PhantomData<fn() -> T>,
}

impl<T: 'static, K: Send + Unpin + 'static> Silent<T, K> {
    fn until(shutdown: &CancellationToken, kept: K) -> BoxStream<T> {
        let end = Box::pin(shutdown.clone().cancelled_owned());
        Box::pin(Self {
            end,
            _kept: kept,
            _item: std::marker::PhantomData,
        })
    }
}

impl<T, K: Unpin> Stream for Silent<T, K> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.end.as_mut().poll(cx).map(|()| None)
    }
}
