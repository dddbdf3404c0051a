//! Connections, of clients to this process and of a gateway to its cores: accepted, encrypted
//! where that is wanted, and given up where their other end is slow.

mod addresses;
mod asked;
mod connect;
mod connection;
mod paced;
mod renewed;
mod stalled;
mod tls;

use std::{
    convert::Infallible,
    error::Error,
    future::{Future, pending},
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::sleep,
};
use tower::Service;
use tracing::{debug, warn};

use crate::fairness::places::Places;

use connection::Connection;

pub use addresses::holder;
pub use connect::Connector;
pub use paced::Paced;
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

/// Time after which it is said again.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// How connections are kept.
#[derive(Clone, Debug)]
pub struct Transport {
    /// What is spoken on them.
    pub protocols: Protocols,
    /// Longest wait for the head of a request, also between two requests.
    pub head: Duration,
    /// Most connections at a time, of which one address has seven eighths at the most.
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
///
/// # Errors
/// When the last connections cannot be taken over; before that, what cannot be accepted is tried again.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    transport: Transport,
    stopped: impl Future<Output = ()>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let all = Arc::new(Semaphore::new(transport.connections));
    let places = Places::new(transport.connections);
    let ending = watch::Sender::new(false);
    let builder = Arc::new(builder(&transport));
    let mut stopped = pin!(stopped);
    let mut renewed = pin!(renew(transport.tls.clone()));
    let take = |(stream, client): (TcpStream, SocketAddr)| {
        let place = places.take(&holder(client.ip()));
        let Some(place) = place.zip(Arc::clone(&all).try_acquire_owned().ok()) else {
            debug!(%client, "a connection was refused, there are as many as may be");
            return;
        };
        let connection = Connection {
            client,
            service: service.clone(),
            builder: Arc::clone(&builder),
            ending: ending.subscribe(),
            head: transport.head,
            protocols: transport.protocols,
        };
        let tls = transport.tls.clone();
        tokio::spawn(async move {
            let _place = place;
            connection.begin(stream, tls).await;
        });
    };
    let mut said: Option<Instant> = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => take(accepted),
                Err(cause) => {
                    if said.is_none_or(|said| SAID_AGAIN < said.elapsed()) {
                        warn!(%cause, "connections cannot be accepted");
                        said = Some(Instant::now());
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = &mut stopped => break,
            () = &mut renewed => (),
        }
    }
    ending.send_replace(true);
    take_the_last(listener, transport.connections, take)?;
    // Once all places are free, the last connection has ended.
    let every = u32::try_from(transport.connections).unwrap_or(u32::MAX);
    all.acquire_many(every).await.ok();
    Ok(())
}

/// Takes whom the system has let in already, so many at most, then closes the port: closed at once
/// it would reset them. The runtime would not know yet of the latest, so the system is asked.
fn take_the_last(
    listener: TcpListener,
    most: usize,
    take: impl Fn((TcpStream, SocketAddr)),
) -> io::Result<()> {
    let listener = listener.into_std()?;
    let waiting = std::iter::from_fn(|| listener.accept().ok());
    for (stream, client) in waiting.take(most) {
        stream.set_nonblocking(true)?;
        take((TcpStream::from_std(stream)?, client));
    }
    Ok(())
}

/// Renews the certificate, for ever.
async fn renew(tls: Option<Arc<ServerTls>>) {
    match tls {
        Some(tls) => tls.follow().await,
        None => pending().await,
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
