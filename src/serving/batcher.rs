//! Which of the pictures that wait go into the next run, and when. Pure: no clock, no thread.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::batch::BatchSize;

/// What the batcher knows of a picture that waits.
pub(super) trait Waiting {
    /// Pictures of equal shapes can share a run.
    fn shape(&self) -> &[usize];
    /// When it came.
    fn since(&self) -> Instant;
    /// When its answer is of no use any more.
    fn deadline(&self) -> Option<Instant>;
}

/// When a batch is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BatchRule {
    /// Most pictures in one run.
    pub size: BatchSize,
    /// Sizes that the model runs best at, ascending; a batch is cut to the largest that it fills.
    pub preferred: Vec<usize>,
    /// Longest time that a picture waits for others while an instance is free.
    pub delay: Duration,
}

/// What to do with those that wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Run the pictures at these places of the queue, in this order.
    Run(Vec<usize>),
    /// Wait for more, at most until then.
    WaitUntil(Instant),
    /// Nobody waits.
    Idle,
}

/// How an instance comes to look at the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It had nothing to do: whoever waits came to an idle instance and is run at once.
    Idle,
    /// It comes from a run: those that wait came meanwhile, and more may come.
    Busy,
}

impl BatchRule {
    /// Chooses the next run. The first in the queue is always in it, with those of its shape
    /// behind it. A batch is closed when it is full, when its first has waited for `delay`, or when
    /// its tightest deadline would be missed by waiting on, a run taking `run_time`.
    pub(super) fn decide<T: Waiting>(
        &self,
        queue: &VecDeque<T>,
        arrival: Arrival,
        run_time: Duration,
        now: Instant,
    ) -> Decision {
        let Some(first) = queue.front() else {
            return Decision::Idle;
        };
        let alike = queue.iter().enumerate();
        let alike = alike.filter(|(_, waiting)| waiting.shape() == first.shape());
        let mut places: Vec<usize> = alike
            .map(|(place, _)| place)
            .take(self.size.max())
            .collect();
        if arrival == Arrival::Busy && places.len() < self.size.max() {
            let mut close = first.since() + self.delay;
            let waiting = places.iter().filter_map(|place| queue.get(*place));
            for deadline in waiting.filter_map(Waiting::deadline) {
                close = close.min(deadline.checked_sub(run_time).unwrap_or(now));
            }
            if now < close {
                return Decision::WaitUntil(close);
            }
        }
        let filled = self.preferred.iter().rfind(|size| **size <= places.len());
        if let Some(size) = filled.filter(|_| places.len() < self.size.max()) {
            places.truncate(*size);
        }
        Decision::Run(places)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Picture {
        shape: [usize; 1],
        since: Instant,
        deadline: Option<Instant>,
    }

    impl Waiting for Picture {
        fn shape(&self) -> &[usize] {
            &self.shape
        }
        fn since(&self) -> Instant {
            self.since
        }
        fn deadline(&self) -> Option<Instant> {
            self.deadline
        }
    }

    const MS: Duration = Duration::from_millis(1);

    /// Pictures of these widths that came one millisecond after the other, without deadlines.
    fn queue(begin: Instant, widths: &[usize]) -> VecDeque<Picture> {
        let mut since = begin;
        let picture = |width: &usize| {
            since += MS;
            Picture {
                shape: [*width],
                since,
                deadline: None,
            }
        };
        widths.iter().map(picture).collect()
    }

    fn rule(size: usize, delay: Duration) -> BatchRule {
        BatchRule {
            size: BatchSize::UpTo(size),
            preferred: Vec::new(),
            delay,
        }
    }

    #[test]
    fn equal_shapes_go_together_up_to_the_size() {
        let begin = Instant::now();
        let check = |widths: &[usize], size: usize, expected: &[usize]| {
            let queue = queue(begin, widths);
            let decision = rule(size, 9 * MS).decide(&queue, Arrival::Idle, MS, begin);
            assert_eq!(
                decision,
                Decision::Run(expected.to_vec()),
                "{widths:?} by {size}"
            );
        };
        check(&[2], 4, &[0]);
        check(&[2, 2, 2], 2, &[0, 1]);
        check(&[2, 3, 2, 3], 4, &[0, 2]);
        check(&[2, 2], 1, &[0]);
        let nobody = queue(begin, &[]);
        let decision = rule(4, MS).decide(&nobody, Arrival::Idle, MS, begin);
        assert_eq!(decision, Decision::Idle);
    }

    #[test]
    fn a_busy_instance_waits_for_more_until_delay_or_deadline() {
        let begin = Instant::now();
        let rule = rule(4, 10 * MS);
        let mut queue = queue(begin, &[2, 2]);
        let decide = |queue: &VecDeque<Picture>, at: u32, arrival| {
            rule.decide(queue, arrival, 2 * MS, begin + at * MS)
        };
        assert_eq!(decide(&queue, 3, Arrival::Idle), Decision::Run(vec![0, 1]));
        let close = Decision::WaitUntil(begin + 11 * MS);
        assert_eq!(decide(&queue, 3, Arrival::Busy), close);
        assert_eq!(decide(&queue, 11, Arrival::Busy), Decision::Run(vec![0, 1]));
        queue[1].deadline = Some(begin + 8 * MS);
        let close = Decision::WaitUntil(begin + 6 * MS);
        assert_eq!(decide(&queue, 3, Arrival::Busy), close);
        assert_eq!(decide(&queue, 6, Arrival::Busy), Decision::Run(vec![0, 1]));
        queue[1].deadline = Some(begin + MS);
        assert_eq!(decide(&queue, 3, Arrival::Busy), Decision::Run(vec![0, 1]));
    }

    #[test]
    fn a_batch_is_cut_to_the_size_that_the_model_prefers() {
        let begin = Instant::now();
        let rule = BatchRule {
            preferred: vec![1, 4, 8],
            ..rule(16, MS)
        };
        let check = |waiting: usize, expected: usize| {
            let queue = queue(begin, &vec![2; waiting]);
            let decision = rule.decide(&queue, Arrival::Idle, MS, begin);
            assert_eq!(
                decision,
                Decision::Run((0..expected).collect()),
                "{waiting} wait"
            );
        };
        for (waiting, expected) in [(1, 1), (3, 1), (4, 4), (7, 4), (15, 8), (16, 16), (20, 16)] {
            check(waiting, expected);
        }
    }

    proptest! {
        #[test]
        fn the_first_is_always_served_and_nobody_twice(
            widths in prop::collection::vec(1_usize..4, 1..30),
            size in 1_usize..9,
        ) {
            let begin = Instant::now();
            let mut queue = queue(begin, &widths);
            while !queue.is_empty() {
                let decision = rule(size, MS).decide(&queue, Arrival::Idle, MS, begin);
                let Decision::Run(places) = decision else { panic!("{decision:?}") };
                prop_assert_eq!(places[0], 0);
                prop_assert!(places.len() <= size);
                prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
                for place in places.iter().rev() {
                    queue.remove(*place);
                }
            }
        }
    }
}
