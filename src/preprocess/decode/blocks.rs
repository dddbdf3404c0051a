//! What a walk over a GIF's blocks tells, before anything is decoded (`GIF89a`).

use crate::geometry::Size;

use super::{PictureError, corrupt, gif::FORMAT};

/// Most extensions, and blocks of data in them. Comments of megabytes have ten thousand; each costs
/// the decoder a turn.
const MAX_BLOCKS: u32 = 100_000;

/// Bits of the longest code.
const LONGEST: u32 = 12;

/// Bytes of codes beside those for pixels.
const SPARE: u64 = 4096;

/// Most entries of the code table that are written anew, [`CLEARING`] more for each time: so many
/// for each pixel, and so many beside. An encoder clears a full table, or never lets it grow, which
/// takes ten for a pixel where there are four colours.
const CLEARED_PER_PIXEL: u64 = 10;
const CLEARED_BESIDE: u64 = 1 << 22;
/// Most of them in all, which take a fifth of a second.
const MAX_CLEARED: u64 = 1 << 27;

/// What clearing the table costs, however small, in entries.
const CLEARING: u64 = 16;

/// The first frame of a GIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// The screen, or what the frame needs where that is more, as in Pillow.
    pub(super) canvas: Size,
    pub(super) size: Size,
    /// Whether a second frame follows.
    pub(super) animated: bool,
    /// Bits of a colour's index.
    code_size: u8,
    /// Blocks of codes, and what follows them.
    data: &'a [u8],
}

impl<'a> First<'a> {
    /// Walks up to a second frame.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let broken = |reason: &str| corrupt(FORMAT, &reason);
        let cut = || broken("it ends before its first frame");
        let screen = bytes.get(6..).and_then(two).ok_or_else(cut)?;
        let flags = *bytes.get(10).ok_or_else(cut)?;
        let mut walk = Walk {
            rest: bytes.get(13 + palette(flags)..).ok_or_else(cut)?,
            blocks: 0,
        };
        let frame = match walk.frame() {
            Next::Frame(frame) => frame,
            Next::None => return Err(broken("it has no frame")),
            Next::TooMany => {
                return Err(broken(&format!(
                    "it has more than {MAX_BLOCKS} blocks before its frame"
                )));
            }
        };
        let size = frame.get(4..).and_then(two).ok_or_else(cut)?;
        let flags = *frame.get(8).ok_or_else(cut)?;
        let codes = frame.get(9 + palette(flags)..).ok_or_else(cut)?;
        let (code_size, data) = codes.split_first().ok_or_else(cut)?;
        walk.rest = after(data);
        let place = two(frame).ok_or_else(cut)?;
        let canvas = Size::new(
            screen.width.max(place.width + size.width),
            screen.height.max(place.height + size.height),
        );
        Ok(Self {
            canvas,
            size,
            animated: matches!(walk.frame(), Next::Frame(_)),
            code_size: *code_size,
            data,
        })
    }

    /// Refuses codes that take longer to read than the frame's pixels do.
    pub(super) fn check(&self) -> Result<(), PictureError> {
        if !(1..=8).contains(&self.code_size) {
            let reason = format!(
                "its colours are of {} bits, 1 to 8 are read",
                self.code_size
            );
            return Err(corrupt(FORMAT, &reason));
        }
        // A code stands for a pixel at least, but for those that clear the table.
        let longest = self.size.pixels().saturating_mul(LONGEST.into()) / 8;
        let longest = longest + longest / 10 + SPARE;
        let mut length = 0;
        for block in data(self.data) {
            length += block.len() as u64;
        }
        if longest < length {
            let reason = format!(
                "its first frame has {length} bytes of codes, its pixels take at most {longest}"
            );
            return Err(corrupt(FORMAT, &reason));
        }
        let most = CLEARED_PER_PIXEL.saturating_mul(self.size.pixels());
        let most = most.saturating_add(CLEARED_BESIDE).min(MAX_CLEARED);
        if most < self.cleared(most) {
            return Err(corrupt(
                FORMAT,
                &"its first frame clears the code table again and again",
            ));
        }
        Ok(())
    }

    /// Entries of the table that are written anew, or more than the most.
    fn cleared(&self, most: u64) -> u64 {
        let clear = 1 << self.code_size;
        let fresh = (u32::from(self.code_size) + 1, clear + 2, true);
        let (mut bits, mut next, mut first) = fresh;
        let (mut held, mut count, mut cleared) = (0_u32, 0_u32, 0);
        for byte in data(self.data).flatten() {
            held |= u32::from(*byte) << count;
            count += 8;
            while bits <= count {
                let code = held & ((1 << bits) - 1);
                held >>= bits;
                count -= bits;
                if code == clear {
                    cleared += CLEARING + u64::from(clear);
                    (bits, next, first) = fresh;
                } else if code == clear + 1 || most < cleared {
                    return cleared;
                } else if first {
                    first = false;
                } else if next < 1 << LONGEST {
                    next += 1;
                    if next == 1 << bits && bits < LONGEST {
                        bits += 1;
                    }
                }
            }
        }
        cleared
    }
}

/// Two numbers of two bytes.
fn two(bytes: &[u8]) -> Option<Size> {
    let [w0, w1, h0, h1] = *bytes.first_chunk()?;
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]));
    Some(Size::new(side(w0, w1), side(h0, h1)))
}

/// Bytes of a palette, by the flags before it.
fn palette(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// The blocks of data that lie here, up to the empty one or to one that is cut off.
fn data(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first()?;
        let (block, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        Some(block).filter(|block| !block.is_empty())
    })
}

/// What follows the blocks of data that lie here.
fn after(bytes: &[u8]) -> &[u8] {
    let length: usize = data(bytes).map(|block| 1 + block.len()).sum();
    bytes.get(length + 1..).unwrap_or_default()
}

struct Walk<'a> {
    rest: &'a [u8],
    blocks: u32,
}

/// What a walk comes to.
enum Next<'a> {
    /// A frame, from its place on.
    Frame(&'a [u8]),
    None,
    TooMany,
}

impl<'a> Walk<'a> {
    fn frame(&mut self) -> Next<'a> {
        while self.blocks <= MAX_BLOCKS {
            match self.rest {
                [0x2C, frame @ ..] => return Next::Frame(frame),
                [0x21, _, extension @ ..] => {
                    let mut blocks = data(extension);
                    let most = (MAX_BLOCKS - self.blocks) as usize;
                    let length: usize = blocks
                        .by_ref()
                        .take(most)
                        .map(|block| 1 + block.len())
                        .sum();
                    let number = data(extension).take(most).count();
                    self.blocks += 1 + u32::try_from(number).unwrap_or(MAX_BLOCKS);
                    self.rest = extension.get(length + 1..).unwrap_or_default();
                }
                // Zeros between blocks are passed over.
                [0, rest @ ..] => {
                    self.blocks += 1;
                    self.rest = rest;
                }
                _ => return Next::None,
            }
        }
        Next::TooMany
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF of ten pixels square, with blocks before its frame.
    fn gif(before: &[u8], code_size: u8, codes: &[u8], behind: &[u8]) -> Vec<u8> {
        let screen = b"GIF89a\x0a\0\x0a\0\x80\0\0\0\0\0\xff\xff\xff";
        let frame = b"\x2c\0\0\0\0\x0a\0\x0a\0\0";
        let mut bytes = [&screen[..], before, frame, &[code_size]].concat();
        for block in codes.chunks(255) {
            bytes.push(u8::try_from(block.len()).expect("short"));
            bytes.extend(block);
        }
        bytes.push(0);
        bytes.extend(behind);
        bytes
    }

    #[test]
    fn a_second_frame_is_looked_for() {
        let check = |before: &[u8], behind: &[u8], animated| {
            let bytes = gif(before, 2, &[0x44, 1], behind);
            let first = First::of(&bytes).expect("a frame");
            assert_eq!((first.size, first.animated), (Size::new(10, 10), animated));
            assert_eq!(first.check(), Ok(()));
        };
        let comment = b"\x21\xfe\x03abc\0";
        check(b"", b";", false);
        check(b"", b"", false);
        check(comment, b";", false);
        check(comment, b"\x21\xfe\x03abc\0\x2c", true);
        check(b"\0\0", b"\0\x2c", true);
        check(b"", b"\x21\xfe\xffabc\0\x2c", false);
    }

    #[test]
    fn a_canvas_holds_the_screen_and_the_frame() {
        let check = |screen: [u8; 2], place: [u8; 2], canvas| {
            let mut bytes = gif(b"", 2, &[0x44, 1], b";");
            (bytes[6], bytes[8]) = (screen[0], screen[1]);
            (bytes[20], bytes[22]) = (place[0], place[1]);
            let first = First::of(&bytes).expect("a frame");
            assert_eq!(first.canvas, canvas);
        };
        check([10, 10], [0, 0], Size::new(10, 10));
        check([20, 30], [3, 4], Size::new(20, 30));
        check([0, 0], [0, 0], Size::new(10, 10));
        check([5, 30], [3, 4], Size::new(13, 30));
    }

    #[test]
    fn blocks_are_counted() {
        let check = |before: &[u8], fits: bool| {
            let bytes = gif(before, 2, &[0x44, 1], b";");
            assert_eq!(First::of(&bytes).is_ok(), fits, "{} bytes", before.len());
        };
        check(&b"\x21\xfe\0".repeat(99_999), true);
        check(&b"\x21\xfe\0".repeat(100_001), false);
        check(
            &[b"\x21\xfe", &b"\x01a".repeat(99_000)[..], b"\0"].concat(),
            true,
        );
        check(
            &[b"\x21\xfe", &b"\x01a".repeat(200_000)[..], b"\0"].concat(),
            false,
        );
        assert!(First::of(b"GIF89a\x0a\0\x0a\0\0\0\0;").is_err());
        assert!(First::of(b"GIF89a\x0a\0").is_err());
    }

    #[test]
    fn codes_have_an_end() {
        let check = |code_size, codes: &[u8], fits: bool| {
            let bytes = gif(b"", code_size, codes, b";");
            let found = First::of(&bytes).expect("a frame").check();
            assert_eq!(found.is_ok(), fits, "{code_size}: {found:?}");
        };
        check(0, &[0x44, 1], false);
        check(8, &[0x44, 1], true);
        check(9, &[0x44, 1], false);
        check(11, &[0x44, 1], false);
        // A hundred pixels take 165 bytes.
        check(7, &[1; 4096 + 165], true);
        check(7, &[1; 4096 + 166], false);
    }

    #[test]
    fn the_table_is_cleared_only_so_often() {
        let cleared = |code_size, codes: &[u8]| {
            let bytes = gif(b"", code_size, codes, b";");
            First::of(&bytes).expect("a frame").cleared(MAX_CLEARED)
        };
        // Eight bits a code, each of which clears.
        assert_eq!(cleared(7, &[0x80; 100]), 100 * (128 + CLEARING));
        assert!(MAX_CLEARED < cleared(7, &[0x80; 1_000_000]));
        // An end, and what follows it.
        assert_eq!(cleared(7, &[0x80, 0x81, 0x80]), 128 + CLEARING);
        // The second code after the first makes an entry, and the 126th is of nine bits.
        let mut codes = vec![0; 127];
        codes.extend([0x80, 0, 0x80]);
        assert_eq!(cleared(7, &codes), 128 + CLEARING);
    }
}
