//! Whose an address is.

use std::net::{IpAddr, Ipv6Addr};

/// What one holder has: an IPv4 address, or the 64 bits of IPv6 that are given to one.
#[must_use]
pub fn holder(address: IpAddr) -> IpAddr {
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
    use super::*;

    #[test]
    fn an_address_of_ipv4_and_a_network_of_ipv6_have_one_holder() {
        let check = |address: &str, expected: &str| {
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(holder(parse(address)), parse(expected), "{address}");
        };
        check("192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", "192.0.2.1");
        check("2001:db8::1", "2001:db8::");
        check("2001:db8::2:1", "2001:db8::");
        check("2001:db8:0:1::1", "2001:db8:0:1::");
    }
}
