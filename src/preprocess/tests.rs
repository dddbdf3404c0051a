//! Preprocessing as a whole: any bytes in, a tensor or a clear error out.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::prelude::*;

use crate::error::{ErrorCode, Problem};
use crate::geometry::Size;
use crate::model::contract::resize::{Filter, Profile, ResizeMode};

use super::*;

/// A picture with a gradient each way.
fn gradient(width: u32, height: u32) -> RgbImage {
    let byte = |x: u32| u8::try_from(x % 256).expect("a byte");
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([byte(x), byte(y), byte(x + y)])
    })
}

fn encoded(pixels: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels.clone())
        .write_to(&mut bytes, format)
        .expect("encodes");
    bytes.into_inner()
}

const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Gif,
];

fn decoded(bytes: &[u8]) -> Result<Picture, PictureError> {
    decode(bytes, &ImageLimits::default(), [255; 3])
}

fn problem(bytes: &[u8]) -> Problem {
    decoded(bytes).expect_err("not a picture").into()
}

#[test]
fn every_format_decodes() {
    for format in FORMATS {
        let picture = decoded(&encoded(&gradient(33, 17), format)).expect("decodes");
        assert_eq!(picture.info.size, Size::new(33, 17), "{format:?}");
        assert!(!picture.info.animated, "{format:?}");
    }
}

#[test]
fn a_truncated_picture_is_an_error_and_never_half_a_picture() {
    for format in FORMATS {
        let bytes = encoded(&gradient(40, 40), format);
        let whole = decoded(&bytes).expect("decodes").pixels;
        for length in 0..bytes.len() {
            match decoded(&bytes[..length]) {
                // A trailer, or a checksum, holds no pixel.
                Ok(cut) => assert!(cut.pixels == whole, "{format:?} cut at {length}"),
                Err(error) => {
                    let code = Problem::from(error.clone()).code;
                    let expected = [
                        ErrorCode::UndecodableImage,
                        ErrorCode::UnsupportedImageFormat,
                    ];
                    assert!(
                        expected.contains(&code),
                        "{format:?} at {length}: {error:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_jpeg_that_is_cut_and_ended_is_never_half_a_picture() {
    let check = |whole: &[u8]| {
        let pixels = decoded(whole).expect("decodes").pixels;
        for length in 0..whole.len() {
            let cut = [&whole[..length], b"\xff\xd9"].concat();
            if let Ok(picture) = decoded(&cut) {
                assert!(
                    picture.pixels == pixels,
                    "cut at {length} of {}",
                    whole.len()
                );
            }
        }
    };
    check(&encoded(&gradient(64, 40), ImageFormat::Jpeg));
    check(&encoded(&RgbImage::new(40, 40), ImageFormat::Jpeg));
    check(&encoded(&RgbImage::new(1, 1), ImageFormat::Jpeg));
}

#[test]
fn a_small_file_that_claims_a_huge_picture_is_refused() {
    let mut bytes = encoded(&gradient(16, 16), ImageFormat::Jpeg);
    let frame = bytes
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .expect("a frame header");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x1b, 0x58, 0x1b, 0x58]);
    let detail = problem(&bytes).detail;
    assert!(detail.ends_with("cannot hold 7000×7000 pixels"), "{detail}");

    let screen = b"GIF89a\x58\x1b\x58\x1b\x80\0\0\0\0\0\xff\xff\xff";
    let frame = b"\x2c\0\0\0\0\x58\x1b\x58\x1b\0\x02\x02\x4c\x01\0\x3b";
    let detail = problem(&[&screen[..], frame].concat()).detail;
    assert!(detail.ends_with("cannot hold 7000×7000 pixels"), "{detail}");
}

#[test]
fn the_smallest_picture_of_its_size_decodes() {
    for format in [ImageFormat::Jpeg, ImageFormat::Gif] {
        let picture = RgbImage::new(2000, 1500);
        let bytes = encoded(&picture, format);
        let size = decoded(&bytes).expect("holds it").info.size;
        assert_eq!(size, Size::new(2000, 1500), "{format:?}");
    }
}

#[test]
fn a_frame_larger_than_its_screen_is_refused_by_its_own_size() {
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\
                \x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0\x3b";
    let detail = problem(gif).detail;
    assert!(detail.starts_with("the picture is 65535×65535"), "{detail}");

    let canvas = b"RIFF\x28\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x09\0\0\x09\0\0";
    let frame = b"VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f";
    let detail = problem(&[&canvas[..], frame].concat()).detail;
    assert!(detail.starts_with("the picture is 16383×16383"), "{detail}");
}

#[test]
fn a_high_and_narrow_picture_made_wide_has_pillows_pixels_nearly() {
    let tall = gradient(2, 6000);
    let wide = input("width = 4000\nheight = 8");
    let size = Size::new(2, 6000);
    let placement = place::place(size, &wide).expect("fits");
    let resized = resize::resize(&tall, &placement, &wide.resize).expect("resizes");
    assert_eq!(resized.dimensions(), (4000, 8));
    // Each row is the mean of 750 rows of a gradient that runs through all bytes.
    let greens = resized.pixels().map(|pixel| i32::from(pixel.0[1]));
    assert!(greens.clone().all(|green| (green - 127).abs() < 20));
}

proptest! {
    #[test]
    fn no_mutation_panics(
        format in prop::sample::select(FORMATS.to_vec()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encoded(&gradient(19, 11), format);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = ImageLimits { max_pixels: 100_000, max_side: 1_000 };
        if let Ok(picture) = decode(&bytes, &limits, [0; 3]) {
            prop_assert!(picture.info.size.pixels() <= limits.max_pixels);
        }
    }

    #[test]
    fn any_bytes_after_a_signature_are_no_panic(
        signature in prop::sample::select(vec![
            &b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\0\0\0WEBPVP8X", b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..256),
    ) {
        let limits = ImageLimits { max_pixels: 100_000, max_side: 1_000 };
        let _ = decode(&[signature, &rest].concat(), &limits, [0; 3]);
    }
}

fn input(toml: &str) -> Input {
    toml::from_str(toml).expect("an input")
}

#[test]
fn a_prepared_picture_has_the_contracts_shape() {
    let picture = decoded(&encoded(&gradient(60, 40), ImageFormat::Png)).expect("decodes");
    let check = |toml: &str, shape: [usize; 4]| {
        let prepared = prepare(&picture, &input(toml)).expect("fits");
        assert_eq!(prepared.tensor.shape(), shape, "{toml}");
    };
    check("width = 32\nheight = 24", [1, 3, 24, 32]);
    check("width = 32\nheight = 24\nlayout = 'NHWC'", [1, 24, 32, 3]);
    check("width = 32\nheight = 24\ncolor = 'GRAY'", [1, 1, 24, 32]);
    check(
        "width = { min = 32, max = 96 }\nheight = { min = 32, max = 96 }\nresize.mode = 'letterbox'",
        [1, 3, 64, 96],
    );
}

#[test]
fn pictures_of_any_shape_cost_no_more_than_the_input() {
    let modes = [
        ResizeMode::Stretch,
        ResizeMode::Letterbox,
        ResizeMode::CenterCrop,
        ResizeMode::ShortestEdge,
    ];
    let filters = [
        (Profile::Pillow, Filter::Nearest),
        (Profile::Pillow, Filter::Bilinear),
        (Profile::Pillow, Filter::Lanczos),
        (Profile::Opencv, Filter::Nearest),
        (Profile::Opencv, Filter::Bilinear),
        (Profile::Opencv, Filter::Bicubic),
        (Profile::Opencv, Filter::Area),
    ];
    for (width, height) in [(12_000, 1), (1, 12_000), (4000, 3)] {
        let pixels = gradient(width, height);
        for mode in modes {
            for (profile, filter) in filters {
                let mut input = input("width = 224\nheight = 224\nresize.shortest_edge = 256");
                input.resize.mode = mode;
                input.resize.profile = profile;
                input.resize.filter = filter;
                let size = Size::new(width, height);
                let placement = place::place(size, &input).expect("fits");
                let target = placement.target;
                let resized = resize::resize(&pixels, &placement, &input.resize).expect("resizes");
                assert_eq!(resized.dimensions(), (target.width, target.height));
                assert!(resized.width() <= 224 && resized.height() <= 224);
            }
        }
    }
}

#[test]
fn a_picture_is_weighed_by_its_header() {
    let limits = ImageLimits::default();
    let weigh = |bytes: &[u8]| weigh(bytes, &limits);
    let pixels = DynamicImage::new_rgb8(20, 10);
    let encoded = |pixels: &DynamicImage, format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        pixels.write_to(&mut bytes, format).expect("encodes");
        bytes.into_inner()
    };
    let check = |pixels: &DynamicImage, format, bytes_per_pixel: u64| {
        let weight = weigh(&encoded(pixels, format));
        assert_eq!(weight, Ok(200 * bytes_per_pixel), "{format:?}");
    };
    check(&pixels, ImageFormat::Png, 6);
    check(&DynamicImage::new_rgba16(20, 10), ImageFormat::Png, 11);
    check(&DynamicImage::new_luma_a16(20, 10), ImageFormat::Png, 7);
    check(&DynamicImage::new_luma8(20, 10), ImageFormat::Png, 6);
    let lossless = encoded(&pixels, ImageFormat::WebP);
    let tables = 512 * (lossless.len() as u64 - 25);
    assert_eq!(weigh(&lossless), Ok(200 * 7 + 200 + tables));
    check(&DynamicImage::new_rgba8(20, 10), ImageFormat::Gif, 7);
    let jpeg = encoded(&pixels, ImageFormat::Jpeg);
    let copied = jpeg.len() as u64 + 18;
    assert_eq!(weigh(&jpeg), Ok(200 * 6 + copied));
    let frame = jpeg.windows(2).position(|two| two == [0xFF, 0xC0]);
    let frame = frame.expect("a frame header");
    let mut progressive = jpeg.clone();
    progressive[frame + 1] = 0xC2;
    assert_eq!(weigh(&progressive), Ok(200 * 9 + copied));
    let mut large = jpeg.clone();
    large[frame + 5..frame + 9].fill(0xFF);
    assert!(matches!(
        weigh(&large),
        Err(PictureError::TooManyPixels { .. })
    ));
    assert_eq!(weigh(&jpeg[..frame]), Ok(0), "no header, no picture");
    assert!(weigh(b"text").is_err());
}
