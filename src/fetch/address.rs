//! Which addresses may be asked: those that the whole internet can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks of IPv4 that are not the internet's: those of the IANA's registry of special-purpose
/// addresses that hosts of pictures do not have, multicast, what is reserved, and one more.
const CLOSED: &[Ipv4Net] = &[
    // This network.
    v4([0, 0, 0, 0], 8),
    // Private.
    v4([10, 0, 0, 0], 8),
    // Shared by a carrier's customers (CGNAT).
    v4([100, 64, 0, 0], 10),
    // Loopback.
    v4([127, 0, 0, 0], 8),
    // Azure's platform answers its machines here.
    v4([168, 63, 129, 16], 32),
    // Link-local, where clouds answer with their machines' credentials.
    v4([169, 254, 0, 0], 16),
    // Private.
    v4([172, 16, 0, 0], 12),
    // Protocol assignments.
    v4([192, 0, 0, 0], 24),
    // Documentation.
    v4([192, 0, 2, 0], 24),
    // Relays of 6to4.
    v4([192, 88, 99, 0], 24),
    // Private.
    v4([192, 168, 0, 0], 16),
    // Benchmarks.
    v4([198, 18, 0, 0], 15),
    // Documentation.
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Multicast.
    v4([224, 0, 0, 0], 4),
    // Reserved, and broadcast.
    v4([240, 0, 0, 0], 4),
];

/// All that the internet has of IPv6: what is outside is unspecified, loopback, local to a site or
/// a link, multicast, an IPv4 address in disguise, or not given out.
const GLOBAL: Ipv6Net = v6(0x2000, 0, 3);

/// Networks within [`GLOBAL`] that are not the internet's.
const CLOSED_V6: &[Ipv6Net] = &[
    // Protocol assignments: Teredo, benchmarks, ORCHID and others.
    v6(0x2001, 0, 23),
    // Documentation.
    v6(0x2001, 0x0db8, 32),
    // 6to4, an IPv4 address behind a relay.
    v6(0x2002, 0, 16),
    // Documentation.
    v6(0x3fff, 0, 20),
];

/// Where a translator to IPv4 (NAT64) lends IPv6 networks the internet of IPv4; the last 32 bits
/// are the IPv4 address. It does not translate into private networks where it is well kept, which
/// nobody here knows.
const TRANSLATED: Ipv6Net = v6(0x0064, 0xff9b, 96);

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix)
}

/// Whether an address may be asked: it is public, or in one of the networks that are allowed
/// nevertheless. An IPv4 address that is written as one of IPv6 is that IPv4 address.
#[must_use]
pub fn may_be_asked(address: IpAddr, nevertheless: &[IpNet]) -> bool {
    let address = address.to_canonical();
    is_public(address) || nevertheless.iter().any(|net| net.contains(&address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) if TRANSLATED.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(address) => {
            GLOBAL.contains(&address) && !CLOSED_V6.iter().any(|net| net.contains(&address))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !CLOSED.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and last address of each range, and what lies beside it where that is public.
    const REFUSED: &[&str] = &[
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.88.99.0",
        "192.88.99.255",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.254",
        "255.255.255.255",
        // Unspecified, loopback, IPv4-compatible.
        "::",
        "::1",
        "::7f00:1",
        "::8.8.8.8",
        // IPv4-mapped.
        "::ffff:0.0.0.0",
        "::ffff:10.1.2.3",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:255.255.255.255",
        // IPv4-translated (SIIT).
        "::ffff:0:8.8.8.8",
        // NAT64, the well-known prefix with what may not be asked, and the local one.
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:0:0:1::8.8.8.8",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        // Discard-only, SRv6, not given out.
        "100::1",
        "1fff:ffff::1",
        "4000::1",
        "5f00::1",
        // Teredo, benchmarks, ORCHID, protocol assignments.
        "2001::",
        "2001::1",
        "2001:0:808:808::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        // Documentation.
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff::1",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        // 6to4, whatever it holds.
        "2002:7f00:1::1",
        "2002:808:808::1",
        // ULA, link-local, site-local, multicast.
        "fc00::",
        "fd00:ec2::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
        "febf:ffff::1",
        "fec0::1",
        "feff:ffff::1",
        "ff00::",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];

    const ALLOWED: &[&str] = &[
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::",
        "2001:4860:4860::8888",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2003::1",
        "2606:4700:4700::1111",
        "3ffe:ffff::1",
        "3fff:1000::",
    ];

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn what_the_internet_cannot_reach_is_refused() {
        for text in REFUSED {
            assert!(!may_be_asked(address(text), &[]), "{text}");
        }
    }

    #[test]
    fn what_the_internet_can_reach_is_allowed() {
        for text in ALLOWED {
            assert!(may_be_asked(address(text), &[]), "{text}");
        }
    }

    #[test]
    fn networks_are_allowed_nevertheless_and_no_more_than_they() {
        let networks = ["10.1.0.0/16", "fd00::/8"].map(|net| net.parse().expect("a network"));
        let check = |text, expected| {
            assert_eq!(may_be_asked(address(text), &networks), expected, "{text}");
        };
        check("10.1.2.3", true);
        check("::ffff:10.1.2.3", true);
        check("fd00::1", true);
        check("8.8.8.8", true);
        check("10.2.0.1", false);
        check("127.0.0.1", false);
        check("64:ff9b::10.1.2.3", false);
        check("fc00::1", false);
    }
}
