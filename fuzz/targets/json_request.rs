//! Bytes as a request in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus_fuzz::post;

fuzz_target!(|bytes: &[u8]| {
    let json = "application/json".to_owned();
    post("/v1/models/spots/infer", &[("content-type", json)], bytes);
});
