//! The bodies of TensorFlow Serving's REST interface.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    inference::{columns::Column, tensors::InputValue},
    model::served_version::ServedVersion,
    proto::generated::tensorflow::serving::ClassificationResult,
    protocols::{
        document,
        nested::{Nested, Text},
        values,
    },
    tensor::TensorData,
};

use super::{fault::Fault, signature::PICTURE_INPUT};

/// The body of `:predict`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PredictBody {
    signature_name: String,
    instances: Option<Nested>,
    inputs: Option<Nested>,
}

/// Whether inputs and outputs go by rows or by columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A list of instances, answered by a list of predictions.
    Row,
    /// Whole tensors.
    Column,
}

/// What is asked of `:predict`.
#[derive(Debug)]
pub struct Predict {
    /// The signature that is called; empty where none is named.
    pub signature: String,
    /// In which format, and so answered.
    pub format: Format,
    nested: Nested,
}

/// Reads the body of `:predict`.
///
/// # Errors
/// When it is not as it must be.
pub fn predict(body: &[u8]) -> Result<Predict, Fault> {
    let body: PredictBody = document::read(body)
        .map_err(|words| Fault::invalid(format!("JSON Parse error: {words}")))?;
    let (format, nested) = match (body.instances, body.inputs) {
        (Some(nested), None) => (Format::Row, nested),
        (None, Some(nested)) => (Format::Column, nested),
        (None, None) => return Err(Fault::invalid("Missing 'inputs' or 'instances' key")),
        (Some(_), Some(_)) => {
            return Err(Fault::invalid(
                "Not expecting 'inputs' key in row format: both were given",
            ));
        }
    };
    if format == Format::Row && nested.shape.is_empty() {
        return Err(Fault::invalid("'instances' must be a list"));
    }
    if nested.shape.first() == Some(&0) {
        return Err(Fault::invalid("'instances' or 'inputs' is empty"));
    }
    Ok(Predict {
        signature: body.signature_name,
        format,
        nested,
    })
}

impl Predict {
    /// The input for a version: pictures where there is base64, else its own tensor.
    ///
    /// # Errors
    /// When a number is outside the range of the model's type.
    pub fn input(self, version: &ServedVersion) -> Result<(String, InputValue), Fault> {
        let Nested {
            name,
            shape,
            numbers,
            texts,
        } = self.nested;
        if !texts.is_empty() {
            let pictures = texts.into_iter().map(|text| match text {
                Text::Bytes(bytes) => Ok(bytes),
                Text::Plain(_) => Err(Fault::invalid("a picture is {\"b64\": \"…\"}")),
            });
            let pictures = pictures.collect::<Result<_, _>>()?;
            let name = name.unwrap_or_else(|| PICTURE_INPUT.to_owned());
            return Ok((name, InputValue::Pictures(pictures)));
        }
        let name = name.unwrap_or_else(|| version.bindings.input.clone());
        let tensor = values::tensor(version.contract.input.dtype, shape, &numbers);
        let tensor =
            tensor.map_err(|words| Fault::invalid(format!("input \"{name}\": {words}")))?;
        Ok((name, InputValue::Tensor(tensor)))
    }
}

/// The answer to `:predict`.
///
/// # Errors
/// When the outputs have no rows of equal number, which the row format needs.
pub fn predictions(outputs: &[(String, Column)], format: Format) -> Result<String, Fault> {
    let mut json = String::new();
    match format {
        Format::Column => {
            json.push_str("{\"outputs\": ");
            match outputs {
                [(_, only)] => write_value(&mut json, only, None),
                several => write_object(&mut json, several, None),
            }
        }
        Format::Row => {
            let rows = outputs
                .first()
                .and_then(|(_, first)| first.shape().first().copied());
            let rows = rows.unwrap_or(0);
            if outputs
                .iter()
                .any(|(_, output)| output.shape().first() != Some(&rows))
            {
                let words = "the outputs differ in their first axis: ask by 'inputs'";
                return Err(Fault::invalid(words));
            }
            json.push_str("{\"predictions\": [");
            for row in 0..rows {
                json.push_str(if row == 0 { "" } else { ", " });
                match outputs {
                    [(_, only)] => write_value(&mut json, only, Some(row)),
                    several => write_object(&mut json, several, Some(row)),
                }
            }
            json.push(']');
        }
    }
    json.push('}');
    Ok(json)
}

fn write_object(json: &mut String, outputs: &[(String, Column)], row: Option<usize>) {
    json.push('{');
    for (index, (name, output)) in outputs.iter().enumerate() {
        json.push_str(if index == 0 { "" } else { ", " });
        write!(json, "{}: ", Value::from(name.as_str())).ok();
        write_value(json, output, row);
    }
    json.push('}');
}

/// An output, or one row of it, as nested lists.
fn write_value(json: &mut String, output: &Column, row: Option<usize>) {
    let shape = output.shape();
    let (shape, each) = match row {
        None => (shape, shape.iter().product()),
        Some(_) => {
            let inner = shape.get(1..).unwrap_or_default();
            (inner, inner.iter().product::<usize>())
        }
    };
    let begin = row.unwrap_or(0) * each;
    write_nested(json, shape, begin, &|json, index| {
        write_element(json, output, index)
    });
}

fn write_nested(
    json: &mut String,
    shape: &[usize],
    begin: usize,
    element: &dyn Fn(&mut String, usize),
) {
    let [axis, inner @ ..] = shape else {
        return element(json, begin);
    };
    let each: usize = inner.iter().product();
    json.push('[');
    for index in 0..*axis {
        json.push_str(if index == 0 { "" } else { ", " });
        write_nested(json, inner, begin + index * each, element);
    }
    json.push(']');
}

/// One element. NaN and infinities are written as TensorFlow Serving does, though JSON knows none.
fn write_element(json: &mut String, output: &Column, index: usize) {
    let float = |json: &mut String, value: f32| {
        if value.is_nan() {
            json.push_str("NaN");
        } else if value.is_infinite() {
            json.push_str(if value < 0.0 { "-Infinity" } else { "Infinity" });
        } else {
            write!(json, "{value:?}").ok();
        }
    };
    match output {
        Column::Texts { texts, .. } => {
            let text = texts.get(index).map(String::as_str).unwrap_or_default();
            write!(json, "{}", Value::from(text)).ok();
        }
        Column::Tensor(tensor) => match tensor.data() {
            TensorData::F32(all) => float(json, all.get(index).copied().unwrap_or_default()),
            TensorData::F16(all) => float(json, all.get(index).map_or(0.0, |x| x.to_f32())),
            TensorData::U8(all) => drop(write!(json, "{}", all.get(index).unwrap_or(&0))),
            TensorData::I32(all) => drop(write!(json, "{}", all.get(index).unwrap_or(&0))),
            TensorData::I64(all) => drop(write!(json, "{}", all.get(index).unwrap_or(&0))),
        },
    }
}

/// The answer to `:classify`: for each example, pairs of label and score.
#[must_use]
pub fn classes(result: &ClassificationResult) -> String {
    let mut json = String::from("{\"results\": [");
    for (index, picture) in result.classifications.iter().enumerate() {
        json.push_str(if index == 0 { "[" } else { ", [" });
        for (index, class) in picture.classes.iter().enumerate() {
            json.push_str(if index == 0 { "" } else { ", " });
            let label = Value::from(class.label.as_str());
            write!(json, "[{label}, {:?}]", class.score).ok();
        }
        json.push(']');
    }
    json.push_str("]}");
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    fn column(shape: &[usize], values: &[f32]) -> Column {
        let tensor = Tensor::new(shape.to_vec(), TensorData::F32(values.to_vec()));
        Column::Tensor(tensor.expect("fits"))
    }

    #[test]
    fn one_output_is_bare_and_several_are_named() {
        let scores = (
            "scores".to_owned(),
            column(&[2, 2], &[1.0, 0.5, f32::NAN, -3.0]),
        );
        let check = |outputs: &[(String, Column)], format, expected: &str| {
            assert_eq!(predictions(outputs, format).expect("rows"), expected);
        };
        let only = std::slice::from_ref(&scores);
        check(
            only,
            Format::Row,
            r#"{"predictions": [[1.0, 0.5], [NaN, -3.0]]}"#,
        );
        check(
            only,
            Format::Column,
            r#"{"outputs": [[1.0, 0.5], [NaN, -3.0]]}"#,
        );
        let texts = Column::Texts {
            shape: vec![2],
            texts: vec!["a".to_owned(), "\"b\"".to_owned()],
        };
        let several = [scores, ("labels".to_owned(), texts)];
        let expected = r#"{"predictions": [{"scores": [1.0, 0.5], "labels": "a"}, {"scores": [NaN, -3.0], "labels": "\"b\""}]}"#;
        check(&several, Format::Row, expected);
    }

    #[test]
    fn a_body_without_inputs_says_so() {
        let fault = predict(b"{}").expect_err("has none");
        assert_eq!(fault.message, "Missing 'inputs' or 'instances' key");
        let fault = predict(b"{\"instances\": 1}").expect_err("no list");
        assert!(
            fault.message.contains("must be a list"),
            "{}",
            fault.message
        );
    }
}
