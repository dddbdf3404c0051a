//! Pictures by their URL: fetched where that is allowed, and nothing done where it is not.

use std::{io, net::TcpListener as Ear};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    pictures::{BLUE, RED, plain, png},
    server::{Setting, TestServer, tiny_models},
};

/// Serves a red picture, and worse, on loopback; gives the port.
async fn host() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            let path = String::from_utf8(head).expect("text");
            let path = path.split(' ').nth(1).expect("a path");
            let (status, location, body) = match path {
                "/red.txt?secret" => ("200 OK", "", png(&plain(8, 8, RED))),
                "/moved" => ("302 Found", "/red.txt?secret", Vec::new()),
                "/inside" => ("302 Found", "http://10.0.0.1/", Vec::new()),
                "/page" => ("200 OK", "", b"<html>no picture</html>".to_vec()),
                "/large" => ("200 OK", "", vec![0; 5000]),
                _ => ("404 Not Found", "", b"secret".to_vec()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-type: text/plain\r\n\
                 content-length: {length}\r\n\r\n"
            );
            let whole = [head.as_bytes(), &body].concat();
            stream.write_all(&whole).await.ok();
        }
    });
    port
}

/// A port where somebody listens, and what tells whether anybody came.
fn ear() -> (u16, Ear) {
    let ear = Ear::bind("127.0.0.1:0").expect("a port");
    ear.set_nonblocking(true).expect("does not block");
    (ear.local_addr().expect("bound").port(), ear)
}

fn assert_nobody_came(ear: &Ear) {
    let came = ear.accept().map(|(_, from)| from);
    assert_eq!(
        came.map_err(|error| error.kind()),
        Err(io::ErrorKind::WouldBlock)
    );
}

/// A server that fetches from these ports, of these networks beside the internet.
async fn server(ports: &[u16], networks: &'static str) -> TestServer {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let settings: [Setting; 4] = [
        ("fetch.schemes", "https,http"),
        ("fetch.ports", ports.join(",").leak()),
        ("fetch.networks", networks),
        ("limits.body_bytes", "4000"),
    ];
    TestServer::with(&tiny_models(), &settings).await
}

async fn ask(server: &TestServer, body: &Value) -> Response {
    let request = server.post("colors").json(body);
    request.send().await.expect("an answer")
}

async fn answer(server: &TestServer, body: &Value) -> (u16, Value) {
    let response = ask(server, body).await;
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// The status and the code of a request that fails.
async fn problem(server: &TestServer, body: &Value) -> (u16, String) {
    let (status, problem) = answer(server, body).await;
    let code = problem["code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

#[tokio::test]
async fn pictures_are_fetched_each_with_its_own_fate() {
    let port = host().await;
    let server = server(&[port], "127.0.0.0/8").await;
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let red = url("red.txt?secret");
    for body in [
        json!({ "url": red }),
        json!({ "image": { "url": url("moved"), "filename": "red" } }),
        json!({ "images": [{ "url": red }], "top_k": 1 }),
    ] {
        let (status, answer) = answer(&server, &body).await;
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(answer["images"][0]["results"][0]["label"], "red");
        assert_eq!(answer["images"][0]["format"], "png");
        assert_eq!(answer["images"][0]["filename"], body["image"]["filename"]);
    }
    let body = json!({ "images": [
        { "url": red, "filename": "first" },
        { "url": url("missing") },
        { "b64": STANDARD.encode(png(&plain(8, 8, BLUE))) },
        { "url": "http://10.0.0.1/" },
        { "url": url("inside") },
        { "url": url("page") },
        { "url": url("large") },
        { "url": "no URL" },
        { "url": red },
    ] });
    let (status, answer) = answer(&server, &body).await;
    assert_eq!(status, 200, "{answer:#}");
    let images = answer["images"].as_array().expect("a list");
    let fates = images.iter().map(|image| {
        let label = image["results"][0]["label"].as_str();
        label.or(image["problem"]["code"].as_str()).expect("a fate")
    });
    let expected = [
        "red",
        "url_unreachable",
        "blue",
        "url_refused",
        "url_refused",
        "unsupported_image_format",
        "image_too_large",
        "malformed_request",
        "red",
    ];
    assert_eq!(fates.collect::<Vec<_>>(), expected);
    assert_eq!(images[0]["filename"], "first");
    let metrics = server.get_operations("/metrics").await;
    let metrics = metrics.text().await.expect("text");
    for line in [
        "ocellus_fetches_total{outcome=\"ok\"} 6",
        "ocellus_fetches_total{outcome=\"url_refused\"} 2",
        "ocellus_fetches_total{outcome=\"url_unreachable\"} 1",
        "ocellus_fetches_total{outcome=\"image_too_large\"} 1",
        "ocellus_fetches_total{outcome=\"malformed_request\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn a_fetched_picture_comes_back_annotated() {
    let port = host().await;
    let server = server(&[port], "127.0.0.0/8").await;
    let body = json!({ "url": format!("http://127.0.0.1:{port}/moved") });
    let request = server.post("colors").header("accept", "image/png");
    let response = request.json(&body).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "image/png");
}

#[tokio::test]
async fn nothing_is_fetched_unless_it_is_allowed() {
    let (port, ear) = ear();
    let server = TestServer::start().await;
    let url = format!("http://127.0.0.1:{port}/");
    let refused = (403, "url_refused".to_owned());
    for url in [url.as_str(), "https://pictures.test/", "no URL", ""] {
        assert_eq!(problem(&server, &json!({ "url": url })).await, refused);
    }
    let blue = STANDARD.encode(png(&plain(8, 8, BLUE)));
    let body = json!({ "images": [{ "url": url }, { "b64": blue }] });
    let (status, answer) = answer(&server, &body).await;
    assert_eq!(status, 200, "{answer:#}");
    assert_eq!(answer["images"][0]["problem"]["code"], "url_refused");
    assert_eq!(answer["images"][1]["results"][0]["label"], "blue");
    assert_nobody_came(&ear);
}

#[tokio::test]
async fn a_refusal_does_not_tell_who_listens() {
    let ((open, ear), (closed, _)) = (ear(), ear());
    let server = server(&[open, closed], "").await;
    let detail = async |host: &str, port: u16| {
        let url = format!("http://{host}:{port}/");
        let (status, mut problem) = answer(&server, &json!({ "url": url })).await;
        assert_eq!(status, 403, "{problem:#}");
        problem
            .as_object_mut()
            .expect("an object")
            .remove("request_id");
        problem
    };
    let first = detail("127.0.0.1", open).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "0",
        "169.254.169.254",
    ] {
        assert_eq!(detail(host, open).await, first, "{host}");
        assert_eq!(detail(host, closed).await, first, "{host}");
    }
    assert_nobody_came(&ear);
}

#[tokio::test]
async fn nothing_is_fetched_for_a_request_that_cannot_be_answered() {
    let (port, ear) = ear();
    let server = server(&[port], "127.0.0.0/8").await;
    let url = format!("http://127.0.0.1:{port}/");
    let request = server.post("nothing").json(&json!({ "url": url }));
    assert_eq!(request.send().await.expect("an answer").status(), 404);
    let malformed = (400, "malformed_request".to_owned());
    for body in [
        json!({ "url": url, "b64": "" }),
        json!({ "url": url, "image": { "b64": "" } }),
        json!({ "url": url, "images": [{ "b64": "" }] }),
        json!({ "image": { "url": url, "b64": "" } }),
        json!({ "images": [{ "url": url }, {}] }),
        json!({ "images": [{ "url": url }, { "b64": "***" }] }),
        json!({ "url": [url] }),
    ] {
        assert_eq!(problem(&server, &body).await, malformed, "{body}");
    }
    let no_option = json!({ "url": url, "top_k": 0 });
    assert_eq!(problem(&server, &no_option).await.1, "invalid_option");
    assert_nobody_came(&ear);
}

#[tokio::test]
async fn a_fetch_ends_in_time() {
    let (port, _ear) = ear();
    let settings: [Setting; 4] = [
        ("fetch.schemes", "https,http"),
        ("fetch.ports", port.to_string().leak()),
        ("fetch.networks", "127.0.0.0/8"),
        ("fetch.timeout_ms", "100"),
    ];
    let server = TestServer::with(&tiny_models(), &settings).await;
    let silent = json!({ "url": format!("http://127.0.0.1:{port}/") });
    let (status, problem) = answer(&server, &silent).await;
    assert_eq!(status, 422, "{problem:#}");
    assert_eq!(problem["code"], "url_unreachable");
    assert_eq!(problem["detail"], "the picture did not come within 100 ms");
}
