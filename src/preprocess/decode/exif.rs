//! The orientation in EXIF, which is a TIFF of its own (CIPA DC-008, 4.6).

use image::metadata::Orientation;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// The orientation that EXIF states, if any: with the prefix that it has in a JPEG, or without. Its
/// number is to be a SHORT, and is a LONG in some.
pub(super) fn orientation(exif: Option<&[u8]>) -> Orientation {
    exif.and_then(stated).unwrap_or(Orientation::NoTransforms)
}

fn stated(exif: &[u8]) -> Option<Orientation> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let is_big = match exif.first_chunk()? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let two = |at: usize| {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if is_big {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    };
    let four = |at: usize| {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if is_big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    };
    let directory = four(4)? as usize;
    for entry in 0..usize::from(two(directory)?) {
        let at = directory.checked_add(2 + 12 * entry)?;
        if two(at)? == ORIENTATION && four(at + 4)? == 1 {
            let value = match two(at + 2)? {
                SHORT => u32::from(two(at + 8)?),
                LONG => four(at + 8)?,
                _ => continue,
            };
            return Orientation::from_exif(u8::try_from(value).ok()?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LITTLE: &[u8] = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x03\0\x01\0\0\0\x07\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    const BIG: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06";

    #[test]
    fn orientations_are_found() {
        let check = |exif: &[u8], expected| assert_eq!(orientation(Some(exif)), expected);
        check(LITTLE, Orientation::Rotate90);
        check(BIG, Orientation::Rotate90);
        check(&[b"Exif\0\0", BIG].concat(), Orientation::Rotate90);
        check(&BIG[..BIG.len() - 1], Orientation::NoTransforms);
        check(&BIG.repeat(2)[4..], Orientation::NoTransforms);
        check(b"", Orientation::NoTransforms);
        let mut nine = LITTLE.to_vec();
        nine[30] = 9;
        check(&nine, Orientation::NoTransforms);
        assert_eq!(orientation(None), Orientation::NoTransforms);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = orientation(Some(&[&b"II*\0"[..], &bytes].concat()));
            let _ = orientation(Some(&[&b"MM\0*"[..], &bytes].concat()));
        }
    }
}
