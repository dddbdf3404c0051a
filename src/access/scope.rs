//! What a key is for: an action, on models.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::model::name::ModelName;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask what there is of a model: versions, contract, states. Who may ask a model, may that too.
    Describe,
    /// Ask a model.
    Infer,
    /// Take a model out of service, and put it back.
    Admin,
}

impl Action {
    /// As it is written in a scope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Infer => "infer",
            Self::Admin => "admin",
        }
    }
}

/// An action, and the models it may be done to: `infer:*`, `infer:detector`, `admin:team-a-*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    action: Action,
    models: Models,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Models {
    /// Those whose name begins so: all, with nothing.
    Beginning(String),
    Named(ModelName),
}

/// Text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no scope; one is describe, infer or admin, a colon, and a model's name, the beginning \
     of names with a * behind it, or *"
)]
pub struct NoScope(String);

impl FromStr for Scope {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let fault = || NoScope(text.to_owned());
        let (action, models) = text.split_once(':').ok_or_else(fault)?;
        let action = match action {
            "describe" => Action::Describe,
            "infer" => Action::Infer,
            "admin" => Action::Admin,
            _ => return Err(fault()),
        };
        let models = match models.strip_suffix('*') {
            Some("") => Models::Beginning(String::new()),
            // What names can begin with is a name, too.
            Some(beginning) => {
                let name: ModelName = beginning.parse().map_err(|_| fault())?;
                Models::Beginning(name.to_string())
            }
            None => Models::Named(models.parse().map_err(|_| fault())?),
        };
        Ok(Self { action, models })
    }
}

impl TryFrom<String> for Scope {
    type Error = NoScope;

    fn try_from(text: String) -> Result<Self, NoScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = self.action.as_str();
        match &self.models {
            Models::Beginning(beginning) => write!(f, "{action}:{beginning}*"),
            Models::Named(name) => write!(f, "{action}:{name}"),
        }
    }
}

impl Scope {
    /// Every action on every model.
    #[must_use]
    pub fn everything() -> Vec<Self> {
        let all = |action| Self {
            action,
            models: Models::Beginning(String::new()),
        };
        [Action::Describe, Action::Infer, Action::Admin]
            .map(all)
            .to_vec()
    }

    /// Whether it covers an action on a model.
    #[must_use]
    pub fn allows(&self, action: Action, model: &ModelName) -> bool {
        let does =
            self.action == action || (self.action == Action::Infer && action == Action::Describe);
        does && match &self.models {
            Models::Beginning(beginning) => model.as_str().starts_with(beginning),
            Models::Named(name) => name == model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().expect("a scope")
    }

    fn name(text: &str) -> ModelName {
        text.parse().expect("a name")
    }

    #[test]
    fn scopes_are_written_as_they_are_read() {
        for text in ["infer:*", "describe:cats", "admin:team-a-*", "infer:a.b_c*"] {
            assert_eq!(scope(text).to_string(), text);
        }
        for text in [
            "",
            "infer",
            "infer:",
            "read:*",
            "infer:a b",
            "infer:**",
            "Infer:*",
            "infer:*a",
            "infer:../x",
            " infer:*",
        ] {
            assert_eq!(text.parse::<Scope>(), Err(NoScope(text.to_owned())));
        }
    }

    #[test]
    fn a_scope_covers_its_action_on_its_models() {
        let check = |text: &str, action: Action, model: &str, allowed: bool| {
            assert_eq!(
                scope(text).allows(action, &name(model)),
                allowed,
                "{text} {model}"
            );
        };
        check("infer:cats", Action::Infer, "cats", true);
        check("infer:cats", Action::Infer, "cats2", false);
        check("infer:cats*", Action::Infer, "cats2", true);
        check("infer:*", Action::Infer, "dogs", true);
        check("infer:*", Action::Describe, "dogs", true);
        check("infer:*", Action::Admin, "dogs", false);
        check("describe:*", Action::Infer, "dogs", false);
        check("admin:*", Action::Infer, "dogs", false);
        check("admin:cats", Action::Admin, "cats", true);
    }
}
