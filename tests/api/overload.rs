//! More work than can be done: who is served, who is refused, and how.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use ocellus::proto::generated::inference::{
    InferParameter, ModelInferRequest, grpc_inference_service_client::GrpcInferenceServiceClient,
    infer_parameter::ParameterChoice,
};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Request};

use crate::{
    access::Keys,
    pictures::{RED, plain, png},
    server::{TestServer, tiny_models},
};

/// A picture that is small to send, and takes long to decode.
fn slow_picture() -> Vec<u8> {
    png(&plain(3000, 3000, RED))
}

fn small_picture() -> Vec<u8> {
    png(&plain(8, 8, RED))
}

fn ask(server: &TestServer, picture: &[u8]) -> RequestBuilder {
    let request = server.post("colors").header("content-type", "image/png");
    request.body(picture.to_vec())
}

async fn code(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.expect("JSON");
    (status, problem["code"].clone())
}

/// Sends requests side by side until one is refused; gives that one's answer. The others are
/// answered by then, or given up.
async fn until_refused(server: &TestServer, picture: &[u8]) -> Response {
    let mut asked = FuturesUnordered::new();
    loop {
        while asked.len() < 12 {
            asked.push(ask(server, picture).send());
        }
        let response = asked.next().await.expect("some").expect("an answer");
        if response.status() != 200 {
            return response;
        }
    }
}

#[tokio::test]
async fn what_would_wait_too_long_is_refused_and_the_server_recovers() {
    let settings = [("limits.decodes", "1"), ("limits.wait_ms", "5")];
    let server = TestServer::with(&tiny_models(), &settings).await;
    let picture = slow_picture();
    let refused = until_refused(&server, &picture).await;
    assert!(refused.headers().contains_key("retry-after"));
    let status = refused.status();
    let problem: Value = refused.json().await.expect("JSON");
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &json!("overloaded"))
    );
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.contains("5 ms (limits.wait_ms)"), "{detail}");
    // A server that refuses is still the right one to ask.
    assert_eq!(server.get_operations("/readyz").await.status(), 200);
    let metrics = server.get_operations("/metrics").await;
    let metrics = metrics.text().await.expect("text");
    let counted = "ocellus_admissions_total{priority=\"normal\",outcome=\"past_wait\"}";
    assert!(metrics.contains(counted), "{metrics}");
    let counted = "ocellus_requests_total{model=\"colors\",version=\"2\",outcome=\"overloaded\"}";
    assert!(metrics.contains(counted), "{metrics}");
    // Those who waited have left, so that nobody would wait for long.
    let recovered = async {
        while ask(&server, &small_picture())
            .send()
            .await
            .expect("an answer")
            .status()
            != 200
        {
            tokio::task::yield_now().await;
        }
    };
    let recovered = tokio::time::timeout(Duration::from_secs(20), recovered).await;
    assert!(recovered.is_ok(), "it serves again");
}

/// Sends a request with a header on a connection and gives its status.
async fn status_on(stream: &mut TcpStream, header: &str, body: &[u8]) -> Option<u16> {
    let length = body.len();
    let head = format!(
        "POST /v1/models/colors/infer HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\n\
         {header}\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    // The answer comes before the body does.
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.ok()?;
        if read == 0 {
            return None;
        }
        answer.extend_from_slice(&piece[..read]);
    }
    stream.write_all(body).await.ok()?;
    String::from_utf8_lossy(&answer).get(9..12)?.parse().ok()
}

#[tokio::test]
async fn a_refusal_comes_before_the_body_and_leaves_the_connection() {
    let keys = Keys::new();
    keys.create(&[]);
    for (server, header, refused) in [
        (TestServer::start().await, "x-priority: never", 400),
        (keys.server(&[]).await, "x-api-key: none", 401),
    ] {
        let address = server.url("").replace("http://", "");
        let mut stream = TcpStream::connect(address).await.expect("connects");
        for _ in 0..3 {
            let status = status_on(&mut stream, header, &vec![0; 1_000_000]).await;
            assert_eq!(status, Some(refused), "on one connection");
        }
        // What is large is not read, and its connection ends.
        let head = format!(
            "POST /v1/models/colors/infer HTTP/1.1\r\nhost: a\r\n{header}\r\n\
             content-length: 30000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("closed");
        let line = format!("HTTP/1.1 {refused}");
        assert!(answer.starts_with(&line), "{answer}");
    }
}

#[tokio::test]
async fn a_key_that_asks_for_much_waits_for_itself() {
    let keys = Keys::new();
    let (greedy, modest) = (keys.create(&[]), keys.create(&[]));
    let settings = [("limits.decodes", "1"), ("limits.wait_ms", "60000")];
    let server = keys.server(&settings).await;
    let picture = slow_picture();
    let mut many = FuturesUnordered::new();
    for _ in 0..20 {
        many.push(ask(&server, &picture).bearer_auth(&greedy).send());
    }
    let first = many.next().await.expect("some").expect("an answer");
    assert_eq!(first.status(), 200);
    let mut one = Box::pin(ask(&server, &picture).bearer_auth(&modest).send());
    let mut before = 0;
    let answer = loop {
        tokio::select! {
            answer = &mut one => break answer.expect("an answer"),
            Some(answer) = many.next() => {
                assert_eq!(answer.expect("an answer").status(), 200);
                before += 1;
            }
        }
    };
    assert_eq!(answer.status(), 200);
    assert!(
        before < 8,
        "{before} of 19 went before a key that waited for nobody"
    );
}

#[tokio::test]
async fn a_request_may_have_less_time_than_others() {
    let server = TestServer::start().await;
    let late = ask(&server, &slow_picture()).header("x-request-timeout-ms", "1");
    let late = late.send().await.expect("an answer");
    assert_eq!(code(late).await, (504, json!("deadline_exceeded")));
    let in_time = ask(&server, &small_picture()).header("x-request-timeout-ms", "20000");
    assert_eq!(in_time.send().await.expect("an answer").status(), 200);
    for wrong in ["", "soon", "-1", "1.5"] {
        let refused = ask(&server, &small_picture()).header("x-request-timeout-ms", wrong);
        let refused = refused.send().await.expect("an answer");
        assert_eq!(
            code(refused).await,
            (400, json!("invalid_option")),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn a_key_asks_for_its_priority_at_the_most() {
    let keys = Keys::new();
    let (usual, batch) = (keys.create(&[]), keys.create(&["--priority", "low"]));
    let urgent = keys.create(&["--priority", "high"]);
    let server = keys.server(&[]).await;
    let status = async |key: &str, priority: &str| {
        let request = ask(&server, &small_picture()).bearer_auth(key);
        let request = request.header("x-priority", priority);
        request.send().await.expect("an answer").status().as_u16()
    };
    for (key, priority, expected) in [
        (&usual, "low", 200),
        (&usual, "normal", 200),
        (&usual, "high", 403),
        (&batch, "low", 200),
        (&batch, "normal", 403),
        (&urgent, "high", 200),
        (&urgent, "highest", 400),
    ] {
        assert_eq!(status(key, priority).await, expected, "{priority}");
    }
    let plain = ask(&server, &small_picture()).bearer_auth(&batch);
    assert_eq!(plain.send().await.expect("an answer").status(), 200);
    // Triton's parameter says the same.
    let status = async |key: &str, priority: Value| {
        let body = json!({
            "parameters": { "priority": priority },
            "inputs": [{ "name": "image", "shape": [1], "datatype": "BYTES", "data": ["AA=="] }],
        });
        let request = server.client.post(server.url("/v2/models/colors/infer"));
        let request = request.bearer_auth(key).json(&body);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(status(&usual, json!(1)).await, 403);
    assert_eq!(status(&usual, json!("urgent")).await, 400);
    let let_in = status(&usual, json!(2)).await;
    assert!(
        ![401, 403].contains(&let_in),
        "its picture is at fault: {let_in}"
    );
    assert!(keys.run(&["list"]).contains("low"));
}

#[tokio::test]
async fn calls_have_priorities_too() {
    let keys = Keys::new();
    let key = keys.create(&[]);
    let server = keys.server(&[("grpc.address", "127.0.0.1:0")]).await;
    let address = server.grpc().expect("served");
    let client = GrpcInferenceServiceClient::connect(format!("http://{address}")).await;
    let client = client.expect("connects");
    let ask = async |metadata: Option<&'static str>, parameter: Option<i64>| {
        let mut request = Request::new(ModelInferRequest {
            model_name: "colors".to_owned(),
            ..ModelInferRequest::default()
        });
        if let Some(number) = parameter {
            let choice = Some(ParameterChoice::Int64Param(number));
            let parameter = InferParameter {
                parameter_choice: choice,
            };
            request
                .get_mut()
                .parameters
                .insert("priority".to_owned(), parameter);
        }
        let metadata_of = request.metadata_mut();
        metadata_of.insert("x-api-key", key.parse().expect("ASCII"));
        if let Some(priority) = metadata {
            metadata_of.insert("x-priority", priority.parse().expect("ASCII"));
        }
        let status = client
            .clone()
            .model_infer(request)
            .await
            .expect_err("has no input");
        (status.code(), status.message().to_owned())
    };
    let (code, words) = ask(Some("low"), Some(2)).await;
    assert_eq!(code, Code::InvalidArgument, "it has no input: {words}");
    assert!(words.contains("takes one input"), "{words}");
    assert_eq!(ask(Some("high"), None).await.0, Code::PermissionDenied);
    assert_eq!(ask(None, Some(1)).await.0, Code::PermissionDenied);
    let (code, words) = ask(Some("never"), None).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(words.contains("x-priority"), "{words}");
    let (code, words) = ask(None, Some(-1)).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(words.contains("priority"), "{words}");
}
