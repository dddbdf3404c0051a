//! Parameters in JSON: few, and scalars.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::protocols::open_inference::parameters::{Parameter, Parameters};

/// Most parameters in one place.
const MAX_PARAMETERS: usize = 64;

/// Values by name, not many.
#[derive(Debug)]
pub(super) struct Few<V>(BTreeMap<String, V>);

/// A parameter's value, where it is one.
#[derive(Debug, PartialEq)]
pub(super) struct Scalar(Option<Parameter>);

impl<V> Few<V> {
    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

impl Few<Scalar> {
    /// Those that are parameters.
    pub(super) fn parameters(self) -> Parameters {
        let known = self.0.into_iter();
        let known = known.filter_map(|(name, Scalar(value))| Some((name, value?)));
        known.collect()
    }
}

impl<V> Default for Few<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Few<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FewOf(PhantomData))
    }
}

struct FewOf<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for FewOf<V> {
    type Value = Few<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Few<V>, A::Error> {
        let mut few = BTreeMap::<String, V>::new();
        while let Some((name, value)) = map.next_entry()? {
            few.insert(name, value);
            if MAX_PARAMETERS < few.len() {
                let words = format!("there are more than {MAX_PARAMETERS} parameters in one place");
                return Err(A::Error::custom(words));
            }
        }
        Ok(Few(few))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Option<Parameter>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(Parameter::Bool(flag)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Parameter::Int(number)))
    }

    #[expect(clippy::cast_precision_loss, reason = "it is as near as any double")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let double = |_| Parameter::Double(number as f64);
        Ok(Some(
            i64::try_from(number).map_or_else(double, Parameter::Int),
        ))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Parameter::Double(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Parameter::Text(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_parameters() {
        let check = |json: &str, expected: Option<Parameter>| {
            let few = serde_json::from_str::<Few<Scalar>>(&format!("{{\"a\": {json}}}"));
            let parameters = few.expect("a map").parameters();
            assert_eq!(parameters.get("a"), expected.as_ref(), "{json}");
        };
        check("true", Some(Parameter::Bool(true)));
        check("1", Some(Parameter::Int(1)));
        check("-1", Some(Parameter::Int(-1)));
        check("1.5", Some(Parameter::Double(1.5)));
        let large = Parameter::Double(2_f64.powi(64));
        check("18446744073709551615", Some(large));
        check("\"x\"", Some(Parameter::Text("x".to_owned())));
        for none in ["null", "[]", "[1, [2]]", "{}", "{\"b\": {\"c\": 1}}"] {
            check(none, None);
        }
        check("1, \"a\": []", None);
    }

    #[test]
    fn they_are_few() {
        let read = |count: usize| {
            let each = (0..count).map(|index| format!("\"{index}\": {{}}"));
            let json = format!("{{{}}}", each.collect::<Vec<_>>().join(","));
            serde_json::from_str::<Few<IgnoredAny>>(&json)
        };
        let few = read(MAX_PARAMETERS).expect("few");
        assert_eq!(few.names().count(), MAX_PARAMETERS);
        let error = read(MAX_PARAMETERS + 1).expect_err("many");
        assert!(error.to_string().contains("more than 64"), "{error}");
    }
}
