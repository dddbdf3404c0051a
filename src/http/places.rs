//! Places for requests that are received, and for those that are worked on, at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    error::{ErrorCode, Problem},
    fairness::claim::Tenant,
};

/// Of places, one tenant holds at most so many times what is free: seven eighths of all while it is
/// alone, and less with others about, so that there is always one for who holds none (Choudhury
/// and Hahne's dynamic thresholds, 1998).
const SHARE: usize = 7;

/// So many places, for all requests together.
#[derive(Clone, Debug)]
pub struct Places(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    held: HashMap<Tenant, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
struct Place {
    places: Places,
    tenant: Tenant,
}

/// The place of a request: among those that are received, and once its body is there among those
/// that are worked on. So a client that sends slowly takes none from those whose pictures are here.
#[derive(Debug)]
pub(super) struct Stay {
    work: Places,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    Received(Place),
    WorkedOn(#[expect(dead_code, reason = "held")] Place),
}

impl Stay {
    /// A place to receive a request of this tenant, if there is one and there would be one to work on
    /// it now.
    pub(super) fn begin(receive: &Places, work: &Places, tenant: &Tenant) -> Option<Self> {
        if !work.lock().has(tenant) {
            return None;
        }
        let stage = Mutex::new(Stage::Received(receive.take(tenant)?));
        let work = work.clone();
        Some(Self { work, stage })
    }

    /// The request is there: it goes on to a place to be worked on, where there is one by now.
    pub(super) fn received(&self) -> Result<(), Problem> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Stage::Received(place) = &*stage {
            let work = self.work.take(&place.tenant).ok_or_else(none)?;
            *stage = Stage::WorkedOn(work);
        }
        Ok(())
    }
}

/// There is no place.
pub(super) fn none() -> Problem {
    let detail = "every place for a request is taken (limits.requests), or those that one caller may \
                  have; try again in a moment";
    Problem::new(ErrorCode::Overloaded, detail)
}

impl Places {
    /// So many places.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: count,
            held: HashMap::new(),
        })))
    }

    /// A place, if there is one for this tenant.
    fn take(&self, tenant: &Tenant) -> Option<Place> {
        let mut state = self.lock();
        if !state.has(tenant) {
            return None;
        }
        state.free -= 1;
        *state.held.entry(tenant.clone()).or_default() += 1;
        Some(Place {
            places: self.clone(),
            tenant: tenant.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is a place for this tenant.
    fn has(&self, tenant: &Tenant) -> bool {
        let held = self.held.get(tenant).copied().unwrap_or(0);
        held < self.free.saturating_mul(SHARE)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        state.free += 1;
        match state.held.get_mut(&self.tenant) {
            Some(held) if 1 < *held => *held -= 1,
            Some(_) | None => drop(state.held.remove(&self.tenant)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_last_places_from_others() {
        let places = Places::new(16);
        let (greedy, modest) = (Tenant::new("a"), Tenant::new("b"));
        let all = |tenant: &Tenant| std::iter::from_fn(|| places.take(tenant)).collect::<Vec<_>>();
        let first = all(&greedy);
        assert_eq!(first.len(), 14);
        let second = all(&modest);
        assert_eq!(second.len(), 2);
        drop(first);
        drop(second);
        assert_eq!(all(&modest).len(), 14);
        assert_eq!(places.lock().free, 16);
        assert!(places.lock().held.is_empty());
    }

    #[test]
    fn who_is_received_takes_no_place_of_those_who_are_worked_on() {
        let (receive, work) = (Places::new(8), Places::new(1));
        let tenant = Tenant::new("a");
        let begin = || Stay::begin(&receive, &work, &tenant);
        let slow: Vec<_> = std::iter::from_fn(begin).collect();
        assert_eq!(slow.len(), 7);
        let mut slow = slow.into_iter();
        let (first, second) = (slow.next().expect("one"), slow.next().expect("two"));
        assert_eq!(first.received(), Ok(()));
        assert_eq!(first.received(), Ok(()), "it has its place");
        assert!(
            begin().is_none(),
            "nobody begins who would not be worked on"
        );
        assert_eq!(second.received(), Err(none()));
        drop(first);
        assert_eq!(second.received(), Ok(()));
    }

    #[test]
    fn a_single_place_is_for_who_comes_first() {
        let places = Places::new(1);
        let only = places.take(&Tenant::new("a"));
        assert!(only.is_some());
        assert!(places.take(&Tenant::new("b")).is_none());
    }
}
