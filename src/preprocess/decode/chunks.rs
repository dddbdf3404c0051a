//! What a walk over a PNG's chunks tells, before anything is decoded (PNG, third edition, 5.3).

use super::PictureError;

/// Most chunks. A large picture has some ten thousand; each costs the decoder a turn.
const MAX_CHUNKS: usize = 100_000;

/// Most entries of a palette.
const MAX_COLORS: usize = 256;

/// How many bytes deflate makes of one at the most (zlib's technical details).
const MOST_PACKED: u64 = 1032;

/// What a decoder takes to unpack a profile, beside what comes out.
const UNPACKING: u64 = 1 << 20;

/// What a decoder keeps for a text beside its bytes.
const EACH_TEXT: u64 = 256;

/// The chunks' beginning: after the signature.
const SIGNATURE: usize = 8;

/// Refuses more chunks than any encoder writes, and palettes that are none, on which the decoder
/// would panic.
pub(super) fn check(bytes: &[u8]) -> Result<(), PictureError> {
    let broken = |reason: &str| Err(super::corrupt(super::png::FORMAT, &reason));
    for (index, (name, data)) in chunks(bytes).enumerate() {
        if MAX_CHUNKS <= index {
            return broken(&format!("it has more than {MAX_CHUNKS} chunks"));
        }
        if name == *b"PLTE" && (data.is_empty() || !data.len().is_multiple_of(3)) {
            return broken("its palette ends within a colour");
        }
        if name == *b"PLTE" && 3 * MAX_COLORS < data.len() {
            return broken(&format!("its palette has more than {MAX_COLORS} colours"));
        }
    }
    Ok(())
}

/// Whether pixels get an alpha from a chunk of its own, which lies before the pixels (11.3.1.1).
pub(super) fn have_transparency(bytes: &[u8]) -> bool {
    chunks(bytes)
        .take(MAX_CHUNKS)
        .take_while(|(name, _)| name != b"IDAT")
        .any(|(name, _)| name == *b"tRNS")
}

/// How many bytes a decoder takes at the most for what is no pixels: the colour profile, which it
/// unpacks into a buffer that doubles, up to a limit, and texts, which it keeps (11.3.2.3, 11.3.3).
pub(super) fn beside(bytes: &[u8], limit: u64) -> u64 {
    let taken = |(name, data): ([u8; 4], &[u8])| match &name {
        b"iCCP" => UNPACKING + 2 * limit.min(MOST_PACKED * data.len() as u64),
        b"tEXt" | b"zTXt" | b"iTXt" => EACH_TEXT + data.len() as u64,
        _ => 0,
    };
    chunks(bytes).take(MAX_CHUNKS).map(taken).sum()
}

/// EXIF, which may lie behind the pixels (11.3.4.5).
pub(super) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    chunks(bytes)
        .take(MAX_CHUNKS)
        .find(|(name, _)| name == b"eXIf")
        .map(|(_, data)| data)
}

/// The chunks' names and data, to the end or to the first that is cut off.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let name = *rest.get(4..)?.first_chunk()?;
        let data = rest.get(8..)?;
        // Behind the data lies its checksum.
        rest = data.get(length.checked_add(4)?..)?;
        Some((name, data.get(..length)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(chunks: &[(&[u8; 4], usize)]) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, length) in chunks {
            bytes.extend(u32::try_from(*length).expect("short").to_be_bytes());
            bytes.extend(*name);
            bytes.resize(bytes.len() + length + 4, 0);
        }
        bytes
    }

    #[test]
    fn a_palette_has_whole_colours() {
        for length in [3, 6, 768] {
            assert_eq!(check(&png(&[(b"IHDR", 13), (b"PLTE", length)])), Ok(()));
        }
        for length in [0, 1, 2, 4, 767, 769, 771] {
            let found = check(&png(&[(b"IHDR", 13), (b"PLTE", length)]));
            assert!(found.is_err(), "{length}");
        }
    }

    #[test]
    fn exif_lies_anywhere() {
        let found = |chunks| exif(&png(chunks)).map(<[u8]>::len);
        assert_eq!(found(&[(b"eXIf", 2), (b"IDAT", 1)]), Some(2));
        assert_eq!(found(&[(b"IDAT", 1), (b"eXIf", 3)]), Some(3));
        assert_eq!(found(&[(b"IDAT", 1)]), None);
    }

    #[test]
    fn chunks_are_counted() {
        let of = |count| png(&vec![(b"IDAT", 0); count]);
        assert_eq!(check(&of(MAX_CHUNKS)), Ok(()));
        assert!(check(&of(MAX_CHUNKS + 1)).is_err());
        assert_eq!(check(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffPLTE"), Ok(()));
    }

    #[test]
    fn profiles_and_texts_take_memory() {
        let check = |chunks: &[(&[u8; 4], usize)], expected| {
            assert_eq!(beside(&png(chunks), 1_000_000), expected);
        };
        check(&[(b"IHDR", 13), (b"IDAT", 1000)], 0);
        check(
            &[(b"IHDR", 13), (b"iCCP", 100), (b"IDAT", 1)],
            UNPACKING + 206_400,
        );
        check(
            &[(b"IHDR", 13), (b"iCCP", 10_000), (b"IDAT", 1)],
            UNPACKING + 2_000_000,
        );
        check(&[(b"tEXt", 10), (b"IDAT", 1), (b"zTXt", 20)], 542);
    }

    #[test]
    fn transparency_lies_before_the_pixels() {
        let check = |chunks: &[(&[u8; 4], usize)], expected| {
            assert_eq!(have_transparency(&png(chunks)), expected);
        };
        check(&[(b"IHDR", 13), (b"IDAT", 1)], false);
        check(&[(b"IHDR", 13), (b"tRNS", 2), (b"IDAT", 1)], true);
        check(&[(b"IHDR", 13), (b"IDAT", 1), (b"tRNS", 2)], false);
    }
}
