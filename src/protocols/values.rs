//! Numbers out of JSON as the elements of a type.

use half::f16;

use crate::tensor::{DType, Tensor, TensorData};

/// A tensor of some numbers.
///
/// # Errors
/// When one is outside the type's range, or their count is not the shape's.
pub(super) fn tensor(dtype: DType, shape: Vec<usize>, numbers: &[f64]) -> Result<Tensor, String> {
    Tensor::new(shape, data(dtype, numbers)?).map_err(|error| error.to_string())
}

/// Some numbers as elements.
///
/// # Errors
/// When one is outside the type's range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "FP32 of a wider number is the nearest, and whole numbers were held against their range"
)]
pub(super) fn data(dtype: DType, numbers: &[f64]) -> Result<TensorData, String> {
    let whole = |from: f64, to: f64| {
        let outside = |n: &&f64| n.fract() != 0.0 || **n < from || to < **n;
        match numbers.iter().find(outside) {
            Some(number) => Err(format!("{number} is no {dtype}")),
            None => Ok(numbers.iter().map(|n| *n as i64)),
        }
    };
    Ok(match dtype {
        DType::Float32 => TensorData::F32(numbers.iter().map(|n| *n as f32).collect()),
        DType::Float16 => TensorData::F16(numbers.iter().map(|n| f16::from_f64(*n)).collect()),
        DType::Uint8 => {
            let bytes = whole(0.0, 255.0)?.map(|n| u8::try_from(n).unwrap_or(u8::MAX));
            TensorData::U8(bytes.collect())
        }
        DType::Int32 => {
            let range = (f64::from(i32::MIN), f64::from(i32::MAX));
            let each = whole(range.0, range.1)?.map(|n| i32::try_from(n).unwrap_or(i32::MAX));
            TensorData::I32(each.collect())
        }
        DType::Int64 => {
            const EXACT: f64 = 9_007_199_254_740_992.0;
            TensorData::I64(whole(-EXACT, EXACT)?.collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_type() {
        assert_eq!(
            data(DType::Uint8, &[0.0, 255.0]),
            Ok(TensorData::U8(vec![0, 255]))
        );
        assert_eq!(data(DType::Int32, &[-1.0]), Ok(TensorData::I32(vec![-1])));
        assert_eq!(data(DType::Float32, &[0.1]), Ok(TensorData::F32(vec![0.1])));
        for wrong in [256.0, -1.0, 0.5] {
            let error = data(DType::Uint8, &[wrong]).expect_err("outside");
            assert_eq!(error, format!("{wrong} is no uint8"));
        }
    }
}
