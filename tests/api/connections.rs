//! Connections: those of slow clients, those that are too many, encrypted ones.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::{Certificate, Client, Version};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::server::{TestServer, tiny_models};

/// Time in which a slow client must be gone.
const GONE: Duration = Duration::from_secs(10);

async fn connect(server: &TestServer) -> TcpStream {
    let url = server.url("");
    let address = url.strip_prefix("http://").expect("a URL");
    TcpStream::connect(address).await.expect("connects")
}

/// What comes until the server closes the connection.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut read = Vec::new();
    let closed = timeout(GONE, stream.read_to_end(&mut read)).await;
    closed.expect("closed in time").ok();
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn a_client_that_does_not_ask_is_let_go() {
    let server = TestServer::with(&tiny_models(), &[("http.head_ms", "300")]).await;
    let asked = "GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n";
    for begun in ["", "G", "PRI * HT", "GET / HTTP/1.1\r\nhost: a\r\n", asked] {
        let mut stream = connect(&server).await;
        let since = Instant::now();
        stream.write_all(begun.as_bytes()).await.expect("writes");
        let answer = until_closed(stream).await;
        assert!(since.elapsed() < Duration::from_secs(3), "{begun:?}");
        assert_eq!(answer.contains("200 OK"), begun == asked, "{begun:?}");
    }
}

#[tokio::test]
async fn a_client_of_http_2_does_not_keep_what_it_does_not_use() {
    let server = TestServer::with(&tiny_models(), &[("http.head_ms", "300")]).await;
    let mut stream = connect(&server).await;
    let since = Instant::now();
    // The preface and empty settings; then GET http://a/v1/models as the first stream, whole.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let fields = b"\x82\x86\x01\x01a\x04\x0a/v1/models";
    let mut asked = preface.to_vec();
    asked.extend_from_slice(&[
        0,
        0,
        u8::try_from(fields.len()).expect("few"),
        1,
        5,
        0,
        0,
        0,
        1,
    ]);
    asked.extend_from_slice(fields);
    stream.write_all(&asked).await.expect("writes");
    let answer = until_closed(stream).await;
    assert!(answer.contains("\"colors\""), "{answer}");
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "well before it is asked whether it lives"
    );
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let server = TestServer::start().await;
    let mut stream = connect(&server).await;
    let head = "POST /v1/models/colors/infer HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\n\
                content-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("writes");
    stream.write_all(b"drip").await.expect("writes");
    let answer = until_closed(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_too_slow"), "{answer}");
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let server = TestServer::with(&tiny_models(), &[("http.connections", "1")]).await;
    let first = connect(&server).await;
    let second = connect(&server).await;
    assert_eq!(until_closed(second).await, "");
    drop(first);
    let begun = Instant::now();
    while begun.elapsed() < GONE {
        let client = Client::new();
        if client.get(server.url("/v1/models")).send().await.is_ok() {
            return;
        }
    }
    panic!("the place of a closed connection is free again");
}

#[tokio::test]
async fn what_there_is_no_memory_for_is_refused() {
    let settings = [
        ("limits.upload_bytes", "1048576"),
        ("limits.decode_bytes", "1048576"),
    ];
    let server = TestServer::with(&tiny_models(), &settings).await;
    let problem = async |body: Vec<u8>, kind: &str| {
        let request = server.post("colors").header("content-type", kind);
        let response = request.body(body).send().await.expect("an answer");
        let retry = response.headers().contains_key("retry-after");
        let status = response.status().as_u16();
        let problem: Value = response.json().await.expect("JSON");
        (status, problem["code"].clone(), retry)
    };
    let refused = (413, Value::from("body_too_large"), false);
    assert_eq!(problem(vec![0xFF; 2 << 20], "image/jpeg").await, refused);
    // Base64 is counted as it is read, and as what it becomes.
    let json = format!("{{\"b64\": \"{}\"}}", "A".repeat(400_000));
    assert_eq!(
        problem(json.into_bytes(), "application/json").await,
        refused
    );
    let large = png(1000, 1000);
    let refused = (413, Value::from("image_too_large"), false);
    assert_eq!(problem(large, "image/png").await, refused);
    let small = server.infer("colors", png(100, 100), &[]).await;
    assert_eq!(small.status(), 200, "what was held is free again");
}

#[tokio::test]
async fn an_annotated_picture_is_counted_as_what_is_sent() {
    let server = TestServer::with(&tiny_models(), &[("limits.upload_bytes", "1048576")]).await;
    // Noise: small as a JPEG, and hardly smaller than its pixels as a PNG.
    let mut state = 1_u32;
    let noise = image::RgbImage::from_fn(700, 700, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, red, green, blue] = state.to_le_bytes();
        image::Rgb([red, green, blue])
    });
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 50);
    noise.write_with_encoder(encoder).expect("encodes");
    let ask = async |form: &str| {
        let request = server.post("colors").header("accept", form);
        let request = request.header("content-type", "image/jpeg");
        let sent = request.body(jpeg.clone()).send().await;
        sent.expect("an answer")
    };
    let refused = ask("image/png").await;
    assert_eq!(refused.status(), 413);
    let problem: Value = refused.json().await.expect("JSON");
    assert_eq!(problem["code"], "image_too_large", "{problem:#}");
    for _ in 0..4 {
        let answer = ask("image/jpeg").await;
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("comes whole");
    }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(width, height, image::Rgb([255, 0, 0]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encodes");
    bytes.into_inner()
}

/// Writes a certificate for this host and its key, and gives a client that trusts it alone.
fn certify(folder: &Path) -> Client {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("writes");
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).expect("writes");
    let certificate = Certificate::from_pem(made.cert.pem().as_bytes()).expect("PEM");
    let client = Client::builder().tls_certs_only([certificate]);
    client.build().expect("a client")
}

#[tokio::test]
async fn a_certificate_is_renewed_while_it_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        let path = folder.path().join(name).display().to_string();
        &*Box::leak(path.into_boxed_str())
    };
    let client = certify(folder.path());
    let settings = [
        ("http.tls_certificate", path("certificate.pem")),
        ("http.tls_key", path("key.pem")),
    ];
    let server = TestServer::with(&tiny_models(), &settings).await;
    let url = server.url("/v1/models").replace("http:", "https:");
    let response = client.get(&url).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.version(), Version::HTTP_2);
    let plain = Client::new().get(server.url("/v1/models")).send().await;
    assert!(plain.is_err(), "nothing is said in the clear");

    let renewed = certify(folder.path());
    let begun = Instant::now();
    while renewed.get(&url).send().await.is_err() {
        assert!(begun.elapsed() < GONE, "renewed in time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
