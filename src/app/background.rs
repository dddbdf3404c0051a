//! The runtime of work that must not disturb requests: downloads, digests, loads.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::serving::pace::LOADS;

/// Threads that wait on the network for it; blocking work has threads of its own.
const THREADS: usize = 2;

/// A runtime whose threads have a low priority.
#[derive(Debug)]
pub(super) struct Background(Option<Runtime>);

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(LOADS)
            .on_thread_start(step_back)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Background {
    /// Does not wait for work that goes on: a runtime may not be waited for within another.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(target_os = "linux")]
fn step_back() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    // SCHED_IDLE: whoever serves a request takes the processor at once, and counts one on which
    // only such threads run as idle. Lower niceness alone is no such thing: sched(7).
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let stepped = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
    if let Err(cause) = stepped {
        tracing::warn!(%cause, "the priority of loads cannot be lowered");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}
