//! Who may do what, as it is configured.

use std::{num::NonZeroU32, path::PathBuf};

use url::{Host, Url};

use super::reader::Reader;

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The file of API keys; `None` for none.
    pub keys: Option<PathBuf>,
    /// The identity provider whose tokens are let in; `None` for none.
    pub tokens: Option<Tokens>,
    /// Scopes of callers without a key, from everywhere.
    pub anonymous: Vec<String>,
    /// Most requests of one address in a second.
    pub address_rate: Option<NonZeroU32>,
    /// Most requests of one address at the same time.
    pub address_requests: Option<NonZeroU32>,
}

/// An identity provider, and what its tokens must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Where its public keys are.
    pub jwks: Jwks,
    /// What tokens must have as `iss`.
    pub issuer: String,
    /// What tokens must have in `aud`.
    pub audience: String,
    /// Most requests of one subject in a second.
    pub rate: Option<NonZeroU32>,
    /// Most requests of one subject at the same time.
    pub requests: Option<NonZeroU32>,
}

/// Where public keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jwks {
    /// In a file.
    File(PathBuf),
    /// At an address: https, or http on this machine.
    Url(Url),
}

impl Jwks {
    /// `None` for an address that would be asked in the clear, or that holds a secret.
    fn parse(text: &str) -> Option<Self> {
        if !text.contains("://") {
            return Some(Self::File(PathBuf::from(text)));
        }
        let url: Url = text.parse().ok()?;
        let is_private = match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host().is_some_and(|host| is_this_machine(&host)),
            _ => false,
        };
        let has_secret = !url.username().is_empty() || url.password().is_some();
        (is_private && !has_secret).then_some(Self::Url(url))
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// What describes a provider: all of it, or nothing.
const PARTS: [&str; 3] = ["access.jwks", "access.jwt_issuer", "access.jwt_audience"];

impl Reader {
    pub(super) fn access(&mut self) -> Access {
        Access {
            keys: self.given("access.keys").map(PathBuf::from),
            tokens: self.tokens(),
            anonymous: self.list("access.anonymous"),
            address_rate: NonZeroU32::new(self.number("access.address_rate", 0, 1_000_000)),
            address_requests: NonZeroU32::new(self.number("access.address_requests", 0, 100_000)),
        }
    }

    fn tokens(&mut self) -> Option<Tokens> {
        let rate = NonZeroU32::new(self.number("access.jwt_rate", 0, 1_000_000));
        let requests = NonZeroU32::new(self.number("access.jwt_requests", 0, 100_000));
        let parts = PARTS.map(|key| self.given(key));
        if let [Some(jwks), Some(issuer), Some(audience)] = parts {
            let Some(jwks) = Jwks::parse(&jwks) else {
                self.secret_fault(
                    "access.jwks",
                    "a file, or a URL of https (http on this machine) without a password",
                );
                return None;
            };
            return Some(Tokens {
                jwks,
                issuer,
                audience,
                rate,
                requests,
            });
        }
        if let Some((_, there)) = parts.iter().zip(PARTS).find(|(part, _)| part.is_some()) {
            for (_, missing) in parts.iter().zip(PARTS).filter(|(part, _)| part.is_none()) {
                self.fault(missing, &format!("given, as {there} is"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layers;

    fn faults(settings: &[(&'static str, &str)]) -> Vec<String> {
        let mut layers = Layers::default();
        for (key, value) in settings {
            layers.flag(key, (*value).to_owned());
        }
        layers
            .parse()
            .map_or_else(|faults| faults.0, |_| Vec::new())
    }

    #[test]
    fn a_provider_is_described_whole_or_not_at_all() {
        assert_eq!(
            faults(&[("access.jwks", "keys.json"), ("access.jwt_issuer", "me")]),
            ["access.jwt_audience is \"\", must be given, as access.jwks is"]
        );
        assert_eq!(
            faults(&[("access.jwt_audience", "ocellus")]),
            [
                "access.jwks is \"\", must be given, as access.jwt_audience is",
                "access.jwt_issuer is \"\", must be given, as access.jwt_audience is",
            ]
        );
    }

    #[test]
    fn keys_are_not_fetched_in_the_clear_and_no_password_is_repeated() {
        let check = |jwks: &str, is_allowed: bool| {
            let all = [
                ("access.jwks", jwks),
                ("access.jwt_issuer", "me"),
                ("access.jwt_audience", "ocellus"),
            ];
            let faults = faults(&all);
            assert_eq!(faults.is_empty(), is_allowed, "{jwks}: {faults:?}");
            assert!(!faults.concat().contains("hunter2"), "{faults:?}");
        };
        check("keys/jwks.json", true);
        check("https://id.example/keys", true);
        check("http://127.0.0.1:9000/keys", true);
        check("http://localhost/keys", true);
        check("http://[::1]/keys", true);
        check("http://id.example/keys", false);
        check("http://localhost.example/keys", false);
        check("https://me:hunter2@id.example/keys", false);
        check("file:///keys", false);
        check("https://", false);
    }
}
