//! From the model's input pixels back to the picture's.

use super::candidate::{Candidate, CandidatePoint};
use crate::geometry::Geometry;

/// The candidate in the picture's pixels, box and points clipped to the picture. `None` where
/// nothing of the box lies in the picture, as in the padding of a letterbox.
#[must_use]
pub fn map_back(candidate: Candidate, geometry: &Geometry) -> Option<Candidate> {
    let rect = geometry
        .rect_to_picture(&candidate.rect)
        .clip(geometry.picture);
    if rect.area() <= 0.0 {
        return None;
    }
    let keypoints = candidate
        .keypoints
        .into_iter()
        .map(|keypoint| CandidatePoint {
            point: geometry.to_picture(keypoint.point).clip(geometry.picture),
            ..keypoint
        })
        .collect();
    Some(Candidate {
        rect,
        keypoints,
        ..candidate
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Point, Rect, Size};

    /// 200×100 in the middle of 100×100.
    const LETTERBOX: Geometry = Geometry {
        picture: Size::new(200, 100),
        input: Size::new(100, 100),
        scale: [0.5, 0.5],
        offset: [0.0, 25.0],
    };

    fn candidate([x1, y1, x2, y2]: [f32; 4], points: &[[f32; 2]]) -> Candidate {
        Candidate {
            class_id: 0,
            confidence: 1.0,
            rect: Rect { x1, y1, x2, y2 },
            keypoints: points
                .iter()
                .map(|&[x, y]| CandidatePoint {
                    point: Point { x, y },
                    confidence: None,
                })
                .collect(),
        }
    }

    #[test]
    fn out_of_the_letterbox() {
        let check = |input: [f32; 4], expected: Option<[f32; 4]>| {
            let rect = map_back(candidate(input, &[]), &LETTERBOX).map(|found| found.rect);
            let expected = expected.map(|[x1, y1, x2, y2]| Rect { x1, y1, x2, y2 });
            assert_eq!(rect, expected, "{input:?}");
        };
        check([10.0, 35.0, 20.0, 45.0], Some([20.0, 20.0, 40.0, 40.0]));
        check([-5.0, 0.0, 200.0, 50.0], Some([0.0, 0.0, 200.0, 50.0]));
        check([10.0, 0.0, 20.0, 25.0], None);
        check([10.0, 80.0, 20.0, 99.0], None);
    }

    #[test]
    fn points_come_along() {
        let found = map_back(
            candidate([0.0, 25.0, 100.0, 75.0], &[[50.0, 50.0], [50.0, 0.0]]),
            &LETTERBOX,
        )
        .expect("it lies in the picture");
        assert_eq!(found.keypoints[0].point, Point { x: 100.0, y: 50.0 });
        assert_eq!(found.keypoints[1].point, Point { x: 100.0, y: 0.0 });
    }

    proptest! {
        #[test]
        fn nothing_leaves_the_picture(
            rect in prop::array::uniform4(-1e6_f32..1e6),
            point in prop::array::uniform2(-1e6_f32..1e6),
            scale in prop::array::uniform2(1e-3_f64..1e3),
            offset in prop::array::uniform2(-1e3_f64..1e3),
            picture in prop::array::uniform2(1_u32..5000),
        ) {
            let [width, height] = picture.map(|side| side as f32);
            let geometry = Geometry {
                picture: Size::new(picture[0], picture[1]),
                input: Size::new(640, 640),
                scale,
                offset,
            };
            if let Some(found) = map_back(candidate(rect, &[point]), &geometry) {
                let Rect { x1, y1, x2, y2 } = found.rect;
                prop_assert!(0.0 <= x1 && x1 < x2 && x2 <= width);
                prop_assert!(0.0 <= y1 && y1 < y2 && y2 <= height);
                let Point { x, y } = found.keypoints[0].point;
                prop_assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y));
            }
        }
    }
}
