//! From bytes to tensors: what decoding, resizing and normalising cost, beside what one would
//! write at first. Trust the ratios within one run.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark may stop where something is wrong, and says so by failing"
)]

use std::{hint::black_box, io::Cursor};

use criterion::{Criterion, criterion_group, criterion_main};
use image::{DynamicImage, ImageFormat, RgbImage};
use ocellus::{
    model::contract::{Contract, input::Input},
    preprocess::{ImageLimits, Picture, decode, prepare},
};

/// A picture with enough detail that no step has it easy.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |a: u32, b: u32| u8::try_from((x * a + y * b + x * y / 97) % 256).unwrap_or(0);
        image::Rgb([wave(1, 2), wave(3, 1), wave(2, 5)])
    })
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgb8(picture.clone());
    picture.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> Picture {
    decode(bytes, &ImageLimits::default(), [255; 3]).expect("decodes")
}

fn input(rest: &str) -> Input {
    let text = format!("task = \"detection\"\n[input]\n{rest}\n[output]\ndecoder = \"end_to_end\"");
    Contract::parse(&text).expect("sound").input
}

/// Normalising as one would write it at first: every index computed, every channel by itself.
fn naive(pixels: &RgbImage, mean: [f32; 3], std: [f32; 3]) -> Vec<f32> {
    let (width, height) = pixels.dimensions();
    let plane = (width * height) as usize;
    let mut tensor = vec![0.0; 3 * plane];
    for channel in 0..3 {
        for y in 0..height {
            for x in 0..width {
                let value = f32::from(pixels.get_pixel(x, y)[channel]) / 255.0;
                let place = channel * plane + (y * width + x) as usize;
                tensor[place] = (value - mean[channel]) / std[channel];
            }
        }
    }
    tensor
}

fn decoding(criterion: &mut Criterion) {
    let pixels = picture(1152, 864);
    let mut group = criterion.benchmark_group("decode 1 MP");
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let bytes = encoded(&pixels, format);
        group.bench_function(format!("{format:?}"), |bench| {
            bench.iter(|| decoded(black_box(&bytes)));
        });
    }
    group.finish();
}

fn preparing(criterion: &mut Criterion) {
    let picture = decoded(&encoded(&picture(1152, 864), ImageFormat::Jpeg));
    let mut group = criterion.benchmark_group("1 MP to a tensor");
    for profile in ["pillow", "opencv"] {
        for filter in ["bilinear", "bicubic", "area"] {
            let settings = format!("filter = \"{filter}\", profile = \"{profile}\"");
            let crop = input(&format!(
                "height = 224\nwidth = 224\nresize = {{ mode = \"center_crop\", {settings} }}"
            ));
            group.bench_function(format!("crop to 224, {profile} {filter}"), |bench| {
                bench.iter(|| prepare(black_box(&picture), &crop).expect("fits"));
            });
        }
        let letterbox = input(&format!(
            "height = 640\nwidth = 640\nresize = {{ mode = \"letterbox\", profile = \"{profile}\" }}"
        ));
        group.bench_function(format!("letterbox to 640, {profile} bilinear"), |bench| {
            bench.iter(|| prepare(black_box(&picture), &letterbox).expect("fits"));
        });
    }
    group.finish();
}

fn normalising(criterion: &mut Criterion) {
    let picture = decoded(&encoded(&picture(640, 640), ImageFormat::Png));
    let normalize = "normalize = { mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }";
    let as_it_is = format!("height = 640\nwidth = 640\nresize.mode = \"none\"\n{normalize}");
    let planes = input(&as_it_is);
    let interleaved = input(&format!("layout = \"NHWC\"\n{as_it_is}"));
    let mut group = criterion.benchmark_group("normalise 640 px");
    group.bench_function("NCHW", |bench| {
        bench.iter(|| prepare(black_box(&picture), &planes).expect("fits"));
    });
    group.bench_function("NHWC", |bench| {
        bench.iter(|| prepare(black_box(&picture), &interleaved).expect("fits"));
    });
    group.bench_function("naive NCHW", |bench| {
        let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        bench.iter(|| naive(black_box(&picture.pixels), mean, std));
    });
    group.finish();
}

criterion_group!(benches, decoding, preparing, normalising);
criterion_main!(benches);
