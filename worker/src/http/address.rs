//! Which address a request comes from. `X-Forwarded-For` is what anybody writes, and each proxy adds whom it heard: so it
//! is read from the right, for as long as what it was heard from is a proxy that we trust. The first address that is none is
//! the caller's; what stands left of it is only its word.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::ConfigError;

const HEADER: &str = "x-forwarded-for";
const SETTING: &str = "auth.trustedProxies";

/// Networks of proxies that are believed.
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The `networks` as they are written.
    ///
    /// # Errors
    /// One is none.
    pub fn new(networks: &[String]) -> Result<Self, ConfigError> {
        let read = |text: &String| {
            text.parse()
                .map_err(|_| ConfigError::setting(SETTING, format!("{text:?} is no network, such as 10.0.0.0/8")))
        };
        networks.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The caller's address of a request that came from `peer`.
    pub fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut caller = peer.to_canonical();
        let lines: Vec<&str> = headers
            .get_all(HEADER)
            .iter()
            .map(|line| line.to_str().unwrap_or_default())
            .collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trusts(caller) {
                break;
            }
            // What cannot be read was not written by a proxy of ours: the last one that we know is the caller.
            let Some(address) = address(hop.trim()) else { break };
            caller = address;
        }
        caller
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, which some proxies write with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    bare()
        .or_else(with_port)
        .or_else(in_brackets)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, lines: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(String::from);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, line.parse().unwrap());
        }
        let trusted = TrustedProxies::new(&networks).unwrap();
        trusted.caller(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_caller_who_is_no_proxy_of_ours_is_believed_nothing() {
        assert_eq!(caller("203.0.113.7", &["1.1.1.1"]), "203.0.113.7");
        assert_eq!(caller("203.0.113.7", &["10.0.0.1"]), "203.0.113.7");
    }

    #[test]
    fn the_caller_is_the_first_from_the_right_that_is_no_proxy_of_ours() {
        assert_eq!(caller("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(caller("10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.9.9.9"]), "203.0.113.7");
        assert_eq!(
            caller("10.0.0.1", &["1.1.1.1", "203.0.113.7", "10.9.9.9"]),
            "203.0.113.7"
        );
        assert_eq!(caller("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(caller("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        assert_eq!(caller("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(caller("10.0.0.1", &["1.1.1.1, , 10.0.0.2"]), "10.0.0.2");
        assert_eq!(caller("10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        assert_eq!(caller("::ffff:10.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(caller("fd00::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(caller("fd00::1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(caller("10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn what_is_no_network_is_named() {
        let text = TrustedProxies::new(&["10.0.0.1".into()]).err().unwrap().to_string();
        assert_eq!(
            text,
            "auth.trustedProxies: \"10.0.0.1\" is no network, such as 10.0.0.0/8"
        );
    }
}
