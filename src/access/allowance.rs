//! How much a caller may do: requests a second, at the same time, and in a day.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is allowed; what is absent has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allowance {
    /// Requests in a second, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<NonZeroU32>,
    /// Requests at once, beyond which the rate holds; as many as in a second where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<NonZeroU32>,
    /// Requests that are worked on at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<NonZeroU32>,
    /// Requests in a day, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<NonZeroU32>,
}

/// Why a request is not allowed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// More than [`Allowance::rate`]; the next is allowed after so long.
    Rate(NonZeroU32, Duration),
    /// More than [`Allowance::concurrent`].
    Concurrent(NonZeroU32),
    /// More than [`Allowance::daily`]; the next is allowed after so long.
    Daily(NonZeroU32, Duration),
}

/// An allowance, and what is used of it.
#[derive(Debug)]
pub struct Meter {
    allowance: Allowance,
    rate: Option<(NonZeroU32, DefaultDirectRateLimiter)>,
    places: Option<(NonZeroU32, Arc<Semaphore>)>,
    today: Mutex<(Date, u32)>,
}

/// A request that is allowed; it has ended when this is dropped.
#[derive(Debug)]
pub struct Allowed(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Meter {
    /// A meter of which nothing is used.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        let limiter = |rate: NonZeroU32| {
            let burst = allowance.burst.unwrap_or(rate);
            RateLimiter::direct(Quota::per_second(rate).allow_burst(burst))
        };
        let places = |most: NonZeroU32| Arc::new(Semaphore::new(most.get() as usize));
        Self {
            allowance,
            rate: allowance.rate.map(|rate| (rate, limiter(rate))),
            places: allowance.concurrent.map(|most| (most, places(most))),
            today: Mutex::default(),
        }
    }

    /// What it measures against.
    #[must_use]
    pub const fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When it is not allowed now.
    pub fn begin(&self, now: Timestamp) -> Result<Allowed, Exceeded> {
        let place = match &self.places {
            Some((most, places)) => Some(
                Arc::clone(places)
                    .try_acquire_owned()
                    .map_err(|_| Exceeded::Concurrent(*most))?,
            ),
            None => None,
        };
        if let Some((rate, limiter)) = &self.rate {
            limiter.check().map_err(|early| {
                let wait = early.wait_time_from(limiter.clock().now());
                Exceeded::Rate(*rate, wait)
            })?;
        }
        self.count_in_day(now)?;
        Ok(Allowed(place))
    }

    fn count_in_day(&self, now: Timestamp) -> Result<(), Exceeded> {
        let Some(most) = self.allowance.daily else {
            return Ok(());
        };
        let local = now.to_zoned_datetime(TimeZone::UTC);
        let date = local.date();
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.0 != date {
            *today = (date, 0);
        }
        if today.1 < most.get() {
            today.1 += 1;
            return Ok(());
        }
        let midnight = local.end_of_day().map(|end| end.timestamp());
        let left = midnight.map_or(0, |end| end.as_second().saturating_sub(now.as_second()) + 1);
        let left = Duration::from_secs(u64::try_from(left).unwrap_or_default());
        Err(Exceeded::Daily(most, left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(count)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn without_limits_everything_is_allowed() {
        let meter = Meter::new(Allowance::default());
        let held: Vec<_> = (0..10_000)
            .map(|_| meter.begin(Timestamp::UNIX_EPOCH))
            .collect();
        assert!(held.iter().all(Result::is_ok));
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let meter = Meter::new(Allowance {
            rate: some(1),
            burst: some(3),
            ..Allowance::default()
        });
        let ended: Vec<_> = (0..4).map(|_| meter.begin(Timestamp::UNIX_EPOCH)).collect();
        assert_eq!(ended.iter().filter(|one| one.is_ok()).count(), 3);
        let Some(Err(Exceeded::Rate(_, wait))) = ended.last() else {
            panic!("{:?}", ended.last());
        };
        assert!(*wait <= Duration::from_secs(1), "{wait:?}");
    }

    #[test]
    fn places_are_given_back() {
        let meter = Meter::new(Allowance {
            concurrent: some(1),
            ..Allowance::default()
        });
        let first = meter.begin(Timestamp::UNIX_EPOCH).expect("allowed");
        let second = meter.begin(Timestamp::UNIX_EPOCH);
        assert_eq!(second.err(), some(1).map(Exceeded::Concurrent));
        drop(first);
        assert!(meter.begin(Timestamp::UNIX_EPOCH).is_ok());
    }

    #[test]
    fn a_days_requests_are_counted_from_midnight() {
        let meter = Meter::new(Allowance {
            daily: some(2),
            ..Allowance::default()
        });
        assert!(meter.begin(at("2026-03-01T10:00:00Z")).is_ok());
        assert!(meter.begin(at("2026-03-01T23:00:00Z")).is_ok());
        let third = meter.begin(at("2026-03-01T23:00:00Z")).err();
        let hour = Duration::from_secs(3600);
        assert_eq!(third, some(2).map(|most| Exceeded::Daily(most, hour)));
        assert!(meter.begin(at("2026-03-02T00:00:00Z")).is_ok());
    }
}
