//! What a walk over a JPEG's markers tells, before anything is decoded (ITU-T T.81, annex B).

use crate::geometry::Size;

/// The frame of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) size: Size,
    /// How many numbers a pixel has: Nf.
    pub(super) components: u8,
    /// Whether the decoder keeps the coefficients of the whole picture before it makes pixels: it
    /// is progressive, or its first scan has not all components.
    pub(super) kept: bool,
    pub(super) sampling: Sampling,
}

/// How finely the components are sampled: their factors H and V (B.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sampling {
    /// The factors of the first component, which is the luma where there is one.
    pub(super) first: [u8; 2],
    /// The largest factor each way.
    pub(super) largest: [u8; 2],
    /// Blocks of all components in an MCU; that of the largest factors would have `H * V`.
    pub(super) blocks: u16,
}

impl Sampling {
    pub(super) fn of(factors: impl Iterator<Item = u8>) -> Self {
        let mut all = Self::default();
        for (index, byte) in factors.enumerate() {
            let [h, v] = [byte >> 4, byte & 15];
            if index == 0 {
                all.first = [h, v];
            }
            let [largest_h, largest_v] = all.largest;
            all.largest = [largest_h.max(h), largest_v.max(v)];
            all.blocks += u16::from(h) * u16::from(v);
        }
        all
    }
}

impl std::fmt::Display for Sampling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([h, v], [largest_h, largest_v]) = (self.first, self.largest);
        write!(f, "{h}×{v} of {largest_h}×{largest_v}")
    }
}

/// What the first frame header states (B.2.2), and the first scan header after it (B.2.3); none
/// where there is no frame. A frame without a scan counts as kept, it does not decode.
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let (marker, header) = segment(bytes.get(2..)?, starts_frame)?;
    let [l0, l1, _, h0, h1, w0, w1, components] = *header.first_chunk()?;
    let two = |high, low| u16::from_be_bytes([high, low]);
    let specified = header.get(8..).unwrap_or_default().as_chunks::<3>().0;
    let specified = specified.get(..usize::from(components)).unwrap_or_default();
    let of_first_scan = header
        .get(usize::from(two(l0, l1))..)
        .and_then(|after| segment(after, |marker| marker == 0xDA))
        .and_then(|(_, scan)| scan.get(2));
    Some(Frame {
        size: Size::new(u32::from(two(w0, w1)), u32::from(two(h0, h1))),
        components,
        kept: marker == 0xC2 || of_first_scan != Some(&components),
        sampling: Sampling::of(specified.iter().map(|[_, factors, _]| *factors)),
    })
}

/// Whether a marker starts a frame; not DHT, JPG and DAC, which lie between.
fn starts_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF)
}

/// The marker of the first segment that is wanted, and what follows it, from its length on.
fn segment(bytes: &[u8], wanted: fn(u8) -> bool) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let (marker, after) = next_marker(rest)?;
        rest = after;
        if wanted(marker) {
            return Some((marker, rest));
        }
        // Without a length: TEM, restarts, start of image.
        if !matches!(marker, 0x01 | 0xD0..=0xD8) {
            let length = u16::from_be_bytes(*rest.first_chunk()?);
            rest = rest.get(usize::from(length)..)?;
        }
    }
}

/// The scans of a JPEG.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scans {
    /// How many there are. Where coefficients are kept, each costs a pass over them.
    pub(super) count: usize,
    /// Whether a block's coefficients come in several scans.
    pub(super) progressive: bool,
    /// Whether the end of the picture is there.
    pub(super) ended: bool,
    /// The numbers of the components that come in them.
    pub(super) components: Vec<u8>,
    /// Where the first scan ends, at a marker that is no restart.
    pub(super) first_end: usize,
    /// Where the last scan ends.
    pub(super) last_end: usize,
}

impl Scans {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut scans = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        let mut within = false;
        while let Some((marker, after)) = next_marker(rest) {
            rest = after;
            if within && !matches!(marker, 0xD0..=0xD7) {
                within = false;
                scans.last_end = bytes.len() - after.len() - 2;
                if scans.count == 1 {
                    scans.first_end = scans.last_end;
                }
            }
            match marker {
                0xD9 => {
                    scans.ended = true;
                    break;
                }
                // Without a length: TEM, restarts, start of image.
                0x01 | 0xD0..=0xD8 => continue,
                0xDA => {
                    scans.count += 1;
                    scans.name(rest);
                    within = true;
                }
                0xC2 => scans.progressive = true,
                _ => (),
            }
            let length = rest.first_chunk().map_or(0, |l| u16::from_be_bytes(*l));
            rest = rest.get(usize::from(length)..).unwrap_or_default();
        }
        scans
    }

    /// Notes the components of a scan, by its header from its length on (B.2.3).
    fn name(&mut self, header: &[u8]) {
        let count = usize::from(header.get(2).copied().unwrap_or_default());
        let (named, _) = header.get(3..).unwrap_or_default().as_chunks::<2>();
        for [number, _] in named.iter().take(count) {
            if !self.components.contains(number) {
                self.components.push(*number);
            }
        }
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

    /// A picture of 258×3 pixels: a table, the frame, another table, and a scan.
    fn picture(sof: u8, components: u8, in_scan: u8) -> Vec<u8> {
        let table = [0xFF, 0xDB, 0, 3, 0];
        let frame = [0xFF, sof, 0, 8 + 3 * components, 8, 0, 3, 1, 2, components];
        let factors = [[1, 0x21, 0], [2, 0x12, 0], [3, 0x11, 0], [4, 0x11, 0]];
        let factors = factors[..usize::from(components)].concat();
        let scan = [0xFF, 0xDA, 0, 3, in_scan];
        [&[0xFF, 0xD8][..], &table, &frame, &factors, &table, &scan].concat()
    }

    #[test]
    fn coefficients_are_kept_where_the_first_scan_has_not_all() {
        let check = |sof, components, in_scan, kept| {
            let expected = Frame {
                size: Size::new(258, 3),
                components,
                kept,
                sampling: Sampling {
                    first: [2, 1],
                    largest: if components == 1 { [2, 1] } else { [2, 2] },
                    blocks: [2, 4, 5, 6][usize::from(components) - 1],
                },
            };
            let found = frame(&picture(sof, components, in_scan));
            assert_eq!(found, Some(expected), "{sof:x} {components} {in_scan}");
        };
        check(0xC0, 1, 1, false);
        check(0xC0, 3, 3, false);
        check(0xC1, 4, 4, false);
        check(0xC0, 3, 1, true);
        check(0xC0, 4, 3, true);
        check(0xC1, 3, 2, true);
        check(0xC2, 3, 3, true);
        check(0xC2, 1, 1, true);
    }

    #[test]
    fn a_frame_is_found_without_a_scan_but_not_cut_off() {
        let whole = picture(0xC0, 3, 3);
        let (without_scan, cut) = (&whole[..26], &whole[..16]);
        assert!(frame(without_scan).is_some_and(|frame| frame.kept));
        let without_factors = frame(&whole[..17]).map(|frame| frame.sampling);
        assert_eq!(without_factors, Some(Sampling::default()));
        assert_eq!(frame(cut), None);
        assert_eq!(frame(b"\xFF\xD8"), None);
        assert_eq!(frame(b""), None);
    }

    #[test]
    fn scans_are_counted_between_markers() {
        let check = |bytes: &[u8], count, progressive, ended| {
            let found = Scans::of(bytes);
            let found = (found.count, found.progressive, found.ended);
            assert_eq!(found, (count, progressive, ended));
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

    #[test]
    fn scans_end_at_markers_that_are_no_restarts() {
        let first = b"\xFF\xD8\xFF\xDA\0\x07\x02\x01\0\x02\0abc\xFF\xD0def";
        let second = b"\xFF\xDA\0\x07\x02\x03\0\x01\0ghi";
        let bytes = [&first[..], second, b"\xFF\xD9"].concat();
        let found = Scans::of(&bytes);
        assert_eq!(found.components, [1, 2, 3]);
        assert_eq!(found.first_end, first.len());
        assert_eq!(found.last_end, first.len() + second.len());
    }
}
