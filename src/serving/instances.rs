//! The copies of a model that run side by side.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{engine::Session, tensor::Tensor};

use super::ServeError;

/// One run's outputs by name, and where its time went.
#[derive(Debug)]
pub(super) struct Run {
    /// Every output of the graph.
    pub outputs: Vec<(String, Tensor)>,
    /// Time until an instance was free.
    pub queue: Duration,
    /// Time that the model computed.
    pub compute: Duration,
}

/// Sessions of one model; a run takes one for itself and waits where none is free.
#[derive(Debug)]
pub(super) struct Instances {
    input: String,
    idle: Mutex<Vec<Session>>,
    permits: Arc<Semaphore>,
}

impl Instances {
    pub(super) fn new(input: String, sessions: Vec<Session>) -> Self {
        let permits = Arc::new(Semaphore::new(sessions.len()));
        Self {
            input,
            idle: Mutex::new(sessions),
            permits,
        }
    }

    /// How many runs can go on side by side.
    pub(super) fn count(&self) -> usize {
        self.permits.available_permits()
    }

    /// Runs the model on a thread of the blocking pool. Dropping the future gives up the place in
    /// the queue; a run that has begun ends by itself and gives its instance back.
    pub(super) async fn run(self: &Arc<Self>, input: Tensor) -> Result<Run, ServeError> {
        let queued = Instant::now();
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| ServeError::Lost)?;
        let queue = queued.elapsed();
        let mut borrowed = Borrowed::take(Arc::clone(self), permit)?;
        let run = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let outputs = borrowed.run(input)?;
            Ok(Run {
                outputs,
                queue,
                compute: begun.elapsed(),
            })
        });
        run.await.map_err(|_| ServeError::Lost)?
    }
}

/// A session taken out of the pool, put back when dropped, before its permit is.
struct Borrowed {
    session: Option<Session>,
    instances: Arc<Instances>,
    _permit: OwnedSemaphorePermit,
}

impl Borrowed {
    fn take(instances: Arc<Instances>, permit: OwnedSemaphorePermit) -> Result<Self, ServeError> {
        let session = instances
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if session.is_none() {
            return Err(ServeError::Lost);
        }
        Ok(Self {
            session,
            instances,
            _permit: permit,
        })
    }

    fn run(&mut self, input: Tensor) -> Result<Vec<(String, Tensor)>, ServeError> {
        let session = self.session.as_mut().ok_or(ServeError::Lost)?;
        Ok(session.run(&self.instances.input, input)?)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut idle = self
            .instances
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.session.take());
    }
}
