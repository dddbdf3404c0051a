//! Bytes as the body of an upload: a form, or a picture as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus_fuzz::post;

fuzz_target!(|bytes: &[u8]| {
    let form = "multipart/form-data; boundary=B".to_owned();
    post("/v1/models/colors/infer", &[("content-type", form)], bytes);
    let picture = "image/png".to_owned();
    post(
        "/v1/models/spots/infer",
        &[("content-type", picture)],
        bytes,
    );
});
