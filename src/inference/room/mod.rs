//! Room to work in, places and memory, given out in fair turns.
//!
//! Memory is given out in one order, of model inputs, of a picture being decoded, so that nobody
//! who holds some waits for another who waits for it. A place is given together with the memory
//! that the work takes and is held by work that goes on alone: what is nearly finished needs no
//! more memory, goes before all that has not begun, and gives back what it holds.

mod given;
mod work;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    error::{ErrorCode, Problem},
    fairness::{claim::Claim, drain::Drain, line::Line, shares::Shares},
    telemetry::metrics::{Metrics, RoomName},
};

use work::Begun;

pub use given::{Place, Share};
pub use work::Work;

/// Longest time that is left for saying so where a request has waited in vain.
const TO_SAY_SO: Duration = Duration::from_millis(100);

/// So many places and bytes, for all requests together.
#[derive(Clone, Debug)]
pub struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    bytes: u64,
    name: RoomName,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct State {
    /// Places that are free.
    places: usize,
    /// Bytes that are free.
    bytes: u64,
    /// Work that goes before all others.
    ending: VecDeque<Waiter>,
    line: Line<Waiter>,
    drain: Drain,
    /// What each has at work, from its first place to its end, and how fast one at a time is done.
    shares: Shares,
    works: Drain,
}

#[derive(Debug)]
struct Waiter {
    places: usize,
    bytes: u64,
    work: Option<Arc<Begun>>,
    given: oneshot::Sender<(Place, Share)>,
}

impl Room {
    /// So many places to work and bytes of memory. Tenants share so many requests at work.
    #[must_use]
    pub fn new(
        name: RoomName,
        (places, bytes): (usize, u64),
        at_work: Option<usize>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                places,
                bytes,
                ending: VecDeque::new(),
                line: Line::default(),
                drain: Drain::new(places),
                shares: Shares::new(at_work),
                works: Drain::new(1),
            }),
            bytes,
            name,
            metrics,
        }))
    }

    /// How many bytes there are in all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Waits for so many bytes, or all of them where they are fewer, in the claim's turn.
    ///
    /// # Errors
    /// `deadline_exceeded` when they are not to be had in time.
    pub(super) async fn memory(&self, bytes: u64, claim: &Claim) -> Result<Share, Problem> {
        let (_, share) = self.wait((0, bytes), claim, None).await?;
        Ok(share)
    }

    /// Waits for a place to work with so many bytes, in the claim's turn.
    ///
    /// # Errors
    /// `deadline_exceeded` when they are not to be had in time.
    pub async fn place(
        &self,
        bytes: u64,
        claim: &Claim,
        work: Option<&Work>,
    ) -> Result<(Place, Share), Problem> {
        self.wait((1, bytes), claim, work).await
    }

    /// Waits for a place to finish in what began long ago.
    pub(super) async fn place_to_finish(&self) -> Result<Place, Problem> {
        let (given, granted) = oneshot::channel();
        let waiter = Waiter {
            places: 1,
            bytes: 0,
            work: None,
            given,
        };
        self.change(|state| state.ending.push_back(waiter));
        let (place, _) = granted.await.map_err(|_| lost())?;
        Ok(place)
    }

    /// How long work of so many bytes would wait for a place, by how it went until now.
    pub(super) fn expected_wait(&self, bytes: u64, claim: &Claim) -> Duration {
        let mut state = self.lock();
        state.leave();
        let wait = state.drain.time_for(state.line.ahead(claim, bytes));
        // Who has but a part of what is worked on waits for its own to be done.
        let own = state.works.time_for(state.line.own_ahead(claim, bytes));
        match state.shares.part(Instant::now()) {
            Some(part) => wait.max(own.div_f64(part)),
            None => wait,
        }
    }

    async fn wait(
        &self,
        (places, bytes): (usize, u64),
        claim: &Claim,
        work: Option<&Work>,
    ) -> Result<(Place, Share), Problem> {
        let since = Instant::now();
        let bytes = bytes.min(self.0.bytes);
        let (given, granted) = oneshot::channel();
        let waiter = Waiter {
            places,
            bytes,
            work: work.map(|work| Arc::clone(&work.begun)),
            given,
        };
        self.change(|state| {
            state.shares.come(&claim.tenant, since);
            state.line.push(claim, bytes.max(1), waiter);
        });
        let granted = match claim.left(since) {
            Some(left) => tokio::time::timeout(left - TO_SAY_SO.min(left / 8), granted).await,
            None => Ok(granted.await),
        };
        let waited = since.elapsed();
        self.0.metrics.in_line(self.0.name, claim.priority, waited);
        match granted {
            Ok(granted) => granted.map_err(|_| lost()),
            Err(_) => {
                let waited = waited.as_millis();
                let detail = format!(
                    "the deadline came while the picture waited for its turn, for {waited} ms"
                );
                Err(Problem::new(ErrorCode::DeadlineExceeded, detail))
            }
        }
    }

    /// Changes what there is or who waits for it, and gives what can be given then.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut granted = Vec::new();
        let mut state = self.lock();
        change(&mut state);
        state.leave();
        while let Some(Waiter {
            places,
            bytes,
            given,
            ..
        }) = state.next()
        {
            let place = Place {
                room: self.clone(),
                places,
                cost: bytes,
                since: Instant::now(),
            };
            let share = Share {
                room: self.clone(),
                bytes,
            };
            granted.push((given, (place, share)));
        }
        // What nobody waits for any more comes back as it is dropped, which takes the lock again.
        drop(state);
        for (given, granted) in granted {
            given.send(granted).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets go who does not wait any more.
    fn leave(&mut self) {
        self.ending.retain(|waiter| !waiter.given.is_closed());
        self.line.remove(|waiter| waiter.given.is_closed());
    }

    /// Whose turn is next, if there is room for it; the room is taken then.
    fn next(&mut self) -> Option<Waiter> {
        let (now, shares) = (Instant::now(), &self.shares);
        let part = shares.part(now);
        let may = |waiter: &Waiter| match &waiter.work {
            Some(work) => work.may_go_on(shares, part, now),
            None => true,
        };
        let next = self.ending.front().or_else(|| self.line.first_of(may))?;
        if self.places < next.places || self.bytes < next.bytes {
            return None;
        }
        let next = self.ending.pop_front();
        let next = next.or_else(|| self.line.take(may))?;
        self.places -= next.places;
        self.bytes -= next.bytes;
        if let Some(work) = &next.work {
            work.given(next.bytes, &mut self.shares);
        }
        Some(next)
    }
}

fn lost() -> Problem {
    Problem::new(ErrorCode::Internal, "the work on this picture was lost")
}

#[cfg(test)]
mod tests;
