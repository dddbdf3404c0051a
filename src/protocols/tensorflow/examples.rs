//! Pictures out of examples, and classes for them.

use bytes::Bytes;

use crate::{
    inference::{columns::Column, tensors::TensorAnswer},
    proto::generated::tensorflow::{
        Example,
        feature::Kind,
        serving::{Class, ClassificationResult, Classifications, Input, input},
    },
    tensor::TensorData,
};

use super::fault::Fault;

/// The picture of each example: its only feature of bytes, or that of the context where an example
/// has none.
///
/// # Errors
/// When there is no example, or one has no picture or several.
pub fn pictures(input: Option<Input>) -> Result<Vec<Bytes>, Fault> {
    let (examples, context) = match input.and_then(|input| input.kind) {
        Some(input::Kind::ExampleList(list)) => (list.examples, None),
        Some(input::Kind::ExampleListWithContext(list)) => (list.examples, list.context),
        None => (Vec::new(), None),
    };
    if examples.is_empty() {
        return Err(Fault::invalid("Input is empty"));
    }
    let shared = context.as_ref().map(bytes_of).unwrap_or_default();
    let mut pictures = Vec::with_capacity(examples.len());
    for (index, example) in examples.iter().enumerate() {
        let own = bytes_of(example);
        match (own.as_slice(), shared.as_slice()) {
            ([picture], _) | ([], [picture]) => pictures.push(picture.clone()),
            (found, _) => {
                let found = found.len();
                let message =
                    format!("example {index} has {found} values of bytes, not one picture");
                return Err(Fault::invalid(message));
            }
        }
    }
    Ok(pictures)
}

fn bytes_of(example: &Example) -> Vec<Bytes> {
    let features = example
        .features
        .iter()
        .flat_map(|features| features.feature.values());
    let values = features.filter_map(|feature| match &feature.kind {
        Some(Kind::BytesList(list)) => Some(list.value.iter().cloned()),
        Some(Kind::FloatList(_) | Kind::Int64List(_)) | None => None,
    });
    values.flatten().collect()
}

/// The classes of each picture, best first.
#[must_use]
pub fn classes(answer: &TensorAnswer) -> ClassificationResult {
    rows(&answer.outputs)
}

fn rows(outputs: &[(String, Column)]) -> ClassificationResult {
    let column = |name: &str| {
        let found = outputs.iter().find(|(output, _)| output == name);
        found.map(|(_, column)| column)
    };
    let (Some(Column::Texts { shape, texts }), Some(Column::Tensor(scores))) =
        (column("labels"), column("scores"))
    else {
        return ClassificationResult::default();
    };
    let counts = match column("num_results") {
        Some(Column::Tensor(counts)) => counts.data().clone(),
        Some(Column::Texts { .. }) | None => TensorData::I32(Vec::new()),
    };
    let TensorData::I32(counts) = counts else {
        return ClassificationResult::default();
    };
    // It is 0 where nothing passed for any picture; each has its row all the same.
    let width = shape.get(1).copied().unwrap_or(0);
    let scores = scores.to_f32();
    let rows = counts.into_iter().enumerate().map(|(index, count)| {
        let row = index * width..(index + 1) * width;
        let labels = texts.get(row.clone()).unwrap_or_default();
        let scores = scores.get(row).unwrap_or_default();
        let classes = labels.iter().zip(scores).map(|(label, score)| Class {
            label: label.clone(),
            score: *score,
        });
        Classifications {
            classes: classes.take(usize::try_from(count).unwrap_or(0)).collect(),
        }
    });
    ClassificationResult {
        classifications: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::tensor::Tensor;

    use super::*;

    fn tensor(shape: &[usize], data: TensorData) -> Column {
        Column::Tensor(Tensor::new(shape.to_vec(), data).expect("fits"))
    }

    #[test]
    fn every_picture_has_its_row() {
        let check = |width: usize, labels: &[&str], counts: &[i32], expected: &[&[&str]]| {
            let shape = [counts.len(), width];
            let counts = tensor(&[counts.len()], TensorData::I32(counts.to_vec()));
            let scores = tensor(&shape, TensorData::F32(vec![0.5; labels.len()]));
            let labels = Column::Texts {
                shape: shape.to_vec(),
                texts: labels.iter().map(|label| (*label).to_owned()).collect(),
            };
            let outputs = [
                ("num_results", counts),
                ("labels", labels),
                ("scores", scores),
            ];
            let result = rows(&outputs.map(|(name, column)| (name.to_owned(), column)));
            let rows = result.classifications.iter();
            let names = rows.map(|row| row.classes.iter().map(|class| class.label.as_str()));
            let names: Vec<Vec<&str>> = names.map(Iterator::collect).collect();
            assert_eq!(names, expected);
        };
        check(2, &["a", "b", "c", ""], &[2, 1], &[&["a", "b"], &["c"]]);
        check(1, &["", "a"], &[0, 1], &[&[], &["a"]]);
        check(0, &[], &[0, 0], &[&[], &[]]);
    }
}
