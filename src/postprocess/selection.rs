//! What a request wants kept of the model's answer.

use std::collections::BTreeSet;

use crate::model::{contract::Contract, labels::Labels};

/// What a request wants kept of the model's answer, its defaults already filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Most classes of a classification.
    pub top_k: usize,
    /// Results below this are left out; 0 keeps all of them, raw logits below 0 too.
    pub confidence: f32,
    /// Boxes that overlap a better one by more than this intersection over union are left out.
    pub iou: f32,
    /// Most boxes of a detection.
    pub max_detections: usize,
    /// Only these classes, by the model's index. `None` keeps all.
    pub classes: Option<BTreeSet<usize>>,
}

impl Selection {
    /// What a request gets that asks for nothing: the contract's defaults, and the server's own
    /// where it has none.
    ///
    /// # Errors
    /// The name of a class in the contract's filter that is no class of the model.
    pub fn usual(contract: &Contract, labels: &Labels) -> Result<Self, String> {
        let defaults = &contract.defaults;
        let boxes = contract.output.decoder.gives_boxes();
        let lowest = if boxes { 0.25 } else { f32::MIN };
        Ok(Self {
            top_k: defaults.top_k.unwrap_or(5) as usize,
            confidence: defaults.confidence.unwrap_or(lowest),
            iou: defaults.iou.unwrap_or(0.45),
            max_detections: defaults.max_detections.unwrap_or(100) as usize,
            classes: find_classes(&defaults.classes, labels)?,
        })
    }
}

/// The classes of these names; `None`, which keeps all, where none is named.
///
/// # Errors
/// The first name that is no class of the model.
pub fn find_classes(names: &[String], labels: &Labels) -> Result<Option<BTreeSet<usize>>, String> {
    let mut classes = BTreeSet::new();
    for name in names {
        let found = labels.find(name);
        if found.is_empty() {
            return Err(name.clone());
        }
        classes.extend(found);
    }
    Ok(Some(classes).filter(|classes| !classes.is_empty()))
}
