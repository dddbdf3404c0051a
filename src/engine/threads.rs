//! The threads with which the engine computes one run. They are started by a thread of this
//! module's own: a thread inherits its priority from whoever starts it, and sessions are opened by
//! loads, whose priority is the lowest.

use std::{
    sync::{
        LazyLock, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread::{self, Builder, JoinHandle},
};

use ort::environment::ThreadManager;

type Work = Box<dyn FnOnce() + Send>;

/// What the starter is asked: work, and where its thread's handle goes.
type Order = (Work, Sender<std::io::Result<JoinHandle<()>>>);

static STARTER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, taken) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for (work, started) in taken {
            let named = Builder::new().name("ocellus-engine".to_owned());
            started.send(named.spawn(work)).ok();
        }
    });
    Mutex::new(orders)
});

/// Makes sure that the starter has this thread's priority, not that of the first load.
pub(super) fn prepare() {
    LazyLock::force(&STARTER);
}

#[derive(Debug)]
pub(super) struct EngineThreads;

impl ThreadManager for EngineThreads {
    type Thread = JoinHandle<()>;

    fn create(&self, work: impl FnOnce() + Send + 'static) -> ort::Result<JoinHandle<()>> {
        let (started, start) = mpsc::channel();
        let lost = |_| ort::Error::new("the thread that starts threads has ended");
        let orders = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
        orders
            .send((Box::new(work), started))
            .map_err(|_| ort::Error::new("the thread that starts threads has ended"))?;
        let started = start.recv().map_err(lost)?;
        started.map_err(|error| ort::Error::new(format!("no thread for the engine: {error}")))
    }

    fn join(thread: JoinHandle<()>) -> ort::Result<()> {
        let lost = |_| ort::Error::new("a thread of the engine panicked");
        thread.join().map_err(lost)
    }
}
