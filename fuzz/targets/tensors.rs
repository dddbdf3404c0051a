//! Bytes as tensors of both protocols: raw elements, lengths and texts, messages.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ocellus::{
    proto::{
        generated::{inference::ModelInferRequest, tensorflow::TensorProto},
        little_endian,
        open_inference::dtype,
    },
    protocols::{
        open_inference::{Elements, infer},
        tensorflow::tensor,
    },
};
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    little_endian::split_bytes(Bytes::copy_from_slice(bytes)).ok();
    if let Ok(proto) = TensorProto::decode(bytes) {
        tensor::input("input", proto).ok();
    }
    if let Ok(message) = ModelInferRequest::decode(bytes) {
        let mut raw = message.raw_input_contents.into_iter();
        for input in message.inputs {
            let elements = Elements::Raw(raw.next().unwrap_or_default());
            infer::input(&input.name, &input.datatype, &input.shape, elements).ok();
            if let Some(dtype) = dtype(&input.datatype) {
                let axes = input.shape.iter().map(|axis| usize::try_from(*axis));
                if let Ok(shape) = axes.collect::<Result<_, _>>() {
                    little_endian::tensor(dtype, shape, bytes).ok();
                }
            }
        }
    }
});
