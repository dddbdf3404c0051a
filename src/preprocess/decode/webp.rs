use std::io::Cursor;

use image::{ImageDecoder as _, codecs::webp::WebPDecoder, metadata::Orientation};

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, corrupt, header_limits, read, weight::Stated};

pub(super) const FORMAT: &str = "WebP";

/// Length of the RIFF header and its form type.
const RIFF_HEADER: usize = 12;

/// Length of a chunk's name and size.
const CHUNK_HEADER: usize = 8;

/// Length of an animation frame's own fields, before its chunks.
const FRAME_HEADER: usize = 16;

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    // The decoder allocates a frame by the frame's own header, before it compares that with the
    // canvas: both are held against the limits.
    if let Some(size) = frame_size(bytes.get(RIFF_HEADER..).unwrap_or_default()) {
        limits.check(size)?;
    }
    let mut decoder =
        WebPDecoder::new(Cursor::new(bytes)).map_err(|error| corrupt(FORMAT, &error))?;
    let (width, height) = decoder.dimensions();
    limits.check(Size::new(width, height))?;
    decoder
        .set_limits(header_limits(limits))
        .map_err(|error| corrupt(FORMAT, &error))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let animated = decoder.has_animation();
    Ok(Decoded {
        pixels: read(decoder, limits, FORMAT)?,
        orientation,
        animated,
    })
}

/// What the canvas and the first frame state, of the larger.
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let chunks = bytes.get(RIFF_HEADER..)?;
    let sizes = [canvas_size(chunks), frame_size(chunks)];
    let size = sizes
        .into_iter()
        .flatten()
        .max_by_key(|size| size.pixels())?;
    Some(Stated {
        size,
        bytes_per_pixel: 7,
    })
}

/// Size of the canvas, where there is one apart from the frame (RFC 9649, 2.7).
fn canvas_size(chunks: &[u8]) -> Option<Size> {
    let header = chunks.strip_prefix(b"VP8X")?;
    let [w0, w1, w2, h0, h1, h2] = *header.get(8..)?.first_chunk()?;
    let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
    Some(Size::new(side(w0, w1, w2), side(h0, h1, h2)))
}

/// Size in the first frame's bitstream (RFC 9649, 2.5 to 2.7; RFC 6386, 9.1).
fn frame_size(mut chunks: &[u8]) -> Option<Size> {
    loop {
        let name = chunks.first_chunk::<4>()?;
        let length = u32::from_le_bytes(*chunks.get(4..)?.first_chunk()?) as usize;
        let body = chunks.get(CHUNK_HEADER..)?;
        match name {
            b"VP8 " => return lossy(body),
            b"VP8L" => return lossless(body),
            b"ANMF" => chunks = body.get(FRAME_HEADER..)?,
            // Chunks are padded to an even length.
            _ => chunks = body.get(length.checked_add(length % 2)?..)?,
        }
    }
}

fn lossy(body: &[u8]) -> Option<Size> {
    let [w0, w1, h0, h1] = *body.get(6..)?.first_chunk()?;
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
    Some(Size::new(side(w0, w1), side(h0, h1)))
}

fn lossless(body: &[u8]) -> Option<Size> {
    let bits = u32::from_le_bytes(*body.get(1..)?.first_chunk()?);
    Some(Size::new((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
}
