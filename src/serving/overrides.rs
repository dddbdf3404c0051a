//! What an operator wants over the API, in the place of what the root says, until the process ends
//! or asks otherwise. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    desired::VersionPolicy,
    name::{Label, ModelName, Version},
};

use super::aspired::AspiredModel;

/// What is wanted of one model in the place of its `serving.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOverride {
    /// Which versions.
    pub policy: VersionPolicy,
    /// What labels name.
    pub labels: BTreeMap<Label, Version>,
}

/// What is wanted in the place of what the root says.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    /// Models that were unloaded.
    pub withheld: BTreeSet<ModelName>,
    /// The models that may serve, where that was said; the others are not.
    pub config: Option<BTreeMap<ModelName, ModelOverride>>,
}

impl Overrides {
    /// A model as it is wanted after all.
    pub(super) fn apply(&self, aspired: &AspiredModel) -> AspiredModel {
        let mut wanted = aspired.clone();
        if let Some(config) = &self.config {
            match config.get(&aspired.name) {
                Some(ModelOverride { policy, labels }) => {
                    wanted.policy = policy.clone();
                    wanted.labels = labels.clone();
                }
                None => wanted.withdrawn = true,
            }
        }
        wanted.withdrawn |= self.withheld.contains(&aspired.name);
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> AspiredModel {
        AspiredModel::new(name.parse().expect("a name"))
    }

    #[test]
    fn what_is_unloaded_is_withdrawn() {
        let mut overrides = Overrides::default();
        assert_eq!(overrides.apply(&model("cat")), model("cat"));
        overrides.withheld.insert(model("cat").name);
        assert!(overrides.apply(&model("cat")).withdrawn);
        assert!(!overrides.apply(&model("dog")).withdrawn);
    }

    #[test]
    fn a_configuration_takes_the_place_of_all() {
        let wanted = ModelOverride {
            policy: VersionPolicy::All,
            labels: BTreeMap::new(),
        };
        let overrides = Overrides {
            config: Some([(model("cat").name, wanted)].into()),
            ..Overrides::default()
        };
        let cat = overrides.apply(&model("cat"));
        assert_eq!((cat.policy, cat.withdrawn), (VersionPolicy::All, false));
        assert!(overrides.apply(&model("dog")).withdrawn);
    }
}
