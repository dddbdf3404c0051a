//! How often and how long versions ran, as Triton's message, and the sum over several cores.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use crate::{
    proto::generated::inference::{
        InferBatchStatistics, InferStatistics, ModelStatistics, StatisticDuration,
    },
    telemetry::statistics::{ModelStats, Total},
};

/// The counts of a version as its message.
pub(super) fn message(stats: &ModelStats) -> ModelStatistics {
    let last = stats
        .last_inference
        .and_then(|last| last.duration_since(UNIX_EPOCH).ok());
    let batch = |(size, total): (&usize, &Total)| InferBatchStatistics {
        batch_size: *size as u64,
        compute_infer: Some(duration(total)),
        compute_input: Some(StatisticDuration::default()),
        compute_output: Some(StatisticDuration::default()),
    };
    ModelStatistics {
        name: stats.labels.model.clone(),
        version: stats.labels.version.clone(),
        last_inference: last.map_or(0, |last| {
            u64::try_from(last.as_millis()).unwrap_or(u64::MAX)
        }),
        inference_count: stats.success.count,
        execution_count: stats.runs.values().map(|total| total.count).sum(),
        inference_stats: Some(InferStatistics {
            success: Some(duration(&stats.success)),
            fail: Some(duration(&stats.fail)),
            queue: Some(duration(&stats.queue)),
            compute_infer: Some(duration(&stats.compute)),
            compute_input: Some(StatisticDuration::default()),
            compute_output: Some(StatisticDuration::default()),
            cache_hit: Some(StatisticDuration::default()),
            cache_miss: Some(StatisticDuration::default()),
        }),
        batch_stats: stats.runs.iter().map(batch).collect(),
    }
}

fn duration(total: &Total) -> StatisticDuration {
    let Total { count, time } = *total;
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    StatisticDuration {
        count,
        ns: nanoseconds(time),
    }
}

/// One message for each version, the sum of those that several cores gave.
pub(super) fn summed(all: impl IntoIterator<Item = ModelStatistics>) -> Vec<ModelStatistics> {
    let mut sums = BTreeMap::<(String, String), ModelStatistics>::new();
    for one in all {
        let key = (one.name.clone(), one.version.clone());
        match sums.get_mut(&key) {
            Some(sum) => add(sum, one),
            None => drop(sums.insert(key, one)),
        }
    }
    sums.into_values().collect()
}

fn add(sum: &mut ModelStatistics, one: ModelStatistics) {
    sum.last_inference = sum.last_inference.max(one.last_inference);
    sum.inference_count += one.inference_count;
    sum.execution_count += one.execution_count;
    let (mut into, from) = (
        sum.inference_stats.take().unwrap_or_default(),
        one.inference_stats.unwrap_or_default(),
    );
    let pairs = [
        (&mut into.success, from.success),
        (&mut into.fail, from.fail),
        (&mut into.queue, from.queue),
        (&mut into.compute_infer, from.compute_infer),
    ];
    for (into, from) in pairs {
        *into = Some(plus(*into, from));
    }
    sum.inference_stats = Some(into);
    for batch in one.batch_stats {
        let same = sum
            .batch_stats
            .iter_mut()
            .find(|b| b.batch_size == batch.batch_size);
        match same {
            Some(same) => same.compute_infer = Some(plus(same.compute_infer, batch.compute_infer)),
            None => sum.batch_stats.push(batch),
        }
    }
}

fn plus(a: Option<StatisticDuration>, b: Option<StatisticDuration>) -> StatisticDuration {
    let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
    StatisticDuration {
        count: a.count + b.count,
        ns: a.ns + b.ns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_two_cores_add_up() {
        let total = |count| Total {
            count,
            time: Duration::from_nanos(count * 10),
        };
        let stats = ModelStats {
            labels: crate::telemetry::metrics::ModelLabels {
                model: "cat".to_owned(),
                version: "1".to_owned(),
            },
            last_inference: None,
            success: total(3),
            fail: total(1),
            queue: total(4),
            compute: total(4),
            runs: [(2, total(2))].into(),
        };
        let sum = summed([message(&stats), message(&stats)]).remove(0);
        assert_eq!((sum.inference_count, sum.execution_count), (6, 4));
        let success = sum.inference_stats.expect("is there").success;
        assert_eq!(success, Some(StatisticDuration { count: 6, ns: 60 }));
        assert_eq!(sum.batch_stats.len(), 1);
    }
}
