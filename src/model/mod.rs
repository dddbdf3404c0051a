//! What a model is, as its publisher states it: name, version, contract, labels, signature.

pub mod contract;
pub mod labels;
pub mod name;
pub mod signature;
