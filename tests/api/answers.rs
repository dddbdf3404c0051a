//! What a picture's answer says, whichever way the picture came.

use image::ImageFormat;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::{
    pictures::{BLUE, GREEN, RED, encoded, plain, png, spots, stored_turned},
    server::{TestServer, colors_with},
};

/// A box's edges: left, top, right, bottom.
fn edges(result: &Value) -> [f64; 4] {
    ["x1", "y1", "x2", "y2"].map(|edge| result["box"][edge].as_f64().expect("a number"))
}

fn assert_near(result: &Value, expected: [f64; 4], tolerance: f64) {
    let near = edges(result)
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(
        near,
        "{:?} is not within {tolerance} of {expected:?}",
        edges(result)
    );
}

#[tokio::test]
async fn a_plain_picture_is_classified() {
    let server = TestServer::start().await;
    let check = async |model: &str, label: &str, confidence: f64| {
        let answer = server.answer(model, png(&plain(40, 30, RED)), &[]).await;
        let best = &answer["images"][0]["results"][0];
        assert_eq!(best["label"], label, "{model}");
        let got = best["confidence"].as_f64().expect("a number");
        assert!((got - confidence).abs() < 1e-3, "{model}: {got}");
        assert!(best.get("box").is_none(), "a class has no box");
    };
    // softmax(10, 0, 0) and softmax(20, 0, 0)
    check("colors/versions/1", "red", 0.999_909).await;
    check("colors", "red", 1.0).await;
    check("half", "red", 0.999_909).await;
    check("bytes", "red", 0.999_909).await;
    check("ints", "red", 0.999_909).await;
}

#[tokio::test]
async fn an_answer_tells_where_it_comes_from() {
    let server = TestServer::start().await;
    let response = server
        .infer("spots", png(&plain(192, 64, GREEN)), &[])
        .await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let timing = response.headers()["server-timing"]
        .to_str()
        .expect("text")
        .to_owned();
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["id"], id);
    assert_eq!(answer["model"]["name"], "spots");
    assert_eq!(answer["model"]["version"], 1);
    assert_eq!(answer["model"]["task"], "detection");
    assert!(
        answer["model"]["digest"]
            .as_str()
            .expect("text")
            .starts_with("sha256:")
    );
    let image = &answer["images"][0];
    assert_eq!(
        (&image["width"], &image["height"]),
        (&json!(192), &json!(64))
    );
    assert_eq!(
        (&image["format"], &image["orientation"]),
        (&json!("png"), &json!(1))
    );
    assert_eq!(
        (&image["filename"], &image["animated"]),
        (&json!("picture"), &json!(false))
    );
    let matrix = json!([[0.5, 0.0, 0.0], [0.0, 0.5, 16.0], [0.0, 0.0, 1.0]]);
    assert_eq!(
        image["geometry"]["matrix"], matrix,
        "half size, centred in 96×64"
    );
    for stage in [
        "receive",
        "decode",
        "preprocess",
        "queue",
        "inference",
        "postprocess",
    ] {
        assert!(timing.contains(&format!("{stage};dur=")), "{timing}");
        assert!(
            answer["timings"][format!("{stage}_ms")].is_number(),
            "{stage}"
        );
    }
    assert!(timing.contains("total;dur="), "{timing}");
}

#[tokio::test]
async fn boxes_are_in_the_pictures_own_pixels() {
    let server = TestServer::start().await;
    // Letterboxed from 300×100 to 96×32 in 96×64: a picture pixel is 0.32 of an input pixel.
    let picture = spots(
        300,
        100,
        &[([30, 20, 130, 70], RED), ([200, 50, 275, 95], BLUE)],
    );
    for model in ["spots", "spots_any"] {
        let answer = server.answer(model, png(&picture), &[]).await;
        let results = answer["images"][0]["results"].as_array().expect("a list");
        let labels: Vec<_> = results.iter().map(|result| &result["label"]).collect();
        assert_eq!(
            labels,
            ["red", "blue"],
            "{model}: the repeated red box is suppressed"
        );
        assert_near(&results[0], [30.0, 20.0, 130.0, 70.0], 4.0);
        assert_near(&results[1], [200.0, 50.0, 275.0, 95.0], 4.0);
    }
}

#[tokio::test]
async fn a_camera_held_in_any_way_gives_upright_boxes() {
    let server = TestServer::start().await;
    let upright = spots(
        192,
        128,
        &[([20, 30, 100, 60], RED), ([150, 80, 180, 120], GREEN)],
    );
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        for orientation in 1..=8 {
            let stored = stored_turned(&upright, orientation, format);
            let answer = server.answer("spots", stored, &[]).await;
            let image = &answer["images"][0];
            assert_eq!(image["orientation"], orientation);
            assert_eq!(
                (&image["width"], &image["height"]),
                (&json!(192), &json!(128))
            );
            assert_near(&image["results"][0], [20.0, 30.0, 100.0, 60.0], 3.0);
            assert_near(&image["results"][1], [150.0, 80.0, 180.0, 120.0], 3.0);
        }
    }
}

#[tokio::test]
async fn keypoints_are_in_the_pictures_own_pixels_too() {
    let server = TestServer::start().await;
    let picture = spots(256, 128, &[([40, 40, 200, 100], RED)]);
    let answer = server.answer("marks", png(&picture), &[]).await;
    let results = answer["images"][0]["results"].as_array().expect("a list");
    assert_eq!(
        results.len(),
        1,
        "the shrunk box is suppressed: {results:#?}"
    );
    assert_near(&results[0], [40.0, 40.0, 200.0, 100.0], 5.0);
    let confidence = results[0]["confidence"].as_f64().expect("a number");
    assert!(
        (confidence - 0.952_574).abs() < 1e-4,
        "sigmoid(3), not {confidence}"
    );
    let names: Vec<_> = results[0]["keypoints"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(
        (&names[0]["name"], &names[1]["name"]),
        (&json!("top_left"), &json!("bottom_right"))
    );
    for (point, (x, y)) in names.iter().zip([(40.0, 40.0), (200.0, 100.0)]) {
        assert!(
            (point["x"].as_f64().expect("a number") - x).abs() <= 5.0,
            "{point}"
        );
        assert!(
            (point["y"].as_f64().expect("a number") - y).abs() <= 5.0,
            "{point}"
        );
    }
}

#[tokio::test]
async fn every_way_of_sending_a_picture_gives_the_same_results() {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    let server = TestServer::start().await;
    let picture = encoded(
        &spots(192, 128, &[([20, 30, 100, 60], RED)]),
        ImageFormat::Jpeg,
    );
    let expected = server
        .answer("spots", picture.clone(), &[("confidence", "0.1")])
        .await;
    let expected = expected["images"][0]["results"].clone();
    assert_eq!(expected.as_array().map(Vec::len), Some(1));
    let b64 = STANDARD.encode(&picture);
    let json = |body: Value| server.post("spots").json(&body);
    let requests = [
        server
            .post("spots")
            .query(&[("confidence", "0.1")])
            .body(picture.clone()),
        server
            .post("spots")
            .query(&[("confidence", "0.1")])
            .header("content-type", "image/jpeg")
            .body(picture.clone()),
        server
            .post("spots")
            .query(&[("confidence", "0.1")])
            .multipart(Form::new().part("image", Part::bytes(picture.clone()))),
        json(json!({ "b64": b64, "confidence": 0.1 })),
        json(json!({ "image": { "b64": URL_SAFE_NO_PAD.encode(&picture) }, "confidence": "0.1" })),
        json(
            json!({ "images": [{ "b64": format!("data:image/jpeg;base64,{b64}") }], "confidence": 0.1 }),
        ),
    ];
    for request in requests {
        let response = request.send().await.expect("an answer");
        let (status, answer) = (
            response.status(),
            response.json::<Value>().await.expect("JSON"),
        );
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(answer["images"][0]["results"], expected);
    }
}

#[tokio::test]
async fn pictures_of_one_request_have_their_own_fates() {
    let root = colors_with(
        "[output]",
        "[batching]\npreferred_batch_sizes = [2]\n\n[output]",
    );
    let server = TestServer::with(root.path(), &[]).await;
    let part = |bytes: Vec<u8>, name: &'static str| Part::bytes(bytes).file_name(name);
    let form = Form::new()
        .part("image", part(png(&plain(20, 20, RED)), "red.png"))
        .part("image", part(b"no picture".to_vec(), "text.jpg"))
        .text("top_k", "1")
        .part("image", part(png(&plain(30, 10, BLUE)), "blue.png"));
    let response = server
        .post("colors")
        .multipart(form)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.expect("JSON");
    let images = answer["images"].as_array().expect("a list");
    assert_eq!(images[0]["results"][0]["label"], "red");
    assert_eq!(images[1]["problem"]["code"], "unsupported_image_format");
    assert_eq!(images[1]["filename"], "text.jpg");
    assert_eq!(images[2]["results"][0]["label"], "blue");
    assert_eq!(images[2]["results"].as_array().map(Vec::len), Some(1));
    let metrics = server
        .get_operations("/metrics")
        .await
        .text()
        .await
        .expect("text");
    let one = "ocellus_batch_size_count{model=\"colors\",version=\"1\"} 1";
    let pair = "ocellus_batch_size_sum{model=\"colors\",version=\"1\"} 2.0";
    assert!(
        metrics.contains(one) && metrics.contains(pair),
        "the two that can be read share a run:\n{metrics}"
    );
}

#[tokio::test]
async fn options_select_the_results() {
    let server = TestServer::start().await;
    let picture = png(&spots(
        192,
        128,
        &[
            ([10, 10, 60, 60], RED),
            ([80, 10, 120, 60], GREEN),
            ([130, 10, 180, 60], BLUE),
        ],
    ));
    let labels = async |options: &[(&'static str, &'static str)]| {
        let answer = server.answer("spots", picture.clone(), options).await;
        let results = answer["images"][0]["results"]
            .as_array()
            .expect("a list")
            .clone();
        results
            .iter()
            .map(|r| r["label"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(&[]).await, ["red", "green", "blue"]);
    assert_eq!(labels(&[("confidence", "0.75")]).await, ["red", "green"]);
    assert_eq!(labels(&[("max_detections", "1")]).await, ["red"]);
    assert_eq!(labels(&[("classes", "blue, 1")]).await, ["green", "blue"]);
    assert_eq!(
        labels(&[("iou", "1")]).await,
        ["red", "green", "blue", "red"]
    );
}

#[tokio::test]
async fn a_picture_comes_back_annotated() {
    let server = TestServer::start().await;
    let picture = spots(320, 240, &[([60, 80, 260, 200], RED)]);
    for (accept, format) in [
        ("image/png", ImageFormat::Png),
        ("image/jpeg", ImageFormat::Jpeg),
    ] {
        let form = Form::new().part("image", Part::bytes(png(&picture)));
        let request = server
            .post("spots")
            .header("accept", accept)
            .multipart(form);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], accept);
        let bytes = response.bytes().await.expect("bytes");
        let drawn = image::load_from_memory_with_format(&bytes, format)
            .expect("decodes")
            .into_rgb8();
        assert_eq!(drawn.dimensions(), (320, 240));
        let edge = drawn.get_pixel(60, 140);
        assert!(
            edge != picture.get_pixel(60, 140),
            "a line is drawn on the box's left edge"
        );
        let corner = drawn.get_pixel(319, 239);
        assert!(
            corner.0.iter().all(|c| *c < 16),
            "nothing is drawn beside it: {corner:?}"
        );
    }
}
