//! How much each of many may do.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use super::allowance::{Allowance, Meter};

/// Holders that are remembered; twice as many at most.
const REMEMBERED: usize = 8192;

/// A meter for each holder. Those that were not seen for the longest time are forgotten.
#[derive(Debug)]
pub struct Meters<K> {
    allowance: Allowance,
    seen: Mutex<Seen<K>>,
}

#[derive(Debug)]
struct Seen<K> {
    lately: HashMap<K, Arc<Meter>>,
    before: HashMap<K, Arc<Meter>>,
}

impl<K: Clone + Eq + Hash> Meters<K> {
    /// Each holder may do so much.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        let seen = Mutex::new(Seen {
            lately: HashMap::new(),
            before: HashMap::new(),
        });
        Self { allowance, seen }
    }

    /// What they measure against.
    #[must_use]
    pub const fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// The meter of a holder; `None` where there is no limit.
    #[must_use]
    pub fn of(&self, holder: &K) -> Option<Arc<Meter>> {
        if self.allowance == Allowance::default() {
            return None;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = seen.lately.get(holder) {
            return Some(Arc::clone(meter));
        }
        if REMEMBERED <= seen.lately.len() {
            seen.before = mem::take(&mut seen.lately);
        }
        let meter = seen.before.remove(holder);
        let meter = meter.unwrap_or_else(|| Arc::new(Meter::new(self.allowance)));
        seen.lately.insert(holder.clone(), Arc::clone(&meter));
        Some(meter)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn no_more_are_remembered_than_fit() {
        let meters = Meters::new(Allowance {
            daily: NonZeroU32::new(1),
            ..Allowance::default()
        });
        for holder in 0..50_000_u32 {
            assert!(meters.of(&holder).is_some());
        }
        let seen = meters.seen.lock().expect("sound");
        assert!(seen.lately.len() + seen.before.len() <= 2 * REMEMBERED);
    }
}
