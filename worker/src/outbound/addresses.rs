//! Addresses that are never called: those of the cloud's metadata service, which gives the node's own credentials to whoever
//! asks. A name is judged by the addresses behind it, at the moment of connecting; an address in a URL is judged when the
//! configuration is read, because no resolver sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Amazon's metadata service over IPv6; over IPv4 every cloud has it in 169.254.0.0/16.
const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// A name leads nowhere else.
#[derive(Debug, thiserror::Error)]
#[error("the name leads only to addresses of a metadata service, which are never called")]
struct Forbidden;

/// Whether nothing may connect to `address`.
pub fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || address == METADATA
                || inner(address).is_some_and(|inner| inner.is_link_local())
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible (RFC 4291), or through NAT64 (RFC 6052).
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(Ipv4Addr::new(a, b, c, d)),
        _ => None,
    }
}

/// Whether the host of `url` is an address that is never called.
pub fn leads_to_forbidden(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().is_ok_and(is_forbidden)
}

/// The system's resolver.
pub struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 is replaced by the URL's.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A resolver whose answers hold no forbidden address.
pub struct Guarded<R>(pub Arc<R>);

impl<R: Resolve + 'static> Resolve for Guarded<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let found = resolver.resolve(name).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| !is_forbidden(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_forbidden_in_every_spelling_and_others_are_not() {
        for forbidden in [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(is_forbidden(forbidden.parse().unwrap()), "{forbidden}");
        }
        for allowed in [
            "10.0.0.1",
            "127.0.0.1",
            "::1",
            "192.0.2.1",
            "fd00:ec2::253",
            "2001:db8::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_forbidden(allowed.parse().unwrap()), "{allowed}");
        }
    }

    #[test]
    fn an_address_in_a_url_is_seen_however_it_is_written() {
        for url in [
            "http://169.254.169.254/v1",
            "https://0xA9FEA9FE/v1",
            "https://2852039166/v1",
            "https://[::ffff:169.254.169.254]/v1",
            "https://[fe80::1]:8000/v1",
        ] {
            assert!(leads_to_forbidden(&Url::parse(url).unwrap()), "{url}");
        }
        for url in ["https://api.example/v1", "http://10.0.0.1/v1", "https://[::1]/v1"] {
            assert!(!leads_to_forbidden(&Url::parse(url).unwrap()), "{url}");
        }
    }
}
