//! A server on loopback that behaves well and badly.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// A server that says what it likes, and tells what it was asked.
pub(super) struct Peer {
    pub(super) port: u16,
    heads: mpsc::UnboundedReceiver<String>,
}

impl Peer {
    pub(super) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (tell, heads) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, tell) = (tls.clone(), tell.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &tell, port).await,
                            Err(error) => drop(tell.send(format!("no TLS: {error}"))),
                        },
                        None => serve(stream, &tell, port).await,
                    }
                });
            }
        });
        Self { port, heads }
    }

    /// What it was asked, without waiting for more.
    pub(super) fn heads(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.heads.try_recv().ok()).collect()
    }
}

/// Answers a connection's requests, until one is answered badly or nothing more is asked.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    tell: &mpsc::UnboundedSender<String>,
    port: u16,
) {
    while answer(&mut stream, tell, port).await.as_deref() == Some("/picture") {}
    stream.shutdown().await.ok();
}

/// Answers one request by its path, and gives that.
async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    tell: &mpsc::UnboundedSender<String>,
    port: u16,
) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return None,
        }
    }
    let head = String::from_utf8(head).expect("text");
    let path = head.split(' ').nth(1).expect("a path").to_owned();
    tell.send(head).ok();
    let found = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\n\r\n").into_bytes();
    let whole = |body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let said = match path.as_str() {
        "/picture" => whole(b"a picture"),
        "/largest" => whole(&[7; 1000]),
        "/moved" => found("/picture"),
        "/three" => found("/two"),
        "/two" => found("/moved"),
        "/four" => found("/three"),
        "/loop" => found("/loop"),
        "/inside" => found("http://10.0.0.1/secret"),
        "/rebound" => found(&format!("http://inside.test:{port}/picture")),
        "/plain" => found(&format!("http://pictures.test:{port}/picture")),
        "/userinfo" => found(&format!("http://a:b@pictures.test:{port}/picture")),
        "/elsewhere" => found("gopher://pictures.test/"),
        "/nowhere" => text("HTTP/1.1 302 Found\r\n\r\n"),
        "/missing" => text("HTTP/1.1 404 Not Found\r\n\r\nsecret"),
        "/partial" => text("HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\na"),
        "/noise" => text("SSH-2.0-OpenSSH secret\r\n"),
        "/short" => text("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc"),
        "/huge" => text("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nabc"),
        "/packed" => text(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x03\x08",
        ),
        "/endless" => {
            let mut said = text("HTTP/1.1 200 OK\r\n\r\n");
            said.resize(100_000, 7);
            said
        }
        "/silent" | "/drip" => text("HTTP/1.1 200 OK\r\n\r\na"),
        other => panic!("{other} is not answered"),
    };
    stream.write_all(&said).await.ok();
    if path == "/drip" {
        // A byte each time the pace's window is half over.
        while stream.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    if path == "/silent" {
        stream.read_u8().await.ok();
    }
    Some(path)
}
