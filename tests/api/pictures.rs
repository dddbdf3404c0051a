//! Pictures that the tests paint themselves.

use std::io::Cursor;

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder as _, ImageFormat, Rgb, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    metadata::Orientation,
};

pub(crate) const RED: Rgb<u8> = Rgb([255, 0, 0]);
pub(crate) const GREEN: Rgb<u8> = Rgb([0, 255, 0]);
pub(crate) const BLUE: Rgb<u8> = Rgb([0, 0, 255]);
pub(crate) const BLACK: Rgb<u8> = Rgb([0, 0, 0]);

/// A picture of one colour.
pub(crate) fn plain(width: u32, height: u32, color: Rgb<u8>) -> RgbImage {
    RgbImage::from_pixel(width, height, color)
}

/// A box by its left, top, right and bottom edges.
pub(crate) type Edges = [u32; 4];

/// A black picture with boxes of one colour each.
pub(crate) fn spots(width: u32, height: u32, boxes: &[(Edges, Rgb<u8>)]) -> RgbImage {
    let mut picture = plain(width, height, BLACK);
    for ([x1, y1, x2, y2], color) in boxes {
        for y in *y1..*y2 {
            for x in *x1..*x2 {
                picture.put_pixel(x, y, *color);
            }
        }
    }
    picture
}

pub(crate) fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = DynamicImage::ImageRgb8(picture.clone());
    picture
        .write_to(&mut Cursor::new(&mut bytes), format)
        .expect("encodes");
    bytes
}

pub(crate) fn png(picture: &RgbImage) -> Vec<u8> {
    encoded(picture, ImageFormat::Png)
}

/// The picture as a camera that was held otherwise would store it: turned, with an EXIF
/// orientation (1 to 8) that turns it upright again.
pub(crate) fn stored_turned(upright: &RgbImage, orientation: u8, format: ImageFormat) -> Vec<u8> {
    let turn = Orientation::from_exif(orientation).expect("1 to 8");
    let inverse = match turn {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        other => other,
    };
    let mut stored = DynamicImage::ImageRgb8(upright.clone());
    stored.apply_orientation(inverse);
    let mut bytes = Vec::new();
    let (width, height) = (stored.width(), stored.height());
    let pixels = stored.as_bytes();
    match format {
        ImageFormat::Jpeg => {
            let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
            encoder
                .set_exif_metadata(exif(orientation))
                .expect("takes EXIF");
            encoder
                .write_image(pixels, width, height, ExtendedColorType::Rgb8)
                .expect("encodes");
        }
        ImageFormat::Png => {
            let mut encoder = PngEncoder::new(&mut bytes);
            encoder
                .set_exif_metadata(exif(orientation))
                .expect("takes EXIF");
            encoder
                .write_image(pixels, width, height, ExtendedColorType::Rgb8)
                .expect("encodes");
        }
        other => panic!("{other:?} is not painted"),
    }
    bytes
}

/// A TIFF structure with one entry, tag 0x0112 (orientation), a single SHORT.
fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    bytes.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}
