//! JSON documents of callers: objects, and words for what is wrong with one that repeat no picture.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Longest piece of what a caller sent that is repeated, in letters.
const REPEATED: usize = 64;

/// Reads a document that is an object.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, String> {
    let read = serde_json::from_slice::<Object<T>>(json);
    read.map(|Object(value)| value)
        .map_err(|error| discreet(&error.to_string()))
}

/// A value that is an object in JSON: its fields by name, never a list of them in their order.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectOf(PhantomData))
    }
}

struct ObjectOf<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOf<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// An error's words without the texts that were sent in place of something else, which may be
/// pictures, and with what else is long cut.
fn discreet(words: &str) -> String {
    const SENT: &str = ": string \"";
    const WANTED: &str = "\", expected ";
    let sent = words.find(SENT).zip(words.rfind(WANTED));
    let parted = sent.and_then(|(sent, wanted)| {
        let before = words.get(..sent)?;
        let after = words.get(wanted + WANTED.len()..)?;
        (sent + SENT.len() <= wanted).then(|| format!("{before}: a string, expected {after}"))
    });
    let words = parted.unwrap_or_else(|| words.to_owned());
    let cut = |piece: &str| match piece.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", piece.get(..end).unwrap_or_default()),
        None => piece.to_owned(),
    };
    words.split(' ').map(cut).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Body {
        images: Option<Vec<Object<Inner>>>,
        count: Option<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Inner {
        b64: Option<String>,
    }

    #[test]
    fn what_is_no_object_says_why() {
        let check = |json: &str, words: &str| {
            let error = read::<Body>(json.as_bytes()).expect_err(json);
            assert!(error.contains(words), "{json}: {error}");
        };
        check("[[], 1]", "invalid type: sequence, expected an object");
        check("null", "invalid type: null, expected an object");
        check("{\"images\": [[\"aGk=\"]]}", "expected an object at line 1");
        check("{\"count\": 300}", "integer `300`, expected u8");
        check("{\"b64\": 1}", "unknown field `b64`, expected");
        check("{", "EOF");
        read::<Body>(b" {\"images\": [{\"b64\": \"\"}, {}]}").expect("an object");
    }

    #[test]
    fn pictures_are_not_repeated() {
        let check = |json: &str, words: &str| {
            let error = read::<Body>(json.as_bytes()).expect_err(json);
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        };
        let string = "a string, expected";
        for sent in ["c2VjcmV0", "c2VjcmV0 c2VjcmV0", "\\\", expected c2VjcmV0"] {
            check(&format!("\"{sent}\""), string);
            check(&format!("{{\"images\": \"{sent}\"}}"), string);
            check(&format!("{{\"images\": [\"{sent}\"]}}"), string);
            check(&format!("{{\"count\": \"{sent}\"}}"), string);
        }
        let behind = format!("{}c2VjcmV0", "é".repeat(REPEATED));
        check(&format!("{{\"{behind}\": 1}}"), "unknown field `é");
    }
}
