//! `TensorProto` to the use case's inputs, and its outputs back.

use bytes::Bytes;
use half::f16;

use crate::{
    inference::{columns::Column, tensors::InputValue},
    proto::{
        generated::tensorflow::{DataType, TensorProto, TensorShapeProto, tensor_shape_proto::Dim},
        little_endian,
    },
    tensor::{DType, Tensor, TensorData, elements},
};

use super::{fault::Fault, signature::data_type};

/// An input: pictures where it is of type `DT_STRING`, a tensor else. Its elements are in
/// `tensor_content` or in the field of their type, where a single one fills the whole shape.
///
/// # Errors
/// When its elements are not what its type and shape say.
pub fn input(name: &str, proto: TensorProto) -> Result<InputValue, Fault> {
    let invalid = |message: String| Fault::invalid(format!("input \"{name}\": {message}"));
    let shape = shape(&proto).map_err(invalid)?;
    let elements =
        elements(&shape).ok_or_else(|| invalid(format!("shape {shape:?} is too large")))?;
    let dtype = match DataType::try_from(proto.dtype) {
        Ok(DataType::DtString) => {
            let pictures = proto.string_val;
            if pictures.len() != elements {
                let given = pictures.len();
                let message = format!("shape {shape:?} wants {elements} strings, got {given}");
                return Err(invalid(message));
            }
            return Ok(InputValue::Pictures(pictures));
        }
        Ok(given) => known(given)
            .ok_or_else(|| invalid(format!("no model here takes {}", given.as_str_name())))?,
        Err(_) => return Err(invalid(format!("dtype {} is none", proto.dtype))),
    };
    if !proto.tensor_content.is_empty() {
        let tensor = little_endian::tensor(dtype, shape, &proto.tensor_content);
        let tensor = tensor.map_err(|error| invalid(error.to_string()))?;
        return Ok(InputValue::Tensor(tensor));
    }
    let data = typed(dtype, proto, elements).map_err(invalid)?;
    let tensor = Tensor::new(shape, data).map_err(|error| invalid(error.to_string()))?;
    Ok(InputValue::Tensor(tensor))
}

fn shape(proto: &TensorProto) -> Result<Vec<usize>, String> {
    let dims = proto
        .tensor_shape
        .as_ref()
        .map_or(&[][..], |shape| &shape.dim);
    let axis = |dim: &Dim| {
        usize::try_from(dim.size).map_err(|_| format!("its shape has an axis of {}", dim.size))
    };
    dims.iter().map(axis).collect()
}

fn known(data_type: DataType) -> Option<DType> {
    DType::ALL
        .into_iter()
        .find(|dtype| self::data_type(*dtype) == data_type)
}

/// The elements out of the field of their type.
fn typed(dtype: DType, proto: TensorProto, elements: usize) -> Result<TensorData, String> {
    let small = |values: Vec<i32>| {
        let values = values.into_iter().map(|value| {
            u8::try_from(value).map_err(|_| format!("element {value} is not in 0..=255"))
        });
        values.collect::<Result<Vec<u8>, String>>()
    };
    let half = |values: Vec<i32>| {
        let values = values.into_iter().map(|bits| {
            let bits = u16::try_from(bits).map_err(|_| format!("{bits} are no 16 bits"))?;
            Ok(f16::from_bits(bits))
        });
        values.collect::<Result<Vec<f16>, String>>()
    };
    Ok(match dtype {
        DType::Float32 => TensorData::F32(filled(proto.float_val, elements)?),
        DType::Float16 => TensorData::F16(filled(half(proto.half_val)?, elements)?),
        DType::Uint8 => TensorData::U8(filled(small(proto.int_val)?, elements)?),
        DType::Int32 => TensorData::I32(filled(proto.int_val, elements)?),
        DType::Int64 => TensorData::I64(filled(proto.int64_val, elements)?),
    })
}

/// Most elements that one is repeated to.
const MAX_FILL: usize = 1 << 22;

/// A single element fills the shape.
fn filled<T: Copy>(values: Vec<T>, elements: usize) -> Result<Vec<T>, String> {
    match values.as_slice() {
        [_] if MAX_FILL < elements => Err(format!("one element fills at most {MAX_FILL}")),
        [only] => Ok(vec![*only; elements]),
        _ => Ok(values),
    }
}

/// An output: raw bytes for numbers, strings for texts.
#[must_use]
pub fn output(column: &Column) -> TensorProto {
    let dim = |axis: &usize| Dim {
        size: i64::try_from(*axis).unwrap_or(i64::MAX),
        name: String::new(),
    };
    let shape = TensorShapeProto {
        dim: column.shape().iter().map(dim).collect(),
        unknown_rank: false,
    };
    let mut proto = TensorProto {
        tensor_shape: Some(shape),
        ..TensorProto::default()
    };
    match column {
        Column::Texts { texts, .. } => {
            proto.dtype = DataType::DtString.into();
            let texts = texts.iter().map(|text| Bytes::from(text.clone()));
            proto.string_val = texts.collect();
        }
        Column::Tensor(tensor) => {
            proto.dtype = data_type(tensor.dtype()).into();
            match tensor.data() {
                TensorData::F32(values) => proto.float_val.clone_from(values),
                TensorData::F16(values) => {
                    proto.half_val = values.iter().map(|x| x.to_bits().into()).collect();
                }
                TensorData::U8(values) => {
                    proto.int_val = values.iter().map(|x| i32::from(*x)).collect();
                }
                TensorData::I32(values) => proto.int_val.clone_from(values),
                TensorData::I64(values) => proto.int64_val.clone_from(values),
            }
        }
    }
    proto
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proto(dtype: DataType, axes: &[i64]) -> TensorProto {
        let dim = axes.iter().map(|size| Dim {
            size: *size,
            name: String::new(),
        });
        TensorProto {
            dtype: dtype.into(),
            tensor_shape: Some(TensorShapeProto {
                dim: dim.collect(),
                unknown_rank: false,
            }),
            ..TensorProto::default()
        }
    }

    fn floats(values: Vec<f32>) -> InputValue {
        let tensor = Tensor::new(vec![1, 2], TensorData::F32(values));
        InputValue::Tensor(tensor.expect("two"))
    }

    #[test]
    fn content_typed_values_and_a_single_one_are_read() {
        let mut content = proto(DataType::DtFloat, &[1, 2]);
        content.tensor_content = Bytes::from_static(b"\0\0\x80\x3f\0\0\0\x40");
        assert_eq!(input("x", content), Ok(floats(vec![1.0, 2.0])));
        let mut typed = proto(DataType::DtFloat, &[1, 2]);
        typed.float_val = vec![1.0, 2.0];
        assert_eq!(input("x", typed), Ok(floats(vec![1.0, 2.0])));
        let mut single = proto(DataType::DtFloat, &[1, 2]);
        single.float_val = vec![3.0];
        assert_eq!(input("x", single), Ok(floats(vec![3.0, 3.0])));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let check = |proto: TensorProto, words: &str| {
            let fault = input("x", proto).expect_err("does not fit");
            assert!(fault.message.contains(words), "{}", fault.message);
        };
        check(proto(DataType::DtFloat, &[1, 2]), "wants 2 elements, got 0");
        check(
            proto(DataType::DtDouble, &[1]),
            "no model here takes DT_DOUBLE",
        );
        check(proto(DataType::DtFloat, &[-1]), "an axis of -1");
        check(proto(DataType::DtString, &[2]), "wants 2 strings, got 0");
        let huge = [i64::MAX, i64::MAX];
        check(proto(DataType::DtFloat, &huge), "too large");
        let mut fill = proto(DataType::DtFloat, &[1 << 40]);
        fill.float_val = vec![1.0];
        check(fill, "at most");
    }

    #[test]
    fn outputs_come_back_as_inputs() {
        let InputValue::Tensor(tensor) = floats(vec![1.5, -2.0]) else {
            panic!("a tensor");
        };
        let back = input("x", output(&Column::Tensor(tensor.clone())));
        assert_eq!(back, Ok(InputValue::Tensor(tensor)));
    }
}
