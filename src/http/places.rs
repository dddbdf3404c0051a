//! Places for requests that are received, and for those that are worked on, at the same time.

use std::sync::{Mutex, PoisonError};

use crate::{
    error::{ErrorCode, Problem},
    fairness::{
        claim::Tenant,
        places::{Place, Places},
    },
};

/// The place of a request: among those that are received, and once its body is there among those
/// that are worked on. So a client that sends slowly takes none from those whose pictures are here.
#[derive(Debug)]
pub(super) struct Stay {
    work: Places<Tenant>,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    Received(Place<Tenant>),
    WorkedOn(#[expect(dead_code, reason = "held")] Place<Tenant>),
}

impl Stay {
    /// A place to receive a request of this tenant, if there is one and there would be one to work on
    /// it now.
    pub(super) fn begin(
        receive: &Places<Tenant>,
        work: &Places<Tenant>,
        tenant: &Tenant,
    ) -> Option<Self> {
        if !work.has(tenant) {
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
            let work = self.work.take(place.holder()).ok_or_else(none)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
