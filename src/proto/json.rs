//! Messages as JSON, by their descriptors, with the names that `proto/` gives their fields.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Value, value::Serializer};

use super::DESCRIPTORS;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// How numbers of 64 bits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    /// As text, as the mapping of Protocol Buffers has it.
    Text,
    /// As numbers.
    Number,
}

/// A message as JSON, with all its fields. `None` where `proto/` has no message of that name.
#[must_use]
pub fn json(message: &impl Message, name: &str, wide: Wide) -> Option<Value> {
    let descriptor = POOL.as_ref()?.get_message_by_name(name)?;
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor, bytes.as_slice()).ok()?;
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .skip_default_fields(false)
        .stringify_64_bit_integers(wide == Wide::Text);
    dynamic.serialize_with_options(Serializer, &options).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::proto::generated::{inference::StatisticDuration, ocellus::Label};

    #[test]
    fn fields_keep_their_names_and_numbers_their_kind() {
        let total = StatisticDuration { count: 1, ns: 2 };
        let written = super::json(&total, "inference.StatisticDuration", Wide::Number);
        assert_eq!(written, Some(json!({ "count": 1, "ns": 2 })));
        let label = Label {
            target: 3,
            ..Label::default()
        };
        let written = super::json(&label, "ocellus.v1.Label", Wide::Text);
        assert_eq!(written, Some(json!({ "label": "", "target": "3" })));
    }
}
