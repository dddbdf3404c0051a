use std::io::Cursor;

use image::{ImageDecoder as _, Limits, codecs::gif::GifDecoder, metadata::Orientation};

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, corrupt, read, weight::Stated};

const FORMAT: &str = "GIF";

/// Most pixels that a byte stands for: a code of LZW has at most 12 bits and stands for at most as
/// many pixels as there are codes by then, which is densest at 4096 in 12 bits.
const PIXELS_PER_BYTE: u64 = 4096 * 8 / 12 + 1;

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let animated = check_frames(bytes, limits)?;
    let mut decoder =
        GifDecoder::new(Cursor::new(bytes)).map_err(|error| corrupt(FORMAT, &error))?;
    let mut memory = Limits::no_limits();
    // RGBA of the screen, and of a frame that does not fill it.
    memory.max_alloc = Some(limits.max_pixels.saturating_mul(8));
    decoder
        .set_limits(memory)
        .map_err(|error| corrupt(FORMAT, &error))?;
    Ok(Decoded {
        pixels: read(decoder, limits, FORMAT)?,
        orientation: Orientation::NoTransforms,
        animated,
    })
}

/// What the logical screen descriptor states (`GIF89a`, 18).
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let [w0, w1, h0, h1] = *bytes.get(6..)?.first_chunk()?;
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]));
    Some(Stated {
        size: Size::new(side(w0, w1), side(h0, h1)),
        // RGBA of the screen, and of a frame that does not fill it.
        bytes_per_pixel: 4 + 4,
    })
}

/// Checks the sizes of the screen and of the first frame, which may be larger than its screen, and
/// tells whether a second frame follows. Frames are skipped over, not decoded.
fn check_frames(bytes: &[u8], limits: ImageLimits) -> Result<bool, PictureError> {
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options
        .read_info(Cursor::new(bytes))
        .map_err(|error| corrupt(FORMAT, &error))?;
    limits.check(Size::new(
        u32::from(decoder.width()),
        u32::from(decoder.height()),
    ))?;
    match decoder.next_frame_info() {
        Ok(Some(frame)) => {
            let size = Size::new(frame.width.into(), frame.height.into());
            limits.check(size)?;
            if PIXELS_PER_BYTE.saturating_mul(bytes.len() as u64) < size.pixels() {
                let bytes = bytes.len();
                return Err(PictureError::CutOff { bytes, size });
            }
        }
        Ok(None) => return Err(corrupt(FORMAT, &"it has no frame")),
        Err(error) => return Err(corrupt(FORMAT, &error)),
    }
    Ok(matches!(decoder.next_frame_info(), Ok(Some(_))))
}
