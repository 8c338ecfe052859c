//! Which addresses the server may call because somebody named them: pages to read, webhooks, HTTP tools.
//!
//! Whoever can make a server call an address of their choice can reach what only the server can reach. So only addresses of
//! the public internet are called, judged after names were resolved, and an operator names the exceptions.

use crate::failure::Failure;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The operator's exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Egress {
    /// Hosts (names or addresses, lower case) that may be at private addresses.
    private_hosts: Vec<String>,
}

impl Egress {
    #[must_use]
    pub fn with_private_hosts(hosts: &[String]) -> Self {
        Self { private_hosts: hosts.iter().map(|h| h.trim().to_ascii_lowercase()).collect() }
    }

    /// Whether `host` may be called at `ip`.
    ///
    /// # Errors
    /// `egress.private` (reject): the address is not one of the public internet.
    pub fn check(&self, host: &str, ip: IpAddr) -> Result<(), Failure> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if is_public(ip) || self.private_hosts.contains(&host) {
            return Ok(());
        }
        // Not the address: what a name means inside is nobody's business outside.
        Err(Failure::reject("egress.private", format!("{host} is not an address of the public internet")))
    }
}

/// Whether an address belongs to the public internet (IANA's registries of special-purpose addresses).
#[must_use]
pub const fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 88, 99)
            | (192, 168, _)
            | (192, 175, 48)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

const fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // What stands for an IPv4 address is judged as that: mapped, translated (NAT64), tunnelled (6to4).
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] | [0x2002, a, b, ..] => {
            let ([a, b], [c, d]) = (a.to_be_bytes(), b.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments with Teredo, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => 0x2000 <= first && first <= 0x3fff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_called() {
        for ip in [
            "1.1.1.1",
            "93.184.215.14",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip.parse().expect("an address")), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "100::1",
            "fec0::1",
        ] {
            assert!(!is_public(ip.parse().expect("an address")), "{ip}");
        }
    }

    #[test]
    fn the_operator_names_the_exceptions() {
        let egress = Egress::with_private_hosts(&["Wiki.intern ".into()]);
        let inside = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
        assert!(egress.check("wiki.intern.", inside).is_ok());
        let refused = egress.check("vault.intern", inside).expect_err("inside");
        assert_eq!(refused.code, "egress.private");
        assert!(!refused.detail.contains("10.0"), "{}", refused.detail);
        assert!(egress.check("example.com", IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1))).is_ok());
    }
}
