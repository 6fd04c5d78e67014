//! Who calls. In: a request's head; out: a [`Caller`] that is proven, and is being counted from the moment it is seen: a
//! server by its API key, anybody else by the address, so that tokens cannot be guessed faster than the limit.
//!
//! For which user a request is: a token's is its own, whatever else the request names. A key that may `act-as` says whom
//! it acts for, in our header, the configured one or OpenAI's `user`, in this order. A key that may not is a user of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use companion_crds::api_key::Scope;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::identity::UserId;
use crate::session::{Allowance, Refused};

use super::ApiError;
use super::auth::{Identity, Unproven, is_subject};
use super::body::present;

/// Names the user that an API key acts for.
const USER_HEADER: &str = "X-Companion-User";
/// The same, in OpenAI's bodies.
const USER_FIELD: &str = "user";

/// The other end of the connection, which the server notes on each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A caller whose token or key is good. Its limits are checked by [`Caller::within_limits`], or on the way of a turn.
pub struct Caller {
    app: Arc<App>,
    identity: Identity,
    /// Whom the headers name.
    named: Option<Named>,
    counting: Counting,
}

/// A user by the name that the issuer has for them.
struct Named {
    /// Where the name stood.
    place: String,
    subject: String,
}

type Counting = JoinHandle<Result<Allowance, Refused>>;

impl Caller {
    /// Whether it may do what `scope` names.
    ///
    /// # Errors
    /// It may not.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.identity.scopes().contains(&scope) {
            return Ok(());
        }
        let whose = match self.identity {
            Identity::User(_) => "a user's token",
            Identity::Key(_) => "the API key",
        };
        let detail = format!("this needs the scope {scope}, which {whose} does not have");
        Err(ApiError::forbidden("missing_scope", detail))
    }

    /// The name of the API key; empty for a user's token.
    pub fn key(&self) -> &str {
        match &self.identity {
            Identity::User(_) => "",
            Identity::Key(key) => &key.name,
        }
    }

    /// The user that the request is for, as its head says.
    ///
    /// # Errors
    /// The key may not chat, names nobody, or names somebody and may not.
    pub fn user(&self) -> Result<UserId, ApiError> {
        self.acting_for(self.named.as_ref())
    }

    /// The user that the request is for, as its head says or else the `user` in its body.
    ///
    /// # Errors
    /// As [`Caller::user`], or the field is no text.
    pub fn user_or_named_in(&self, fields: &Map<String, Value>) -> Result<UserId, ApiError> {
        let subject = match present(fields, USER_FIELD) {
            None => None,
            Some(Value::String(subject)) => Some(subject),
            Some(_) => return Err(ApiError::field(USER_FIELD, "must be text")),
        };
        // Clients set the field for other ends too: it is only read where it can mean something.
        if self.named.is_some() || matches!(self.identity, Identity::User(_)) {
            return self.user();
        }
        let named = subject.map(|subject| Named::new(USER_FIELD, subject)).transpose()?;
        self.acting_for(named.as_ref())
    }

    fn acting_for(&self, named: Option<&Named>) -> Result<UserId, ApiError> {
        let key = match &self.identity {
            Identity::User(user) => return Ok(*user),
            Identity::Key(key) => key,
        };
        self.require(Scope::Chat)?;
        match named {
            Some(named) => {
                self.require(Scope::ActAs)
                    .map_err(|error| error.about(named.place.clone()))?;
                Ok(self.app.auth.user(&named.subject))
            }
            None if key.scopes.contains(&Scope::ActAs) => {
                let forwarded = self.app.config.auth.forwarded_user_header.as_str();
                let forwarded = if forwarded.is_empty() {
                    String::new()
                } else {
                    format!(", {forwarded}")
                };
                let detail = format!(
                    "this API key acts for users: name one in the header {USER_HEADER}{forwarded} or in the body's {USER_FIELD}"
                );
                Err(ApiError::new(StatusCode::BAD_REQUEST, "user_required", detail).about(USER_HEADER))
            }
            None => Ok(self.app.auth.user_of_key(key)),
        }
    }

    /// The user, once no limit of theirs or of the caller's own is used up.
    ///
    /// # Errors
    /// A limit is used up, or it is for no user.
    pub async fn within_limits(self, app: &App) -> Result<UserId, ApiError> {
        let user = match self.user() {
            Ok(user) => user,
            Err(error) => {
                self.counted().await?;
                return Err(error);
            }
        };
        let (own, of_user) = tokio::join!(self.counted(), app.sessions.count_user(user));
        own?;
        of_user?;
        Ok(user)
    }

    /// Leave for what is about no user, once no limit is used up. Clients ask such things with a key before they have a user.
    ///
    /// # Errors
    /// A limit is used up, or the key may not chat.
    pub async fn may_look(self, app: &App) -> Result<(), ApiError> {
        if let Identity::User(_) = self.identity {
            return self.within_limits(app).await.map(|_| ());
        }
        let may = self.require(Scope::Chat);
        self.counted().await?;
        may
    }

    /// Where the caller stands: the key, or the address. The round trip began with the request.
    ///
    /// # Errors
    /// Its limit is used up.
    pub async fn counted(self) -> Result<(), Refused> {
        counted(self.counting).await
    }
}

impl Named {
    fn new(place: &str, subject: &str) -> Result<Self, ApiError> {
        if !is_subject(subject) {
            return Err(ApiError::field(
                place,
                "must be the name of a user, of at most 512 bytes",
            ));
        }
        Ok(Self {
            place: place.to_owned(),
            subject: subject.to_owned(),
        })
    }

    /// The user whom the header `name` names.
    fn in_header(headers: &HeaderMap, name: &str) -> Result<Option<Self>, ApiError> {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let text = str::from_utf8(value.as_bytes()).map_err(|_| ApiError::field(name, "must be UTF-8"))?;
                Self::new(name, text).map(Some)
            }
            (Some(_), Some(_)) => Err(ApiError::field(name, "must be there once")),
        }
    }
}

async fn counted(counting: Counting) -> Result<(), Refused> {
    // A count that did not come back counts as allowed: limits guard the service, they do not close it.
    counting.await.map_or(Ok(()), |counted| counted.map(|_| ()))
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sessions = app.sessions.clone();
        if let Some(key) = authorization.and_then(|value| app.auth.key(value)) {
            let name = key.name.clone();
            let counting = tokio::spawn(async move { sessions.count_key(&name).await });
            return match named(&parts.headers, app) {
                Ok(named) => Ok(Self {
                    app: Arc::clone(app),
                    identity: Identity::Key(key),
                    named,
                    counting,
                }),
                Err(error) => {
                    counted(counting).await?;
                    Err(error)
                }
            };
        }

        let peer = parts.extensions.get::<Peer>();
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
        let address = app.proxies.caller(peer, &parts.headers);
        let counting = tokio::spawn(async move { sessions.count_address(address).await });
        let proven = match authorization {
            Some(value) => app.auth.token(value).await,
            None => Err(Unproven::Invalid),
        };
        let error = match proven {
            Ok(user) => {
                return Ok(Self {
                    app: Arc::clone(app),
                    identity: Identity::User(user),
                    named: None,
                    counting,
                });
            }
            Err(Unproven::Invalid) => ApiError::unauthorized(),
            Err(Unproven::NoKeys) => ApiError::no_keys(),
        };
        counted(counting).await?;
        Err(error)
    }
}

/// Whom the headers of a request with an API key name.
fn named(headers: &HeaderMap, app: &App) -> Result<Option<Named>, ApiError> {
    let ours = Named::in_header(headers, USER_HEADER)?;
    let forwarded = app.config.auth.forwarded_user_header.as_str();
    if ours.is_some() || forwarded.is_empty() {
        return Ok(ours);
    }
    Named::in_header(headers, forwarded)
}
