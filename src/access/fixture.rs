//! Keys and tokens that tests make.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
};
use serde_json::{Value, json};

/// Bytes of PKCS#8 before an RSA key of 2048 bits.
const PKCS8_HEAD: usize = 26;

/// An identity provider's private key.
pub(super) struct Signer {
    algorithm: Algorithm,
    id: &'static str,
    key: EncodingKey,
    public: Value,
}

impl Signer {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are all of RSA")]
    pub(super) fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let made = KeyPair::generate_for(match algorithm {
            Algorithm::ES256 => &PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &PKCS_ECDSA_P384_SHA384,
            Algorithm::EdDSA => &PKCS_ED25519,
            _ => &PKCS_RSA_SHA256,
        });
        let made = made.expect("made");
        let secret = made.serialized_der();
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_der(secret),
            Algorithm::EdDSA => EncodingKey::from_ed_der(secret),
            _ => EncodingKey::from_rsa_der(&secret[PKCS8_HEAD..]),
        };
        let mut public = if algorithm == Algorithm::EdDSA {
            // The library reads these of another form of private keys alone.
            let x = BASE64.encode(made.public_key_raw());
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})
        } else {
            let public = Jwk::from_encoding_key(&key, algorithm).expect("a public half");
            serde_json::to_value(public).expect("serialises")
        };
        public["kid"] = json!(id);
        Self {
            algorithm,
            id,
            key,
            public,
        }
    }

    /// Its public half.
    pub(super) fn public(&self) -> Value {
        self.public.clone()
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.head(), claims)
    }

    pub(super) fn head(&self) -> Header {
        let mut head = Header::new(self.algorithm);
        head.kid = Some(self.id.to_owned());
        head
    }

    pub(super) fn sign_with(&self, head: &Header, claims: &Value) -> String {
        encode(head, claims, &self.key).expect("signed")
    }
}

/// The document of a set.
pub(super) fn document(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

/// So many seconds from now, as tokens count them.
pub(super) fn seconds_from_now(seconds: i64) -> i64 {
    Timestamp::now().as_second() + seconds
}

/// Claims of a good token for `https://id.example` and `ocellus`.
pub(super) fn claims() -> Value {
    json!({
        "iss": "https://id.example", "aud": "ocellus", "sub": "ann", "exp": seconds_from_now(60),
        "scope": "openid infer:* describe:detector",
    })
}
