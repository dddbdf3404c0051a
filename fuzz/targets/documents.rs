//! Bytes as each document of a bucket: manifest, index, what is wanted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus::model::{desired::Desired, index::Index, manifest::Manifest};

fuzz_target!(|bytes: &[u8]| {
    let model = "model".parse().expect("a name");
    let version = "1".parse().expect("a version");
    if let Ok(manifest) = Manifest::parse(bytes, &model, version) {
        let written = manifest.to_bytes().expect("writes");
        assert!(Manifest::parse(&written, &model, version).is_ok());
    }
    if let Ok(index) = Index::parse(bytes) {
        let written = index.to_bytes().expect("writes");
        assert!(Index::parse(&written).is_ok());
    }
    if let Ok(desired) = Desired::parse(bytes) {
        let written = desired.to_bytes().expect("writes");
        assert!(Desired::parse(&written).is_ok());
    }
});
