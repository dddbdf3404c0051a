//! What the edge does around every request: the page, the documentation, CORS.

use reqwest::Method;
use serde_json::Value;

use crate::{
    pictures::{RED, plain, png},
    server::{TestServer, tiny_models},
};

#[tokio::test]
async fn the_page_is_served_with_all_that_it_needs() {
    let server = TestServer::start().await;
    let response = server.get("/").await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/html; charset=utf-8"
    );
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        policy.starts_with("default-src 'self'; img-src 'self' blob: data:"),
        "{policy}"
    );
    let html = response.text().await.expect("text");
    let assets = html
        .split(['"', '\''])
        .filter(|text| text.starts_with("/assets/"));
    for asset in assets {
        let response = server.get(asset).await;
        assert_eq!(response.status(), 200, "{asset}");
        let tag = response.headers()["etag"].clone();
        let again = server
            .client
            .get(server.url(asset))
            .header("if-none-match", tag);
        assert_eq!(
            again.send().await.expect("an answer").status(),
            304,
            "{asset}"
        );
    }
    assert_eq!(
        server.get("/assets/samples/coffee.jpg").await.headers()["content-type"],
        "image/jpeg"
    );
    assert_eq!(
        server.get("/assets/samples/make_samples.py").await.status(),
        404
    );
    assert_eq!(
        server.get("/assets/..%2F..%2FCargo.toml").await.status(),
        404
    );
}

#[tokio::test]
async fn the_reference_is_rendered_from_the_binary() {
    let server = TestServer::start().await;
    let description: Value = server
        .get("/openapi.json")
        .await
        .json()
        .await
        .expect("JSON");
    let code = serde_json::to_value(ocellus::http::openapi()).expect("serialises");
    assert_eq!(description, code);
    let page = server.get("/docs/").await.text().await.expect("text");
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(
        !page.contains("https://"),
        "the reference asks no other host:\n{page}"
    );
    assert_eq!(server.get("/docs/swagger-ui-bundle.js").await.status(), 200);
}

#[tokio::test]
async fn other_origins_may_call_only_when_they_are_listed() {
    let allowed = async |origins: &'static str, origin: &str| {
        let server = TestServer::with(&tiny_models(), &[("http.cors_origins", origins)]).await;
        let request = server
            .client
            .get(server.url("/v1/models"))
            .header("origin", origin);
        let response = request.send().await.expect("an answer");
        response
            .headers()
            .get("access-control-allow-origin")
            .map(|o| o.to_str().expect("text").to_owned())
    };
    assert_eq!(allowed("", "https://a.example").await, None);
    assert_eq!(
        allowed("https://a.example", "https://b.example").await,
        None
    );
    let listed = allowed("https://b.example, https://a.example", "https://a.example").await;
    assert_eq!(listed.as_deref(), Some("https://a.example"));
    assert_eq!(
        allowed("*", "https://a.example").await.as_deref(),
        Some("*")
    );
}

#[tokio::test]
async fn a_server_without_a_place_refuses_and_works_on() {
    let server = TestServer::with(&tiny_models(), &[("limits.requests", "1")]).await;
    let picture = png(&plain(1500, 1500, RED));
    let ask = async || {
        let response = server.infer("colors", picture.clone(), &[]).await;
        let retry = response.headers().get("retry-after").cloned();
        let status = response.status().as_u16();
        let body: Value = response.json().await.expect("JSON");
        (status, body["code"].as_str().map(str::to_owned), retry)
    };
    let (mut served, mut refused) = (false, false);
    while !(served && refused) {
        for answer in futures_util::future::join_all((0..4).map(|_| ask())).await {
            match answer {
                (200, None, None) => served = true,
                (503, Some(code), Some(retry)) => {
                    assert_eq!(
                        (code.as_str(), retry.as_bytes()),
                        ("overloaded", b"1".as_slice())
                    );
                    refused = true;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_only_looks_needs_no_place() {
    let server = TestServer::start().await;
    for method in [Method::GET, Method::HEAD] {
        let url = server.url("/v1/models");
        let request = server.client.request(method.clone(), url);
        // What asks for a place is refused for this.
        let request = request.header("x-priority", "never");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{method}");
    }
}

#[tokio::test]
async fn bodies_that_do_not_come_take_no_place_from_others() {
    let server = TestServer::with(&tiny_models(), &[("limits.requests", "2")]).await;
    let never = || futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let endless = || {
        let body = reqwest::Body::wrap_stream(never());
        tokio::spawn(server.post("colors").body(body).send())
    };
    let endless: Vec<_> = (0..20).map(|_| endless()).collect();
    for _ in 0..20 {
        let response = server.infer("colors", png(&plain(8, 8, RED)), &[]).await;
        assert_eq!(response.status(), 200);
    }
    for one in endless {
        if one.is_finished() {
            let given_up = one.await.expect("no panic").expect("an answer");
            assert_eq!(
                given_up.status(),
                408,
                "for its pace, not for want of a place"
            );
        } else {
            one.abort();
        }
    }
}
