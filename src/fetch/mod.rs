//! Pictures that requests name by their URL, brought here.
//!
//! Who sends a URL has this server connect from where it stands, perhaps within a network that its
//! callers cannot reach. So a URL is held against a policy, every address that its host has is
//! checked before one is connected to, each redirect is a new URL, and what is answered says
//! neither what the network is like nor what the other end said.

pub mod address;
mod error;
pub mod fetcher;
mod names;
#[cfg(test)]
mod tests;
pub mod url;

pub use error::{FetchError, NameFault, NoClient};
