//! Memory that all requests share for what they receive. It is counted as it comes, and nobody
//! waits for it: where there is no more, a request is refused.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ErrorCode, Problem};

/// Bytes that one permit of the semaphore stands for.
const UNIT: u64 = 4096;

/// So many bytes, for all requests together.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    units: Arc<Semaphore>,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub struct Share(OwnedSemaphorePermit);

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let units = bytes.div_ceil(UNIT).min(u64::from(u32::MAX));
        let units = usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Makes a share one of so many bytes at the least, if they are there.
    ///
    /// # Errors
    /// `overloaded` when they are not.
    pub fn cover(&self, share: &mut Option<Share>, bytes: u64) -> Result<(), Problem> {
        let held = share.as_ref().map_or(0, |share| share.0.num_permits());
        let missing = units(bytes).saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.units).try_acquire_many_owned(missing);
        let more = more.map_err(|_| exhausted())?;
        match share {
            Some(share) => share.0.merge(more),
            None => *share = Some(Share(more)),
        }
        Ok(())
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn exhausted() -> Problem {
    let detail = "the memory for requests is taken by others; try again in a moment";
    Problem::new(ErrorCode::Overloaded, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_while_there_is_more() {
        let budget = MemoryBudget::new(10 * UNIT);
        let mut share = None;
        assert!(budget.cover(&mut share, UNIT).is_ok());
        assert!(budget.cover(&mut share, 9 * UNIT).is_ok());
        assert!(budget.cover(&mut share, 5 * UNIT).is_ok());
        assert!(budget.cover(&mut share, 11 * UNIT).is_err());
        let mut other = None;
        let refused = budget.cover(&mut other, 2 * UNIT).expect_err("is taken");
        assert_eq!(refused.code, ErrorCode::Overloaded);
        drop(share);
        assert!(budget.cover(&mut other, 10 * UNIT).is_ok());
    }
}
