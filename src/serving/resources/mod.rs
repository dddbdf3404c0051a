//! Memory that loaded versions are reckoned with, so that a load that does not fit is refused
//! before it begins and not killed by the system.

mod bytes;
mod growth;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sysinfo::System;

use crate::{model::name::ModelName, telemetry::metrics::Metrics};

use super::policy::Room;
use growth::{OnDrop, watching_memory};

pub use bytes::Bytes;

/// Part of the machine's memory that models may take where no limit is set, in percent.
const USUAL_PERCENT: u64 = 80;

/// What models may take, where no limit is set, of so much memory.
#[must_use]
pub const fn usual_part(total: u64) -> u64 {
    total / 100 * USUAL_PERCENT
}

/// Why a load was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    needed: Bytes,
    taken: Bytes,
    limit: Bytes,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        let Self {
            needed,
            taken,
            limit,
        } = self;
        let (kind, needed, taken, limit) = if limit.host < taken.host.saturating_add(needed.host) {
            (
                "memory (engine.memory_bytes)",
                needed.host,
                taken.host,
                limit.host,
            )
        } else {
            ("device memory", needed.device, taken.device, limit.device)
        };
        write!(
            f,
            "it needs {} MiB of {kind}, loaded models take {} of {} MiB",
            needed.div_ceil(MIB),
            taken / MIB,
            limit / MIB
        )
    }
}

#[derive(Debug, Default)]
struct State {
    taken: Bytes,
    /// What the last version of a model took, and what was guessed of it by its size.
    measured: BTreeMap<ModelName, (Bytes, Bytes)>,
    watches: u32,
    /// How often a watch began beside another.
    crowded: u64,
}

/// Work done while the process's memory was watched.
#[derive(Debug)]
pub struct Watched<T> {
    /// What the work gave.
    pub result: T,
    /// By how much the process's memory grew at the most.
    pub grown: u64,
    /// Nothing else was watched at the same time, whose growth would be counted too.
    pub alone: bool,
}

/// The memory that loaded versions share.
#[derive(Debug)]
pub struct Memory {
    limit: Bytes,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

impl Memory {
    /// Memory up to a limit.
    #[must_use]
    pub fn new(limit: Bytes, metrics: Arc<Metrics>) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            metrics,
        }
    }

    /// What models may take of this machine's memory, or of this container's, where no limit is
    /// set.
    #[must_use]
    pub fn usual_host_limit() -> u64 {
        let mut system = System::new();
        system.refresh_memory();
        let total = system
            .cgroup_limits()
            .map_or(system.total_memory(), |limits| limits.total_memory);
        usual_part(total)
    }

    /// What a version of a model needs: what its last version took, where that was measured, in
    /// proportion to what is guessed of each by its size; else the guess.
    #[must_use]
    pub fn need(&self, model: &ModelName, guess: Bytes) -> Bytes {
        let measured = self.lock().measured.get(model).copied();
        measured.map_or(guess, |(taken, guessed)| taken.scaled(guessed, guess))
    }

    /// Does some work, and tells by how much the process's memory grew at the most meanwhile.
    pub fn watch<T>(&self, work: impl FnOnce() -> T) -> Watched<T> {
        let (first, crowded) = {
            let mut state = self.lock();
            let first = state.watches == 0;
            state.watches += 1;
            state.crowded += u64::from(!first);
            (first, state.crowded)
        };
        // Also where the work panics.
        let end = OnDrop(|| self.lock().watches -= 1);
        let (result, grown) = watching_memory(work);
        drop(end);
        Watched {
            result,
            grown,
            alone: first && self.lock().crowded == crowded,
        }
    }

    /// Whether there is room for so much more, and whether there would be were `freeable` free.
    #[must_use]
    pub fn room(&self, needed: Bytes, freeable: Bytes) -> Room {
        let taken = self.lock().taken;
        if taken.plus(needed).fits(self.limit) {
            Room::Enough
        } else if taken.minus(freeable).plus(needed).fits(self.limit) {
            Room::AfterUnloading
        } else {
            Room::Never
        }
    }

    /// Takes memory for a load.
    ///
    /// # Errors
    /// When there is not so much.
    pub fn reserve(self: &Arc<Self>, needed: Bytes) -> Result<Reservation, Shortage> {
        let mut state = self.lock();
        let taken = state.taken;
        if !taken.plus(needed).fits(self.limit) {
            return Err(Shortage {
                needed,
                taken,
                limit: self.limit,
            });
        }
        state.taken = taken.plus(needed);
        self.metrics.memory_reserved(state.taken.host);
        Ok(Reservation {
            memory: Arc::clone(self),
            bytes: Mutex::new(needed),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory that a version holds; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    memory: Arc<Memory>,
    bytes: Mutex<Bytes>,
}

impl Reservation {
    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what was measured in the place of what was reckoned, for this version and the next of
    /// its model, of which so much was guessed by its size.
    pub fn measured(&self, model: &ModelName, guessed: Bytes, measured: Bytes) {
        let mut state = self.memory.lock();
        state.measured.insert(model.clone(), (measured, guessed));
        drop(state);
        self.put(|_| measured);
    }

    /// It is no less than this.
    pub fn at_least(&self, least: Bytes) {
        self.put(|reckoned| reckoned.max(least));
    }

    fn put(&self, change: impl FnOnce(Bytes) -> Bytes) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.memory.lock();
        let now = change(*bytes);
        state.taken = state.taken.minus(*bytes).plus(now);
        self.memory.metrics.memory_reserved(state.taken.host);
        *bytes = now;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let bytes = self.bytes();
        let mut state = self.memory.lock();
        state.taken = state.taken.minus(bytes);
        self.memory.metrics.memory_reserved(state.taken.host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(host: u64) -> Arc<Memory> {
        let limit = Bytes { host, device: 0 };
        Arc::new(Memory::new(limit, Arc::default()))
    }

    fn host(host: u64) -> Bytes {
        Bytes { host, device: 0 }
    }

    #[test]
    fn what_is_taken_comes_back() {
        let memory = memory(100);
        let first = memory.reserve(host(60)).expect("fits");
        let shortage = memory.reserve(host(60)).expect_err("does not fit");
        assert!(
            shortage.to_string().contains("engine.memory_bytes"),
            "{shortage}"
        );
        assert_eq!(memory.room(host(60), host(0)), Room::Never);
        assert_eq!(memory.room(host(60), host(60)), Room::AfterUnloading);
        assert_eq!(memory.room(host(40), host(0)), Room::Enough);
        drop(first);
        assert_eq!(memory.room(host(100), host(0)), Room::Enough);
    }

    #[test]
    fn what_was_measured_counts_for_the_next_version() {
        let memory = memory(100);
        let cat: ModelName = "cat".parse().expect("a name");
        assert_eq!(memory.need(&cat, host(10)), host(10));
        let first = memory.reserve(host(10)).expect("fits");
        first.measured(&cat, host(10), host(70));
        assert_eq!(memory.need(&cat, host(10)), host(70));
        assert_eq!(memory.need(&cat, host(5)), host(35), "half the size");
        assert_eq!(memory.need(&cat, host(0)), host(0));
        assert_eq!(memory.room(host(40), host(0)), Room::Never);
        drop(first);
        assert_eq!(memory.room(host(100), host(0)), Room::Enough);
    }

    #[test]
    fn memory_that_work_takes_is_seen() {
        let memory = memory(100);
        let watched = memory.watch(|| vec![1_u8; 64 << 20]);
        assert_eq!(watched.result.len(), 64 << 20);
        assert!(32 << 20 < watched.grown, "{}", watched.grown);
        assert!(watched.alone);
        let outer = memory.watch(|| memory.watch(|| ()).alone);
        assert!(!outer.alone && !outer.result, "each sees the other's");
    }
}
