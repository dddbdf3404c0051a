//! The annotated picture: boxes, points and names drawn onto the photo.

mod canvas;
mod color;
mod frame;
mod legend;
mod plate;
mod points;
mod style;
mod text;

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError, RgbImage};

use super::prediction::Prediction;
use canvas::Canvas;
use style::Style;

/// Quality of JPEG pictures, of 100.
const JPEG_QUALITY: u8 = 90;

/// Draws the predictions, given best first, onto the upright picture they were made from.
///
/// Frames and points lie below, the best on top of the others, then plates with their names, then
/// the classes of the whole picture in a legend at the top left.
///
/// Never fails: what does not fit or is not finite is left out.
#[must_use]
pub fn annotate(picture: RgbImage, predictions: &[Prediction]) -> RgbImage {
    let mut canvas = Canvas::new(picture);
    let style = Style::for_picture(canvas.size());
    for prediction in predictions.iter().rev() {
        frame::draw(&mut canvas, &style, prediction);
        points::draw(&mut canvas, &style, prediction);
    }
    plate::draw_all(&mut canvas, &style, predictions);
    legend::draw(&mut canvas, &style, predictions);
    canvas.into_picture()
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureEncoding {
    /// Lossless; fast rather than small.
    Png,
    /// At quality 90.
    Jpeg,
}

impl PictureEncoding {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// Why a picture could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The format cannot hold it: a side of zero pixels, or of more than 65,535 in a JPEG.
    #[error("a picture of {width}×{height} pixels cannot be written as {}", encoding.media_type())]
    Unwritable {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The format.
        encoding: PictureEncoding,
        /// What the encoder said.
        source: ImageError,
    },
}

/// The bytes of a picture file.
///
/// # Errors
/// When the format cannot hold a picture of that size.
pub fn encode(picture: &RgbImage, encoding: PictureEncoding) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = picture.dimensions();
    let mut file = Cursor::new(Vec::new());
    let written = match encoding {
        PictureEncoding::Png => {
            PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
                .write_image(picture, width, height, ExtendedColorType::Rgb8)
        }
        PictureEncoding::Jpeg => JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
            .write_image(picture, width, height, ExtendedColorType::Rgb8),
    };
    match written {
        Ok(()) => Ok(file.into_inner()),
        Err(source) => Err(EncodeError::Unwritable {
            width,
            height,
            encoding,
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Rect;
    use crate::postprocess::prediction::Keypoint;

    fn found(label: &str, rect: Option<[f32; 4]>) -> Prediction {
        Prediction {
            label: label.to_owned(),
            class_id: 3,
            confidence: 0.87,
            rect: rect.map(|[x1, y1, x2, y2]| Rect { x1, y1, x2, y2 }),
            keypoints: Vec::new(),
        }
    }

    #[test]
    fn nothing_found_changes_nothing() {
        let picture = RgbImage::from_pixel(20, 10, Rgb([9, 8, 7]));
        assert_eq!(annotate(picture.clone(), &[]), picture);
    }

    #[test]
    fn a_frame_is_crisp_and_leaves_the_object_alone() {
        let grey = Rgb([128, 128, 128]);
        let picture = RgbImage::from_pixel(300, 200, grey);
        let drawn = annotate(picture, &[found("cat", Some([50.0, 60.0, 250.0, 150.0]))]);
        let line = color::of_class(3);
        let rim = color::readable_on(line);
        let row: Vec<Rgb<u8>> = (48..55).map(|x| *drawn.get_pixel(x, 100)).collect();
        assert_eq!(row, [grey, rim, line, line, rim, grey, grey]);
        let row: Vec<Rgb<u8>> = (246..252).map(|x| *drawn.get_pixel(x, 100)).collect();
        assert_eq!(row, [grey, rim, line, line, rim, grey]);
    }

    #[test]
    fn a_legend_shades_only_its_corner() {
        let white = Rgb([255, 255, 255]);
        let picture = RgbImage::from_pixel(400, 300, white);
        let drawn = annotate(picture, &[found("cat", None), found("dog", None)]);
        assert!(drawn.get_pixel(4, 4).0[0] < 80 || drawn.get_pixel(8, 8).0[0] < 80);
        assert_eq!(*drawn.get_pixel(399, 0), white);
        assert_eq!(*drawn.get_pixel(0, 299), white);
    }

    #[test]
    fn files_are_read_back() {
        let picture = RgbImage::from_pixel(31, 17, Rgb([200, 100, 50]));
        let check = |encoding: PictureEncoding, tolerance: u8| {
            let file = encode(&picture, encoding).expect("encodes");
            let format = image::guess_format(&file).expect("known");
            assert_eq!(format.to_mime_type(), encoding.media_type());
            let back = image::load_from_memory(&file).expect("decodes").to_rgb8();
            assert_eq!(back.dimensions(), picture.dimensions());
            for (a, b) in back.iter().zip(picture.iter()) {
                assert!(a.abs_diff(*b) <= tolerance, "{encoding:?}");
            }
        };
        check(PictureEncoding::Png, 0);
        check(PictureEncoding::Jpeg, 4);
    }

    #[test]
    fn what_a_format_cannot_hold() {
        let error = encode(&RgbImage::new(70_000, 1), PictureEncoding::Jpeg);
        assert_eq!(
            error.expect_err("too wide").to_string(),
            "a picture of 70000×1 pixels cannot be written as image/jpeg"
        );
    }

    /// Any number, the usual ones more often.
    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![4 => -50.0_f32..300.0, 1 => any::<f32>()]
    }

    fn prediction() -> impl Strategy<Value = Prediction> {
        let rect = prop::option::of(prop::array::uniform4(number()));
        let points = prop::collection::vec((number(), number()), 0..4);
        (".{0,40}", any::<usize>(), number(), rect, points).prop_map(
            |(label, class_id, confidence, rect, points)| Prediction {
                class_id,
                confidence,
                keypoints: points
                    .into_iter()
                    .map(|(x, y)| Keypoint {
                        name: None,
                        x,
                        y,
                        confidence: None,
                    })
                    .collect(),
                ..found(&label, rect)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn never_panics(
            width in 0_u32..200,
            height in 0_u32..200,
            predictions in prop::collection::vec(prediction(), 0..6),
        ) {
            let drawn = annotate(RgbImage::new(width, height), &predictions);
            prop_assert_eq!(drawn.dimensions(), (width, height));
        }
    }
}
