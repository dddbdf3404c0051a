//! What a request would take in memory, reckoned by its tags before it is read: two bytes of a message
//! can become hundreds, an empty message in a list, say.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use super::DESCRIPTORS;

/// What a message in a message takes, in bytes: the largest of this API, twice, as lists and maps
/// grow by doubling.
const MESSAGE: usize = 2 * 320;

/// What a text, or bytes, take beside themselves, likewise.
const TEXT: usize = 64;

/// Most messages within each other, as prost has it.
const DEEPEST: usize = 100;

/// Why bytes are not weighed to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMessage {
    /// They are no message.
    #[error("the message is not one of protocol buffers")]
    Malformed,
    /// Nothing in this API has groups.
    #[error("the message has a group, which nothing in this API is")]
    Group,
}

/// What a message consists of.
#[derive(Clone, Debug)]
pub struct Shape(Arc<Fields>);

/// The fields of a message whose values vary in size, by number.
type Fields = HashMap<u32, Value>;

/// What a field holds.
#[derive(Clone, Debug)]
enum Value {
    Message(String),
    /// Copied out of the message.
    Text,
    /// Left in it.
    Bytes,
    /// A list of numbers: the least bytes that one is sent in, and what one takes.
    Numbers {
        sent: usize,
        takes: usize,
    },
}

static MESSAGES: LazyLock<HashMap<String, Shape>> = LazyLock::new(|| {
    let mut shapes = HashMap::new();
    for file in &described().file {
        for message in &file.message_type {
            describe(file.package(), message, &mut shapes);
        }
    }
    shapes
});

/// The requests of methods, by the methods' paths.
static REQUESTS: LazyLock<HashMap<String, Shape>> = LazyLock::new(|| {
    let mut requests = HashMap::new();
    for file in &described().file {
        for service in &file.service {
            for method in &service.method {
                let (service, name) = (service.name(), method.name());
                let path = format!("/{}.{service}/{name}", file.package());
                let request = MESSAGES.get(method.input_type().trim_start_matches('.'));
                requests.extend(request.map(|request| (path, request.clone())));
            }
        }
    }
    requests
});

fn described() -> FileDescriptorSet {
    FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default()
}

fn describe(within: &str, message: &DescriptorProto, shapes: &mut HashMap<String, Shape>) {
    let name = format!("{within}.{}", message.name());
    let mut fields = Fields::new();
    for field in &message.field {
        let numbers = |sent, takes| Value::Numbers { sent, takes };
        let value = match field.r#type() {
            Type::Message | Type::Group => {
                let name = field.type_name().trim_start_matches('.');
                Value::Message(name.to_owned())
            }
            Type::String => Value::Text,
            Type::Bytes => Value::Bytes,
            _ if field.label() != Label::Repeated => continue,
            Type::Float | Type::Fixed32 | Type::Sfixed32 => numbers(4, 4),
            Type::Double | Type::Fixed64 | Type::Sfixed64 => numbers(8, 8),
            Type::Bool => numbers(1, 1),
            Type::Int32 | Type::Uint32 | Type::Sint32 | Type::Enum => numbers(1, 4),
            Type::Int64 | Type::Uint64 | Type::Sint64 => numbers(1, 8),
        };
        fields.insert(field.number().unsigned_abs(), value);
    }
    for nested in &message.nested_type {
        describe(&name, nested, shapes);
    }
    shapes.insert(name, Shape(Arc::new(fields)));
}

impl Shape {
    /// The request of a method, by its path; `None` where it is none of this API.
    #[must_use]
    pub fn of_method(path: &str) -> Option<Self> {
        REQUESTS.get(path).cloned()
    }

    /// What a message of these pieces would take beside its bytes, at the most.
    ///
    /// # Errors
    /// When it is none, so that how it would be read is anybody's guess.
    pub fn weigh<'a>(
        &self,
        pieces: impl IntoIterator<Item = &'a Bytes, IntoIter: Clone>,
    ) -> Result<usize, NoMessage> {
        let pieces = pieces.into_iter();
        let left = pieces.clone().map(Bytes::len).sum();
        let mut cursor = Cursor {
            piece: &[],
            pieces,
            left,
        };
        let mut weight = 0;
        weigh(&self.0, &mut cursor, 0, (&mut weight, 0))?;
        Ok(weight)
    }
}

/// Weighs a message that ends where so many bytes are left.
fn weigh<'a>(
    fields: &Fields,
    cursor: &mut Cursor<'a, impl Iterator<Item = &'a Bytes>>,
    end: usize,
    (weight, depth): (&mut usize, usize),
) -> Result<(), NoMessage> {
    while end < cursor.left {
        let tag = cursor.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| NoMessage::Malformed)?;
        let known = fields.get(&number);
        let length = match tag & 7 {
            0 => cursor.varint().map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(cursor.varint()?).map_err(|_| NoMessage::Malformed)?,
            3 | 4 => return Err(NoMessage::Group),
            5 => 4,
            _ => return Err(NoMessage::Malformed),
        };
        let after = cursor.left.checked_sub(length);
        let after = after.filter(|after| end <= *after);
        let after = after.ok_or(NoMessage::Malformed)?;
        let takes = match known {
            Some(Value::Message(_)) => MESSAGE,
            Some(Value::Text) => length.saturating_add(TEXT),
            Some(Value::Bytes) => TEXT,
            Some(Value::Numbers { sent, takes }) => {
                let count = if tag & 7 == 2 { length / sent } else { 1 };
                count.saturating_mul(2 * takes)
            }
            None => 0,
        };
        *weight = weight.saturating_add(takes);
        if let Some(Value::Message(name)) = known
            && tag & 7 == 2
            && let Some(inner) = MESSAGES.get(name)
            && depth < DEEPEST
        {
            weigh(&inner.0, cursor, after, (weight, depth + 1))?;
        }
        cursor.skip_to(after);
    }
    if cursor.left < end {
        return Err(NoMessage::Malformed);
    }
    Ok(())
}

/// A place in a message.
struct Cursor<'a, I> {
    piece: &'a [u8],
    pieces: I,
    /// Bytes from here to the end of all.
    left: usize,
}

impl<'a, I: Iterator<Item = &'a Bytes>> Cursor<'a, I> {
    fn byte(&mut self) -> Result<u8, NoMessage> {
        loop {
            if let Some((first, rest)) = self.piece.split_first() {
                (self.piece, self.left) = (rest, self.left - 1);
                return Ok(*first);
            }
            self.piece = self.pieces.next().ok_or(NoMessage::Malformed)?;
        }
    }

    fn varint(&mut self) -> Result<u64, NoMessage> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(NoMessage::Malformed)
    }

    /// Goes on to where so many bytes are left.
    fn skip_to(&mut self, left: usize) {
        while left < self.left {
            let skipped = (self.left - left).min(self.piece.len());
            self.piece = self.piece.get(skipped..).unwrap_or_default();
            self.left -= skipped;
            if self.piece.is_empty() {
                let Some(next) = self.pieces.next() else {
                    return;
                };
                self.piece = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Name;

    use super::*;
    use crate::proto::generated::{
        inference::{
            InferParameter, ModelInferRequest,
            model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
        },
        tensorflow::{
            Example, Feature, TensorProto,
            serving::{ClassificationRequest, PredictRequest},
        },
    };

    /// What a message takes beside its bytes, which is the same in pieces of any size.
    fn weight<M: prost::Message + Name>(message: &M) -> usize {
        let bytes = Bytes::from(message.encode_to_vec());
        let shape = MESSAGES.get(&M::full_name()).expect("is described");
        let whole = shape.weigh([&bytes]).expect("is a message");
        let pieces: Vec<Bytes> = bytes.chunks(3).map(Bytes::copy_from_slice).collect();
        assert_eq!(shape.weigh(&pieces), Ok(whole));
        whole
    }

    fn predict(tensor: TensorProto) -> PredictRequest {
        PredictRequest {
            inputs: [("x".to_owned(), tensor)].into(),
            ..PredictRequest::default()
        }
    }

    #[test]
    fn no_message_in_a_message_takes_more_than_is_reckoned() {
        let sizes = [
            size_of::<InferInputTensor>(),
            size_of::<InferRequestedOutputTensor>(),
            size_of::<(String, InferParameter)>(),
            size_of::<(String, TensorProto)>(),
            size_of::<(String, Feature)>(),
            size_of::<Example>(),
        ];
        assert!(sizes.iter().all(|size| 2 * size <= MESSAGE), "{sizes:?}");
    }

    #[test]
    fn what_is_sent_weighs_what_it_becomes() {
        let pictures = ModelInferRequest {
            raw_input_contents: vec![Bytes::from(vec![0; 100_000])],
            ..ModelInferRequest::default()
        };
        assert_eq!(weight(&pictures), TEXT);
        let empty = ModelInferRequest {
            inputs: vec![InferInputTensor::default(); 10_000],
            ..ModelInferRequest::default()
        };
        assert_eq!(weight(&empty), 10_000 * MESSAGE);
        let texts = TensorProto {
            string_val: vec![Bytes::new(); 10_000],
            ..TensorProto::default()
        };
        let in_map = 2 * MESSAGE + TEXT + 1;
        assert_eq!(weight(&predict(texts)), in_map + 10_000 * TEXT);
        let floats = TensorProto {
            float_val: vec![0.5; 1000],
            ..TensorProto::default()
        };
        assert_eq!(weight(&predict(floats)), in_map + 8000);
        let small = TensorProto {
            int64_val: vec![1; 1000],
            ..TensorProto::default()
        };
        assert_eq!(weight(&predict(small)), in_map + 16_000);
    }

    #[test]
    fn requests_are_found_by_their_methods() {
        let path = "/tensorflow.serving.PredictionService/Classify";
        let shape = Shape::of_method(path).expect("is described");
        let name = ClassificationRequest::full_name();
        let own = MESSAGES.get(&name).expect("is described");
        assert!(Arc::ptr_eq(&shape.0, &own.0));
        assert!(Shape::of_method("/grpc.health.v1.Health/Check").is_none());
    }

    #[test]
    fn what_is_no_message_is_none_at_any_depth() {
        let shape = MESSAGES.get("inference.ModelInferRequest");
        let shape = shape.expect("is described");
        let weigh = |bytes: &'static [u8]| shape.weigh([&Bytes::from_static(bytes)]);
        assert_eq!(weigh(&[]), Ok(0));
        for bytes in [
            &[0xff; 12][..],
            &[0x2a, 0xff],
            &[0x2a],
            &[0x2a, 2, 0x2a],
            &[0x07],
        ] {
            assert_eq!(weigh(bytes), Err(NoMessage::Malformed), "{bytes:?}");
        }
        // An unknown field, alone and in an input: its group begins, and ends.
        for bytes in [&[0xc3, 0x3e, 0xc4, 0x3e][..], &[0x2a, 2, 0x0b, 0x0c]] {
            assert_eq!(weigh(bytes), Err(NoMessage::Group), "{bytes:?}");
        }
    }
}
