//! The tiny models and what they are asked.

use std::path::{Path, PathBuf};

use image::{ImageFormat, Rgb, RgbImage};

/// A folder of one of the tiny models' versions.
pub(crate) fn tiny(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(version)
}

/// A picture that is red all over, as a PNG.
pub(crate) fn red() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = RgbImage::from_pixel(8, 8, Rgb([255, 0, 0]));
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("encodes");
    bytes.into_inner()
}

/// A copy of a folder with one thing changed.
pub(crate) fn changed(folder: &Path, change: impl FnOnce(&Path)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("has a name");
        std::fs::copy(&path, copy.path().join(name)).expect("copies");
    }
    change(copy.path());
    copy
}
