use image::{DynamicImage, GrayImage, RgbImage, metadata::Orientation};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use crate::geometry::Size;

use super::{
    Decoded, ImageLimits, PictureError, corrupt,
    scans::{Sampling, Scans, frame},
    weight::Stated,
};

pub(super) const FORMAT: &str = "JPEG";

/// Most scans of a JPEG. Cameras and encoders write about ten; each costs a pass over
/// all coefficients, so 35 kB of a hundred empty scans would cost ten seconds.
const MAX_SCANS: usize = 32;

/// Most pixels of a JPEG of several scans, times their number: fifty megapixels in a dozen scans.
const MAX_SCANNED: u64 = 600_000_000;

/// Bytes for each coefficient that is kept, of which a component has one for each of its samples.
const COEFFICIENT: u64 = 2;

/// What the headers of the frame and of its first scan state.
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let frame = frame(bytes)?;
    let kept = if frame.kept {
        let [h, v] = frame.sampling.largest;
        let most = u64::from(h) * u64::from(v);
        (COEFFICIENT * u64::from(frame.sampling.blocks)).div_ceil(most.max(1))
    } else {
        0
    };
    Some(Stated {
        size: frame.size,
        bytes_per_pixel: 3 + kept,
        beside: 0,
    })
}

/// Decodes strictly: a truncated picture is an error, never half a picture.
pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let longest = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(longest)
        .set_max_height(longest)
        .jpeg_set_max_scans(MAX_SCANS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|error| corrupt(FORMAT, &error))?;
    let size = size(&decoder)?;
    limits.check(size)?;
    // What was weighed is what is decoded: markers where none belong can be read in two ways.
    let components = decoder.info().map(|info| info.components);
    let Some(weighed) = frame(bytes)
        .filter(|weighed| (weighed.size, Some(weighed.components)) == (size, components))
    else {
        return Err(corrupt(FORMAT, &"its markers can be read in two ways"));
    };
    plausible(bytes, size, weighed.sampling)?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colors = if grey {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colors));
    let pixels = decoder.decode().map_err(|error| corrupt(FORMAT, &error))?;
    let exif = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    let wrong_length = || corrupt(FORMAT, &"the pixels do not fill the picture");
    let pixels = if grey {
        let pixels = GrayImage::from_raw(size.width, size.height, pixels);
        DynamicImage::ImageLuma8(pixels.ok_or_else(wrong_length)?)
    } else {
        let pixels = RgbImage::from_raw(size.width, size.height, pixels);
        DynamicImage::ImageRgb8(pixels.ok_or_else(wrong_length)?)
    };
    Ok(Decoded {
        pixels,
        orientation: exif.unwrap_or(Orientation::NoTransforms),
        animated: false,
    })
}

fn size(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> Result<Size, PictureError> {
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let pixels = |side: usize| u32::try_from(side).map_err(|error| corrupt(FORMAT, &error));
    Ok(Size::new(pixels(width)?, pixels(height)?))
}

/// Refuses what would decode to garbage or for seconds: fewer bytes than a picture of that size has,
/// more scans than any encoder writes, a file that stops before its end, and samplings that the
/// decoder gets wrong.
fn plausible(bytes: &[u8], size: Size, sampling: Sampling) -> Result<(), PictureError> {
    let scans = Scans::of(bytes);
    if sampling.first != sampling.largest {
        let reason = format!("its first component is sampled {sampling}, only the finest is read");
        return Err(corrupt(FORMAT, &reason));
    }
    // Within one scan the blocks of a component lie by MCU, else by row; the decoder knows that of
    // progressive pictures alone.
    if !scans.progressive && 1 < scans.count && sampling.largest != [1, 1] {
        let [h, v] = sampling.largest;
        let reason = format!(
            "its components are sampled up to {h}×{v} and come in {} scans, which is read only of \
             progressive pictures or without sampling",
            scans.count
        );
        return Err(corrupt(FORMAT, &reason));
    }
    // An 8×8 block takes a bit to say that its mean is as before and, where its coefficients come
    // in one scan, another to say that nothing follows.
    let bits_per_block = if scans.progressive { 1 } else { 2 };
    let blocks = u64::from(size.width.div_ceil(8)) * u64::from(size.height.div_ceil(8));
    if bytes.len() as u64 * 8 < blocks * bits_per_block {
        return Err(PictureError::CutOff {
            bytes: bytes.len(),
            size,
        });
    }
    if MAX_SCANS < scans.count {
        let reason = format!("it has {} scans, at most {MAX_SCANS} are read", scans.count);
        return Err(corrupt(FORMAT, &reason));
    }
    let scanned = size.pixels().saturating_mul(scans.count as u64);
    let several = scans.progressive || 1 < scans.count;
    if several && MAX_SCANNED < scanned {
        let reason = format!(
            "its {} scans go over {scanned} pixels, at most {MAX_SCANNED} are read",
            scans.count
        );
        return Err(corrupt(FORMAT, &reason));
    }
    if !scans.ended {
        return Err(corrupt(FORMAT, &"the file ends before the picture does"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 7000×7000 pixels whose scans hold nothing.
    fn picture(sof: u8, components: u8, sampling: u8, scans: &[u8]) -> Vec<u8> {
        let [high, low] = 7000_u16.to_be_bytes();
        let mut bytes = vec![0xFF, 0xD8];
        let length = 8 + 3 * components;
        bytes.extend([0xFF, sof, 0, length, 8, high, low, high, low, components]);
        for component in 0..components {
            let factors = if component == 0 { sampling } else { 0x11 };
            bytes.extend([component, factors, 0]);
        }
        for components in scans {
            bytes.extend([0xFF, 0xDA, 0, 3, *components]);
        }
        bytes.resize(1 << 18, 0);
        bytes.extend([0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn coefficients_that_are_kept_are_weighed() {
        let check = |sof, components, in_scan, bytes_per_pixel| {
            let expected = Stated {
                size: Size::new(7000, 7000),
                bytes_per_pixel,
                beside: 0,
            };
            let stated = stated(&picture(sof, components, 0x11, &[in_scan]));
            assert_eq!(stated, Some(expected), "{sof:x} {components} {in_scan}");
        };
        check(0xC0, 1, 1, 3);
        check(0xC0, 3, 3, 3);
        check(0xC0, 4, 4, 3);
        check(0xC0, 3, 1, 9);
        check(0xC0, 4, 1, 11);
        check(0xC2, 1, 1, 5);
        check(0xC2, 3, 3, 9);
        check(0xC2, 4, 4, 11);
    }

    #[test]
    fn coarse_components_weigh_less() {
        let check = |sampling, bytes_per_pixel| {
            let stated = stated(&picture(0xC2, 3, sampling, &[3]));
            let stated = stated.map(|stated| stated.bytes_per_pixel);
            assert_eq!(stated, Some(bytes_per_pixel), "{sampling:x}");
        };
        check(0x11, 3 + 6);
        check(0x21, 3 + 4);
        check(0x22, 3 + 3);
        check(0x41, 3 + 3);
    }

    #[test]
    fn samplings_that_decode_to_garbage_are_refused() {
        let check = |sof, scans: &[u8], factors: &[u8], fits: bool| {
            let bytes = picture(sof, 3, 0x11, scans);
            let sampling = Sampling::of(factors.iter().copied());
            let found = plausible(&bytes, Size::new(7000, 7000), sampling);
            assert_eq!(found.is_ok(), fits, "{sof:x} {factors:x?}: {found:?}");
        };
        check(0xC0, &[3], &[0x11, 0x11, 0x11], true);
        check(0xC0, &[3], &[0x22, 0x11, 0x11], true);
        check(0xC0, &[3], &[0x22, 0x22, 0x22], true);
        check(0xC0, &[4], &[0x22, 0x11, 0x11, 0x22], true);
        check(0xC0, &[3], &[0x11, 0x22, 0x11], false);
        check(0xC2, &[3], &[0x11, 0x21, 0x21], false);
        check(0xC0, &[3], &[0x21, 0x12, 0x11], false);
        check(0xC0, &[1, 1, 1], &[0x11, 0x11, 0x11], true);
        check(0xC0, &[1, 1, 1], &[0x22, 0x11, 0x11], false);
        check(0xC1, &[1, 2], &[0x21, 0x11, 0x11], false);
        check(0xC2, &[3, 1, 1], &[0x22, 0x11, 0x11], true);
    }

    #[test]
    fn scans_over_many_pixels_are_refused_of_every_kind() {
        let check = |sof, scans: usize, fits: bool| {
            let bytes = picture(sof, 3, 0x11, &vec![1; scans]);
            let sampling = Sampling::of([0x11; 3].into_iter());
            let found = plausible(&bytes, Size::new(7000, 7000), sampling);
            assert_eq!(found.is_ok(), fits, "{sof:x}, {scans} scans: {found:?}");
        };
        for sof in [0xC0, 0xC1, 0xC2] {
            check(sof, 1, true);
            check(sof, 3, true);
            check(sof, 12, true);
            check(sof, 13, false);
            check(sof, 33, false);
        }
    }
}
