//! Resizing by weighted taps: for each new pixel the old ones it is made of. OpenCV's `cubic` and
//! `area` and both nearest filters, which no resizing library gives to the pixel.

use image::{Rgb, RgbImage};

use crate::preprocess::placement::{Placement, Source};

/// The old pixels that one new pixel is made of, along one axis: the first of them, which may
/// lie outside of the picture and is then its nearest, and their weights.
pub(super) struct Taps {
    first: i64,
    weights: Vec<f32>,
}

/// One axis of a resize.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// Where the source begins.
    start: f64,
    /// Old pixels for each new one.
    scale: f64,
    /// Number of old pixels.
    pixels: i64,
    /// Number of new pixels.
    count: u32,
    /// Whether both axes shrink the picture, or keep it.
    shrinks: bool,
}

/// Resizes a placement's source with the given taps, horizontally and then vertically, rounded
/// once at the end.
pub(super) fn resize(
    picture: &RgbImage,
    placement: &Placement,
    taps: fn(Axis) -> Vec<Taps>,
) -> RgbImage {
    let Placement {
        source:
            Source {
                x,
                y,
                width,
                height,
            },
        target,
        ..
    } = *placement;
    let (scale_x, scale_y) = (
        width / f64::from(target.width),
        height / f64::from(target.height),
    );
    let shrinks = 1.0 <= scale_x && 1.0 <= scale_y;
    let columns = taps(Axis {
        start: x,
        scale: scale_x,
        pixels: i64::from(picture.width()),
        count: target.width,
        shrinks,
    });
    let lines = taps(Axis {
        start: y,
        scale: scale_y,
        pixels: i64::from(picture.height()),
        count: target.height,
        shrinks,
    });

    let width = picture.width() as usize;
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    let rows: Vec<&[[u8; 3]]> = pixels.chunks_exact(width.max(1)).collect();
    let mut narrowed = Narrowed {
        rows,
        columns,
        done: Vec::new(),
        first: 0,
    };
    let mut resized = RgbImage::new(target.width, target.height);
    for (line, to) in lines.iter().zip(resized.rows_mut()) {
        let row = narrowed.mix(line);
        to.zip(row)
            .for_each(|(to, sum)| *to = Rgb(sum.map(rounded)));
    }
    resized
}

/// Rows of the picture, narrowed to the target's width when they are first needed, and forgotten
/// when the last line that needs them is done.
struct Narrowed<'a> {
    rows: Vec<&'a [[u8; 3]]>,
    columns: Vec<Taps>,
    done: Vec<Vec<[f32; 3]>>,
    first: i64,
}

impl Narrowed<'_> {
    /// The weighted sum of the rows that a line is made of.
    fn mix(&mut self, line: &Taps) -> Vec<[f32; 3]> {
        let forgotten = usize::try_from(line.first - self.first).unwrap_or(0);
        self.done.drain(..forgotten.min(self.done.len()));
        self.first = line.first;
        let mut sums = vec![[0.0; 3]; self.columns.len()];
        for (place, weight) in line.weights.iter().enumerate() {
            if self.done.len() <= place {
                let row = clamped(self.first + self.done.len() as i64, self.rows.len());
                let row = self.rows.get(row).copied().unwrap_or_default();
                self.done
                    .push(self.columns.iter().map(|taps| taps.mix(row)).collect());
            }
            let row = self.done.get(place).map(Vec::as_slice).unwrap_or_default();
            for (sum, value) in sums.iter_mut().zip(row) {
                add(sum, *value, *weight);
            }
        }
        sums
    }
}

impl Taps {
    fn mix(&self, row: &[[u8; 3]]) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for (offset, weight) in self.weights.iter().enumerate() {
            let at = clamped(self.first + offset as i64, row.len());
            let pixel = row.get(at).copied().unwrap_or_default();
            add(&mut sum, pixel.map(f32::from), *weight);
        }
        sum
    }
}

fn add(sum: &mut [f32; 3], value: [f32; 3], weight: f32) {
    for (sum, value) in sum.iter_mut().zip(value) {
        *sum += value * weight;
    }
}

/// An index outside of the picture is that of its nearest pixel (OpenCV's `BORDER_REPLICATE`).
fn clamped(index: i64, len: usize) -> usize {
    usize::try_from(index)
        .unwrap_or(0)
        .min(len.saturating_sub(1))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to a byte first"
)]
fn rounded(value: f32) -> u8 {
    value.round_ties_even().clamp(0.0, 255.0) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "pixel indices are far below 2^63"
)]
fn floor(x: f64) -> i64 {
    x.floor() as i64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "weights are computed in f64, applied in f32"
)]
fn single(x: f64) -> f32 {
    x as f32
}

/// The pixel under the new pixel's centre: Pillow's `NEAREST`.
pub(super) fn nearest_center(axis: Axis) -> Vec<Taps> {
    let tap = |i| Taps {
        first: floor(axis.start + (f64::from(i) + 0.5) * axis.scale),
        weights: vec![1.0],
    };
    (0..axis.count).map(tap).collect()
}

/// The pixel under the new pixel's edge: OpenCV's `INTER_NEAREST`.
pub(super) fn nearest_floor(axis: Axis) -> Vec<Taps> {
    let tap = |i| Taps {
        first: floor(axis.start + f64::from(i) * axis.scale),
        weights: vec![1.0],
    };
    (0..axis.count).map(tap).collect()
}

/// The mean over the pixels whose centres lie under the new pixel: Pillow's `BOX`, with the
/// bounds of its `precompute_coeffs`.
pub(super) fn pillow_box(axis: Axis) -> Vec<Taps> {
    let tap = |i| {
        let support = 0.5 * axis.scale.max(1.0);
        let center = axis.start + (f64::from(i) + 0.5) * axis.scale;
        let first = floor((center - support + 0.5).max(0.0));
        let end = floor(center + support + 0.5).min(axis.pixels);
        #[expect(
            clippy::cast_precision_loss,
            reason = "pixel indices are far below 2^52"
        )]
        let inside = |index: i64| {
            let distance = (index as f64 - center + 0.5) / axis.scale.max(1.0);
            -0.5 < distance && distance <= 0.5
        };
        let weights: Vec<f64> = (first..end)
            .map(|at| f64::from(u8::from(inside(at))))
            .collect();
        let sum = weights.iter().sum::<f64>();
        let weights = weights.into_iter().map(|weight| single(weight / sum));
        Taps {
            first,
            weights: weights.collect(),
        }
    };
    (0..axis.count).map(tap).collect()
}

/// Four pixels by cubic convolution with a = -0.75 (Keys, 1981): OpenCV's `INTER_CUBIC`.
pub(super) fn cubic(axis: Axis) -> Vec<Taps> {
    const A: f64 = -0.75;
    let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let tap = |i| {
        let center = axis.start + (f64::from(i) + 0.5) * axis.scale - 0.5;
        let x = center - center.floor();
        let weights = [far(x + 1.0), near(x), near(1.0 - x), far(2.0 - x)];
        Taps {
            first: floor(center) - 1,
            weights: weights.map(single).to_vec(),
        }
    };
    (0..axis.count).map(tap).collect()
}

/// The mean over the pixels that the new pixel covers: OpenCV's `INTER_AREA`, which becomes a
/// kind of linear interpolation where one of the axes grows.
pub(super) fn area(axis: Axis) -> Vec<Taps> {
    let tap = |i: u32| {
        if axis.shrinks {
            covered(axis, i)
        } else {
            stretched(axis, i)
        }
    };
    (0..axis.count).map(tap).collect()
}

/// Weights are the parts of pixels that lie under the new pixel.
fn covered(axis: Axis, index: u32) -> Taps {
    let from = axis.start + f64::from(index) * axis.scale;
    let to = from + axis.scale;
    // An edge that lies on a pixel's within rounding does not reach into the next.
    let (first, end) = (floor(from + 1e-6), (to - 1e-6).ceil());
    let mut weights = Vec::new();
    let mut left = first;
    #[expect(
        clippy::cast_precision_loss,
        reason = "pixel indices are far below 2^52"
    )]
    while (left as f64) < end {
        let part = to.min(left as f64 + 1.0) - from.max(left as f64);
        weights.push(single(part / axis.scale));
        left += 1;
    }
    Taps { first, weights }
}

/// `resizeAreaFast`'s counterpart for growing axes, in OpenCV's `resize.cpp`.
fn stretched(axis: Axis, index: u32) -> Taps {
    let from = axis.start + f64::from(index) * axis.scale;
    let first = floor(from);
    #[expect(
        clippy::cast_precision_loss,
        reason = "pixel indices are far below 2^52"
    )]
    let beyond = (f64::from(index) + 1.0) - (first as f64 + 1.0 - axis.start) / axis.scale;
    let second = if beyond <= 0.0 {
        0.0
    } else {
        beyond - beyond.floor()
    };
    Taps {
        first,
        weights: vec![single(1.0 - second), single(second)],
    }
}
