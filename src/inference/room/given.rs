//! What is given out, and comes back.

use std::time::Instant;

use tracing::error;

use crate::error::Problem;

use super::{Room, lost};

/// A part of the memory, given back when dropped.
#[derive(Debug)]
pub struct Share {
    pub(super) room: Room,
    pub(super) bytes: u64,
}

/// A place to work, given back when dropped.
#[derive(Debug)]
pub struct Place {
    pub(super) room: Room,
    pub(super) places: usize,
    pub(super) cost: u64,
    pub(super) since: Instant,
}

impl Place {
    /// Runs work that would block the runtime. It ends by itself, also where nobody waits for it
    /// any more, and the place is free then.
    pub(in crate::inference) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let done = tokio::task::spawn_blocking(move || {
            let _place = self;
            work()
        });
        done.await.map_err(|cause| {
            error!(%cause, "a worker was lost");
            lost()
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (places, cost, time) = (self.places, self.cost, self.since.elapsed());
        if 0 < places {
            self.room.change(|state| {
                state.places += places;
                state.drain.done(cost, time);
            });
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let bytes = self.bytes;
        if 0 < bytes {
            self.room.change(|state| state.bytes += bytes);
        }
    }
}
