//! A request's work, from its first place to its end.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, time::sleep};

use crate::{
    error::Problem,
    fairness::{
        claim::{Claim, Tenant},
        shares::Shares,
    },
};

use super::Room;

/// A request's work, in several places one after the other. It has ended when this is dropped.
#[derive(Debug)]
pub struct Work {
    room: Room,
    pub(super) begun: Arc<Begun>,
}

/// What is known of a request's work.
#[derive(Debug)]
pub(super) struct Begun {
    tenant: Tenant,
    /// When its first place was given.
    since: OnceLock<Instant>,
    /// Bytes that were given.
    cost: AtomicU64,
}

impl Room {
    /// The work of a request, of which nothing is begun yet.
    pub(in crate::inference) fn work(&self, claim: &Claim) -> Work {
        Work {
            room: self.clone(),
            begun: Arc::new(Begun {
                tenant: claim.tenant.clone(),
                since: OnceLock::new(),
                cost: AtomicU64::new(0),
            }),
        }
    }

    /// Waits for the turn of work that needs no place here.
    pub(in crate::inference) async fn turn(
        &self,
        claim: &Claim,
        work: &Work,
    ) -> Result<(), Problem> {
        self.wait((0, 0), claim, Some(work)).await.map(drop)
    }

    /// For how long a tenant may begin no more.
    fn rest(&self, tenant: &Tenant) -> Option<Duration> {
        self.lock().shares.rest(tenant, Instant::now())
    }
}

impl Begun {
    /// Whether more of it may be given, where each tenant has this part.
    pub(super) fn may_go_on(&self, shares: &Shares, part: Option<f64>, now: Instant) -> bool {
        self.since.get().is_some() || shares.may_begin(&self.tenant, part, now)
    }

    /// So many bytes are given to it.
    pub(super) fn given(&self, bytes: u64, shares: &mut Shares) {
        let now = Instant::now();
        if self.since.set(now).is_ok() {
            shares.begin(&self.tenant, now);
        }
        self.cost.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Lets a tenant go on once it may.
async fn wake(room: Room, tenant: Tenant, mut rest: Duration) {
    loop {
        sleep(rest).await;
        room.change(|_| ());
        let Some(more) = room.rest(&tenant) else {
            return;
        };
        rest = more;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Begun {
            tenant,
            since,
            cost,
        } = &*self.begun;
        if let Some(since) = since.get() {
            let (cost, took) = (cost.load(Ordering::Relaxed), since.elapsed());
            self.room.change(|state| {
                state.shares.end(tenant, Instant::now(), took);
                state.works.done(cost, took);
            });
            if let (Some(rest), Ok(runtime)) = (self.room.rest(tenant), Handle::try_current()) {
                runtime.spawn(wake(self.room.clone(), tenant.clone(), rest));
            }
        }
    }
}
