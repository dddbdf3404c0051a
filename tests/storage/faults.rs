//! Servers that misbehave: what the client makes of them, and how long it takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ocellus::storage::{ObjectStore, StoreError, download};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{bucket, with_keys};

/// What a server does with every request.
#[derive(Clone, Copy)]
enum Fault {
    /// Answers with this status and code.
    Status(u16, &'static str),
    /// Takes the request and says nothing.
    Hang,
    /// Sends the head of an answer, then a byte now and then.
    Drip,
    /// Sends half of what it promised, then goes; the rest where it is asked for by range.
    Cut,
}

/// Starts such a server, and counts what it is asked.
async fn start(fault: Fault) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move { answer(stream, fault, &count).await });
        }
    });
    (endpoint, asked)
}

async fn answer(mut stream: TcpStream, fault: Fault, asked: &AtomicUsize) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    asked.fetch_add(1, Ordering::Relaxed);
    let head = String::from_utf8_lossy(&head).to_lowercase();
    match fault {
        Fault::Status(status, code) => {
            let body = format!("<Error><Code>{code}</Code><Message>as told</Message></Error>");
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(text.as_bytes()).await.ok()?;
        }
        Fault::Hang => tokio::time::sleep(Duration::from_secs(600)).await,
        Fault::Drip => {
            let head = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 1000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.ok()?;
            loop {
                stream.write_all(b"x").await.ok()?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Fault::Cut => {
            let rest = head.contains("range: bytes=500-");
            let (status, length, sent) = if rest {
                (206, 500, 500)
            } else {
                (200, 1000, 500)
            };
            let text = format!(
                "HTTP/1.1 {status} OK\r\nETag: \"a\"\r\nContent-Length: {length}\r\n\
                 Content-Range: bytes 500-999/1000\r\nConnection: close\r\n\r\n{}",
                "x".repeat(sent)
            );
            stream.write_all(text.as_bytes()).await.ok()?;
        }
    }
    Some(())
}

#[test]
fn refusals_are_told_apart_and_not_repeated() {
    with_keys("faults::refusals_are_told_apart_and_not_repeated", async {
        let key = "index.json".parse().expect("a key");
        let check = async |fault: Fault, expected: fn(&StoreError) -> bool, times: usize| {
            let (endpoint, asked) = start(fault).await;
            let store = bucket(endpoint).await;
            let error = store.get(&key, None, 100).await.expect_err("is refused");
            assert!(expected(&error), "{error:?}");
            let text = error.to_string();
            assert!(
                !text.contains('\n') && !text.contains("Signature="),
                "{text}"
            );
            assert_eq!(asked.load(Ordering::Relaxed), times, "{text}");
        };
        let not_found = |error: &StoreError| matches!(error, StoreError::NotFound(_));
        let denied = |error: &StoreError| matches!(error, StoreError::Denied { .. });
        let away = |error: &StoreError| matches!(error, StoreError::Unavailable { .. });
        check(Fault::Status(404, "NoSuchKey"), not_found, 1).await;
        check(Fault::Status(403, "AccessDenied"), denied, 1).await;
        check(
            Fault::Status(412, "PreconditionFailed"),
            |error| matches!(error, StoreError::Changed(_)),
            1,
        )
        .await;
        check(Fault::Status(500, "InternalError"), away, 2).await;
        check(Fault::Status(503, "SlowDown"), away, 2).await;
    });
}

#[test]
fn every_wait_has_an_end() {
    with_keys("faults::every_wait_has_an_end", async {
        let key = "index.json".parse().expect("a key");
        for (fault, within) in [(Fault::Hang, 12), (Fault::Drip, 15)] {
            let (endpoint, _) = start(fault).await;
            let store = bucket(endpoint).await;
            let begun = Instant::now();
            let error = store.get(&key, None, 10_000).await.expect_err("never ends");
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(within), "{took:?}: {error}");
        }
        let nobody = bucket("http://127.0.0.1:1".to_owned()).await;
        let error = nobody.list("").await.expect_err("nobody is there");
        assert!(error.to_string().contains("refused"), "{error}");
    });
}

#[test]
fn a_body_that_breaks_off_is_taken_up_where_it_was() {
    with_keys(
        "faults::a_body_that_breaks_off_is_taken_up_where_it_was",
        async {
            let (endpoint, asked) = start(Fault::Cut).await;
            let store = bucket(endpoint).await;
            let mut received = 0;
            let sink = |bytes: bytes::Bytes| {
                received += bytes.len();
                Ok(Duration::ZERO)
            };
            let key = "large.bin".parse().expect("a key");
            download(&store, &key, 1000, || u64::MAX, sink)
                .await
                .expect("comes in two parts");
            assert_eq!((received, asked.load(Ordering::Relaxed)), (1000, 2));
        },
    );
}
