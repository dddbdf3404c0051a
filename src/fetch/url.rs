//! URLs that may be asked.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use url::{Host, ParseError, Url};

use crate::config::Schemes;

use super::{
    address::may_be_asked,
    error::{FetchError, NameFault},
};

/// Longest URL, in bytes.
const MAX_LENGTH: usize = 8 << 10;

/// Which URLs may be asked.
#[derive(Clone, Debug)]
pub struct UrlPolicy {
    /// Of these schemes.
    pub schemes: Schemes,
    /// At these ports beside those of the schemes.
    pub ports: Arc<[u16]>,
    /// In these networks beside the internet.
    pub networks: Arc<[IpNet]>,
}

impl UrlPolicy {
    /// Every port that may be asked.
    fn ports(&self) -> impl Iterator<Item = u16> {
        let http = match self.schemes {
            Schemes::Https => None,
            Schemes::HttpsAndHttp => Some(80),
        };
        [443]
            .into_iter()
            .chain(http)
            .chain(self.ports.iter().copied())
    }
}

/// A URL that may be asked; where its host is a name, if what it resolves to may be.
///
/// It is read as browsers read it, so that there is no second reading by which `0x7f.1` or
/// `2130706433` were anything but the address that is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PictureUrl(Url);

impl PictureUrl {
    /// A URL as a request names it.
    pub(super) fn parse(text: &str, policy: &UrlPolicy) -> Result<Self, FetchError> {
        if MAX_LENGTH < text.len() {
            return Err(FetchError::TooLong(MAX_LENGTH));
        }
        Self::checked(Url::parse(text).map_err(FetchError::Malformed)?, policy)
    }

    /// The URL that a redirect leads to from here.
    pub(super) fn redirect(&self, location: &[u8], policy: &UrlPolicy) -> Result<Self, FetchError> {
        let location = std::str::from_utf8(location).ok();
        let location = location.filter(|text| text.len() <= MAX_LENGTH);
        let there = location.and_then(|text| self.0.join(text).ok());
        let there = Self::checked(there.ok_or(FetchError::RedirectLost)?, policy)?;
        if self.0.scheme() == "https" && there.0.scheme() == "http" {
            return Err(FetchError::Downgrade);
        }
        Ok(there)
    }

    fn checked(url: Url, policy: &UrlPolicy) -> Result<Self, FetchError> {
        match (url.scheme(), policy.schemes) {
            ("https", _) | ("http", Schemes::HttpsAndHttp) => (),
            _ => return Err(FetchError::Scheme(policy.schemes)),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Userinfo);
        }
        let port = url.port_or_known_default();
        if !policy.ports().any(|allowed| Some(allowed) == port) {
            return Err(FetchError::Port(policy.ports().collect()));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(FetchError::Malformed(ParseError::EmptyHost)),
        };
        match address {
            Some(address) if !may_be_asked(address, &policy.networks) => {
                Err(NameFault::NotPublic(address).into())
            }
            Some(_) | None => Ok(Self(url)),
        }
    }

    /// Itself, for the client.
    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }
}

/// The host that a URL names, for the log: never its path, its query or who is named in it.
pub(super) fn host(text: &str) -> Option<String> {
    Some(Url::parse(text).ok()?.host_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(schemes: Schemes) -> UrlPolicy {
        UrlPolicy {
            schemes,
            ports: [8443].into(),
            networks: ["10.1.0.0/16".parse().expect("a network")].into(),
        }
    }

    /// How a URL is refused, as the start of the error's name; empty where it is not.
    fn refusal(text: &str, schemes: Schemes) -> String {
        let parsed = PictureUrl::parse(text, &policy(schemes));
        let name = |error| {
            format!("{error:?}")
                .split(['(', ' '])
                .next()
                .map(str::to_owned)
        };
        parsed.err().and_then(name).unwrap_or_default()
    }

    #[test]
    fn urls_are_held_against_the_policy() {
        let check = |text, expected| assert_eq!(refusal(text, Schemes::Https), expected, "{text}");
        check("https://pictures.example/a.jpg?size=1#top", "");
        check("https://pictures.example:443/", "");
        check("https://pictures.example:8443/", "");
        check("https://8.8.8.8/", "");
        check("https://[2606:4700::1111]/", "");
        check("https://10.1.0.1/", "");
        check("HTTPS:\\\\pictures.example\\a", "");
        check("https://pictures.example:80/", "Port");
        check("https://pictures.example:22/", "Port");
        check("https://pictures.example:0/", "Port");
        check("http://pictures.example/", "Scheme");
        check("ftp://pictures.example/", "Scheme");
        check("file:///etc/passwd", "Scheme");
        check("data:image/gif;base64,R0lGODdh", "Scheme");
        check("gopher://pictures.example/", "Scheme");
        check("jar:https://pictures.example/", "Scheme");
        check("https://user@pictures.example/", "Userinfo");
        check("https://user:secret@pictures.example/", "Userinfo");
        check("https://:secret@pictures.example/", "Userinfo");
        check("https://8.8.8.8@10.0.0.1/", "Userinfo");
        check("https://10.0.0.1/", "Address");
        check("https://10.2.0.1/", "Address");
        check("", "Malformed");
        check("pictures.example/a.jpg", "Malformed");
        check("//pictures.example/a.jpg", "Malformed");
        check("https://", "Malformed");
        check("https:///", "Malformed");
        check("https://a b/", "Malformed");
        check("https://[::1/", "Malformed");
        check("https://[fe80::1%25eth0]/", "Malformed");
        check("https://1.2.3.256/", "Malformed");
        check("https://pictures.example:65536/", "Malformed");
        let long = format!("https://pictures.example/{}", "a".repeat(MAX_LENGTH));
        check(&long, "TooLong");
    }

    #[test]
    fn odd_forms_of_addresses_are_those_addresses() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.0.1.",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7f.1",
            "0X7F.0x0.0x0.0x1",
            "0177.0.0.01",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "0",
            "0.0.0.0",
            "169.254.43518",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:7f00:0001]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:1::1]",
        ] {
            let url = format!("http://{host}/");
            assert_eq!(refusal(&url, Schemes::HttpsAndHttp), "Address", "{url}");
        }
    }

    #[test]
    fn a_redirect_is_a_new_url() {
        let policy = policy(Schemes::HttpsAndHttp);
        let here = PictureUrl::parse("https://pictures.example/a/b.jpg", &policy).expect("allowed");
        let to = |location: &[u8]| here.redirect(location, &policy);
        let there = |location: &str| to(location.as_bytes()).map(|there| there.0.to_string());
        assert_eq!(
            there("../c.jpg").expect("allowed"),
            "https://pictures.example/c.jpg"
        );
        assert_eq!(
            there("//other.example/ü").expect("allowed"),
            "https://other.example/%C3%BC"
        );
        assert!(matches!(
            there("http://pictures.example/a/b.jpg"),
            Err(FetchError::Downgrade)
        ));
        assert!(matches!(there("//10.0.0.1/"), Err(FetchError::Address(_))));
        assert!(matches!(there("//a@b.example/"), Err(FetchError::Userinfo)));
        assert!(matches!(there("//b.example:1/"), Err(FetchError::Port(_))));
        assert!(matches!(there("file:///a"), Err(FetchError::Scheme(_))));
        assert!(matches!(there("https://["), Err(FetchError::RedirectLost)));
        assert!(matches!(to(b"\xff"), Err(FetchError::RedirectLost)));
        let plain = PictureUrl::parse("http://pictures.example/", &policy).expect("allowed");
        assert!(
            plain
                .redirect(b"https://pictures.example/", &policy)
                .is_ok()
        );
    }

    #[test]
    fn the_log_gets_no_more_than_the_host() {
        let url = "https://user:secret@pictures.example:8443/path?token=secret#secret";
        assert_eq!(host(url).as_deref(), Some("pictures.example"));
        assert_eq!(host("no url"), None);
    }
}
