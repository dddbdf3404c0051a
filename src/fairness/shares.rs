//! How much of what is worked on side by side one tenant has while others are about.
//!
//! A line is fair to those who wait in it, but whoever comes meets what is under way. So a tenant
//! that could fill the machine with its own work leaves the parts of others free for as long as they
//! come.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::claim::Tenant;

/// Who did not come for so long is not about any more.
const ABOUT: Duration = Duration::from_secs(1);

/// What is given out, in halves of what there is: work does not keep a processor busy all the time.
const HALVES: u32 = 3;

/// What a tenant may have had beyond its part: seconds of its part, so that who comes seldom need not
/// come regularly.
const AHEAD: f64 = 0.5;

/// Longest time that a tenant waits for its part to catch up.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Averages are exponential, over some so many pieces of work.
const PIECES: f64 = 16.0;

/// What each tenant has.
#[derive(Debug)]
pub struct Shares {
    /// What is worked on at a time where it is shared; `None` where it need not be.
    most: Option<usize>,
    /// Seconds that a piece of work takes, on average.
    piece: f64,
    tenants: HashMap<Tenant, Share>,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    at_work: usize,
    seen: Instant,
    /// Seconds of work that it has had beyond its part, at that time.
    ahead: (f64, Instant),
}

impl Shares {
    /// Shares of so much; where it is `None`, everybody has as much as they like.
    #[must_use]
    pub fn new(most: Option<usize>) -> Self {
        Self {
            most,
            piece: 0.0,
            tenants: HashMap::new(),
        }
    }

    /// A tenant comes with work.
    pub fn come(&mut self, tenant: &Tenant, now: Instant) {
        if self.most.is_some() {
            let share = Share {
                at_work: 0,
                seen: now,
                ahead: (0.0, now),
            };
            self.tenants.entry(tenant.clone()).or_insert(share).seen = now;
        }
    }

    /// Some of it is begun. It counts as what others took, until it is known.
    pub fn begin(&mut self, tenant: &Tenant, now: Instant) {
        let (part, piece) = (self.part(now), self.piece);
        if let Some(share) = self.tenants.get_mut(tenant) {
            share.at_work += 1;
            share.ahead = (share.ahead_at(now, part) + piece, now);
        }
    }

    /// Some of it is done, which took so long.
    pub fn end(&mut self, tenant: &Tenant, now: Instant, took: Duration) {
        let (part, took) = (self.part(now), took.as_secs_f64());
        let reckoned = self.piece;
        self.piece += (took - self.piece) / PIECES;
        if let Some(share) = self.tenants.get_mut(tenant) {
            share.at_work = share.at_work.saturating_sub(1);
            let ahead = share.ahead_at(now, part) + took - reckoned;
            share.ahead = (ahead.max(0.0), now);
        }
        self.tenants.retain(|_, share| share.is_about(now));
    }

    /// For how long a tenant may begin no more, if it may not and nobody else comes or goes.
    #[must_use]
    pub fn rest(&self, tenant: &Tenant, now: Instant) -> Option<Duration> {
        self.tenants.get(tenant)?.rest(now, self.part(now)?)
    }

    /// How much of what is worked on is each tenant's; `None` where nobody else is about.
    #[must_use]
    pub fn part(&self, now: Instant) -> Option<f64> {
        let about = self.tenants.values().filter(|share| share.is_about(now));
        let (most, about) = (u32::try_from(self.most?).ok()?, about.count());
        let about = u32::try_from(about).ok().filter(|about| 1 < *about)?;
        Some(f64::from(most.saturating_mul(HALVES)) / 2.0 / f64::from(about))
    }

    /// Whether a tenant may begin more, where each has this part: while it is not ahead of that, or
    /// much of what there is lies idle.
    #[must_use]
    pub fn may_begin(&self, tenant: &Tenant, part: Option<f64>, now: Instant) -> bool {
        match (part, self.tenants.get(tenant)) {
            (Some(part), Some(share)) => share.rest(now, part).is_none() || self.is_idle(),
            _ => true,
        }
    }

    /// Whether less than half is at work of what may be.
    fn is_idle(&self) -> bool {
        let at_work: usize = self.tenants.values().map(|share| share.at_work).sum();
        self.most.is_none_or(|most| 2 * at_work < most)
    }
}

impl Share {
    /// Seconds of work beyond its part; what is ahead of nobody is forgotten.
    fn ahead_at(&self, now: Instant, part: Option<f64>) -> f64 {
        let (ahead, then) = self.ahead;
        let since = now.saturating_duration_since(then).as_secs_f64();
        part.map_or(0.0, |part| (ahead - since * part).max(0.0))
    }

    /// Until it is no further ahead of its part than it may be, if it is.
    fn rest(&self, now: Instant, part: f64) -> Option<Duration> {
        let rest = self.ahead_at(now, Some(part)) / part - AHEAD;
        (0.0 < rest).then(|| Duration::from_secs_f64(rest).min(LONGEST_REST))
    }

    fn is_about(&self, now: Instant) -> bool {
        0 < self.at_work || now.saturating_duration_since(self.seen) < ABOUT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Four tenants of two processors, and pieces of work of 30 ms.
    fn four(begun: Instant) -> (Shares, [Tenant; 4]) {
        let mut shares = Shares::new(Some(2));
        let tenants = ["a", "b", "c", "d"].map(Tenant::new);
        for tenant in &tenants {
            shares.come(tenant, begun);
        }
        shares.piece = 0.03;
        (shares, tenants)
    }

    #[test]
    fn who_is_alone_has_all_and_others_a_part_for_as_long_as_they_come() {
        let begun = Instant::now();
        let [a, b, c] = ["a", "b", "c"].map(Tenant::new);
        let mut shares = Shares::new(Some(2));
        shares.come(&a, begun);
        shares.begin(&a, begun);
        assert_eq!(shares.part(begun), None);
        shares.come(&b, begun);
        assert_eq!(shares.part(begun), Some(1.5));
        shares.come(&c, begun + 500 * MS);
        assert_eq!(shares.part(begun + 500 * MS), Some(1.0));
        assert_eq!(shares.part(begun + 1200 * MS), Some(1.5), "b has gone");
        shares.end(&a, begun + 1600 * MS, 1600 * MS);
        assert!(shares.tenants.is_empty(), "nobody is about");
    }

    #[test]
    fn who_asks_for_more_than_its_part_gets_that() {
        let begun = Instant::now();
        let (mut shares, [greedy, modest, other, _]) = four(begun);
        shares.begin(&other, begun);
        let (mut done, mut waited) = (0, 0);
        for step in 0..200 {
            let now = begun + step * 10 * MS;
            for tenant in ["b", "c", "d"].map(Tenant::new) {
                shares.come(&tenant, now);
            }
            shares.come(&greedy, now);
            let part = shares.part(now);
            if shares.may_begin(&greedy, part, now) {
                shares.begin(&greedy, now);
                shares.end(&greedy, now, 30 * MS);
                done += 1;
            }
            // Ten in a second, two at a time.
            if step % 20 == 0 {
                for _ in 0..2 {
                    waited += u32::from(!shares.may_begin(&modest, part, now));
                    shares.begin(&modest, now);
                    shares.end(&modest, now, 30 * MS);
                }
            }
        }
        // Three quarters of two seconds, and what it may be ahead.
        assert!((58..68).contains(&done), "{done} of 30 ms");
        assert_eq!(waited, 0, "who keeps to its part does not wait");
    }

    #[test]
    fn who_is_ahead_rests_until_its_part_has_caught_up() {
        let begun = Instant::now();
        let (mut shares, [a, b, ..]) = four(begun);
        shares.begin(&b, begun);
        let part = shares.part(begun);
        assert_eq!(part, Some(0.75));
        shares.begin(&a, begun);
        let end = begun + 600 * MS;
        shares.end(&a, end, 600 * MS);
        let rest = shares.rest(&a, end).expect("it rests");
        assert!(!shares.may_begin(&a, part, end));
        assert!(shares.may_begin(&a, part, end + rest));
        assert!(shares.may_begin(&a, None, end), "alone it does not");
        shares.end(&b, end, 600 * MS);
        assert!(shares.may_begin(&a, part, end), "nobody else is at work");
    }

    #[test]
    fn where_nothing_is_shared_nobody_is_counted() {
        let (begun, mut free) = (Instant::now(), Shares::new(None));
        for tenant in ["a", "b"].map(Tenant::new) {
            free.come(&tenant, begun);
            free.begin(&tenant, begun);
        }
        assert_eq!((free.part(begun), free.tenants.len()), (None, 0));
    }
}
