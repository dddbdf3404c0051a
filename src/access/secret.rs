//! API keys as their owners hold them, and what is kept of them.

use std::{borrow::Cow, convert::Infallible, fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What every key begins with, so that a search finds those that were published by mistake.
const PREFIX: &str = "ocl";

/// Random bytes of a key.
const SECRET_BYTES: usize = 32;

const SALT_BYTES: usize = 16;

/// Random bytes of an id.
const ID_BYTES: usize = 6;

/// The public part of a key: in the file of keys, in lists and in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// A key as its owner holds it, `ocl_<id>_<secret>`. It prints nothing of its secret.
#[derive(Clone)]
pub struct ApiKey {
    id: KeyId,
    secret: String,
}

/// A text without the keys in it, for a log: people put them where they do not belong.
#[must_use]
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let start = format!("{PREFIX}_");
    let Some((before, _)) = text.split_once(&start) else {
        return Cow::Borrowed(text);
    };
    let mut kept = before.to_owned();
    for behind in text.split(&start).skip(1) {
        let is_of_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        kept.push_str(&start);
        kept.push('…');
        kept.push_str(behind.trim_start_matches(is_of_key));
    }
    Cow::Owned(kept)
}

/// Text that is no API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key looks like ocl_0123456789ab_…")]
pub struct NoApiKey;

/// There is no randomness to be had.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

impl ApiKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        let id: String = random::<ID_BYTES>()?
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            id: KeyId(id),
            secret: BASE64.encode(random::<SECRET_BYTES>()?),
        })
    }

    /// Whether text is meant as a key, right or wrong.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let rest = text.strip_prefix(PREFIX);
        rest.is_some_and(|rest| rest.starts_with('_'))
    }

    /// Its public part.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The whole key, for its owner alone.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}_{}_{}", self.id, self.secret)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl FromStr for ApiKey {
    type Err = NoApiKey;

    fn from_str(text: &str) -> Result<Self, NoApiKey> {
        let mut parts = text.splitn(3, '_');
        let (prefix, id, secret) = (parts.next(), parts.next(), parts.next());
        match (prefix, id, secret) {
            (Some(PREFIX), Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() => {
                Ok(Self {
                    id: KeyId(id.to_owned()),
                    secret: secret.to_owned(),
                })
            }
            _ => Err(NoApiKey),
        }
    }
}

/// What is kept of a key: a salt, and SHA-256 of salt and secret, both in Base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHash {
    salt: String,
    hash: String,
}

impl KeyHash {
    /// What to keep of a key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn of(key: &ApiKey) -> Result<Self, NoRandomness> {
        let salt = BASE64.encode(random::<SALT_BYTES>()?);
        let hash = digest(&salt, &key.secret);
        Ok(Self { salt, hash })
    }

    /// One that no key has.
    #[must_use]
    pub fn of_none() -> Self {
        Self {
            salt: String::new(),
            hash: "-".repeat(digest("", "").len()),
        }
    }

    /// Whether it was made of this key. Takes as long for a wrong key as for the right one.
    #[must_use]
    pub fn is_of(&self, key: &ApiKey) -> bool {
        let hash = digest(&self.salt, &key.secret);
        hash.as_bytes().ct_eq(self.hash.as_bytes()).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

fn digest(salt: &str, secret: &str) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(secret);
    BASE64.encode(digest.finalize())
}

fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_what_is_kept_of_it() {
        let key = ApiKey::generate().expect("random bytes");
        let kept = KeyHash::of(&key).expect("random bytes");
        let again: ApiKey = key.reveal().parse().expect("a key");
        assert_eq!(again.id(), key.id());
        assert!(kept.is_of(&again));
        let other = ApiKey::generate().expect("random bytes");
        assert!(!kept.is_of(&other));
        assert!(!KeyHash::of_none().is_of(&key));
        assert_ne!(
            kept,
            KeyHash::of(&key).expect("random bytes"),
            "salts differ"
        );
    }

    #[test]
    fn keys_are_cut_out_of_what_is_logged() {
        let key = ApiKey::generate().expect("random bytes");
        let check = |text: &str, expected: &str| assert_eq!(without_keys(text), expected);
        let whole = key.reveal();
        check("/v1/models/cats/infer", "/v1/models/cats/infer");
        check(
            &format!("/v1/models/{whole}/infer"),
            "/v1/models/ocl_…/infer",
        );
        check(&format!("/{whole}/and/{whole}"), "/ocl_…/and/ocl_…");
        check(&format!("{whole}{whole}"), "ocl_…ocl_…");
    }

    #[test]
    fn nothing_of_a_secret_is_printed_or_kept() {
        let key = ApiKey::generate().expect("random bytes");
        let kept = KeyHash::of(&key).expect("random bytes");
        let secret = &key.secret;
        assert!(secret.len() > 40);
        assert!(!format!("{key:?} {kept:?}").contains(secret));
        assert!(!toml::to_string(&kept).expect("serialises").contains(secret));
    }

    #[test]
    fn text_of_another_form_is_no_key() {
        for text in [
            "",
            "ocl",
            "ocl_",
            "ocl_a",
            "ocl_a_",
            "ocl__b",
            "sk_a_b",
            "Bearer ocl_a_b",
        ] {
            assert_eq!(text.parse::<ApiKey>().err(), Some(NoApiKey), "{text}");
        }
        let long: ApiKey = "ocl_a_b_c".parse().expect("a key");
        assert_eq!(long.secret, "b_c");
    }
}
