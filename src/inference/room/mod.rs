//! Room to work in, places and memory, given out in fair turns.
//!
//! Memory is given out in one order, of model inputs, of a picture being decoded, so that nobody
//! who holds some waits for another who waits for it. A place is given together with the memory
//! that the work takes and is held by work that goes on alone: what is nearly finished needs no
//! more memory, goes before all that has not begun, and gives back what it holds.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tracing::error;

use crate::{
    error::{ErrorCode, Problem},
    fairness::{claim::Claim, drain::Drain, line::Line},
    telemetry::metrics::{Metrics, RoomName},
};

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
}

#[derive(Debug)]
struct Waiter {
    places: usize,
    bytes: u64,
    given: oneshot::Sender<(Place, Share)>,
}

/// A part of the memory, given back when dropped.
#[derive(Debug)]
pub struct Share {
    room: Room,
    bytes: u64,
}

/// A place to work, given back when dropped.
#[derive(Debug)]
pub struct Place {
    room: Room,
    places: usize,
    cost: u64,
    since: Instant,
}

impl Room {
    /// So many places to work and bytes of memory.
    #[must_use]
    pub fn new(name: RoomName, (places, bytes): (usize, u64), metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                places,
                bytes,
                ending: VecDeque::new(),
                line: Line::default(),
                drain: Drain::new(places),
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
        let (_, share) = self.wait((0, bytes), claim).await?;
        Ok(share)
    }

    /// Waits for a place to work with so many bytes, in the claim's turn.
    ///
    /// # Errors
    /// `deadline_exceeded` when they are not to be had in time.
    pub async fn place(&self, bytes: u64, claim: &Claim) -> Result<(Place, Share), Problem> {
        self.wait((1, bytes), claim).await
    }

    /// Waits for a place to finish in what began long ago.
    pub(super) async fn place_to_finish(&self) -> Result<Place, Problem> {
        let (given, granted) = oneshot::channel();
        let waiter = Waiter {
            places: 1,
            bytes: 0,
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
        state.drain.time_for(state.line.ahead(claim, bytes))
    }

    async fn wait(
        &self,
        (places, bytes): (usize, u64),
        claim: &Claim,
    ) -> Result<(Place, Share), Problem> {
        let since = Instant::now();
        let bytes = bytes.min(self.0.bytes);
        let (given, granted) = oneshot::channel();
        let waiter = Waiter {
            places,
            bytes,
            given,
        };
        self.change(|state| state.line.push(claim, bytes.max(1), waiter));
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
        let next = self.ending.front().or(self.line.first())?;
        if self.places < next.places || self.bytes < next.bytes {
            return None;
        }
        let next = self.ending.pop_front();
        let next = next.or_else(|| self.line.take(|_| true))?;
        self.places -= next.places;
        self.bytes -= next.bytes;
        Some(next)
    }
}

impl Place {
    /// Runs work that would block the runtime. It ends by itself, also where nobody waits for it
    /// any more, and the place is free then.
    pub(super) async fn run<T: Send + 'static>(
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

fn lost() -> Problem {
    Problem::new(ErrorCode::Internal, "the work on this picture was lost")
}

#[cfg(test)]
mod tests {
    use crate::fairness::{claim::Tenant, priority::Priority};

    use super::*;

    fn room(places: usize, bytes: u64) -> Room {
        Room::new(RoomName::Decode, (places, bytes), Arc::default())
    }

    fn of(tenant: &str) -> Claim {
        Claim {
            tenant: Tenant::new(tenant),
            priority: Priority::Normal,
            deadline: None,
        }
    }

    fn soon() -> Claim {
        of("").until(Some(Instant::now() + Duration::from_millis(20)))
    }

    #[tokio::test]
    async fn what_is_taken_comes_back() {
        let room = room(1, 100);
        let most = room.memory(90, &soon()).await.expect("is there");
        let refused = room.memory(20, &soon()).await.expect_err("is not");
        assert_eq!(refused.code, ErrorCode::DeadlineExceeded);
        let nobody = of("");
        let waits = room.memory(20, &nobody);
        drop(most);
        assert!(waits.await.is_ok());
    }

    #[tokio::test]
    async fn who_needs_all_of_it_gets_no_more() {
        let room = room(1, 10);
        let all = room.memory(1000, &soon()).await.expect("all of it");
        assert!(room.memory(1, &soon()).await.is_err());
        drop(all);
        assert!(room.memory(1, &soon()).await.is_ok());
    }

    /// Everybody who waits in this order is served in that, one at a time.
    #[tokio::test]
    async fn tenants_take_turns_and_what_is_nearly_finished_goes_first() {
        let room = room(1, 100);
        let (busy, _memory) = room.place(1, &of("a")).await.expect("is free");
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let wait = |name: &'static str| {
            let (room, tell, before) = (room.clone(), tell.clone(), room.lock().line.len());
            let waits = tokio::spawn(async move {
                let (place, _) = room.place(10, &of(&name[..1])).await.expect("comes");
                tell.send(name).expect("is heard");
                drop(place);
            });
            async move { (waits, before) }
        };
        for name in ["a1", "a2", "a3", "b1"] {
            let (_, before) = wait(name).await;
            while room.lock().line.len() == before {
                tokio::task::yield_now().await;
            }
        }
        let finishing = tokio::spawn({
            let (room, tell) = (room.clone(), tell.clone());
            async move {
                let place = room.place_to_finish().await.expect("comes");
                tell.send("end").expect("is heard");
                drop(place);
            }
        });
        while room.lock().ending.is_empty() {
            tokio::task::yield_now().await;
        }
        drop(busy);
        finishing.await.expect("ends");
        let mut order = Vec::new();
        for _ in 0..5 {
            order.push(told.recv().await.expect("all are served"));
        }
        assert_eq!(order, ["end", "a1", "b1", "a2", "a3"]);
    }

    #[tokio::test]
    async fn a_place_waits_for_its_memory_and_who_gave_up_holds_nobody_back() {
        let room = room(2, 10);
        let held = room.place(8, &of("a")).await.expect("is free");
        let large = tokio::time::timeout(Duration::ZERO, room.place(5, &of("b"))).await;
        assert!(large.is_err(), "there is a place, but no memory");
        let (small, _) = room.place(2, &of("c")).await.expect("b has left the line");
        let work = small.run(|| 7).await;
        assert_eq!(work.expect("is done"), 7);
        drop(held);
        let state = room.lock();
        assert_eq!((state.places, state.bytes), (2, 10));
    }

    #[tokio::test]
    async fn waits_are_foretold_by_what_was_done() {
        let room = room(1, 100);
        let claim = of("a");
        assert_eq!(room.expected_wait(20, &claim), Duration::ZERO);
        let (place, _memory) = room.place(10, &claim).await.expect("is free");
        room.lock().drain.done(10, Duration::from_millis(40));
        let waits = tokio::spawn({
            let room = room.clone();
            async move { room.place(20, &of("a")).await.map(drop) }
        });
        while room.lock().line.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(room.expected_wait(20, &claim), Duration::from_millis(80));
        assert_eq!(room.expected_wait(19, &claim), Duration::ZERO);
        drop(place);
        assert!(waits.await.expect("ends").is_ok());
    }
}
