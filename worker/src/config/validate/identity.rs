//! The rules on who is believed. Production refuses what would let a stranger choose who they are, or a page act for its
//! visitors; that there is no authentication at all cannot be said in the file.

use axum::http::HeaderName;
use companion_crds::Environment;
use companion_crds::config::WorkerConfig;
use reqwest::Url;

use super::ConfigError;
use crate::http::auth::is_reserved;
use crate::outbound::addresses::leads_to_forbidden;

/// Checks `auth`.
///
/// # Errors
/// The first rule that is broken, with the setting's place in the file.
pub fn check(config: &WorkerConfig) -> Result<(), ConfigError> {
    let auth = &config.auth;
    let production = config.environment == Environment::Production;
    if is_reserved(&auth.jwt.issuer) {
        let problem = "is the issuer of API keys' own users; take the one that your identity service puts into tokens";
        return Err(ConfigError::setting("auth.jwt.issuer", problem));
    }
    if let Some(url) = &auth.jwt.jwks_url {
        jwks_url(url, production)?;
    }
    if !auth.forwarded_user_header.is_empty() {
        HeaderName::try_from(auth.forwarded_user_header.as_str()).map_err(|_| {
            let problem = format!("{:?} is no name of a header", auth.forwarded_user_header);
            ConfigError::setting("auth.forwardedUserHeader", problem)
        })?;
    }
    for origin in &auth.cors.origins {
        match origin.as_str() {
            "*" if production => {
                let problem = "Production takes no *: name the origins of your pages";
                return Err(ConfigError::setting("auth.cors.origins", problem));
            }
            "*" => {}
            origin if is_origin(origin) => {}
            origin => {
                let problem = format!("{origin:?} is no origin as browsers send it, such as https://chat.example");
                return Err(ConfigError::setting("auth.cors.origins", problem));
            }
        }
    }
    Ok(())
}

fn jwks_url(text: &str, production: bool) -> Result<(), ConfigError> {
    let problem = |problem: String| Err(ConfigError::setting("auth.jwt.jwksURL", problem));
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return problem(error.to_string()),
    };
    if leads_to_forbidden(&url) {
        return problem("must not be an address of a metadata service".into());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if !production || is_private(&url) => Ok(()),
        "http" => problem(
            "Production takes no plain http from a public host: whoever sits in between would choose the keys; use https"
                .into(),
        ),
        other => problem(format!("{other}: is not supported; use https")),
    }
}

/// Whether `url` leads to this cluster or a private network, by its looks.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse() {
        Ok(std::net::IpAddr::V4(address)) => address.is_private() || address.is_loopback(),
        Ok(std::net::IpAddr::V6(address)) => address.is_unique_local() || address.is_loopback(),
        Err(_) => !host.contains('.') || host.ends_with(".svc") || host.ends_with(".svc.cluster.local"),
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    // A host may hold a star; browsers and we compare origins whole.
    if text.contains('*') {
        return false;
    }
    matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::example;

    fn problem(change: impl FnOnce(&mut WorkerConfig)) -> Option<String> {
        let mut config = example();
        config.environment = Environment::Production;
        change(&mut config);
        check(&config).err().map(|error| error.to_string())
    }

    #[test]
    fn production_takes_keys_in_the_clear_only_from_its_own_network() {
        let of = |url: &str| problem(|config| config.auth.jwt.jwks_url = Some(url.to_owned()));
        for url in [
            "https://id.example/jwks.json",
            "http://keycloak/jwks",
            "http://keycloak.auth.svc:8080/jwks",
            "http://keycloak.auth.svc.cluster.local/jwks",
            "http://10.0.0.7/jwks",
            "http://[fd00::7]/jwks",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
        for url in [
            "http://id.example/jwks.json",
            "http://8.8.8.8/jwks",
            "http://svc.evil.example/jwks",
            "http://10.0.0.7.evil.example/jwks",
            "http://keycloak@id.example/jwks",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(of(url).unwrap().starts_with("auth.jwt.jwksURL: "), "{url}");
        }
    }

    #[test]
    fn production_names_the_pages_that_may_call() {
        let of = |origin: &str| problem(|config| config.auth.cors.origins = vec![origin.to_owned()]);
        for origin in [
            "https://chat.example",
            "https://chat.example:8443",
            "http://localhost:3000",
        ] {
            assert_eq!(of(origin), None, "{origin}");
        }
        for origin in [
            "*",
            "null",
            "https://*.example",
            "https://chat.example/",
            "https://Chat.example",
            "https://chat.example:443",
            "chat.example",
            "",
        ] {
            assert!(of(origin).unwrap().starts_with("auth.cors.origins: "), "{origin}");
        }
        let mut config = example();
        config.auth.cors.origins = vec!["*".into()];
        assert!(check(&config).is_ok(), "Development may");
    }

    #[test]
    fn an_issuer_that_would_meet_the_keys_users_is_refused() {
        let text = problem(|config| config.auth.jwt.issuer = "urn:companion:api-key".into()).unwrap();
        assert!(text.starts_with("auth.jwt.issuer: "), "{text}");
    }

    #[test]
    fn a_header_that_can_be_none_is_refused() {
        let text = problem(|config| config.auth.forwarded_user_header = "X User".into()).unwrap();
        assert!(text.starts_with("auth.forwardedUserHeader: "), "{text}");
    }
}
