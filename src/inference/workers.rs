//! A bounded number of threads for work that would block the runtime: decoding and the like.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::error;

use crate::error::{ErrorCode, Problem};

/// Runs work on the blocking pool, only so much of it at a time.
#[derive(Clone, Debug)]
pub(super) struct Workers {
    permits: Arc<Semaphore>,
}

impl Workers {
    pub(super) fn new(count: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(count)),
        }
    }

    /// Waits for a place and runs the work there. Dropping the future gives up the place in the
    /// queue; work that has begun ends by itself and frees its place then.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let lost = || Problem::new(ErrorCode::Internal, "the work on this picture was lost");
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| lost())?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|cause| {
            error!(%cause, "a worker was lost");
            lost()
        })
    }
}
