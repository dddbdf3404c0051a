//! Bytes as bodies of TensorFlow Serving's REST interface.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus_fuzz::post;

fuzz_target!(|bytes: &[u8]| {
    for verb in ["predict", "classify", "regress"] {
        post(&format!("/v1/models/colors:{verb}"), &[], bytes);
    }
});
