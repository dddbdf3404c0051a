//! How often and how long each version ran since the process started, as Triton counts it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::metrics::ModelLabels;

/// How often something took place, and how long it took altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How often.
    pub count: u64,
    /// How long altogether.
    pub time: Duration,
}

impl Total {
    fn add(&mut self, count: usize, time: Duration) {
        self.count += count as u64;
        self.time += time;
    }
}

/// What is counted of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelStats {
    /// The version.
    pub labels: ModelLabels,
    /// When it last answered.
    pub last_inference: Option<SystemTime>,
    /// Pictures that were answered: waiting and running.
    pub success: Total,
    /// Pictures on which the model failed.
    pub fail: Total,
    /// Time that pictures waited.
    pub queue: Total,
    /// Time that pictures ran.
    pub compute: Total,
    /// Runs by the pictures in them.
    pub runs: BTreeMap<usize, Total>,
}

/// A run of a model.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// How long each of its pictures had waited.
    pub waited: &'a [Duration],
    /// How long it took.
    pub compute: Duration,
    /// Whether the model failed.
    pub failed: bool,
}

/// The counts of every version that ran.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<BTreeMap<ModelLabels, ModelStats>>);

impl Statistics {
    /// Counts a run.
    pub fn ran(&self, labels: &ModelLabels, run: &Run<'_>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = all.entry(labels.clone()).or_insert_with(|| ModelStats {
            labels: labels.clone(),
            last_inference: None,
            success: Total::default(),
            fail: Total::default(),
            queue: Total::default(),
            compute: Total::default(),
            runs: BTreeMap::new(),
        });
        let pictures = run.waited.len();
        let waited: Duration = run.waited.iter().sum();
        let ran = run
            .compute
            .saturating_mul(u32::try_from(pictures).unwrap_or(u32::MAX));
        stats.runs.entry(pictures).or_default().add(1, run.compute);
        stats.queue.add(pictures, waited);
        stats.compute.add(pictures, ran);
        if run.failed {
            stats.fail.add(pictures, waited + ran);
        } else {
            stats.success.add(pictures, waited + ran);
            stats.last_inference = Some(SystemTime::now());
        }
    }

    /// The counts of every version that ran, by model and version.
    #[must_use]
    pub fn read(&self) -> Vec<ModelStats> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_add_up() {
        const MS: Duration = Duration::from_millis(1);
        let labels = ModelLabels {
            model: "cat".to_owned(),
            version: "1".to_owned(),
        };
        let statistics = Statistics::default();
        for failed in [false, true] {
            let run = Run {
                waited: &[MS, 3 * MS],
                compute: 5 * MS,
                failed,
            };
            statistics.ran(&labels, &run);
        }
        let stats = statistics.read().remove(0);
        let total = |count, ms| Total {
            count,
            time: ms * MS,
        };
        assert_eq!((stats.success, stats.fail), (total(2, 14), total(2, 14)));
        assert_eq!((stats.queue, stats.compute), (total(4, 8), total(4, 20)));
        assert_eq!(stats.runs, BTreeMap::from([(2, total(2, 10))]));
        assert!(stats.last_inference.is_some());
    }
}
