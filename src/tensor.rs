//! Dense row-major tensors, as they go into and come out of a model.

use std::borrow::Cow;

use half::f16;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary16.
    Float16,
    /// Unsigned byte.
    Uint8,
    /// Signed 32-bit integer.
    Int32,
    /// Signed 64-bit integer: outputs only, no picture is given as one.
    #[schemars(skip)]
    Int64,
}

impl DType {
    /// Every element type.
    pub const ALL: [Self; 5] = [
        Self::Float32,
        Self::Float16,
        Self::Uint8,
        Self::Int32,
        Self::Int64,
    ];

    /// Bytes of one element.
    #[must_use]
    pub const fn byte_size(self) -> usize {
        match self {
            Self::Uint8 => 1,
            Self::Float16 => 2,
            Self::Float32 | Self::Int32 => 4,
            Self::Int64 => 8,
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Uint8 => "uint8",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
        })
    }
}

/// The elements of a tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// `float32` elements.
    F32(Vec<f32>),
    /// `float16` elements.
    F16(Vec<f16>),
    /// `uint8` elements.
    U8(Vec<u8>),
    /// `int32` elements.
    I32(Vec<i32>),
    /// `int64` elements.
    I64(Vec<i64>),
}

/// Runs the same expression over the vector inside, whatever its element type.
macro_rules! with_elements {
    ($data:expr, $elements:ident => $body:expr) => {
        match $data {
            TensorData::F32($elements) => $body,
            TensorData::F16($elements) => $body,
            TensorData::U8($elements) => $body,
            TensorData::I32($elements) => $body,
            TensorData::I64($elements) => $body,
        }
    };
}

impl TensorData {
    /// Element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::Float32,
            Self::F16(_) => DType::Float16,
            Self::U8(_) => DType::Uint8,
            Self::I32(_) => DType::Int32,
            Self::I64(_) => DType::Int64,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        with_elements!(self, elements => elements.len())
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why tensors could not be put together or taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The number of elements is not the product of the shape.
    #[error("shape {shape:?} wants {wanted} elements, got {got}")]
    ElementCount {
        /// The shape asked for.
        shape: Vec<usize>,
        /// Its product.
        wanted: usize,
        /// The number of elements given.
        got: usize,
    },
    /// Tensors of one batch differ in element type or in shape beyond the first axis.
    #[error("tensors of one batch must agree in dtype and in shape beyond the first axis")]
    Mismatch,
    /// The first axis cannot be divided among that many items.
    #[error("shape {shape:?} cannot be divided into {parts} equal parts along its first axis")]
    Indivisible {
        /// The tensor's shape.
        shape: Vec<usize>,
        /// The number of items asked for.
        parts: usize,
    },
}

/// The number of elements of a shape; `None` where it is larger than any number.
#[must_use]
pub fn elements(shape: &[usize]) -> Option<usize> {
    let mut axes = shape.iter();
    axes.try_fold(1_usize, |product, axis| product.checked_mul(*axis))
}

/// A dense row-major tensor whose element count equals the product of its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: TensorData,
}

impl Tensor {
    /// A tensor of `shape` over `data`.
    ///
    /// # Errors
    /// When the number of elements is not the product of the shape.
    pub fn new(shape: Vec<usize>, data: TensorData) -> Result<Self, TensorError> {
        let wanted = elements(&shape);
        if wanted != Some(data.len()) {
            return Err(TensorError::ElementCount {
                shape,
                wanted: wanted.unwrap_or(usize::MAX),
                got: data.len(),
            });
        }
        Ok(Self { shape, data })
    }

    /// Shape, outermost axis first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The elements.
    #[must_use]
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// Bytes of all elements.
    #[must_use]
    pub fn byte_size(&self) -> usize {
        with_elements!(&self.data, elements => size_of_val(elements.as_slice()))
    }

    /// Takes the elements out, without a copy.
    #[must_use]
    pub fn into_data(self) -> TensorData {
        self.data
    }

    /// The elements as `f32`: borrowed where they are, converted otherwise.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "class indices and counts are far below 2^24, where f32 is exact"
    )]
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match &self.data {
            TensorData::F32(elements) => Cow::Borrowed(elements),
            TensorData::F16(elements) => elements.iter().map(|x| x.to_f32()).collect(),
            TensorData::U8(elements) => elements.iter().map(|x| f32::from(*x)).collect(),
            TensorData::I32(elements) => elements.iter().map(|x| *x as f32).collect(),
            TensorData::I64(elements) => elements.iter().map(|x| *x as f32).collect(),
        }
    }

    /// Joins tensors along their first axis. A single tensor is moved, not copied.
    ///
    /// # Errors
    /// When there is none, or they differ in dtype or in shape beyond the first axis.
    pub fn concat(tensors: Vec<Self>) -> Result<Self, TensorError> {
        tensors
            .into_iter()
            .map(Ok)
            .reduce(|joined, next| joined?.append(next?))
            .unwrap_or(Err(TensorError::Mismatch))
    }

    fn append(mut self, mut next: Self) -> Result<Self, TensorError> {
        if self.shape.get(1..) != next.shape.get(1..) {
            return Err(TensorError::Mismatch);
        }
        match (&mut self.data, &mut next.data) {
            (TensorData::F32(a), TensorData::F32(b)) => a.append(b),
            (TensorData::F16(a), TensorData::F16(b)) => a.append(b),
            (TensorData::U8(a), TensorData::U8(b)) => a.append(b),
            (TensorData::I32(a), TensorData::I32(b)) => a.append(b),
            (TensorData::I64(a), TensorData::I64(b)) => a.append(b),
            _ => return Err(TensorError::Mismatch),
        }
        if let (Some(rows), Some(more)) = (self.shape.first_mut(), next.shape.first()) {
            *rows += more;
        }
        Ok(self)
    }

    /// Divides the first axis into `parts` tensors of equal size: one item of a batch each.
    ///
    /// # Errors
    /// When the first axis is not a multiple of `parts`.
    pub fn split(self, parts: usize) -> Result<Vec<Self>, TensorError> {
        if parts == 1 {
            return Ok(vec![self]);
        }
        let rows = self.shape.first().copied().unwrap_or(0);
        if parts == 0 || rows == 0 || rows % parts != 0 {
            return Err(TensorError::Indivisible {
                shape: self.shape,
                parts,
            });
        }
        let mut shape = self.shape;
        if let Some(first) = shape.first_mut() {
            *first = rows / parts;
        }
        let size = self.data.len() / parts;
        let items: Vec<TensorData> = match self.data {
            TensorData::F32(v) => v
                .chunks(size)
                .map(|c| TensorData::F32(c.to_vec()))
                .collect(),
            TensorData::F16(v) => v
                .chunks(size)
                .map(|c| TensorData::F16(c.to_vec()))
                .collect(),
            TensorData::U8(v) => v.chunks(size).map(|c| TensorData::U8(c.to_vec())).collect(),
            TensorData::I32(v) => v
                .chunks(size)
                .map(|c| TensorData::I32(c.to_vec()))
                .collect(),
            TensorData::I64(v) => v
                .chunks(size)
                .map(|c| TensorData::I64(c.to_vec()))
                .collect(),
        };
        Ok(items
            .into_iter()
            .map(|data| Self {
                shape: shape.clone(),
                data,
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(shape: &[usize], values: &[f32]) -> Tensor {
        Tensor::new(shape.to_vec(), TensorData::F32(values.to_vec())).expect("shape fits")
    }

    #[test]
    fn the_element_count_must_fit_the_shape() {
        let error =
            Tensor::new(vec![2, 3], TensorData::U8(vec![0; 5])).expect_err("five are not six");
        assert_eq!(error.to_string(), "shape [2, 3] wants 6 elements, got 5");
    }

    #[test]
    fn a_shape_larger_than_any_number_holds_nothing() {
        let axis = 1_usize << (usize::BITS / 2);
        let error = Tensor::new(vec![axis, axis], TensorData::U8(Vec::new()));
        assert!(matches!(error, Err(TensorError::ElementCount { .. })));
    }

    #[test]
    fn split_undoes_concat() {
        let items = vec![floats(&[1, 2], &[1.0, 2.0]), floats(&[1, 2], &[3.0, 4.0])];
        let batch = Tensor::concat(items.clone()).expect("same shapes");
        assert_eq!(batch.shape(), [2, 2]);
        assert_eq!(batch.split(2).expect("two items"), items);
    }

    #[test]
    fn unequal_tensors_make_no_batch() {
        let error = Tensor::concat(vec![floats(&[1, 2], &[0.0; 2]), floats(&[1, 3], &[0.0; 3])]);
        assert_eq!(error, Err(TensorError::Mismatch));
        assert_eq!(Tensor::concat(Vec::new()), Err(TensorError::Mismatch));
    }
}
