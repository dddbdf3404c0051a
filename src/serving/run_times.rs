//! How long runs take, and how many pictures it therefore pays to run together. Pure.
//!
//! On a GPU a run of eight takes little longer than a run of one. On a processor it takes eight
//! times as long: nothing is gained, and whoever comes meanwhile waits for all of it. Which of the
//! two a model is, and whether that has changed, is learned of its own runs: a size is left for its
//! half where that is as fast a picture, and for its double where that is faster. Neighbours are
//! tried now and then. It begins with what is likely, and on a processor takes little memory.

use std::time::Duration;

use super::{batch::BatchSize, batcher::BatchRule};

/// Averages are exponential, over some so many runs of the size that pays, and of others, which are
/// seldom run.
const RUNS: (f64, f64) = (8.0, 2.0);

/// Half the size is as good when a picture takes at most so many times as long in it as in the best.
const AS_GOOD: f64 = 1.1;

/// Twice the size is better when a picture takes this part of the time in it: less than what it
/// would be left for again. So it is where the size itself has ceased to be as good as the best.
const BETTER: f64 = 0.8;

/// One run in so many is of a neighbouring size.
const TRIES: u32 = 32;

/// What is known of the runs of one servable.
#[derive(Debug)]
pub(super) struct RunTimes {
    run: Duration,
    /// Ascending, the most that fit last.
    sizes: Vec<Size>,
    /// The place of the size that pays.
    current: usize,
    runs: u32,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    pictures: usize,
    /// Seconds that a picture took in runs of so many, on average; nothing before the first.
    each: Option<f64>,
}

impl RunTimes {
    /// Nothing is known yet: a device runs as many together as fit, a processor as few as may be.
    pub(super) fn new(rule: &BatchRule) -> Self {
        let most = rule.size.max();
        let halves = std::iter::successors(Some(1), |size: &usize| size.checked_mul(2));
        let mut sizes: Vec<usize> = if matches!(rule.size, BatchSize::Fixed(_)) {
            Vec::new()
        } else if rule.preferred.is_empty() {
            halves.take_while(|size| *size < most).collect()
        } else {
            let preferred = rule.preferred.iter().copied();
            preferred.filter(|size| *size < most).collect()
        };
        sizes.push(most);
        let size = |pictures| Size {
            pictures,
            each: None,
        };
        Self {
            run: Duration::ZERO,
            current: if rule.on_device { sizes.len() - 1 } else { 0 },
            sizes: sizes.into_iter().map(size).collect(),
            runs: 0,
        }
    }

    /// How long a run takes.
    pub(super) const fn run(&self) -> Duration {
        self.run
    }

    /// Most pictures that the next run should have.
    pub(super) fn most(&self) -> usize {
        let is_try = self.runs % TRIES == TRIES - 1;
        let neighbour = match (is_try, self.runs / TRIES % 2) {
            (true, 0) => self.current.saturating_sub(1),
            (true, _) => self.current + 1,
            (false, _) => self.current,
        };
        let size = self.sizes.get(neighbour).or(self.sizes.last());
        size.map_or(1, |size| size.pictures)
    }

    /// A run of so many pictures took so long.
    pub(super) fn ran(&mut self, pictures: usize, time: Duration) {
        self.run = (self.run * 7 + time) / 8;
        self.runs = self.runs.wrapping_add(1);
        // A run between two sizes tells nothing of either.
        let mut known = self.sizes.iter_mut().enumerate();
        let known = known.find(|(_, size)| size.pictures == pictures);
        let (Some((place, size)), Ok(count)) = (known, u32::try_from(pictures)) else {
            return;
        };
        let each = time.as_secs_f64() / f64::from(count.max(1));
        let runs = if place == self.current {
            RUNS.0
        } else {
            RUNS.1
        };
        size.each = Some(
            size.each
                .map_or(each, |known| known + (each - known) / runs),
        );
        self.choose();
    }

    fn choose(&mut self) {
        let each = |place: usize| self.sizes.get(place)?.each;
        let Some(current) = each(self.current) else {
            return;
        };
        // Held against the best of all, so that many small losses do not become a large one.
        let known = self.sizes.iter().filter_map(|size| size.each);
        let good = known.fold(current, f64::min) * AS_GOOD;
        let smaller = self.current.checked_sub(1);
        let larger = each(self.current + 1).unwrap_or(f64::INFINITY);
        if let Some(place) = smaller
            && each(place).is_some_and(|each| each <= good)
        {
            self.current = place;
        } else if larger < current * BETTER || (good < current && larger < current) {
            self.current += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn on_device(most: usize, preferred: &[usize]) -> BatchRule {
        BatchRule {
            size: BatchSize::UpTo(most),
            preferred: preferred.to_vec(),
            delay: Duration::ZERO,
            on_device: true,
        }
    }

    /// The sizes of so many runs of a model that takes so long for so many pictures, where more
    /// wait than are run.
    fn saturate(times: &mut RunTimes, runs: usize, time: impl Fn(usize) -> Duration) -> Vec<usize> {
        let mut sizes = Vec::new();
        for _ in 0..runs {
            sizes.push(times.most());
            times.ran(times.most(), time(times.most()));
        }
        sizes
    }

    fn mostly(sizes: &[usize], size: usize) -> bool {
        let of_size = sizes.iter().filter(|other| **other == size).count();
        sizes.len() * 9 / 10 < of_size
    }

    #[test]
    fn where_nothing_is_gained_pictures_are_run_one_by_one() {
        let mut times = RunTimes::new(&on_device(8, &[]));
        let processor = |pictures: usize| MS * 15 * u32::try_from(pictures).expect("few");
        let sizes = saturate(&mut times, 400, processor);
        assert_eq!(sizes[0], 8, "as many as fit, at first");
        assert!(mostly(&sizes[200..], 1), "{sizes:?}");
    }

    #[test]
    fn where_a_run_takes_as_long_whatever_its_size_it_is_full() {
        let mut times = RunTimes::new(&on_device(32, &[]));
        assert!(mostly(&saturate(&mut times, 400, |_| 5 * MS), 32));
    }

    #[test]
    fn a_processor_begins_with_single_pictures_and_learns_of_more() {
        let rule = BatchRule {
            on_device: false,
            ..on_device(8, &[])
        };
        let sizes = saturate(&mut RunTimes::new(&rule), 1000, |_| 5 * MS);
        assert!(sizes[..TRIES as usize - 1].iter().all(|size| *size == 1));
        assert!(mostly(&sizes[500..], 8), "{sizes:?}");
    }

    #[test]
    fn small_losses_do_not_add_up() {
        let mut times = RunTimes::new(&on_device(32, &[]));
        // Each halving costs a picture nine hundredths more.
        let each = |pictures: usize| 1.09_f64.powf(5.0 - f64::from(pictures.ilog2()));
        let count = |pictures: usize| f64::from(u32::try_from(pictures).expect("few"));
        let time = |pictures| MS.mul_f64(count(pictures) * each(pictures));
        assert!(mostly(&saturate(&mut times, 2000, time)[500..], 16));
    }

    #[test]
    fn what_was_learned_is_learned_anew() {
        let mut times = RunTimes::new(&on_device(8, &[]));
        saturate(&mut times, 400, |pictures| {
            MS * 15 * u32::try_from(pictures).expect("few")
        });
        let sizes = saturate(&mut times, 2000, |_| 5 * MS);
        assert!(mostly(&sizes[1500..], 8), "{sizes:?}");
    }

    #[test]
    fn sizes_are_those_that_the_model_prefers_and_one_where_it_takes_but_one() {
        let sizes = |rule: &BatchRule| {
            let times = RunTimes::new(rule);
            let sizes = times.sizes.iter().map(|size| size.pictures);
            sizes.collect::<Vec<_>>()
        };
        assert_eq!(sizes(&on_device(6, &[])), [1, 2, 4, 6]);
        assert_eq!(sizes(&on_device(16, &[4, 8])), [4, 8, 16]);
        assert_eq!(sizes(&on_device(1, &[])), [1]);
    }
}
