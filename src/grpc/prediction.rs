//! TensorFlow Serving's `PredictionService`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;
use prost_types::Any;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    access::caller::Wish,
    error::shortened,
    inference::{
        options::InferOptions,
        request::ModelSpec as AskedModel,
        tensors::{InputValue, TensorAnswer, TensorRequest, one_input},
    },
    model::served_version::ServedVersion,
    proto::{
        generated::tensorflow::serving::{
            ClassificationRequest, ClassificationResponse, GetModelMetadataRequest,
            GetModelMetadataResponse, InferenceResult, Input, ModelSpec, MultiInferenceRequest,
            MultiInferenceResponse, PredictRequest, PredictResponse, RegressionRequest,
            RegressionResponse, SignatureDefMap, inference_result,
            model_spec::VersionChoice as SpecVersion, prediction_service_server::PredictionService,
        },
        status::status,
    },
    protocols::tensorflow::{examples, fault::Fault, signature, tensor},
    serving::choice::VersionChoice,
};

use super::{GrpcState, deadline, guard::Guarded};

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Prediction(pub(super) GrpcState);

/// A failure as a status.
pub(super) fn refused(fault: Fault) -> Status {
    Status::new(fault.code, fault.message)
}

/// The model that a message names.
pub(super) fn asked(spec: Option<&ModelSpec>) -> Result<AskedModel, Fault> {
    let missing = || Fault::invalid("Missing ModelSpec");
    let spec = spec
        .filter(|spec| !spec.name.is_empty())
        .ok_or_else(missing)?;
    let name = spec
        .name
        .parse()
        .map_err(|error| Fault::invalid(format!("{error}")))?;
    let version = match &spec.version_choice {
        None => VersionChoice::Default,
        Some(SpecVersion::Version(version)) => {
            let version = version.to_string().parse();
            VersionChoice::Version(version.map_err(|error| Fault::invalid(format!("{error}")))?)
        }
        Some(SpecVersion::VersionLabel(label)) => {
            let label = label.parse();
            VersionChoice::Label(label.map_err(|error| Fault::invalid(format!("{error}")))?)
        }
    };
    Ok(AskedModel { name, version })
}

/// The version that answered, and the signature that it answered by.
fn answered(version: &ServedVersion, signature: &str) -> Option<ModelSpec> {
    Some(ModelSpec {
        name: version.id.name.to_string(),
        version_choice: Some(SpecVersion::Version(version.id.version.get())),
        signature_name: signature.to_owned(),
    })
}

/// The service, used by one caller.
struct Asked {
    server: Guarded,
    pictures: usize,
}

impl Asked {
    /// What can be said before the inputs are made tensors, which takes memory.
    fn may_predict(&self, model: &AskedModel, inputs: usize) -> Result<(), Fault> {
        let may = self.server.may_run(&model.name).and_then(|()| {
            self.server.find(model)?;
            one_input(inputs)
        });
        may.map_err(|problem| Fault::of(&problem, model))
    }

    async fn run(
        &self,
        model: AskedModel,
        (inputs, outputs): (Vec<(String, InputValue)>, Vec<String>),
        longest: Duration,
    ) -> Result<TensorAnswer, Fault> {
        let asked = model.clone();
        let claim = self.server.claim(Wish::default(), longest);
        let claim = claim.map_err(|problem| Fault::of(&problem, &asked))?;
        let request = TensorRequest {
            id: Uuid::now_v7().to_string(),
            model,
            load_id: None,
            inputs,
            outputs,
            options: InferOptions::default(),
            max_pictures: self.pictures,
            claim,
        };
        let answer = self.server.run(request).await;
        answer.map_err(|problem| Fault::of(&problem, &asked))
    }

    async fn classified(
        &self,
        spec: Option<ModelSpec>,
        input: Option<Input>,
        longest: Duration,
    ) -> Result<ClassificationResponse, Fault> {
        let model = asked(spec.as_ref())?;
        let servable = self.server.servable(&model);
        let servable = servable.map_err(|problem| Fault::of(&problem, &model))?;
        let name = spec.map(|spec| spec.signature_name).unwrap_or_default();
        let signature = signature::classify(&name, &servable.version)?;
        let pictures: Vec<Bytes> = examples::pictures(input)?;
        let inputs = vec![(
            signature::PICTURE_INPUT.to_owned(),
            InputValue::Pictures(pictures),
        )];
        let answer = self.run(model, (inputs, Vec::new()), longest).await?;
        Ok(ClassificationResponse {
            result: Some(examples::classes(&answer)),
            model_spec: answered(&answer.version, signature),
        })
    }

    fn described(
        &self,
        message: &GetModelMetadataRequest,
    ) -> Result<GetModelMetadataResponse, Fault> {
        if message.metadata_field.is_empty() {
            let words = "GetModelMetadataRequest must specify at least one metadata_field";
            return Err(Fault::invalid(words));
        }
        if let Some(field) = message
            .metadata_field
            .iter()
            .find(|field| *field != "signature_def")
        {
            return Err(Fault::invalid(format!(
                "Metadata field {field} is not supported"
            )));
        }
        let model = asked(message.model_spec.as_ref())?;
        let servable = self.server.servable(&model);
        let version = servable
            .map_err(|problem| Fault::of(&problem, &model))?
            .version;
        let signatures = SignatureDefMap {
            signature_def: signature::all(&version).into_iter().collect(),
        };
        let any = Any {
            type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_owned(),
            value: signatures.encode_to_vec(),
        };
        Ok(GetModelMetadataResponse {
            model_spec: answered(&version, ""),
            metadata: [("signature_def".to_owned(), any)].into(),
        })
    }
}

impl Prediction {
    fn asked_by<T>(&self, request: &Request<T>) -> Result<Asked, Status> {
        Ok(Asked {
            server: self.0.seen_by(request)?,
            pictures: self.0.limits().pictures,
        })
    }
}

#[tonic::async_trait]
impl PredictionService for Prediction {
    async fn classify(
        &self,
        request: Request<ClassificationRequest>,
    ) -> Result<Response<ClassificationResponse>, Status> {
        let caller = self.asked_by(&request)?;
        let longest = deadline::longest(request.metadata(), self.0.limits().longest)?;
        let ClassificationRequest { model_spec, input } = request.into_inner();
        let classified = caller.classified(model_spec, input, longest).await;
        classified.map(Response::new).map_err(refused)
    }

    async fn regress(
        &self,
        request: Request<RegressionRequest>,
    ) -> Result<Response<RegressionResponse>, Status> {
        asked(request.get_ref().model_spec.as_ref()).map_err(refused)?;
        Err(Status::invalid_argument(signature::NO_REGRESSION))
    }

    async fn predict(
        &self,
        request: Request<PredictRequest>,
    ) -> Result<Response<PredictResponse>, Status> {
        let caller = self.asked_by(&request)?;
        let longest = deadline::longest(request.metadata(), self.0.limits().longest)?;
        let PredictRequest {
            model_spec,
            inputs,
            output_filter,
        } = request.into_inner();
        let model = asked(model_spec.as_ref()).map_err(refused)?;
        let signature = model_spec
            .map(|spec| spec.signature_name)
            .unwrap_or_default();
        let signature = signature::predict(&signature).map_err(refused)?;
        caller.may_predict(&model, inputs.len()).map_err(refused)?;
        let inputs = inputs.into_iter().map(|(name, proto)| {
            let value = tensor::input(&name, proto)?;
            Ok((name, value))
        });
        let inputs = inputs.collect::<Result<Vec<_>, Fault>>().map_err(refused)?;
        let answer = caller.run(model, (inputs, output_filter), longest).await;
        let answer = answer.map_err(refused)?;
        let outputs = answer.outputs.iter();
        let outputs = outputs.map(|(name, column)| (name.clone(), tensor::output(column)));
        let response = PredictResponse {
            outputs: outputs.collect(),
            model_spec: answered(&answer.version, signature),
        };
        caller
            .server
            .hold(response.encoded_len())
            .map_err(|problem| status(&problem))?;
        Ok(Response::new(response))
    }

    async fn multi_inference(
        &self,
        request: Request<MultiInferenceRequest>,
    ) -> Result<Response<MultiInferenceResponse>, Status> {
        let caller = self.asked_by(&request)?;
        let longest = deadline::longest(request.metadata(), self.0.limits().longest)?;
        let MultiInferenceRequest { tasks, input } = request.into_inner();
        let pictures = examples::pictures(input.clone()).map_or(1, |pictures| pictures.len());
        if caller.pictures < tasks.len().saturating_mul(pictures) {
            let most = caller.pictures;
            let words = format!(
                "MultiInferenceRequest has more than {most} pictures in all tasks together \
                 (limits.images)"
            );
            return Err(refused(Fault::invalid(words)));
        }
        let end = Instant::now() + longest;
        let mut results = Vec::with_capacity(tasks.len());
        for task in tasks {
            if task.method_name != "tensorflow/serving/classify" {
                let words = format!("Unsupported signature method_name: {}", task.method_name);
                return Err(Status::unimplemented(shortened(words)));
            }
            let classified = caller
                .classified(task.model_spec, input.clone(), end - Instant::now())
                .await;
            let ClassificationResponse { result, model_spec } = classified.map_err(refused)?;
            let result = result.map(inference_result::Result::ClassificationResult);
            results.push(InferenceResult { model_spec, result });
        }
        Ok(Response::new(MultiInferenceResponse { results }))
    }

    async fn get_model_metadata(
        &self,
        request: Request<GetModelMetadataRequest>,
    ) -> Result<Response<GetModelMetadataResponse>, Status> {
        let described = self.asked_by(&request)?.described(request.get_ref());
        described.map(Response::new).map_err(refused)
    }
}
