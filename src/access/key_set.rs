//! A set of public keys (RFC 7517), by which tokens are found to be genuine.

use std::ops::RangeInclusive;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// Largest set, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Most keys in a set; the largest providers have some ten.
const MAX_KEYS: usize = 128;

/// Bytes of an RSA modulus: below, it can be broken, above, it takes too long.
const MODULUS: RangeInclusive<usize> = 256..=1024;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
const P256: &[Algorithm] = &[Algorithm::ES256];
const P384: &[Algorithm] = &[Algorithm::ES384];
const ED25519: &[Algorithm] = &[Algorithm::EdDSA];

/// Bytes that are no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKeySet {
    /// They are too many.
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// They are not what RFC 7517 says.
    #[error("it is no set of keys, {{\"keys\": […]}}")]
    Malformed,
    /// They are too many keys.
    #[error("it holds {0} keys, {MAX_KEYS} are read at most")]
    TooMany(usize),
}

/// Why no key of a set is the one that a token was signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// None has the token's `kid`.
    Unknown,
    /// The token has no `kid`, and there are several keys or none.
    Unnamed,
    /// The key is not for the token's `alg`.
    OtherAlgorithm,
}

/// The keys of a set that can be used. Keys for encryption, of unknown kinds, and shared secrets
/// are left out.
#[derive(Debug, Default)]
pub struct KeySet {
    bytes: Vec<u8>,
    keys: Vec<PublicKey>,
}

#[derive(Debug)]
struct PublicKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// When it is none, or too large. A key that cannot be used is no error.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, NoKeySet> {
        if MAX_BYTES < bytes.len() {
            return Err(NoKeySet::TooLarge);
        }
        let document: Document = serde_json::from_slice(&bytes).map_err(|_| NoKeySet::Malformed)?;
        if MAX_KEYS < document.keys.len() {
            return Err(NoKeySet::TooMany(document.keys.len()));
        }
        let keys = document.keys.into_iter().filter_map(PublicKey::of);
        let keys = keys.collect();
        Ok(Self { bytes, keys })
    }

    /// Whether it was read of these bytes.
    #[must_use]
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && self.bytes == bytes
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key that a token names, if it names one.
    ///
    /// # Errors
    /// When there is none, or it is not for this algorithm.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&DecodingKey, NoKey> {
        let (named, absent): (Vec<&PublicKey>, NoKey) = match (id, self.keys.as_slice()) {
            (Some(id), keys) => {
                let named = keys.iter().filter(|key| key.id.as_deref() == Some(id));
                (named.collect(), NoKey::Unknown)
            }
            (None, [only]) => (vec![only], NoKey::Unnamed),
            (None, _) => (Vec::new(), NoKey::Unnamed),
        };
        if named.is_empty() {
            return Err(absent);
        }
        let fit = named.iter().find(|key| key.algorithms.contains(&algorithm));
        fit.map(|key| &key.key).ok_or(NoKey::OtherAlgorithm)
    }
}

impl PublicKey {
    /// `None` for a key that is not to be used, or cannot be.
    fn of(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let verifies = match &common.key_operations {
            Some(operations) => operations.contains(&KeyOperations::Verify),
            None => true,
        };
        let mut algorithms = algorithms(&jwk.algorithm)?.to_vec();
        if let Some(named) = common.key_algorithm {
            let named = Algorithm::try_from(named).ok()?;
            algorithms.retain(|algorithm| *algorithm == named);
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (signs && verifies && !algorithms.is_empty()).then_some(Self {
            id: jwk.common.key_id,
            algorithms,
            key,
        })
    }
}

/// What a key's kind can be used for.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kinds are added, and are not used before they are known"
)]
fn algorithms(key: &AlgorithmParameters) -> Option<&'static [Algorithm]> {
    let length = |text: &str| BASE64.decode(text).map_or(0, |bytes| bytes.len());
    match key {
        AlgorithmParameters::RSA(key) => MODULUS.contains(&length(&key.n)).then_some(RSA),
        AlgorithmParameters::EllipticCurve(key) => {
            let is_point = |side| length(&key.x) == side && length(&key.y) == side;
            match key.curve {
                EllipticCurve::P256 => is_point(32).then_some(P256),
                EllipticCurve::P384 => is_point(48).then_some(P384),
                _ => None,
            }
        }
        AlgorithmParameters::OctetKeyPair(key) => {
            let is_one = key.curve == EllipticCurve::Ed25519 && length(&key.x) == 32;
            is_one.then_some(ED25519)
        }
        // Shared secrets, and what is not known.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use serde_json::json;

    use super::{
        super::fixture::{Signer, document},
        *,
    };

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(document(keys)).expect("a set")
    }

    #[test]
    fn what_is_no_set_is_refused() {
        let check = |bytes: &[u8], expected: NoKeySet| {
            assert_eq!(KeySet::parse(bytes.to_vec()).err(), Some(expected));
        };
        check(b"", NoKeySet::Malformed);
        check(b"[]", NoKeySet::Malformed);
        check(b"{\"keys\": {}}", NoKeySet::Malformed);
        check(&vec![b' '; MAX_BYTES + 1], NoKeySet::TooLarge);
        let many: Vec<Value> = (0..129).map(|_| json!({})).collect();
        check(&document(&many), NoKeySet::TooMany(129));
    }

    #[test]
    fn keys_that_are_not_for_signatures_are_left_out() {
        let signer = Signer::new("a", Algorithm::ES256);
        let with = |name: &str, value: Value| {
            let mut key = signer.public();
            key[name] = value;
            key
        };
        let check = |key: Value, is_used: bool| {
            assert_eq!(
                set(slice::from_ref(&key)).len(),
                usize::from(is_used),
                "{key}"
            );
        };
        check(signer.public(), true);
        check(with("use", json!("sig")), true);
        check(with("use", json!("enc")), false);
        check(with("key_ops", json!(["verify"])), true);
        check(with("key_ops", json!(["encrypt"])), false);
        check(with("alg", json!("ES384")), false);
        check(with("alg", json!("RSA-OAEP")), false);
        check(with("alg", json!("HS256")), false);
        check(with("kty", json!("RSA")), false);
        check(with("crv", json!("P-384")), false);
        check(with("x", json!("AAAA")), false);
        check(
            json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}),
            false,
        );
        check(json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}), false);
        check(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), false);
        check(json!(1), false);
    }

    #[test]
    fn a_key_is_found_by_its_name_and_used_as_it_says() {
        let (one, two) = (
            Signer::new("one", Algorithm::ES256),
            Signer::new("two", Algorithm::EdDSA),
        );
        let both = set(&[one.public(), two.public()]);
        let check = |set: &KeySet, id, algorithm, expected| {
            assert_eq!(set.find(id, algorithm).err(), expected, "{id:?}");
        };
        check(&both, Some("one"), Algorithm::ES256, None);
        check(&both, Some("two"), Algorithm::EdDSA, None);
        check(
            &both,
            Some("two"),
            Algorithm::ES256,
            Some(NoKey::OtherAlgorithm),
        );
        check(&both, Some("three"), Algorithm::ES256, Some(NoKey::Unknown));
        check(&both, None, Algorithm::ES256, Some(NoKey::Unnamed));
        let single = set(&[one.public()]);
        check(&single, None, Algorithm::ES256, None);
        check(&single, None, Algorithm::EdDSA, Some(NoKey::OtherAlgorithm));
        check(&set(&[]), None, Algorithm::ES256, Some(NoKey::Unnamed));
        let rsa = set(&[Signer::new("r", Algorithm::RS256).public()]);
        check(&rsa, Some("r"), Algorithm::RS256, None);
        check(
            &rsa,
            Some("r"),
            Algorithm::PS256,
            Some(NoKey::OtherAlgorithm),
        );
    }
}
