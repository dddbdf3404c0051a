//! Models taken out of service and back into it over the API.

use std::time::{Duration, Instant};

use crate::{
    error::{ErrorCode, Problem},
    model::name::ModelName,
    serving::{
        choice::VersionChoice,
        manager::Manager,
        state::{ModelStatus, State},
    },
};

use super::problem;

/// Longest wait for a model to be loaded or unloaded.
const PATIENCE: Duration = Duration::from_secs(60);

/// A model of which nothing is being done for so long has come as far as it will.
const IDLE: Duration = Duration::from_secs(1);

/// Ends what [`unload`] began, and waits until the model serves.
pub(super) async fn load(manager: &Manager, name: &ModelName) -> Result<(), Problem> {
    manager.model(name).map_err(|error| problem(&error))?;
    manager.release(name);
    let serves = |model: &ModelStatus| model.default_version().is_some();
    if until(manager, name, serves).await? {
        return Ok(());
    }
    let served = manager.servable(name, &VersionChoice::Default);
    served.map(drop).map_err(|error| problem(&error))
}

/// Takes a model out of service, and waits until its last requests have ended.
pub(super) async fn unload(manager: &Manager, name: &ModelName) -> Result<(), Problem> {
    manager.model(name).map_err(|error| problem(&error))?;
    manager.withhold(name);
    if until(manager, name, ModelStatus::is_out_of_service).await? {
        return Ok(());
    }
    let detail = format!("model {name} still serves");
    Err(Problem::new(ErrorCode::Overloaded, detail))
}

/// Waits until a model is as it should be. False when it will not be.
async fn until(
    manager: &Manager,
    name: &ModelName,
    reached: impl Fn(&ModelStatus) -> bool,
) -> Result<bool, Problem> {
    let (begun, mut idle_since) = (Instant::now(), None);
    let mut changes = manager.changes();
    while begun.elapsed() < PATIENCE {
        changes.borrow_and_update();
        let model = manager.model(name).map_err(|error| problem(&error))?;
        if reached(&model) {
            return Ok(true);
        }
        let moves = model.versions.iter().any(|version| match version.state {
            State::Loading | State::Unloading => true,
            State::Start | State::Available | State::End => false,
        });
        let idle = *idle_since.get_or_insert_with(Instant::now);
        if moves {
            idle_since = None;
        } else if IDLE < idle.elapsed() {
            return Ok(false);
        }
        tokio::time::timeout(IDLE / 4, changes.changed()).await.ok();
    }
    Ok(false)
}
