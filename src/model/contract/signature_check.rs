//! The contract held against the graph: names, element types and shapes.

use crate::model::signature::{Signature, TensorInfo};

use super::{
    Contract, ContractFaults, Fault, Task,
    input::{Input, Layout, Side},
    output::{Decoder, OutputTensors},
};

/// Most pictures that a graph may want in one run, as many as a contract may allow.
const MAX_FIXED_BATCH: u64 = 1024;

/// Most bytes of one batch of pictures, as the graph takes them.
const MAX_BATCH_BYTES: u64 = 4 << 30;

/// The graph's names for what the contract speaks of, all of them found and fitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bindings {
    /// Name of the input that takes the picture.
    pub input: String,
    /// Names of the outputs that the decoder reads; `None` for those it does not.
    pub outputs: OutputTensors,
    /// Pictures in one run: `None` where the graph leaves its first axis open.
    pub fixed_batch: Option<u64>,
    /// Number of classes, where the graph states it.
    pub classes: Option<u64>,
}

impl Contract {
    /// Finds the contract's tensors in the graph and checks that they fit.
    ///
    /// # Errors
    /// Every name, element type and shape that does not fit, with what the graph has.
    pub fn bind(&self, signature: &Signature) -> Result<Bindings, ContractFaults> {
        let mut faults = Vec::new();
        let input = find_input(&self.input, &signature.inputs, &mut faults);
        let fixed_batch = input.and_then(|info| {
            check_input(&self.input, info, &mut faults);
            info.shape.first().copied().flatten()
        });
        self.check_batch(fixed_batch, &mut faults);
        let mut finder = OutputFinder {
            outputs: &signature.outputs,
            faults: Vec::new(),
        };
        let outputs = finder.outputs(self);
        let classes = finder.check_shapes(self, &outputs);
        faults.append(&mut finder.faults);
        match input {
            Some(info) if faults.is_empty() => Ok(Bindings {
                input: info.name.clone(),
                outputs,
                fixed_batch,
                classes,
            }),
            _ => Err(ContractFaults(faults)),
        }
    }

    /// Checks that a full batch is of a size that can be had.
    fn check_batch(&self, fixed: Option<u64>, faults: &mut Vec<Fault>) {
        let batch = fixed.unwrap_or_else(|| self.batching.max_batch_size.into());
        let message = if MAX_FIXED_BATCH < batch {
            format!("the graph's first axis is {batch}, at most {MAX_FIXED_BATCH}")
        } else {
            let bytes = batch.saturating_mul(self.input.max_bytes());
            if bytes <= MAX_BATCH_BYTES {
                return;
            }
            format!("a batch of {batch} pictures takes {bytes} bytes, at most {MAX_BATCH_BYTES}")
        };
        faults.push(Fault::new("batching.max_batch_size", message));
    }
}

fn names(tensors: &[TensorInfo]) -> String {
    tensors
        .iter()
        .map(|t| format!("\"{}\" {}", t.name, t.shape_text()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn find_input<'a>(
    input: &Input,
    inputs: &'a [TensorInfo],
    faults: &mut Vec<Fault>,
) -> Option<&'a TensorInfo> {
    let found = match (&input.tensor, inputs) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(name), _) => inputs.iter().find(|info| info.name == *name),
    };
    if found.is_none() {
        let message = match &input.tensor {
            Some(name) => format!("is \"{name}\", the graph's inputs are {}", names(inputs)),
            None => format!("must be named, the graph's inputs are {}", names(inputs)),
        };
        faults.push(Fault::new("input.tensor", message));
    }
    if let Some(found) = found
        && inputs.len() > 1
    {
        let others: Vec<_> = inputs
            .iter()
            .filter(|i| i.name != found.name)
            .cloned()
            .collect();
        let message = format!("the graph wants more than a picture: {}", names(&others));
        faults.push(Fault::new("input.tensor", message));
    }
    found
}

fn check_input(input: &Input, info: &TensorInfo, faults: &mut Vec<Fault>) {
    if info.dtype != Some(input.dtype) {
        let has = info
            .dtype
            .map_or("another type".to_owned(), |dtype| dtype.to_string());
        let message = format!(
            "is {}, the graph's input \"{}\" is {has}",
            input.dtype, info.name
        );
        faults.push(Fault::new("input.dtype", message));
    }
    let channels = (
        "input.color",
        Side::Fixed(u32::try_from(input.color.channels()).unwrap_or(3)),
    );
    let (height, width) = (("input.height", input.height), ("input.width", input.width));
    let wanted = match input.layout {
        Layout::Nchw => [channels, height, width],
        Layout::Nhwc => [height, width, channels],
    };
    let [_, axes @ ..] = info.shape.as_slice() else {
        faults.push(Fault::new("input.layout", "the graph's input has no axes"));
        return;
    };
    if axes.len() != wanted.len() {
        let message = format!("has 4 axes, the graph's input is {}", info.shape_text());
        faults.push(Fault::new("input.layout", message));
        return;
    }
    for ((field, side), axis) in wanted.into_iter().zip(axes) {
        let fits = match (side, axis) {
            (_, None) => true,
            (Side::Fixed(pixels), Some(axis)) => u64::from(pixels) == *axis,
            (Side::Range(_), Some(_)) => false,
        };
        if !fits {
            let wants = match side {
                Side::Fixed(pixels) => format!("{pixels}"),
                Side::Range(range) => format!("{} to {}", range.min, range.max),
            };
            let message = format!("gives {wants}, the graph's input is {}", info.shape_text());
            faults.push(Fault::new(field, message));
        }
    }
}

/// Looks outputs up and keeps what was wrong with them.
struct OutputFinder<'a> {
    outputs: &'a [TensorInfo],
    faults: Vec<Fault>,
}

impl OutputFinder<'_> {
    /// The names of the outputs that the contract's decoder reads.
    fn outputs(&mut self, contract: &Contract) -> OutputTensors {
        let given = &contract.output.tensors;
        let mut found = OutputTensors::default();
        match contract.output.decoder {
            Decoder::Softmax | Decoder::Sigmoid | Decoder::Logits => {
                found.scores = self.find("scores", given.scores.as_deref());
            }
            Decoder::EndToEnd => {
                found.detections = self.find("detections", given.detections.as_deref());
            }
            Decoder::ScoredBoxes => {
                found.boxes = self.find("boxes", given.boxes.as_deref());
                found.scores = self.find("scores", given.scores.as_deref());
                if contract.task == Task::Keypoints {
                    found.keypoints = self.find("keypoints", given.keypoints.as_deref());
                }
            }
        }
        found
    }

    /// The output with the given name; without one, that with the role's name or the only one.
    fn find(&mut self, role: &str, given: Option<&str>) -> Option<String> {
        let wanted = given.unwrap_or(role);
        let by_name = self.outputs.iter().find(|info| info.name == wanted);
        let found = match (by_name, given, self.outputs) {
            (Some(info), _, _) | (None, None, [info]) => Some(info),
            _ => None,
        };
        match found {
            Some(info) => {
                if info.dtype.is_none() {
                    let message = format!("output \"{}\" is not of a numeric type", info.name);
                    self.faults
                        .push(Fault::new(format!("output.tensors.{role}"), message));
                }
                Some(info.name.clone())
            }
            None => {
                let has = names(self.outputs);
                let message = match given {
                    Some(name) => format!("is \"{name}\", the graph's outputs are {has}"),
                    None => format!("must be named, the graph's outputs are {has}"),
                };
                self.faults
                    .push(Fault::new(format!("output.tensors.{role}"), message));
                None
            }
        }
    }

    /// Checks the ranks and last axes, and tells the number of classes where the graph states it.
    fn check_shapes(&mut self, contract: &Contract, names: &OutputTensors) -> Option<u64> {
        self.last_axis("detections", names.detections.as_deref(), &[6]);
        self.last_axis("boxes", names.boxes.as_deref(), &[4]);
        let points = contract.output.keypoint_names.len() as u64;
        let numbers: Vec<u64> = if points == 0 {
            Vec::new()
        } else {
            vec![2, 3, 2 * points, 3 * points]
        };
        self.last_axis("keypoints", names.keypoints.as_deref(), &numbers);
        let scores = self
            .outputs
            .iter()
            .find(|info| Some(&info.name) == names.scores.as_ref())?;
        let classes = match contract.output.decoder {
            Decoder::Softmax | Decoder::Sigmoid | Decoder::Logits => scores.shape.get(1)?,
            Decoder::ScoredBoxes => scores.shape.get(2).unwrap_or(&Some(1)),
            Decoder::EndToEnd => &None,
        };
        *classes
    }

    fn last_axis(&mut self, role: &str, name: Option<&str>, allowed: &[u64]) {
        let Some(info) = self
            .outputs
            .iter()
            .find(|info| Some(info.name.as_str()) == name)
        else {
            return;
        };
        let last = info.shape.last().copied().flatten();
        if let Some(last) = last
            && !allowed.is_empty()
            && !allowed.contains(&last)
        {
            let wants = allowed
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(" or ");
            let message = format!(
                "\"{}\" is {}, its last axis must be {wants}",
                info.name,
                info.shape_text()
            );
            self.faults
                .push(Fault::new(format!("output.tensors.{role}"), message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::DType;

    /// What is said of a graph with this first axis, under a contract with this batch and side.
    fn faults(first_axis: Option<u64>, max_batch_size: u32, side: u32) -> String {
        let text = format!(
            "task = \"classification\"\n\
             [input]\nheight = {side}\nwidth = {side}\n\
             [output]\ndecoder = \"softmax\"\n\
             [batching]\nmax_batch_size = {max_batch_size}\n"
        );
        let tensor = |name: &str, shape: Vec<Option<u64>>| TensorInfo {
            name: name.to_owned(),
            dtype: Some(DType::Float32),
            shape,
        };
        let side = Some(u64::from(side));
        let signature = Signature {
            inputs: vec![tensor("images", vec![first_axis, Some(3), side, side])],
            outputs: vec![tensor("logits", vec![first_axis, Some(1000)])],
        };
        let contract = Contract::parse(&text).expect("a sound contract");
        match contract.bind(&signature) {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    #[test]
    fn a_batch_is_of_a_size_that_can_be_had() {
        assert_eq!(faults(None, 128, 640), "");
        assert_eq!(faults(Some(16), 8, 224), "");
        let check = |said: &str, expected: &str| {
            assert!(said.contains("batching.max_batch_size"), "{said}");
            assert!(said.contains(expected), "{said}");
        };
        check(&faults(None, 1024, 8192), "at most 4294967296");
        check(&faults(Some(1 << 40), 8, 224), "at most 1024");
    }
}
