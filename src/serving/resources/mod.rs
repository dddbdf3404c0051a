//! Memory that loaded versions are reckoned with, so that a load that does not fit is refused
//! before it begins and not killed by the system.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use crate::{model::name::ModelName, telemetry::metrics::Metrics};

use super::policy::Room;

/// Part of the machine's memory that models may take where no limit is set, in percent.
const USUAL_PERCENT: u64 = 80;

/// What models may take, where no limit is set, of so much memory.
#[must_use]
pub const fn usual_part(total: u64) -> u64 {
    total / 100 * USUAL_PERCENT
}

/// How often the process's memory is looked at during a load.
const SAMPLE: Duration = Duration::from_millis(10);

/// Memory in bytes, on the host and on the accelerator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// On the host.
    pub host: u64,
    /// On the accelerator, 0 for a model that uses none.
    pub device: u64,
}

impl Bytes {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            host: self.host.saturating_add(other.host),
            device: self.device.saturating_add(other.device),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            host: self.host.saturating_sub(other.host),
            device: self.device.saturating_sub(other.device),
        }
    }

    const fn fits(self, limit: Self) -> bool {
        self.host <= limit.host && self.device <= limit.device
    }
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
    measured: BTreeMap<ModelName, Bytes>,
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

    /// What a version of a model needs: what its last version took, where that was measured and
    /// is more than a guess by its size.
    #[must_use]
    pub fn need(&self, model: &ModelName, guess: Bytes) -> Bytes {
        self.lock().measured.get(model).copied().unwrap_or(guess)
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
    /// its model.
    pub fn measured(&self, model: &ModelName, measured: Bytes) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.memory.lock();
        state.taken = state.taken.minus(*bytes).plus(measured);
        state.measured.insert(model.clone(), measured);
        self.memory.metrics.memory_reserved(state.taken.host);
        *bytes = measured;
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

/// Does some work, and tells by how much the process's memory grew at the most meanwhile.
pub(super) fn watching_memory<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = resident();
    let (peak, done) = (AtomicU64::new(before), AtomicBool::new(false));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                peak.fetch_max(resident(), Ordering::Relaxed);
                std::thread::park_timeout(SAMPLE);
            }
        });
        // Ends the watcher also where the work panics, else the scope would wait for ever.
        let _end = OnDrop(|| done.store(true, Ordering::Release));
        work()
    });
    let peak = peak.load(Ordering::Relaxed).max(resident());
    (result, peak.saturating_sub(before))
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Bytes of this process that are in memory; 0 where the system does not say.
fn resident() -> u64 {
    let Ok(own) = get_current_pid() else { return 0 };
    let mut system = System::new();
    let only_memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, only_memory);
    system.process(own).map_or(0, sysinfo::Process::memory)
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
        first.measured(&cat, host(70));
        assert_eq!(memory.need(&cat, host(10)), host(70));
        assert_eq!(memory.room(host(40), host(0)), Room::Never);
        drop(first);
        assert_eq!(memory.room(host(100), host(0)), Room::Enough);
    }

    #[test]
    fn memory_that_work_takes_is_seen() {
        let (kept, grown) = watching_memory(|| vec![1_u8; 64 << 20]);
        assert_eq!(kept.len(), 64 << 20);
        assert!(32 << 20 < grown, "{grown}");
    }
}
