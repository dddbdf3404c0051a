//! Who is let in, as it is configured.

use std::{net::IpAddr, sync::Arc};

use crate::config::{self, Access};

use super::{
    allowance::Allowance,
    jwks::{Jwks, Pace},
    key_file::KeyFileError,
    key_source::KeySource,
    meters::Meters,
    published::JwksError,
    scope::{NoScope, Scope},
    subject::Subject,
    token::TokenRules,
};

/// Why a configuration cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file of keys cannot be used.
    #[error("access.keys: {0}")]
    Keys(#[from] KeyFileError),
    /// The identity provider's keys cannot be used.
    #[error("access.jwks: {0}")]
    Jwks(#[from] JwksError),
    /// What callers without a key may do is no list of scopes.
    #[error("access.anonymous: {0}")]
    Anonymous(#[from] NoScope),
}

/// Who is let in, and how much they may do.
#[derive(Debug)]
pub struct Policy {
    pub(super) keys: Option<KeySource>,
    pub(super) tokens: Option<Tokens>,
    pub(super) anonymous: Anonymous,
    pub(super) addresses: Arc<Meters<IpAddr>>,
}

/// Tokens of an identity provider.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) jwks: Arc<Jwks>,
    pub(super) rules: TokenRules,
    pub(super) subjects: Arc<Meters<Subject>>,
}

/// What callers may do who show nothing.
#[derive(Clone, Debug)]
pub(super) enum Anonymous {
    /// Everything, from this machine; nothing from elsewhere.
    OnThisMachine,
    /// What these scopes allow, from everywhere.
    Everywhere(Arc<[Scope]>),
    /// Nothing.
    Nothing,
}

impl Policy {
    /// Reads what a configuration names. Of the policy that held before, what was used stays used,
    /// and public keys are kept where they cannot be read again.
    ///
    /// # Errors
    /// When something that it names cannot be used.
    pub async fn open(config: &Access, before: Option<&Self>) -> Result<Self, PolicyError> {
        let scopes = config.anonymous.iter().map(|scope| scope.parse());
        let scopes: Vec<Scope> = scopes.collect::<Result<_, _>>()?;
        let is_known = config.keys.is_some() || config.tokens.is_some();
        let anonymous = match (scopes.is_empty(), is_known) {
            (false, _) => Anonymous::Everywhere(scopes.into()),
            (true, false) => Anonymous::OnThisMachine,
            (true, true) => Anonymous::Nothing,
        };
        let keys = config.keys.as_ref().map(|path| {
            let before = before.and_then(|policy| policy.keys.as_ref());
            KeySource::open(path, before)
        });
        let keys = keys.transpose()?;
        let tokens = match &config.tokens {
            Some(config) => {
                let before = before.and_then(|policy| policy.tokens.as_ref());
                Some(Tokens::open(config, before).await?)
            }
            None => None,
        };
        let each_address = Allowance {
            rate: config.address_rate,
            concurrent: config.address_requests,
            ..Allowance::default()
        };
        Ok(Self {
            keys,
            tokens,
            anonymous,
            addresses: meters(each_address, before.map(|policy| &policy.addresses)),
        })
    }

    /// Keeps keys as their file and their provider have them, for ever.
    pub async fn follow(&self) {
        let keys = async {
            if let Some(source) = &self.keys {
                source.follow().await;
            }
        };
        let tokens = async {
            if let Some(tokens) = &self.tokens {
                tokens.jwks.follow().await;
            }
        };
        tokio::join!(keys, tokens, std::future::pending::<()>());
    }
}

impl Tokens {
    async fn open(config: &config::Tokens, before: Option<&Self>) -> Result<Self, JwksError> {
        let same = before.filter(|tokens| tokens.jwks.is_from(&config.jwks));
        let jwks = match same {
            Some(tokens) => {
                tokens.jwks.look().await;
                Arc::clone(&tokens.jwks)
            }
            None => Arc::new(Jwks::open(&config.jwks, Pace::USUAL).await?),
        };
        let each_subject = Allowance {
            rate: config.rate,
            concurrent: config.requests,
            ..Allowance::default()
        };
        Ok(Self {
            jwks,
            rules: TokenRules {
                issuer: config.issuer.clone(),
                audience: config.audience.clone(),
            },
            subjects: meters(each_subject, before.map(|tokens| &tokens.subjects)),
        })
    }
}

/// The same meters where they measure the same.
fn meters<K: Clone + Eq + std::hash::Hash>(
    allowance: Allowance,
    before: Option<&Arc<Meters<K>>>,
) -> Arc<Meters<K>> {
    match before {
        Some(before) if before.allowance() == allowance => Arc::clone(before),
        _ => Arc::new(Meters::new(allowance)),
    }
}
