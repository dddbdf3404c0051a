//! What a core would not begin lately, so that a gateway refuses the like itself before it reads
//! and decodes for nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    fairness::{
        claim::{Claim, Tenant},
        priority::Priority,
    },
    model::name::ModelName,
};

/// A refusal holds for this part of the wait that it foretold, one in so many: then one request
/// asks again.
const HOLDS: u32 = 8;

/// The shortest and the longest time that one holds.
const TIMES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Refusals that are remembered at a time, at most.
const REMEMBERED: usize = 4096;

/// What one core would not begin.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(ModelName, Tenant, Priority), Refusal>>);

#[derive(Clone, Copy, Debug)]
struct Refusal {
    wait: Duration,
    until: Instant,
}

impl Refusals {
    /// The core refused a request, which would have waited for so long.
    pub(super) fn note(&self, model: &ModelName, claim: &Claim, wait: Duration, now: Instant) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED <= refusals.len() {
            refusals.retain(|_, refusal| now < refusal.until);
        }
        if refusals.len() < REMEMBERED {
            let until = now + (wait / HOLDS).clamp(TIMES.0, TIMES.1);
            refusals.insert(key(model, claim), Refusal { wait, until });
        }
    }

    /// How long such a request would wait, by what was refused lately.
    pub(super) fn wait(&self, model: &ModelName, claim: &Claim, now: Instant) -> Duration {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(model, claim);
        match refusals.get(&key) {
            Some(refusal) if now < refusal.until => refusal.wait,
            Some(_) => {
                refusals.remove(&key);
                Duration::ZERO
            }
            None => Duration::ZERO,
        }
    }
}

fn key(model: &ModelName, claim: &Claim) -> (ModelName, Tenant, Priority) {
    (model.clone(), claim.tenant.clone(), claim.priority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenant: &str, priority: Priority) -> Claim {
        Claim {
            tenant: Tenant::new(tenant),
            priority,
            deadline: None,
        }
    }

    #[test]
    fn a_refusal_holds_for_its_like_and_for_a_while() {
        let refusals = Refusals::default();
        let (cat, dog): (ModelName, ModelName) = (
            "cat".parse().expect("a name"),
            "dog".parse().expect("a name"),
        );
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let (greedy, modest) = (of("a", Priority::Normal), of("b", Priority::Normal));
        refusals.note(&cat, &greedy, 2 * second, now);
        let check = |model: &ModelName, claim: &Claim, after: Duration, expected: Duration| {
            assert_eq!(refusals.wait(model, claim, now + after), expected);
        };
        check(&cat, &modest, Duration::ZERO, Duration::ZERO);
        check(&dog, &greedy, Duration::ZERO, Duration::ZERO);
        check(
            &cat,
            &of("a", Priority::High),
            Duration::ZERO,
            Duration::ZERO,
        );
        check(&cat, &greedy, Duration::ZERO, 2 * second);
        check(&cat, &greedy, second / 5, 2 * second);
        check(&cat, &greedy, second / 4, Duration::ZERO);
    }

    #[test]
    fn no_more_are_remembered_than_fit() {
        let refusals = Refusals::default();
        let (model, now) = ("cat".parse().expect("a name"), Instant::now());
        for number in 0..2 * REMEMBERED {
            let claim = of(&number.to_string(), Priority::Normal);
            refusals.note(&model, &claim, Duration::ZERO, now);
        }
        assert_eq!(refusals.0.lock().expect("sound").len(), REMEMBERED);
    }
}
