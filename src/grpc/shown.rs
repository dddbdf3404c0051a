//! What a call shows of its caller, and who that is.

use tonic::{Request, codegen::http::HeaderMap};

use crate::{
    access::{
        caller::Caller,
        gate::{Admission, Gate, OF_PROXIES, Shown, shown_secret},
    },
    error::Problem,
    transport::Peer,
};

/// Waits for what a token's signature may need.
async fn catch_up(gate: &Gate, shown: Shown<'_>) {
    if let Some(news) = gate.news(shown) {
        news.await;
    }
}

pub(super) async fn identified(gate: &Gate, shown: Shown<'_>) -> Result<Caller, Problem> {
    catch_up(gate, shown).await;
    gate.identify(shown)
}

pub(super) async fn let_in(gate: &Gate, shown: Shown<'_>) -> Result<Admission, Problem> {
    catch_up(gate, shown).await;
    gate.admit(shown)
}

/// What a call shows of its caller.
pub(super) fn shown(headers: &HeaderMap, peer: Option<Peer>) -> Shown<'_> {
    let has = |name: &str| headers.contains_key(name);
    Shown {
        secret: shown_secret(|name| headers.get(name)?.to_str().ok()),
        address: peer.map(|peer| peer.address.ip().to_canonical()),
        forwarded: has("x-forwarded-for") || has("forwarded") || OF_PROXIES.into_iter().any(has),
        certified: peer.is_some_and(|peer| peer.certified),
    }
}

/// What a call shows of its caller, for the messages that it sends later: who was let in once may not
/// be by then.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    gate: Gate,
    headers: HeaderMap,
    peer: Option<Peer>,
}

impl Remembered {
    pub(super) fn of<T>(gate: &Gate, request: &Request<T>) -> Self {
        Self {
            gate: gate.clone(),
            headers: request.metadata().as_ref().clone(),
            peer: request.extensions().get().copied(),
        }
    }

    /// Who asks, if they may still do so: nothing is counted.
    ///
    /// # Errors
    /// Those of [`Gate::identify`].
    pub(super) async fn identified(&self) -> Result<Caller, Problem> {
        identified(&self.gate, shown(&self.headers, self.peer)).await
    }

    /// Lets another message of the call in.
    ///
    /// # Errors
    /// Those of [`Gate::admit`].
    pub(super) async fn let_in(&self) -> Result<Admission, Problem> {
        let_in(&self.gate, shown(&self.headers, self.peer)).await
    }
}
