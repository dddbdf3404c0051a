//! How loads and requests share a machine.
//!
//! Loads run on threads that the system lets run only where it has nothing else to do, and download
//! slowly while requests are served. Where they would never get their turn, requests give way a
//! little.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The name of the threads that load.
pub const LOADS: &str = "ocellus-load";

/// A server is busy for so long after its last batch.
const BUSY: Duration = Duration::from_millis(500);

/// Rest of a download on a busy server, as a multiple of the time that it worked: a store on the
/// same machine or the same network is used a quarter of the time.
const REST: u32 = 3;

/// Bytes that a download asks for at once on a busy server: a store reads ahead what it was asked
/// for, whatever becomes of it.
const BYTES_AT_ONCE: u64 = 2 << 20;

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// How often it is looked whether loads get their turn.
const BEAT: Duration = Duration::from_secs(1);

/// Loads starve when that look, on a thread of their own priority, comes so long after the last.
const LATE: Duration = Duration::from_secs(2);

/// Loads starve when they wait for a processor and have less than this part of one, one in so many:
/// some two or three milliseconds a second are what the system leaves them where requests take all
/// of every processor. A load with more gets on by itself, and requests notice nothing of it.
const STARVED: u128 = 200;

/// Instances give way for so long then.
const YIELDING: Duration = Duration::from_secs(1);

/// Of so many milliseconds, the first [`TURN`] are the loads' then. All instances give way at the
/// same time, or one would take what another leaves.
const ROUND: u64 = 100;

/// See [`ROUND`].
const TURN: u64 = 15;

/// The part of a run, one in so many, for which an instance gives way in any case: one whose runs
/// are longer than a round may never meet a turn.
const YIELD: u32 = 4;

/// What loads and instances know of each other. Times are milliseconds since it was made.
#[derive(Debug)]
pub struct Pace {
    begun: Instant,
    /// When a batch was last run, and one more; 0 before the first.
    served: AtomicU64,
    loads: AtomicUsize,
    /// When a thread of the loads' priority last got its turn.
    beat: AtomicU64,
    /// Until when instances give way.
    yielding: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            served: AtomicU64::new(0),
            loads: AtomicUsize::new(0),
            beat: AtomicU64::new(0),
            yielding: AtomicU64::new(0),
        }
    }
}

impl Pace {
    /// How many bytes a download asks for at once.
    pub(super) fn at_once(&self) -> u64 {
        if self.is_busy(self.now()) {
            BYTES_AT_ONCE
        } else {
            u64::MAX
        }
    }

    /// How long a download rests after it worked for so long.
    #[must_use]
    pub(super) fn rest(&self, worked: Duration) -> Duration {
        self.rest_at(self.now(), worked)
    }

    /// Notes that a batch was run, and waits a little where loads starve.
    pub(super) fn ran(&self, compute: Duration) {
        let now = self.now();
        self.served.store(now + 1, Ordering::Relaxed);
        let pause = self.pause_at(now, compute);
        if !pause.is_zero() {
            thread::park_timeout(pause);
        }
    }

    /// Begins a load; it has ended when what this gives is dropped. To be called on a thread of the
    /// loads' priority, which the thread that this starts inherits.
    pub(super) fn load(self: &Arc<Self>) -> Loading {
        self.beat.store(self.now(), Ordering::Relaxed);
        let others = self.loads.fetch_add(1, Ordering::Relaxed);
        let pace = Arc::clone(self);
        let beat = move || {
            let (mut looked, mut before) = (Instant::now(), turns());
            while pace.is_loading() {
                thread::park_timeout(BEAT);
                let (now, after) = (pace.now(), turns());
                pace.beat.store(now, Ordering::Relaxed);
                if starves(before, after, looked.elapsed()) {
                    pace.give_way_from(now);
                }
                (looked, before) = (Instant::now(), after);
            }
        };
        if others == 0 {
            let named = thread::Builder::new().name(LOADS.to_owned());
            if let Err(cause) = named.spawn(beat) {
                tracing::warn!(%cause, "loads are not watched for whether they get their turn");
                self.beat.store(u64::MAX, Ordering::Relaxed);
            }
        }
        Loading(Arc::clone(self))
    }

    /// Whether a load goes on.
    pub(super) fn is_loading(&self) -> bool {
        0 < self.loads.load(Ordering::Relaxed)
    }

    fn rest_at(&self, now: u64, worked: Duration) -> Duration {
        if self.is_busy(now) {
            (worked * REST).min(LONGEST_REST)
        } else {
            Duration::ZERO
        }
    }

    fn is_busy(&self, now: u64) -> bool {
        let served = self.served.load(Ordering::Relaxed);
        served != 0 && now < served.saturating_add(millis(BUSY))
    }

    fn pause_at(&self, now: u64, ran: Duration) -> Duration {
        if !self.is_loading() {
            return Duration::ZERO;
        }
        if self
            .beat
            .load(Ordering::Relaxed)
            .saturating_add(millis(LATE))
            < now
        {
            self.give_way_from(now);
        }
        if now < self.yielding.load(Ordering::Relaxed) {
            let turn = Duration::from_millis(TURN.saturating_sub(now % ROUND));
            let long = ROUND <= millis(ran);
            turn.max(ran / YIELD * u32::from(long))
        } else {
            Duration::ZERO
        }
    }

    fn give_way_from(&self, now: u64) {
        let until = now + millis(YIELDING);
        self.yielding.fetch_max(until, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }
}

/// A load that goes on.
#[derive(Debug)]
pub(super) struct Loading(Arc<Pace>);

impl Drop for Loading {
    fn drop(&mut self) {
        self.0.loads.fetch_sub(1, Ordering::Relaxed);
    }
}

/// For how long threads have had a processor, and waited for one, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turns {
    had: u64,
    waited: u64,
}

fn starves(before: Turns, after: Turns, meanwhile: Duration) -> bool {
    let had = u128::from(after.had.saturating_sub(before.had));
    let waited = u128::from(after.waited.saturating_sub(before.waited));
    had * STARVED < meanwhile.as_nanos() && meanwhile.as_nanos() < waited * 2
}

/// What the system says of the threads that load, by their name; nothing where it does not.
fn turns() -> Turns {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return Turns::default();
    };
    threads
        .filter_map(|thread| turns_of(&thread.ok()?.path()))
        .fold(Turns::default(), |sum, turns| Turns {
            had: sum.had + turns.had,
            waited: sum.waited + turns.waited,
        })
}

fn turns_of(thread: &Path) -> Option<Turns> {
    let name = fs::read_to_string(thread.join("comm")).ok()?;
    if name.trim_end() != LOADS {
        return None;
    }
    let statistics = fs::read_to_string(thread.join("schedstat")).ok()?;
    let mut numbers = statistics.split_whitespace().map(str::parse);
    Some(Turns {
        had: numbers.next()?.ok()?,
        waited: numbers.next()?.ok()?,
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Duration = Duration::from_millis(8);

    #[test]
    fn a_download_rests_only_while_requests_are_served() {
        let pace = Pace::default();
        assert_eq!(pace.rest_at(0, WORK), Duration::ZERO);
        pace.ran(WORK);
        assert_eq!(pace.rest_at(100, WORK), WORK * 3);
        assert_eq!(pace.rest_at(100, WORK * 100), LONGEST_REST);
        assert_eq!(pace.rest_at(10_000, WORK), Duration::ZERO);
    }

    #[test]
    fn instances_give_way_only_while_a_load_starves() {
        let pace = Pace::default();
        assert_eq!(pace.pause_at(5000, WORK), Duration::ZERO, "no load");
        pace.loads.store(1, Ordering::Relaxed);
        pace.beat.store(5000, Ordering::Relaxed);
        assert_eq!(pace.pause_at(6900, WORK), Duration::ZERO, "in time");
        let turn = Duration::from_millis(15);
        assert_eq!(pace.pause_at(7100, WORK), turn, "late");
        assert_eq!(pace.pause_at(7150, WORK), Duration::ZERO, "between turns");
        assert_eq!(pace.pause_at(7150, WORK * 20), WORK * 5, "a long run");
        pace.beat.store(7200, Ordering::Relaxed);
        assert_eq!(pace.pause_at(7700, WORK), turn, "for a while");
        pace.beat.store(8300, Ordering::Relaxed);
        assert_eq!(pace.pause_at(8400, WORK), Duration::ZERO, "and no longer");
    }

    #[test]
    fn loads_starve_when_they_only_wait() {
        let turns = |had: u64, waited: u64| Turns {
            had: had * 1_000_000,
            waited: waited * 1_000_000,
        };
        let check = |after, expected| {
            assert_eq!(starves(turns(70, 70), after, BEAT), expected);
        };
        check(turns(90, 800), false);
        check(turns(76, 1500), false);
        check(turns(73, 1500), true);
        check(turns(70, 71), false);
    }

    #[test]
    fn the_system_tells_the_turns_of_the_threads_that_load() {
        let named = thread::Builder::new().name(LOADS.to_owned());
        let work = || (0..1_000_000).fold(0_u64, |sum, n| std::hint::black_box(sum ^ n));
        let spun = named.spawn(move || (work(), turns())).expect("starts");
        let (_, turns) = spun.join().expect("ends");
        assert!(!cfg!(target_os = "linux") || 0 < turns.had, "{turns:?}");
    }
}
