//! A version's folder loaded as a server would, without a server.

use std::{path::Path, sync::Arc};

use crate::{
    model::{
        desired::VersionPolicy,
        digest::Digest,
        name::{ModelName, Version},
    },
    serving::{
        aspired::{AspiredModel, AspiredVersion, VersionFiles},
        loader::LoadContext,
        manager::Manager,
        state::State,
    },
};

use super::PublishError;

/// Loads a folder as a version: contract, graph, warm-up, golden pictures. Gives a manager that
/// serves it.
///
/// # Errors
/// The reason that a server would give.
pub async fn load_folder(
    context: LoadContext,
    folder: &Path,
    name: &ModelName,
    version: Version,
) -> Result<Arc<Manager>, PublishError> {
    let manager = Arc::new(Manager::new(context));
    let mut aspired = AspiredModel::new(name.clone());
    aspired.policy = VersionPolicy::All;
    aspired.versions.push(AspiredVersion {
        version,
        content: Digest::of(folder.as_os_str().as_encoded_bytes()),
        size: 0,
        files: VersionFiles::Folder(folder.to_owned()),
    });
    let mut changes = manager.changes();
    manager.set_aspired(aspired);
    loop {
        let model = manager.model(name);
        let status = model.as_ref().ok().and_then(|model| model.version(version));
        match status.map(|status| (status.state, &status.message)) {
            Some((State::Available, _)) => return Ok(manager),
            Some((State::End, reason)) => return Err(PublishError::Unsound(reason.clone())),
            _ => (),
        }
        if changes.changed().await.is_err() {
            return Err(PublishError::Unsound("the load was lost".to_owned()));
        }
    }
}
