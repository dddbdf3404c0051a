//! Who asks.

use std::{fmt, net::IpAddr, sync::Arc};

use crate::{
    error::{ErrorCode, Problem},
    model::name::ModelName,
};

use super::{
    scope::{Action, Scope},
    secret::KeyId,
};

/// Who asks, and what for they may.
#[derive(Clone, Debug)]
pub struct Caller {
    identity: Identity,
    scopes: Arc<[Scope]>,
}

/// By what a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// By nothing but where the request came from.
    Address(Option<IpAddr>),
    /// By an API key.
    Key(KeyId),
    /// By a certificate of its own.
    Certificate,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(Some(address)) => write!(f, "address {address}"),
            Self::Address(None) => f.write_str("address unknown"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Certificate => f.write_str("certificate"),
        }
    }
}

impl Caller {
    /// A caller with these scopes.
    #[must_use]
    pub const fn new(identity: Identity, scopes: Arc<[Scope]>) -> Self {
        Self { identity, scopes }
    }

    /// By what they are known.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether they may do this to a model.
    #[must_use]
    pub fn may(&self, action: Action, model: &ModelName) -> bool {
        self.scopes.iter().any(|scope| scope.allows(action, model))
    }

    /// Whether they may see a model in a list.
    #[must_use]
    pub fn sees(&self, model: &ModelName) -> bool {
        self.may(Action::Describe, model)
    }

    /// Sees to it that they may.
    ///
    /// # Errors
    /// `permission_denied` when not, whether there is such a model or not.
    pub fn check(&self, action: Action, model: &ModelName) -> Result<(), Problem> {
        if self.may(action, model) {
            return Ok(());
        }
        let scope = format!("{}:{model}", action.as_str());
        let detail = format!("what you have shown does not allow {scope}");
        Err(Problem::new(ErrorCode::PermissionDenied, detail))
    }
}
