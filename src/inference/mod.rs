//! The use case: pictures in, results in the pictures' own pixels out, whatever the edge they
//! came in by.

mod admission;
mod annotated;
pub mod answer;
pub mod columns;
pub mod inferred;
pub mod memory;
pub mod options;
pub mod request;
pub mod room;
pub mod service;
mod steps;
mod tensor_check;
pub mod tensors;
