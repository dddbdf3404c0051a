//! The elements of an input, as the different carriers of the protocol bring them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use crate::{
    error::{ErrorCode, Problem},
    inference::tensors::InputValue,
    proto::{little_endian, open_inference},
    protocols::{
        base64::unbroken,
        nested::{MAX_PICTURES, Nested, Text},
        values,
    },
    tensor::{self, Tensor, TensorData},
};

/// The elements of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// Raw bytes, little-endian; those of type BYTES have their lengths before them.
    Raw(Bytes),
    /// Elements of type BYTES.
    Bytes(Vec<Bytes>),
    /// Numbers.
    Numbers(TensorData),
}

/// Elements out of JSON: numbers of a type, or pictures as base64.
///
/// # Errors
/// When a number is outside the type's range, or a text is no base64.
pub fn from_json(datatype: &str, nested: Nested) -> Result<Elements, Problem> {
    let invalid = |words: String| Problem::new(ErrorCode::InvalidTensor, words);
    if datatype == open_inference::BYTES {
        let pictures = nested.texts.into_iter().map(|text| match text {
            Text::Bytes(bytes) => Ok(bytes),
            Text::Plain(text) => match STANDARD.decode(&*unbroken(&text)) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err(invalid(format!("a picture in JSON is base64: {error}"))),
            },
        });
        return Ok(Elements::Bytes(pictures.collect::<Result<_, _>>()?));
    }
    let Some(dtype) = open_inference::dtype(datatype) else {
        return Err(invalid(format!("no model here takes {datatype}")));
    };
    if !nested.texts.is_empty() {
        return Err(invalid(format!("texts are no {datatype}")));
    }
    let data = values::data(dtype, &nested.numbers).map_err(invalid)?;
    Ok(Elements::Numbers(data))
}

/// An input as the use case takes it.
pub(super) fn value(
    name: &str,
    datatype: &str,
    shape: &[i64],
    elements: Elements,
) -> Result<InputValue, Problem> {
    let invalid = |detail: String| {
        Problem::new(ErrorCode::InvalidTensor, detail).in_field(format!("input \"{name}\""))
    };
    let axes = shape.iter().map(|axis| usize::try_from(*axis).ok());
    let axes: Option<Vec<usize>> = axes.collect();
    let shape = axes.ok_or_else(|| invalid(format!("shape {shape:?} has a negative axis")))?;
    if datatype == open_inference::BYTES {
        let pictures = match elements {
            Elements::Bytes(pictures) => pictures,
            Elements::Raw(raw) => {
                little_endian::split_bytes(raw).map_err(|error| invalid(error.to_string()))?
            }
            Elements::Numbers(_) => return Err(invalid("holds numbers, BYTES are texts".into())),
        };
        // More than any request may hold may not all be here; they are refused as too many.
        if pictures.len() <= MAX_PICTURES && tensor::elements(&shape) != Some(pictures.len()) {
            let given = pictures.len();
            return Err(invalid(format!(
                "shape {shape:?} wants another number of elements than {given}"
            )));
        }
        return Ok(InputValue::Pictures(pictures));
    }
    let Some(dtype) = open_inference::dtype(datatype) else {
        return Err(invalid(format!("no model here takes {datatype}")));
    };
    let tensor = match elements {
        Elements::Raw(raw) => {
            little_endian::tensor(dtype, shape, &raw).map_err(|error| invalid(error.to_string()))?
        }
        Elements::Numbers(data) if data.dtype() == dtype => {
            Tensor::new(shape, data).map_err(|error| invalid(error.to_string()))?
        }
        Elements::Numbers(_) | Elements::Bytes(_) => {
            return Err(invalid(format!("its elements are not {datatype}")));
        }
    };
    Ok(InputValue::Tensor(tensor))
}
