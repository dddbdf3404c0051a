//! Text: measured, cut to a width, and drawn.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScaleFont, ScaleFont, point};
use image::Rgb;

use super::canvas::{Canvas, Paint, opacity, pixel};

#[expect(
    clippy::expect_used,
    reason = "the font is part of the binary, and a test reads it"
)]
static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../../assets/fonts/DejaVuSans-Bold.ttf"))
        .expect("assets/fonts/DejaVuSans-Bold.ttf is a font")
});

/// Letters of one size.
#[derive(Debug)]
pub(super) struct Type {
    font: PxScaleFont<&'static FontRef<'static>>,
    size: f32,
}

impl Type {
    /// Letters of that many pixels to the em.
    pub(super) fn of_size(size: f32) -> Self {
        // `ab_glyph` scales by the height of a line, which is more than an em.
        let lines_to_the_em = FONT
            .units_per_em()
            .map_or(1.0, |units| FONT.height_unscaled() / units);
        Self {
            font: FONT.as_scaled(size * lines_to_the_em),
            size,
        }
    }

    /// Height of a line, in whole pixels.
    pub(super) fn line(&self) -> i64 {
        pixel(self.font.height().ceil())
    }

    /// Part of the size, in whole pixels: for space around text.
    pub(super) fn space(&self, of_size: f32) -> i64 {
        pixel(self.size * of_size)
    }

    /// Width of a text, in whole pixels.
    pub(super) fn width(&self, text: &str) -> i64 {
        let end = self.pens(text).last().map_or(0.0, |(_, end)| end);
        pixel(end.ceil())
    }

    /// The text, or as much of its beginning as fits into `width` pixels with an ellipsis.
    pub(super) fn fit(&self, text: &str, width: i64) -> String {
        let room = width as f32;
        let ellipsis = self.font.h_advance(self.font.glyph_id('…'));
        let mut cut = 0;
        for ((at, letter), (_, end)) in text.char_indices().zip(self.pens(text)) {
            if room < end {
                let beginning = text.get(..cut).unwrap_or_default().trim_end();
                return format!("{beginning}…");
            }
            if end + ellipsis <= room {
                cut = at + letter.len_utf8();
            }
        }
        text.to_owned()
    }

    /// Draws a line of text, its line box's corner at `(left, top)`.
    pub(super) fn draw(&self, canvas: &mut Canvas, (left, top): (i64, i64), text: (&str, Rgb<u8>)) {
        let (text, color) = text;
        let baseline = top as f32 + self.font.ascent().round();
        let glyphs = text.chars().map(|letter| self.font.glyph_id(letter));
        let mut start = 0.0;
        for (id, (kerned, end)) in glyphs.zip(self.pens(text)) {
            let at = point(left as f32 + start + kerned, baseline);
            let glyph = id.with_scale_and_position(self.font.scale(), at);
            start = end;
            let Some(outline) = self.font.outline_glyph(glyph) else {
                continue;
            };
            let corner = outline.px_bounds().min;
            let (x0, y0) = (pixel(corner.x), pixel(corner.y));
            outline.draw(|x, y, coverage| {
                let opacity = opacity(coverage);
                let (x, y) = (x0 + i64::from(x), y0 + i64::from(y));
                canvas.blend(x, y, Paint { color, opacity });
            });
        }
    }

    /// For each letter, the kerning before it and where the pen is behind it.
    fn pens(&self, text: &str) -> impl Iterator<Item = (f32, f32)> {
        let mut pen = 0.0;
        let mut last: Option<GlyphId> = None;
        text.chars().map(move |letter| {
            let id = self.font.glyph_id(letter);
            let kerned = last.map_or(0.0, |last| self.font.kern(last, id));
            last = Some(id);
            pen += kerned + self.font.h_advance(id);
            (kerned, pen)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_ends_in_an_ellipsis_and_fits() {
        let letters = Type::of_size(16.0);
        let text = "West Highland white terrier";
        let whole = letters.width(text);
        assert_eq!(letters.fit(text, whole), text);
        assert_eq!(letters.fit("", 0), "");
        for width in letters.width("…")..whole {
            let cut = letters.fit(text, width);
            assert!(cut.ends_with('…'), "{cut:?}");
            assert!(letters.width(&cut) <= width, "{cut:?} in {width}");
        }
    }

    #[test]
    fn the_font_has_the_letters_of_labels() {
        for letter in "azÅßéøşžñ łβΩжЙếẽ…·–%°²×".chars() {
            assert_ne!(FONT.glyph_id(letter), GlyphId(0), "{letter}");
        }
    }
}
