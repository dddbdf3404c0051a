//! The use case of the tensor protocols: a model's own tensors in and out, or pictures in and
//! their results out as tensors.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    core_client::{PredictError, ServableHandle},
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    model::{name::Label, served_version::ServedVersion},
    serving::servable::Prediction,
    tensor::Tensor,
};

use super::{
    columns::{self, Column},
    options::InferOptions,
    request::{ImageUpload, InferRequest, ModelSpec, Wanted},
    service::{InferenceService, MAX_CHOICES, catch_up},
    tensor_check::{check, invalid},
};

pub use super::tensor_check::one_input;

/// What one input of a request holds.
#[derive(Clone, Debug, PartialEq)]
pub enum InputValue {
    /// The model's own input, one row a picture.
    Tensor(Tensor),
    /// Encoded pictures, which become that input.
    Pictures(Vec<Bytes>),
}

/// A request of a tensor protocol.
#[derive(Clone, Debug)]
pub struct TensorRequest {
    /// The id that the answer bears.
    pub id: String,
    /// The model that is asked.
    pub model: ModelSpec,
    /// The load of the version that is meant, where the caller knows it.
    pub load_id: Option<String>,
    /// The inputs by name.
    pub inputs: Vec<(String, InputValue)>,
    /// Outputs that are wanted; all where it is empty.
    pub outputs: Vec<String>,
    /// What is wanted of the results of pictures.
    pub options: InferOptions,
    /// Most pictures in it.
    pub max_pictures: usize,
    /// In whose turn, and until when.
    pub claim: Claim,
}

/// The answer to it.
#[derive(Clone, Debug)]
pub struct TensorAnswer {
    /// What is known of the version that answered.
    pub version: Arc<ServedVersion>,
    /// The label that chose it.
    pub label: Option<Label>,
    /// The outputs by name.
    pub outputs: Vec<(String, Column)>,
    /// Longest time that a row waited for its run.
    pub queue: Duration,
    /// Longest time that a row's run took.
    pub compute: Duration,
    /// Most rows in one of the runs.
    pub batch: usize,
}

impl InferenceService {
    /// Answers a request of a tensor protocol. It is answered as a whole or not at all.
    ///
    /// # Errors
    /// When the model, an input or a picture is at fault, or the model fails.
    pub async fn run(&self, mut request: TensorRequest) -> Result<TensorAnswer, Problem> {
        // A model that there is not is said before what is wrong with its inputs.
        self.core()
            .servable(&request.model.name, &request.model.version)?;
        one_input(request.inputs.len())?;
        let Some((name, value)) = std::mem::take(&mut request.inputs).pop() else {
            return Err(invalid("the request has no input".to_owned()));
        };
        let wanted = std::mem::take(&mut request.outputs);
        let mut answer = match value {
            InputValue::Tensor(tensor) => self.run_tensor(&request, &name, tensor).await?,
            InputValue::Pictures(pictures) => self.run_pictures(request, pictures).await?,
        };
        answer.outputs = select(answer.outputs, &wanted)?;
        Ok(answer)
    }

    async fn run_tensor(
        &self,
        request: &TensorRequest,
        name: &str,
        tensor: Tensor,
    ) -> Result<TensorAnswer, Problem> {
        let ModelSpec {
            name: model,
            version,
        } = &request.model;
        let work = self.decodes.work(&request.claim);
        for choice in 0..MAX_CHOICES {
            let changes = self.core().changes();
            let servable = self.core().servable(model, version)?;
            if let Some(load_id) = &request.load_id
                && *load_id != servable.version.load_id
            {
                let detail = "the version was loaded anew since it was chosen";
                return Err(Problem::new(ErrorCode::ModelNotReady, detail));
            }
            check(&servable.version, name, &tensor)?;
            if choice == 0 {
                self.let_in(&servable, 0, &request.claim)?;
                self.decodes.turn(&request.claim, &work).await?;
            }
            let _memory = self
                .inputs
                .memory(tensor.byte_size() as u64, &request.claim)
                .await?;
            let rows = tensor.shape().first().copied().unwrap_or(0);
            let rows = tensor.clone().split(rows);
            let rows = rows.map_err(|error| invalid(error.to_string()))?;
            let predictions = servable.predict(rows, &request.claim).await.into_iter();
            match predictions.collect::<Result<Vec<_>, _>>() {
                Ok(predictions) => return joined(&servable, predictions),
                Err(PredictError::Withdrawn) => catch_up(changes).await,
                Err(PredictError::Problem(problem)) => return Err(problem),
            }
        }
        Err(PredictError::Withdrawn.into())
    }

    async fn run_pictures(
        &self,
        request: TensorRequest,
        pictures: Vec<Bytes>,
    ) -> Result<TensorAnswer, Problem> {
        if pictures.is_empty() {
            return Err(Problem::new(
                ErrorCode::NoImage,
                "the request holds no picture",
            ));
        }
        if request.max_pictures < pictures.len() {
            let detail = format!(
                "the request holds more than {} pictures",
                request.max_pictures
            );
            return Err(Problem::new(ErrorCode::TooManyImages, detail));
        }
        let images = pictures.into_iter().map(|bytes| ImageUpload {
            bytes: Ok(bytes),
            filename: None,
        });
        let seen = self.infer(InferRequest {
            id: request.id,
            model: request.model,
            images: images.collect(),
            options: request.options,
            wanted: Wanted::Results,
            receive: Duration::ZERO,
            claim: request.claim,
        });
        let seen = seen.await?;
        let outputs = columns::of(&seen.version, &seen.answer.images)?;
        Ok(TensorAnswer {
            version: seen.version,
            label: seen.answer.model.label,
            outputs,
            queue: seen.times.queue,
            compute: seen.times.inference,
            batch: 1,
        })
    }
}

/// The rows' outputs put together again.
fn joined(
    servable: &ServableHandle,
    predictions: Vec<Prediction>,
) -> Result<TensorAnswer, Problem> {
    let (mut queue, mut compute, mut batch) = (Duration::ZERO, Duration::ZERO, 1);
    let mut outputs: Vec<(String, Vec<Tensor>)> = Vec::new();
    for prediction in predictions {
        queue = queue.max(prediction.queue);
        compute = compute.max(prediction.compute);
        batch = batch.max(prediction.batch);
        for (index, (name, tensor)) in prediction.outputs.into_iter().enumerate() {
            match outputs.get_mut(index) {
                Some((_, rows)) => rows.push(tensor),
                None => outputs.push((name, vec![tensor])),
            }
        }
    }
    let mut joined = Vec::with_capacity(outputs.len());
    for (name, rows) in outputs {
        let tensor = Tensor::concat(rows).map_err(|_| {
            let detail =
                format!("output \"{name}\" has another shape for each row; ask row by row");
            invalid(detail)
        })?;
        joined.push((name, Column::Tensor(tensor)));
    }
    Ok(TensorAnswer {
        version: Arc::clone(&servable.version),
        label: servable.label.clone(),
        outputs: joined,
        queue,
        compute,
        batch,
    })
}

/// The wanted outputs, in the order in which they are wanted.
fn select(
    outputs: Vec<(String, Column)>,
    wanted: &[String],
) -> Result<Vec<(String, Column)>, Problem> {
    if wanted.is_empty() {
        return Ok(outputs);
    }
    let names: Vec<String> = outputs.iter().map(|(name, _)| name.clone()).collect();
    let mut left: Vec<Option<(String, Column)>> = outputs.into_iter().map(Some).collect();
    let find = |wanted: &String| {
        let place = names.iter().position(|name| name == wanted);
        let place = place.ok_or_else(|| {
            let names = names.join(", ");
            invalid(format!(
                "there is no output \"{wanted}\"; there are {names}"
            ))
        })?;
        let found = left.get_mut(place).and_then(Option::take);
        found.ok_or_else(|| invalid(format!("output \"{wanted}\" is asked for twice")))
    };
    wanted.iter().map(find).collect()
}
