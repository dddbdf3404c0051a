//! Tensors as raw bytes: row-major, little-endian, as every protocol here carries them.

use bytemuck::NoUninit;
use bytes::{Bytes, BytesMut};
use half::f16;

use crate::tensor::{DType, Tensor, TensorData, TensorError, elements};

/// Why bytes are no tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The number of bytes is not that of the shape's elements.
    #[error("has {got} bytes, {dtype} {shape:?} has {wanted}")]
    Length {
        /// Element type.
        dtype: DType,
        /// The shape.
        shape: Vec<usize>,
        /// Its bytes.
        wanted: usize,
        /// The bytes that were given.
        got: usize,
    },
    /// The shape has more elements than memory.
    #[error("shape {0:?} is too large")]
    Shape(Vec<usize>),
    /// The elements are not as many as the shape wants.
    #[error(transparent)]
    Elements(#[from] TensorError),
    /// A BYTES element's length runs past the end.
    #[error("BYTES element {0} runs past the end of its {1} bytes")]
    Cut(usize, usize),
}

/// A tensor of raw bytes.
///
/// # Errors
/// When there are more or fewer than the shape has elements.
pub fn tensor(dtype: DType, shape: Vec<usize>, bytes: &[u8]) -> Result<Tensor, CodecError> {
    let width = match dtype {
        DType::Float32 | DType::Int32 => 4,
        DType::Float16 => 2,
        DType::Uint8 => 1,
        DType::Int64 => 8,
    };
    let Some(wanted) = elements(&shape).and_then(|elements| elements.checked_mul(width)) else {
        return Err(CodecError::Shape(shape));
    };
    if bytes.len() != wanted {
        return Err(CodecError::Length {
            dtype,
            shape,
            wanted,
            got: bytes.len(),
        });
    }
    let data = match dtype {
        DType::Float32 => TensorData::F32(read(bytes, f32::from_le_bytes)),
        DType::Float16 => TensorData::F16(read(bytes, f16::from_le_bytes)),
        DType::Uint8 => TensorData::U8(bytes.to_vec()),
        DType::Int32 => TensorData::I32(read(bytes, i32::from_le_bytes)),
        DType::Int64 => TensorData::I64(read(bytes, i64::from_le_bytes)),
    };
    Ok(Tensor::new(shape, data)?)
}

fn read<const N: usize, T>(bytes: &[u8], element: fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements.iter().copied().map(element).collect()
}

/// The raw bytes of a tensor.
#[must_use]
pub fn bytes(tensor: &Tensor) -> Bytes {
    match tensor.data() {
        TensorData::F32(elements) => write(elements, |x| x.to_le_bytes()),
        TensorData::F16(elements) => write(elements, |x| x.to_le_bytes()),
        TensorData::U8(elements) => Bytes::copy_from_slice(elements),
        TensorData::I32(elements) => write(elements, |x| x.to_le_bytes()),
        TensorData::I64(elements) => write(elements, |x| x.to_le_bytes()),
    }
}

fn write<const N: usize, T: NoUninit>(elements: &[T], bytes: fn(T) -> [u8; N]) -> Bytes {
    if cfg!(target_endian = "little") {
        // They lie in memory as they are sent.
        return Bytes::copy_from_slice(bytemuck::cast_slice(elements));
    }
    let mut written = BytesMut::with_capacity(elements.len() * N);
    for element in elements {
        written.extend_from_slice(&bytes(*element));
    }
    written.freeze()
}

/// The elements of a BYTES tensor, each with its length in four bytes before it.
///
/// # Errors
/// When one runs past the end.
pub fn split_bytes(mut raw: Bytes) -> Result<Vec<Bytes>, CodecError> {
    let (all, mut elements) = (raw.len(), Vec::new());
    while !raw.is_empty() {
        let cut = || CodecError::Cut(elements.len(), all);
        let length = raw.first_chunk::<4>().copied().ok_or_else(cut)?;
        let end = usize::try_from(u32::from_le_bytes(length)).map_err(|_| cut())?;
        let end = end.saturating_add(length.len());
        if raw.len() < end {
            return Err(cut());
        }
        let mut element = raw.split_to(end);
        elements.push(element.split_off(length.len()));
    }
    Ok(elements)
}

/// A BYTES tensor of some texts.
#[must_use]
pub fn join_texts(texts: &[String]) -> Bytes {
    let mut written = BytesMut::new();
    for text in texts {
        // A label is a line of a file of less than 4 GiB.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        written.extend_from_slice(&length.to_le_bytes());
        written.extend_from_slice(text.as_bytes());
    }
    written.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_element_type_comes_back() {
        let check = |data: TensorData| {
            let tensor = Tensor::new(vec![1, data.len()], data).expect("fits");
            let raw = bytes(&tensor);
            assert_eq!(raw.len(), tensor.byte_size());
            let back = super::tensor(tensor.dtype(), vec![1, tensor.data().len()], &raw);
            assert_eq!(back, Ok(tensor));
        };
        check(TensorData::F32(vec![1.5, -0.0, f32::INFINITY]));
        check(TensorData::F16(vec![f16::from_f32(1.5), f16::MIN]));
        check(TensorData::U8(vec![0, 255]));
        check(TensorData::I32(vec![i32::MIN, 7]));
        check(TensorData::I64(vec![i64::MIN, 7]));
    }

    #[test]
    fn a_wrong_length_is_named() {
        let error = tensor(DType::Float32, vec![2, 2], &[0; 15]).expect_err("16 are wanted");
        assert_eq!(error.to_string(), "has 15 bytes, float32 [2, 2] has 16");
        let huge = tensor(DType::Uint8, vec![usize::MAX, 2], &[]);
        assert!(matches!(huge, Err(CodecError::Shape(_))));
    }

    #[test]
    fn bytes_elements_are_taken_apart() {
        let texts = ["", "a", "cup of coffee"].map(str::to_owned);
        let parted = split_bytes(join_texts(&texts)).expect("whole");
        assert_eq!(parted, texts);
        let cut = split_bytes(Bytes::from_static(b"\x05\0\0\0abc")).expect_err("two are missing");
        assert_eq!(
            cut.to_string(),
            "BYTES element 0 runs past the end of its 7 bytes"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(raw in prop::collection::vec(any::<u8>(), 0..64)) {
            split_bytes(Bytes::from(raw)).ok();
        }
    }
}
