//! Connections: accepted, encrypted where that is wanted, and given up where their client is slow.

mod received;
mod stalled;
mod tls;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::Service as _;
use tracing::{debug, warn};

use stalled::Stalled;

pub(super) use received::{BodyFault, Held, Received};
pub use tls::{Tls, TlsError};

/// Largest head of a request over HTTP/1, in bytes.
const HEAD_BYTES: usize = 64 << 10;

/// Most headers of a request.
const HEADERS: usize = 100;

/// Largest head of a request over HTTP/2, in bytes, unpacked.
const HEADER_LIST_BYTES: u32 = 32 << 10;

/// Most requests at a time on one connection over HTTP/2.
const STREAMS: u32 = 64;

/// How often a client over HTTP/2 that says nothing is asked whether it lives, and how long it may
/// take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// Wait before another connection is accepted when the system would give none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How connections are kept.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Longest wait for the head of a request, also between two requests.
    pub head: Duration,
    /// Most connections at a time.
    pub connections: usize,
    /// How they are encrypted; `None` where they are not.
    pub tls: Option<Arc<Tls>>,
}

impl Edge {
    /// Connections of an operator, of whom there are few, on a port that is not public.
    #[must_use]
    pub const fn plain(head: Duration) -> Self {
        Self {
            head,
            connections: 256,
            tls: None,
        }
    }
}

/// Serves until `stopped` is done; then requests that are being worked on are given time to end.
///
/// # Errors
/// Never, so far: what cannot be accepted is tried again.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    edge: Edge,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(edge.connections));
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(builder(&edge));
    let mut stopped = pin!(stopped);
    let mut renewed = pin!(renew(edge.tls.clone()));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
            () = &mut renewed => continue,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                warn!(%cause, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            debug!(%client, "a connection was refused, there are http.connections of them");
            continue;
        };
        let connection = Connection {
            client,
            routes: routes.clone(),
            builder: Arc::clone(&builder),
            watcher: graceful.watcher(),
            head: edge.head,
        };
        let tls = edge.tls.clone();
        tokio::spawn(async move {
            let _place = place;
            connection.begin(stream, tls).await;
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// Renews the certificate, for ever.
async fn renew(tls: Option<Arc<Tls>>) {
    match tls {
        Some(tls) => tls.follow().await,
        None => std::future::pending().await,
    }
}

fn builder(edge: &Edge) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(edge.head)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIST_BYTES)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    builder
}

/// One connection.
struct Connection {
    client: SocketAddr,
    routes: Router,
    builder: Arc<Builder<TokioExecutor>>,
    watcher: Watcher,
    head: Duration,
}

impl Connection {
    async fn begin(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        stream.set_nodelay(true).ok();
        let stream = Stalled::new(stream);
        let Some(tls) = tls else {
            return self.talk(stream).await;
        };
        match timeout(self.head, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.talk(stream).await,
            Ok(Err(cause)) => debug!(client = %self.client, %cause, "no TLS could be agreed on"),
            Err(_) => debug!(client = %self.client, "TLS was not agreed on in time"),
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let Self { client, head, .. } = self;
        let begun = Arc::new(AtomicBool::new(false));
        let (asked, routes) = (Arc::clone(&begun), self.routes);
        let service = service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(client));
            routes.clone().call(request)
        });
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        tokio::select! {
            ended = self.watcher.watch(connection) => {
                if let Err(cause) = ended {
                    debug!(%client, cause, "a connection broke off");
                }
            }
            () = nothing_asked(&begun, head) => {
                debug!(%client, "a connection was given up, nothing was asked on it");
            }
        }
    }
}

/// Done when nothing has been asked in time, also not what tells HTTP/1 from HTTP/2.
async fn nothing_asked(begun: &AtomicBool, head: Duration) {
    sleep(head).await;
    if begun.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
