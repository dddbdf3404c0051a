//! Messages, looked at before they are read. Two bytes of a message can become hundreds in memory: an
//! empty message in a list, say. So what a request would take is reckoned first, by its tags alone.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use bytes::Buf as _;
use prost::{Message, Name};
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use tonic::{
    Code, Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::ProstCodec;

use super::DESCRIPTORS;

/// What a message in a message is reckoned to take, in bytes: those of this API, and what maps keep
/// of them.
const MESSAGE: usize = 256;

/// What a text takes beside its bytes.
const TEXT: usize = 64;

/// What a number takes.
const NUMBER: usize = 8;

/// How many times its bytes a request may take, and how much beside.
const ALLOWED: (usize, usize) = (8, 256 << 10);

/// Most messages within each other, as prost has it.
const DEEPEST: usize = 100;

/// prost's codec, for messages that may come from anybody.
#[derive(Clone, Debug)]
pub struct GuardedCodec<T, U>(ProstCodec<T, U>);

impl<T, U> Default for GuardedCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for GuardedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = GuardedDecoder<<ProstCodec<T, U> as Codec>::Decoder>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        // Answers come from a core, which is one's own.
        let fields = U::NAME.ends_with("Request").then(|| U::full_name());
        GuardedDecoder {
            inner: self.0.decoder(),
            fields: fields.and_then(|name| SHAPES.get(&name).cloned()),
        }
    }
}

/// See [`GuardedCodec`].
#[derive(Debug)]
pub struct GuardedDecoder<D> {
    inner: D,
    /// Those of a request.
    fields: Option<Arc<Fields>>,
}

impl<D: Decoder<Error = Status>> Decoder for GuardedDecoder<D> {
    type Item = D::Item;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D::Item>, Status> {
        let Some(fields) = &self.fields else {
            return self.inner.decode(buffer);
        };
        let (times, more) = ALLOWED;
        let mut left = buffer
            .remaining()
            .saturating_mul(times)
            .saturating_add(more);
        if weigh(fields, buffer.chunk(), &mut left, 0) == Weight::TooMuch {
            let words = "the message has far more parts than its bytes are worth";
            return Err(Status::invalid_argument(words));
        }
        // prost's word for what is no such message is one for a fault of the server's.
        self.inner.decode(buffer).map_err(|status| {
            if status.code() == Code::Internal {
                return Status::invalid_argument(status.message());
            }
            status
        })
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.inner.buffer_settings()
    }
}

/// The fields of a message whose values have lengths, by number.
type Fields = HashMap<u32, Value>;

/// What a field holds.
#[derive(Debug)]
enum Value {
    Message(String),
    Text,
    Numbers,
}

/// Messages by name.
static SHAPES: LazyLock<HashMap<String, Arc<Fields>>> = LazyLock::new(|| {
    let described = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let mut shapes = HashMap::new();
    for file in &described.file {
        for message in &file.message_type {
            describe(file.package(), message, &mut shapes);
        }
    }
    shapes
});

fn describe(within: &str, message: &DescriptorProto, shapes: &mut HashMap<String, Arc<Fields>>) {
    let name = format!("{within}.{}", message.name());
    let mut fields = Fields::new();
    for field in &message.field {
        let r#type = field.r#type();
        let value = if r#type == Type::Message {
            let name = field.type_name().trim_start_matches('.');
            Value::Message(name.to_owned())
        } else if matches!(r#type, Type::String | Type::Bytes) {
            Value::Text
        } else if field.label() == Label::Repeated {
            Value::Numbers
        } else {
            continue;
        };
        fields.insert(field.number().unsigned_abs(), value);
    }
    for nested in &message.nested_type {
        describe(&name, nested, shapes);
    }
    shapes.insert(name, Arc::new(fields));
}

/// What comes of weighing a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It may be read; whether it is well-formed is seen then.
    Allowed,
    TooMuch,
}

/// Takes what a message is reckoned to take from what is left.
fn weigh(fields: &Fields, mut bytes: &[u8], left: &mut usize, depth: usize) -> Weight {
    while let Some(tag) = varint(&mut bytes) {
        let known = u32::try_from(tag >> 3)
            .ok()
            .and_then(|number| fields.get(&number));
        let length = match tag & 7 {
            0 => varint(&mut bytes).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut bytes).and_then(|length| usize::try_from(length).ok()),
            5 => Some(4),
            _ => None,
        };
        let Some((value, rest)) = length.and_then(|length| bytes.split_at_checked(length)) else {
            return Weight::Allowed;
        };
        bytes = rest;
        let takes = match known {
            Some(Value::Message(_)) => MESSAGE,
            Some(Value::Text) => TEXT,
            Some(Value::Numbers) if tag & 7 == 2 => value.len().saturating_mul(NUMBER),
            Some(Value::Numbers) => NUMBER,
            None => 0,
        };
        let Some(less) = left.checked_sub(takes) else {
            return Weight::TooMuch;
        };
        *left = less;
        if let Some(Value::Message(name)) = known
            && let Some(inner) = SHAPES.get(name)
            && depth < DEEPEST
            && weigh(inner, value, left, depth + 1) == Weight::TooMuch
        {
            return Weight::TooMuch;
        }
    }
    Weight::Allowed
}

/// The next number; `None` at the end, or where there is none.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::proto::generated::{
        inference::{ModelInferRequest, model_infer_request::InferInputTensor},
        tensorflow::{TensorProto, serving::PredictRequest},
    };

    fn weight<M: Message + Name>(message: &M) -> Weight {
        let bytes = message.encode_to_vec();
        let mut left = bytes.len() * ALLOWED.0 + ALLOWED.1;
        let fields = SHAPES.get(&M::full_name()).expect("is described");
        weigh(fields, &bytes, &mut left, 0)
    }

    fn predict(tensor: TensorProto) -> PredictRequest {
        PredictRequest {
            inputs: [("x".to_owned(), tensor)].into(),
            ..PredictRequest::default()
        }
    }

    #[test]
    fn requests_as_they_are_sent_are_let_through() {
        let input = InferInputTensor {
            name: "image".to_owned(),
            datatype: "BYTES".to_owned(),
            shape: vec![32],
            ..InferInputTensor::default()
        };
        let pictures = ModelInferRequest {
            inputs: vec![input],
            raw_input_contents: vec![Bytes::from(vec![0; 100_000])],
            ..ModelInferRequest::default()
        };
        assert_eq!(weight(&pictures), Weight::Allowed);
        let numbers = TensorProto {
            int_val: vec![1; 3 * 224 * 224],
            ..TensorProto::default()
        };
        assert_eq!(weight(&predict(numbers)), Weight::Allowed);
    }

    #[test]
    fn many_empty_parts_are_too_much() {
        let inputs = ModelInferRequest {
            inputs: vec![InferInputTensor::default(); 10_000],
            ..ModelInferRequest::default()
        };
        assert_eq!(weight(&inputs), Weight::TooMuch);
        let texts = TensorProto {
            string_val: vec![Bytes::new(); 10_000],
            ..TensorProto::default()
        };
        assert_eq!(weight(&predict(texts)), Weight::TooMuch);
    }

    #[test]
    fn what_is_no_message_is_left_to_who_reads_it() {
        let fields = SHAPES
            .get("inference.ModelInferRequest")
            .expect("is described");
        for bytes in [&[0xff; 12][..], &[0x2a, 0xff], &[0x2a], &[0x0b], &[]] {
            assert_eq!(weigh(fields, bytes, &mut 1000, 0), Weight::Allowed);
        }
    }
}
