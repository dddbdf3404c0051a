//! Any pixels to eight-bit RGB.

use image::{DynamicImage, RgbImage, RgbaImage};

/// Eight-bit RGB. Grey is repeated, sixteen bits are rounded to eight, transparency is laid over
/// the background (RGB). In one pass, and where there is room for it in place: a copy takes memory
/// and time.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what has no alpha is the same to it"
)]
pub(super) fn to_rgb(pixels: DynamicImage, background: [u8; 3]) -> RgbImage {
    let size = (pixels.width(), pixels.height());
    let grey = |[grey, alpha]: [u8; 2]| over([grey, grey, grey, alpha], background);
    match pixels {
        DynamicImage::ImageLumaA8(pixels) => each(size, &pixels, grey),
        DynamicImage::ImageLumaA16(pixels) => {
            each(size, &pixels, |pixel: [u16; 2]| grey(pixel.map(rounded)))
        }
        DynamicImage::ImageRgba8(pixels) => in_place(pixels, background),
        DynamicImage::ImageRgba16(pixels) => each(size, &pixels, |pixel: [u16; 4]| {
            over(pixel.map(rounded), background)
        }),
        pixels => pixels.into_rgb8(),
    }
}

/// A picture of what each pixel becomes.
fn each<const CHANNELS: usize, T: Copy>(
    (width, height): (u32, u32),
    values: &[T],
    becomes: impl Fn([T; CHANNELS]) -> [u8; 3],
) -> RgbImage {
    let mut picture = RgbImage::new(width, height);
    let (from, _) = values.as_chunks::<CHANNELS>();
    let (to, _) = picture.as_chunks_mut::<3>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = becomes(*from);
    }
    picture
}

/// The pixels without their alpha, where they were: a run of them at a time, which is made beside.
fn in_place(pixels: RgbaImage, background: [u8; 3]) -> RgbImage {
    const RUN: usize = 256;
    let (width, height) = pixels.dimensions();
    let count = pixels.len() / 4;
    let mut bytes = pixels.into_raw();
    let mut run = [[0; 3]; RUN];
    for done in (0..count).step_by(RUN) {
        let (from, _) = bytes.as_chunks();
        for (made, from) in run.iter_mut().zip(from.iter().skip(done)) {
            *made = over(*from, background);
        }
        let (to, _) = bytes.as_chunks_mut::<3>();
        for (to, made) in to.iter_mut().skip(done).zip(&run).take(count - done) {
            *to = *made;
        }
    }
    bytes.truncate(3 * count);
    RgbImage::from_raw(width, height, bytes).unwrap_or_default()
}

fn over([r, g, b, alpha]: [u8; 4], [behind_r, behind_g, behind_b]: [u8; 3]) -> [u8; 3] {
    [
        blend(r, behind_r, alpha),
        blend(g, behind_g, alpha),
        blend(b, behind_b, alpha),
    ]
}

/// Sixteen bits as eight, to the nearest.
#[expect(clippy::cast_possible_truncation, reason = "65535 / 257 is 255")]
fn rounded(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// `color * alpha + behind * (1 - alpha)`, rounded to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a mean of two bytes is a byte"
)]
fn blend(color: u8, behind: u8, alpha: u8) -> u8 {
    let (color, behind, alpha) = (u32::from(color), u32::from(behind), u32::from(alpha));
    ((color * alpha + behind * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, LumaA, Rgba, RgbaImage};

    use super::*;

    fn first(pixels: DynamicImage) -> [u8; 3] {
        to_rgb(pixels, [10, 20, 30]).get_pixel(0, 0).0
    }

    #[test]
    fn transparency_shows_the_background() {
        let rgba = |pixel| DynamicImage::ImageRgba8(RgbaImage::from_pixel(1, 1, Rgba(pixel)));
        assert_eq!(first(rgba([200, 100, 0, 255])), [200, 100, 0]);
        assert_eq!(first(rgba([200, 100, 0, 0])), [10, 20, 30]);
        assert_eq!(first(rgba([200, 100, 0, 128])), [105, 60, 15]);
        let grey = ImageBuffer::from_pixel(1, 1, LumaA([0_u16, 0]));
        assert_eq!(first(DynamicImage::ImageLumaA16(grey)), [10, 20, 30]);
    }

    #[test]
    fn every_pixel_keeps_its_place() {
        for (width, height) in [(1, 1), (255, 1), (256, 1), (257, 3), (31, 41)] {
            let mut value = 0_u8;
            let picture = RgbaImage::from_fn(width, height, |_, _| {
                value = value.wrapping_mul(31).wrapping_add(17);
                Rgba([value, value ^ 0x55, !value, value.rotate_left(3)])
            });
            let each = picture.pixels().map(|pixel| over(pixel.0, [10, 20, 30]));
            let expected: Vec<[u8; 3]> = each.collect();
            let made = to_rgb(DynamicImage::ImageRgba8(picture), [10, 20, 30]);
            assert_eq!(made.dimensions(), (width, height));
            let made: Vec<[u8; 3]> = made.pixels().map(|pixel| pixel.0).collect();
            assert_eq!(made, expected);
        }
    }

    #[test]
    fn sixteen_bits_are_rounded() {
        let grey = |value| DynamicImage::ImageLuma16(ImageBuffer::from_pixel(1, 1, Luma([value])));
        assert_eq!(first(grey(0xFFFF)), [255; 3]);
        assert_eq!(first(grey(0x8000)), [128; 3]);
        for value in [0, 127, 128, 129, 384, 385, 0x7FFF, 0x8000, 0xFF7F, 0xFFFF] {
            let plain = first(grey(value));
            let opaque = ImageBuffer::from_pixel(1, 1, LumaA([value, 0xFFFF]));
            assert_eq!(first(DynamicImage::ImageLumaA16(opaque)), plain, "{value}");
            let opaque = ImageBuffer::from_pixel(1, 1, Rgba([value, value, value, 0xFFFF]));
            assert_eq!(first(DynamicImage::ImageRgba16(opaque)), plain, "{value}");
        }
    }
}
