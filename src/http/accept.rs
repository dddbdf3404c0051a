//! What the caller wants back, by its `Accept` header (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

use crate::{
    error::{ErrorCode, Problem},
    postprocess::render::PictureEncoding,
};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerForm {
    /// Results as JSON.
    Json,
    /// The annotated picture.
    Picture(PictureEncoding),
}

/// What can be produced; of two that are wanted alike, the first.
const OFFERS: [(&str, AnswerForm); 3] = [
    ("application/json", AnswerForm::Json),
    ("image/png", AnswerForm::Picture(PictureEncoding::Png)),
    ("image/jpeg", AnswerForm::Picture(PictureEncoding::Jpeg)),
];

/// The form that the caller wants most.
///
/// # Errors
/// When none of what it accepts can be produced.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<AnswerForm, Problem> {
    let accepts: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accept = accepts.join(",");
    if accept.trim().is_empty() {
        return Ok(AnswerForm::Json);
    }
    let ranges: Vec<(String, f32)> = accept.split(',').filter_map(range).collect();
    let mut best: Option<(AnswerForm, f32)> = None;
    for (media_type, form) in OFFERS {
        let quality = quality(media_type, &ranges);
        if quality > best.map_or(0.0, |(_, best)| best) {
            best = Some((form, quality));
        }
    }
    best.map(|(form, _)| form).ok_or_else(|| {
        let offers = OFFERS.map(|(media_type, _)| media_type).join(", ");
        Problem::new(
            ErrorCode::NotAcceptable,
            format!("this path answers as one of {offers}"),
        )
    })
}

/// A media range and its quality, 0 to 1.
fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let media_range = parts
        .next()
        .filter(|range| range.contains('/'))?
        .to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
    Some((
        media_range,
        quality.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(1.0),
    ))
}

/// The quality of the most specific range that covers a media type.
fn quality(media_type: &str, ranges: &[(String, f32)]) -> f32 {
    let (kind, _) = media_type.split_once('/').unwrap_or_default();
    let of = |wanted: &str| {
        ranges
            .iter()
            .find(|(range, _)| range == wanted)
            .map(|(_, q)| *q)
    };
    of(media_type)
        .or_else(|| of(&format!("{kind}/*")))
        .or_else(|| of("*/*"))
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_form_that_can_be_produced() {
        let check = |accept: &str, expected: Option<AnswerForm>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a header value"));
            assert_eq!(negotiate(&headers).ok(), expected, "{accept}");
        };
        let (png, jpeg) = (PictureEncoding::Png, PictureEncoding::Jpeg);
        check("", Some(AnswerForm::Json));
        check("*/*", Some(AnswerForm::Json));
        check("image/png", Some(AnswerForm::Picture(png)));
        check("image/*", Some(AnswerForm::Picture(png)));
        check("image/*, image/png;q=0", Some(AnswerForm::Picture(jpeg)));
        check(
            "text/html, image/jpeg;q=0.9, */*;q=0.8",
            Some(AnswerForm::Picture(jpeg)),
        );
        check("text/html", None);
        check("application/json;q=0", None);
    }
}
