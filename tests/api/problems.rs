//! Each problem, made for real and held as a snapshot.

use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::{
    pictures::{BLUE, RED, encoded, plain, png},
    server::{TestServer, colors_with, tiny_models},
};

/// Sends a request and gives its problem, after checking what every problem has.
async fn problem(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], id);
    let code = problem["code"].as_str().expect("text");
    assert_eq!(problem["type"], format!("urn:ocellus:problem:{code}"));
    problem
        .as_object_mut()
        .expect("an object")
        .remove("request_id");
    problem
}

fn form(picture: Vec<u8>) -> Form {
    Form::new().part("image", Part::bytes(picture))
}

/// A PNG's signature and header chunk, whose checksum nobody gets to.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x02\0\0\0\0\0\0\0");
    bytes
}

macro_rules! assert_problem {
    ($name:literal, $request:expr) => {
        insta::assert_json_snapshot!($name, problem($request).await)
    };
}

#[tokio::test]
async fn requests_that_cannot_be_read() {
    let server = TestServer::start().await;
    let colors = || server.post("colors");
    let json = |body: &'static str| {
        colors()
            .header("content-type", "application/json")
            .body(body)
    };
    assert_problem!("empty_body", colors().body(""));
    assert_problem!(
        "form_without_image",
        colors().multipart(Form::new().text("top_k", "1"))
    );
    assert_problem!("curl_data_binary", {
        let urlencoded = "application/x-www-form-urlencoded";
        colors()
            .header("content-type", urlencoded)
            .body(png(&plain(4, 4, RED)))
    });
    assert_problem!("form_cut_off", {
        let boundary = "multipart/form-data; boundary=x";
        let body = "--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc";
        colors().header("content-type", boundary).body(body)
    });
    assert_problem!("form_without_boundary", {
        colors()
            .header("content-type", "multipart/form-data")
            .body("abc")
    });
    assert_problem!("json_broken", json("{\"b64\": "));
    assert_problem!("json_unknown_key", json("{\"b64\": \"\", \"top-k\": 1}"));
    assert_problem!("json_without_picture", json("{\"images\": []}"));
    assert_problem!(
        "json_two_pictures",
        json("{\"b64\": \"\", \"images\": [{\"b64\": \"\"}]}")
    );
    assert_problem!("json_not_base64", json("{\"b64\": \"***\"}"));
    assert_problem!(
        "json_option_of_wrong_type",
        json("{\"b64\": \"\", \"iou\": {}}")
    );
}

#[tokio::test]
async fn options_that_are_not_valid() {
    let server = TestServer::start().await;
    let with = |name: &'static str, value: &'static str| {
        server
            .post("spots")
            .multipart(form(png(&plain(4, 4, RED))).text(name, value))
    };
    assert_problem!("top_k_zero", with("top_k", "0"));
    assert_problem!("confidence_nan", with("confidence", "NaN"));
    assert_problem!("confidence_above_one", with("confidence", "1.5"));
    assert_problem!("iou_negative", with("iou", "-1"));
    assert_problem!("max_detections_many", with("max_detections", "1001"));
    assert_problem!("class_unknown", with("classes", "mauve"));
    assert_problem!("option_unknown", with("threshold", "0.5"));
    assert_problem!("option_twice", {
        server
            .post("spots")
            .query(&[("iou", "0.5")])
            .multipart(form(vec![]).text("iou", "0.5"))
    });
}

#[tokio::test]
async fn models_and_paths_that_are_not_there() {
    let server = TestServer::start().await;
    let to = |path: &str| {
        server
            .client
            .post(server.url(path))
            .body(png(&plain(4, 4, RED)))
    };
    assert_problem!("model_unknown", to("/v1/models/nothing/infer"));
    assert_problem!("model_name_invalid", to("/v1/models/..%2Fetc/infer"));
    assert_problem!("path_not_utf8", to("/v1/models/%ff/infer"));
    assert_problem!("version_unknown", to("/v1/models/colors/versions/9/infer"));
    assert_problem!("version_invalid", to("/v1/models/colors/versions/0/infer"));
    assert_problem!("path_unknown", to("/v1/nothing"));
    assert_problem!(
        "method_wrong",
        server.client.get(server.url("/v1/models/colors/infer"))
    );
    assert_problem!(
        "model_unknown_get",
        server.client.get(server.url("/v1/models/nothing"))
    );
}

#[tokio::test]
async fn pictures_that_are_none_or_too_much() {
    let server = TestServer::start().await;
    let post = |bytes: Vec<u8>| server.post("colors").multipart(form(bytes));
    let jpeg = encoded(&plain(200, 200, RED), image::ImageFormat::Jpeg);
    assert_problem!("text_named_jpg", {
        let part = Part::bytes(b"I am a text".to_vec()).file_name("photo.jpg");
        server
            .post("colors")
            .multipart(Form::new().part("image", part))
    });
    assert_problem!(
        "svg",
        post(b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec())
    );
    assert_problem!("empty_part", post(Vec::new()));
    assert_problem!("jpeg_truncated", post(jpeg[..jpeg.len() / 2].to_vec()));
    assert_problem!(
        "png_truncated",
        post(png(&plain(200, 200, RED))[..60].to_vec())
    );
    assert_problem!("png_30000", post(png_header(30_000, 30_000)));
    assert_problem!("png_long_side", post(png_header(12_001, 1)));
    assert_problem!("png_without_pixels", post(png_header(0, 5)));
}

#[tokio::test]
async fn pictures_that_are_not_fetched() {
    let server = TestServer::start().await;
    let url = |url: &str| json!({ "url": url });
    assert_problem!("url_not_here", {
        server.post("colors").json(&url("https://pictures.test/"))
    });
    let server = TestServer::with(&tiny_models(), &[("fetch.schemes", "https")]).await;
    let post = |text: &str| server.post("colors").json(&url(text));
    assert_problem!("url_malformed", post("pictures.test/a.jpg"));
    assert_problem!("url_of_http", post("http://pictures.test/"));
    assert_problem!("url_with_a_user", post("https://a:b@pictures.test/"));
    assert_problem!("url_of_a_port", post("https://pictures.test:22/"));
    assert_problem!("url_of_an_address", post("https://10.0.0.1/"));
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound")
    };
    let settings = [
        ("fetch.schemes", "https,http"),
        ("fetch.networks", "127.0.0.1"),
        ("fetch.ports", &*nobody.port().to_string().leak()),
    ];
    let server = TestServer::with(&tiny_models(), &settings).await;
    let url = url(&format!("http://{nobody}/"));
    assert_problem!("url_of_nobody", server.post("colors").json(&url));
}

#[tokio::test]
async fn answers_that_cannot_be_produced() {
    let server = TestServer::start().await;
    let accept = |accept: &str, form: Form| {
        server
            .post("colors")
            .header("accept", accept)
            .multipart(form)
    };
    let picture = || Part::bytes(png(&plain(4, 4, RED)));
    assert_problem!("accept_html", accept("text/html", form(vec![])));
    assert_problem!("two_pictures_as_picture", {
        accept(
            "image/png",
            Form::new()
                .part("image", picture())
                .part("image", picture()),
        )
    });
}

#[tokio::test]
async fn limits_are_named_when_they_are_reached() {
    let settings = [("limits.body_bytes", "2000"), ("limits.images", "2")];
    let server = TestServer::with(&tiny_models(), &settings).await;
    assert_problem!("body_too_large", server.post("colors").body(vec![0; 2001]));
    assert_problem!(
        "form_too_large",
        server.post("colors").multipart(form(vec![0; 1990]))
    );
    assert_problem!("too_many_images", {
        let three = (0..3).fold(Form::new(), |form, _| {
            form.part("image", Part::bytes(vec![0]))
        });
        server.post("colors").multipart(three)
    });
    assert_problem!("too_many_images_json", {
        server
            .post("colors")
            .json(&json!({ "images": [{"b64": ""}, {"b64": ""}, {"b64": ""}] }))
    });
}

#[tokio::test]
async fn a_body_that_never_fits_is_not_asked_for_again() {
    let server = TestServer::with(&tiny_models(), &[("limits.body_bytes", "2000")]).await;
    for path in ["/v1/models/colors:predict", "/v2/models/colors/infer"] {
        let request = server.client.post(server.url(path)).body(vec![0; 2001]);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 413, "{path}");
        assert!(!answer.headers().contains_key("retry-after"), "{path}");
        let said: Value = answer.json().await.expect("JSON");
        assert!(said["error"].is_string(), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_model_that_fails_on_one_picture_serves_the_next() {
    let broken = tiny_models()
        .with_file_name("broken_models")
        .join("fragile");
    let root = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(broken, root.path().join("fragile")).expect("links");
    let server = TestServer::with(root.path(), &[]).await;
    let post = |color| server.post("fragile").body(png(&plain(8, 8, color)));
    assert_problem!("inference_failed", post(RED));
    let answer = post(BLUE).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_picture_that_breaks_a_run_fails_alone() {
    let broken = tiny_models()
        .with_file_name("broken_models")
        .join("brittle");
    let root = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(broken, root.path().join("brittle")).expect("links");
    let server = TestServer::with(root.path(), &[]).await;
    let pictures = [BLUE, RED, BLUE];
    let part = |color| Part::bytes(png(&plain(8, 8, color)));
    let form = pictures
        .into_iter()
        .fold(Form::new(), |form, color| form.part("image", part(color)));
    let answer = server.post("brittle").multipart(form).send().await;
    let answer: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
    let label = |index: usize| &answer["images"][index]["results"][0]["label"];
    assert_eq!([label(0), label(2)], ["blue", "blue"], "{answer:#}");
    assert_eq!(answer["images"][1]["problem"]["code"], "inference_failed");
    let metrics = server.get_operations("/metrics").await;
    let metrics = metrics.text().await.expect("text");
    let batches = "ocellus_batch_size_sum{model=\"brittle\",version=\"1\"} 6";
    assert!(
        metrics.contains(batches),
        "3 together, then each alone: {metrics}"
    );
}

#[tokio::test]
async fn a_model_that_takes_pictures_as_they_are_names_their_size() {
    let root = colors_with("[input]", "[input]\nresize.mode = \"none\"");
    let server = TestServer::with(root.path(), &[]).await;
    let post = |side| server.post("colors").body(png(&plain(side, 8, RED)));
    assert_problem!("unsupported_image_size", post(9));
    assert_eq!(post(8).send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_deadline_ends_a_request() {
    let server = TestServer::with(&tiny_models(), &[("limits.deadline_ms", "1")]).await;
    let large = png(&plain(4000, 3000, RED));
    assert_problem!(
        "deadline_exceeded",
        server.post("colors").multipart(form(large))
    );
}
