//! Who is let in.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    error::{ErrorCode, Problem},
    transport::holder,
};

use super::{
    allowance::{Allowed, Exceeded, Meter},
    caller::{Caller, Identity},
    jwks::News,
    key_source::KeySource,
    policy::{Anonymous, Policy, Tokens},
    scope::Scope,
    secret::ApiKey,
};

/// Who is let in, by what they show.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<Arc<Policy>>>);

/// What a request shows of its caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The key or the token, as it was sent.
    pub secret: Option<&'a str>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// Whether somebody elsewhere has it sent: a proxy that is not trusted, another site's page.
    pub forwarded: bool,
    /// Whether its connection has a certificate that was checked.
    pub certified: bool,
}

/// Headers that proxies add, beside those that say for whom a request is passed on.
pub const OF_PROXIES: [&str; 3] = ["via", "x-real-ip", "x-forwarded-host"];

/// The header of a key, beside `Authorization: Bearer`.
pub const KEY_HEADER: &str = "x-api-key";

/// The key or the token that a request shows, out of its headers or metadata.
pub fn shown_secret<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Option<&'a str> {
    let bearer = header("authorization").and_then(bearer);
    bearer.or_else(|| header(KEY_HEADER))
}

/// What the value of `Authorization` shows, where it is a bearer's.
#[must_use]
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, secret) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// A request that is let in; it has ended when this is dropped.
#[derive(Debug)]
pub struct Admission {
    /// Who asks.
    pub caller: Caller,
    #[expect(dead_code, reason = "held")]
    allowed: [Option<Allowed>; 2],
}

impl Admission {
    /// That of a caller of whom nothing is counted.
    #[must_use]
    pub const fn uncounted(caller: Caller) -> Self {
        let allowed = [None, None];
        Self { caller, allowed }
    }
}

impl Gate {
    /// Lets in whom a policy lets in.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(policy))))
    }

    /// The policy that holds.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.0.borrow())
    }

    /// From now on another policy holds. Requests that are let in go on.
    pub fn replace(&self, policy: Policy) {
        self.0.send_replace(Arc::new(policy));
    }

    /// Whether requests from elsewhere are turned away, as nothing is configured that they could
    /// show.
    #[must_use]
    pub fn is_for_this_machine(&self) -> bool {
        matches!(self.policy().anonymous, Anonymous::OnThisMachine)
    }

    /// What a request has to wait for before it is let in, where its token was signed with a key
    /// that is not known yet. It takes a second at the most.
    pub fn news(&self, shown: Shown<'_>) -> Option<News> {
        let token = shown.secret.filter(|text| !ApiKey::is_meant(text))?;
        self.policy().tokens.as_ref()?.jwks.news(token)
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// `unauthenticated`, `permission_denied`, `rate_limited` or `quota_exceeded`.
    pub fn admit(&self, shown: Shown<'_>) -> Result<Admission, Problem> {
        let now = Timestamp::now();
        let policy = self.policy();
        let by_address = policy.by_address(shown, now)?;
        let (caller, meter) = policy.identify(shown, now)?;
        let whose = match caller.identity() {
            Identity::Subject(_) => "subject",
            Identity::Address(_) | Identity::Key(_) | Identity::Certificate => "key",
        };
        let by_caller = meter.map(|meter| begin(&meter, now, whose)).transpose()?;
        Ok(Admission {
            caller,
            allowed: [by_address, by_caller],
        })
    }

    /// Who asks, where that alone is wanted: nothing is counted.
    ///
    /// # Errors
    /// `unauthenticated` or `permission_denied`.
    pub fn identify(&self, shown: Shown<'_>) -> Result<Caller, Problem> {
        let (caller, _) = self.policy().identify(shown, Timestamp::now())?;
        Ok(caller)
    }

    /// Counts a request for which nobody need be known, as its address's.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn admit_anybody(&self, shown: Shown<'_>) -> Result<Option<Allowed>, Problem> {
        self.policy().by_address(shown, Timestamp::now())
    }

    /// Keeps keys as their file and their provider have them, for ever.
    pub async fn follow(self) {
        let mut policies = self.0.subscribe();
        loop {
            let policy = Arc::clone(&policies.borrow_and_update());
            tokio::select! {
                () = policy.follow() => (),
                _ = policies.changed() => (),
            }
        }
    }
}

/// A caller, and what is used of what they may do; `None` where there is no limit.
type Known = (Caller, Option<Arc<Meter>>);

fn begin(meter: &Arc<Meter>, now: Timestamp, whose: &str) -> Result<Allowed, Problem> {
    let allowed = meter.begin(now);
    allowed.map_err(|exceeded| problem(exceeded, whose))
}

impl Policy {
    /// What an address may send, begun; `None` where there is no limit.
    fn by_address(&self, shown: Shown<'_>, now: Timestamp) -> Result<Option<Allowed>, Problem> {
        let address = shown.address.map(holder);
        let meter = address.and_then(|address| self.addresses.of(&address));
        meter.map(|meter| begin(&meter, now, "address")).transpose()
    }

    fn identify(&self, shown: Shown<'_>, now: Timestamp) -> Result<Known, Problem> {
        if shown.certified {
            let scopes = Scope::everything().into();
            return Ok((
                Caller::new(Identity::Certificate, scopes).for_others(),
                None,
            ));
        }
        match (shown.secret, &self.keys, &self.tokens) {
            (None, _, _) | (Some(_), None, None) => {
                let scopes = self.anonymous(shown)?;
                let caller = Caller::new(Identity::Address(shown.address), scopes);
                match self.knows_nobody() {
                    true => Ok((caller.for_others(), None)),
                    false => Ok((caller, None)),
                }
            }
            (Some(text), _, Some(tokens)) if !ApiKey::is_meant(text) => tokens.identify(text),
            (Some(text), Some(keys), _) => by_key(text, keys, now),
            (Some(_), None, Some(_)) => Err(wrong_key()),
        }
    }

    /// Whether whoever gets here may do everything: one's own, or a gateway, which passes on for
    /// others.
    fn knows_nobody(&self) -> bool {
        let may_all = match &self.anonymous {
            Anonymous::OnThisMachine => true,
            Anonymous::Everywhere(scopes) => {
                let every = Scope::everything();
                every.iter().all(|scope| scopes.contains(scope))
            }
            Anonymous::Nothing => false,
        };
        may_all && self.keys.is_none() && self.tokens.is_none()
    }

    fn anonymous(&self, shown: Shown<'_>) -> Result<Arc<[Scope]>, Problem> {
        match &self.anonymous {
            Anonymous::Everywhere(scopes) => Ok(Arc::clone(scopes)),
            Anonymous::OnThisMachine => {
                let here = |address: IpAddr| address.to_canonical().is_loopback();
                if shown.address.is_some_and(here) && !shown.forwarded {
                    return Ok(Scope::everything().into());
                }
                let detail = "no key is configured, so only this machine is served, and no page of \
                              another site; its operator can make keys with `ocellus keys create` \
                              and name their file in access.keys";
                Err(Problem::new(ErrorCode::PermissionDenied, detail))
            }
            Anonymous::Nothing => {
                let detail = match (&self.keys, &self.tokens) {
                    (_, None) => {
                        "send an API key: `Authorization: Bearer ocl_…` or `x-api-key: ocl_…`"
                    }
                    (None, Some(_)) => {
                        "send a token of the identity provider: `Authorization: Bearer …`"
                    }
                    (Some(_), Some(_)) => {
                        "send an API key or a token of the identity provider: \
                         `Authorization: Bearer …`"
                    }
                };
                Err(Problem::new(ErrorCode::Unauthenticated, detail))
            }
        }
    }
}

impl Tokens {
    fn identify(&self, token: &str) -> Result<Known, Problem> {
        let vouched = self.rules.verify(token, &self.jwks.keys());
        let vouched = vouched.map_err(|bad| {
            let detail = format!("the token is not accepted: {bad}");
            Problem::new(ErrorCode::Unauthenticated, detail)
        })?;
        if vouched.scopes.is_empty() {
            let detail = "the token's scope (or scp) has none of this server's scopes, like \
                          infer:detector or describe:*";
            return Err(Problem::new(ErrorCode::PermissionDenied, detail));
        }
        let meter = self.subjects.of(&vouched.subject);
        let identity = Identity::Subject(vouched.subject);
        Ok((Caller::new(identity, vouched.scopes.into()), meter))
    }
}

fn by_key(text: &str, keys: &KeySource, now: Timestamp) -> Result<Known, Problem> {
    let ring = keys.ring();
    let key: ApiKey = text.parse().map_err(|_| wrong_key())?;
    let known = ring.find(&key, now).ok_or_else(wrong_key)?;
    let caller = Caller::new(Identity::Key(key.id().clone()), Arc::clone(&known.scopes));
    let caller = caller.at_most(known.highest);
    Ok((caller, Some(Arc::clone(&known.meter))))
}

fn wrong_key() -> Problem {
    let detail = "the API key is not known, was revoked, or has ended";
    Problem::new(ErrorCode::Unauthenticated, detail)
}

fn problem(exceeded: Exceeded, whose: &str) -> Problem {
    let (code, detail, wait) = match exceeded {
        Exceeded::Rate(most, wait) => (
            ErrorCode::RateLimited,
            format!("your {whose} may send {most} requests a second"),
            wait,
        ),
        Exceeded::Concurrent(most) => (
            ErrorCode::RateLimited,
            format!("your {whose} may have {most} requests worked on at the same time"),
            Duration::ZERO,
        ),
        Exceeded::Daily(most, wait) => (
            ErrorCode::QuotaExceeded,
            format!("your {whose} may send {most} requests a day"),
            wait,
        ),
    };
    Problem::new(code, detail).retry_after(wait)
}
