//! How much each address may do.

use std::{
    collections::HashMap,
    mem,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use super::allowance::{Allowance, Meter};

/// Addresses that are remembered; twice as many at most.
const REMEMBERED: usize = 8192;

/// A meter for each address. Those that were not seen for the longest time are forgotten.
#[derive(Debug)]
pub struct Addresses {
    allowance: Allowance,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    lately: HashMap<IpAddr, Arc<Meter>>,
    before: HashMap<IpAddr, Arc<Meter>>,
}

impl Addresses {
    /// Each address may do so much.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            seen: Mutex::default(),
        }
    }

    /// The meter of an address; `None` where there is no limit.
    #[must_use]
    pub fn meter(&self, address: IpAddr) -> Option<Arc<Meter>> {
        if self.allowance == Allowance::default() {
            return None;
        }
        let address = holder(address);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = seen.lately.get(&address) {
            return Some(Arc::clone(meter));
        }
        if REMEMBERED <= seen.lately.len() {
            seen.before = mem::take(&mut seen.lately);
        }
        let meter = seen.before.remove(&address);
        let meter = meter.unwrap_or_else(|| Arc::new(Meter::new(self.allowance)));
        seen.lately.insert(address, Arc::clone(&meter));
        Some(meter)
    }
}

/// What one holder has: an IPv4 address, or the 64 bits of IPv6 that are given to one.
pub(super) fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use jiff::Timestamp;

    use super::*;

    fn one_a_day() -> Addresses {
        Addresses::new(Allowance {
            daily: NonZeroU32::new(1),
            ..Allowance::default()
        })
    }

    fn is_allowed(addresses: &Addresses, address: &str) -> bool {
        let address = address.parse().expect("an address");
        let meter = addresses.meter(address).expect("limited");
        meter.begin(Timestamp::UNIX_EPOCH).is_ok()
    }

    #[test]
    fn each_holder_has_its_own() {
        let addresses = one_a_day();
        assert!(is_allowed(&addresses, "192.0.2.1"));
        assert!(!is_allowed(&addresses, "192.0.2.1"));
        assert!(!is_allowed(&addresses, "::ffff:192.0.2.1"));
        assert!(is_allowed(&addresses, "192.0.2.2"));
        assert!(is_allowed(&addresses, "2001:db8::1"));
        assert!(!is_allowed(&addresses, "2001:db8::2:1"));
        assert!(is_allowed(&addresses, "2001:db8:0:1::1"));
    }

    #[test]
    fn no_more_are_remembered_than_fit() {
        let addresses = one_a_day();
        for address in 0..50_000_u32 {
            assert!(
                addresses
                    .meter(IpAddr::from(address.to_be_bytes()))
                    .is_some()
            );
        }
        let seen = addresses.seen.lock().expect("sound");
        assert!(seen.lately.len() + seen.before.len() <= 2 * REMEMBERED);
    }
}
