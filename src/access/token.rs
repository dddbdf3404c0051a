//! Tokens that an identity provider signed (RFC 7519): whom they are of, and what for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{
    Algorithm, Validation, decode,
    errors::{Error, ErrorKind},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    key_set::{KeySet, NoKey},
    scope::Scope,
    subject::{MAX_SUBJECT, Subject},
};

/// Longest token, in bytes.
const MAX_TOKEN: usize = 8 << 10;

/// By how many seconds the provider's clock may differ from this one.
const LEEWAY_S: u64 = 30;

/// What tokens may be signed with: nothing whose secret this server would have to share.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What is asked of every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// Its `iss`.
    pub issuer: String,
    /// One of its `aud`.
    pub audience: String,
}

/// What a token that is good says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Whom it is of.
    pub subject: Subject,
    /// What for, as far as it is of this server.
    pub scopes: Vec<Scope>,
}

/// Why a token is not good, in words for its owner. They repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is larger than is read.
    #[error("it is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// It is not of three parts, or they cannot be read.
    #[error("it is no signed JSON Web Token")]
    Malformed,
    /// It is signed with nothing, with a shared secret, or in a way that is not known.
    #[error(
        "its alg is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
    )]
    Algorithm,
    /// Its header asks for something that is not understood.
    #[error("its header has crit, of which nothing is understood")]
    Critical,
    /// The provider has no such key.
    #[error("its kid names no key of the identity provider")]
    UnknownKey,
    /// It does not say which key it was signed with.
    #[error("it has no kid, and the identity provider has not exactly one key")]
    UnnamedKey,
    /// The key that it names is not for its algorithm.
    #[error("its alg is not that of the key that its kid names")]
    OtherAlgorithm,
    /// It was not signed with the key that it names.
    #[error("its signature is not right")]
    Signature,
    /// It has ended.
    #[error("it has ended (exp)")]
    Ended,
    /// It does not hold yet.
    #[error("it does not hold yet (nbf)")]
    Early,
    /// Another provider issued it.
    #[error("its iss is not the issuer that this server trusts")]
    Issuer,
    /// It is for another server.
    #[error("its aud does not name this server")]
    Audience,
    /// A claim that is needed is missing, or is not of its type.
    #[error("its claims exp, iss, aud and sub must all be there, and be what RFC 7519 says")]
    Claims,
    /// Its subject is empty or too long.
    #[error("its sub is not of 1 to {MAX_SUBJECT} bytes")]
    Subject,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    /// RFC 7519 wants one; the library would take a list.
    #[serde(rename = "iss")]
    _issuer: String,
    sub: String,
    scope: Option<Words>,
    scp: Option<Words>,
}

/// Scopes as providers write them: in one text (RFC 8693), or as a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
    Other(IgnoredAny),
}

impl Words {
    fn scopes(&self) -> Vec<Scope> {
        // A provider's other scopes are for other servers.
        let parse = |word: &str| word.parse().ok();
        match self {
            Self::Text(text) => text.split_ascii_whitespace().filter_map(parse).collect(),
            Self::List(words) => words.iter().filter_map(|word| parse(word)).collect(),
            Self::Other(_) => Vec::new(),
        }
    }
}

/// What a token says of how it was signed.
fn head(token: &str) -> Result<(Algorithm, Option<String>), BadToken> {
    if MAX_TOKEN < token.len() {
        return Err(BadToken::TooLong);
    }
    let (head, _) = token.split_once('.').ok_or(BadToken::Malformed)?;
    let head = BASE64.decode(head).map_err(|_| BadToken::Malformed)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| BadToken::Malformed)?;
    if head.crit.is_some() {
        return Err(BadToken::Critical);
    }
    let algorithm = head.alg.parse().map_err(|_| BadToken::Algorithm)?;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(BadToken::Algorithm);
    }
    Ok((algorithm, head.kid))
}

/// Whether a token names a key that is not in a set, as one does that was signed with a key which
/// the provider has only just begun to use.
#[must_use]
pub fn names_unknown_key(token: &str, keys: &KeySet) -> bool {
    head(token).is_ok_and(|(algorithm, id)| {
        id.is_some() && keys.find(id.as_deref(), algorithm).err() == Some(NoKey::Unknown)
    })
}

impl TokenRules {
    /// Reads a token.
    ///
    /// # Errors
    /// When it is not good, at this moment.
    pub fn verify(&self, token: &str, keys: &KeySet) -> Result<Vouched, BadToken> {
        let (algorithm, id) = head(token)?;
        let key = keys
            .find(id.as_deref(), algorithm)
            .map_err(|no_key| match no_key {
                NoKey::Unknown => BadToken::UnknownKey,
                NoKey::Unnamed => BadToken::UnnamedKey,
                NoKey::OtherAlgorithm => BadToken::OtherAlgorithm,
            })?;
        let mut asked = Validation::new(algorithm);
        asked.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        asked.set_issuer(&[&self.issuer]);
        asked.set_audience(&[&self.audience]);
        asked.validate_nbf = true;
        asked.leeway = LEEWAY_S;
        let claims = decode::<Claims>(token, key, &asked).map_err(|error| bad(&error))?;
        let claims = claims.claims;
        let words = [claims.scope, claims.scp];
        Ok(Vouched {
            subject: Subject::parse(&claims.sub).ok_or(BadToken::Subject)?,
            scopes: words.iter().flatten().flat_map(Words::scopes).collect(),
        })
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what else can be wrong is of its form"
)]
fn bad(error: &Error) -> BadToken {
    match error.kind() {
        ErrorKind::InvalidSignature => BadToken::Signature,
        ErrorKind::ExpiredSignature => BadToken::Ended,
        ErrorKind::ImmatureSignature => BadToken::Early,
        ErrorKind::InvalidIssuer => BadToken::Issuer,
        ErrorKind::InvalidAudience => BadToken::Audience,
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::Json(_) => BadToken::Claims,
        _ => BadToken::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::{
        super::fixture::{Signer, claims, document, seconds_from_now},
        *,
    };

    fn rules() -> TokenRules {
        TokenRules {
            issuer: "https://id.example".to_owned(),
            audience: "ocellus".to_owned(),
        }
    }

    fn set(signer: &Signer) -> KeySet {
        KeySet::parse(document(&[signer.public()])).expect("a set")
    }

    fn scopes(words: &[&str]) -> Vec<Scope> {
        let parse = |word: &&str| word.parse().expect("a scope");
        words.iter().map(parse).collect()
    }

    #[test]
    fn every_algorithm_with_a_public_key_is_understood() {
        for algorithm in ALGORITHMS {
            let signer = Signer::new("a", *algorithm);
            let vouched = rules().verify(&signer.sign(&claims()), &set(&signer));
            let expected = Vouched {
                subject: Subject::parse("ann").expect("one"),
                scopes: scopes(&["infer:*", "describe:detector"]),
            };
            assert_eq!(vouched, Ok(expected), "{algorithm:?}");
        }
    }

    #[test]
    fn what_a_token_must_say_it_must_say() {
        let signer = Signer::new("a", Algorithm::ES256);
        let keys = set(&signer);
        let check = |name: &str, value: Value, expected: Option<BadToken>| {
            let mut claims = claims();
            if value.is_null() {
                claims.as_object_mut().expect("one").remove(name);
            } else {
                claims[name] = value;
            }
            let verified = rules().verify(&signer.sign(&claims), &keys);
            assert_eq!(verified.err(), expected, "{claims}");
        };
        let at = |seconds| json!(seconds_from_now(seconds));
        check("exp", Value::Null, Some(BadToken::Claims));
        check("exp", json!("tomorrow"), Some(BadToken::Claims));
        check("exp", at(-60), Some(BadToken::Ended));
        check("exp", at(-15), None);
        check("nbf", at(60), Some(BadToken::Early));
        check("nbf", at(15), None);
        check("nbf", json!("now"), Some(BadToken::Claims));
        check("iss", Value::Null, Some(BadToken::Claims));
        check(
            "iss",
            json!("https://other.example"),
            Some(BadToken::Issuer),
        );
        check("iss", json!(["https://id.example"]), Some(BadToken::Claims));
        check("aud", Value::Null, Some(BadToken::Claims));
        check("aud", json!("other"), Some(BadToken::Audience));
        check("aud", json!([]), Some(BadToken::Audience));
        check("aud", json!(["other", "ocellus"]), None);
        check("sub", Value::Null, Some(BadToken::Claims));
        check("sub", json!(7), Some(BadToken::Claims));
        check("sub", json!(""), Some(BadToken::Subject));
        check("sub", json!("a".repeat(256)), Some(BadToken::Subject));
    }

    #[test]
    fn scopes_are_read_as_providers_write_them() {
        let signer = Signer::new("a", Algorithm::EdDSA);
        let keys = set(&signer);
        let check = |name: &str, value: Value, expected: &[&str]| {
            let mut claims = claims();
            claims.as_object_mut().expect("one").remove("scope");
            claims[name] = value;
            let vouched = rules().verify(&signer.sign(&claims), &keys);
            assert_eq!(vouched.expect("good").scopes, scopes(expected), "{claims}");
        };
        check(
            "scope",
            json!("email infer:a  admin:b*"),
            &["infer:a", "admin:b*"],
        );
        check("scp", json!(["email", "infer:a"]), &["infer:a"]);
        check("scp", json!("infer:a"), &["infer:a"]);
        check("scope", json!(["infer:a"]), &["infer:a"]);
        check("scope", json!({"infer:a": true}), &[]);
        check("scope", json!("INFER:* *"), &[]);
        check("roles", json!(["infer:*"]), &[]);
    }

    #[test]
    fn a_token_that_is_not_signed_with_a_key_of_the_provider_is_refused() {
        let signer = Signer::new("a", Algorithm::RS256);
        let keys = set(&signer);
        let check = |token: &str, expected: BadToken| {
            assert_eq!(rules().verify(token, &keys), Err(expected), "{token}");
        };
        let good = signer.sign(&claims());
        assert!(rules().verify(&good, &keys).is_ok());
        let mut parts = good.split('.');
        let (Some(head), Some(body), Some(signature)) = (parts.next(), parts.next(), parts.next())
        else {
            panic!("three parts");
        };
        let part = |value: Value| BASE64.encode(value.to_string());

        let forger = Signer::new("a", Algorithm::RS256);
        check(&forger.sign(&claims()), BadToken::Signature);
        let mut more = claims();
        more["scope"] = json!("admin:*");
        check(
            &format!("{head}.{}.{signature}", part(more)),
            BadToken::Signature,
        );
        check(&format!("{head}.{body}."), BadToken::Signature);

        // Without a signature, or with the public key as if it were a shared secret.
        for algorithm in ["none", "None", "nOnE", "", "ES512", "RSA-OAEP"] {
            let head = part(json!({"alg": algorithm, "kid": "a"}));
            check(&format!("{head}.{body}."), BadToken::Algorithm);
            check(&format!("{head}.{body}.{signature}"), BadToken::Algorithm);
        }
        let modulus = BASE64.decode(signer.public()["n"].as_str().expect("text"));
        for secret in [modulus.expect("base64"), document(&[signer.public()])] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let mut head = Header::new(algorithm);
                head.kid = Some("a".to_owned());
                let key = EncodingKey::from_secret(&secret);
                let confused = encode(&head, &claims(), &key).expect("signed");
                check(&confused, BadToken::Algorithm);
            }
        }

        for malformed in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c",
            &good[1..],
            &format!("{good}.a"),
        ] {
            check(malformed, BadToken::Malformed);
        }
        check(&"a".repeat(MAX_TOKEN + 1), BadToken::TooLong);
    }

    #[test]
    fn what_a_token_says_of_its_key_is_not_believed() {
        let (signer, forger) = (
            Signer::new("a", Algorithm::RS256),
            Signer::new("a", Algorithm::RS256),
        );
        let keys = set(&signer);
        let check = |token: &str, expected: BadToken| {
            assert_eq!(rules().verify(token, &keys), Err(expected), "{token}");
        };
        let mut head = forger.head();
        head.jwk = serde_json::from_value(forger.public()).ok();
        assert!(head.jwk.is_some());
        check(&forger.sign_with(&head, &claims()), BadToken::Signature);
        head.kid = Some("b".to_owned());
        check(&forger.sign_with(&head, &claims()), BadToken::UnknownKey);
        let mut head = signer.head();
        head.alg = Algorithm::PS256;
        check(
            &signer.sign_with(&head, &claims()),
            BadToken::OtherAlgorithm,
        );
        head = signer.head();
        head.crit = Some(vec!["b64".to_owned()]);
        check(&signer.sign_with(&head, &claims()), BadToken::Critical);
    }
}
