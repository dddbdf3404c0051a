use image::{DynamicImage, GrayImage, RgbImage};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use crate::geometry::Size;

use super::{
    Decoded, ImageLimits, PictureError, corrupt, exif,
    scans::{Frame, Scans, frame},
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

/// Ones, as entropy-coded data with an end behind. No code is all ones (T.81, C), so that a decoder
/// that reads on where data is missing meets an error; without them it makes the rest up.
const ONES: [u8; 18] = *b"\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\xD9";

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
        // A copy with an end of our own.
        beside: (bytes.len() + ONES.len()) as u64,
    })
}

/// Decodes strictly: a truncated picture is an error, never half a picture.
pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let mut decoder = opened(bytes)?;
    let size = size(&decoder)?;
    limits.check(size)?;
    // What was weighed is what is decoded: markers where none belong can be read in two ways.
    let components = decoder.info().map(|info| info.components);
    let Some(weighed) = frame(bytes)
        .filter(|weighed| (weighed.size, Some(weighed.components)) == (size, components))
    else {
        return Err(corrupt(FORMAT, &"its markers can be read in two ways"));
    };
    let scans = Scans::of(bytes);
    plausible(bytes, &scans, weighed)?;
    let closed = closed(bytes, &scans, weighed.kept);
    if let Some(closed) = &closed {
        decoder = opened(closed)?;
    }
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colors = if grey {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colors));
    let pixels = decoder.decode().map_err(|error| corrupt(FORMAT, &error))?;
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
        orientation: exif::orientation(decoder.exif().map(Vec::as_slice)),
        animated: false,
    })
}

/// A decoder that has read the headers.
fn opened(bytes: &[u8]) -> Result<JpegDecoder<ZCursor<&[u8]>>, PictureError> {
    let longest = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(longest)
        .set_max_height(longest)
        .jpeg_set_max_scans(MAX_SCANS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let headers = decoder.decode_headers();
    headers.map_err(|error| corrupt(FORMAT, &error))?;
    Ok(decoder)
}

/// The picture up to the end of the scan that ends it, with ones behind: where all is there, they
/// are not read. None where the decoder looks for a marker right behind its only scan.
fn closed(bytes: &[u8], scans: &Scans, kept: bool) -> Option<Vec<u8>> {
    if scans.progressive && scans.count == 1 {
        return None;
    }
    let end = if kept {
        scans.last_end
    } else {
        scans.first_end
    };
    let data = bytes.get(..end)?;
    // Before a marker there may be any number of bytes to fill.
    let length = data.iter().rposition(|byte| *byte != 0xFF)? + 1;
    Some([data.get(..length)?, &ONES].concat())
}

fn size(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> Result<Size, PictureError> {
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let pixels = |side: usize| u32::try_from(side).map_err(|error| corrupt(FORMAT, &error));
    Ok(Size::new(pixels(width)?, pixels(height)?))
}

/// Refuses what would decode to garbage or for seconds: fewer bytes than a picture of that size has,
/// more scans than any encoder writes, a file that stops before its end or lacks a component, and
/// samplings that the decoder gets wrong.
fn plausible(bytes: &[u8], scans: &Scans, frame: Frame) -> Result<(), PictureError> {
    let (size, sampling) = (frame.size, frame.sampling);
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
    let (there, all) = (scans.components.len(), usize::from(frame.components));
    if there < all {
        let reason = format!("its scans have {there} of its {all} components");
        return Err(corrupt(FORMAT, &reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::scans::Sampling, *};

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
            let length = 3 + 2 * components;
            bytes.extend([0xFF, 0xDA, 0, length, *components]);
            for component in 0..*components {
                bytes.extend([component, 0]);
            }
        }
        bytes.resize(1 << 18, 0);
        bytes.extend([0xFF, 0xD9]);
        bytes
    }

    fn judged(bytes: &[u8], sampling: Sampling) -> Result<(), PictureError> {
        let mut frame = frame(bytes).expect("a frame");
        frame.sampling = sampling;
        plausible(bytes, &Scans::of(bytes), frame)
    }

    #[test]
    fn coefficients_that_are_kept_are_weighed() {
        let check = |sof, components, in_scan, bytes_per_pixel| {
            let stated = stated(&picture(sof, components, 0x11, &[in_scan]));
            let stated = stated.map(|stated| (stated.size, stated.bytes_per_pixel));
            let expected = (Size::new(7000, 7000), bytes_per_pixel);
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
            let found = judged(&bytes, Sampling::of(factors.iter().copied()));
            assert_eq!(found.is_ok(), fits, "{sof:x} {factors:x?}: {found:?}");
        };
        check(0xC0, &[3], &[0x11, 0x11, 0x11], true);
        check(0xC0, &[3], &[0x22, 0x11, 0x11], true);
        check(0xC0, &[3], &[0x22, 0x22, 0x22], true);
        check(0xC0, &[4], &[0x22, 0x11, 0x11, 0x22], true);
        check(0xC0, &[3], &[0x11, 0x22, 0x11], false);
        check(0xC2, &[3], &[0x11, 0x21, 0x21], false);
        check(0xC0, &[3], &[0x21, 0x12, 0x11], false);
        check(0xC0, &[1, 1, 3], &[0x11, 0x11, 0x11], true);
        check(0xC0, &[1, 2, 1], &[0x11, 0x11, 0x11], false);
        check(0xC0, &[1, 1, 1], &[0x22, 0x11, 0x11], false);
        check(0xC1, &[1, 2], &[0x21, 0x11, 0x11], false);
        check(0xC2, &[3, 1, 1], &[0x22, 0x11, 0x11], true);
    }

    #[test]
    fn scans_over_many_pixels_are_refused_of_every_kind() {
        let check = |sof, scans: usize, fits: bool| {
            let bytes = picture(sof, 3, 0x11, &vec![3; scans]);
            let found = judged(&bytes, Sampling::of([0x11; 3].into_iter()));
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
