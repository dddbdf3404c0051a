//! Connections to a model core.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tower::Service;

use super::tls::ClientTls;

/// Connects to addresses, encrypted where they begin with `https`.
#[derive(Clone, Debug)]
pub struct Connector {
    /// How connections are encrypted; without it an address that wants it cannot be reached.
    pub tls: Option<Arc<ClientTls>>,
}

/// A connection, encrypted or not.
type Stream = TokioIo<Box<dyn Duplex>>;

/// What is read from and written to.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let tls = self.tls.clone();
        Box::pin(async move { connect(&address, tls.as_deref()).await })
    }
}

async fn connect(address: &Uri, tls: Option<&ClientTls>) -> io::Result<Stream> {
    let refused = |why: &'static str| io::Error::new(io::ErrorKind::InvalidInput, why);
    let host = address.host().ok_or_else(|| refused("it names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_encrypted = address.scheme_str() == Some("https");
    let port = address.port_u16();
    let port = port.unwrap_or(if is_encrypted { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if !is_encrypted {
        return Ok(TokioIo::new(Box::new(stream)));
    }
    let tls = tls.ok_or_else(|| refused("there is no TLS for it"))?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = tls.connector().connect(name, stream).await?;
    Ok(TokioIo::new(Box::new(stream)))
}
