//! Who a call is of, and what they may have of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Ready, ready},
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::future::Either;
use tonic::{
    Request, Status,
    body::Body,
    codegen::{Service, http},
    metadata::MetadataMap,
};
use tower::Layer;
use tracing::info;

use crate::{
    access::{
        caller::{Caller, Wish},
        gate::{Admission, Gate, Shown, shown_secret},
        scope::Action,
        secret::without_keys,
    },
    core_client::{CoreClient, ServableHandle},
    error::{ErrorCode, Problem},
    fairness::{claim::Claim, priority::Priority},
    inference::{
        request::ModelSpec,
        tensors::{TensorAnswer, TensorRequest},
    },
    model::name::ModelName,
    proto::{generated::inference::ModelStatistics, status::status},
    serving::{overrides::ModelOverride, state::ModelStatus},
    transport::Peer,
};

use super::{GrpcState, deadline::in_time, open_inference::codec::spec};

/// Methods for which nobody need be known: whether the server lives, and what it understands.
const OPEN: &[&str] = &[
    "/grpc.health.v1.Health/",
    "/grpc.reflection.",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ServerMetadata",
];

/// Lets calls in before their messages are read.
#[derive(Clone, Debug)]
pub(super) struct AdmitLayer(pub(super) Gate);

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit {
            gate: self.0.clone(),
            inner,
        }
    }
}

/// See [`AdmitLayer`].
#[derive(Clone, Debug)]
pub(super) struct Admit<S> {
    gate: Gate,
    inner: S,
}

/// A call that goes on, or is answered at once.
type Answered<F, T> = Either<F, Ready<T>>;

/// A call that is let in or not once there is news.
type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, B> Service<http::Request<B>> for Admit<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<
        Answered<S::Future, Result<S::Response, S::Error>>,
        Later<Result<S::Response, S::Error>>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Either::Left(Either::Left(self.inner.call(request)));
        }
        let Some(news) = self.gate.news(shown(&request)) else {
            return Either::Left(let_in(&self.gate, &mut self.inner, request));
        };
        // What was found ready is what has to be called.
        let next = self.inner.clone();
        let (gate, mut inner) = (self.gate.clone(), mem::replace(&mut self.inner, next));
        Either::Right(Box::pin(async move {
            news.await;
            let_in(&gate, &mut inner, request).await
        }))
    }
}

fn let_in<S, B>(
    gate: &Gate,
    inner: &mut S,
    mut request: http::Request<B>,
) -> Answered<S::Future, Result<S::Response, S::Error>>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
{
    match gate.admit(shown(&request)) {
        Ok(admission) => {
            request.extensions_mut().insert(Arc::new(admission));
            Either::Left(inner.call(request))
        }
        Err(problem) => Either::Right(ready(Ok(status(&problem).into_http()))),
    }
}

fn shown<B>(request: &http::Request<B>) -> Shown<'_> {
    let (extensions, headers) = (request.extensions(), request.headers());
    let peer = extensions.get::<Peer>();
    Shown {
        secret: shown_secret(|name| headers.get(name)?.to_str().ok()),
        address: peer.map(|peer| peer.address.ip().to_canonical()),
        forwarded: headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded"),
        certified: peer.is_some_and(|peer| peer.certified),
    }
}

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
        })
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
    /// service, so it takes the right to both.
    pub(super) fn configure(
        &self,
        wanted: BTreeMap<ModelName, ModelOverride>,
    ) -> Result<(), Problem> {
        let every = self.core().models().into_iter().map(|model| model.name);
        let names: BTreeSet<ModelName> = every.chain(wanted.keys().cloned()).collect();
        let mut each = names.iter();
        let allowed = each.try_for_each(|name| self.caller().check(Action::Admin, name));
        let done = allowed.and_then(|()| self.core().configure(wanted));
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
