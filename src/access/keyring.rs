//! The keys that are known, and what is used of each.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::fairness::priority::Priority;

use super::{
    allowance::Meter,
    key_file::{KeyRecord, KeyRecords},
    scope::Scope,
    secret::{ApiKey, KeyHash, KeyId},
};

/// Every key by its id.
#[derive(Debug, Default)]
pub struct Keyring(HashMap<KeyId, Known>);

/// A key that is known.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it is for.
    pub scopes: Arc<[Scope]>,
    /// The highest priority that it may ask for.
    pub highest: Priority,
    /// How much of it is used.
    pub meter: Arc<Meter>,
    secret: KeyHash,
    expires: Option<Timestamp>,
}

impl Keyring {
    /// These keys; what was used of those that were known stays used.
    #[must_use]
    pub fn of(records: KeyRecords, before: &Self) -> Self {
        let known = |record: KeyRecord| {
            let kept = before.0.get(&record.id).map(|known| &known.meter);
            let meter = kept.filter(|meter| meter.allowance() == record.limits);
            let known = Known {
                scopes: record.scopes.into(),
                highest: record.priority,
                meter: meter.map_or_else(|| Arc::new(Meter::new(record.limits)), Arc::clone),
                secret: record.secret,
                expires: record.expires,
            };
            (record.id, known)
        };
        Self(records.keys.into_iter().map(known).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is known of a key, if it is right and has not ended. A key that is not known takes as
    /// long as one that is.
    #[must_use]
    pub fn find(&self, key: &ApiKey, now: Timestamp) -> Option<&Known> {
        let found = self.0.get(key.id());
        let is_right = match found {
            Some(known) => known.secret.is_of(key),
            None => KeyHash::of_none().is_of(key),
        };
        let has_ended = |known: &&Known| known.expires.is_some_and(|end| end <= now);
        found.filter(|_| is_right).filter(|known| !has_ended(known))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{super::allowance::Allowance, *};

    fn record(key: &ApiKey, expires: Option<&str>) -> KeyRecord {
        KeyRecord {
            id: key.id().clone(),
            name: String::new(),
            created: Timestamp::UNIX_EPOCH,
            expires: expires.map(|text| text.parse().expect("a time")),
            scopes: Vec::new(),
            priority: Priority::Normal,
            secret: KeyHash::of(key).expect("random bytes"),
            limits: Allowance {
                daily: NonZeroU32::new(1),
                ..Allowance::default()
            },
        }
    }

    fn keyring(records: Vec<KeyRecord>, before: &Keyring) -> Keyring {
        Keyring::of(KeyRecords { keys: records }, before)
    }

    #[test]
    fn a_key_is_found_by_its_secret_until_it_ends_or_goes() {
        let key = ApiKey::generate().expect("random bytes");
        let end = "2026-03-01T00:00:00Z";
        let ring = keyring(vec![record(&key, Some(end))], &Keyring::default());
        let at = |text: &str| text.parse().expect("a time");
        assert!(ring.find(&key, at("2026-02-28T23:59:59Z")).is_some());
        assert!(ring.find(&key, at(end)).is_none());
        let forged: ApiKey = format!("ocl_{}_guess", key.id()).parse().expect("a key");
        assert!(ring.find(&forged, Timestamp::UNIX_EPOCH).is_none());
        assert!(
            Keyring::default()
                .find(&key, Timestamp::UNIX_EPOCH)
                .is_none()
        );
    }

    #[test]
    fn what_is_used_of_a_key_stays_used_when_the_file_is_read_again() {
        let key = ApiKey::generate().expect("random bytes");
        let now = Timestamp::UNIX_EPOCH;
        let ring = keyring(vec![record(&key, None)], &Keyring::default());
        assert!(
            ring.find(&key, now)
                .expect("known")
                .meter
                .begin(now)
                .is_ok()
        );
        let again = keyring(vec![record(&key, None)], &ring);
        assert!(
            again
                .find(&key, now)
                .expect("known")
                .meter
                .begin(now)
                .is_err()
        );
    }
}
