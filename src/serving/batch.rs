//! Pictures put together for one run, and its outputs taken apart again.

use std::collections::BTreeSet;

use crate::tensor::{Tensor, TensorError};

/// How many pictures go into one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchSize {
    /// The graph takes this many, no more and no fewer.
    Fixed(usize),
    /// The graph takes any number, the contract allows up to this many.
    UpTo(usize),
}

impl BatchSize {
    /// Most pictures in one run.
    #[must_use]
    pub(super) const fn max(self) -> usize {
        match self {
            Self::Fixed(size) | Self::UpTo(size) => size,
        }
    }
}

/// From one size of runs on a device to the next, where the contract names none.
const STEP: usize = 4;

/// Sizes of the runs of a model on a device, ascending: what the contract prefers, else one in every
/// [`STEP`], and the most. A run is filled up to the next of them.
pub(super) fn device_sizes(most: usize, preferred: impl Iterator<Item = usize>) -> BTreeSet<usize> {
    let mut sizes: BTreeSet<usize> = preferred.filter(|size| *size < most).collect();
    if sizes.is_empty() {
        let steps = std::iter::successors(Some(1), |size: &usize| size.checked_mul(STEP));
        sizes.extend(steps.take_while(|size| *size < most));
    }
    sizes.insert(most);
    sizes
}

/// Joins the pictures of one run, and fills a fixed size up with copies of the last.
///
/// # Errors
/// When there is none, or they differ in shape.
pub(super) fn join(mut pictures: Vec<Tensor>, size: BatchSize) -> Result<Tensor, TensorError> {
    if let (BatchSize::Fixed(size), Some(last)) = (size, pictures.last().cloned()) {
        pictures.resize(size.max(pictures.len()), last);
    }
    Tensor::concat(pictures)
}

/// The outputs of each picture of a run, by name.
///
/// # Errors
/// When an output's first axis is not the batch.
pub(super) fn part(
    outputs: Vec<(String, Tensor)>,
    pictures: usize,
    size: BatchSize,
) -> Result<Vec<Vec<(String, Tensor)>>, TensorError> {
    let in_run = match size {
        BatchSize::Fixed(size) => size.max(pictures),
        BatchSize::UpTo(_) => pictures,
    };
    let mut parted: Vec<Vec<(String, Tensor)>> = (0..pictures).map(|_| Vec::new()).collect();
    for (name, output) in outputs {
        for (picture, part) in parted.iter_mut().zip(output.split(in_run)?) {
            picture.push((name.clone(), part));
        }
    }
    Ok(parted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::TensorData;

    fn picture(width: usize, value: f32) -> Tensor {
        Tensor::new(vec![1, width], TensorData::F32(vec![value; width])).expect("shape fits")
    }

    #[test]
    fn a_fixed_size_is_filled_up_and_the_filling_dropped() {
        let size = BatchSize::Fixed(4);
        let batch = join(vec![picture(2, 1.0), picture(2, 2.0)], size).expect("same shapes");
        assert_eq!(batch.shape(), [4, 2]);
        let parts = part(vec![("out".to_owned(), batch)], 2, size).expect("four rows");
        assert_eq!(
            parts,
            [
                [("out".to_owned(), picture(2, 1.0))],
                [("out".to_owned(), picture(2, 2.0))]
            ]
        );
    }

    #[test]
    fn a_device_runs_sizes_that_are_few() {
        let check = |most: usize, preferred: &[usize], expected: &[usize]| {
            let sizes = device_sizes(most, preferred.iter().copied());
            assert!(sizes.iter().eq(expected), "{most}: {sizes:?}");
        };
        check(1, &[], &[1]);
        check(8, &[], &[1, 4, 8]);
        check(128, &[], &[1, 4, 16, 64, 128]);
        check(32, &[8, 16], &[8, 16, 32]);
        check(8, &[8], &[1, 4, 8]);
    }
}
