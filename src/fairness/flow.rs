//! The work of one tenant, in the order in which it would end if all of it were done side by side
//! (fair sojourn: Friedman and Henderson, SIGMETRICS 2003).
//!
//! So what is small does not wait for all that is large, what is large waits in proportion, and what
//! costs the same stays in order.

use std::collections::VecDeque;

use super::claim::Tenant;

/// Parts of a cost that a tenant's clock counts, so that it goes on while many share in little.
const FINE: u64 = 1 << 16;

/// Work that waits.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) item: T,
    pub(super) cost: u64,
    /// How many came before it: of equal tags, who came first is first.
    pub(super) number: u64,
    /// When its tenant's clock would show that it is done.
    end: u64,
}

/// The work of one tenant, in the order in which it would end.
#[derive(Debug)]
pub(super) struct Flow<T> {
    pub(super) tenant: Tenant,
    /// The start tag of its next work.
    pub(super) tag: u64,
    pub(super) waiting: VecDeque<Waiting<T>>,
    /// Cost of all of it.
    pub(super) held: u64,
    /// What each of its pieces of work would have had of what was served, if all had had the same.
    clock: u64,
}

impl<T> Flow<T> {
    /// One without work, with this tag.
    pub(super) fn new(tenant: Tenant, tag: u64) -> Self {
        Self {
            tenant,
            tag,
            waiting: VecDeque::new(),
            held: 0,
            clock: 0,
        }
    }

    /// Puts work where it would end.
    pub(super) fn push(&mut self, item: T, cost: u64, number: u64) {
        let end = self.end_of(cost);
        let place = self.waiting.partition_point(|before| before.end <= end);
        let waiting = Waiting {
            item,
            cost,
            number,
            end,
        };
        self.waiting.insert(place, waiting);
        self.held += cost;
    }

    /// Takes out what is served next, or of some kind.
    pub(super) fn take(&mut self, place: usize) -> Option<Waiting<T>> {
        let sharing = self.waiting.len() as u64;
        let taken = self.waiting.remove(place)?;
        self.held -= taken.cost;
        let each = taken.cost.saturating_mul(FINE) / sharing;
        self.clock = self.clock.saturating_add(each);
        Some(taken)
    }

    /// What new work of this cost would come behind.
    pub(super) fn before(&self, cost: u64) -> u64 {
        let end = self.end_of(cost);
        let before = self.waiting.iter().take_while(|before| before.end <= end);
        before.map(|before| before.cost).sum()
    }

    fn end_of(&self, cost: u64) -> u64 {
        self.clock.saturating_add(cost.saturating_mul(FINE))
    }
}
