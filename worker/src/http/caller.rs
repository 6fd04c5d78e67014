//! Who calls: the address, counted from the moment the request is seen, and the user, if the token proves one. A request
//! that is refused for its token was counted all the same, so tokens cannot be guessed faster than the limit.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::identity::UserId;
use crate::session::{Allowance, Refused};

use super::ApiError;

/// The other end of the connection, which the server notes on each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A caller whose token is good. Its limits are checked by [`Caller::within_limits`], or on the way of a turn.
pub struct Caller {
    /// The user.
    pub user: UserId,
    counting: JoinHandle<Result<Allowance, Refused>>,
}

impl Caller {
    /// The user, once neither its own nor its address's limit is used up.
    ///
    /// # Errors
    /// A limit is used up.
    pub async fn within_limits(self, app: &App) -> Result<UserId, ApiError> {
        let user = self.user;
        let (address, user_counted) = tokio::join!(self.address(), app.sessions.count_user(user));
        address?;
        user_counted?;
        Ok(user)
    }

    /// Where the address stands. Its round trip began with the request.
    ///
    /// # Errors
    /// Its limit is used up.
    pub async fn address(self) -> Result<(), Refused> {
        counted(self.counting).await
    }
}

async fn counted(counting: JoinHandle<Result<Allowance, Refused>>) -> Result<(), Refused> {
    // A count that did not come back counts as allowed: limits guard the service, they do not close it.
    counting.await.map_or(Ok(()), |counted| counted.map(|_| ()))
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let address = parts
            .extensions
            .get::<Peer>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
        let sessions = app.sessions.clone();
        let counting = tokio::spawn(async move { sessions.count_address(address).await });
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        match authorization.and_then(|value| app.auth.user(value)) {
            Some(user) => Ok(Self { user, counting }),
            None => {
                counted(counting).await?;
                Err(ApiError::unauthorized())
            }
        }
    }
}
