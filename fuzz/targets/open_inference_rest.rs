//! Bytes as bodies of the Open Inference Protocol: JSON, and JSON with tensors behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus_fuzz::post;

fuzz_target!(|input: (u16, &[u8])| {
    let (length, bytes) = input;
    let path = "/v2/models/colors/infer";
    post(path, &[], bytes);
    let length = usize::from(length).min(bytes.len()).to_string();
    post(path, &[("inference-header-content-length", length)], bytes);
});
