//! Calls, let in before their messages are read.

use std::{
    error::Error,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tonic::{
    Request,
    body::Body,
    codegen::{
        Service,
        http::{self, HeaderMap},
    },
};
use tower::Layer;

use crate::{
    access::{
        caller::Caller,
        gate::{Admission, Gate, OF_PROXIES, Shown, shown_secret},
    },
    error::Problem,
    inference::memory::{Held, MemoryBudget},
    proto::status::status,
    transport::Peer,
};

use super::{
    GrpcState,
    received::{Encoding, Limits, Received},
};

impl GrpcState {
    /// The memory that a caller's messages are counted into.
    fn memory_for(&self, caller: &Caller) -> MemoryBudget {
        if caller.speaks_for_others() {
            return self.relayed.clone();
        }
        self.uploads.of(&caller.identity().tenant())
    }
}

/// Methods for which nobody need be known: whether the server lives, and what it understands.
const OPEN: &[&str] = &[
    "/grpc.health.v1.Health/",
    "/grpc.reflection.",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ServerMetadata",
];

/// Methods whose callers send as many messages as they like, in their own time.
const STREAMS: &[&str] = &[
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/grpc.reflection.",
];

/// Largest message of a method that is open, in bytes.
const OPEN_BYTES: usize = 64 << 10;

/// Lets calls in before their messages are read.
#[derive(Clone, Debug)]
pub(super) struct AdmitLayer(pub(super) GrpcState);

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit {
            state: self.0.clone(),
            inner,
        }
    }
}

/// See [`AdmitLayer`].
#[derive(Clone, Debug)]
pub(super) struct Admit<S> {
    state: GrpcState,
    inner: S,
}

/// A call, which may have to wait before it is let in.
type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, B> Service<http::Request<B>> for Admit<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Later<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // What was found ready is what has to be called.
        let next = self.inner.clone();
        let (state, mut inner) = (self.state.clone(), mem::replace(&mut self.inner, next));
        Box::pin(async move {
            let path = request.uri().path();
            let is_among = |methods: &[&str]| methods.iter().any(|method| path.starts_with(method));
            let (is_open, is_stream) = (is_among(OPEN), is_among(STREAMS));
            let mut held = Held::new(state.uploads.clone());
            if !is_open {
                let peer = request.extensions().get().copied();
                match let_in(&state.gate, shown(request.headers(), peer)).await {
                    Ok(admission) => {
                        held = Held::new(state.memory_for(&admission.caller));
                        request.extensions_mut().insert(Arc::new(admission));
                    }
                    Err(problem) => return Ok(status(&problem).into_http()),
                }
            }
            let most = if is_open { OPEN_BYTES } else { usize::MAX };
            let limits = Limits {
                bytes: state.message_bytes.min(most),
                time: (!is_stream).then_some(state.limits().longest),
            };
            let encoding = request.headers().get("grpc-encoding");
            let encoding = encoding.and_then(|name| Encoding::named(name.as_bytes()));
            // A call with a single message holds it until it is answered.
            let kept = held.clone();
            let request =
                request.map(|body| Body::new(Received::new(body, encoding, held, limits)));
            let answer = inner.call(request).await;
            drop(kept);
            answer
        })
    }
}

async fn let_in(gate: &Gate, shown: Shown<'_>) -> Result<Admission, Problem> {
    if let Some(news) = gate.news(shown) {
        news.await;
    }
    gate.admit(shown)
}

/// What a call shows of its caller.
fn shown(headers: &HeaderMap, peer: Option<Peer>) -> Shown<'_> {
    let has = |name: &str| headers.contains_key(name);
    Shown {
        secret: shown_secret(|name| headers.get(name)?.to_str().ok()),
        address: peer.map(|peer| peer.address.ip().to_canonical()),
        forwarded: has("x-forwarded-for") || has("forwarded") || OF_PROXIES.into_iter().any(has),
        certified: peer.is_some_and(|peer| peer.certified),
    }
}

/// What a call shows of its caller, for the messages that it sends later: who was let in once may not
/// be by then.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    gate: Gate,
    headers: HeaderMap,
    peer: Option<Peer>,
}

impl Remembered {
    pub(super) fn of<T>(gate: &Gate, request: &Request<T>) -> Self {
        Self {
            gate: gate.clone(),
            headers: request.metadata().as_ref().clone(),
            peer: request.extensions().get().copied(),
        }
    }

    /// Lets another message of the call in.
    ///
    /// # Errors
    /// Those of [`Gate::admit`].
    pub(super) async fn let_in(&self) -> Result<Admission, Problem> {
        let_in(&self.gate, shown(&self.headers, self.peer)).await
    }
}
