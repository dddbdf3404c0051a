//! Places for requests that are worked on at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::fairness::claim::Tenant;

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
pub(super) struct Place {
    places: Places,
    tenant: Tenant,
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
    pub(super) fn take(&self, tenant: &Tenant) -> Option<Place> {
        let mut state = self.lock();
        let held = state.held.get(tenant).copied().unwrap_or(0);
        if state.free.saturating_mul(SHARE) <= held {
            return None;
        }
        state.free -= 1;
        state.held.insert(tenant.clone(), held + 1);
        Some(Place {
            places: self.clone(),
            tenant: tenant.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_single_place_is_for_who_comes_first() {
        let places = Places::new(1);
        let only = places.take(&Tenant::new("a"));
        assert!(only.is_some());
        assert!(places.take(&Tenant::new("b")).is_none());
    }
}
