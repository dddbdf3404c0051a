//! What heads say of a request, in bytes that no client library would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::server::TestServer;

/// Sends bytes, and gives what comes until the server closes the connection.
async fn exchange(server: &TestServer, sent: &str) -> String {
    let url = server.url("");
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(sent.as_bytes()).await.expect("writes");
    let mut answer = Vec::new();
    let closed = timeout(Duration::from_secs(4), stream.read_to_end(&mut answer));
    closed.await.expect("closed in time").expect("reads");
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_head_that_leaves_doubt_is_refused_and_its_connection_closed() {
    let server = TestServer::start().await;
    let check = async |head: &str, field: &str| {
        let answer = exchange(&server, head).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains(field), "{answer}");
    };
    for hosts in [
        "",
        "host: a\r\nhost: a\r\n",
        "host: a b\r\n",
        "host: a@b\r\n",
    ] {
        let head = format!("GET /v1/models HTTP/1.1\r\n{hosts}\r\n");
        check(&head, "header Host").await;
    }
    for codings in ["gzip, chunked", "chunked, chunked", ",chunked"] {
        let post = "POST /v1/models/colors/infer HTTP/1.1\r\nhost: a\r\ntransfer-encoding:";
        let head = format!("{post} {codings}\r\n\r\n0\r\n\r\n");
        check(&head, "header Transfer-Encoding").await;
    }
    let old = exchange(&server, "GET /v1/models HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}

#[tokio::test]
async fn a_body_for_a_model_that_is_not_there_is_not_asked_for() {
    let server = TestServer::start().await;
    let targets = [
        "/v1/models/nothing/infer",
        "/v1/models/colors/versions/99/infer",
        "/v1/models/nothing:predict",
        "/v2/models/nothing/infer",
    ];
    for target in targets {
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n"
        );
        let answer = exchange(&server, &head).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{target}: {answer}");
    }
}

#[tokio::test]
async fn what_a_body_is_packed_with_is_read_in_any_spelling() {
    let server = TestServer::start().await;
    let empty_gzip = [
        31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    for path in ["/v1/models/colors:predict", "/v2/models/colors/infer"] {
        let ask = async |encoding: &str| {
            let request = server.client.post(server.url(path));
            let request = request.header("content-encoding", encoding);
            let sent = request.body(empty_gzip.to_vec()).send().await;
            let answer = sent.expect("an answer");
            (answer.status(), answer.text().await.expect("text"))
        };
        for known in ["gzip", "GZIP", "x-gzip"] {
            let (status, words) = ask(known).await;
            assert_eq!(status, 400, "{known}: {words}");
            assert!(words.contains("EOF"), "{known}: {words}");
        }
        let (status, words) = ask("br").await;
        assert_eq!(status, 415, "{words}");
        assert!(
            words.starts_with("{\"error\":\"Content-Encoding "),
            "{words}"
        );
    }
    let native = server.post("colors").header("content-encoding", "Identity");
    let answer = native.body("").send().await.expect("an answer");
    let words = answer.text().await.expect("text");
    assert!(words.contains("no_image"), "{words}");
}

#[tokio::test]
async fn a_version_in_a_path_is_not_empty() {
    let server = TestServer::start().await;
    for end in ["", "/ready", "/config", "/stats"] {
        let path = format!("/v2/models/colors/versions/{end}");
        let answer = server.get(&path).await;
        assert!(matches!(answer.status().as_u16(), 400 | 404), "{path}");
    }
}
