//! Who a call is of, and what they may have of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tonic::{Request, Status, metadata::MetadataMap};
use tracing::info;

use crate::{
    access::{
        caller::{Caller, Wish},
        gate::Admission,
        scope::Action,
        secret::without_keys,
    },
    core_client::{CoreClient, ServableHandle},
    error::{ErrorCode, Problem},
    fairness::{claim::Claim, priority::Priority},
    inference::{
        memory::Held,
        request::ModelSpec,
        tensors::{TensorAnswer, TensorRequest},
    },
    model::name::ModelName,
    proto::{generated::inference::ModelStatistics, status::status},
    serving::{overrides::ModelOverride, state::ModelStatus},
};

use super::{GrpcState, deadline::in_time, open_inference::codec::spec, shown::Remembered};

/// How urgent a call is, by its metadata.
fn priority(metadata: &MetadataMap) -> Result<Option<Priority>, Status> {
    let Some(value) = metadata.get("x-priority") else {
        return Ok(None);
    };
    let named = value.to_str().ok().and_then(|text| text.parse().ok());
    let invalid = || Status::invalid_argument("x-priority must be high, normal or low");
    named.map(Some).ok_or_else(invalid)
}

/// The server as one caller may see and use it.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    state: GrpcState,
    admission: Arc<Admission>,
    /// What the call's metadata asks for.
    priority: Option<Priority>,
    /// What its messages are counted into.
    held: Held,
}

impl GrpcState {
    /// The server as the caller of a request may see and use it.
    pub(super) fn seen_by<T>(&self, request: &Request<T>) -> Result<Guarded, Status> {
        let admission = request.extensions().get::<Arc<Admission>>();
        let unknown = || Status::unauthenticated("nobody let this call in");
        Ok(Guarded {
            state: self.clone(),
            admission: Arc::clone(admission.ok_or_else(unknown)?),
            priority: priority(request.metadata())?,
            held: held(request)?,
        })
    }
}

/// What the messages of a call are counted into.
fn held<T>(request: &Request<T>) -> Result<Held, Status> {
    let held = request.extensions().get().cloned();
    held.ok_or_else(|| Status::internal("nobody counts this call's messages"))
}

/// A call whose messages come one after the other, each let in by itself.
#[derive(Clone, Debug)]
pub(super) struct Streamed {
    state: GrpcState,
    remembered: Remembered,
    priority: Option<Priority>,
    held: Held,
}

impl GrpcState {
    /// A call of which more messages come.
    pub(super) fn streamed<T>(&self, request: &Request<T>) -> Result<Streamed, Status> {
        Ok(Streamed {
            state: self.clone(),
            remembered: Remembered::of(&self.gate, request),
            priority: priority(request.metadata())?,
            held: held(request)?,
        })
    }
}

impl Streamed {
    /// The server as the caller may see and use it now.
    ///
    /// # Errors
    /// Why the caller is not let in any more.
    pub(super) async fn message(&self) -> Result<Guarded, Problem> {
        Ok(self.guarded(self.remembered.let_in().await?))
    }

    /// The same, where the caller sent nothing that would count.
    ///
    /// # Errors
    /// Why the caller is not let in any more.
    pub(super) async fn look(&self) -> Result<Guarded, Problem> {
        let caller = self.remembered.identified().await?;
        Ok(self.guarded(Admission::uncounted(caller)))
    }

    fn guarded(&self, admission: Admission) -> Guarded {
        Guarded {
            state: self.state.clone(),
            admission: Arc::new(admission),
            priority: self.priority,
            held: self.held.clone(),
        }
    }
}

impl Guarded {
    fn caller(&self) -> &Caller {
        &self.admission.caller
    }

    fn core(&self) -> &CoreClient {
        self.state.core()
    }

    /// What a call claims that asks for this in its message, and for the rest in its metadata.
    pub(super) fn claim(&self, wish: Wish, longest: Duration) -> Result<Claim, Problem> {
        let claim = self.caller().claim(wish.or(self.priority))?;
        Ok(claim.until(Instant::now().checked_add(longest)))
    }

    /// Counts an answer of so many bytes, which the caller may take in their own time.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Problem> {
        self.held.more(bytes as u64)
    }

    /// Answers a request by its deadline, and counts it by how it ended.
    pub(super) async fn run(&self, request: TensorRequest) -> Result<TensorAnswer, Problem> {
        let asked = request.model.clone();
        self.caller().check(Action::Infer, &asked.name)?;
        self.state.service.admit(&asked, &request.claim)?;
        let service = &self.state.service;
        let work = in_time(request.claim.deadline, service.run(request));
        service.counted(&asked, work, |problem| problem.code).await
    }

    /// Sees to it that the caller may run a model.
    pub(super) fn may_run(&self, name: &ModelName) -> Result<(), Problem> {
        self.caller().check(Action::Infer, name)
    }

    /// Sees to it that there is a version that would answer.
    pub(super) fn find(&self, asked: &ModelSpec) -> Result<(), Problem> {
        self.core().servable(&asked.name, &asked.version).map(drop)
    }

    /// The version that would answer.
    pub(super) fn servable(&self, asked: &ModelSpec) -> Result<ServableHandle, Problem> {
        self.caller().check(Action::Describe, &asked.name)?;
        self.core().servable(&asked.name, &asked.version)
    }

    /// A model, and the version of it that is named.
    pub(super) fn version(
        &self,
        name: &str,
        version: &str,
    ) -> Result<(ModelStatus, ServableHandle), Status> {
        let found = spec(name, version).and_then(|spec| {
            let servable = self.servable(&spec)?;
            Ok((self.core().model(&spec.name)?, servable))
        });
        found.map_err(|problem| status(&problem))
    }

    /// A model.
    pub(super) fn model(&self, name: &ModelName) -> Result<ModelStatus, Problem> {
        self.caller().check(Action::Describe, name)?;
        self.core().model(name)
    }

    /// The models that the caller may see.
    pub(super) fn models(&self) -> Vec<ModelStatus> {
        let mut models = self.core().models();
        models.retain(|model| self.caller().sees(&model.name));
        models
    }

    /// Statistics of the versions that the caller may see.
    pub(super) async fn statistics(&self) -> Vec<ModelStatistics> {
        let mut statistics = self.core().statistics().await;
        let sees = |name: &str| name.parse().is_ok_and(|name| self.caller().sees(&name));
        statistics.retain(|version| sees(&version.name));
        statistics
    }

    /// Puts a model back into service.
    pub(super) async fn load(&self, name: &ModelName) -> Result<(), Problem> {
        let done = match self.caller().check(Action::Admin, name) {
            Ok(()) => self.core().load(name).await,
            Err(problem) => Err(problem),
        };
        self.audited("load", name, done)
    }

    /// Takes a model out of service.
    pub(super) async fn unload(&self, name: &ModelName) -> Result<(), Problem> {
        let done = match self.caller().check(Action::Admin, name) {
            Ok(()) => self.core().unload(name).await,
            Err(problem) => Err(problem),
        };
        self.audited("unload", name, done)
    }

    /// Says which versions of models are wanted. Models that are not named are taken out of
    /// service, so it takes the right to both. Nothing is said of models that there are not before.
    pub(super) fn configure(
        &self,
        wanted: BTreeMap<ModelName, ModelOverride>,
    ) -> Result<(), Problem> {
        let every = self.core().models().into_iter().map(|model| model.name);
        let every: BTreeSet<ModelName> = every.collect();
        let names: BTreeSet<ModelName> = every.iter().chain(wanted.keys()).cloned().collect();
        let mut each = names.iter();
        let allowed = each.try_for_each(|name| self.caller().check(Action::Admin, name));
        let known = || match names.difference(&every).next() {
            Some(name) => {
                let detail = format!("there is no model {name} in the server's root");
                Err(Problem::new(ErrorCode::ModelNotFound, detail))
            }
            None => Ok(()),
        };
        let done = allowed.and_then(|()| {
            known()?;
            self.core().configure(wanted)
        });
        for name in &names {
            self.audited("configure", name, done.clone()).ok();
        }
        done
    }

    /// One line for everything that was done, or not allowed, to a model's service.
    fn audited(
        &self,
        action: &str,
        model: &ModelName,
        done: Result<(), Problem>,
    ) -> Result<(), Problem> {
        let (caller, model) = (self.caller().identity(), without_keys(model.as_str()));
        let refusal = done.as_ref().err().map(|problem| problem.code);
        let code = refusal.map(ErrorCode::as_str);
        info!(target: "audit", %caller, action, %model, code, "administration");
        done
    }
}
