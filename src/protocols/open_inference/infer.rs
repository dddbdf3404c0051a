//! A call of `ModelInfer`, from either carrier, and its answer.

use std::time::{Duration, Instant};

use crate::{
    access::caller::Wish,
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    inference::{
        columns::Column,
        request::ModelSpec,
        tensors::{InputValue, TensorAnswer, TensorRequest},
    },
    proto::open_inference::{BYTES, LOAD_ID, datatype},
};

use super::{
    classification::classify,
    elements::{self, Elements},
    parameters::{self, Parameter, Parameters},
};

/// An output that is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WantedOutput {
    /// Its name.
    pub name: String,
    /// How it is wanted.
    pub parameters: Parameters,
}

/// Longest id of a call, in bytes: its answer has it, too.
pub const MAX_ID: usize = 256;

/// What a call may cost at the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// In whose turn it is answered, and until when.
    pub claim: Claim,
    /// Its pictures.
    pub pictures: usize,
}

/// A call.
#[derive(Clone, Debug)]
pub struct InferCall {
    /// The id that the answer bears.
    pub id: String,
    /// The model that is asked.
    pub model: ModelSpec,
    /// What is wanted of the whole.
    pub parameters: Parameters,
    /// Inputs by name.
    pub inputs: Vec<(String, InputValue)>,
    /// Outputs that are asked for; all where it is empty.
    pub outputs: Vec<WantedOutput>,
}

/// An input as the use case takes it.
///
/// # Errors
/// When its elements are not what its type and shape say.
pub fn input(
    name: &str,
    datatype: &str,
    shape: &[i64],
    elements: Elements,
) -> Result<(String, InputValue), Problem> {
    let value = elements::value(name, datatype, shape, elements)?;
    Ok((name.to_owned(), value))
}

impl InferCall {
    /// What its parameters ask for: a priority, and whose it is.
    ///
    /// # Errors
    /// When a parameter's value is not allowed.
    pub fn wish(&self) -> Result<Wish, Problem> {
        Ok(Wish {
            priority: parameters::priority(&self.parameters)?,
            on_behalf_of: parameters::tenant(&self.parameters)?,
        })
    }

    /// The request that it makes of the use case, and the outputs that it asks for. Its own
    /// `timeout` is in microseconds.
    ///
    /// # Errors
    /// When its id is too long or a parameter's value is not allowed.
    pub fn request(self, bounds: Bounds) -> Result<(TensorRequest, Vec<WantedOutput>), Problem> {
        if MAX_ID < self.id.len() {
            let detail = format!("the id has more than {MAX_ID} bytes");
            return Err(Problem::new(ErrorCode::MalformedRequest, detail).in_field("id"));
        }
        let timeout = parameters::count(&self.parameters, "timeout")?;
        let timeout = timeout
            .filter(|micros| *micros != 0)
            .map(Duration::from_micros);
        let timeout = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let load_id = match self.parameters.get(LOAD_ID) {
            Some(Parameter::Text(load_id)) => Some(load_id.clone()),
            Some(_) | None => None,
        };
        let outputs = self.outputs.iter().map(|output| output.name.clone());
        let request = TensorRequest {
            id: self.id,
            model: self.model,
            load_id,
            inputs: self.inputs,
            outputs: outputs.collect(),
            options: parameters::infer_options(&self.parameters)?,
            max_pictures: bounds.pictures,
            claim: bounds.claim.until(timeout),
        };
        Ok((request, self.outputs))
    }
}

/// The outputs of an answer, those as classes that are wanted so.
///
/// # Errors
/// When one is wanted as it cannot be had.
pub fn outputs(
    answer: &mut TensorAnswer,
    wanted: &[WantedOutput],
) -> Result<Vec<(String, Column)>, Problem> {
    let labels = &answer.version.labels;
    let mut outputs = Vec::with_capacity(answer.outputs.len());
    for (index, (name, column)) in answer.outputs.drain(..).enumerate() {
        let best = match wanted.get(index) {
            Some(wanted) => parameters::count(&wanted.parameters, "classification")?,
            None => None,
        };
        let column = match best.filter(|best| *best != 0) {
            Some(best) => classify(&column, usize::try_from(best).unwrap_or(usize::MAX), labels)?,
            None => column,
        };
        outputs.push((name, column));
    }
    Ok(outputs)
}

/// The protocol's name of an output's type.
#[must_use]
pub fn datatype_of(column: &Column) -> &'static str {
    match column {
        Column::Tensor(tensor) => datatype(tensor.dtype()),
        Column::Texts { .. } => BYTES,
    }
}
