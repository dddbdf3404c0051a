//! Pictures of one request put together for one run, and its outputs taken apart again.

use crate::tensor::{Tensor, TensorError};

/// How many pictures go into one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// The graph takes this many, no more and no fewer.
    Fixed(usize),
    /// The graph takes any number, the contract allows up to this many.
    UpTo(usize),
}

impl BatchSize {
    /// Most pictures in one run.
    #[must_use]
    pub const fn max(self) -> usize {
        match self {
            Self::Fixed(size) | Self::UpTo(size) => size,
        }
    }
}

/// Pictures that go into one run, each with its place in the request.
pub type Run = Vec<(usize, Tensor)>;

/// Divides pictures, each a tensor with a first axis of 1, into runs: equal shapes together, in
/// the order of their first picture, at most `size` in one.
#[must_use]
pub fn runs(pictures: Vec<Tensor>, size: BatchSize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, picture) in pictures.into_iter().enumerate() {
        let fits = |run: &&mut Run| {
            let same = run
                .first()
                .is_some_and(|(_, first)| first.shape() == picture.shape());
            same && run.len() < size.max()
        };
        match runs.iter_mut().rev().find(fits) {
            Some(run) => run.push((index, picture)),
            None => runs.push(vec![(index, picture)]),
        }
    }
    runs
}

/// Joins the pictures of one run, and fills a fixed size up with copies of the last.
///
/// # Errors
/// When there is none, or they differ in shape.
pub fn join(mut pictures: Vec<Tensor>, size: BatchSize) -> Result<Tensor, TensorError> {
    if let (BatchSize::Fixed(size), Some(last)) = (size, pictures.last().cloned()) {
        pictures.resize(size.max(pictures.len()), last);
    }
    Tensor::concat(pictures)
}

/// The outputs of each picture of a run, by name.
///
/// # Errors
/// When an output's first axis is not the batch.
pub fn part(
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
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::TensorData;

    fn picture(width: usize, value: f32) -> Tensor {
        Tensor::new(vec![1, width], TensorData::F32(vec![value; width])).expect("shape fits")
    }

    fn places(widths: &[usize], size: usize) -> Vec<Vec<usize>> {
        let pictures = widths.iter().map(|width| picture(*width, 0.0)).collect();
        let runs = runs(pictures, BatchSize::UpTo(size));
        runs.into_iter()
            .map(|run| run.into_iter().map(|(index, _)| index).collect())
            .collect()
    }

    #[test]
    fn equal_shapes_run_together_up_to_the_size() {
        let check = |widths: &[usize], size: usize, expected: &[&[usize]]| {
            assert_eq!(places(widths, size), expected, "{widths:?} by {size}");
        };
        check(&[], 4, &[]);
        check(&[2, 2, 2], 2, &[&[0, 1], &[2]]);
        check(&[2, 3, 2, 3], 4, &[&[0, 2], &[1, 3]]);
        check(&[2, 2], 1, &[&[0], &[1]]);
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

    proptest! {
        #[test]
        fn every_picture_is_in_exactly_one_run(
            widths in prop::collection::vec(1_usize..4, 0..20),
            size in 1_usize..6,
        ) {
            let mut seen: Vec<usize> = places(&widths, size).concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..widths.len()).collect::<Vec<_>>());
        }
    }
}
