//! A version on the cores that serve it.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tonic::{Code, ConnectError, Request, Status};
use tracing::error;

use crate::{
    core_client::PredictError,
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    model::served_version::ServedVersion,
    proto::{
        generated::inference::{
            InferParameter, ModelInferRequest, ModelInferResponse,
            infer_parameter::ParameterChoice, model_infer_request::InferInputTensor,
            model_infer_response::InferOutputTensor,
        },
        little_endian,
        open_inference::{BATCH, COMPUTE_US, LOAD_ID, PRIORITY, QUEUE_US, TENANT, datatype, dtype},
        status,
    },
    serving::servable::Prediction,
    tensor::Tensor,
};

use super::core::RemoteCore;

/// A version and the cores that serve it, the one that is asked first.
#[derive(Clone, Debug)]
pub(in crate::core_client) struct RemoteServable {
    holders: Vec<(Arc<RemoteCore>, Arc<ServedVersion>)>,
}

/// Why a core gave no answer.
enum Failure {
    /// It computed nothing: another may be asked.
    NotComputed(PredictError),
    /// It may have.
    Final(PredictError),
}

impl RemoteServable {
    pub(super) fn new(holders: Vec<(Arc<RemoteCore>, Arc<ServedVersion>)>) -> Self {
        Self { holders }
    }

    /// Runs the model on pictures, each a tensor with a first axis of 1, each in a call of its own,
    /// so that the core puts them together with those of others. A core that computed nothing is
    /// followed by one other.
    pub(in crate::core_client) async fn predict(
        &self,
        pictures: Vec<Tensor>,
        claim: &Claim,
    ) -> Vec<Result<Prediction, PredictError>> {
        join_all(
            pictures
                .iter()
                .map(|picture| self.predict_one(picture, claim)),
        )
        .await
    }

    /// How long pictures with this claim would wait, as those cores that would be asked said lately.
    pub(in crate::core_client) fn expected_wait(&self, claim: &Claim) -> Duration {
        let asked = self.holders.iter().take(2);
        let waits = asked.map(|(core, version)| {
            let (model, now) = (&version.id.name, Instant::now());
            core.refusals.wait(model, claim, now)
        });
        waits.min().unwrap_or_default()
    }

    async fn predict_one(
        &self,
        picture: &Tensor,
        claim: &Claim,
    ) -> Result<Prediction, PredictError> {
        let mut cause = PredictError::Withdrawn;
        for (core, version) in self.holders.iter().take(2) {
            match ask(core, version, picture, claim).await {
                Ok(prediction) => return Ok(prediction),
                Err(Failure::Final(cause)) => return Err(cause),
                Err(Failure::NotComputed(why)) => cause = why,
            }
        }
        Err(cause)
    }
}

async fn ask(
    core: &RemoteCore,
    version: &ServedVersion,
    picture: &Tensor,
    claim: &Claim,
) -> Result<Prediction, Failure> {
    let mut request = Request::new(message(version, picture, claim));
    if let Some(left) = claim.left(Instant::now()) {
        request.set_timeout(left);
    }
    let _in_flight = core.begin();
    match core.inference().model_infer(request).await {
        Ok(answer) => prediction(answer.into_inner()).map_err(|reason| {
            error!(
                core = core.address,
                reason, "a core's answer cannot be understood"
            );
            let detail = "the model core's answer cannot be understood";
            Failure::Final(Problem::new(ErrorCode::Internal, detail).into())
        }),
        Err(status) => {
            let failure = failure(core, &status);
            if let Failure::NotComputed(PredictError::Problem(problem)) = &failure
                && let Some(wait) = problem.retry_after
            {
                let model = &version.id.name;
                core.refusals.note(model, claim, wait, Instant::now());
            }
            Err(failure)
        }
    }
}

fn message(version: &ServedVersion, picture: &Tensor, claim: &Claim) -> ModelInferRequest {
    let parameter = |name: &str, text: &str| {
        let parameter_choice = Some(ParameterChoice::StringParam(text.to_owned()));
        (name.to_owned(), InferParameter { parameter_choice })
    };
    let parameters = [
        parameter(LOAD_ID, &version.load_id),
        parameter(PRIORITY, claim.priority.as_str()),
        parameter(TENANT, claim.tenant.as_str()),
    ];
    let axes = picture.shape().iter();
    ModelInferRequest {
        model_name: version.id.name.to_string(),
        model_version: version.id.version.to_string(),
        parameters: parameters.into(),
        inputs: vec![InferInputTensor {
            name: version.bindings.input.clone(),
            datatype: datatype(picture.dtype()).to_owned(),
            shape: axes
                .map(|axis| i64::try_from(*axis).unwrap_or(i64::MAX))
                .collect(),
            ..InferInputTensor::default()
        }],
        raw_input_contents: vec![little_endian::bytes(picture)],
        ..ModelInferRequest::default()
    }
}

fn prediction(answer: ModelInferResponse) -> Result<Prediction, String> {
    let number = |name: &str| match answer.parameters.get(name)?.parameter_choice {
        Some(ParameterChoice::Int64Param(number)) => u64::try_from(number).ok(),
        _ => None,
    };
    let time = |name| Duration::from_micros(number(name).unwrap_or(0));
    let (queue, compute) = (time(QUEUE_US), time(COMPUTE_US));
    let batch = number(BATCH).and_then(|batch| usize::try_from(batch).ok());
    let buffers = answer.raw_output_contents;
    let mut outputs = Vec::with_capacity(buffers.len());
    for (
        InferOutputTensor {
            name,
            datatype,
            shape,
            ..
        },
        buffer,
    ) in answer.outputs.into_iter().zip(buffers)
    {
        let dtype = dtype(&datatype).ok_or_else(|| format!("{name} is {datatype}"))?;
        let axes = shape
            .iter()
            .map(|axis| usize::try_from(*axis).unwrap_or(usize::MAX));
        let tensor = little_endian::tensor(dtype, axes.collect(), &buffer);
        outputs.push((name, tensor.map_err(|error| error.to_string())?));
    }
    Ok(Prediction {
        outputs,
        queue,
        compute,
        batch: batch.unwrap_or(1),
    })
}

/// What a status means for the request, and for what is known of the core.
fn failure(core: &RemoteCore, status: &Status) -> Failure {
    if let Some(problem) = status::problem(status) {
        let gone = [
            ErrorCode::ModelNotFound,
            ErrorCode::VersionNotFound,
            ErrorCode::ModelNotReady,
        ];
        let full = [ErrorCode::QueueFull, ErrorCode::Overloaded];
        return if gone.contains(&problem.code) {
            Failure::NotComputed(PredictError::Withdrawn)
        } else if full.contains(&problem.code) {
            Failure::NotComputed(problem.into())
        } else {
            Failure::Final(problem.into())
        };
    }
    if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) && !was_cut(status) {
        let detail = "the deadline passed while the model core worked on the picture";
        return Failure::Final(Problem::new(ErrorCode::DeadlineExceeded, detail).into());
    }
    let detail = "the model core went away while it was asked; try again in a moment";
    let lost = Problem::new(ErrorCode::CoreUnavailable, detail).into();
    if never_sent(status) {
        Failure::NotComputed(lost)
    } else {
        error!(core = core.address, cause = %status, "a request was lost with its model core");
        Failure::Final(lost)
    }
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |cause| (*cause).source())
}

/// Whether the connection was not there, or was closed before the request was on it.
fn never_sent(status: &Status) -> bool {
    causes(status).any(|cause| {
        let unsent = cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        let refused = cause
            .downcast_ref::<h2::Error>()
            .is_some_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM));
        cause.is::<ConnectError>() || unsent || refused
    })
}

/// Whether a connection broke, whatever code that was given.
fn was_cut(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<hyper::Error>() || cause.is::<h2::Error>())
}
