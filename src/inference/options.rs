//! The options of a request: parsed once at the edge, completed by the contract's defaults.

use crate::{
    error::{ErrorCode, Problem},
    model::{
        contract::{Contract, output::Decoder},
        labels::Labels,
    },
    postprocess::selection::{Selection, find_classes},
};

/// Names of all options, as they are written in forms, queries and JSON.
pub const NAMES: [&str; 5] = ["top_k", "confidence", "iou", "max_detections", "classes"];

/// Most results of any kind in one answer.
const MAX_RESULTS: u32 = 1000;

/// Longest text that an error repeats, in letters.
const REPEATED: usize = 64;

/// The options that a request gave. Those that the model's task does not use have no effect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferOptions {
    /// How many classes to answer, best first.
    pub top_k: Option<u32>,
    /// Results below this confidence are left out.
    pub confidence: Option<f32>,
    /// Of two boxes that overlap by more than this, only the better one is answered.
    pub iou: Option<f32>,
    /// Most boxes in the answer.
    pub max_detections: Option<u32>,
    /// Only these classes, by label or number.
    pub classes: Option<Vec<String>>,
}

/// An option's value as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// Text, from a form, a query or a JSON string or number. A list is separated by commas.
    Text(String),
    /// A list, from JSON.
    List(Vec<String>),
}

impl InferOptions {
    /// Parses one option and adds it to those there are. `classes` may be given several times.
    ///
    /// # Errors
    /// When there is no such option, it was given before, or its value is not allowed.
    pub fn add(&mut self, name: &str, value: &OptionValue) -> Result<(), Problem> {
        match name {
            "top_k" => once(name, &mut self.top_k, count(name, value)?),
            "confidence" => once(name, &mut self.confidence, number(name, value)?),
            "iou" => once(name, &mut self.iou, share(name, value)?),
            "max_detections" => once(name, &mut self.max_detections, count(name, value)?),
            "classes" => {
                let items = match value {
                    OptionValue::Text(text) => text.split(',').map(str::to_owned).collect(),
                    OptionValue::List(items) => items.clone(),
                };
                let named = items.iter().map(|item| item.trim().to_owned());
                let classes = self.classes.get_or_insert_default();
                classes.extend(named.filter(|item| !item.is_empty()));
                Ok(())
            }
            _ => {
                let (known, name) = (NAMES.join(", "), &repeated(name));
                let message = format!("{name:?} is no option; known are {known}");
                Err(invalid(name, message))
            }
        }
    }

    /// The selection that these options and the contract's defaults make.
    ///
    /// # Errors
    /// When a class is not one of the model's or a value does not fit its decoder.
    pub fn resolve(&self, contract: &Contract, labels: &Labels) -> Result<Selection, Problem> {
        let mut selection = Selection::usual(contract, labels).map_err(|name| no_class(&name))?;
        if let Some(confidence) = self.confidence {
            let raw = contract.output.decoder == Decoder::Logits;
            if !raw && !(0.0..=1.0).contains(&confidence) {
                let message = format!("confidence is {confidence}, must be a number from 0 to 1");
                return Err(invalid("confidence", message));
            }
            selection.confidence = confidence;
        }
        if let Some(names) = &self.classes {
            selection.classes = find_classes(names, labels).map_err(|name| no_class(&name))?;
        }
        let count = |given: Option<u32>, usual: usize| given.map_or(usual, |count| count as usize);
        selection.top_k = count(self.top_k, selection.top_k);
        selection.max_detections = count(self.max_detections, selection.max_detections);
        selection.iou = self.iou.unwrap_or(selection.iou);
        Ok(selection)
    }
}

/// What is repeated of a text in an error: it may be a picture that was put in the wrong place.
fn repeated(text: &str) -> String {
    match text.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn no_class(name: &str) -> Problem {
    let name = repeated(name);
    let message = format!(
        "classes names {name:?}, which is no class of this model; GET /v1/models/{{model}} lists \
         its labels"
    );
    invalid("classes", message)
}

fn invalid(field: &str, detail: String) -> Problem {
    Problem::new(ErrorCode::InvalidOption, detail).in_field(field)
}

fn once<T>(name: &str, slot: &mut Option<T>, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(name, format!("{name} is given twice"))),
    }
}

fn text<'a>(name: &str, value: &'a OptionValue) -> Result<&'a str, Problem> {
    match value {
        OptionValue::Text(text) => Ok(text.trim()),
        OptionValue::List(_) => Err(invalid(
            name,
            format!("{name} is a list, must be one number"),
        )),
    }
}

fn count(name: &str, value: &OptionValue) -> Result<u32, Problem> {
    let text = text(name, value)?;
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MAX_RESULTS).contains(number));
    number.ok_or_else(|| {
        let (allowed, text) = (
            format!("a whole number from 1 to {MAX_RESULTS}"),
            repeated(text),
        );
        invalid(name, format!("{name} is {text:?}, must be {allowed}"))
    })
}

fn number(name: &str, value: &OptionValue) -> Result<f32, Problem> {
    let text = text(name, value)?;
    let number = text.parse().ok().filter(|number: &f32| number.is_finite());
    number.ok_or_else(|| {
        let text = repeated(text);
        let message = format!("{name} is {text:?}, must be a number from 0 to 1");
        invalid(name, message)
    })
}

fn share(name: &str, value: &OptionValue) -> Result<f32, Problem> {
    let share = number(name, value)?;
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(invalid(
        name,
        format!("{name} is {share}, must be a number from 0 to 1"),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn parse(options: &[(&str, &str)]) -> Result<InferOptions, Problem> {
        let mut parsed = InferOptions::default();
        for (name, value) in options {
            parsed.add(name, &OptionValue::Text((*value).to_owned()))?;
        }
        Ok(parsed)
    }

    #[test]
    fn of_what_is_wrong_little_is_repeated() {
        let long = format!("{}secret", "é".repeat(REPEATED));
        for option in [("top_k", &*long), ("confidence", &*long), (&*long, "1")] {
            let problem = parse(&[option]).expect_err("is none");
            assert!(problem.detail.contains("é…\""), "{problem:?}");
            assert!(!format!("{problem:?}").contains("secret"), "{problem:?}");
        }
        assert!(!no_class(&long).detail.contains("secret"));
    }

    fn contract(rest: &str) -> Contract {
        let text = format!("task = \"detection\"\n[input]\nheight = 8\nwidth = 8\n{rest}");
        Contract::parse(&text).expect("sound")
    }

    #[test]
    fn sound_options_are_read() {
        let options = [
            ("top_k", "3"),
            ("confidence", " 0.5"),
            ("classes", "cat, dog"),
            ("classes", "7"),
        ];
        let parsed = parse(&options).expect("sound");
        assert_eq!((parsed.top_k, parsed.confidence), (Some(3), Some(0.5)));
        assert_eq!(parsed.classes.expect("given"), ["cat", "dog", "7"]);
    }

    #[test]
    fn unsound_options_name_their_field_and_what_is_allowed() {
        let check = |options: &[(&str, &str)], expected: &str| {
            let problem = parse(options).expect_err("is not sound");
            assert_eq!(problem.code, ErrorCode::InvalidOption);
            assert_eq!(problem.field.as_deref(), Some(options[0].0));
            assert!(problem.detail.contains(expected), "{}", problem.detail);
        };
        check(&[("top_k", "0")], "from 1 to 1000");
        check(&[("top_k", "3.5")], "whole number");
        check(&[("confidence", "NaN")], "from 0 to 1");
        check(&[("confidence", "inf")], "from 0 to 1");
        check(&[("iou", "-0.1")], "from 0 to 1");
        check(&[("max_detections", "many")], "from 1 to 1000");
        check(&[("top-k", "5")], "known are top_k");
        check(&[("iou", "0.5"), ("iou", "0.5")], "given twice");
    }

    #[test]
    fn the_contract_completes_them() {
        let labels = Labels::parse("cat\ndog").expect("sound");
        let rest = "[output]\ndecoder = \"end_to_end\"\n[defaults]\niou = 0.3\nclasses = [\"dog\"]";
        let contract = contract(rest);
        let options = parse(&[("confidence", "0.75")]).expect("sound");
        let selection = options.resolve(&contract, &labels).expect("fits");
        assert_eq!((selection.confidence, selection.iou), (0.75, 0.3));
        assert_eq!(selection.classes, Some(BTreeSet::from([1])));
        let unknown = parse(&[("classes", "cow")])
            .expect("sound")
            .resolve(&contract, &labels);
        assert_eq!(
            unknown.expect_err("no such class").field.as_deref(),
            Some("classes")
        );
    }
}
