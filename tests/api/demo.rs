//! The demo models on real photos: `make models photos` fetches them.

use std::{fs, path::Path};

use image::{ImageFormat, RgbImage};
use serde_json::Value;

use crate::{pictures::stored_turned, server::TestServer};

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn photo(name: &str) -> Vec<u8> {
    let path = root(".ocellus/photos").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; `make photos`", path.display()))
}

fn pixels(name: &str) -> RgbImage {
    image::load_from_memory(&photo(name))
        .expect("decodes")
        .into_rgb8()
}

async fn server() -> TestServer {
    TestServer::with(&root("models"), &[]).await
}

fn results(answer: &Value) -> &Vec<Value> {
    answer["images"][0]["results"].as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[tokio::test]
async fn the_classifiers_say_what_a_photo_shows() {
    let server = server().await;
    let check = async |model: &str, name: &str, label: &str, confidence: f64| {
        let answer = server.answer(model, photo(name), &[]).await;
        let best = &results(&answer)[0];
        assert_eq!(best["label"], label, "{model} on {name}");
        let got = number(&best["confidence"]);
        assert!(
            (got - confidence).abs() < 0.01,
            "{model} on {name}: {got}, not {confidence}"
        );
    };
    // As ONNX Runtime gives them in Python on pixels that Pillow cropped and resized.
    check("classifier/versions/1", "coffee.png", "espresso", 0.951).await;
    check("classifier/versions/1", "chelsea.png", "tiger cat", 0.408).await;
    check("classifier/versions/1", "china.jpg", "palace", 0.280).await;
    check("classifier/versions/1", "flower.jpg", "daisy", 0.321).await;
    check(
        "classifier/versions/1",
        "motorcycle_left.png",
        "moped",
        0.506,
    )
    .await;
    check("classifier", "coffee.png", "espresso", 0.887).await;
}

#[tokio::test]
async fn the_detector_finds_what_is_on_the_table() {
    let server = server().await;
    let check = async |name: &str, expected: &[(&str, f64)]| {
        let answer = server.answer("detector", photo(name), &[]).await;
        let found = results(&answer);
        for (label, confidence) in expected {
            let named = found.iter().find(|result| result["label"] == *label);
            let result = named.unwrap_or_else(|| panic!("no {label} on {name}: {found:#?}"));
            let got = number(&result["confidence"]);
            assert!((got - confidence).abs() < 0.05, "{label} on {name}: {got}");
        }
    };
    check("coffee.png", &[("cup", 0.58), ("dining table", 0.34)]).await;
    check("motorcycle_left.png", &[("motorcycle", 0.70)]).await;
    check("chelsea.png", &[("cat", 0.47)]).await;
}

#[tokio::test]
async fn the_face_is_found_whichever_way_the_photo_was_stored() {
    let server = server().await;
    let upright = pixels("astronaut.png");
    // Of the photo as it is: the face's box, and its first keypoint, the right eye.
    let (edges, eye) = ([173.4, 68.0, 279.8, 174.4], [205.3, 101.9]);
    for orientation in 1..=8 {
        let stored = stored_turned(&upright, orientation, ImageFormat::Png);
        let answer = server.answer("faces", stored, &[]).await;
        let [face] = results(&answer).as_slice() else {
            panic!("not one face at orientation {orientation}: {answer:#}");
        };
        for (edge, expected) in ["x1", "y1", "x2", "y2"].iter().zip(edges) {
            let got = number(&face["box"][edge]);
            assert!(
                (got - expected).abs() < 5.0,
                "{edge} at orientation {orientation}: {got}"
            );
        }
        let point = &face["keypoints"][0];
        assert_eq!(point["name"], "right_eye");
        let near = (number(&point["x"]) - eye[0]).hypot(number(&point["y"]) - eye[1]);
        assert!(near < 5.0, "{near} px off at orientation {orientation}");
    }
}

#[tokio::test]
async fn there_is_no_face_where_there_is_none() {
    let server = server().await;
    for name in [
        "chelsea.png",
        "coffee.png",
        "flower.jpg",
        "motorcycle_left.png",
    ] {
        let answer = server.answer("faces", photo(name), &[]).await;
        assert!(results(&answer).is_empty(), "{name}: {answer:#}");
    }
}
