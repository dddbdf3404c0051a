//! The queue of one servable: pictures that wait for an instance, bounded in number and bytes.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    telemetry::metrics::{Dropped, Metrics, ModelLabels},
    tensor::Tensor,
};

use super::{
    ServeError,
    batcher::{Arrival, BatchRule, Decision, Waiting},
    servable::Prediction,
};

/// How much may wait in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most pictures.
    pub pictures: usize,
    /// Most bytes of their tensors.
    pub bytes: usize,
}

/// What a caller waits for.
pub(super) type Answer = oneshot::Receiver<Result<Prediction, ServeError>>;

/// A picture that waits.
#[derive(Debug)]
pub(super) struct Item {
    /// The picture as the model takes it, with a first axis of 1.
    pub tensor: Tensor,
    pub ticket: Ticket,
}

impl Item {
    pub(super) fn part(self) -> (Tensor, Ticket) {
        (self.tensor, self.ticket)
    }
}

/// Who waits for a picture, and since when.
#[derive(Debug)]
pub(super) struct Ticket {
    /// When it came.
    pub since: Instant,
    /// When its answer is of no use any more.
    pub deadline: Option<Instant>,
    /// Where its answer goes.
    pub answer: oneshot::Sender<Result<Prediction, ServeError>>,
}

impl Waiting for Item {
    fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    fn since(&self) -> Instant {
        self.ticket.since
    }

    fn deadline(&self) -> Option<Instant> {
        self.ticket.deadline
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Item>,
    bytes: usize,
    run_time: Duration,
    closed: bool,
}

/// Pictures that wait for an instance of one servable.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    news: Condvar,
    limits: QueueLimits,
    rule: BatchRule,
    metrics: Arc<Metrics>,
    labels: ModelLabels,
}

impl Queue {
    pub(super) fn new(
        limits: QueueLimits,
        rule: BatchRule,
        metrics: Arc<Metrics>,
        labels: ModelLabels,
    ) -> Self {
        Self {
            state: Mutex::default(),
            news: Condvar::new(),
            limits,
            rule,
            metrics,
            labels,
        }
    }

    /// Puts pictures in line, all of them or, where there is no place for all, none.
    pub(super) fn enter(
        &self,
        pictures: Vec<Tensor>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Answer>, ServeError> {
        let since = Instant::now();
        let bytes: usize = pictures.iter().map(Tensor::byte_size).sum();
        let count = pictures.len();
        let mut state = self.lock();
        // An empty queue takes any request, else one above the limits could never be answered.
        let full = self.limits.pictures < state.waiting.len() + count
            || self.limits.bytes < state.bytes + bytes;
        if full && !state.waiting.is_empty() {
            self.metrics.refused(&self.labels, count);
            return Err(ServeError::QueueFull(self.limits));
        }
        let mut answers = Vec::with_capacity(count);
        for tensor in pictures {
            let (answer, receiver) = oneshot::channel();
            answers.push(receiver);
            let ticket = Ticket {
                since,
                deadline,
                answer,
            };
            state.waiting.push_back(Item { tensor, ticket });
        }
        state.bytes += bytes;
        drop(state);
        self.news.notify_all();
        Ok(answers)
    }

    /// The next pictures to run together; waits for them. `None` when the queue is closed and
    /// empty. What nobody waits for any more, or has waited too long, is dropped on the way.
    pub(super) fn next(&self) -> Option<Vec<Item>> {
        let mut state = self.lock();
        let mut arrival = Arrival::Busy;
        loop {
            self.drop_expired(&mut state);
            let now = Instant::now();
            let run_time = state.run_time;
            match self.rule.decide(&state.waiting, arrival, run_time, now) {
                Decision::Run(places) => return Some(take(&mut state, &places)),
                Decision::WaitUntil(close) => {
                    let wait = close.saturating_duration_since(now);
                    let waited = self.news.wait_timeout(state, wait);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Decision::Idle if state.closed => return None,
                Decision::Idle => {
                    arrival = Arrival::Idle;
                    state = self
                        .news
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Tells how long a run took, for the batcher to know when to close a batch for a deadline.
    pub(super) fn ran(&self, time: Duration) {
        let mut state = self.lock();
        // An exponential average over some eight runs.
        state.run_time = (state.run_time * 7 + time) / 8;
    }

    /// No more pictures will come. Instances end when the last is answered.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    fn drop_expired(&self, state: &mut State) {
        let now = Instant::now();
        let mut kept = VecDeque::with_capacity(state.waiting.len());
        for item in state.waiting.drain(..) {
            let expired = item.ticket.deadline.is_some_and(|deadline| deadline <= now);
            let reason = match (item.ticket.answer.is_closed(), expired) {
                (true, _) => Dropped::Cancelled,
                (false, true) => Dropped::Expired,
                (false, false) => {
                    kept.push_back(item);
                    continue;
                }
            };
            state.bytes -= item.tensor.byte_size();
            self.metrics.dropped(&self.labels, reason);
            item.ticket.answer.send(Err(ServeError::Expired)).ok();
        }
        state.waiting = kept;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the items at some places, ascending, out of the queue.
fn take(state: &mut State, places: &[usize]) -> Vec<Item> {
    let mut taken = Vec::with_capacity(places.len());
    for place in places.iter().rev() {
        if let Some(item) = state.waiting.remove(*place) {
            state.bytes -= item.tensor.byte_size();
            taken.push(item);
        }
    }
    taken.reverse();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{serving::batch::BatchSize, tensor::TensorData};

    const SECOND: Duration = Duration::from_secs(1);

    /// A queue of at most 3 pictures, or 2 of 4 bytes, of a model that takes two at a time.
    fn queue() -> (Queue, Arc<Metrics>) {
        let limits = QueueLimits {
            pictures: 3,
            bytes: 8,
        };
        let rule = BatchRule {
            size: BatchSize::UpTo(2),
            preferred: Vec::new(),
            delay: Duration::ZERO,
        };
        let metrics = Arc::<Metrics>::default();
        let labels = ModelLabels {
            model: "cat".to_owned(),
            version: "1".to_owned(),
        };
        (
            Queue::new(limits, rule, Arc::clone(&metrics), labels),
            metrics,
        )
    }

    /// So many pictures of a single number.
    fn pictures(count: usize) -> Vec<Tensor> {
        let picture = Tensor::new(vec![1, 1], TensorData::F32(vec![0.0])).expect("shape fits");
        vec![picture; count]
    }

    #[test]
    fn what_does_not_fit_is_refused_as_a_whole() {
        let (queue, metrics) = queue();
        let _first = queue.enter(pictures(1), None).expect("is empty");
        let refused = queue.enter(pictures(2), None).expect_err("is full");
        assert!(matches!(refused, ServeError::QueueFull(_)), "{refused}");
        let _second = queue.enter(pictures(1), None).expect("8 bytes fit");
        assert_eq!(queue.next().map(|items| items.len()), Some(2));
        let text = metrics.text().expect("text");
        let refusals = "ocellus_queue_refusals_total{model=\"cat\",version=\"1\"} 2";
        assert!(text.contains(refusals), "{text}");
    }

    #[test]
    fn an_empty_queue_takes_a_request_of_any_size_and_splits_it() {
        let (queue, _) = queue();
        let _answers = queue.enter(pictures(5), None).expect("is empty");
        queue.close();
        let sizes: Vec<_> = std::iter::from_fn(|| queue.next())
            .map(|items| items.len())
            .collect();
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[test]
    fn what_expired_or_was_given_up_never_runs() {
        let (queue, metrics) = queue();
        let now = Instant::now();
        let mut expired = queue.enter(pictures(1), Some(now)).expect("is empty");
        drop(queue.enter(pictures(1), Some(now + SECOND)).expect("fits"));
        queue.close();
        assert!(queue.next().is_none());
        let answer = expired.pop().and_then(|mut answer| answer.try_recv().ok());
        assert!(matches!(answer, Some(Err(ServeError::Expired))));
        let text = metrics.text().expect("text");
        for reason in ["expired", "cancelled"] {
            let drops = format!(
                "ocellus_queue_drops_total{{model=\"cat\",version=\"1\",reason=\"{reason}\"}} 1"
            );
            assert!(text.contains(&drops), "{text}");
        }
        // Their bytes are given back.
        let _answers = queue.enter(pictures(1), None).expect("is empty again");
        let _answers = queue.enter(pictures(1), None).expect("8 bytes fit again");
    }

    #[test]
    fn a_picture_wakes_an_instance_that_waits() {
        let (queue, _) = queue();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.next().map(|items| items.len()));
            let answers = queue.enter(pictures(1), None).expect("is empty");
            assert_eq!(waiting.join().expect("no panic"), Some(1));
            drop(answers);
        });
    }
}
