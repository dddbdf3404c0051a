//! The messages of `proto/` as Rust, and what goes into and comes out of them.

pub mod guarded;
pub mod json;
pub mod little_endian;
pub mod open_inference;
pub mod status;
pub mod weight;

/// The messages as they are generated.
#[expect(
    missing_docs,
    clippy::too_many_lines,
    clippy::doc_markdown,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/, where they are described"
)]
pub mod generated {
    pub mod inference {
        tonic::include_proto!("inference");
    }
    pub mod ocellus {
        tonic::include_proto!("ocellus.v1");
    }
    pub mod tensorflow {
        tonic::include_proto!("tensorflow");
        pub mod serving {
            tonic::include_proto!("tensorflow.serving");
        }
    }
}

/// The descriptors of all of it, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
