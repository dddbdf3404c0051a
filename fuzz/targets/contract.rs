//! Text as a model's contract.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus::model::contract::Contract;

fuzz_target!(|text: &str| {
    if let Err(faults) = Contract::parse(text) {
        assert!(!faults.to_string().is_empty());
    }
});
