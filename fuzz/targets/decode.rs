//! Bytes as a picture: decoded within their limits, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocellus::preprocess::{ImageLimits, decode, weigh};

/// Small, so that time goes into variety and not into pixels.
const LIMITS: ImageLimits = ImageLimits {
    max_pixels: 1 << 20,
    max_side: 4096,
};

fuzz_target!(|bytes: &[u8]| {
    let weight = weigh(bytes, &LIMITS);
    if let Ok(picture) = decode(bytes, &LIMITS, [0; 3]) {
        let size = picture.info.size;
        let pixels = size.pixels();
        assert!(pixels <= LIMITS.max_pixels, "{size:?}");
        let weight = weight.expect("what decodes was weighed");
        assert!(3 * pixels <= weight, "{size:?} weighs {weight}");
    }
});
