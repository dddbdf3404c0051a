//! What a model is, as its publisher states it: name, version, contract, labels, signature, and
//! the documents that lie beside it in the bucket.

pub mod contract;
pub mod desired;
pub mod digest;
pub mod golden;
pub mod index;
pub mod key;
pub mod labels;
pub mod manifest;
pub mod name;
pub mod served_version;
pub mod signature;
