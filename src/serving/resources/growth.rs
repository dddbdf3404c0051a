//! By how much the process grows while something is done.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// How often the process's memory is looked at during a load.
const SAMPLE: Duration = Duration::from_millis(10);

/// Does some work, and tells by how much the process's memory grew at the most meanwhile.
pub(super) fn watching_memory<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let is_kept = forget_peak();
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
    let kept = is_kept.then(kept_peak).flatten().unwrap_or(0);
    let peak = peak.load(Ordering::Relaxed).max(resident()).max(kept);
    (result, peak.saturating_sub(before))
}

/// Done in any case, also where the work panics.
pub(super) struct OnDrop<F: FnMut()>(pub(super) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Has the system begin anew to keep the most that this process has in memory, which it does without
/// missing what lasts for less than a look. Gives whether it does: Linux, see proc(5).
fn forget_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// What the system kept of it, in bytes.
fn kept_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
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

    #[test]
    fn what_is_taken_for_a_moment_is_seen() {
        let most = 64 << 20;
        // As many bytes again are not in memory before, and are given back before the next look.
        let ((), grown) = watching_memory(|| drop(std::hint::black_box(vec![1_u8; most])));
        assert!(most as u64 / 2 < grown, "{grown}");
    }
}
