//! All cores of a gateway: which of them has what, and which is asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::sync::watch;
use tonic::Status;

use crate::{
    core_client::statistics,
    error::{ErrorCode, Problem},
    model::{name::ModelName, served_version::ServedVersion},
    proto::{
        generated::inference::{
            ModelStatistics, ModelStatisticsRequest, RepositoryModelLoadRequest,
            RepositoryModelUnloadRequest,
        },
        status,
    },
    serving::{
        choice::{Choice, VersionChoice},
        state::ModelStatus,
    },
    transport::ClientTls,
};

use super::{
    core::{AddressError, RemoteCore},
    merge::{Said, merged},
    servable::RemoteServable,
};

/// Longest wait for the catalogues to say what the cores were told to do.
const KNOWN: Duration = Duration::from_secs(2);

/// The cores of a gateway.
#[derive(Debug)]
pub struct CorePool {
    cores: Vec<Arc<RemoteCore>>,
    changed: watch::Sender<u64>,
    tls: Option<Arc<ClientTls>>,
}

impl CorePool {
    /// Cores at some addresses, with messages of at most so many bytes.
    ///
    /// # Errors
    /// When an address is none, or does not go with there being TLS or not.
    pub fn new(
        addresses: &[String],
        message_bytes: usize,
        tls: Option<Arc<ClientTls>>,
    ) -> Result<Self, AddressError> {
        let core = |address: &String| {
            RemoteCore::new(address.clone(), message_bytes, tls.clone()).map(Arc::new)
        };
        Ok(Self {
            cores: addresses.iter().map(core).collect::<Result<_, _>>()?,
            changed: watch::Sender::new(0),
            tls,
        })
    }

    /// Follows the catalogues of all cores, and renews what they are known by, for ever.
    pub async fn follow(&self) {
        let renew = async {
            if let Some(tls) = &self.tls {
                tls.follow().await;
            }
        };
        let cores = join_all(self.cores.iter().map(|core| core.follow(&self.changed)));
        tokio::join!(cores, renew);
    }

    /// Whether requests can be answered: a core has tried its models, and one serves.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let settled = self.cores.iter().any(|core| {
            let view = core.view();
            view.connected && view.settled
        });
        settled
            && self
                .models()
                .iter()
                .any(|model| model.default_version().is_some())
    }

    /// News of every change of any model's state.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Every model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        let views: Vec<_> = self.cores.iter().map(|core| core.view()).collect();
        let mut said = BTreeMap::<&ModelName, Vec<Said<'_>>>::new();
        for view in &views {
            for (name, model) in &view.models {
                said.entry(name).or_default().push((model, view.connected));
            }
        }
        said.values().filter_map(|said| merged(said)).collect()
    }

    /// One model.
    ///
    /// # Errors
    /// When there is none of that name, or no core can be reached.
    pub fn model(&self, name: &ModelName) -> Result<ModelStatus, Problem> {
        let views: Vec<_> = self.cores.iter().map(|core| core.view()).collect();
        let said = views
            .iter()
            .filter_map(|view| Some((view.models.get(name)?, view.connected)));
        let said: Vec<Said<'_>> = said.collect();
        match merged(&said) {
            Some(model) => Ok(model),
            // A core that has just started does not know all its models yet.
            None if !views.iter().any(|view| view.connected && view.settled) => Err(unreachable()),
            None => {
                let detail =
                    format!("there is no model {name}; GET /v1/models lists those there are");
                Err(Problem::new(ErrorCode::ModelNotFound, detail))
            }
        }
    }

    /// The version that answers such a request, and the cores that have it.
    ///
    /// # Errors
    /// When it is not known or cannot serve, or no core can be reached.
    pub(in crate::core_client) fn servable(
        self: &Arc<Self>,
        name: &ModelName,
        choice: &VersionChoice,
    ) -> Result<(Choice, RemoteServable), Problem> {
        let model = self.model(name)?;
        if self.cores.iter().all(|core| !core.view().connected) {
            return Err(unreachable());
        }
        let mut choice = model
            .choose(choice)
            .map_err(|error| Problem::from(&error))?;
        let mut holders = self.holders(&choice.version);
        // The less loaded of two comes first, the others after them.
        fastrand::shuffle(&mut holders);
        if let [(first, _), (second, _), ..] = holders.as_slice()
            && second.load() < first.load()
        {
            holders.swap(0, 1);
        }
        if let Some((_, version)) = holders.first() {
            choice.version = Arc::clone(version);
        }
        Ok((choice, RemoteServable::new(holders)))
    }

    /// The cores that serve the same version: the same model, contract and labels.
    fn holders(&self, wanted: &ServedVersion) -> Vec<(Arc<RemoteCore>, Arc<ServedVersion>)> {
        let same = |version: &ServedVersion| {
            (&version.digest, &version.contract, &version.labels)
                == (&wanted.digest, &wanted.contract, &wanted.labels)
        };
        let holder = |core: &Arc<RemoteCore>| {
            let view = core.view();
            let model = view
                .models
                .get(&wanted.id.name)
                .filter(|_| view.connected)?;
            let served = model.version(wanted.id.version)?.served.as_ref()?;
            same(served).then(|| (Arc::clone(core), Arc::clone(served)))
        };
        self.cores.iter().filter_map(holder).collect()
    }

    /// Takes a model back into service on every core that can be reached.
    ///
    /// # Errors
    /// The first that one of them gives.
    pub async fn load(&self, name: &ModelName) -> Result<(), Problem> {
        let each = self.reached().into_iter().map(|core| async move {
            let request = RepositoryModelLoadRequest {
                model_name: name.to_string(),
                ..RepositoryModelLoadRequest::default()
            };
            core.inference()
                .repository_model_load(request)
                .await
                .map(drop)
        });
        all_done(join_all(each).await)?;
        self.until_known(name, |model| model.default_version().is_some())
            .await;
        Ok(())
    }

    /// Takes a model out of service on every core that can be reached.
    ///
    /// # Errors
    /// The first that one of them gives.
    pub async fn unload(&self, name: &ModelName) -> Result<(), Problem> {
        let each = self.reached().into_iter().map(|core| async move {
            let request = RepositoryModelUnloadRequest {
                model_name: name.to_string(),
                ..RepositoryModelUnloadRequest::default()
            };
            core.inference()
                .repository_model_unload(request)
                .await
                .map(drop)
        });
        all_done(join_all(each).await)?;
        self.until_known(name, ModelStatus::is_out_of_service).await;
        Ok(())
    }

    /// Waits until what the cores did is in what is known of them.
    async fn until_known(&self, name: &ModelName, done: impl Fn(&ModelStatus) -> bool) {
        let mut changes = self.changes();
        let known = async {
            while !self.model(name).is_ok_and(|model| done(&model)) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(KNOWN, known).await.ok();
    }

    /// How often and how long each version ran, on all cores that can be reached.
    pub async fn statistics(&self) -> Vec<ModelStatistics> {
        let each = self.reached().into_iter().map(|core| async move {
            let request = ModelStatisticsRequest::default();
            let answer = core.inference().model_statistics(request).await;
            answer.map_or_else(|_| Vec::new(), |answer| answer.into_inner().model_stats)
        });
        statistics::summed(join_all(each).await.into_iter().flatten())
    }

    fn reached(&self) -> Vec<&Arc<RemoteCore>> {
        self.cores
            .iter()
            .filter(|core| core.view().connected)
            .collect()
    }
}

fn all_done(answers: Vec<Result<(), Status>>) -> Result<(), Problem> {
    if answers.is_empty() {
        return Err(unreachable());
    }
    let known = |error: Status| status::problem(&error).unwrap_or_else(unreachable);
    answers
        .into_iter()
        .try_for_each(|answer| answer.map_err(known))
}

fn unreachable() -> Problem {
    let detail = "no model core can be reached; try again in a moment";
    Problem::new(ErrorCode::CoreUnavailable, detail)
}
