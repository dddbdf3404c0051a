//! Where a picture goes in a model's input: which part of it, to which part of the input.
//!
//! Every way of fitting comes down to one thing, a part of the picture resized onto a part of
//! the input, so that no way makes anything larger than the input, whatever the picture's shape.

use crate::{
    geometry::Size,
    model::contract::{
        input::{Input, Side, SideRange},
        resize::{Anchor, Fit},
    },
};

use super::{
    PictureError,
    placement::{Placement, Source, Target, Window},
};

/// Places a picture as the contract says.
///
/// # Errors
/// When the contract takes pictures as they are and this one has another size.
pub fn place(picture: Size, input: &Input) -> Result<Placement, PictureError> {
    let largest = Size::new(input.width.max(), input.height.max());
    match input.resize.fit() {
        Fit::Stretch => {
            let width = nearest_side(input.width, picture.width);
            let height = nearest_side(input.height, picture.height);
            Ok(Placement::whole(picture, Size::new(width, height)))
        }
        Fit::Letterbox { anchor, pad } => Ok(letterbox(picture, input, anchor, pad)),
        Fit::CenterCrop { fraction } => Ok(center_crop(picture, largest, fraction)),
        Fit::ShortestEdge { size } => Ok(shortest_edge(picture, largest, size)),
        Fit::None => as_it_is(picture, input),
    }
}

/// A fixed side; of a range, the multiple of the stride nearest to the picture's own side.
fn nearest_side(side: Side, pixels: u32) -> u32 {
    match side {
        Side::Fixed(fixed) => fixed,
        Side::Range(SideRange { min, max, stride }) => {
            let strides = (pixels + stride / 2) / stride;
            (strides * stride).clamp(min, max)
        }
    }
}

/// A fixed side; of a range, the smallest multiple of the stride that holds so many pixels.
fn holding_side(side: Side, pixels: u32) -> u32 {
    match side {
        Side::Fixed(fixed) => fixed,
        Side::Range(SideRange { min, max, stride }) => {
            pixels.next_multiple_of(stride).clamp(min, max)
        }
    }
}

/// Rounds to whole pixels, at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides are at most 2^16 pixels, and the cast saturates"
)]
fn at_least_one(pixels: f64) -> u32 {
    (pixels as u32).max(1)
}

/// As Ultralytics' `LetterBox` does it: one scale for both sides, sides rounded, and where the
/// padding is odd its smaller half comes first (`round(d - 0.1)`).
fn letterbox(picture: Size, input: &Input, anchor: Anchor, pad: u8) -> Placement {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let (max_width, max_height) = (input.width.max(), input.height.max());
    let scale = (f64::from(max_width) / width).min(f64::from(max_height) / height);
    let target_width = at_least_one((width * scale).round()).min(max_width);
    let target_height = at_least_one((height * scale).round()).min(max_height);
    let canvas = Size::new(
        holding_side(input.width, target_width),
        holding_side(input.height, target_height),
    );
    let (x, y) = match anchor {
        Anchor::Center => (
            (canvas.width - target_width) / 2,
            (canvas.height - target_height) / 2,
        ),
        Anchor::TopLeft => (0, 0),
    };
    let target = Target {
        x,
        y,
        width: target_width,
        height: target_height,
    };
    Placement {
        window: Window::whole(picture),
        source: Source::whole(picture),
        target,
        canvas,
        pad,
    }
}

/// As EfficientNet's `preprocess_for_eval` does it: a crop of whole pixels, in the shape of the
/// input, whose offset is rounded up. For a square input its side is `fraction` of the picture's
/// shorter side.
fn center_crop(picture: Size, canvas: Size, fraction: f64) -> Placement {
    let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
    let scale =
        fraction * (f64::from(picture.width) / width).min(f64::from(picture.height) / height);
    let crop_width = at_least_one((width * scale).floor()).min(picture.width);
    let crop_height = at_least_one((height * scale).floor()).min(picture.height);
    let window = Window {
        x: (picture.width - crop_width).div_ceil(2),
        y: (picture.height - crop_height).div_ceil(2),
        width: crop_width,
        height: crop_height,
    };
    let source = Source {
        x: f64::from(window.x),
        y: f64::from(window.y),
        width: f64::from(crop_width),
        height: f64::from(crop_height),
    };
    Placement {
        window,
        source,
        ..Placement::whole(picture, canvas)
    }
}

/// As torchvision's `Resize(size)` and `CenterCrop` do it: the longer side is
/// `int(size * long / short)`, offsets are rounded half to even, and a resized picture that is
/// smaller than the input is padded with 0. The crop is taken in the picture before resizing,
/// which gives the same pixels without ever making the resized picture whole.
fn shortest_edge(picture: Size, canvas: Size, size: Option<u32>) -> Placement {
    let shorter = f64::from(size.unwrap_or(canvas.width.min(canvas.height)));
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let (resized_width, resized_height) = if width <= height {
        (shorter, (shorter * height / width).floor())
    } else {
        ((shorter * width / height).floor(), shorter)
    };
    let (from_x, pixels_x, to_x) = center_axis(resized_width, canvas.width);
    let (from_y, pixels_y, to_y) = center_axis(resized_height, canvas.height);
    let (per_x, per_y) = (width / resized_width, height / resized_height);
    Placement {
        window: Window::whole(picture),
        source: Source {
            x: from_x * per_x,
            y: from_y * per_y,
            width: f64::from(pixels_x) * per_x,
            height: f64::from(pixels_y) * per_y,
        },
        target: Target {
            x: to_x,
            y: to_y,
            width: pixels_x,
            height: pixels_y,
        },
        canvas,
        pad: 0,
    }
}

/// The middle of one axis: where it begins in the resized picture, how long it is, and where it
/// begins in the input.
fn center_axis(resized: f64, canvas: u32) -> (f64, u32, u32) {
    let room = f64::from(canvas) - resized;
    if room <= 0.0 {
        ((-room / 2.0).round_ties_even(), canvas, 0)
    } else {
        let pixels = at_least_one(resized);
        (0.0, pixels, (canvas - pixels) / 2)
    }
}

fn as_it_is(picture: Size, input: &Input) -> Result<Placement, PictureError> {
    let takes = |side: Side, pixels: u32| match side {
        Side::Fixed(fixed) => pixels == fixed,
        Side::Range(SideRange { min, max, stride }) => {
            (min..=max).contains(&pixels) && pixels.is_multiple_of(stride)
        }
    };
    if takes(input.width, picture.width) && takes(input.height, picture.height) {
        return Ok(Placement::whole(picture, picture));
    }
    let text = |side: Side| match side {
        Side::Fixed(fixed) => fixed.to_string(),
        Side::Range(SideRange { min, max, stride }) => {
            format!("({min} to {max} in steps of {stride})")
        }
    };
    let wanted = format!("{}×{}", text(input.width), text(input.height));
    Err(PictureError::SizeMismatch {
        size: picture,
        wanted,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{geometry::Point, model::contract::Contract};

    fn input(rest: &str) -> Input {
        let output = "[output]\ndecoder = \"end_to_end\"";
        let text = format!("task = \"detection\"\n[input]\n{rest}\n{output}");
        Contract::parse(&text).expect("sound").input
    }

    const MODES: [&str; 7] = [
        "height = 224\nwidth = 224\nresize.mode = \"stretch\"",
        "height = 480\nwidth = 640\nresize.mode = \"letterbox\"",
        "height = 512\nwidth = 512\nresize = { mode = \"letterbox\", anchor = \"top_left\" }",
        "height = 224\nwidth = 224\nresize = { mode = \"center_crop\", fraction = 0.875 }",
        "height = 224\nwidth = 224\nresize = { mode = \"shortest_edge\", shortest_edge = 256 }",
        "height = 224\nwidth = 224\nresize = { mode = \"shortest_edge\", shortest_edge = 100 }",
        "height = { min = 320, max = 640 }\nwidth = { min = 320, max = 640 }\nresize.mode = \"letterbox\"",
    ];

    #[test]
    fn known_pictures_go_where_their_libraries_put_them() {
        let check =
            |rest: &str, (width, height): (u32, u32), source: [f64; 4], target: [u32; 4]| {
                let placed = place(Size::new(width, height), &input(rest)).expect("fits");
                let Source {
                    x,
                    y,
                    width,
                    height,
                } = placed.source;
                let close = [x, y, width, height]
                    .iter()
                    .zip(source)
                    .all(|(a, b)| (a - b).abs() < 1e-9);
                assert!(close, "{rest}: {:?}", placed.source);
                let Target {
                    x,
                    y,
                    width,
                    height,
                } = placed.target;
                assert_eq!([x, y, width, height], target, "{rest}");
            };
        check(
            MODES[0],
            (600, 400),
            [0.0, 0.0, 600.0, 400.0],
            [0, 0, 224, 224],
        );
        check(
            MODES[1],
            (600, 400),
            [0.0, 0.0, 600.0, 400.0],
            [0, 26, 640, 427],
        );
        check(
            MODES[2],
            (600, 400),
            [0.0, 0.0, 600.0, 400.0],
            [0, 0, 512, 341],
        );
        check(MODES[2], (4000, 3), [0.0, 0.0, 4000.0, 3.0], [0, 0, 512, 1]);
        check(
            MODES[3],
            (600, 400),
            [125.0, 25.0, 350.0, 350.0],
            [0, 0, 224, 224],
        );
        check(
            MODES[4],
            (600, 400),
            [125.0, 25.0, 350.0, 350.0],
            [0, 0, 224, 224],
        );
        check(
            MODES[5],
            (600, 400),
            [0.0, 0.0, 600.0, 400.0],
            [37, 62, 150, 100],
        );
    }

    #[test]
    fn a_dynamic_side_holds_the_picture_and_no_more() {
        let canvas = |width, height| {
            place(Size::new(width, height), &input(MODES[6]))
                .expect("fits")
                .canvas
        };
        assert_eq!(canvas(600, 400), Size::new(640, 448));
        assert_eq!(canvas(4000, 3), Size::new(640, 320));
    }

    #[test]
    fn a_picture_taken_as_it_is_must_have_the_size() {
        let input = input("height = 8\nwidth = { min = 32, max = 64 }\nresize.mode = \"none\"");
        assert!(place(Size::new(64, 8), &input).is_ok());
        let error = place(Size::new(65, 8), &input).expect_err("has another size");
        assert!(
            error.to_string().contains("(32 to 64 in steps of 32)×8"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn a_placement_stays_inside_and_its_geometry_maps_its_corners(
            width in 1_u32..=12_000,
            height in 1_u32..=12_000,
            mode in 0_usize..MODES.len(),
        ) {
            let picture = Size::new(width, height);
            let placed = place(picture, &input(MODES[mode])).expect("fits");
            let Placement { source, target, canvas, .. } = placed;
            prop_assert!(0.0 <= source.x && 0.0 <= source.y, "{source:?}");
            prop_assert!(0.0 < source.width && 0.0 < source.height, "{source:?}");
            prop_assert!(source.x + source.width <= f64::from(width) + 1e-6, "{source:?}");
            prop_assert!(source.y + source.height <= f64::from(height) + 1e-6, "{source:?}");
            prop_assert!(target.x + target.width <= canvas.width, "{target:?}");
            prop_assert!(target.y + target.height <= canvas.height, "{target:?}");
            prop_assert!(1 <= target.width && 1 <= target.height, "{target:?}");

            let geometry = placed.geometry(picture);
            #[expect(clippy::cast_possible_truncation, reason = "compared with a tolerance")]
            let corner = Point {
                x: (source.x + source.width) as f32,
                y: (source.y + source.height) as f32,
            };
            #[expect(clippy::cast_precision_loss, reason = "inputs are far below 2^24 pixels")]
            let expected = ((target.x + target.width) as f32, (target.y + target.height) as f32);
            let mapped = geometry.input_of(corner);
            prop_assert!((mapped.x - expected.0).abs() < 0.5, "{mapped:?}");
            prop_assert!((mapped.y - expected.1).abs() < 0.5, "{mapped:?}");
            let back = geometry.to_picture(mapped);
            prop_assert!((back.x - corner.x).abs() < 0.01, "{back:?}");
            prop_assert!((back.y - corner.y).abs() < 0.01, "{back:?}");
        }
    }
}
