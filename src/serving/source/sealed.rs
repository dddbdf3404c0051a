//! One version's manifest as it was last read.

use std::sync::Arc;

use crate::{
    model::{
        digest::Digest,
        manifest::Manifest,
        name::{ModelName, Version},
    },
    serving::aspired::HeldBack,
    storage::Tag,
};

use super::listing::VersionListing;

/// A version that somebody sealed.
#[derive(Debug)]
pub(super) struct Sealed {
    /// The state of the manifest's object.
    pub tag: Tag,
    /// The digest of the manifest.
    pub content: Digest,
    /// What it says, or why it says nothing.
    pub manifest: Result<Arc<Manifest>, String>,
}

impl Sealed {
    pub(super) fn read(tag: Tag, bytes: &[u8], name: &ModelName, version: Version) -> Self {
        let parsed = Manifest::parse(bytes, name, version);
        Self {
            tag,
            content: Digest::of(bytes),
            manifest: parsed.map(Arc::new).map_err(|error| error.to_string()),
        }
    }

    /// One whose manifest is not read, for a reason.
    pub(super) fn refused(tag: Tag, reason: String) -> Self {
        Self {
            tag,
            content: Digest::of(reason.as_bytes()),
            manifest: Err(reason),
        }
    }

    /// One out of a snapshot; its manifest is read again once the store is back.
    pub(super) fn restored(content: Digest, manifest: Manifest) -> Self {
        Self {
            tag: Tag(String::new()),
            content,
            manifest: Ok(Arc::new(manifest)),
        }
    }

    /// The manifest, if all that it lists lies there.
    pub(super) fn whole(&self, lying: Option<&VersionListing>) -> Result<&Arc<Manifest>, HeldBack> {
        let manifest = self.manifest.as_ref();
        let manifest = manifest.map_err(|fault| HeldBack::Manifest(fault.clone()))?;
        let Some(lying) = lying else {
            return Ok(manifest);
        };
        for file in &manifest.files {
            match lying.files.get(&file.path) {
                None => return Err(HeldBack::Missing(file.path.clone())),
                Some((size, _)) if *size != file.size => {
                    return Err(HeldBack::Size {
                        path: file.path.clone(),
                        expected: file.size,
                        found: *size,
                    });
                }
                Some(_) => (),
            }
        }
        Ok(manifest)
    }
}
