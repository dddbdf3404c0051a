//! An instance: a thread with a session for each size of its runs, which takes batches off its
//! servable's queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    engine::Session,
    telemetry::{
        metrics::{Metrics, ModelLabels},
        statistics::Run,
    },
    tensor::Tensor,
};

use super::{
    ServeError,
    batch::{self, BatchSize},
    device_loss::DeviceLoss,
    pace::Pace,
    queue::{Item, Queue, cost},
    resources::Reservation,
    servable::{PictureOutputs, Prediction},
};

/// A model that takes pictures, as many as there are, and gives the outputs of each.
#[derive(Debug)]
pub(super) struct Runner {
    /// By the size of their runs, ascending. On a device there are several: CUDA's kernels are made
    /// for one size, and anew, which takes longer than the run, whenever it is another.
    pub sessions: Vec<(BatchSize, Session)>,
    /// The name of the graph's input.
    pub input: String,
    /// An input that it ran before it was served, where it runs on a device, which may be lost.
    pub known_input: Option<Tensor>,
}

impl Runner {
    pub(super) fn run(&mut self, pictures: Vec<Tensor>) -> Result<Vec<PictureOutputs>, ServeError> {
        let count = pictures.len();
        let smaller = self
            .sessions
            .iter()
            .take_while(|(size, _)| size.max() < count);
        let place = smaller.count().min(self.sessions.len().saturating_sub(1));
        let (size, session) = self.sessions.get_mut(place).ok_or(ServeError::Lost)?;
        let input = batch::join(pictures, *size)?;
        let outputs = session.run(&self.input, input)?;
        Ok(batch::part(outputs, count, *size)?)
    }

    /// How it fails on an input that it ran before it was served, if it does.
    fn fails_on_known_input(&mut self) -> Option<ServeError> {
        let known = self.known_input.clone()?;
        self.run(vec![known]).err()
    }
}

/// What a servable holds as long as any instance of it lives. When it is dropped, memory is given
/// back and whoever waits for the end of the servable is told.
#[derive(Debug)]
#[expect(dead_code, reason = "it is held for what happens when it is dropped")]
pub(super) struct Held {
    pub reservation: Reservation,
    /// Closed when the last instance has ended; nothing is ever sent.
    pub ended: mpsc::Sender<()>,
    /// The version's files on disk, for as long as sessions may read them.
    pub files: super::loader::Files,
}

/// What each instance of a servable is given.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub queue: Arc<Queue>,
    #[expect(dead_code, reason = "it is held for as long as the instance lives")]
    pub held: Arc<Held>,
    pub metrics: Arc<Metrics>,
    pub labels: ModelLabels,
    pub pace: Arc<Pace>,
    pub device_loss: DeviceLoss,
}

/// Starts an instance. It ends, and frees its session, when the queue is closed and empty.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(mut runner: Runner, shared: Shared) -> std::io::Result<()> {
    let work = move || {
        while let Some(items) = shared.queue.next() {
            let begun = Instant::now();
            serve(&mut runner, items, &shared);
            shared.pace.ran(begun.elapsed());
        }
        // The session's memory is free before anybody is told so.
        drop(runner);
        drop(shared);
    };
    thread::Builder::new()
        .name("ocellus-run".to_owned())
        .spawn(work)
        .map(drop)
}

/// Runs a batch and answers each of its pictures. Where the run fails, each is tried alone, so that
/// a picture that breaks the model fails by itself.
fn serve(runner: &mut Runner, items: Vec<Item>, shared: &Shared) {
    let (begun, batch) = (Instant::now(), items.len());
    let (pictures, tickets): (Vec<_>, Vec<_>) = items.into_iter().map(Item::part).unzip();
    let bytes = pictures.iter().map(cost).sum();
    let spare = if 1 < batch {
        pictures.clone()
    } else {
        Vec::new()
    };
    let outputs = catch_unwind(AssertUnwindSafe(|| runner.run(pictures)));
    let compute = begun.elapsed();
    shared.queue.ran((batch, bytes), compute);
    let outputs = outputs.unwrap_or(Err(ServeError::Lost));
    let waited: Vec<_> = tickets.iter().map(|ticket| begun - ticket.since).collect();
    let run = Run {
        waited: &waited,
        compute,
        failed: outputs.is_err(),
    };
    shared.metrics.ran(&shared.labels, &run);
    match outputs {
        Ok(outputs) => {
            for (ticket, outputs) in tickets.into_iter().zip(outputs) {
                let prediction = prediction(outputs, begun - ticket.since, compute, batch);
                ticket.answer.send(Ok(prediction)).ok();
            }
        }
        Err(_) if 1 < batch => {
            for (tensor, ticket) in spare.into_iter().zip(tickets) {
                serve(runner, vec![Item { tensor, ticket }], shared);
            }
        }
        Err(error) => {
            let error = shared
                .device_loss
                .judge(error, runner.fails_on_known_input());
            for ticket in tickets {
                ticket.answer.send(Err(error.clone())).ok();
            }
        }
    }
}

const fn prediction(
    outputs: PictureOutputs,
    queue: Duration,
    compute: Duration,
    batch: usize,
) -> Prediction {
    Prediction {
        outputs,
        queue,
        compute,
        batch,
    }
}
