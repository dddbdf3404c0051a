//! Who is let in.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use tracing::{error, info};

use crate::error::{ErrorCode, Problem};

use super::{
    addresses::Addresses,
    allowance::{Allowance, Allowed, Exceeded, Meter},
    caller::{Caller, Identity},
    key_file::{self, KeyFileError},
    keyring::Keyring,
    scope::Scope,
};

/// How often the file of keys is read anew: a key that is revoked ends within this time.
const REREAD: Duration = Duration::from_secs(1);

/// Who is let in, by what they show.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: Option<KeySource>,
    anonymous: Anonymous,
    addresses: Addresses,
}

#[derive(Debug)]
struct KeySource {
    path: PathBuf,
    ring: RwLock<Arc<Keyring>>,
}

/// What callers may do who show nothing.
#[derive(Clone, Debug)]
pub enum Anonymous {
    /// Everything, from this machine; nothing from elsewhere.
    OnThisMachine,
    /// What these scopes allow, from everywhere.
    Everywhere(Arc<[Scope]>),
    /// Nothing.
    Nothing,
}

/// What a request shows of its caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The key, as it was sent.
    pub key: Option<&'a str>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// Whether somebody passed it on.
    pub forwarded: bool,
    /// Whether its connection has a certificate that was checked.
    pub certified: bool,
}

/// The header of a key, beside `Authorization: Bearer`.
pub const KEY_HEADER: &str = "x-api-key";

/// The key that a request shows, out of its headers or metadata.
pub fn shown_key<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Option<&'a str> {
    let bearer = header("authorization").and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| header(KEY_HEADER))
}

/// A request that is let in; it has ended when this is dropped.
#[derive(Debug)]
pub struct Admission {
    /// Who asks.
    pub caller: Caller,
    #[expect(dead_code, reason = "held")]
    allowed: [Option<Allowed>; 2],
}

impl Gate {
    /// Lets in who has a key of this file, or may do without.
    ///
    /// # Errors
    /// When the file does not hold keys.
    pub fn open(
        keys: Option<PathBuf>,
        anonymous: Anonymous,
        each_address: Allowance,
    ) -> Result<Self, KeyFileError> {
        let source = |path: PathBuf| {
            let ring = Keyring::of(key_file::read(&path)?, &Keyring::default());
            info!(keys = ring.len(), "keys read");
            let ring = RwLock::new(Arc::new(ring));
            Ok(KeySource { path, ring })
        };
        Ok(Self(Arc::new(Inner {
            keys: keys.map(source).transpose()?,
            anonymous,
            addresses: Addresses::new(each_address),
        })))
    }

    /// Whether requests from elsewhere are turned away, as there is no key.
    #[must_use]
    pub fn is_for_this_machine(&self) -> bool {
        matches!(self.0.anonymous, Anonymous::OnThisMachine)
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// `unauthenticated`, `permission_denied`, `rate_limited` or `quota_exceeded`.
    pub fn admit(&self, shown: Shown<'_>) -> Result<Admission, Problem> {
        let now = Timestamp::now();
        let address = shown
            .address
            .and_then(|address| self.0.addresses.meter(address));
        let begin = |meter: Arc<Meter>, whose| {
            let allowed = meter.begin(now);
            allowed.map_err(|exceeded| problem(exceeded, whose))
        };
        let by_address = address.map(|meter| begin(meter, "address")).transpose()?;
        let (caller, meter) = self.identify(shown, now)?;
        let by_key = meter.map(|meter| begin(meter, "key")).transpose()?;
        Ok(Admission {
            caller,
            allowed: [by_address, by_key],
        })
    }

    fn identify(
        &self,
        shown: Shown<'_>,
        now: Timestamp,
    ) -> Result<(Caller, Option<Arc<Meter>>), Problem> {
        if shown.certified {
            let scopes = Scope::everything().into();
            return Ok((
                Caller::new(Identity::Certificate, scopes).for_others(),
                None,
            ));
        }
        if let (Some(source), Some(text)) = (&self.0.keys, shown.key) {
            let ring = source.ring.read().unwrap_or_else(PoisonError::into_inner);
            let ring = Arc::clone(&ring);
            let key = text.parse().ok();
            let known = key
                .as_ref()
                .and_then(|key| Some((key, ring.find(key, now)?)));
            let (key, known) = known.ok_or_else(wrong_key)?;
            let caller = Caller::new(Identity::Key(key.id().clone()), Arc::clone(&known.scopes));
            let caller = caller.at_most(known.highest);
            return Ok((caller, Some(Arc::clone(&known.meter))));
        }
        let scopes = self.anonymous(shown)?;
        let identity = Identity::Address(shown.address);
        let caller = Caller::new(identity, scopes);
        // Where nobody has a key, whoever gets here is one's own or passes on for others.
        let caller = match self.0.keys {
            None => caller.for_others(),
            Some(_) => caller,
        };
        Ok((caller, None))
    }

    fn anonymous(&self, shown: Shown<'_>) -> Result<Arc<[Scope]>, Problem> {
        match &self.0.anonymous {
            Anonymous::Everywhere(scopes) => Ok(Arc::clone(scopes)),
            Anonymous::OnThisMachine => {
                let here = |address: IpAddr| address.to_canonical().is_loopback();
                if shown.address.is_some_and(here) && !shown.forwarded {
                    return Ok(Scope::everything().into());
                }
                let detail = "no key is configured, so only this machine is served; its operator \
                              can make keys with `ocellus keys create` and name their file in \
                              access.keys";
                Err(Problem::new(ErrorCode::PermissionDenied, detail))
            }
            Anonymous::Nothing => {
                let detail = "send an API key: `Authorization: Bearer ocl_…` or `x-api-key: ocl_…`";
                Err(Problem::new(ErrorCode::Unauthenticated, detail))
            }
        }
    }

    /// Reads the file of keys anew, again and again. While it cannot be read, the keys that were
    /// read last hold.
    pub async fn follow(self) {
        let Some(source) = &self.0.keys else {
            return std::future::pending().await;
        };
        let mut last = String::new();
        loop {
            tokio::time::sleep(REREAD).await;
            let path = source.path.clone();
            let read = tokio::task::spawn_blocking(move || key_file::read(&path)).await;
            let fault = match read {
                Ok(Ok(records)) => {
                    source.replace(records);
                    String::new()
                }
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            if !fault.is_empty() && fault != last {
                error!(cause = fault, "keys cannot be read, those read last hold");
            }
            last = fault;
        }
    }
}

impl KeySource {
    fn replace(&self, records: key_file::KeyRecords) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let before = ring.len();
        *ring = Arc::new(Keyring::of(records, &ring));
        let keys = ring.len();
        drop(ring);
        if keys != before {
            info!(keys, "keys read");
        }
    }
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
