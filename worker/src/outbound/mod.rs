//! Calls that the worker makes to the outside: to providers, and to where an issuer publishes its keys. Each goes to the URL
//! of the configuration and nowhere else: no redirect is followed (it would carry a key and a prompt somewhere that no one
//! named), no proxy of the environment is used, no metadata address is connected to.

pub mod addresses;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::dns::Resolve;

use addresses::{Guarded, System};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// A client for one place outside.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    with_resolver(System)
}

/// A client that finds addresses with `resolver`.
///
/// # Errors
/// TLS cannot be set up.
fn with_resolver<R: Resolve + 'static>(resolver: R) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Guarded(Arc::new(resolver)))
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .build()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use reqwest::dns::{Addrs, Name, Resolving};
    use tokio::net::TcpListener;

    use super::*;

    /// Every name leads to these addresses.
    struct Fixed(Vec<SocketAddr>);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let addresses = self.0.clone();
            Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
        }
    }

    async fn get(addresses: Vec<SocketAddr>, url: &str) -> Result<reqwest::Response, reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        with_resolver(Fixed(addresses)).unwrap().get(url).send().await
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_metadata_address_is_never_connected_to() {
        for address in [
            "169.254.169.254:80",
            "[fd00:ec2::254]:80",
            "[::ffff:169.254.169.254]:80",
        ] {
            let error = get(vec![address.parse().unwrap()], "http://rebound.example/")
                .await
                .unwrap_err();
            assert!(error.is_connect(), "{address}: {error:?}");
            assert!(format!("{error:?}").contains("Forbidden"), "{address}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_name_with_an_allowed_address_besides_is_reached_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let allowed = listener.local_addr().unwrap();
        let url = format!("http://mixed.example:{}/", allowed.port());
        let both = vec!["169.254.169.254:80".parse().unwrap(), allowed];
        let (accepted, _) = tokio::join!(
            tokio::time::timeout(Duration::from_secs(2), listener.accept()),
            tokio::time::timeout(Duration::from_millis(500), get(both, &url))
        );
        assert!(accepted.unwrap().is_ok());
    }
}
