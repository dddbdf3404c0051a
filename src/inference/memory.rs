//! Memory that all requests share for what they receive. It is counted as it comes, and nobody
//! waits for it: where there is no more, a request is refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    error::{ErrorCode, Problem},
    fairness::{claim::Tenant, places::SHARE},
};

/// How much larger JSON is once it is read, itself included: numbers of two bytes become some of
/// eight, base64 a text and its bytes.
pub const UNPACKED: u64 = 5;

/// Bytes that are counted as one.
const UNIT: u64 = 4096;

/// So many bytes, for all requests together.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    /// The setting that says how many they are.
    setting: &'static str,
    state: Arc<Mutex<State>>,
    /// All of its units.
    units: u64,
    /// Whose shares are made from it; `None` where nobody is kept to a part.
    tenant: Option<Tenant>,
}

#[derive(Debug)]
struct State {
    free: u64,
    held: HashMap<Tenant, u64>,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: MemoryBudget,
    units: u64,
}

impl MemoryBudget {
    /// A budget of so many bytes, as a setting has them.
    #[must_use]
    pub fn new(setting: &'static str, bytes: u64) -> Self {
        let units = bytes.div_ceil(UNIT);
        let state = State {
            free: units,
            held: HashMap::new(),
        };
        Self {
            setting,
            state: Arc::new(Mutex::new(state)),
            units,
            tenant: None,
        }
    }

    /// The same budget, of which this tenant takes, and leaves a part to others.
    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> Self {
        Self {
            setting: self.setting,
            state: Arc::clone(&self.state),
            units: self.units,
            tenant: Some(tenant.clone()),
        }
    }

    /// Makes a share one of so many bytes at the least, if they are there.
    ///
    /// # Errors
    /// `overloaded` when they are not, `body_too_large` when they never are.
    pub fn cover(&self, share: &mut Option<Share>, bytes: u64) -> Result<(), Problem> {
        let wanted = bytes.div_ceil(UNIT);
        if self.most() < wanted {
            return Err(self.too_large(bytes));
        }
        let share = share.get_or_insert_with(|| Share {
            budget: self.clone(),
            units: 0,
        });
        share.grow(wanted.saturating_sub(share.units))
    }

    /// Most units that a share can have.
    fn most(&self) -> u64 {
        match self.tenant {
            Some(_) => self.units.saturating_mul(SHARE) / (SHARE + 1),
            None => self.units,
        }
    }

    fn too_large(&self, bytes: u64) -> Problem {
        let most = self.most().saturating_mul(UNIT);
        let setting = self.setting;
        let detail = format!(
            "what was sent takes {bytes} bytes of memory once it is read, and {setting} leaves \
             {most} to one caller"
        );
        Problem::new(ErrorCode::BodyTooLarge, detail)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes so many units more.
    fn grow(&mut self, missing: u64) -> Result<(), Problem> {
        if missing == 0 {
            return Ok(());
        }
        let mut state = self.budget.lock();
        let left = state.free.checked_sub(missing).ok_or_else(exhausted)?;
        if let Some(tenant) = &self.budget.tenant {
            let held = state.held.get(tenant).copied().unwrap_or(0) + missing;
            if left.saturating_mul(SHARE) < held {
                return Err(exhausted());
            }
            state.held.insert(tenant.clone(), held);
        }
        state.free = left;
        drop(state);
        self.units += missing;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.free += self.units;
        if let Some(tenant) = &self.budget.tenant {
            match state.held.get_mut(tenant) {
                Some(held) if self.units < *held => *held -= self.units,
                Some(_) | None => drop(state.held.remove(tenant)),
            }
        }
    }
}

fn exhausted() -> Problem {
    let detail = "the memory for requests is taken by others, or the part that one caller may have; \
                  try again in a moment";
    Problem::new(ErrorCode::Overloaded, detail)
}

/// What a request holds of the memory for uploads, until the last copy of this is dropped.
#[derive(Clone, Debug)]
pub struct Held {
    budget: MemoryBudget,
    share: Arc<Mutex<Option<Share>>>,
}

impl Held {
    /// Nothing yet, of this budget.
    #[must_use]
    pub fn new(budget: MemoryBudget) -> Self {
        let share = Arc::default();
        Self { budget, share }
    }

    /// Sees to it that so many bytes are held.
    ///
    /// # Errors
    /// Those of [`MemoryBudget::cover`].
    pub fn cover(&self, bytes: u64) -> Result<(), Problem> {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        self.budget.cover(&mut share, bytes)
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// Those of [`MemoryBudget::cover`].
    pub fn more(&self, bytes: u64) -> Result<(), Problem> {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let held = share.as_ref().map_or(0, |share| share.units);
        let all = held.saturating_mul(UNIT).saturating_add(bytes);
        self.budget.cover(&mut share, all)
    }

    /// Gives back what is held.
    pub fn release(&self) {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        drop(share.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(budget: &MemoryBudget, share: &mut Option<Share>, units: u64) -> ErrorCode {
        let refused = budget.cover(share, units * UNIT);
        refused.expect_err("there is no more").code
    }

    #[test]
    fn a_share_grows_while_there_is_more() {
        let budget = MemoryBudget::new("limits.upload_bytes", 10 * UNIT);
        let mut share = None;
        assert!(budget.cover(&mut share, UNIT).is_ok());
        assert!(budget.cover(&mut share, 9 * UNIT).is_ok());
        assert!(budget.cover(&mut share, 5 * UNIT).is_ok());
        let mut other = None;
        assert_eq!(refused(&budget, &mut other, 2), ErrorCode::Overloaded);
        drop(share);
        assert!(budget.cover(&mut other, 10 * UNIT).is_ok());
    }

    #[test]
    fn what_never_fits_says_what_would() {
        let budget = MemoryBudget::new("limits.upload_bytes", 16 * UNIT);
        let check = |budget: &MemoryBudget, most: u64| {
            let mut share = None;
            let problem = budget.cover(&mut share, (most + 1) * UNIT);
            let problem = problem.expect_err("is more than all");
            assert_eq!(problem.code, ErrorCode::BodyTooLarge);
            let words = format!("limits.upload_bytes leaves {} to one caller", most * UNIT);
            assert!(problem.detail.ends_with(&words), "{}", problem.detail);
            assert!(budget.cover(&mut share, most * UNIT).is_ok());
        };
        check(&budget, 16);
        check(&budget.of(&Tenant::new("a")), 14);
    }

    #[test]
    fn nobody_takes_the_last_memory_from_others() {
        let budget = MemoryBudget::new("limits.upload_bytes", 16 * UNIT);
        let (greedy, modest) = (budget.of(&Tenant::new("a")), budget.of(&Tenant::new("b")));
        let (mut first, mut second, mut third) = (None, None, None);
        assert!(greedy.cover(&mut first, 7 * UNIT).is_ok());
        assert!(greedy.cover(&mut second, 7 * UNIT).is_ok());
        assert_eq!(refused(&greedy, &mut second, 8), ErrorCode::Overloaded);
        assert!(modest.cover(&mut third, UNIT).is_ok());
        drop((first, second, third));
        assert_eq!(budget.lock().free, 16);
        assert!(budget.lock().held.is_empty());
    }
}
