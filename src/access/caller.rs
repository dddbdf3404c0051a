//! Who asks.

use std::{fmt, net::IpAddr, sync::Arc};

use crate::{
    error::{ErrorCode, Problem},
    fairness::{
        claim::{Claim, Tenant},
        priority::Priority,
    },
    model::name::ModelName,
    transport::holder,
};

use super::{
    scope::{Action, Scope},
    secret::KeyId,
    subject::Subject,
};

/// Who asks, and what for they may.
#[derive(Clone, Debug)]
pub struct Caller {
    identity: Identity,
    scopes: Arc<[Scope]>,
    highest: Priority,
    speaks: Speaks,
}

/// For whom a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    ForItself,
    /// For those whose requests it passes on, as a gateway does.
    ForOthers,
}

/// What a request asks for beside its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How urgent it is.
    pub priority: Option<Priority>,
    /// Whose it is, where it was passed on.
    pub on_behalf_of: Option<Tenant>,
}

/// By what a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// By nothing but where the request came from.
    Address(Option<IpAddr>),
    /// By an API key.
    Key(KeyId),
    /// By a token that an identity provider signed.
    Subject(Subject),
    /// By a certificate of its own.
    Certificate,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(Some(address)) => write!(f, "address {address}"),
            Self::Address(None) => f.write_str("address unknown"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Subject(subject) => write!(f, "subject {subject}"),
            Self::Certificate => f.write_str("certificate"),
        }
    }
}

impl Wish {
    /// The same wish, with this priority where it has none.
    #[must_use]
    pub fn or(mut self, priority: Option<Priority>) -> Self {
        self.priority = self.priority.or(priority);
        self
    }
}

impl Identity {
    /// Who shares with others as one: all addresses of one holder are.
    #[must_use]
    pub fn tenant(&self) -> Tenant {
        if let Self::Address(Some(address)) = self {
            return Tenant::new(&Self::Address(Some(holder(*address))).to_string());
        }
        Tenant::new(&self.to_string())
    }
}

impl Caller {
    /// A caller with these scopes.
    #[must_use]
    pub const fn new(identity: Identity, scopes: Arc<[Scope]>) -> Self {
        Self {
            identity,
            scopes,
            highest: Priority::Normal,
            speaks: Speaks::ForItself,
        }
    }

    /// The same caller, who may ask for this priority at the most.
    #[must_use]
    pub const fn at_most(mut self, highest: Priority) -> Self {
        self.highest = highest;
        self
    }

    /// The same caller, who is believed whose requests it passes on.
    #[must_use]
    pub const fn for_others(mut self) -> Self {
        (self.highest, self.speaks) = (Priority::High, Speaks::ForOthers);
        self
    }

    /// What a request of theirs claims. Who may not speak for others is not heard in it.
    ///
    /// # Errors
    /// `permission_denied` where it asks for a higher priority than they may.
    pub fn claim(&self, wish: Wish) -> Result<Claim, Problem> {
        let highest = self.highest;
        let usual = Priority::default().min(highest);
        let priority = wish.priority.unwrap_or(usual);
        if highest < priority {
            let detail = format!("your requests may have priority {highest} at most");
            return Err(Problem::new(ErrorCode::PermissionDenied, detail));
        }
        let others = wish.on_behalf_of;
        let others = others.filter(|_| self.speaks == Speaks::ForOthers);
        Ok(Claim {
            tenant: others.unwrap_or_else(|| self.identity.tenant()),
            priority,
            deadline: None,
        })
    }

    /// Whether they are believed whose requests they pass on.
    #[must_use]
    pub fn speaks_for_others(&self) -> bool {
        self.speaks == Speaks::ForOthers
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

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(identity: Identity) -> Caller {
        Caller::new(identity, Scope::everything().into())
    }

    fn wish(priority: Option<Priority>, on_behalf_of: Option<&str>) -> Wish {
        Wish {
            priority,
            on_behalf_of: on_behalf_of.map(Tenant::new),
        }
    }

    #[test]
    fn a_key_asks_for_no_more_than_it_may() {
        let check = |highest: Priority, asked: Option<Priority>, expected: Option<Priority>| {
            let key = "3f0c91d2a7be".parse().expect("an id");
            let caller = caller(Identity::Key(key)).at_most(highest);
            let claim = caller.claim(wish(asked, Some("another")));
            let claimed = claim.as_ref().ok().map(|claim| claim.priority);
            assert_eq!(claimed, expected, "{highest} {asked:?}");
            match claim {
                Ok(claim) => assert_eq!(claim.tenant.as_str(), "key 3f0c91d2a7be"),
                Err(problem) => assert_eq!(problem.code, ErrorCode::PermissionDenied),
            }
        };
        let (low, normal, high) = (Priority::Low, Priority::Normal, Priority::High);
        check(normal, None, Some(normal));
        check(normal, Some(low), Some(low));
        check(normal, Some(high), None);
        check(low, None, Some(low));
        check(low, Some(normal), None);
        check(high, None, Some(normal));
        check(high, Some(high), Some(high));
    }

    #[test]
    fn a_gateway_speaks_for_others_and_a_holder_of_addresses_is_one() {
        let check = |caller: Caller, on_behalf_of: Option<&str>, expected: &str| {
            let claim = caller.claim(wish(Some(Priority::Normal), on_behalf_of));
            assert_eq!(claim.expect("may").tenant.as_str(), expected);
        };
        let at = |address: &str| {
            let address = address.parse().expect("an address");
            caller(Identity::Address(Some(address)))
        };
        let certificate = caller(Identity::Certificate).for_others();
        check(certificate.clone(), Some("key a"), "key a");
        check(certificate, None, "certificate");
        check(at("192.0.2.1"), Some("key a"), "address 192.0.2.1");
        check(at("2001:db8::1"), None, "address 2001:db8::");
        check(at("2001:db8::2:1"), None, "address 2001:db8::");
    }
}
