//! Memory in two places.

/// Memory in bytes, on the host and on the accelerator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// On the host.
    pub host: u64,
    /// On the accelerator, 0 for a model that uses none.
    pub device: u64,
}

impl Bytes {
    pub(in crate::serving) fn plus(self, other: Self) -> Self {
        Self {
            host: self.host.saturating_add(other.host),
            device: self.device.saturating_add(other.device),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            host: self.host.saturating_sub(other.host),
            device: self.device.saturating_sub(other.device),
        }
    }

    /// As much of this as the one guess is of the other.
    pub(super) fn scaled(self, from: Self, to: Self) -> Self {
        Self {
            host: scaled(self.host, from.host, to.host),
            device: scaled(self.device, from.device, to.device),
        }
    }

    pub(super) fn max(self, other: Self) -> Self {
        Self {
            host: self.host.max(other.host),
            device: self.device.max(other.device),
        }
    }

    pub(super) const fn fits(self, limit: Self) -> bool {
        self.host <= limit.host && self.device <= limit.device
    }
}

fn scaled(bytes: u64, from: u64, to: u64) -> u64 {
    let product = u128::from(bytes) * u128::from(to);
    let scaled = product.checked_div(from.into());
    scaled.map_or(bytes, |scaled| u64::try_from(scaled).unwrap_or(u64::MAX))
}
