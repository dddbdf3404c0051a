//! Model cores in processes of their own, reached over gRPC.

mod core;
mod merge;
mod pool;
mod refusals;
mod servable;

pub use core::AddressError;
pub use pool::CorePool;
pub(in crate::core_client) use servable::RemoteServable;
