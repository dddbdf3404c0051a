//! Why a picture was not fetched: for the caller what the policy or a limit is, for the log what
//! happened.

use std::{net::IpAddr, time::Duration};

use url::ParseError;

use crate::{
    config::Schemes,
    error::{ErrorCode, Problem, causes},
};

/// Why a picture was not fetched. What it prints is what callers are told, who may be after what
/// the network looks like from here: whether a name is known, an address taken, a port open.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is no URL.
    #[error("url is no URL: {0}")]
    Malformed(ParseError),
    /// It is too long.
    #[error("url is longer than {0} bytes")]
    TooLong(usize),
    /// Its scheme is not one that is fetched.
    #[error("only URLs of {} are fetched (fetch.schemes)", named(*.0))]
    Scheme(Schemes),
    /// It names a user or a password.
    #[error("URLs with a user name or a password are not fetched")]
    Userinfo,
    /// Its port is not one that is asked.
    #[error("only these ports are asked (fetch.ports): {}", listed(.0))]
    Port(Vec<u16>),
    /// Its host has no address, or one that may not be asked.
    #[error(
        "the URL's host has no address that may be asked: none at all, or one that is not public"
    )]
    Address(#[from] NameFault),
    /// A redirect leads from https to http.
    #[error("a redirect from https to http is not followed")]
    Downgrade,
    /// A redirect leads to nowhere.
    #[error("the URL redirects to what is no URL")]
    RedirectLost,
    /// Redirects lead on and on.
    #[error("more than {0} redirects are not followed")]
    Redirects(usize),
    /// The other end answered with something other than what the URL names.
    #[error("the URL was not answered with a picture")]
    Status(u16),
    /// The other end cannot be connected to, or broke off.
    #[error("the URL's host cannot be connected to, or broke off before the picture was whole")]
    Broken(#[source] reqwest::Error),
    /// It took too long.
    #[error("the picture did not come within {} ms", .0.as_millis())]
    Late(Duration),
    /// It came too slowly.
    #[error("fewer than {least} bytes of the picture came in {} ms", window.as_millis())]
    Slow {
        /// Bytes that must come.
        least: usize,
        /// The time in which they must.
        window: Duration,
    },
    /// It is too large.
    #[error("the picture is above the limit of {0} bytes")]
    TooLarge(usize),
    /// As many are being fetched as may be.
    #[error("{0} pictures are being fetched already; try again in a moment")]
    NoPlace(usize),
    /// There is no memory for it.
    #[error("{0}")]
    NoMemory(Problem),
}

/// Why a host's addresses may not be asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NameFault {
    /// It has none.
    #[error("{name} has no address: {cause}")]
    Unknown {
        /// Its name.
        name: String,
        /// What the system said.
        cause: String,
    },
    /// An address is not public, and in no network that is allowed.
    #[error("{0} is not public")]
    NotPublic(IpAddr),
    /// One of the addresses that a name has is none.
    #[error("{name} has the address {address}, which is not public")]
    Resolved {
        /// The name.
        name: String,
        /// The address.
        address: IpAddr,
    },
}

/// Why nothing can be fetched at all: the system has no certificates that it trusts.
#[derive(Debug, thiserror::Error)]
#[error("{}", causes(.0))]
pub struct NoClient(#[from] reqwest::Error);

impl FetchError {
    /// What callers branch on.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed(_) | Self::TooLong(_) => ErrorCode::MalformedRequest,
            Self::Scheme(_)
            | Self::Userinfo
            | Self::Port(_)
            | Self::Address(_)
            | Self::Downgrade => ErrorCode::UrlRefused,
            Self::RedirectLost
            | Self::Redirects(_)
            | Self::Status(_)
            | Self::Broken(_)
            | Self::Late(_)
            | Self::Slow { .. } => ErrorCode::UrlUnreachable,
            Self::TooLarge(_) => ErrorCode::ImageTooLarge,
            Self::NoPlace(_) => ErrorCode::Overloaded,
            Self::NoMemory(problem) => problem.code,
        }
    }

    /// What happened, for the log.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Address(fault) => fault.to_string(),
            Self::Status(status) => format!("answered {status}"),
            Self::Broken(error) => causes(error),
            Self::Malformed(_)
            | Self::TooLong(_)
            | Self::Scheme(_)
            | Self::Userinfo
            | Self::Port(_)
            | Self::Downgrade
            | Self::RedirectLost
            | Self::Redirects(_)
            | Self::Late(_)
            | Self::Slow { .. }
            | Self::TooLarge(_)
            | Self::NoPlace(_)
            | Self::NoMemory(_) => self.to_string(),
        }
    }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        Self::new(error.code(), error.to_string()).in_field("url")
    }
}

const fn named(schemes: Schemes) -> &'static str {
    match schemes {
        Schemes::Https => "https",
        Schemes::HttpsAndHttp => "https and http",
    }
}

fn listed(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(", ")
}
