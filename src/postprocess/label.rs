//! The last step: class ids and point numbers get their names.

use super::candidate::{Candidate, ClassScore};
use super::prediction::{Keypoint, Prediction};
use crate::model::contract::output::Output;
use crate::model::labels::Labels;

/// Names of the model's classes, by the model's own index.
#[derive(Clone, Copy, Debug)]
pub struct ClassNames<'a> {
    labels: &'a Labels,
    left_out: Option<usize>,
}

impl<'a> ClassNames<'a> {
    /// The names of a model with that many `classes`, where its outputs tell.
    ///
    /// A list with one name fewer than the model has classes leaves out the contract's background
    /// class; the classes behind it have the names one line above their index.
    #[must_use]
    pub fn new(labels: &'a Labels, output: &Output, classes: Option<usize>) -> Self {
        let one_is_missing = classes.is_some_and(|classes| labels.names().len() + 1 == classes);
        Self {
            labels,
            left_out: output
                .background_class
                .and_then(|class| usize::try_from(class).ok())
                .filter(|_| one_is_missing),
        }
    }

    /// The name of the class with that index.
    #[must_use]
    pub fn name(&self, class_id: usize) -> String {
        let behind_the_gap = self.left_out.is_some_and(|gap| gap < class_id);
        self.labels.name(class_id - usize::from(behind_the_gap))
    }
}

/// A class of the whole picture, by name.
#[must_use]
pub fn class(score: ClassScore, names: &ClassNames<'_>) -> Prediction {
    Prediction {
        label: names.name(score.class_id),
        class_id: score.class_id,
        confidence: score.confidence,
        rect: None,
        keypoints: Vec::new(),
    }
}

/// An object in the picture, by name. Points beyond `point_names` stay without one.
#[must_use]
pub fn object(candidate: Candidate, names: &ClassNames<'_>, point_names: &[String]) -> Prediction {
    let point_names = point_names.iter().cloned().map(Some);
    Prediction {
        label: names.name(candidate.class_id),
        class_id: candidate.class_id,
        confidence: candidate.confidence,
        rect: Some(candidate.rect),
        keypoints: candidate
            .keypoints
            .into_iter()
            .zip(point_names.chain(std::iter::repeat(None)))
            .map(|(keypoint, name)| Keypoint {
                name,
                x: keypoint.point.x,
                y: keypoint.point.y,
                confidence: keypoint.confidence,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::decoder::fixture::output;
    use super::*;
    use crate::model::contract::output::Decoder;

    #[test]
    fn a_list_may_leave_out_the_background() {
        let check =
            |list: &str, background: Option<u32>, classes: Option<usize>, names: &[&str]| {
                let labels = Labels::parse(list).expect("valid");
                let contract = Output {
                    background_class: background,
                    ..output(Decoder::ScoredBoxes)
                };
                let class_names = ClassNames::new(&labels, &contract, classes);
                let got: Vec<String> = (0..names.len()).map(|id| class_names.name(id)).collect();
                assert_eq!(got, names, "{list:?}, background {background:?}");
            };
        check("none\ncat\ndog", Some(0), Some(3), &["none", "cat", "dog"]);
        check("cat\ndog", Some(0), Some(3), &["cat", "cat", "dog"]);
        check("cat\ndog", Some(1), Some(3), &["cat", "dog", "dog"]);
        check("cat\ndog", Some(0), None, &["cat", "dog", "2"]);
        check("cat\ndog", None, Some(3), &["cat", "dog", "2"]);
        check("", Some(0), Some(1), &["0"]);
    }
}
