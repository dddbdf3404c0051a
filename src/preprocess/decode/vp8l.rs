//! What a lossless WebP takes beside its pixels, found before it is decoded (RFC 9649, 3).
//!
//! Five prefix codes make a group, and a small subimage says which group decodes which block. Its
//! largest number alone says how many groups follow, and the decoder makes tables of kilobytes for
//! each code of a dozen bytes. This walk goes as far as the last of them.

use crate::geometry::Size;

use super::{
    PictureError, corrupt,
    prefix::{BROKEN, Bits, Walked},
    webp::FORMAT,
};

/// Most bytes for tables and subimages.
const MAX_BESIDE: u64 = 48 << 20;

/// Most bytes of tables that a byte of the stream stands for.
const BESIDE_PER_BYTE: u64 = 512;

/// Most groups of prefix codes. libwebp writes at most as many (`MAX_HUFF_IMAGE_SIZE`).
const MAX_GROUPS: u32 = 2600;

/// Bytes of a group before its tables, while the list of groups is moved to grow.
const GROUP: u64 = 3 * 5 * 56;

/// Most bytes beside its pixels that such a stream takes where [`check`] lets it pass.
pub(super) fn most_beside(stream: &[u8], pixels: u64) -> u64 {
    let tables = BESIDE_PER_BYTE.saturating_mul(stream.len() as u64);
    tables.saturating_add(pixels).min(MAX_BESIDE)
}

/// Refuses a stream whose tables and subimages take more than is weighed for them. The stream
/// begins with its transforms: behind the header, which an alpha channel lacks.
pub(super) fn check(stream: &[u8], size: Size) -> Result<(), PictureError> {
    let mut walk = Walk {
        bits: Bits::of(stream),
        taken: 0,
    };
    walk.picture(size)
        .map_err(|reason| corrupt(FORMAT, &reason))
}

/// A walk over a stream.
struct Walk<'a> {
    bits: Bits<'a>,
    /// Bytes that the decoder takes for what was walked over.
    taken: u64,
}

impl Walk<'_> {
    /// The whole stream up to its pixels (3.4 to 3.7).
    fn picture(&mut self, size: Size) -> Walked<()> {
        let (mut width, height) = (size.width, size.height);
        let mut seen = [false; 4];
        while self.bits.read(1)? == 1 {
            let kind = self.bits.read(2)?;
            let seen = seen.get_mut(kind as usize).ok_or(BROKEN)?;
            if std::mem::replace(seen, true) {
                return Err(BROKEN);
            }
            match kind {
                // Predictors, and colours.
                0 | 1 => drop(self.blocks(width, height)?),
                // A palette: several of its indices lie in one pixel.
                3 => {
                    let colors = self.bits.read(8)? + 1;
                    self.subimage(colors, 1)?;
                    width = width.div_ceil(match colors {
                        1..=2 => 8,
                        3..=4 => 4,
                        5..=16 => 2,
                        _ => 1,
                    });
                }
                // Green is subtracted.
                _ => (),
            }
        }
        let cache = self.cache()?;
        let groups = if self.bits.read(1)? == 1 {
            let (blocks, largest) = self.blocks(width, height)?;
            // The numbers are kept apart.
            self.take(2 * blocks)?;
            let groups = largest + 1;
            if MAX_GROUPS < groups || blocks < u64::from(groups) {
                return Err(
                    "it has more groups of prefix codes than blocks, or than any encoder writes",
                );
            }
            groups
        } else {
            1
        };
        for _ in 0..groups {
            self.take(GROUP)?;
            for alphabet in alphabets(cache) {
                let bytes = self.bits.code(alphabet)?.bytes()?;
                self.take(bytes)?;
            }
        }
        Ok(())
    }

    /// A subimage of a pixel for each block; how many there are, and the largest group in it.
    fn blocks(&mut self, width: u32, height: u32) -> Walked<(u64, u32)> {
        let side = 4 << self.bits.read(3)?;
        let (width, height) = (width.div_ceil(side), height.div_ceil(side));
        let largest = self.subimage(width, height)?;
        Ok((u64::from(width) * u64::from(height), largest))
    }

    /// A subimage's pixels; the largest of their red and green, which is the number of a group
    /// (3.7.2.2). What is copied was a literal before, so that it need not be kept.
    fn subimage(&mut self, width: u32, height: u32) -> Walked<u32> {
        let mut left = u64::from(width) * u64::from(height);
        self.take(4 * left)?;
        let cache = self.cache()?;
        let mut codes = alphabets(cache).map(|alphabet| self.bits.code(alphabet)?.symbols());
        let [green, red, blue, alpha, distance] = codes.each_mut();
        let (Ok(green), Ok(red), Ok(blue), Ok(alpha), Ok(distance)) =
            (green, red, blue, alpha, distance)
        else {
            return Err(BROKEN);
        };
        if let (Some(green @ 0..256), Some(red), Some(_), Some(_)) =
            (green.only(), red.only(), blue.only(), alpha.only())
        {
            return Ok((red & 0xFF) << 8 | green);
        }
        let mut largest = 0;
        while 0 < left {
            let symbol = self.bits.symbol(green)?;
            let run = match symbol {
                0..256 => {
                    let red = self.bits.symbol(red)?;
                    largest = largest.max((red & 0xFF) << 8 | symbol);
                    self.bits.symbol(blue)?;
                    self.bits.symbol(alpha)?;
                    1
                }
                256..280 => {
                    let run = self.bits.number(symbol - 256)?;
                    let distance = self.bits.symbol(distance)?;
                    self.bits.number(distance)?;
                    run
                }
                // A pixel that was seen before.
                _ => 1,
            };
            left = left.checked_sub(run).ok_or(BROKEN)?;
        }
        Ok(largest)
    }

    /// Entries of the colour cache (3.6.3).
    fn cache(&mut self) -> Walked<u32> {
        if self.bits.read(1)? == 0 {
            return Ok(0);
        }
        match self.bits.read(4)? {
            bits @ 1..=11 => Ok(1 << bits),
            _ => Err(BROKEN),
        }
    }

    fn take(&mut self, bytes: u64) -> Walked<()> {
        self.taken = self.taken.saturating_add(bytes);
        if MAX_BESIDE < self.taken {
            return Err("its prefix codes and subimages take more than 48 MiB of memory");
        }
        Ok(())
    }
}

/// The alphabets of a group: green with lengths and the cache, red, blue, alpha, distance (3.6).
fn alphabets(cache: u32) -> [u32; 5] {
    [256 + 24 + cache, 256, 256, 256, 40]
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, RgbImage};
    use proptest::prelude::*;

    use super::*;

    /// Bits as they are written, the lowest first.
    #[derive(Default)]
    struct Written {
        bits: Vec<bool>,
    }

    impl Written {
        fn put(&mut self, value: u32, bits: u32) -> &mut Self {
            self.bits.extend((0..bits).map(|bit| value >> bit & 1 == 1));
            self
        }

        /// A code of one symbol.
        fn one(&mut self, symbol: u32) -> &mut Self {
            self.put(0b101, 3).put(symbol, 8)
        }

        /// A code whose first two hundred and fifty-six symbols have eight bits each.
        fn flat(&mut self) -> &mut Self {
            self.put(0, 1).put(12 - 4, 4);
            // The code for code lengths has one symbol, the twelfth in order: eight.
            self.put(0, 3 * 10).put(0, 3).put(1, 3);
            self.put(1, 1).put(3, 3).put(256 - 2, 8)
        }

        /// No transform, no cache, and a subimage that is all of one group, the last.
        fn groups(side: u32, groups: u32) -> Self {
            let mut written = Self::default();
            written.put(0, 2).put(1, 1).put(side, 3).put(0, 1);
            let last = groups - 1;
            written.one(last & 0xFF).one(last >> 8).one(0).one(0).one(0);
            written
        }

        fn bytes(&self) -> Vec<u8> {
            let byte = |bits: &[bool]| (0..).zip(bits).map(|(at, bit)| u8::from(*bit) << at).sum();
            self.bits.chunks(8).map(byte).collect()
        }
    }

    fn walked(written: &Written, size: u32) -> Result<(), PictureError> {
        check(&written.bytes(), Size::new(size, size))
    }

    #[test]
    fn groups_are_walked_to_the_last() {
        let mut written = Written::groups(0, 16);
        for _ in 0..16 {
            written.flat().flat().flat().flat().one(0);
        }
        assert_eq!(walked(&written, 16), Ok(()));
        written.bits.truncate(written.bits.len() - 24);
        assert!(walked(&written, 16).is_err(), "the last is cut off");
    }

    #[test]
    fn more_groups_than_blocks_or_than_encoders_write_are_refused() {
        let check = |groups, size, fits: bool| {
            let mut written = Written::groups(0, groups);
            for _ in 0..groups {
                written.one(0).one(0).one(0).one(0).one(0);
            }
            assert_eq!(walked(&written, size).is_ok(), fits, "{groups} for {size}");
        };
        check(1, 4, true);
        check(2, 4, false);
        check(4, 8, true);
        check(5, 8, false);
        check(MAX_GROUPS, 4 * 51, true);
        check(MAX_GROUPS + 1, 4 * 60, false);
        check(65_536, 4 * 256, false);
    }

    #[test]
    fn tables_and_subimages_are_bounded_by_their_bytes() {
        // Long codes have nodes, which a cache of 2048 colours makes many.
        let mut written = Written::default();
        written
            .put(0, 1)
            .put(1, 1)
            .put(11, 4)
            .put(1, 1)
            .put(0, 3)
            .put(0, 1);
        written.one(0).one(1).one(0).one(0).one(0);
        for _ in 0..257 {
            // Lengths 11 and 12, in that order, by a code of a bit each: 1768 of 11, 560 of 12.
            written.put(0, 1).put(19 - 4, 4);
            // The two are the fifteenth and the sixteenth in order.
            for at in 1..=19 {
                written.put(u32::from(at == 15 || at == 16), 3);
            }
            written.put(0, 1);
            for symbol in 0..2328 {
                written.put(u32::from(1768 <= symbol), 1);
            }
            written.one(0).one(0).one(0).one(0);
        }
        assert_eq!(walked(&written, 4 * 64), Ok(()));
        let stated = most_beside(&written.bytes(), 0);
        assert!(20 << 20 < stated && stated <= MAX_BESIDE, "{stated}");

        let mut predictors = Written::default();
        predictors.put(1, 1).put(0, 2).put(0, 3).put(0, 1);
        predictors.one(0).one(0).one(0).one(0).one(0);
        assert!(walked(&predictors, 16_000).is_err(), "64 MB of predictors");
    }

    #[test]
    fn what_encoders_write_passes() {
        let noise = RgbImage::from_fn(70, 50, |x, y| {
            image::Rgb([x, y, x * y].map(|value| u8::try_from(value * 37 % 251).expect("a byte")))
        });
        for pixels in [RgbImage::new(33, 17), noise] {
            let (width, height) = pixels.dimensions();
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::from(pixels)
                .write_to(&mut bytes, ImageFormat::WebP)
                .expect("encodes");
            let stream = bytes.into_inner().split_off(20 + 5);
            assert_eq!(check(&stream, Size::new(width, height)), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            width in 1_u32..300,
            height in 1_u32..300,
        ) {
            let _ = check(&bytes, Size::new(width, height));
        }
    }
}
