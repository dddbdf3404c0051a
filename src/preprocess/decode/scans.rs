//! What a walk over a JPEG's markers tells, before anything is decoded (ITU-T T.81, annex B).

use crate::geometry::Size;

/// The frame of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) size: Size,
    pub(super) progressive: bool,
}

/// What the first frame header states (B.2.2); none where there is none.
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        rest = after;
        match marker {
            0x01 | 0xD0..=0xD8 => continue,
            // Not DHT, JPG and DAC, which lie between.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let [h0, h1, w0, w1] = *rest.get(3..)?.first_chunk()?;
                let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                return Some(Frame {
                    size: Size::new(side(w0, w1), side(h0, h1)),
                    progressive: marker == 0xC2,
                });
            }
            _ => (),
        }
        let length = u16::from_be_bytes(*rest.first_chunk()?);
        rest = rest.get(usize::from(length)..)?;
    }
}

/// The scans of a JPEG.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scans {
    /// How many there are. Each costs a progressive decoder a pass over all coefficients.
    pub(super) count: usize,
    /// Whether coefficients come in several scans.
    pub(super) progressive: bool,
    /// Whether the end of the picture is there.
    pub(super) ended: bool,
}

impl Scans {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut scans = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let Some((marker, after)) = next_marker(rest) {
            rest = after;
            match marker {
                0xD9 => {
                    scans.ended = true;
                    break;
                }
                // Without a length: TEM, restarts, start of image.
                0x01 | 0xD0..=0xD8 => continue,
                0xDA => scans.count += 1,
                0xC2 => scans.progressive = true,
                _ => (),
            }
            let length = rest.first_chunk().map_or(0, |l| u16::from_be_bytes(*l));
            rest = rest.get(usize::from(length)..).unwrap_or_default();
        }
        scans
    }
}

/// The next marker and what follows it; entropy-coded data and stuffed zeros are skipped.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|byte| *byte == 0xFF)?;
        rest = rest.get(at + 1..)?;
        match rest.split_first()? {
            (0x00 | 0xFF, _) => (),
            (marker, after) => return Some((*marker, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_counted_between_markers() {
        let check = |bytes: &[u8], count, progressive, ended| {
            let expected = Scans {
                count,
                progressive,
                ended,
            };
            assert_eq!(Scans::of(bytes), expected);
        };
        check(b"\xFF\xD8", 0, false, false);
        check(
            b"\xFF\xD8\xFF\xDA\0\x03.abc\xFF\0def\xFF\xD9",
            1,
            false,
            true,
        );
        let two = b"\xFF\xD8\xFF\xC2\0\x02\xFF\xDA\0\x02a\xFF\xD0b\xFF\xDA\0\x02";
        check(two, 2, true, false);
        // A thumbnail inside a segment is not walked.
        check(
            b"\xFF\xD8\xFF\xE1\0\x06\xFF\xDA\xFF\xD9\xFF\xD9",
            0,
            false,
            true,
        );
    }
}
