//! The best of many, without sorting the rest.

use std::cmp::Ordering;

/// Something that has a place in a ranking.
pub trait Ranked {
    /// `Less` where `self` goes before `other`. A total order that depends on nothing but the two
    /// values, so that no answer depends on the order in which a model lists them.
    fn rank(&self, other: &Self) -> Ordering;
}

/// The best `limit` items, best first: O(n) to find them, O(limit · log limit) to sort them.
#[must_use]
pub fn best<T: Ranked>(mut items: Vec<T>, limit: usize) -> Vec<T> {
    keep_best(&mut items, limit);
    // Stable, so that even items that tie in every respect stay in the order given.
    items.sort_by(T::rank);
    items
}

/// Drops all but the best `limit` items, leaving them in no particular order. O(n).
pub fn keep_best<T: Ranked>(items: &mut Vec<T>, limit: usize) {
    if limit < items.len() {
        items.select_nth_unstable_by(limit, T::rank);
        items.truncate(limit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::candidate::ClassScore;
    use super::*;

    fn scored(confidences: &[f32]) -> Vec<ClassScore> {
        confidences
            .iter()
            .enumerate()
            .map(|(class_id, &confidence)| ClassScore {
                class_id,
                confidence,
            })
            .collect()
    }

    #[test]
    fn ties_go_to_the_lower_class() {
        let check = |confidences: &[f32], limit: usize, expected: &[usize]| {
            let classes: Vec<usize> = best(scored(confidences), limit)
                .iter()
                .map(|score| score.class_id)
                .collect();
            assert_eq!(classes, expected, "{limit} best of {confidences:?}");
        };
        check(&[0.1, 0.9, 0.5], 2, &[1, 2]);
        check(&[0.5, 0.5, 0.5], 2, &[0, 1]);
        check(&[0.5, 0.5], 9, &[0, 1]);
        check(&[0.5], 0, &[]);
        check(&[], 3, &[]);
    }

    proptest! {
        #[test]
        fn best_is_a_sort_cut_short(
            confidences in prop::collection::vec((0_u8..20).prop_map(|x| f32::from(x) / 20.0), 0..200),
            limit in 0_usize..220,
        ) {
            let mut naive = scored(&confidences);
            naive.sort_by(ClassScore::rank);
            naive.truncate(limit);
            prop_assert_eq!(best(scored(&confidences), limit), naive);
        }
    }
}
