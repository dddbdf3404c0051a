//! The Open Inference Protocol's names of element types.

use crate::tensor::DType;

/// The parameter of a request that names the load of a version that is meant.
pub const LOAD_ID: &str = "load_id";

/// The parameter of a request that says how urgent it is.
pub const PRIORITY: &str = "priority";

/// The parameter of a request that was passed on which says whose it is.
pub const TENANT: &str = "tenant";

/// The parameter of an answer that says how long it waited for its run, in microseconds.
pub const QUEUE_US: &str = "queue_us";

/// The parameter of an answer that says how long its run took, in microseconds.
pub const COMPUTE_US: &str = "compute_us";

/// The parameter of an answer that says how many pictures were in its run.
pub const BATCH: &str = "batch";

/// The type of texts and encoded pictures.
pub const BYTES: &str = "BYTES";

/// The protocol's name of an element type.
#[must_use]
pub const fn datatype(dtype: DType) -> &'static str {
    match dtype {
        DType::Float32 => "FP32",
        DType::Float16 => "FP16",
        DType::Uint8 => "UINT8",
        DType::Int32 => "INT32",
        DType::Int64 => "INT64",
    }
}

/// The element type of that name; `None` for one that no model here takes.
#[must_use]
pub fn dtype(datatype: &str) -> Option<DType> {
    DType::ALL
        .into_iter()
        .find(|dtype| self::datatype(*dtype) == datatype)
}
