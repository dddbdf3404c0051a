//! Health and metrics, on their own port.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    pictures::{RED, plain, png},
    server::{TestServer, tiny_models},
};

#[tokio::test]
async fn health_is_told_on_the_operations_port_alone() {
    let server = TestServer::start().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.get_operations(path).await.status(), 200, "{path}");
        assert_eq!(
            server.get(path).await.status(),
            404,
            "{path} is not for the public"
        );
    }
}

#[tokio::test]
async fn metrics_count_requests_by_model_version_and_outcome() {
    let server = TestServer::start().await;
    server.answer("colors", png(&plain(4, 4, RED)), &[]).await;
    server.infer("colors", b"text".to_vec(), &[]).await;
    server
        .infer(
            "nothing-with-a-name-of-its-own",
            png(&plain(4, 4, RED)),
            &[],
        )
        .await;
    let response = server.get_operations("/metrics").await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(response.headers()["content-type"], media_type);
    let text = response.text().await.expect("text");
    let colors = "model=\"colors\",version=\"2\"";
    for line in [
        format!("ocellus_requests_total{{{colors},outcome=\"ok\"}} 1"),
        format!("ocellus_requests_total{{{colors},outcome=\"unsupported_image_format\"}} 1"),
        format!("ocellus_pictures_total{{{colors},outcome=\"ok\"}} 1"),
        format!("ocellus_stage_seconds_count{{{colors},stage=\"inference\"}} 2"),
        format!("ocellus_request_seconds_count{{{colors}}} 2"),
        format!("ocellus_model_available{{{colors}}} 1"),
        "ocellus_requests_in_flight 0".to_owned(),
        "ocellus_requests_total{model=\"none\",version=\"none\",outcome=\"model_not_found\"} 1"
            .to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("nothing-with"),
        "what clients ask for is no label"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_request_in_flight_ends_before_the_server_does() {
    let server = TestServer::with(&tiny_models(), &[]).await;
    let picture = png(&plain(3000, 2000, RED));
    let request = server.post("colors").body(picture);
    let answered = tokio::spawn(async move { request.send().await.expect("an answer").status() });
    loop {
        let text = server
            .get_operations("/metrics")
            .await
            .text()
            .await
            .expect("text");
        if text.contains("ocellus_requests_in_flight 1") {
            break;
        }
        tokio::task::yield_now().await;
    }
    server.stop().await.expect("ends well");
    assert_eq!(answered.await.expect("no panic"), 200);
}

#[tokio::test]
async fn a_server_that_is_told_to_end_is_not_ready_in_any_protocol() {
    let server = TestServer::start().await;
    let address = server.url("").replace("http://", "");
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let mut ready = async || {
        let ask = "GET /v2/health/ready HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(ask.as_bytes()).await.expect("writes");
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    assert!(ready().await.starts_with("HTTP/1.1 200"));
    // Its models still serve: what was let in is finished.
    let ended = tokio::spawn(server.stop());
    let last = loop {
        let answer = ready().await;
        if !answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
    };
    assert!(last.starts_with("HTTP/1.1 503"), "{last}");
    ended.await.expect("no panic").expect("ends well");
}
