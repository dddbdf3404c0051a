//! Resizing by `fast_image_resize`.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use image::RgbImage;

use crate::preprocess::{
    PictureError,
    placement::{Placement, Source},
};

/// Pillow's convolution: first the columns, rounded to eight bits, then the rows (its
/// `ImagingResampleInner`). The order matters where a filter overshoots and is cut off in between:
/// the other way round Lanczos differs by up to 19. It is the other way round only where the
/// picture between the passes would be far larger than both others: high and narrow made wide.
pub(super) fn two_passes(
    picture: &RgbImage,
    placement: &Placement,
    filter: FilterType,
) -> Result<RgbImage, PictureError> {
    let Placement { source, target, .. } = placement;
    let (width, height) = picture.dimensions();
    let rows = rows_needed(source, target.height, height);
    let stride = width as usize * 3;
    let bytes = picture.as_raw();
    let bytes = bytes.get(rows.start * stride..rows.end * stride);
    let height = u32::try_from(rows.len()).unwrap_or(height);
    let bytes = bytes.unwrap_or_default();
    let whole = ImageRef::new(width, height, bytes, PixelType::U8x3).map_err(defect)?;
    #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^52")]
    let top = source.y - rows.start as f64;
    let source = Source { y: top, ..*source };

    let between = u64::from(target.width) * u64::from(height);
    let largest = (u64::from(width) * u64::from(height))
        .max(u64::from(target.width) * u64::from(target.height));
    let columns_first = between <= 4 * largest;
    let (first_size, columns) = if columns_first {
        ((target.width, height), whole_lines(source, height))
    } else {
        ((width, target.height), whole_columns(source, width))
    };
    let lines = if columns_first {
        whole_columns(source, target.width)
    } else {
        whole_lines(source, target.height)
    };
    let algorithm = ResizeAlg::Convolution(filter);
    let mut resizer = Resizer::new();
    let mut between = Image::new(first_size.0, first_size.1, PixelType::U8x3);
    resizer
        .resize(&whole, &mut between, &options(algorithm, &columns))
        .map_err(failed)?;
    let mut small = Image::new(target.width, target.height, PixelType::U8x3);
    resizer
        .resize(&between, &mut small, &options(algorithm, &lines))
        .map_err(failed)?;
    to_rgb(small)
}

/// The source along x alone: every line of a picture of that height.
fn whole_lines(source: Source, height: u32) -> Source {
    Source {
        y: 0.0,
        height: f64::from(height),
        ..source
    }
}

/// The source along y alone: every column of a picture of that width.
fn whole_columns(source: Source, width: u32) -> Source {
    Source {
        x: 0.0,
        width: f64::from(width),
        ..source
    }
}

/// Both directions at once, without rounding in between.
pub(super) fn one_pass(
    picture: &RgbImage,
    placement: &Placement,
    algorithm: ResizeAlg,
) -> Result<RgbImage, PictureError> {
    let Placement { source, target, .. } = placement;
    let (width, height) = picture.dimensions();
    let whole = ImageRef::new(width, height, picture.as_raw(), PixelType::U8x3).map_err(defect)?;
    let mut small = Image::new(target.width, target.height, PixelType::U8x3);
    Resizer::new()
        .resize(&whole, &mut small, &options(algorithm, source))
        .map_err(failed)?;
    to_rgb(small)
}

/// The rows that the filter reads for the source: three lobes beyond it at the most.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "row numbers are non-negative and at most 2^16"
)]
fn rows_needed(source: &Source, rows: u32, height: u32) -> std::ops::Range<usize> {
    let scale = (source.height / f64::from(rows)).max(1.0);
    let reach = (3.0 * scale).ceil() + 1.0;
    let first = (source.y - reach).floor().max(0.0) as usize;
    let last = (source.y + source.height + reach).ceil() as usize;
    first..last.min(height as usize)
}

fn options(algorithm: ResizeAlg, source: &Source) -> ResizeOptions {
    let Source {
        x,
        y,
        width,
        height,
    } = *source;
    ResizeOptions::new()
        .resize_alg(algorithm)
        .crop(x, y, width, height)
        .use_alpha(false)
}

fn to_rgb(image: Image<'_>) -> Result<RgbImage, PictureError> {
    let (width, height) = (image.width(), image.height());
    let pixels = RgbImage::from_raw(width, height, image.into_vec());
    pixels.ok_or_else(|| PictureError::Defect("the resized pixels have another size".to_owned()))
}

fn failed(error: ResizeError) -> PictureError {
    PictureError::Defect(error.to_string())
}

fn defect(error: impl std::fmt::Display) -> PictureError {
    PictureError::Defect(error.to_string())
}
