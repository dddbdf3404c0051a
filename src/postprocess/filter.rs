//! Which scores are worth decoding: the confidence threshold and the class filter.

use std::collections::BTreeSet;

use super::selection::Selection;
use crate::model::contract::output::Output;

/// The confidence threshold and the class filter of a request, and the model's background class.
/// Decoders ask it as they read scores, so that nothing is built only to be thrown away.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    confidence: f32,
    classes: Option<&'a BTreeSet<usize>>,
    background: Option<usize>,
}

impl<'a> Filter<'a> {
    /// The filter that a contract and a request ask for.
    #[must_use]
    pub fn new(output: &Output, selection: &'a Selection) -> Self {
        Self {
            confidence: selection.confidence,
            classes: selection.classes.as_ref(),
            background: output
                .background_class
                .and_then(|class| usize::try_from(class).ok()),
        }
    }

    /// The lowest confidence that is kept. Negative infinity where the request asks for 0, so
    /// that raw logits below 0 are kept too.
    #[must_use]
    pub fn floor(&self) -> f32 {
        if self.confidence <= 0.0 {
            f32::NEG_INFINITY
        } else {
            self.confidence
        }
    }

    /// Whether a result of that class and confidence is kept.
    #[must_use]
    pub fn keeps(&self, class_id: usize, confidence: f32) -> bool {
        confidence >= self.floor()
            && self.background != Some(class_id)
            && self
                .classes
                .is_none_or(|classes| classes.contains(&class_id))
    }
}

#[cfg(test)]
mod tests {
    use super::super::decoder::fixture::{output, selection};
    use super::*;
    use crate::model::contract::output::Decoder;

    #[test]
    fn threshold_background_and_wanted_classes() {
        let contract = Output {
            background_class: Some(0),
            ..output(Decoder::Softmax)
        };
        let wanted = Selection {
            confidence: 0.5,
            classes: Some(BTreeSet::from([0, 2])),
            ..selection()
        };
        let filter = Filter::new(&contract, &wanted);
        let check = |class_id: usize, confidence: f32, expected: bool| {
            assert_eq!(
                filter.keeps(class_id, confidence),
                expected,
                "class {class_id} at {confidence}"
            );
        };
        check(2, 0.5, true);
        check(2, 0.49, false);
        check(2, f32::NAN, false);
        check(1, 0.9, false);
        check(0, 0.9, false);
    }

    #[test]
    fn no_threshold_keeps_negative_logits() {
        let contract = output(Decoder::Logits);
        assert!(Filter::new(&contract, &selection()).keeps(7, -12.5));
    }
}
