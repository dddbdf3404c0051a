//! Nested JSON lists as a flat tensor, read without a tree in between.
//!
//! `{"b64": "…"}` is bytes, wherever an element may be. `{"name": value}` names the input that the
//! value is of: once around the whole, or around each element of the outermost list.
//!
//! What a list holds beyond its limit is read, and not kept.

use std::{fmt, marker::PhantomData};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::base64::unbroken;

/// Most pictures that any request may hold, whatever `limits.images` says.
pub const MAX_PICTURES: usize = 1024;

/// So many pictures are kept that it shows when there are more than [`MAX_PICTURES`].
pub const KEPT_PICTURES: usize = MAX_PICTURES + 1;

/// Deepest nesting: a batch of pictures has four axes.
const MAX_DEPTH: usize = 8;

/// The key of bytes.
const B64: &str = "b64";

/// Nested lists, flattened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nested {
    /// The name of the input, where one was given.
    pub name: Option<String>,
    /// Lengths of the lists, outermost first.
    pub shape: Vec<usize>,
    /// The numbers, row-major. Empty where there are texts.
    pub numbers: Vec<f64>,
    /// Bytes and texts, row-major, the first [`KEPT_PICTURES`]. Empty where there are numbers.
    pub texts: Vec<Text>,
}

/// An element that is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// It was base64, and said so.
    Bytes(Bytes),
    /// It was a text.
    Plain(String),
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = Self::default();
        let level = Level {
            depth: 0,
            named: false,
            flat: &mut flat,
        };
        level.deserialize(deserializer)?;
        Ok(flat)
    }
}

/// One value at some depth of the lists.
struct Level<'a> {
    depth: usize,
    /// A name was given around it.
    named: bool,
    flat: &'a mut Nested,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level<'_> {
    /// An element may be here: every list before was as deep.
    fn element<E: Error>(&self) -> Result<(), E> {
        if self.flat.shape.len() == self.depth {
            Ok(())
        } else {
            Err(E::custom("lists are not equally deep"))
        }
    }

    fn number<E: Error>(self, number: f64) -> Result<(), E> {
        self.element()?;
        if !self.flat.texts.is_empty() {
            return Err(E::custom("numbers and texts are mixed"));
        }
        self.flat.numbers.push(number);
        Ok(())
    }

    /// A text is here. Whether it is to be kept.
    fn text<E: Error>(&self) -> Result<bool, E> {
        self.element()?;
        if !self.flat.numbers.is_empty() {
            return Err(E::custom("numbers and texts are mixed"));
        }
        Ok(self.flat.texts.len() < KEPT_PICTURES)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, {\"b64\": \"…\"}, or lists of them")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.number(f64::from(u8::from(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels are far below 2^53")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels are far below 2^53")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.text()? {
            self.flat.texts.push(Text::Plain(value.to_owned()));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.depth == MAX_DEPTH {
            return Err(A::Error::custom(format!(
                "lists are nested deeper than {MAX_DEPTH}"
            )));
        }
        let first = self.flat.shape.len() == self.depth;
        if first && (!self.flat.numbers.is_empty() || !self.flat.texts.is_empty()) {
            return Err(A::Error::custom("lists are not equally deep"));
        }
        if first {
            self.flat.shape.push(0);
        }
        let mut length = 0;
        loop {
            let level = Level {
                depth: self.depth + 1,
                named: self.named,
                flat: &mut *self.flat,
            };
            if list.next_element_seed(level)?.is_none() {
                break;
            }
            length += 1;
        }
        match self.flat.shape.get_mut(self.depth) {
            Some(axis) if first => *axis = length,
            Some(axis) if *axis == length => (),
            _ => return Err(A::Error::custom("lists of one depth differ in length")),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom("an object is empty"));
        };
        if key == B64 {
            if self.text()? {
                let bytes = map.next_value_seed(Base64)?;
                self.flat.texts.push(Text::Bytes(bytes));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        } else {
            if self.named || 1 < self.depth {
                return Err(A::Error::custom(format!(
                    "\"{key}\" is within another input"
                )));
            }
            let name = self.flat.name.get_or_insert_with(|| key.clone());
            if *name != key {
                let words = format!("\"{name}\" and \"{key}\": a model takes one input");
                return Err(A::Error::custom(words));
            }
            map.next_value_seed(Level {
                depth: self.depth,
                named: true,
                flat: self.flat,
            })?;
        }
        match map.next_key::<String>()? {
            None => Ok(()),
            Some(more) => Err(A::Error::custom(format!("\"{more}\" is one key too many"))),
        }
    }
}

/// Bytes in base64, decoded where they are.
struct Base64;

impl<'de> DeserializeSeed<'de> for Base64 {
    type Value = Bytes;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Base64 {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        let bytes = STANDARD
            .decode(&*unbroken(text))
            .map_err(|error| E::custom(format!("\"b64\" is not base64: {error}")))?;
        Ok(bytes.into())
    }
}

/// The first so many elements of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct First<T, const KEPT: usize>(pub Vec<T>);

impl<T, const KEPT: usize> Default for First<T, KEPT> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const KEPT: usize> Deserialize<'de> for First<T, KEPT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstOf(PhantomData))
    }
}

struct FirstOf<T, const KEPT: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const KEPT: usize> Visitor<'de> for FirstOf<T, KEPT> {
    type Value = First<T, KEPT>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < KEPT {
            match list.next_element()? {
                Some(element) => kept.push(element),
                None => return Ok(First(kept)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Nested, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn numbers(name: Option<&str>, shape: &[usize], numbers: &[f64]) -> Nested {
        Nested {
            name: name.map(str::to_owned),
            shape: shape.to_vec(),
            numbers: numbers.to_vec(),
            texts: Vec::new(),
        }
    }

    #[test]
    fn lists_become_flat() {
        let check = |json: &str, expected: Nested| assert_eq!(read(json), Ok(expected), "{json}");
        check(
            "[[1, 2.5], [3, -4]]",
            numbers(None, &[2, 2], &[1.0, 2.5, 3.0, -4.0]),
        );
        check("7", numbers(None, &[], &[7.0]));
        check("[]", numbers(None, &[0], &[]));
        check(
            r#"{"x": [[1], [2]]}"#,
            numbers(Some("x"), &[2, 1], &[1.0, 2.0]),
        );
        check(
            r#"[{"x": [1]}, {"x": [2]}]"#,
            numbers(Some("x"), &[2, 1], &[1.0, 2.0]),
        );
    }

    #[test]
    fn bytes_are_elements() {
        let of = |name: Option<&str>, texts: Vec<Text>| Nested {
            name: name.map(str::to_owned),
            shape: vec![texts.len()],
            numbers: Vec::new(),
            texts,
        };
        assert_eq!(
            read(r#"[{"b64": "aG\nk="}]"#),
            Ok(of(None, vec![Text::Bytes(Bytes::from_static(b"hi"))]))
        );
        let hi = || Text::Bytes(Bytes::from_static(b"hi"));
        assert_eq!(
            read(r#"[{"b64": "aGk="}, {"b64": "aGk="}]"#),
            Ok(of(None, vec![hi(), hi()]))
        );
        assert_eq!(
            read(r#"[{"image": {"b64": "aGk="}}]"#),
            Ok(of(Some("image"), vec![hi()]))
        );
        assert_eq!(
            read(r#"["hi"]"#),
            Ok(of(None, vec![Text::Plain("hi".to_owned())]))
        );
    }

    #[test]
    fn texts_beyond_the_limit_are_read_and_not_kept() {
        let check = |element: &str, wrong: &str| {
            let list = |last: &str| format!("[{}{last}]", format!("{element},").repeat(2000));
            let nested = read(&list(element)).expect("a list");
            assert_eq!(nested.shape, vec![2001], "{element}");
            assert_eq!(nested.texts.len(), KEPT_PICTURES, "{element}");
            read(&list(wrong)).expect_err(wrong);
        };
        check("\"\"", "1");
        check("\"\"", "[]");
        check("{\"b64\": \"aGk=\"}", "{}");
        check("{\"x\": {\"b64\": \"aGk=\"}}", "{\"y\": \"\"}");
    }

    #[test]
    fn the_first_of_a_list_are_kept() {
        let read = |json: &str| serde_json::from_str::<First<u8, 2>>(json).ok();
        let check = |json: &str, expected: Option<Vec<u8>>| {
            assert_eq!(read(json), expected.map(First), "{json}");
        };
        check("[]", Some(vec![]));
        check("[1]", Some(vec![1]));
        check("[1, 2, 3, []]", Some(vec![1, 2]));
        check("[1, 2, 3", None);
        check("1", None);
    }

    #[test]
    fn what_is_no_tensor_says_why() {
        let check = |json: &str, words: &str| {
            let error = read(json).expect_err(json);
            assert!(error.contains(words), "{json}: {error}");
        };
        check("[[1], [2, 3]]", "differ in length");
        check("[1, [2]]", "equally deep");
        check("[[1], 2]", "equally deep");
        check(r#"[1, "a"]"#, "mixed");
        check("null", "expected a number");
        check(r#"{"x": [1], "y": [2]}"#, "one key too many");
        check(r#"[{"x": 1}, {"y": 2}]"#, "a model takes one input");
        check(r#"{"x": {"y": 1}}"#, "within another");
        check(r#"[{"b64": "%"}]"#, "not base64");
        check(r#"[{"b64": "aGk=", "x": 1}]"#, "one key too many");
        check("[[[[[[[[[1]]]]]]]]]", "deeper than 8");
    }
}
