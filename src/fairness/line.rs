//! A line in which nobody is passed by for long: start-time fair queueing of tenants within each
//! priority (Goyal, Vin and Cheng, SIGCOMM 1996).
//!
//! A tenant's work has a start tag: when it would begin if every tenant with work had an equal part
//! of the server. The least tag is served next. So a tenant that asks for more than its part waits
//! for itself alone, and what nobody else wants is anybody's.
//!
//! Whose turn it is serves their own work in an order of its own, see [`super::flow`].
//!
//! A priority goes before those below it. Of all the work that is done while one of those waits, it
//! has a sixteenth, so that it waits for long but not for ever.

use super::{
    claim::{Claim, Tenant},
    flow::Flow,
    priority::Priority,
};

/// What goes before a priority that waits, as a multiple of what that gets meanwhile.
const BEFORE: u64 = 16;

/// The work of one priority.
#[derive(Debug)]
pub(super) struct Class<T> {
    /// Those with work, and those whose tag lies ahead of [`Self::now`].
    pub(super) flows: Vec<Flow<T>>,
    /// The tag of what was served last.
    now: u64,
    /// What was served before it while it waited.
    owed: u64,
}

/// Work that waits, in fair order.
#[derive(Debug)]
pub struct Line<T> {
    /// By rank.
    pub(super) classes: [Class<T>; Priority::ALL.len()],
    numbers: u64,
}

/// Where somebody's work stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    class: usize,
    flow: usize,
    place: usize,
    cost: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        let class = || Class {
            flows: Vec::new(),
            now: 0,
            owed: 0,
        };
        Self {
            classes: [class(), class(), class()],
            numbers: 0,
        }
    }
}

impl<T> Line<T> {
    /// Puts work at the end of its tenant's. What it costs is in any unit, the same for all.
    pub fn push(&mut self, claim: &Claim, cost: u64, item: T) {
        let number = self.numbers;
        self.numbers += 1;
        let Some(class) = self.classes.get_mut(claim.priority.rank()) else {
            return;
        };
        let known = class.flows.iter_mut();
        match known.into_iter().find(|flow| flow.tenant == claim.tenant) {
            Some(flow) => flow.push(item, cost, number),
            None => {
                let mut flow = Flow::new(claim.tenant.clone(), class.now);
                flow.push(item, cost, number);
                class.flows.push(flow);
            }
        }
    }

    /// Whose turn is next.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.first_of(|_| true)
    }

    /// The next, of those that are alike in some way.
    #[must_use]
    pub fn first_of(&self, alike: impl Fn(&T) -> bool) -> Option<&T> {
        let Place {
            class, flow, place, ..
        } = self.turn(alike)?;
        let flow = self.classes.get(class)?.flows.get(flow)?;
        flow.waiting.get(place).map(|waiting| &waiting.item)
    }

    /// Takes the next out of the line, of those that are alike in some way.
    pub fn take(&mut self, alike: impl Fn(&T) -> bool) -> Option<T> {
        let turn = self.turn(alike)?;
        for class in self.classes.iter_mut().skip(turn.class + 1) {
            if class.flows.iter().any(|flow| !flow.waiting.is_empty()) {
                class.owed = class.owed.saturating_add(turn.cost);
            }
        }
        let class = self.classes.get_mut(turn.class)?;
        class.owed = class.owed.saturating_sub(turn.cost.saturating_mul(BEFORE));
        let flow = class.flows.get_mut(turn.flow)?;
        let taken = flow.take(turn.place)?;
        class.now = class.now.max(flow.tag);
        flow.tag = flow.tag.saturating_add(taken.cost);
        class.tidy();
        Some(taken.item)
    }

    /// Takes out what is to go, wherever it stands.
    pub fn remove(&mut self, goes: impl Fn(&T) -> bool) -> Vec<T> {
        let mut removed = Vec::new();
        for class in &mut self.classes {
            for flow in &mut class.flows {
                for waiting in std::mem::take(&mut flow.waiting) {
                    if goes(&waiting.item) {
                        flow.held -= waiting.cost;
                        removed.push(waiting.item);
                    } else {
                        flow.waiting.push_back(waiting);
                    }
                }
            }
            class.tidy();
        }
        removed
    }

    /// What all that waits costs.
    #[must_use]
    pub fn cost(&self) -> u64 {
        let flows = self.classes.iter().flat_map(|class| &class.flows);
        flows.map(|flow| flow.held).sum()
    }

    /// What would be served before work of this cost that came now with this claim.
    #[must_use]
    pub fn ahead(&self, claim: &Claim, cost: u64) -> u64 {
        let rank = claim.priority.rank();
        let above = self
            .classes
            .iter()
            .take(rank)
            .flat_map(|class| &class.flows);
        let above: u64 = above.map(|flow| flow.held).sum();
        let own = |class: &Class<T>| class.ahead(&claim.tenant, cost);
        above + self.classes.get(rank).map_or(0, own)
    }

    /// What of its own a tenant's work of this cost would come behind, if it came now.
    #[must_use]
    pub fn own_ahead(&self, claim: &Claim, cost: u64) -> u64 {
        let class = self.classes.get(claim.priority.rank());
        let own = class.and_then(|class| class.flow(&claim.tenant));
        own.map_or(0, |flow| flow.before(cost))
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        let flows = self.classes.iter().flat_map(|class| &class.flows);
        flows.map(|flow| flow.waiting.len()).sum()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that waits, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let flows = self.classes.iter().flat_map(|class| &class.flows);
        flows.flat_map(|flow| flow.waiting.iter().map(|waiting| &waiting.item))
    }

    /// The next of those that are alike: of the lowest priority that has waited for its part, else
    /// of the highest.
    fn turn(&self, alike: impl Fn(&T) -> bool) -> Option<Place> {
        let next = self.classes.iter().enumerate();
        let next = next.filter_map(|(rank, class)| class.next(rank, &alike));
        let next: Vec<Place> = next.collect();
        let is_owed = |place: &&Place| {
            let owed = self.classes.get(place.class).map_or(0, |class| class.owed);
            0 < place.class && place.cost.saturating_mul(BEFORE) <= owed
        };
        let owed = next.iter().rev().find(is_owed);
        owed.or(next.first()).copied()
    }
}

impl<T> Class<T> {
    /// The work with the least tag, of that which is alike.
    fn next(&self, rank: usize, alike: impl Fn(&T) -> bool) -> Option<Place> {
        let of_each = self.flows.iter().enumerate().filter_map(|(index, flow)| {
            let mut waiting = flow.waiting.iter().enumerate();
            let (place, next) = waiting.find(|(_, waiting)| alike(&waiting.item))?;
            let place = Place {
                class: rank,
                flow: index,
                place,
                cost: next.cost,
            };
            Some(((flow.tag.max(self.now), next.number), place))
        });
        let least = of_each.min_by_key(|(order, _)| *order);
        least.map(|(_, place)| place)
    }

    /// What would be served before new work of a tenant: of its own what would end no later, and of
    /// each other what has a tag that is no greater.
    fn ahead(&self, tenant: &Tenant, cost: u64) -> u64 {
        let own = self.flow(tenant);
        let held = own.map_or(0, |flow| flow.before(cost));
        let tag = own.map_or(self.now, |flow| flow.tag.max(self.now) + held);
        let others = self.flows.iter().filter(|flow| flow.tenant != *tenant);
        let before = others.map(|flow| {
            let begin = flow.tag.max(self.now);
            let mut served = 0;
            for waiting in &flow.waiting {
                if tag < begin + served {
                    break;
                }
                served += waiting.cost;
            }
            served
        });
        held + before.sum::<u64>()
    }

    /// What a tenant has here, if anything.
    fn flow(&self, tenant: &Tenant) -> Option<&Flow<T>> {
        self.flows.iter().find(|flow| flow.tenant == *tenant)
    }

    /// Forgets tenants without work whose part is not used up, and everything where nobody waits.
    fn tidy(&mut self) {
        if self.flows.iter().all(|flow| flow.waiting.is_empty()) {
            self.flows.clear();
            (self.now, self.owed) = (0, 0);
        } else {
            let now = self.now;
            self.flows
                .retain(|flow| !flow.waiting.is_empty() || now < flow.tag);
        }
    }
}
