//! The body of `:classify`.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{
    proto::generated::tensorflow::{
        BytesList, Example, Feature, Features,
        feature::Kind,
        serving::{ExampleListWithContext, Input, input},
    },
    protocols::{
        document,
        nested::{First, KEPT_PICTURES, Nested, Text},
        tensorflow::fault::Fault,
    },
};

/// Most features of bytes that an example may have. One is a picture.
const MAX_FEATURES: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClassifyBody {
    signature_name: String,
    context: Option<ExampleBody>,
    examples: Option<First<ExampleBody, KEPT_PICTURES>>,
}

/// The signature and the examples of the body of `:classify`.
///
/// # Errors
/// When it is not as it must be.
pub(super) fn classify(body: &[u8]) -> Result<(String, Input), Fault> {
    let body: ClassifyBody = document::read(body)
        .map_err(|words| Fault::invalid(format!("JSON Parse error: {words}")))?;
    let missing = || Fault::invalid("When method is classify, key 'examples' is expected");
    let First(examples) = body.examples.ok_or_else(missing)?;
    let list = ExampleListWithContext {
        examples: examples.into_iter().map(|example| example.0).collect(),
        context: body.context.map(|context| context.0),
    };
    let input = Input {
        kind: Some(input::Kind::ExampleListWithContext(list)),
    };
    Ok((body.signature_name, input))
}

/// An example of the features that are bytes; numbers say nothing of a picture.
#[derive(Debug)]
struct ExampleBody(Example);

impl<'de> Deserialize<'de> for ExampleBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let feature = deserializer.deserialize_map(FeaturesOfBytes)?;
        Ok(Self(Example {
            features: Some(Features { feature }),
        }))
    }
}

struct FeaturesOfBytes;

impl<'de> Visitor<'de> for FeaturesOfBytes {
    type Value = HashMap<String, Feature>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut features = Self::Value::new();
        while let Some(name) = map.next_key::<String>()? {
            let nested = map
                .next_value::<Nested>()
                .map_err(|error| A::Error::custom(format!("feature \"{name}\": {error}")))?;
            let bytes = nested.texts.into_iter().filter_map(|text| match text {
                Text::Bytes(bytes) => Some(bytes),
                Text::Plain(_) => None,
            });
            let value: Vec<_> = bytes.collect();
            if value.is_empty() {
                features.remove(&name);
                continue;
            }
            let kind = Some(Kind::BytesList(BytesList { value }));
            features.insert(name, Feature { kind });
            if MAX_FEATURES < features.len() {
                let words = format!("an example has more than {MAX_FEATURES} features of bytes");
                return Err(A::Error::custom(words));
            }
        }
        Ok(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(body: &str) -> Result<ExampleListWithContext, String> {
        let (_, input) = classify(body.as_bytes()).map_err(|fault| fault.message)?;
        match input.kind {
            Some(input::Kind::ExampleListWithContext(list)) => Ok(list),
            Some(input::Kind::ExampleList(_)) | None => Err("no list".to_owned()),
        }
    }

    #[test]
    fn of_examples_the_bytes_are_kept() {
        let list = examples(r#"{"examples": [{"image": {"b64": "aGk="}, "a": [1, 1], "b": "x"}]}"#);
        let list = list.expect("examples");
        let features = list.examples.first().and_then(|it| it.features.as_ref());
        let features = &features.expect("features").feature;
        assert_eq!(features.keys().collect::<Vec<_>>(), ["image"]);
        let many = format!("{{\"examples\": [{}{{}}]}}", "{},".repeat(5000));
        let many = examples(&many).expect("examples");
        assert_eq!(many.examples.len(), KEPT_PICTURES);
    }

    #[test]
    fn an_example_that_is_none_says_why() {
        let check = |example: &str, words: &str| {
            let body = format!("{{\"examples\": [{example}]}}");
            let message = examples(&body).expect_err(example);
            assert!(message.contains(words), "{message}");
        };
        check("1", "expected a map");
        check(r#"{"a": null}"#, "feature \"a\"");
        check(r#"{"a": {"b64": "%"}}"#, "not base64");
        let features = (0..=MAX_FEATURES).map(|index| format!("\"{index}\": {{\"b64\": \"\"}}"));
        let features = features.collect::<Vec<_>>().join(",");
        check(&format!("{{{features}}}"), "more than 64 features");
    }
}
