//! One connection, from its beginning to its end.

use std::{
    convert::Infallible, error::Error, future::pending, net::SocketAddr, pin::pin, sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    Request, Response, Version,
    body::{Body, Incoming},
    header::{CONNECTION, HeaderValue},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tower::Service;
use tracing::debug;

use super::{Peer, Protocols, ServerTls, asked::Asked, stalled::Stalled};

/// Time between the end's beginning and the closing of connections on which nothing is asked.
const FAREWELL: Duration = Duration::from_secs(1);

/// One connection.
pub(super) struct Connection<S> {
    pub(super) client: SocketAddr,
    pub(super) service: S,
    pub(super) builder: Arc<Builder<TokioExecutor>>,
    pub(super) ending: watch::Receiver<bool>,
    pub(super) head: Duration,
    pub(super) protocols: Protocols,
}

impl<S, B> Connection<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    /// Agrees on encryption, where that is wanted, and talks.
    pub(super) async fn begin(self, stream: TcpStream, tls: Option<Arc<ServerTls>>) {
        stream.set_nodelay(true).ok();
        let (asked, address) = (Arc::<Asked>::default(), self.client);
        let stream = Stalled::new(stream, Arc::clone(&asked));
        let peer = |certified| Peer { address, certified };
        let Some(tls) = tls else {
            return self.talk(stream, peer(false), asked, None).await;
        };
        let news = tls.news();
        match timeout(self.head, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                // Only one that was checked is kept.
                let certified = stream.get_ref().1.peer_certificates().is_some();
                let news = certified.then_some(news);
                self.talk(stream, peer(certified), asked, news).await;
            }
            Ok(Err(cause)) => debug!(client = %address, %cause, "no TLS could be agreed on"),
            Err(_) => debug!(client = %address, "TLS was not agreed on in time"),
        }
    }

    async fn talk(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: Peer,
        asked: Arc<Asked>,
        news: Option<watch::Receiver<()>>,
    ) {
        let Self {
            client,
            head,
            protocols,
            ..
        } = self;
        let (counted, service, ending) = (Arc::clone(&asked), self.service, self.ending.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            let asking = counted.begin();
            request.extensions_mut().insert(peer);
            let has_last = request.version() <= Version::HTTP_11;
            let (answer, ending) = (service.clone().call(request), ending.clone());
            async move {
                let mut answer = answer.await?;
                if has_last && *ending.borrow() {
                    let headers = answer.headers_mut();
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                }
                // Over gRPC an answer may go on for hours, without news.
                let asking = (protocols == Protocols::Http2).then_some(asking);
                Ok::<_, Infallible>(answer.map(|body| {
                    body.map_frame(move |frame| {
                        let _held = &asking;
                        frame
                    })
                }))
            }
        });
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = asked.nothing(head) => {
                debug!(%client, "a connection was given up, nothing was asked on it");
                return;
            }
            () = idle(protocols, &asked, head) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    // It does not agree to its end.
                    () = asked.nothing_more(head) => Ok(()),
                }
            }
            () = outdated(news) => {
                connection.as_mut().graceful_shutdown();
                // What it is asked next may be the right of nobody's any more.
                timeout(OUTDATED, connection).await.unwrap_or(Ok(()))
            }
            () = farewell(self.ending) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(cause) = ended {
            debug!(%client, cause, "a connection broke off");
        }
    }
}

/// Longest time that a caller over gRPC keeps a connection for the next call.
const BETWEEN_CALLS: Duration = Duration::from_secs(60);

/// Done when a connection is held for nothing.
async fn idle(protocols: Protocols, asked: &Asked, head: Duration) {
    match protocols {
        Protocols::Any => asked.nothing_more(head).await,
        Protocols::Http2 => asked.nothing_more(BETWEEN_CALLS.max(head)).await,
    }
}

/// Time to end for a connection whose certificate was checked by what holds no more.
const OUTDATED: Duration = Duration::from_secs(60);

/// Done when a certificate that was checked would have to be checked again.
async fn outdated(news: Option<watch::Receiver<()>>) {
    if let Some(mut news) = news
        && news.changed().await.is_ok()
    {
        return;
    }
    pending().await
}

/// Done a moment after the end has begun. A request that was on its way by then is read, and its
/// answer says that it is the last one; a connection that is closed at once would lose it.
async fn farewell(mut ending: watch::Receiver<bool>) {
    ending.wait_for(|ending| *ending).await.ok();
    sleep(FAREWELL).await;
}
