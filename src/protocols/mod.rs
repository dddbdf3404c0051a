//! The protocols of other servers, in terms of this one: what their messages mean, whichever edge
//! carries them.

pub mod base64;
pub mod document;
pub mod nested;
pub mod open_inference;
pub mod tensorflow;
mod values;
