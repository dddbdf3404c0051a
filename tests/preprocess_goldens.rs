//! Preprocessing against Pillow and OpenCV themselves: `tests/goldens/make_goldens.py` made what
//! is expected here.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test says what is wrong by failing"
)]

use std::{fs, path::Path};

use ocellus::{
    model::contract::Contract,
    preprocess::{ImageLimits, decode, prepare},
};
use serde::Deserialize;

/// Largest mean difference of a case, in steps of 1/255.
const MEAN: f64 = 1.0;

/// Largest difference of any one value, in steps of 1/255.
const MAXIMUM: f64 = 3.0;

#[derive(Deserialize)]
struct Case {
    name: String,
    input: String,
    contract: String,
    expected: String,
}

/// Mean and maximum difference between the tensor and the expected pixels.
fn difference(case: &Case) -> (f64, f64) {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let read = |name: &str| fs::read(goldens.join(name)).expect("readable");
    let text = format!(
        "task = \"detection\"\n[input]\nlayout = \"NHWC\"\nnormalize.scale = 1.0\n{}\n\
         [output]\ndecoder = \"end_to_end\"",
        case.contract
    );
    let input = Contract::parse(&text)
        .unwrap_or_else(|faults| panic!("{}: {faults}", case.name))
        .input;
    let bytes = read(&case.input);
    let picture = decode(&bytes, &ImageLimits::default(), input.background)
        .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let prepared =
        prepare(&picture, &input).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let expected = image::load_from_memory(&read(&case.expected))
        .expect("decodes")
        .into_rgb8();
    let values = prepared.tensor.to_f32();
    assert_eq!(values.len(), expected.as_raw().len(), "{}", case.name);
    let differences = values.iter().zip(expected.as_raw());
    let differences: Vec<f64> = differences
        .map(|(got, wanted)| (f64::from(*got) - f64::from(*wanted)).abs())
        .collect();
    let maximum = differences.iter().copied().fold(0.0, f64::max);
    (
        differences.iter().sum::<f64>() / differences.len() as f64,
        maximum,
    )
}

#[test]
fn pixels_are_those_of_pillow_and_opencv() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/cases.json");
    let cases: Vec<Case> =
        serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON");
    assert!(100 < cases.len(), "the table is whole");
    let mut table = String::new();
    let mut beyond = 0;
    for case in &cases {
        let (mean, maximum) = difference(case);
        let fits = mean <= MEAN && maximum <= MAXIMUM;
        beyond += usize::from(!fits);
        let mark = if fits { ' ' } else { '*' };
        table.push_str(&format!("{mark} {mean:7.3} {maximum:5.0}  {}\n", case.name));
    }
    println!("    mean   max  case\n{table}");
    assert!(
        beyond == 0,
        "{beyond} cases (*) are beyond {MEAN} mean or {MAXIMUM} maximum:\n{table}"
    );
}
