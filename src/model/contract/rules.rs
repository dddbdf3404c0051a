//! The rules of how a contract's values go together, beyond what each may be by itself.

use crate::{
    provider::{self, can_be_followed},
    tensor::DType,
};

use super::{
    Batching, Contract, Fault, Task,
    input::{Input, Normalize, Side},
    output::{Decoder, Output},
    resize::{Filter, Profile, Resize, ResizeMode},
};

/// Every rule that the contract breaks.
pub(super) fn broken(contract: &Contract) -> Vec<Fault> {
    let mut faults = Vec::new();
    side("input.height", contract.input.height, &mut faults);
    side("input.width", contract.input.width, &mut faults);
    resize(&contract.input.resize, &mut faults);
    normalize(&contract.input, &mut faults);
    output(contract.task, &contract.output, &mut faults);
    defaults(contract, &mut faults);
    batching(&contract.batching, &mut faults);
    providers(contract, &mut faults);
    faults
}

fn batching(batching: &Batching, faults: &mut Vec<Fault>) {
    let sizes = &batching.preferred_batch_sizes;
    let ascending =
        sizes.is_sorted_by(|a, b| a < b) && sizes.first().is_none_or(|first| 0 < *first);
    let largest = batching.max_batch_size;
    if !ascending || sizes.last().is_some_and(|last| largest < *last) {
        let message = format!("are {sizes:?}, must ascend from 1 to max_batch_size, {largest}");
        faults.push(Fault::new("batching.preferred_batch_sizes", message));
    }
}

/// Adds a fault for each key that is set but that this choice does not read.
fn not_read(section: &str, keys: &[(&str, bool)], because: &str, faults: &mut Vec<Fault>) {
    let set = keys.iter().filter(|(_, is_set)| *is_set);
    faults.extend(set.map(|(key, _)| Fault::new(format!("{section}.{key}"), because)));
}

fn side(field: &str, side: Side, faults: &mut Vec<Fault>) {
    let Side::Range(range) = side else { return };
    if range.max < range.min {
        let message = format!("min {} is above max {}", range.min, range.max);
        faults.push(Fault::new(field, message));
    }
    for (name, value) in [("min", range.min), ("max", range.max)] {
        if value % range.stride != 0 {
            let message = format!(
                "is {value}, must be a multiple of the stride {}",
                range.stride
            );
            faults.push(Fault::new(format!("{field}.{name}"), message));
        }
    }
}

fn resize(resize: &Resize, faults: &mut Vec<Fault>) {
    let letterbox = [
        ("anchor", resize.anchor.is_some()),
        ("pad", resize.pad.is_some()),
    ];
    if resize.mode != ResizeMode::Letterbox {
        not_read(
            "input.resize",
            &letterbox,
            "is read by mode \"letterbox\" only",
            faults,
        );
    }
    if resize.mode != ResizeMode::CenterCrop {
        let keys = [("fraction", resize.fraction.is_some())];
        not_read(
            "input.resize",
            &keys,
            "is read by mode \"center_crop\" only",
            faults,
        );
    }
    if resize.mode != ResizeMode::ShortestEdge {
        let keys = [("shortest_edge", resize.shortest_edge.is_some())];
        not_read(
            "input.resize",
            &keys,
            "is read by mode \"shortest_edge\" only",
            faults,
        );
    }
    if resize.filter == Filter::Lanczos && resize.profile == Profile::Opencv {
        let allowed = "nearest, bilinear, bicubic, area";
        let message = format!("profile \"opencv\" has no \"lanczos\", it has {allowed}");
        faults.push(Fault::new("input.resize.filter", message));
    }
}

fn normalize(input: &Input, faults: &mut Vec<Fault>) {
    let Normalize { scale, mean, std } = &input.normalize;
    let field = |key: &str| format!("input.normalize.{key}");
    match input.dtype {
        DType::Float32 | DType::Float16 => (),
        DType::Uint8 | DType::Int32 | DType::Int64 => {
            let keys = [
                ("scale", scale.is_some()),
                ("mean", mean.is_some()),
                ("std", std.is_some()),
            ];
            let because = format!("{} inputs take the pixel as it is", input.dtype);
            return not_read("input.normalize", &keys, &because, faults);
        }
    }
    for (key, values) in [("mean", mean), ("std", std)] {
        let Some(values) = values else { continue };
        let channels = input.color.channels();
        if values.len() != 1 && values.len() != channels {
            let message = format!(
                "has {} entries, must have 1 or {channels}, one a channel",
                values.len()
            );
            faults.push(Fault::new(field(key), message));
        }
        if scale.is_none() && values.iter().any(|x| 1.0 < x.abs()) {
            let message = "is above 1, but without a scale pixels are divided by 255 first: set \
                           scale = 1.0 to count in 0..=255";
            faults.push(Fault::new(field(key), message));
        }
    }
    if std.iter().flatten().any(|x| *x == 0.0) {
        faults.push(Fault::new(
            field("std"),
            "must not be 0: pixels are divided by it",
        ));
    }
    if *scale == Some(0.0) {
        faults.push(Fault::new(
            field("scale"),
            "must not be 0: every pixel would be the same",
        ));
    }
}

fn output(task: Task, output: &Output, faults: &mut Vec<Fault>) {
    let fits = match task {
        Task::Classification => !output.decoder.gives_boxes(),
        Task::Detection => output.decoder.gives_boxes(),
        Task::Keypoints => output.decoder == Decoder::ScoredBoxes,
    };
    if !fits {
        let allowed = match task {
            Task::Classification => "softmax, sigmoid, logits",
            Task::Detection => "end_to_end, scored_boxes",
            Task::Keypoints => "scored_boxes",
        };
        let name = output.decoder.as_str();
        let message = format!("{name} does not fit this task, which takes one of {allowed}");
        faults.push(Fault::new("output.decoder", message));
    }
    unread_outputs(task, output, faults);
    let plain = !output.labels.is_empty() && !output.labels.contains(['/', '\\', '\0']);
    if !plain || output.labels.starts_with('.') {
        let message = format!(
            "is {:?}, must be a file in the model's own folder",
            output.labels
        );
        faults.push(Fault::new("output.labels", message));
    }
}

fn unread_outputs(task: Task, output: &Output, faults: &mut Vec<Fault>) {
    let name = output.decoder.as_str();
    let because = format!("is not read by decoder \"{name}\"");
    let tensors = &output.tensors;
    let reads = |decoders: &[Decoder]| decoders.contains(&output.decoder);
    let classes = reads(&[Decoder::Softmax, Decoder::Sigmoid, Decoder::Logits]);
    let end_to_end = reads(&[Decoder::EndToEnd]);
    let scored_boxes = reads(&[Decoder::ScoredBoxes]);
    let keys = [
        ("scores", tensors.scores.is_some() && end_to_end),
        ("boxes", tensors.boxes.is_some() && !scored_boxes),
        ("detections", tensors.detections.is_some() && !end_to_end),
        ("keypoints", tensors.keypoints.is_some() && !scored_boxes),
    ];
    not_read("output.tensors", &keys, &because, faults);
    let keys = [
        ("box_format", output.box_format.is_some() && classes),
        ("box_units", output.box_units.is_some() && classes),
        ("nms", output.nms.is_some() && classes),
        (
            "scores_are",
            output.scores_are.is_some() && reads(&[Decoder::Logits, Decoder::EndToEnd]),
        ),
    ];
    not_read("output", &keys, &because, faults);
    if task != Task::Keypoints {
        let because = "is read by task \"keypoints\" only";
        let keys = [("keypoint_names", !output.keypoint_names.is_empty())];
        not_read("output", &keys, because, faults);
        let keys = [("keypoints", tensors.keypoints.is_some() && scored_boxes)];
        not_read("output.tensors", &keys, because, faults);
    }
}

fn defaults(contract: &Contract, faults: &mut Vec<Fault>) {
    let defaults = &contract.defaults;
    match contract.task {
        Task::Classification => {
            let keys = [
                ("iou", defaults.iou.is_some()),
                ("max_detections", defaults.max_detections.is_some()),
            ];
            not_read("defaults", &keys, "is not read by a classification", faults);
        }
        Task::Detection | Task::Keypoints => {
            let keys = [("top_k", defaults.top_k.is_some())];
            not_read(
                "defaults",
                &keys,
                "is read by a classification only",
                faults,
            );
        }
    }
}

fn providers(contract: &Contract, faults: &mut Vec<Fault>) {
    if !can_be_followed(&contract.engine.providers) {
        let message = format!("must be {}", provider::ALLOWED);
        faults.push(Fault::new("engine.providers", message));
    }
}
