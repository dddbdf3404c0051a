//! From pixels to numbers, and to the tensor's layout: one pass over the pixels.

use half::f16;
use image::RgbImage;

use crate::{
    model::contract::input::{Color, Input, Layout},
    tensor::{DType, Tensor, TensorData},
};

use super::{PictureError, placement::Placement};

/// The tensor of a picture that has been resized to its placement's target.
///
/// Pixels beside the picture have the placement's pad value. Floats are
/// `(pixel * scale - mean) / std`, as one multiplication and one addition for each channel.
pub(super) fn normalize(
    pixels: &RgbImage,
    placement: &Placement,
    input: &Input,
) -> Result<Tensor, PictureError> {
    let target = placement.target;
    if pixels.dimensions() != (target.width, target.height) {
        return Err(PictureError::Defect(
            "the resized picture has another size".to_owned(),
        ));
    }
    let layer = Layer {
        pixels,
        placement,
        color: input.color,
        layout: input.layout,
    };
    let [first, second, third] = linear(input);
    let float = move |pixel: u8, channel: Channel| {
        let (factor, shift) = match channel {
            Channel::First => first,
            Channel::Second => second,
            Channel::Third => third,
        };
        f32::from(pixel) * factor + shift
    };
    let data = match input.dtype {
        DType::Float32 => TensorData::F32(layer.fill(float)),
        DType::Float16 => TensorData::F16(layer.fill(|p, c| f16::from_f32(float(p, c)))),
        DType::Uint8 => TensorData::U8(layer.fill(|pixel, _| pixel)),
        DType::Int32 => TensorData::I32(layer.fill(|pixel, _| i32::from(pixel))),
        DType::Int64 => TensorData::I64(layer.fill(|pixel, _| i64::from(pixel))),
    };
    let (rows, columns) = (
        placement.canvas.height as usize,
        placement.canvas.width as usize,
    );
    let channels = input.color.channels();
    let shape = match input.layout {
        Layout::Nchw => vec![1, channels, rows, columns],
        Layout::Nhwc => vec![1, rows, columns, channels],
    };
    Ok(Tensor::new(shape, data)?)
}

/// A channel of the tensor, in the contract's order.
#[derive(Clone, Copy)]
enum Channel {
    First,
    Second,
    Third,
}

/// Factor and shift of each channel: `(x * scale - mean) / std = x * (scale / std) - mean / std`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "computed in f64, applied in f32"
)]
fn linear(input: &Input) -> [(f32, f32); 3] {
    let normalize = &input.normalize;
    [0, 1, 2].map(|channel| {
        let std = normalize.std(channel);
        (
            (normalize.scale() / std) as f32,
            (-normalize.mean(channel) / std) as f32,
        )
    })
}

/// Resized pixels, about to be written into a tensor.
struct Layer<'a> {
    pixels: &'a RgbImage,
    placement: &'a Placement,
    color: Color,
    layout: Layout,
}

impl Layer<'_> {
    /// Every element of the tensor; `element` makes one of a pixel's channel.
    fn fill<T: Copy>(&self, element: impl Fn(u8, Channel) -> T) -> Vec<T> {
        match (self.color, self.layout) {
            (Color::Gray, _) => self.gray(element),
            (Color::Rgb, Layout::Nchw) => self.planes(|rgb| rgb, element),
            (Color::Rgb, Layout::Nhwc) => self.interleaved(|rgb| rgb, element),
            (Color::Bgr, Layout::Nchw) => self.planes(|[r, g, b]| [b, g, r], element),
            (Color::Bgr, Layout::Nhwc) => self.interleaved(|[r, g, b]| [b, g, r], element),
        }
    }

    /// The picture's rows, each with the index of its first pixel on the canvas.
    fn rows(&self) -> impl Iterator<Item = (usize, &[[u8; 3]])> {
        let Placement { target, canvas, .. } = self.placement;
        let (left, top) = (target.x as usize, target.y as usize);
        let (width, columns) = (target.width as usize, canvas.width as usize);
        let (pixels, _) = self.pixels.as_raw().as_chunks::<3>();
        let rows = pixels.chunks_exact(width).enumerate();
        rows.map(move |(row, pixels)| ((top + row) * columns + left, pixels))
    }

    fn canvas_pixels(&self) -> usize {
        self.placement.canvas.width as usize * self.placement.canvas.height as usize
    }

    fn gray<T: Copy>(&self, element: impl Fn(u8, Channel) -> T) -> Vec<T> {
        let pad = element(self.placement.pad, Channel::First);
        let mut elements = vec![pad; self.canvas_pixels()];
        for (start, row) in self.rows() {
            let line = elements.iter_mut().skip(start);
            line.zip(row)
                .for_each(|(to, rgb)| *to = element(luma(*rgb), Channel::First));
        }
        elements
    }

    fn interleaved<T: Copy>(
        &self,
        order: impl Fn([u8; 3]) -> [u8; 3],
        element: impl Fn(u8, Channel) -> T,
    ) -> Vec<T> {
        let pixel = |[first, second, third]: [u8; 3]| {
            [
                element(first, Channel::First),
                element(second, Channel::Second),
                element(third, Channel::Third),
            ]
        };
        let mut elements = vec![pixel([self.placement.pad; 3]); self.canvas_pixels()];
        for (start, row) in self.rows() {
            let line = elements.iter_mut().skip(start);
            line.zip(row).for_each(|(to, rgb)| *to = pixel(order(*rgb)));
        }
        elements.into_flattened()
    }

    fn planes<T: Copy>(
        &self,
        order: impl Fn([u8; 3]) -> [u8; 3],
        element: impl Fn(u8, Channel) -> T,
    ) -> Vec<T> {
        let (pad, count) = (self.placement.pad, self.canvas_pixels());
        let mut elements = Vec::with_capacity(3 * count);
        elements.resize(count, element(pad, Channel::First));
        elements.resize(2 * count, element(pad, Channel::Second));
        elements.resize(3 * count, element(pad, Channel::Third));
        let (first, rest) = elements.split_at_mut(count);
        let (second, third) = rest.split_at_mut(count);
        for (start, row) in self.rows() {
            let line = start..start + row.len();
            let planes = (first.get_mut(line.clone()), second.get_mut(line.clone()));
            let ((Some(first), Some(second)), Some(third)) = (planes, third.get_mut(line)) else {
                continue;
            };
            let places = first.iter_mut().zip(second).zip(third);
            for (((to_first, to_second), to_third), rgb) in places.zip(row) {
                let [a, b, c] = order(*rgb);
                *to_first = element(a, Channel::First);
                *to_second = element(b, Channel::Second);
                *to_third = element(c, Channel::Third);
            }
        }
        elements
    }
}

/// ITU-R BT.601 luma in Pillow's own fixed point (`L24` in its `Convert.c`).
#[expect(
    clippy::cast_possible_truncation,
    reason = "the weights sum to 1, so a byte stays one"
)]
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}
