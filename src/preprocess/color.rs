//! Any pixels to eight-bit RGB.

use image::{DynamicImage, RgbImage};

/// Eight-bit RGB. Grey is repeated, sixteen bits are rounded to eight, transparency is laid over
/// the background (RGB).
pub(super) fn to_rgb(pixels: DynamicImage, background: [u8; 3]) -> RgbImage {
    if !pixels.color().has_alpha() {
        return pixels.into_rgb8();
    }
    let pixels = pixels.into_rgba8();
    let (width, height) = pixels.dimensions();
    let mut over = RgbImage::new(width, height);
    let (rgba, _) = pixels.as_raw().as_chunks::<4>();
    let (rgb, _) = over.as_chunks_mut::<3>();
    for (to, [r, g, b, alpha]) in rgb.iter_mut().zip(rgba) {
        let [behind_r, behind_g, behind_b] = background;
        *to = [
            blend(*r, behind_r, *alpha),
            blend(*g, behind_g, *alpha),
            blend(*b, behind_b, *alpha),
        ];
    }
    over
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
    fn sixteen_bits_are_rounded() {
        let grey = |value| DynamicImage::ImageLuma16(ImageBuffer::from_pixel(1, 1, Luma([value])));
        assert_eq!(first(grey(0xFFFF)), [255; 3]);
        assert_eq!(first(grey(0x8000)), [128; 3]);
    }
}
