//! By how much the process grows while something is done.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// How often the process's memory is looked at during a load.
const SAMPLE: Duration = Duration::from_millis(10);

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

/// Done in any case, also where the work panics.
pub(super) struct OnDrop<F: FnMut()>(pub(super) F);

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
