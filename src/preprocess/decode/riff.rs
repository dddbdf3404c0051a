//! The container of a WebP, down to the one frame that is decoded (RFC 9649, 2).

use std::borrow::Cow;

use crate::geometry::Size;

/// Length of the RIFF header and its form type.
const HEADER: usize = 12;

/// Length of a chunk's name and size.
const CHUNK_HEADER: usize = 8;

/// Length of an animation frame's own fields, before its chunks.
const FRAME_HEADER: usize = 16;

const ALPHA: u8 = 0x10;
const ANIMATION: u8 = 0x02;

/// The picture of a file, or the first of its animation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Still<'a> {
    /// The canvas, and where on it the frame lies.
    pub(super) canvas: Size,
    pub(super) left: u32,
    pub(super) top: u32,
    /// The frame's size by its own bitstream, and by the field of an animation beside it.
    pub(super) size: Size,
    pub(super) field: Size,
    /// Whether there is more than the bitstream: a canvas, and what it may have.
    pub(super) extended: bool,
    pub(super) animated: bool,
    /// Whether the canvas has an alpha.
    pub(super) has_alpha: bool,
    pub(super) stream: Stream<'a>,
    pub(super) exif: Option<&'a [u8]>,
}

/// A bitstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream<'a> {
    /// VP8, with an alpha channel beside where one is shown.
    Lossy {
        body: &'a [u8],
        alpha: Option<&'a [u8]>,
    },
    /// VP8L.
    Lossless { body: &'a [u8] },
}

impl<'a> Still<'a> {
    /// Finds the frame that is decoded: of one that is not animated the first bitstream, else that
    /// of the first frame. None where there is none, or a chunk before it is cut off.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut all = chunks(bytes.get(HEADER..)?);
        let (name, header) = all.next()?;
        if name != *b"VP8X" {
            return Self::new(Stream::of(name, header, None)?);
        }
        let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = *header.first_chunk()?;
        let animated = flags & ANIMATION != 0;
        let (mut still, mut alpha, mut exif) = (None, None, None);
        for (name, body) in all {
            match &name {
                b"EXIF" => exif = exif.or(Some(body)),
                b"ALPH" => alpha = alpha.or(Some(body)),
                b"ANMF" if animated && still.is_none() => still = Some(Self::of_animation(body)?),
                b"VP8 " | b"VP8L" if !animated && still.is_none() => {
                    still = Some(Self::new(Stream::of(name, body, alpha)?)?);
                }
                _ => (),
            }
        }
        let mut still = still?;
        still.canvas = Size::new(side(w0, w1, w2), side(h0, h1, h2));
        still.extended = true;
        still.animated = animated;
        still.has_alpha = flags & ALPHA != 0;
        still.exif = exif;
        if let Stream::Lossy { alpha, .. } = &mut still.stream
            && !still.has_alpha
        {
            *alpha = None;
        }
        Some(still)
    }

    /// A bitstream by itself.
    fn new(stream: Stream<'a>) -> Option<Self> {
        let size = stream.size()?;
        Some(Self {
            canvas: size,
            left: 0,
            top: 0,
            size,
            field: size,
            extended: false,
            animated: false,
            has_alpha: false,
            stream,
            exif: None,
        })
    }

    /// A frame of an animation.
    fn of_animation(body: &'a [u8]) -> Option<Self> {
        let [x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2] = *body.first_chunk()?;
        let mut inner = chunks(body.get(FRAME_HEADER..)?);
        let (mut name, mut data) = inner.next()?;
        let mut alpha = None;
        if name == *b"ALPH" {
            alpha = Some(data);
            (name, data) = inner.next()?;
        }
        Some(Self {
            left: 2 * u32::from_le_bytes([x0, x1, x2, 0]),
            top: 2 * u32::from_le_bytes([y0, y1, y2, 0]),
            field: Size::new(side(w0, w1, w2), side(h0, h1, h2)),
            ..Self::new(Stream::of(name, data, alpha)?)?
        })
    }

    /// Whether the frame is all of the canvas.
    pub(super) fn fills(&self) -> bool {
        (self.left, self.top, self.size) == (0, 0, self.canvas)
    }

    /// Whether the frame lies on the canvas as the container says; without an animation it fills it.
    pub(super) fn fits(&self) -> bool {
        let right = self.left.checked_add(self.size.width);
        let bottom = self.top.checked_add(self.size.height);
        self.field == self.size
            && (self.animated || self.fills())
            && right.is_some_and(|right| right <= self.canvas.width)
            && bottom.is_some_and(|bottom| bottom <= self.canvas.height)
    }

    /// The frame as a file of its own, in pieces, without a canvas around it and what belongs to
    /// that.
    pub(super) fn file(&self) -> Vec<Cow<'a, [u8]>> {
        let (name, body, alpha) = match self.stream {
            Stream::Lossy { body, alpha } => (b"VP8 ", body, alpha),
            Stream::Lossless { body } => (b"VP8L", body, None),
        };
        let shows_alpha = self.has_alpha && (alpha.is_some() || name == b"VP8L");
        let [w0, w1, w2, _] = self.size.width.saturating_sub(1).to_le_bytes();
        let [h0, h1, h2, _] = self.size.height.saturating_sub(1).to_le_bytes();
        let flags = if shows_alpha { ALPHA } else { 0 };
        let canvas = vec![flags, 0, 0, 0, w0, w1, w2, h0, h1, h2];
        let mut pieces = vec![Cow::Borrowed(&b"WEBP"[..])];
        push(&mut pieces, *b"VP8X", canvas.into());
        if let Some(alpha) = alpha {
            push(&mut pieces, *b"ALPH", alpha.into());
        }
        push(&mut pieces, *name, body.into());
        let length = pieces.iter().map(|piece| piece.len()).sum();
        pieces.insert(0, header(*b"RIFF", length));
        pieces
    }
}

impl<'a> Stream<'a> {
    fn of(name: [u8; 4], body: &'a [u8], alpha: Option<&'a [u8]>) -> Option<Self> {
        match &name {
            b"VP8 " => Some(Self::Lossy { body, alpha }),
            b"VP8L" => Some(Self::Lossless { body }),
            _ => None,
        }
    }

    /// The size in its header (RFC 9649, 3.4; RFC 6386, 9.1).
    fn size(self) -> Option<Size> {
        match self {
            Self::Lossy { body, .. } => {
                let [w0, w1, h0, h1] = *body.get(6..)?.first_chunk()?;
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
                Some(Size::new(side(w0, w1), side(h0, h1)))
            }
            Self::Lossless { body } => {
                let bits = u32::from_le_bytes(*body.get(1..)?.first_chunk()?);
                Some(Size::new((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
            }
        }
    }
}

/// Whether all of the file is there that its header states.
pub(super) fn ended(bytes: &[u8]) -> bool {
    let stated = bytes.get(4..).and_then(|bytes| bytes.first_chunk());
    stated.is_some_and(|length| {
        u64::from(u32::from_le_bytes(*length)) + CHUNK_HEADER as u64 <= bytes.len() as u64
    })
}

fn side(a: u8, b: u8, c: u8) -> u32 {
    u32::from_le_bytes([a, b, c, 0]) + 1
}

/// The chunks' names and bodies, to the end or to the first that is cut off.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let name = *rest.first_chunk()?;
        let length = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?) as usize;
        let (body, after) = rest.get(CHUNK_HEADER..)?.split_at_checked(length)?;
        // Chunks are padded to an even length.
        rest = after.get(length % 2..).unwrap_or_default();
        Some((name, body))
    })
}

fn push<'a>(pieces: &mut Vec<Cow<'a, [u8]>>, name: [u8; 4], body: Cow<'a, [u8]>) {
    let length = body.len();
    pieces.extend([header(name, length), body]);
    if length % 2 == 1 {
        pieces.push(Cow::Borrowed(&[0]));
    }
}

/// A chunk's name and size.
fn header<'a>(name: [u8; 4], length: usize) -> Cow<'a, [u8]> {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    [name, length.to_le_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lossless stream that is nothing but its header.
    fn lossless(side: u32) -> Vec<u8> {
        let bits = (side - 1) | (side - 1) << 14;
        [&[0x2F][..], &bits.to_le_bytes()].concat()
    }

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut pieces = Vec::new();
        push(&mut pieces, *name, body.into());
        pieces.concat()
    }

    /// A canvas of ten pixels square.
    fn extended(flags: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
        let canvas = chunk(b"VP8X", &[flags, 0, 0, 0, 9, 0, 0, 9, 0, 0]);
        [b"RIFF\0\0\0\0WEBP", &canvas[..], &chunks.concat()].concat()
    }

    /// A frame of an animation, at 2, 4.
    fn frame(side: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
        let fields = [1, 0, 0, 2, 0, 0, side - 1, 0, 0, side - 1, 0, 0, 0, 0, 0, 0];
        chunk(b"ANMF", &[&fields[..], &chunks.concat()].concat())
    }

    #[test]
    fn the_frame_that_is_decoded_is_the_one_that_is_found() {
        let check = |bytes: &[u8], side| {
            let size = Still::of(bytes).map(|still| still.size);
            assert_eq!(size, Some(Size::new(side, side)));
        };
        let [small, large] = [4, 16_000].map(|side| chunk(b"VP8L", &lossless(side)));
        let of_small = frame(4, std::slice::from_ref(&small));
        let of_large = frame(4, std::slice::from_ref(&large));
        check(&extended(0, &[large.clone(), small.clone()]), 16_000);
        check(&extended(0, &[of_small.clone(), large.clone()]), 16_000);
        check(&extended(ANIMATION, &[large.clone(), of_small.clone()]), 4);
        check(&extended(ANIMATION, &[of_small, of_large.clone()]), 4);
        check(&extended(ANIMATION, &[of_large]), 16_000);
        assert_eq!(Still::of(&extended(ANIMATION, &[small])), None);
        assert_eq!(Still::of(b"RIFF\0\0\0\0WEBPVP8L\xff\xff\xff\xff"), None);
    }

    #[test]
    fn a_frame_lies_on_its_canvas() {
        let check = |side: u8, of_stream, fits| {
            let stream = chunk(b"VP8L", &lossless(of_stream));
            let bytes = extended(ANIMATION, &[frame(side, &[stream])]);
            let found = Still::of(&bytes).expect("a frame");
            assert_eq!(found.fits(), fits, "{side} {of_stream}");
        };
        check(6, 6, true);
        check(7, 7, false);
        check(6, 5, false);
        let still = extended(0, &[chunk(b"VP8L", &lossless(9))]);
        assert!(!Still::of(&still).expect("a frame").fits());
    }

    #[test]
    fn a_frame_becomes_a_file_that_holds_it_alone() {
        let stream = lossless(6);
        let lossless = frame(6, &[chunk(b"VP8L", &stream), chunk(b"VP8L", &[0; 99])]);
        let bytes = extended(
            ANIMATION | ALPHA | 0x0C,
            &[chunk(b"EXIF", b"II*"), lossless],
        );
        let found = Still::of(&bytes).expect("a frame");
        assert_eq!(found.exif, Some(&b"II*"[..]));
        let file = found.file().concat();
        assert!(ended(&file) && !ended(&file[..file.len() - 1]));
        assert_eq!(file[20], ALPHA, "no animation, EXIF or XMP");
        let alone = Still::of(&file).expect("a frame");
        assert_eq!((alone.stream, alone.size), (found.stream, found.size));
        assert!(alone.fills() && alone.fits() && !alone.animated);
        assert_eq!(alone.exif, None);
    }

    #[test]
    fn an_alpha_is_shown_where_the_canvas_has_one() {
        let mut lossy = vec![0; 10];
        lossy[6..].copy_from_slice(&[10, 0, 10, 0]);
        let chunks = [chunk(b"ALPH", b"\0abc"), chunk(b"VP8 ", &lossy)];
        let check = |flags, chunks: &[Vec<u8>], shown: Option<&[u8]>, flags_of_file| {
            let bytes = extended(flags, chunks);
            let found = Still::of(&bytes).expect("a frame");
            let expected = Stream::Lossy {
                body: &lossy,
                alpha: shown,
            };
            assert_eq!(found.stream, expected);
            assert_eq!(found.file().concat()[20], flags_of_file);
        };
        check(ALPHA, &chunks, Some(b"\0abc"), ALPHA);
        check(0, &chunks, None, 0);
        check(ALPHA, &chunks[1..], None, 0);
    }
}
