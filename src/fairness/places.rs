//! Places, of which nobody has all while others come.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Of places, or of memory, one holder has at most so many times what is free.
///
/// That is seven eighths of all while it is alone, and less with others about, so that there is
/// always one for who holds none (Choudhury and Hahne's dynamic thresholds, 1998).
pub const SHARE: u64 = 7;

/// So many places, for all together. Clones share them.
#[derive(Clone, Debug)]
pub struct Places<K: Eq + Hash>(Arc<Mutex<State<K>>>);

#[derive(Debug)]
struct State<K> {
    free: usize,
    held: HashMap<K, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub struct Place<K: Clone + Eq + Hash> {
    places: Places<K>,
    holder: K,
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// So many places.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: count,
            held: HashMap::new(),
        })))
    }

    /// A place, if there is one for this one.
    #[must_use]
    pub fn take(&self, holder: &K) -> Option<Place<K>> {
        let mut state = self.lock();
        if !state.has(holder) {
            return None;
        }
        state.free -= 1;
        *state.held.entry(holder.clone()).or_default() += 1;
        Some(Place {
            places: self.clone(),
            holder: holder.clone(),
        })
    }

    /// Whether there is a place for this one now.
    #[must_use]
    pub fn has(&self, holder: &K) -> bool {
        self.lock().has(holder)
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> State<K> {
    fn has(&self, holder: &K) -> bool {
        let held = self.held.get(holder).copied().unwrap_or(0);
        (held as u64) < (self.free as u64).saturating_mul(SHARE)
    }
}

impl<K: Clone + Eq + Hash> Place<K> {
    /// Who has it.
    #[must_use]
    pub const fn holder(&self) -> &K {
        &self.holder
    }
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        state.free += 1;
        match state.held.get_mut(&self.holder) {
            Some(held) if 1 < *held => *held -= 1,
            Some(_) | None => drop(state.held.remove(&self.holder)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_last_places_from_others() {
        let places = Places::new(16);
        let (greedy, modest) = ("a", "b");
        let all = |holder| std::iter::from_fn(|| places.take(&holder)).collect::<Vec<_>>();
        let first = all(greedy);
        assert_eq!(first.len(), 14);
        let second = all(modest);
        assert_eq!(second.len(), 2);
        drop(first);
        drop(second);
        assert_eq!(all(modest).len(), 14);
        assert_eq!(places.lock().free, 16);
        assert!(places.lock().held.is_empty());
    }

    #[test]
    fn a_single_place_is_for_who_comes_first() {
        let places = Places::new(1);
        let only = places.take(&"a");
        assert!(only.is_some());
        assert!(places.take(&"b").is_none());
    }
}
