//! What calls over gRPC may ask for.

use std::time::{Duration, Instant};

use futures_util::stream;
use ocellus::proto::generated::inference::{
    ModelInferRequest, ServerLiveRequest, ServerLiveResponse,
    grpc_inference_service_client::GrpcInferenceServiceClient,
    model_infer_request::InferInputTensor,
};
use ocellus::proto::generated::ocellus::{WatchRequest, catalog_client::CatalogClient};
use ocellus::proto::generated::tensorflow::{
    DataType, TensorProto, TensorShapeProto,
    serving::{
        ModelConfigList, ModelServerConfig, ModelSpec, MultiInferenceRequest, PredictRequest,
        ReloadConfigRequest, model_server_config::Config, model_service_client::ModelServiceClient,
        prediction_service_client::PredictionServiceClient,
    },
    tensor_shape_proto::Dim,
};
use tokio::sync::mpsc;
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

use crate::{
    access::{Keys, REVOKED},
    pictures::{RED, plain, png},
    server::TestServer,
};

/// A server with keys, a connection to it, and a key with these scopes.
async fn server(scopes: &[&str]) -> (Keys, TestServer, Channel, String) {
    let keys = Keys::new();
    let scopes: Vec<&str> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
    let key = keys.create(&scopes);
    let server = keys.server(&[("grpc.address", "127.0.0.1:0")]).await;
    let address = format!("http://{}", server.grpc().expect("served"));
    let channel = Channel::from_shared(address).expect("an address");
    let channel = channel.connect().await.expect("connects");
    (keys, server, channel, key)
}

fn signed<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let key = key.parse().expect("ASCII");
    request.metadata_mut().insert("x-api-key", key);
    request
}

#[tokio::test]
async fn what_a_configuration_leaves_out_takes_a_scope_too() {
    let scopes = ["infer:colors", "describe:colors", "admin:colors"];
    let (_keys, server, channel, key) = server(&scopes).await;
    let mut models = ModelServiceClient::new(channel);
    let nothing = ModelServerConfig {
        config: Some(Config::ModelConfigList(ModelConfigList::default())),
    };
    let config = Some(nothing);
    let request = signed(&key, ReloadConfigRequest { config });
    let refused = models.handle_reload_config_request(request).await;
    assert_eq!(
        refused.expect_err("no scope").code(),
        Code::PermissionDenied
    );
    let ready = server.client.get(server.url("/v2/models/colors/ready"));
    let ready = ready.header("x-api-key", &key).send().await;
    assert_eq!(ready.expect("an answer").status(), 200, "it still serves");
}

#[tokio::test]
async fn inputs_are_counted_before_they_take_memory() {
    let (_keys, _server, channel, key) = server(&["infer:colors"]).await;
    let mut predictions = PredictionServiceClient::new(channel);
    let dim = Dim {
        size: 1 << 22,
        ..Dim::default()
    };
    let tensor = TensorProto {
        dtype: DataType::DtFloat.into(),
        tensor_shape: Some(TensorShapeProto {
            dim: vec![dim],
            unknown_rank: false,
        }),
        float_val: vec![1.0],
        ..TensorProto::default()
    };
    let mut code = async |model: &str| {
        let inputs = (0..16).map(|number| (format!("x{number}"), tensor.clone()));
        let request = PredictRequest {
            model_spec: spec(model),
            inputs: inputs.collect(),
            ..PredictRequest::default()
        };
        let answer = predictions.predict(signed(&key, request)).await;
        answer.expect_err("sixteen inputs").code()
    };
    assert_eq!(code("colors").await, Code::InvalidArgument);
    assert_eq!(code("spots").await, Code::PermissionDenied);
}

#[tokio::test]
async fn a_call_has_as_many_tasks_as_pictures() {
    let (_keys, _server, channel, key) = server(&["infer:*"]).await;
    let mut predictions = PredictionServiceClient::new(channel);
    let request = MultiInferenceRequest {
        tasks: vec![Default::default(); 200],
        ..MultiInferenceRequest::default()
    };
    let answer = predictions.multi_inference(signed(&key, request)).await;
    let refused = answer.expect_err("200 tasks");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("limits.images"), "{refused}");
}

fn spec(model: &str) -> Option<ModelSpec> {
    Some(ModelSpec {
        name: model.to_owned(),
        ..ModelSpec::default()
    })
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let (keys, _server, channel, key) = server(&["infer:colors"]).await;
    let (send, receive) = mpsc::channel(1);
    let messages = stream::unfold(receive, async |mut receive: mpsc::Receiver<_>| {
        let message = receive.recv().await?;
        Some((message, receive))
    });
    let mut client = GrpcInferenceServiceClient::new(channel);
    let answers = client.model_stream_infer(signed(&key, messages)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let ask = async || {
        let message = ModelInferRequest {
            model_name: "spots".to_owned(),
            ..ModelInferRequest::default()
        };
        send.send(message).await.expect("is read");
    };
    ask().await;
    let answer = answers
        .message()
        .await
        .expect("goes on")
        .expect("an answer");
    assert!(answer.error_message.contains("infer:spots"), "{answer:?}");
    keys.run(&["revoke", key.split('_').nth(1).expect("an id")]);
    let since = Instant::now();
    let refused = loop {
        assert!(since.elapsed() < REVOKED);
        ask().await;
        match answers.message().await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_watch_ends_with_its_key() {
    let (keys, _server, channel, key) = server(&["describe:colors"]).await;
    let mut catalog = CatalogClient::new(channel);
    let changes = catalog.watch(signed(&key, WatchRequest {})).await;
    let mut changes = changes.expect("a stream").into_inner();
    let first = changes
        .message()
        .await
        .expect("is told")
        .expect("a message");
    let names: Vec<&str> = first.models.iter().map(|model| &*model.name).collect();
    assert_eq!(names, ["colors"]);
    keys.run(&["revoke", key.split('_').nth(1).expect("an id")]);
    let ended = tokio::time::timeout(REVOKED, async {
        loop {
            if let Err(status) = changes.message().await {
                break status;
            }
        }
    });
    assert_eq!(ended.await.expect("in time").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_id_that_the_answer_would_repeat_is_short() {
    let (_keys, _server, channel, key) = server(&["infer:*"]).await;
    let mut client = GrpcInferenceServiceClient::new(channel);
    let message = ModelInferRequest {
        model_name: "colors".to_owned(),
        id: "a".repeat(257),
        ..ModelInferRequest::default()
    };
    let answer = client.model_infer(signed(&key, message)).await;
    let refused = answer.expect_err("is too long");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("id: "), "{refused}");
}

#[tokio::test]
async fn a_message_takes_no_more_than_the_memory_that_is_left() {
    let (_keys, _server, channel, key) = server(&["describe:nothing"]).await;
    let mut client = GrpcInferenceServiceClient::new(channel).max_encoding_message_size(usize::MAX);
    let message = ModelInferRequest {
        inputs: vec![InferInputTensor::default(); 1_000_000],
        ..ModelInferRequest::default()
    };
    let answer = client.model_infer(signed(&key, message)).await;
    let refused = answer.expect_err("two megabytes become hundreds");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
}

#[tokio::test]
async fn the_memory_of_open_calls_is_not_that_of_the_others() {
    let (_keys, server, channel, key) = server(&["infer:*"]).await;
    let codec = || ProstCodec::<ServerLiveRequest, ServerLiveResponse>::default();
    let path = "/inference.GRPCInferenceService/ServerLive";
    // Calls that never send their message.
    let mut waiting = Vec::new();
    for _ in 0..500 {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.expect("is ready");
        let request = Request::new(stream::pending());
        waiting.push(tokio::spawn(async move {
            let path = PathAndQuery::from_static(path);
            client.client_streaming(request, path, codec()).await
        }));
    }
    let mut client = GrpcInferenceServiceClient::new(channel);
    let since = Instant::now();
    let refused = loop {
        match client.server_live(ServerLiveRequest {}).await {
            Ok(_) => assert!(since.elapsed() < REVOKED, "they take every place"),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let picture = server.post("colors").header("x-api-key", &key);
    let picture = picture.body(png(&plain(8, 8, RED))).send().await;
    assert_eq!(picture.expect("an answer").status(), 200);
    for call in waiting {
        call.abort();
    }
}
