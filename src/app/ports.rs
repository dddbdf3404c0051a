//! Ports: opened at the start, served until the server is told to stop.

use std::{future::Future, io, net::SocketAddr};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    grpc::{self, GrpcState},
    transport::{self, Transport},
};

use super::error::AppError;

/// Opens the port that a setting names.
pub(super) async fn bind(
    setting: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, AppError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| AppError::Bind {
            setting,
            address,
            error,
        })
}

/// Done when the server is told to stop.
pub(super) async fn stopped(mut stopped: watch::Receiver<bool>) {
    stopped.wait_for(|stopped| *stopped).await.ok();
}

/// Serves HTTP until it is stopped; waits for that where there is nothing to serve.
pub(super) async fn serve(
    edge: Option<(TcpListener, Router, Transport)>,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    match edge {
        Some((listener, routes, transport)) => {
            transport::serve(listener, routes, transport, stopped).await
        }
        None => {
            stopped.await;
            Ok(())
        }
    }
}

/// Serves gRPC until it is stopped; waits for that where there is nothing to serve.
pub(super) async fn serve_calls(
    edge: Option<(TcpListener, GrpcState, Transport)>,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    match edge {
        Some((listener, state, transport)) => {
            grpc::serve(listener, state, transport, stopped).await
        }
        None => {
            stopped.await;
            Ok(())
        }
    }
}
