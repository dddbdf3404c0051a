//! Decoding takes no more memory than its header was weighed at: that is what is asked of the budget
//! for all requests before a decoder is called.

#![expect(clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::io::Cursor;

use image::{
    DynamicImage, ImageEncoder as _, ImageFormat, codecs::jpeg::JpegEncoder,
    codecs::png::PngEncoder,
};
use ocellus::preprocess::{self, ImageLimits};
use peak_alloc::PeakAlloc;

#[global_allocator]
static COUNTED: PeakAlloc = PeakAlloc;

const SIDE: u32 = 1500;

/// What a decoder takes that no pixel is the reason for: tables, rows.
const TABLES: usize = 192 << 10;

/// Noise, which no format can leave out.
fn noise() -> DynamicImage {
    let mut state = 1_u32;
    let picture = image::RgbaImage::from_fn(SIDE, SIDE, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgba(state.to_be_bytes())
    });
    picture.into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, format)
        .expect("can be written");
    bytes.into_inner()
}

/// A JPEG whose EXIF says that it lies on its side.
fn turned(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    encoder
        .set_exif_metadata(exif.to_vec())
        .expect("JPEG has EXIF");
    encoder.encode_image(picture).expect("can be written");
    bytes
}

/// A PNG whose colour profile is mostly nothing, packed.
fn profiled(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder
        .set_icc_profile(vec![0; 12 << 20])
        .expect("PNG has profiles");
    picture
        .thumbnail(8, 8)
        .write_with_encoder(encoder)
        .expect("can be written");
    bytes
}

#[test]
fn no_picture_takes_more_than_it_was_weighed_at() {
    let rgba = noise();
    let rgb = DynamicImage::from(rgba.to_rgb8());
    let png = |picture: DynamicImage| encoded(&picture, ImageFormat::Png);
    let pictures = [
        ("PNG of RGB", encoded(&rgb, ImageFormat::Png)),
        ("PNG of RGBA", encoded(&rgba, ImageFormat::Png)),
        ("PNG of grey", png(rgba.to_luma8().into())),
        ("PNG of grey with alpha", png(rgba.to_luma_alpha8().into())),
        ("PNG of RGB of 16 bits", png(rgba.to_rgb16().into())),
        ("PNG of RGBA of 16 bits", png(rgba.to_rgba16().into())),
        ("PNG of grey of 16 bits", png(rgba.to_luma16().into())),
        ("PNG with a profile", profiled(&rgb)),
        ("JPEG", encoded(&rgb, ImageFormat::Jpeg)),
        ("JPEG of grey", encoded(&rgb.grayscale(), ImageFormat::Jpeg)),
        ("JPEG on its side", turned(&rgb)),
        ("WebP of RGB", encoded(&rgb, ImageFormat::WebP)),
        ("WebP of RGBA", encoded(&rgba, ImageFormat::WebP)),
        ("GIF", encoded(&rgba, ImageFormat::Gif)),
    ];
    let limits = ImageLimits::default();
    for (name, bytes) in pictures {
        let weight = preprocess::weigh(&bytes, &limits).expect("is within the limits");
        let before = COUNTED.current_usage();
        COUNTED.reset_peak_usage();
        let decoded = preprocess::decode(&bytes, &limits, [0; 3]);
        let taken = COUNTED.peak_usage() - before;
        assert!(decoded.is_ok(), "{name}: {decoded:?}");
        let weight = usize::try_from(weight).expect("fits");
        assert!(
            taken <= weight + TABLES,
            "{name} was weighed at {weight} bytes and took {taken}"
        );
    }
}
