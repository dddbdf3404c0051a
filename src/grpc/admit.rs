//! Calls, let in before their messages are read.

use std::{
    error::Error,
    future::Future,
    mem,
    num::NonZero,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread::available_parallelism,
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Semaphore, time::timeout};
use tonic::{
    body::Body,
    codegen::{Service, http},
};
use tower::Layer;

use crate::{
    access::{
        allowance::Allowed,
        caller::Identity,
        gate::{Admission, Shown},
    },
    error::{ErrorCode, Problem},
    fairness::{
        claim::Tenant,
        places::{Place, Places},
    },
    inference::memory::{Held, MemoryBudget},
    proto::{status::status, weight::Shape},
};

use super::{
    GrpcState,
    answered::Answered,
    message::{Encoding, Reading},
    received::{Messages, Received},
    shown::{identified, let_in, shown},
};

/// Methods for which nobody need be known: whether the server lives, and what it is.
const OPEN: &[&str] = &[
    "/grpc.health.v1.Health/",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ServerMetadata",
];

/// The method whose messages are let in one by one.
const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";

/// Another whose callers send as many messages as they like, in their own time.
const REFLECTION: &str = "/grpc.reflection.";

/// Largest message that is not of this API, in bytes.
const FOREIGN_BYTES: usize = 64 << 10;

/// Most calls at a time for which nobody need be known, and most memory for their messages.
const OPEN_CALLS: (usize, u64) = (512, 4 << 20);

/// Longest time of such a call: who watches the server's health asks again then.
const OPEN_TIME: Duration = Duration::from_secs(300);

/// Most headers of a call.
const HEADERS: usize = 100;

/// What calls take from each other.
#[derive(Clone, Debug)]
struct Shared {
    /// Places for calls of those who are known. A gateway has as many as it likes.
    calls: Places<Tenant>,
    /// Places, and memory, for the others.
    open: (Places<Tenant>, MemoryBudget),
    readers: Arc<Semaphore>,
}

/// Lets calls in before their messages are read.
#[derive(Clone, Debug)]
pub(super) struct AdmitLayer {
    state: GrpcState,
    shared: Shared,
}

impl AdmitLayer {
    /// Lets in so many calls at a time of those who are known.
    pub(super) fn new(state: GrpcState, calls: usize) -> Self {
        let (open, bytes) = OPEN_CALLS;
        let processors = available_parallelism().map_or(1, NonZero::get);
        let shared = Shared {
            calls: Places::new(calls),
            open: (Places::new(open), MemoryBudget::new("health checks", bytes)),
            readers: Arc::new(Semaphore::new(processors)),
        };
        Self { state, shared }
    }
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit {
            layer: self.clone(),
            inner,
        }
    }
}

/// See [`AdmitLayer`].
#[derive(Clone, Debug)]
pub(super) struct Admit<S> {
    layer: AdmitLayer,
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
        let (layer, mut inner) = (self.layer.clone(), mem::replace(&mut self.inner, next));
        Box::pin(async move {
            let Pass {
                reading,
                messages,
                kept,
            } = match layer.let_in(&mut request).await {
                Ok(pass) => pass,
                Err(problem) => return Ok(status(&problem).into_http()),
            };
            request.extensions_mut().insert(reading.held.clone());
            let end = kept.is_open.then(|| layer.open_end());
            let received = |body| Body::new(Received::new(body, reading, messages));
            let answer = inner.call(request.map(received)).await?;
            Ok(answer.map(|body| Body::new(Answered::new(body, kept, end))))
        })
    }
}

/// What a call that is let in may send, and what it holds until its answer is taken.
struct Pass {
    reading: Reading,
    messages: Messages,
    kept: Kept,
}

/// What a call holds.
struct Kept {
    #[expect(dead_code, reason = "held")]
    held: Held,
    #[expect(dead_code, reason = "held")]
    place: Option<Place<Tenant>>,
    #[expect(dead_code, reason = "held")]
    allowed: Option<Allowed>,
    is_open: bool,
}

/// Memory for the messages of a call, its place, and what is counted of it.
type Part = (MemoryBudget, Option<Place<Tenant>>, Option<Allowed>);

impl AdmitLayer {
    /// Lets a call in. Who asks is in its extensions then.
    async fn let_in<B>(&self, request: &mut http::Request<B>) -> Result<Pass, Problem> {
        let headers = request.headers();
        if HEADERS < headers.len() {
            let detail = format!("the call has more than {HEADERS} headers");
            return Err(Problem::new(ErrorCode::MalformedRequest, detail));
        }
        let path = request.uri().path();
        let encoding = headers.get("grpc-encoding");
        let encoding = encoding.and_then(|name| Encoding::named(name.as_bytes()));
        let shape = Shape::of_method(path);
        let foreign = if shape.is_some() {
            usize::MAX
        } else {
            FOREIGN_BYTES
        };
        let (is_open, is_stream) = (
            OPEN.iter().any(|method| path.starts_with(method)),
            path == STREAM,
        );
        let peer = request.extensions().get().copied();
        let shown = shown(headers, peer);
        let (budget, place, allowed) = if is_open {
            self.anybody(shown)?
        } else {
            let (admission, budget, place) = self.known(shown, is_stream).await?;
            request.extensions_mut().insert(Arc::new(admission));
            (budget, place, None)
        };
        let held = Held::new(budget);
        let messages = if is_stream || request.uri().path().starts_with(REFLECTION) {
            Messages::Many(self.state.stopped.clone())
        } else {
            Messages::One(self.state.limits().longest)
        };
        let kept = Kept {
            held: held.clone(),
            place,
            allowed,
            is_open,
        };
        let reading = Reading {
            encoding,
            shape,
            most: self.state.message_bytes.min(foreign),
            held,
            readers: Arc::clone(&self.shared.readers),
        };
        Ok(Pass {
            reading,
            messages,
            kept,
        })
    }

    /// A place for a call for which nobody need be known.
    fn anybody(&self, shown: Shown<'_>) -> Result<Part, Problem> {
        let allowed = self.state.gate.admit_anybody(shown)?;
        let (places, memory) = &self.shared.open;
        let holder = Identity::Address(shown.address).tenant();
        Ok((memory.of(&holder), Some(take(places, &holder)?), allowed))
    }

    /// A place for a call of a caller who is known.
    async fn known(
        &self,
        shown: Shown<'_>,
        is_stream: bool,
    ) -> Result<(Admission, MemoryBudget, Option<Place<Tenant>>), Problem> {
        // The messages of a stream count, not the stream.
        let admission = if is_stream {
            Admission::uncounted(identified(&self.state.gate, shown).await?)
        } else {
            let_in(&self.state.gate, shown).await?
        };
        let caller = &admission.caller;
        if caller.speaks_for_others() {
            return Ok((admission, self.state.relayed.clone(), None));
        }
        let tenant = caller.identity().tenant();
        let place = take(&self.shared.calls, &tenant)?;
        Ok((admission, self.state.uploads.of(&tenant), Some(place)))
    }

    /// When a call ends for which nobody need be known, whatever it waits for.
    fn open_end(&self) -> Later<()> {
        let mut stopped = self.state.stopped.clone();
        Box::pin(async move {
            let stops = stopped.wait_for(|stopped| *stopped);
            timeout(OPEN_TIME, stops).await.ok();
        })
    }
}

/// A place for a call.
fn take(places: &Places<Tenant>, tenant: &Tenant) -> Result<Place<Tenant>, Problem> {
    places.take(tenant).ok_or_else(|| {
        let detail = "every place for a call is taken, or those that one caller may have; try again \
                      in a moment";
        Problem::new(ErrorCode::Overloaded, detail)
    })
}
