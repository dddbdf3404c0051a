//! Colours of classes, and the text colour that can be read on them.

use image::Rgb;

pub(super) const BLACK: Rgb<u8> = Rgb([0, 0, 0]);
pub(super) const WHITE: Rgb<u8> = Rgb([255, 255, 255]);

/// Degrees between the hues of neighbouring classes: the golden angle, by which any number of
/// hues spread evenly without ever repeating.
const GOLDEN_ANGLE: f32 = 137.507_77;

/// The colour of a class: always the same one, and unlike those of its neighbours.
pub(super) fn of_class(class_id: usize) -> Rgb<u8> {
    // Beyond this many classes hues differ by less than a quarter of a degree anyway.
    let nth = (class_id % 1440) as f32;
    let hue = (nth * GOLDEN_ANGLE + 20.0).rem_euclid(360.0);
    match class_id % 3 {
        0 => from_hsv(hue, 0.85, 1.0),
        1 => from_hsv(hue, 0.60, 1.0),
        _ => from_hsv(hue, 0.90, 0.80),
    }
}

/// Black or white, whichever contrasts more with `background`: at least 4.58 : 1, since the
/// product of both contrasts is 21.
pub(super) fn readable_on(background: Rgb<u8>) -> Rgb<u8> {
    if contrast(background, WHITE) < contrast(background, BLACK) {
        BLACK
    } else {
        WHITE
    }
}

/// Contrast ratio in 1..=21, as WCAG 2.2 defines it.
fn contrast(a: Rgb<u8>, b: Rgb<u8>) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Relative luminance in 0..=1, as WCAG 2.2 defines it for sRGB.
fn luminance(Rgb([r, g, b]): Rgb<u8>) -> f32 {
    let linear = |channel: u8| {
        let c = f32::from(channel) / 255.0;
        if c <= 0.040_45 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// HSV to RGB: hue in 0..360 degrees, saturation and value in 0..=1 (Smith, "Color gamut
/// transform pairs", 1978).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded from 0..=255"
)]
fn from_hsv(hue: f32, saturation: f32, value: f32) -> Rgb<u8> {
    let channel = |n: f32| {
        let k = (n + hue / 60.0).rem_euclid(6.0);
        let level = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (level * 255.0).round() as u8
    };
    Rgb([channel(5.0), channel(3.0), channel(1.0)])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn hsv_of_known_colours() {
        let check = |hue: f32, saturation: f32, value: f32, expected: [u8; 3]| {
            assert_eq!(from_hsv(hue, saturation, value).0, expected);
        };
        check(0.0, 1.0, 1.0, [255, 0, 0]);
        check(60.0, 1.0, 1.0, [255, 255, 0]);
        check(120.0, 1.0, 1.0, [0, 255, 0]);
        check(240.0, 1.0, 0.4, [0, 0, 102]);
        check(200.0, 0.0, 1.0, [255, 255, 255]);
    }

    #[test]
    fn text_can_be_read_on_every_class() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 1e-3);
        for class_id in 0..2000 {
            let color = of_class(class_id);
            let ratio = contrast(color, readable_on(color));
            assert!(4.5 <= ratio, "class {class_id}: {ratio}");
        }
    }

    #[test]
    fn classes_differ_in_colour() {
        let colors: HashSet<_> = (0..200).map(of_class).collect();
        assert_eq!(colors.len(), 200);
        let _: Rgb<u8> = of_class(usize::MAX);
    }
}
