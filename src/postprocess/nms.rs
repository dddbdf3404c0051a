//! Non-maximum suppression: of boxes that overlap too much, only the best is kept.

use std::collections::BTreeMap;

use super::candidate::Candidate;
use super::ranking;
use crate::geometry::Rect;
use crate::model::contract::output::Nms;

/// Most candidates that compete; beyond, only the best do. Ultralytics' `max_nms`.
pub const MAX_CANDIDATES: usize = 30_000;

/// The survivors, best first.
///
/// A candidate survives unless it overlaps a better survivor by more than `iou`: greedy
/// suppression, as in Girshick et al., "Rich feature hierarchies", 2014, and TensorFlow's
/// `combined_non_max_suppression`.
///
/// Candidates with a score, box or point that is not finite, or a box without area, are dropped.
/// The outcome does not depend on the order of the candidates. Work is done as survivors are
/// asked for: each candidate is compared with the survivors of its class so far.
pub fn suppress(
    mut candidates: Vec<Candidate>,
    nms: Nms,
    iou: f32,
) -> impl Iterator<Item = Candidate> {
    candidates.retain(Candidate::is_sound);
    let mut survivors: BTreeMap<usize, Vec<Rect>> = BTreeMap::new();
    ranking::best(candidates, MAX_CANDIDATES)
        .into_iter()
        .filter(move |candidate| {
            let rivals = match nms {
                Nms::None => return true,
                Nms::ClassWise => survivors.entry(candidate.class_id).or_default(),
                Nms::ClassAgnostic => survivors.entry(0).or_default(),
            };
            let survives = rivals.iter().all(|rival| rival.iou(&candidate.rect) <= iou);
            if survives {
                rivals.push(candidate.rect);
            }
            survives
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(class_id: usize, confidence: f32, [x1, y1, x2, y2]: [f32; 4]) -> Candidate {
        Candidate {
            class_id,
            confidence,
            rect: Rect { x1, y1, x2, y2 },
            keypoints: Vec::new(),
        }
    }

    fn survivors(candidates: Vec<Candidate>, nms: Nms, iou: f32) -> Vec<Candidate> {
        suppress(candidates, nms, iou).collect()
    }

    #[test]
    fn who_competes_with_whom() {
        let field = vec![
            candidate(0, 0.8, [0.0, 0.0, 10.0, 10.0]),
            candidate(0, 0.9, [1.0, 0.0, 11.0, 10.0]),
            candidate(1, 0.7, [0.0, 0.0, 10.0, 10.0]),
            candidate(0, 0.6, [50.0, 0.0, 60.0, 10.0]),
        ];
        let check = |nms: Nms, iou: f32, expected: &[f32]| {
            let got: Vec<f32> = survivors(field.clone(), nms, iou)
                .iter()
                .map(|survivor| survivor.confidence)
                .collect();
            assert_eq!(got, expected, "{nms:?} at {iou}");
        };
        check(Nms::ClassWise, 0.5, &[0.9, 0.7, 0.6]);
        check(Nms::ClassAgnostic, 0.5, &[0.9, 0.6]);
        check(Nms::None, 0.5, &[0.9, 0.8, 0.7, 0.6]);
        check(Nms::ClassAgnostic, 0.9, &[0.9, 0.8, 0.6]);
        check(Nms::ClassAgnostic, 1.0, &[0.9, 0.8, 0.7, 0.6]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        let row = vec![
            candidate(0, 0.9, [0.0, 0.0, 10.0, 10.0]),
            candidate(0, 0.8, [4.0, 0.0, 14.0, 10.0]),
            candidate(0, 0.7, [8.0, 0.0, 18.0, 10.0]),
        ];
        assert_eq!(survivors(row, Nms::ClassWise, 0.3).len(), 2);
    }

    #[test]
    fn what_is_not_finite_is_dropped() {
        let big = f32::MAX;
        for nms in [Nms::None, Nms::ClassWise, Nms::ClassAgnostic] {
            let field = vec![
                candidate(0, f32::NAN, [0.0, 0.0, 1.0, 1.0]),
                candidate(0, 0.9, [f32::NAN, 0.0, 1.0, 1.0]),
                candidate(0, 0.9, [0.0, 0.0, f32::INFINITY, 1.0]),
                candidate(0, 0.9, [-big, -big, big, big]),
                candidate(0, 0.9, [1.0, 1.0, 0.0, 0.0]),
                candidate(0, 0.1, [0.0, 0.0, 1.0, 1.0]),
            ];
            let left = survivors(field, nms, 0.5);
            assert_eq!(left, [candidate(0, 0.1, [0.0, 0.0, 1.0, 1.0])]);
        }
    }

    #[test]
    fn the_work_is_capped() {
        let far_apart = |n: u16| {
            let x = f32::from(n) * 10.0;
            candidate(0, f32::from(n) / 65_536.0, [x, 0.0, x + 1.0, 1.0])
        };
        let field: Vec<Candidate> = (0..40_000).map(far_apart).collect();
        assert_eq!(suppress(field, Nms::None, 0.5).count(), MAX_CANDIDATES);
    }

    fn nms() -> impl Strategy<Value = Nms> {
        prop_oneof![Just(Nms::ClassWise), Just(Nms::ClassAgnostic)]
    }

    /// Few distinct numbers, so that ties and equal boxes are common.
    fn field() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0_usize..3, 0_u8..10, 0_u8..20, 0_u8..20, 1_u8..10, 1_u8..10);
        let one = one.prop_map(|(class_id, confidence, x, y, width, height)| {
            let [x1, y1, x2, y2] = [x, y, x + width, y + height].map(f32::from);
            candidate(class_id, f32::from(confidence) / 10.0, [x1, y1, x2, y2])
        });
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn survivors_do_not_overlap(field in field(), nms in nms(), iou in 0.0_f32..1.0) {
            let left = survivors(field, nms, iou);
            for (index, a) in left.iter().enumerate() {
                for b in &left[..index] {
                    let compete = nms == Nms::ClassAgnostic || a.class_id == b.class_id;
                    prop_assert!(!compete || a.rect.iou(&b.rect) <= iou + 1e-6);
                }
            }
        }

        #[test]
        fn survivors_are_of_the_field_and_best_first(field in field(), nms in nms()) {
            let left = survivors(field.clone(), nms, 0.4);
            prop_assert!(left.iter().all(|survivor| field.contains(survivor)));
            prop_assert!(left.is_sorted_by(|a, b| a.confidence >= b.confidence));
            let best = field.iter().map(|c| c.confidence).max_by(f32::total_cmp);
            prop_assert_eq!(left.first().map(|survivor| survivor.confidence), best);
        }

        #[test]
        fn all_others_are_overlapped_by_a_survivor(field in field(), nms in nms()) {
            let left = survivors(field.clone(), nms, 0.4);
            for loser in field.iter().filter(|candidate| !left.contains(candidate)) {
                let beaten = left.iter().any(|survivor| {
                    let compete = nms == Nms::ClassAgnostic || survivor.class_id == loser.class_id;
                    compete && survivor.rect.iou(&loser.rect) > 0.4
                });
                prop_assert!(beaten, "nothing beats {loser:?}");
            }
        }

        #[test]
        fn again_changes_nothing(field in field(), nms in nms(), iou in 0.0_f32..1.0) {
            let once = survivors(field, nms, iou);
            prop_assert_eq!(survivors(once.clone(), nms, iou), once);
        }

        #[test]
        fn the_order_given_does_not_matter(
            (field, shuffled) in field().prop_flat_map(|f| (Just(f.clone()), Just(f).prop_shuffle())),
            nms in nms(),
        ) {
            prop_assert_eq!(survivors(field, nms, 0.4), survivors(shuffled, nms, 0.4));
        }
    }
}
