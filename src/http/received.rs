//! Bodies as they are received: counted into the memory that all requests share, and given up
//! where they come too slowly.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use crate::{
    error::{ErrorCode, Problem},
    inference::memory::Held,
    transport::Paced,
};

use super::places::Stay;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) struct BodyFault(Problem);

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for BodyFault {}

impl BodyFault {
    /// The problem at the root of an error, where it is one of these.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Problem> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(Self(problem)) = error.downcast_ref() {
                return Some(problem.clone());
            }
            cause = error.source();
        }
        None
    }

    fn too_slow(detail: String) -> Self {
        Self(Problem::new(ErrorCode::BodyTooSlow, detail))
    }
}

/// A body that fails when it comes too slowly, when there is no memory for it, or once it is there
/// no place to work on it.
#[derive(Debug)]
pub(super) struct Received {
    body: Body,
    held: Held,
    stay: Arc<Stay>,
    bytes: u64,
    paced: Paced,
}

impl Received {
    pub(super) fn new(body: Body, held: Held, stay: Arc<Stay>) -> Self {
        Self {
            body,
            held,
            stay,
            bytes: 0,
            paced: Paced::default(),
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), BodyFault> {
        self.paced.came(bytes);
        self.bytes += bytes as u64;
        self.held.cover(self.bytes).map_err(BodyFault)
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => (self.paced.wait(context))
                .map(|detail| Some(Err(axum::Error::new(BodyFault::too_slow(detail))))),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let mut counted = self.count(bytes);
                if counted.is_ok() && self.body.is_end_stream() {
                    counted = self.stay.received().map_err(BodyFault);
                }
                let counted = counted.map_err(axum::Error::new);
                Poll::Ready(Some(counted.map(|()| frame)))
            }
            Poll::Ready(None) => Poll::Ready(match self.stay.received() {
                Ok(()) => None,
                Err(problem) => Some(Err(axum::Error::new(BodyFault(problem)))),
            }),
            Poll::Ready(ended) => Poll::Ready(ended),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use crate::{
        fairness::{claim::Tenant, places::Places},
        inference::memory::MemoryBudget,
    };

    use super::*;

    fn stay() -> Arc<Stay> {
        let places = Places::new(8);
        Arc::new(Stay::begin(&places, &places, &Tenant::new("a")).expect("there are places"))
    }

    fn held(bytes: u64) -> Held {
        Held::new(MemoryBudget::new("limits.upload_bytes", bytes))
    }

    #[tokio::test]
    async fn a_body_that_comes_is_read() {
        let body = Received::new(Body::from(vec![1; 100_000]), held(1 << 20), stay());
        let read = to_bytes(Body::new(body), usize::MAX).await;
        assert_eq!(read.expect("comes").len(), 100_000);
    }

    #[tokio::test]
    async fn a_body_without_memory_is_refused() {
        let budget = MemoryBudget::new("limits.upload_bytes", 1 << 20);
        let all = Held::new(budget.clone());
        all.cover(1 << 20).expect("is there");
        let body = Received::new(Body::from(vec![1; 100_000]), Held::new(budget), stay());
        let error = to_bytes(Body::new(body), usize::MAX)
            .await
            .expect_err("full");
        let problem = BodyFault::of(&error).expect("ours");
        assert_eq!(problem.code, ErrorCode::Overloaded);
    }
}
