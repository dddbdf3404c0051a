//! Which of the pictures that wait go into the next run, and when. Pure: no clock, no thread.

use std::time::{Duration, Instant};

use crate::fairness::line::Line;

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
    /// Whether it runs on a device, which takes many at a time, and not on the processor.
    pub on_device: bool,
}

/// What to do with those that wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Run the next, and of those alike so many in all, in their turns.
    Run(usize),
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
    /// Chooses the next run. Whose turn is next is always in it, with those of its shape in their
    /// turns. A batch is closed when it has `most` pictures, when one of them has waited for `delay`,
    /// or when its tightest deadline would be missed by waiting on, a run taking `run_time`.
    pub(super) fn decide<T: Waiting>(
        &self,
        line: &Line<T>,
        arrival: Arrival,
        (most, run_time): (usize, Duration),
        now: Instant,
    ) -> Decision {
        let Some(first) = line.first() else {
            return Decision::Idle;
        };
        let alike = || {
            let all = line.iter();
            all.filter(|waiting| waiting.shape() == first.shape())
        };
        let count = alike().take(most).count();
        if count == most {
            return Decision::Run(count);
        }
        if arrival == Arrival::Busy {
            let since = alike().map(Waiting::since).min();
            let mut close = since.unwrap_or(now) + self.delay;
            for deadline in alike().filter_map(Waiting::deadline) {
                close = close.min(deadline.checked_sub(run_time).unwrap_or(now));
            }
            if now < close {
                return Decision::WaitUntil(close);
            }
        }
        let filled = self.preferred.iter().rfind(|size| **size <= count);
        Decision::Run(filled.copied().unwrap_or(count))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fairness::claim::Claim;

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
    fn queue(begin: Instant, widths: &[usize]) -> Line<Picture> {
        let mut line = Line::default();
        let mut since = begin;
        for width in widths {
            since += MS;
            come(&mut line, *width, since, None);
        }
        line
    }

    fn come(line: &mut Line<Picture>, width: usize, since: Instant, deadline: Option<Instant>) {
        let picture = Picture {
            shape: [width],
            since,
            deadline,
        };
        line.push(&Claim::default(), 1, picture);
    }

    fn rule(size: usize, delay: Duration) -> BatchRule {
        BatchRule {
            size: BatchSize::UpTo(size),
            preferred: Vec::new(),
            delay,
            on_device: false,
        }
    }

    #[test]
    fn equal_shapes_go_together_up_to_the_size() {
        let begin = Instant::now();
        let check = |widths: &[usize], size: usize, expected: usize| {
            let queue = queue(begin, widths);
            let decision = rule(size, 9 * MS).decide(&queue, Arrival::Idle, (size, MS), begin);
            assert_eq!(decision, Decision::Run(expected), "{widths:?} by {size}");
        };
        check(&[2], 4, 1);
        check(&[2, 2, 2], 2, 2);
        check(&[2, 3, 2, 3], 4, 2);
        check(&[2, 2], 1, 1);
        let nobody = queue(begin, &[]);
        let decision = rule(4, MS).decide(&nobody, Arrival::Idle, (4, MS), begin);
        assert_eq!(decision, Decision::Idle);
    }

    #[test]
    fn a_busy_instance_waits_for_more_until_delay_or_deadline() {
        let begin = Instant::now();
        let rule = rule(4, 10 * MS);
        let decide = |deadline: Option<Duration>, at: u32, arrival| {
            let mut queue = queue(begin, &[2]);
            let deadline = deadline.map(|after| begin + after);
            come(&mut queue, 2, begin + 2 * MS, deadline);
            rule.decide(&queue, arrival, (4, 2 * MS), begin + at * MS)
        };
        assert_eq!(decide(None, 3, Arrival::Idle), Decision::Run(2));
        let close = Decision::WaitUntil(begin + 11 * MS);
        assert_eq!(decide(None, 3, Arrival::Busy), close);
        assert_eq!(decide(None, 11, Arrival::Busy), Decision::Run(2));
        let close = Decision::WaitUntil(begin + 6 * MS);
        assert_eq!(decide(Some(8 * MS), 3, Arrival::Busy), close);
        assert_eq!(decide(Some(8 * MS), 6, Arrival::Busy), Decision::Run(2));
        assert_eq!(decide(Some(MS), 3, Arrival::Busy), Decision::Run(2));
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
            let decision = rule.decide(&queue, Arrival::Idle, (16, MS), begin);
            assert_eq!(decision, Decision::Run(expected), "{waiting} wait");
        };
        for (waiting, expected) in [(1, 1), (3, 1), (4, 4), (7, 4), (15, 8), (16, 16), (20, 16)] {
            check(waiting, expected);
        }
    }

    proptest! {
        #[test]
        fn somebody_is_served_while_anybody_waits_and_no_more_than_fit(
            widths in prop::collection::vec(1_usize..4, 1..30),
            size in 1_usize..9,
        ) {
            let begin = Instant::now();
            let mut queue = queue(begin, &widths);
            while let Some(first) = queue.first().cloned() {
                let decision = rule(size, MS).decide(&queue, Arrival::Idle, (size, MS), begin);
                let Decision::Run(count) = decision else { panic!("{decision:?}") };
                prop_assert!((1..=size).contains(&count));
                for _ in 0..count {
                    prop_assert!(queue.take(|other| other.shape == first.shape).is_some());
                }
            }
        }
    }
}
