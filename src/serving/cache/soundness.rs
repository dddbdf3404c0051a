//! Files held against their digests.

use std::{fs::File, io, path::Path};

use crate::model::digest::{Digest, Hasher};

/// The digest of a file.
///
/// # Errors
/// When it cannot be read.
pub fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut file = io::BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let bytes = io::BufRead::fill_buf(&mut file)?;
        if bytes.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(bytes);
        let read = bytes.len();
        io::BufRead::consume(&mut file, read);
    }
}

/// Whether a file has this size and digest.
pub(super) fn is_sound(path: &Path, size: u64, sha256: Digest) -> bool {
    let as_long = path.metadata().is_ok_and(|found| found.len() == size);
    as_long && digest_of(path).is_ok_and(|found| found == sha256)
}
