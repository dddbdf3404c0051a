//! Folders of this machine whose versions nobody published: a server takes them as they lie, until
//! there is an index beside them.

use crate::{
    model::{
        index::{INDEX_FILE, MAX_INDEX_BYTES},
        key::Key,
    },
    serving::source::listing,
    storage::ObjectStore,
};

use super::{PublishError, index::read, publish::CLAIM_FILE};

/// Refuses to begin an index where versions are served that none of it would name.
///
/// # Errors
/// When there are such versions, or the root cannot be read.
pub(super) async fn spare(store: &dyn ObjectStore) -> Result<(), PublishError> {
    let index: Key = INDEX_FILE.parse()?;
    let is_folder = store.local_path(&index).is_some();
    if !is_folder || read(store, &index, MAX_INDEX_BYTES).await?.is_some() {
        return Ok(());
    }
    let root = listing::group(&store.list("").await?);
    let versions = root.models.iter().flat_map(|(model, listing)| {
        let versions = listing.versions.iter();
        let lying = versions.filter(|(_, version)| {
            version.manifest.is_none() && !version.files.contains_key(CLAIM_FILE)
        });
        lying.map(move |(version, _)| format!("{model}/{version}"))
    });
    let versions: Vec<String> = versions.collect();
    if versions.is_empty() {
        return Ok(());
    }
    let root = store.root().to_owned();
    Err(PublishError::Workbench { root, versions })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::{model::manifest::MANIFEST_FILE, storage::FolderStore};

    use super::*;

    fn lay(root: &Path, file: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("can be made");
        fs::write(path, "").expect("can be written");
    }

    async fn spared(files: &[&str]) -> Result<(), PublishError> {
        let root = tempfile::tempdir().expect("a folder");
        for file in files {
            lay(root.path(), file);
        }
        spare(&FolderStore::open(root.path().to_owned())).await
    }

    #[tokio::test]
    async fn versions_that_lie_there_are_not_ended_by_an_index() {
        let found = spared(&["dog/2/model.onnx", "cat/1/model.onnx", "cat/1/labels.txt"]).await;
        let Err(PublishError::Workbench { versions, .. }) = found else {
            panic!("{found:?}");
        };
        assert_eq!(versions, ["cat/1", "dog/2"]);
    }

    #[tokio::test]
    async fn an_index_may_be_begun_where_it_ends_nothing() {
        let claim = format!("cat/1/{CLAIM_FILE}");
        let manifest = format!("cat/1/{MANIFEST_FILE}");
        for file in ["readme.md", INDEX_FILE, &claim, &manifest] {
            let found = spared(&[file]).await;
            assert!(found.is_ok(), "{file}: {found:?}");
        }
        let found = spared(&[INDEX_FILE, "cat/1/model.onnx"]).await;
        assert!(found.is_ok(), "{found:?}");
    }
}
