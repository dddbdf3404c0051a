//! What goes on on a connection, to tell one that is used from one that is held.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// Looks at a connection in the time after which it is held for nothing.
const LOOKS: u32 = 4;

/// Bytes that a client must take in that time for its answers to get on: more than what HTTP/2 says
/// of itself.
const LEAST: u64 = 8 << 10;

/// Requests of a connection, and bytes of their answers.
#[derive(Debug, Default)]
pub(super) struct Asked {
    begun: AtomicU64,
    answered: AtomicU64,
    taken: AtomicU64,
}

/// A request that is being worked on.
#[derive(Debug)]
pub(super) struct Asking(Arc<Asked>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

impl Asked {
    /// A request has begun, and is worked on until this is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Asking {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Asking(Arc::clone(self))
    }

    /// The client has taken so many bytes.
    pub(super) fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Done when nothing at all has been asked in time, also not what tells HTTP/1 from HTTP/2.
    pub(super) async fn nothing(&self, time: Duration) {
        sleep(time).await;
        if 0 < self.begun.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    /// Done when something was asked, and for this time nothing more, nothing is being worked on,
    /// and no answer gets on. HTTP/1 has its own timers for that; a client over HTTP/2 could hold
    /// its connection for ever, or an answer for which it opens no window.
    pub(super) async fn nothing_more(&self, time: Duration) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (mut begun, mut taken, mut since) = (0, 0, Instant::now());
        loop {
            let works = load(&self.answered) < load(&self.begun);
            let gets_on = taken + LEAST / u64::from(LOOKS) <= load(&self.taken);
            if works || gets_on || begun < load(&self.begun) {
                (begun, since) = (load(&self.begun), Instant::now());
            }
            taken = load(&self.taken);
            if 0 < begun && time <= since.elapsed() {
                return;
            }
            sleep(time / LOOKS).await;
        }
    }
}
