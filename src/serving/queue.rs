//! The queue of one servable: pictures that wait for an instance, bounded in number and bytes.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    fairness::{claim::Claim, drain::Drain, line::Line},
    telemetry::metrics::{Dropped, Metrics, ModelLabels},
    tensor::Tensor,
};

use super::{
    ServeError,
    batcher::{Arrival, BatchRule, Decision, Waiting},
    run_times::RunTimes,
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

#[derive(Debug)]
struct State {
    /// What a picture costs is the bytes of its tensor.
    line: Line<Item>,
    times: RunTimes,
    drain: Drain,
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
    /// A queue for so many instances.
    pub(super) fn new(
        limits: QueueLimits,
        rule: BatchRule,
        instances: usize,
        (metrics, labels): (Arc<Metrics>, ModelLabels),
    ) -> Self {
        Self {
            state: Mutex::new(State {
                line: Line::default(),
                times: RunTimes::new(&rule),
                drain: Drain::new(instances),
                closed: false,
            }),
            news: Condvar::new(),
            limits,
            rule,
            metrics,
            labels,
        }
    }

    /// Puts pictures in line, all of them or, where there is no place for all, none. Where it is
    /// full, who holds more of it than those of the claim would, or is less urgent, makes room.
    pub(super) fn enter(
        &self,
        pictures: Vec<Tensor>,
        claim: &Claim,
    ) -> Result<Vec<Answer>, ServeError> {
        let since = Instant::now();
        let bytes = pictures.iter().map(cost).sum();
        let count = pictures.len();
        let mut state = self.lock();
        let gone = self.make_room(&mut state.line, (count, bytes), claim)?;
        let mut answers = Vec::with_capacity(count);
        for tensor in pictures {
            let (answer, receiver) = oneshot::channel();
            answers.push(receiver);
            let ticket = Ticket {
                since,
                deadline: claim.deadline,
                answer,
            };
            state
                .line
                .push(claim, cost(&tensor), Item { tensor, ticket });
        }
        drop(state);
        self.news.notify_all();
        self.metrics.refused(&self.labels, gone.len());
        for item in gone {
            let full = ServeError::QueueFull(self.limits);
            item.ticket.answer.send(Err(full)).ok();
        }
        Ok(answers)
    }

    /// Makes room for so many pictures of so many bytes in all. Gives those that have to go.
    fn make_room(
        &self,
        line: &mut Line<Item>,
        (count, bytes): (usize, u64),
        claim: &Claim,
    ) -> Result<Vec<Item>, ServeError> {
        let (pictures, held) = (line.len() + count, line.cost() + bytes);
        let fits = |gone: usize, freed: u64| {
            pictures <= self.limits.pictures + gone
                && held <= (self.limits.bytes as u64).saturating_add(freed)
        };
        // An empty queue takes any request, else one above the limits could never be answered.
        if line.is_empty() || fits(0, 0) {
            return Ok(Vec::new());
        }
        line.make_room(claim, bytes, fits).ok_or_else(|| {
            self.metrics.refused(&self.labels, count);
            ServeError::QueueFull(self.limits)
        })
    }

    /// How long the first of some pictures with this claim would wait behind all of its tenant's, by
    /// how fast the queue went on until now.
    pub(super) fn expected_wait(&self, claim: &Claim) -> Duration {
        let state = self.lock();
        state.drain.time_for(state.line.ahead(claim, u64::MAX))
    }

    /// The next pictures to run together; waits for them. `None` when the queue is closed and
    /// empty. What nobody waits for any more, or has waited too long, is dropped on the way.
    pub(super) fn next(&self) -> Option<Vec<Item>> {
        let mut state = self.lock();
        let mut arrival = Arrival::Busy;
        loop {
            self.drop_expired(&mut state);
            let now = Instant::now();
            let learned = (state.times.most(), state.times.run());
            match self.rule.decide(&state.line, arrival, learned, now) {
                Decision::Run(count) => return Some(take(&mut state.line, count)),
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

    /// Tells how long a run took of so many pictures, of so many bytes in all, for the batcher to
    /// know what to put together and when to close it, and for how long others will wait.
    pub(super) fn ran(&self, (pictures, bytes): (usize, u64), time: Duration) {
        let mut state = self.lock();
        state.times.ran(pictures, time);
        state.drain.done(bytes, time);
    }

    /// No more pictures will come. Instances end when the last is answered.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    fn drop_expired(&self, state: &mut State) {
        let now = Instant::now();
        let is_expired = |item: &Item| item.ticket.deadline.is_some_and(|deadline| deadline <= now);
        let goes = |item: &Item| item.ticket.answer.is_closed() || is_expired(item);
        for item in state.line.remove(goes) {
            let reason = if item.ticket.answer.is_closed() {
                Dropped::Cancelled
            } else {
                Dropped::Expired
            };
            self.metrics.dropped(&self.labels, reason);
            item.ticket.answer.send(Err(ServeError::Expired)).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the next out of the line, and of those of its shape so many in all.
fn take(line: &mut Line<Item>, count: usize) -> Vec<Item> {
    let Some(first) = line.take(|_| true) else {
        return Vec::new();
    };
    let shape = first.tensor.shape().to_vec();
    let mut taken = vec![first];
    let others = std::iter::from_fn(|| line.take(|item| item.tensor.shape() == shape));
    taken.extend(others.take(count.saturating_sub(1)));
    taken
}

/// What a picture costs in line: a model computes the longer the larger its input is.
pub(super) fn cost(tensor: &Tensor) -> u64 {
    tensor.byte_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fairness::{claim::Tenant, priority::Priority},
        serving::batch::BatchSize,
        tensor::TensorData,
    };

    const SECOND: Duration = Duration::from_secs(1);

    /// A queue of at most 3 pictures, or 2 of 4 bytes.
    fn queue() -> (Queue, Arc<Metrics>) {
        queue_of(QueueLimits {
            pictures: 3,
            bytes: 8,
        })
    }

    /// A queue of a model that takes two at a time, with one instance.
    fn queue_of(limits: QueueLimits) -> (Queue, Arc<Metrics>) {
        let rule = BatchRule {
            size: BatchSize::UpTo(2),
            preferred: Vec::new(),
            delay: Duration::ZERO,
            on_device: true,
        };
        let metrics = Arc::<Metrics>::default();
        let labels = ModelLabels {
            model: "cat".to_owned(),
            version: "1".to_owned(),
        };
        (
            Queue::new(limits, rule, 1, (Arc::clone(&metrics), labels)),
            metrics,
        )
    }

    fn nobody() -> Claim {
        Claim::default()
    }

    fn of(tenant: &str, priority: Priority) -> Claim {
        Claim {
            tenant: Tenant::new(tenant),
            priority,
            deadline: None,
        }
    }

    /// So many pictures of a single number.
    fn pictures(count: usize) -> Vec<Tensor> {
        let picture = Tensor::new(vec![1, 1], TensorData::F32(vec![0.0])).expect("shape fits");
        vec![picture; count]
    }

    #[test]
    fn what_does_not_fit_is_refused_as_a_whole() {
        let (queue, metrics) = queue();
        let _first = queue.enter(pictures(1), &nobody()).expect("is empty");
        let refused = queue.enter(pictures(2), &nobody()).expect_err("is full");
        assert!(matches!(refused, ServeError::QueueFull(_)), "{refused}");
        let _second = queue.enter(pictures(1), &nobody()).expect("8 bytes fit");
        assert_eq!(queue.next().map(|items| items.len()), Some(2));
        let text = metrics.text().expect("text");
        let refusals = "ocellus_queue_refusals_total{model=\"cat\",version=\"1\"} 2";
        assert!(text.contains(refusals), "{text}");
    }

    #[test]
    fn an_empty_queue_takes_a_request_of_any_size_and_splits_it() {
        let (queue, _) = queue();
        let _answers = queue.enter(pictures(5), &nobody()).expect("is empty");
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
        let mut expired = queue
            .enter(pictures(1), &nobody().until(Some(now)))
            .expect("is empty");
        let later = nobody().until(Some(now + SECOND));
        drop(queue.enter(pictures(1), &later).expect("fits"));
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
        let _answers = queue.enter(pictures(1), &nobody()).expect("is empty again");
        let _answers = queue
            .enter(pictures(1), &nobody())
            .expect("8 bytes fit again");
    }

    #[test]
    fn a_picture_wakes_an_instance_that_waits() {
        let (queue, _) = queue();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.next().map(|items| items.len()));
            let answers = queue.enter(pictures(1), &nobody()).expect("is empty");
            assert_eq!(waiting.join().expect("no panic"), Some(1));
            drop(answers);
        });
    }

    #[test]
    fn who_holds_the_most_makes_room_for_others() {
        let limits = QueueLimits {
            pictures: 4,
            bytes: 1 << 20,
        };
        let (queue, metrics) = queue_of(limits);
        let (greedy, modest) = (of("a", Priority::Normal), of("b", Priority::Normal));
        let mut all_of_it = queue.enter(pictures(4), &greedy).expect("is empty");
        let _own = queue.enter(pictures(1), &modest).expect("a makes room");
        let newest = all_of_it.pop().map(|mut answer| answer.try_recv());
        assert!(matches!(newest, Some(Ok(Err(ServeError::QueueFull(_))))));
        let still_there = all_of_it.iter_mut().map(oneshot::Receiver::try_recv);
        assert!(still_there.into_iter().all(|answer| answer.is_err()));
        let refused = queue.enter(pictures(1), &greedy);
        assert!(matches!(refused, Err(ServeError::QueueFull(_))));
        let urgent = of("a", Priority::High);
        assert!(queue.enter(pictures(1), &urgent).is_ok(), "before others");
        let text = metrics.text().expect("text");
        let refusals = "ocellus_queue_refusals_total{model=\"cat\",version=\"1\"} 3";
        assert!(text.contains(refusals), "{text}");
    }

    #[test]
    fn a_batch_is_filled_in_turns_and_waits_are_foretold() {
        let limits = QueueLimits {
            pictures: 9,
            bytes: 1 << 20,
        };
        let (queue, _) = queue_of(limits);
        let (first, second) = (of("a", Priority::Normal), of("b", Priority::Normal));
        let _answers = queue.enter(pictures(4), &first).expect("is empty");
        let since = Instant::now();
        let _others = queue.enter(pictures(1), &second).expect("fits");
        assert_eq!(queue.expected_wait(&first), Duration::ZERO, "nothing ran");
        queue.ran((2, 8), SECOND);
        assert_eq!(queue.expected_wait(&first), SECOND / 2 * 5);
        assert_eq!(queue.expected_wait(&second), SECOND / 2 * 3);
        let batch = queue.next().expect("five wait");
        let came_late = batch.iter().map(|item| since <= item.ticket.since);
        assert_eq!(came_late.collect::<Vec<_>>(), [false, true]);
    }
}
