//! Room made in a line that is full, at the expense of who holds the most of it.

use super::{
    claim::{Claim, Tenant},
    line::Line,
};

/// A tenant of a class, what it would hold, and how many of its last would go.
struct Holder {
    class: usize,
    flow: usize,
    held: u64,
    go: usize,
    stay: usize,
}

impl<T> Line<T> {
    /// Takes out the last of lower priorities, then of the tenants of its own that hold more than
    /// the newcomer would with work of this cost, one by one of who holds the most, until there is
    /// `enough` room by the number and cost of what was taken out. `None`, and nothing is taken out,
    /// where that cannot be.
    pub fn make_room(
        &mut self,
        newcomer: &Claim,
        cost: u64,
        enough: impl Fn(usize, u64) -> bool,
    ) -> Option<Vec<T>> {
        let rank = newcomer.priority.rank();
        let would_hold = cost + self.held_by(rank, &newcomer.tenant);
        let mut holders = self.holders(rank);
        let (mut count, mut freed) = (0, 0);
        while !enough(count, freed) {
            let may_go = |holder: &&mut Holder| {
                0 < holder.stay && (rank < holder.class || would_hold < holder.held)
            };
            let candidates = holders.iter_mut().filter(may_go);
            let most = candidates.max_by_key(|holder| (holder.class, holder.held))?;
            let flow = self.classes.get(most.class)?.flows.get(most.flow)?;
            let last = flow.waiting.iter().rev().nth(most.go)?;
            most.held -= last.cost;
            (most.go, most.stay) = (most.go + 1, most.stay - 1);
            (count, freed) = (count + 1, freed + last.cost);
        }
        let mut removed = Vec::with_capacity(count);
        for Holder {
            class, flow, go, ..
        } in holders
        {
            let flow = self
                .classes
                .get_mut(class)
                .and_then(|class| class.flows.get_mut(flow));
            if let Some(flow) = flow {
                let last = flow
                    .waiting
                    .split_off(flow.waiting.len().saturating_sub(go));
                flow.held -= last.iter().map(|waiting| waiting.cost).sum::<u64>();
                removed.extend(last.into_iter().map(|waiting| waiting.item));
            }
        }
        Some(removed)
    }

    fn held_by(&self, rank: usize, tenant: &Tenant) -> u64 {
        let flows = self.classes.get(rank).map(|class| class.flows.iter());
        let own = flows.and_then(|mut flows| flows.find(|flow| flow.tenant == *tenant));
        own.map_or(0, |flow| flow.held)
    }

    /// Everybody of this rank and of those below.
    fn holders(&self, rank: usize) -> Vec<Holder> {
        let classes = self.classes.iter().enumerate().skip(rank);
        let flows = classes.flat_map(|(class, of)| {
            let flows = of.flows.iter().enumerate();
            flows.map(move |(flow, of)| Holder {
                class,
                flow,
                held: of.held,
                go: 0,
                stay: of.waiting.len(),
            })
        });
        flows.collect()
    }
}
