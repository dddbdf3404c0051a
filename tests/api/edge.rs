//! What the edge does around every request: the page, the documentation, CORS.

use serde_json::Value;

use crate::server::{TestServer, tiny_models};

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
async fn a_server_without_a_place_refuses_at_once() {
    let server = TestServer::with(&tiny_models(), &[("limits.requests", "1")]).await;
    // A body that never ends takes the only place.
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let endless = server
        .post("colors")
        .body(reqwest::Body::wrap_stream(never))
        .send();
    let endless = tokio::spawn(endless);
    let refused = loop {
        let response = server
            .post("colors")
            .body("x")
            .send()
            .await
            .expect("an answer");
        if response.status() == 503 {
            break response;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(refused.headers()["retry-after"], "1");
    let problem: Value = refused.json().await.expect("JSON");
    assert_eq!(problem["code"], "overloaded");
    endless.abort();
}
