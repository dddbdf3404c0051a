//! From the text of `model.toml` to a contract, or to all that is wrong with it.

use serde_json::Value;

use super::{Contract, ContractFaults, Fault, rules, schema::contract_schema};

/// Longest `model.toml`, in bytes.
const MAX_CONTRACT_BYTES: usize = 256 * 1024;

impl Contract {
    /// Reads a contract. Unknown keys are faults, and every fault is reported at once: first those
    /// of the keys and values, then, where there are none, those of how they go together.
    ///
    /// # Errors
    /// All faults, each with its field, value and what is allowed.
    pub fn parse(text: &str) -> Result<Self, ContractFaults> {
        let whole_file = |message: String| ContractFaults(vec![Fault::new("", message)]);
        if MAX_CONTRACT_BYTES < text.len() {
            return Err(whole_file(format!(
                "is larger than {MAX_CONTRACT_BYTES} bytes"
            )));
        }
        let value: Value = toml::from_str(text).map_err(|error| {
            whole_file(format!("is not TOML: {}", error.to_string().trim_end()))
        })?;
        let schema = contract_schema();
        let validator = jsonschema::validator_for(&schema)
            .map_err(|error| whole_file(format!("cannot be checked: {error}")))?;
        let mut faults: Vec<Fault> = validator
            .iter_errors(&value)
            .flat_map(|error| Fault::from_schema(&error, &schema))
            .collect();
        if faults.is_empty() {
            match serde_json::from_value::<Self>(value) {
                Ok(contract) => {
                    faults = rules::broken(&contract);
                    if faults.is_empty() {
                        return Ok(contract);
                    }
                }
                Err(error) => faults.push(Fault::new("", error.to_string())),
            }
        }
        Err(ContractFaults(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        task = "detection"
        [input]
        height = 512
        width = { min = 320, max = 640 }
        resize = { mode = "letterbox", anchor = "top_left" }
        [output]
        decoder = "centernet"
        nms = "class_wise"
    "#;

    fn faults(text: &str) -> String {
        Contract::parse(text).expect_err("has faults").to_string()
    }

    #[test]
    fn a_sound_contract_is_read_with_its_defaults() {
        let contract = Contract::parse(SOUND).expect("sound");
        assert_eq!(contract.batching.max_batch_size, 8);
        assert_eq!(contract.input.background, [255; 3]);
        assert_eq!(
            contract.output.decoder,
            super::super::output::Decoder::EndToEnd
        );
    }

    #[test]
    fn a_read_contract_serialises_to_one_that_reads_the_same() {
        let contract = Contract::parse(SOUND).expect("sound");
        let text = toml::to_string(&contract).expect("serialises");
        assert_eq!(Contract::parse(&text).expect("sound"), contract);
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        insta::assert_snapshot!(faults(
            r#"
            task = "detektion"
            [input]
            dtype = "float64"
            layout = "NCWH"
            width = { min = 0, max = "big", strid = 32 }
            background = [0, 0, 300]
            resize = { mode = "letterbox", filter = "smooth", pading = 1 }
            normalize = { mean = [] }
            [output]
            decoder = "yolo"
            [defaults]
            confidence = 1.5
            top_k = "five"
            [batch]
            max = 3
            "#
        ));
    }

    #[test]
    fn keys_that_do_not_go_together_are_faults() {
        insta::assert_snapshot!(faults(
            r#"
            task = "classification"
            [input]
            dtype = "uint8"
            height = { min = 100, max = 64, stride = 32 }
            width = 224
            color = "GRAY"
            resize = { mode = "stretch", pad = 0, fraction = 0.5, filter = "lanczos", profile = "opencv" }
            normalize = { mean = [127, 127], std = [0.0] }
            [output]
            decoder = "end_to_end"
            tensors = { scores = "logits" }
            labels = "../labels.txt"
            scores_are = "logits"
            [defaults]
            top_k = 5
            "#
        ));
    }

    #[test]
    fn text_that_is_no_toml_is_one_fault_with_its_place() {
        insta::assert_snapshot!(faults("task = \"detection\"\n[input\nheight = 3"));
    }
}
