//! What bytes are, by their first few: never by a name or a declared type.

use super::{PictureError, PictureFormat};

/// The format of a picture.
///
/// # Errors
/// When the bytes are no picture in an accepted format; says what they are.
pub(super) fn sniff(bytes: &[u8]) -> Result<PictureFormat, PictureError> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(PictureFormat::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Ok(PictureFormat::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(PictureFormat::Gif),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Ok(PictureFormat::WebP),
        _ => Err(PictureError::NotAPicture {
            detected: other(bytes),
        }),
    }
}

/// The first bytes of what people send instead of a picture.
const SIGNATURES: [(&[u8], &str); 18] = [
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"BM", "a BMP picture"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"8BPS", "a Photoshop document"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"qoif", "a QOI picture"),
    (b"DDS ", "a DDS texture"),
    (b"\xFF\x0A", "a JPEG XL picture"),
    (b"\0\0\0\x0CJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0CjP  ", "a JPEG 2000 picture"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"\x7FELF", "a program"),
    (b"\x1A\x45\xDF\xA3", "a Matroska video"),
];

fn other(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        return "an empty file";
    }
    if let Some((_, name)) = SIGNATURES
        .iter()
        .find(|(start, _)| bytes.starts_with(start))
    {
        return name;
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1") => "a HEIC picture",
            Some(b"avif" | b"avis") => "an AVIF picture",
            _ => "a video",
        };
    }
    let start = bytes.get(..bytes.len().min(512)).unwrap_or(bytes);
    let printable = |byte: &u8| *byte >= b' ' || b"\t\r\n".contains(byte);
    // A character may be cut at the end of what is looked at.
    let is_text = match std::str::from_utf8(start) {
        Ok(_) => start.iter().all(printable),
        Err(error) => {
            error.error_len().is_none() && start.iter().all(printable) && 0 < error.valid_up_to()
        }
    };
    if !is_text {
        return "of no known format";
    }
    let text = String::from_utf8_lossy(start)
        .trim_start_matches('\u{feff}')
        .to_lowercase();
    let text = text.trim_start();
    if text.contains("<svg") {
        "an SVG document"
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") {
        "an HTML document"
    } else if text.starts_with("<?xml") {
        "an XML document"
    } else if text.starts_with("data:image/") {
        "a data: URL, not the picture's bytes"
    } else {
        "text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_named() {
        let check = |bytes: &[u8], expected: &str| match sniff(bytes) {
            Err(PictureError::NotAPicture { detected }) => assert_eq!(detected, expected),
            other => panic!("{other:?}"),
        };
        check(b"", "an empty file");
        check(b"\0", "of no known format");
        check(b"\xFF\xD8", "of no known format");
        check("ein Bild, wahrhaftig ä".as_bytes(), "text");
        check(b"hello, I am a text named .jpg", "text");
        check(b"%PDF-1.7", "a PDF document");
        check(
            b"\xEF\xBB\xBF<?xml version='1.0'?><svg/>",
            "an SVG document",
        );
        check(b"<!DOCTYPE html><html>", "an HTML document");
        check(b"\0\0\0\x18ftypheic\0\0", "a HEIC picture");
        check(b"\0\0\0\x18ftypmp42\0\0", "a video");
        check(b"RIFF\0\0\0\0WAVE", "of no known format");
    }
}
