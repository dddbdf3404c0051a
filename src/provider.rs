//! Execution providers: on what a model is run. The lowest layer, because settings, contracts and
//! the engine all name them.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a model is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by CUDA and cuDNN.
    Cuda,
    /// An NVIDIA GPU, by TensorRT, which compiles the model for it.
    Tensorrt,
}

impl Provider {
    /// Every provider, the fastest first.
    pub const ALL: [Self; 3] = [Self::Tensorrt, Self::Cuda, Self::Cpu];

    /// Its name in settings and contracts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = |provider: &Self| provider.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(())
    }
}

/// What a list of providers must be, in words for its reader.
pub const ALLOWED: &str =
    "a list of tensorrt, cuda and cpu in order of preference, each at most once, cpu last";

/// Whether a list can be followed as it is: the processor takes whatever it is offered, so that
/// nothing after it would ever be used.
#[must_use]
pub fn can_be_followed(providers: &[Provider]) -> bool {
    providers.iter().enumerate().all(|(index, provider)| {
        let after = providers.get(index + 1..).unwrap_or_default();
        !after.contains(provider) && (*provider != Provider::Cpu || after.is_empty())
    })
}

/// Whether models are run on the accelerator where they can be.
#[must_use]
pub fn on_device(providers: &[Provider]) -> bool {
    providers.iter().any(|provider| *provider != Provider::Cpu)
}

/// The list that a text names, parted by commas. `None` if it is empty or not [`ALLOWED`].
#[must_use]
pub fn parse_list(text: &str) -> Option<Vec<Provider>> {
    let named = text.split(',').map(|name| name.trim().parse());
    let providers: Vec<Provider> = named.collect::<Result<_, _>>().ok()?;
    can_be_followed(&providers).then_some(providers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_in_order_of_preference_and_ends_with_the_processor() {
        use Provider::{Cpu, Cuda, Tensorrt};
        let check = |text, expected: Option<&[Provider]>| {
            assert_eq!(parse_list(text).as_deref(), expected, "{text:?}");
        };
        check("cpu", Some(&[Cpu]));
        check(" tensorrt, cuda,cpu ", Some(&[Tensorrt, Cuda, Cpu]));
        check("cuda", Some(&[Cuda]));
        for refused in [
            "",
            "gpu",
            "CUDA",
            "cuda,",
            "cpu,cuda",
            "cuda,cuda",
            "cpu,cpu",
        ] {
            check(refused, None);
        }
    }
}
