//! Memory that all requests share: each takes its part before it allocates, and waits for it no
//! longer than its deadline.
//!
//! What a request has received is counted as it comes, and nobody waits for it: where there is no
//! more, it is refused. Then parts are taken in one order, of model inputs, of a picture being
//! decoded, so that nobody who holds one waits for another who waits for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ErrorCode, Problem};

/// Bytes that one permit of the semaphore stands for.
const UNIT: u64 = 4096;

/// Time that is left for saying so where a request has waited in vain.
const TO_SAY_SO: Duration = Duration::from_millis(100);

/// So many bytes, for all requests together.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    units: Arc<Semaphore>,
    bytes: u64,
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
            bytes,
        }
    }

    /// How much it is in all.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes so many bytes, or all of them where they are fewer. Who came first has them first.
    ///
    /// # Errors
    /// `overloaded` when they are not to be had before the deadline.
    pub async fn take(&self, bytes: u64, deadline: Option<Instant>) -> Result<Share, Problem> {
        let taken = Arc::clone(&self.units).acquire_many_owned(units(bytes.min(self.bytes)));
        let last = deadline.and_then(|deadline| deadline.checked_sub(TO_SAY_SO));
        let taken = match last {
            Some(last) => tokio::time::timeout_at(last.into(), taken).await,
            None => Ok(taken.await),
        };
        match taken {
            Ok(Ok(permit)) => Ok(Share(permit)),
            Ok(Err(_)) | Err(_) => Err(exhausted()),
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

    fn soon() -> Option<Instant> {
        Some(Instant::now() + TO_SAY_SO + Duration::from_millis(20))
    }

    #[tokio::test]
    async fn what_is_taken_comes_back() {
        let budget = MemoryBudget::new(100 * UNIT);
        let most = budget.take(90 * UNIT, soon()).await.expect("is there");
        let refused = budget.take(20 * UNIT, soon()).await.expect_err("is not");
        assert_eq!(refused.code, ErrorCode::Overloaded);
        let waits = budget.take(20 * UNIT, None);
        drop(most);
        assert!(waits.await.is_ok());
    }

    #[tokio::test]
    async fn who_needs_all_of_it_gets_no_more() {
        let budget = MemoryBudget::new(10 * UNIT);
        let all = budget.take(1000 * UNIT, soon()).await.expect("all of it");
        assert!(budget.take(1, soon()).await.is_err());
        drop(all);
        assert!(budget.take(1, soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_share_grows_while_there_is_more() {
        let budget = MemoryBudget::new(10 * UNIT);
        let mut share = None;
        assert!(budget.cover(&mut share, UNIT).is_ok());
        assert!(budget.cover(&mut share, 9 * UNIT).is_ok());
        assert!(budget.cover(&mut share, 5 * UNIT).is_ok());
        assert!(budget.cover(&mut share, 11 * UNIT).is_err());
        assert!(budget.take(2 * UNIT, soon()).await.is_err());
        drop(share);
        assert!(budget.take(10 * UNIT, soon()).await.is_ok());
    }
}
