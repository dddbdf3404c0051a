//! Makes Rust of `proto/`, without a `protoc` on the machine.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 3] = [
    "ocellus.proto",
    "open_inference_grpc.proto",
    "tensorflow_serving/apis.proto",
];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script where to write through the environment alone"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let described = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), described.encode_to_vec())?;
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::proto::guarded::GuardedCodec")
        .compile_fds_with_config(described, config)?;
    Ok(())
}
