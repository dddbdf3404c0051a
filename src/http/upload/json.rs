//! Pictures and options as JSON, the pictures in base64 or as URLs.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use crate::{
    error::{ErrorCode, Problem},
    inference::options::{InferOptions, OptionValue},
    protocols::{
        base64::unbroken,
        document::{self, Object},
        nested::{First, KEPT_PICTURES},
    },
};

use super::{Sent, no_image, too_many};

/// Longest option, in bytes of JSON.
const MAX_OPTION: usize = 64 << 10;

/// Pictures in base64 or as URLs, and options. Exactly one of `b64`, `url`, `image` and `images` holds
/// the pictures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct InferJson {
    /// A single picture.
    #[schema(nullable = false, content_encoding = "base64")]
    b64: Option<String>,
    /// Where a single picture is, as in `images`.
    #[schema(nullable = false, format = "uri", max_length = 8192)]
    url: Option<String>,
    /// A single picture, with its name.
    #[schema(value_type = Option<JsonImage>, nullable = false)]
    image: Option<Object<JsonImage>>,
    /// Any number of pictures.
    #[schema(value_type = Option<Vec<JsonImage>>, nullable = false, min_items = 1)]
    images: Option<First<Object<JsonImage>, KEPT_PICTURES>>,
    /// How many classes a classification answers, best first.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000, nullable = false)]
    top_k: Option<Box<RawValue>>,
    /// Results below this confidence are left out.
    #[schema(value_type = Option<f32>, minimum = 0, maximum = 1, nullable = false)]
    confidence: Option<Box<RawValue>>,
    /// Of two boxes that overlap by more than this, only the better one is answered.
    #[schema(value_type = Option<f32>, minimum = 0, maximum = 1, nullable = false)]
    iou: Option<Box<RawValue>>,
    /// Most boxes in the answer, best first.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000, nullable = false)]
    max_detections: Option<Box<RawValue>>,
    /// Only these classes, by label or number.
    #[schema(value_type = Option<Vec<String>>, nullable = false)]
    classes: Option<Box<RawValue>>,
}

/// A picture: exactly one of `b64` and `url`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct JsonImage {
    /// The encoded picture in base64, standard or URL-safe, padded or not; a `data:` URL will do.
    #[schema(nullable = false, content_encoding = "base64")]
    b64: Option<String>,
    /// Where the picture is. It is fetched where the server's operator allows that, of https unless
    /// they allow http, and only of hosts that are public. Otherwise it is `url_refused`.
    #[schema(nullable = false, format = "uri", max_length = 8192)]
    url: Option<String>,
    /// Its name, for the answer.
    #[serde(default)]
    #[schema(nullable = false)]
    filename: Option<String>,
}

/// The pictures of a body, at most so many, and its options added to others.
pub(super) fn read(
    body: &[u8],
    most: usize,
    mut options: InferOptions,
) -> Result<(Vec<Sent>, InferOptions), Problem> {
    let request: InferJson = document::read(body).map_err(|words| {
        let detail = format!("the JSON cannot be read: {words}");
        Problem::new(ErrorCode::MalformedRequest, detail)
    })?;
    let given = [
        ("top_k", request.top_k),
        ("confidence", request.confidence),
        ("iou", request.iou),
        ("max_detections", request.max_detections),
        ("classes", request.classes),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            options.add(name, &option_value(name, &value)?)?;
        }
    }
    let single = JsonImage {
        b64: request.b64,
        url: request.url,
        filename: None,
    };
    let single = Some(single).filter(|image| image.b64.is_some() || image.url.is_some());
    let images = request.images.map(|First(images)| images);
    let images = match (single, request.image, images) {
        (Some(image), None, None) | (None, Some(Object(image)), None) => vec![Object(image)],
        (None, None, Some(images)) if !images.is_empty() => images,
        (None, None, _) => {
            return Err(no_image(
                "the JSON has no picture: give one of b64, url, image or images",
            ));
        }
        _ => {
            let detail = "give the pictures in exactly one of b64, url, image and images";
            return Err(Problem::new(ErrorCode::MalformedRequest, detail));
        }
    };
    if most < images.len() {
        return Err(too_many(most));
    }
    let images = images.into_iter().enumerate();
    let images = images.map(|(index, Object(image))| sent(index, image));
    Ok((images.collect::<Result<_, _>>()?, options))
}

fn sent(index: usize, image: JsonImage) -> Result<Sent, Problem> {
    let JsonImage { b64, url, filename } = image;
    match (b64, url) {
        (Some(b64), None) => Ok(Sent::picture(decode(index, &b64)?, filename)),
        (None, Some(url)) => Ok(Sent::Url { url, filename }),
        (None, None) | (Some(_), Some(_)) => {
            let detail = format!("picture {index} must have exactly one of b64 and url");
            Err(Problem::new(ErrorCode::MalformedRequest, detail).in_field("image"))
        }
    }
}

fn option_value(name: &str, value: &RawValue) -> Result<OptionValue, Problem> {
    let value = match value.get() {
        text if text.len() <= MAX_OPTION => serde_json::from_str(text).unwrap_or_default(),
        _ => {
            let detail = format!("{name} is longer than {MAX_OPTION} bytes");
            return Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(name));
        }
    };
    let plain = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let converted = if let Value::Array(items) = value {
        items
            .into_iter()
            .map(plain)
            .collect::<Option<_>>()
            .map(OptionValue::List)
    } else {
        plain(value).map(OptionValue::Text)
    };
    converted.ok_or_else(|| {
        let detail = format!("{name} must be a number, a text or a list of texts");
        Problem::new(ErrorCode::InvalidOption, detail).in_field(name)
    })
}

fn decode(index: usize, b64: &str) -> Result<Bytes, Problem> {
    let text = &*unbroken(of_data_url(b64).unwrap_or(b64));
    let url_safe = text.contains(['-', '_']);
    let alphabet = if url_safe {
        &alphabet::URL_SAFE
    } else {
        &alphabet::STANDARD
    };
    let any_padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(alphabet, any_padding)
        .decode(text)
        .map_err(|error| {
            let detail = format!("b64 of picture {index} is not base64: {error}");
            Problem::new(ErrorCode::MalformedRequest, detail).in_field("b64")
        })?;
    Ok(bytes.into())
}

/// What a `data:` URL holds (RFC 2397), if this is one in base64.
fn of_data_url(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim_ascii_start().split_once(':')?;
    let (head, data) = rest.split_once(',')?;
    let (_, encoding) = head.rsplit_once(';')?;
    let is_one = scheme.eq_ignore_ascii_case("data") && encoding.eq_ignore_ascii_case("base64");
    is_one.then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, most: usize) -> Result<usize, ErrorCode> {
        let read = super::read(body.as_bytes(), most, InferOptions::default());
        read.map(|(images, _)| images.len())
            .map_err(|problem| problem.code)
    }

    #[test]
    fn base64_is_read_as_it_is_written() {
        let check = |b64: &str, expected: Option<&[u8]>| {
            let bytes = decode(0, b64).ok();
            assert_eq!(bytes.as_deref(), expected, "{b64:?}");
        };
        for b64 in [
            "aGk/",
            "aGk_",
            "aG\r\nk/\n",
            "data:;base64,aGk/",
            "DATA:image/png;charset=a;Base64, aGk/",
        ] {
            check(b64, Some(b"hi?"));
        }
        check("aGk", Some(b"hi"));
        check("data:image/png,aGk/", None);
        check("ftp:;base64,aGk/", None);
        check("aG*k", None);
    }

    #[test]
    fn pictures_are_counted_and_only_so_many_kept() {
        let images = |element: &str, count: usize| {
            format!("{{\"images\": [{}]}}", vec![element; count].join(","))
        };
        let check = |element: &str, count, expected| {
            assert_eq!(read(&images(element, count), 2), expected, "{element}");
        };
        check("{\"b64\": \"\"}", 2, Ok(2));
        check("{\"b64\": \"\"}", 3, Err(ErrorCode::TooManyImages));
        check("{}", 3, Err(ErrorCode::TooManyImages));
        check("{}", 10_000, Err(ErrorCode::TooManyImages));
        check("{}", 2, Err(ErrorCode::MalformedRequest));
        check("{}", 0, Err(ErrorCode::NoImage));
        check("1", 1, Err(ErrorCode::MalformedRequest));
        check("[\"\", null, null]", 1, Err(ErrorCode::MalformedRequest));
        assert_eq!(
            read("{\"images\": null, \"b64\": \"\"}", 2),
            Ok(1),
            "null says nothing"
        );
    }
}
