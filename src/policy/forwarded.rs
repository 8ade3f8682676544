//! Where a client is that comes through proxies: said by those of them that are trusted, and by
//! nobody else, since any client can write any header.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::policy::address::Network;

/// The header in which proxies say for whom they ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Teller {
    /// `x-forwarded-for: client, proxy, proxy`.
    #[default]
    XForwardedFor,
    /// `forwarded: for=client, for="[proxy]:port";proto=https` (RFC 7239).
    Forwarded,
    /// `x-real-ip: client`.
    XRealIp,
}

impl Teller {
    /// The header's name.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::XRealIp => "x-real-ip",
        }
    }

    /// What one entry of the header says an address is.
    fn node(self, entry: &str) -> Option<&str> {
        match self {
            Self::XForwardedFor | Self::XRealIp => Some(entry.trim()),
            Self::Forwarded => entry.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
            }),
        }
    }
}

/// The proxies that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are; nobody is believed where it is empty.
    pub networks: Vec<Network>,
    /// The one header that they all write.
    pub teller: Teller,
}

impl Proxies {
    /// Where the client is: the last address, from the gateway outwards, that is no trusted proxy's.
    /// `lines` are the lines of the header, in their order. None where a trusted proxy says no
    /// address of whom it asks for.
    #[must_use]
    pub fn client<'l>(
        &self,
        peer: Option<IpAddr>,
        lines: impl DoubleEndedIterator<Item = &'l [u8]>,
    ) -> Option<IpAddr> {
        let mut client = peer?.to_canonical();
        if !self.trusts(client) {
            return Some(client);
        }
        for line in lines.rev() {
            // What is no text is no address either.
            let line = std::str::from_utf8(line).ok()?;
            for entry in line.rsplit(',') {
                client = self.teller.node(entry).and_then(address)?;
                if !self.trusts(client) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }
}

/// An address with or without its port and the brackets of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = IpAddr::from_str(bare).ok();
    let parsed = parsed.or_else(|| SocketAddr::from_str(text).ok().map(|address| address.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(teller: Teller, peer: &str, lines: &[&str]) -> Option<String> {
        let networks = ["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap());
        let proxies = Proxies { networks: networks.to_vec(), teller };
        let lines = lines.iter().map(|line| line.as_bytes());
        proxies.client(Some(peer.parse().unwrap()), lines).map(|address| address.to_string())
    }

    fn by_list(peer: &str, lines: &[&str]) -> Option<String> {
        client(Teller::XForwardedFor, peer, lines)
    }

    #[test]
    fn who_is_no_trusted_proxy_is_the_client_whatever_it_says() {
        assert_eq!(by_list("192.0.2.1", &["198.51.100.7"]).as_deref(), Some("192.0.2.1"));
        let nobody = Proxies::default();
        let said = [&b"198.51.100.7"[..]];
        let peer = || Some([127, 0, 0, 1].into());
        assert_eq!(nobody.client(peer(), said.into_iter()), peer());
        assert_eq!(nobody.client(None, said.into_iter()), None);
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_is_the_client() {
        assert_eq!(by_list("10.0.0.1", &["198.51.100.7"]).as_deref(), Some("198.51.100.7"));
        // What stands before it the client may have written itself.
        assert_eq!(
            by_list("10.0.0.1", &["10.9.9.9, 198.51.100.7,10.2.3.4"]).as_deref(),
            Some("198.51.100.7")
        );
        assert_eq!(
            by_list("10.0.0.1", &["1.1.1.1, 198.51.100.7", "10.2.3.4"]).as_deref(),
            Some("198.51.100.7")
        );
        // All of them trusted: the first is the client.
        assert_eq!(by_list("10.0.0.1", &["10.7.7.7, 10.2.3.4"]).as_deref(), Some("10.7.7.7"));
        assert_eq!(by_list("10.0.0.1", &[]).as_deref(), Some("10.0.0.1"));
        assert_eq!(by_list("2001:db8:1::5", &["2001:db8:2::9"]).as_deref(), Some("2001:db8:2::9"));
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        for (said, expected) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8:2::9]:443", "2001:db8:2::9"),
            ("[2001:db8:2::9]", "2001:db8:2::9"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
        ] {
            assert_eq!(by_list("::ffff:10.0.0.1", &[said]).as_deref(), Some(expected), "{said}");
        }
    }

    #[test]
    fn an_address_that_is_none_leaves_the_client_unknown() {
        for said in ["", "unknown", "_hidden", "198.51.100", "198.51.100.7, junk", "a b", "1.1.1.1,", "%"] {
            assert_eq!(by_list("10.0.0.1", &[said]), None, "{said}");
        }
        // What lies behind the client harms nothing.
        assert_eq!(by_list("10.0.0.1", &["junk, 198.51.100.7"]).as_deref(), Some("198.51.100.7"));
        let broken: [&[u8]; 1] = [b"\xff\xfe"];
        let proxies = Proxies { networks: vec!["10.0.0.0/8".parse().unwrap()], ..Proxies::default() };
        assert_eq!(proxies.client(Some([10, 0, 0, 1].into()), broken.into_iter()), None);
    }

    #[test]
    fn the_other_headers_say_it_in_their_own_form() {
        let forwarded = |line| client(Teller::Forwarded, "10.0.0.1", &[line]);
        assert_eq!(forwarded("for=198.51.100.7;proto=https;by=10.0.0.1").as_deref(), Some("198.51.100.7"));
        assert_eq!(
            forwarded("for=1.1.1.1, proto=http;For=\"[2001:db8:2::9]:47\", for=10.2.3.4").as_deref(),
            Some("2001:db8:2::9")
        );
        assert_eq!((forwarded("for=unknown"), forwarded("proto=https")), (None, None));
        assert_eq!(client(Teller::XRealIp, "10.0.0.1", &["198.51.100.7"]).as_deref(), Some("198.51.100.7"));
    }
}
