//! TensorFlow Serving's protocol.
//!
//! Every model has the signature `serving_default`. It takes the graph's own input and gives its
//! own outputs; or, where the input is of type `DT_STRING`, encoded pictures, and gives their
//! results ([`crate::inference::columns`]). The same pictures are what the signature `pictures`
//! describes, and what Classify reads out of examples.

pub mod examples;
pub mod fault;
pub mod json;
pub mod signature;
pub mod status;
pub mod tensor;
