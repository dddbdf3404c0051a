//! Connections, of clients to this process and of a gateway to its cores: accepted, encrypted
//! where that is wanted, and given up where their other end is slow.

mod connect;
mod renewed;
mod stalled;
mod tls;

use std::{
    convert::Infallible,
    error::Error,
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    service::service_fn,
};
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
use tower::Service;
use tracing::{debug, warn};

use stalled::Stalled;

pub use connect::Connector;
pub use tls::{ClientTls, ServerTls, TlsError};

/// Largest head of a request over HTTP/1, in bytes.
const HEAD_BYTES: usize = 64 << 10;

/// Most headers of a request.
const HEADERS: usize = 100;

/// Largest head of a request over HTTP/2, in bytes, unpacked.
const HEADER_LIST_BYTES: u32 = 32 << 10;

/// How often a client over HTTP/2 that says nothing is asked whether it lives, and how long it may
/// take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// Wait before another connection is accepted when the system would give none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How connections are kept.
#[derive(Clone, Debug)]
pub struct Transport {
    /// What is spoken on them.
    pub protocols: Protocols,
    /// Longest wait for the head of a request, also between two requests.
    pub head: Duration,
    /// Most connections at a time.
    pub connections: usize,
    /// Most requests at a time on one connection over HTTP/2.
    pub streams: u32,
    /// How they are encrypted; `None` where they are not.
    pub tls: Option<Arc<ServerTls>>,
}

/// Versions of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/1.1 and HTTP/2, as the client begins.
    Any,
    /// HTTP/2 alone, which gRPC is.
    Http2,
}

/// The other end of a connection. Each request has it in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether it showed a certificate that was checked.
    pub certified: bool,
}

/// Serves until `stopped` is done; then requests that are being worked on are given time to end.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    transport: Transport,
    stopped: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(transport.connections));
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(builder(&transport));
    let mut stopped = pin!(stopped);
    let mut renewed = pin!(renew(transport.tls.clone()));
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
            debug!(%client, "a connection was refused, there are as many as may be");
            continue;
        };
        let connection = Connection {
            client,
            service: service.clone(),
            builder: Arc::clone(&builder),
            watcher: graceful.watcher(),
            head: transport.head,
        };
        let tls = transport.tls.clone();
        tokio::spawn(async move {
            let _place = place;
            connection.begin(stream, tls).await;
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Renews the certificate, for ever.
async fn renew(tls: Option<Arc<ServerTls>>) {
    match tls {
        Some(tls) => tls.follow().await,
        None => std::future::pending().await,
    }
}

fn builder(transport: &Transport) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(transport.head)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(transport.streams)
        .max_header_list_size(HEADER_LIST_BYTES)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    match transport.protocols {
        Protocols::Any => builder,
        Protocols::Http2 => builder.http2_only(),
    }
}

/// One connection.
struct Connection<S> {
    client: SocketAddr,
    service: S,
    builder: Arc<Builder<TokioExecutor>>,
    watcher: Watcher,
    head: Duration,
}

impl<S, B> Connection<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    async fn begin(self, stream: TcpStream, tls: Option<Arc<ServerTls>>) {
        stream.set_nodelay(true).ok();
        let (stream, address) = (Stalled::new(stream), self.client);
        let Some(tls) = tls else {
            let certified = false;
            return self.talk(stream, Peer { address, certified }).await;
        };
        match timeout(self.head, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                // Only one that was checked is kept.
                let certified = stream.get_ref().1.peer_certificates().is_some();
                self.talk(stream, Peer { address, certified }).await;
            }
            Ok(Err(cause)) => debug!(client = %address, %cause, "no TLS could be agreed on"),
            Err(_) => debug!(client = %address, "TLS was not agreed on in time"),
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: Peer) {
        let Self { client, head, .. } = self;
        let begun = Arc::new(AtomicBool::new(false));
        let (asked, service) = (Arc::clone(&begun), self.service);
        let service = service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            service.clone().call(request)
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
