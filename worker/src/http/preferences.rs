//! `/api/v1/preferences`: what a user wants to be called, and where they are. It enters every prompt, as data.

use std::str::FromStr as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::app::App;
use crate::store::{Edited, Preferences};

use super::body::{JsonBody, present};
use super::caller::Caller;
use super::openapi::PreferencesEdit;
use super::{ApiError, etag};

/// Longest name and pronouns, in characters.
const NAME: usize = 100;
const PRONOUNS: usize = 40;
/// Longest language tag (RFC 5646 section 4.4.1).
const LANGUAGE: usize = 35;
/// Tries where somebody else edits meanwhile and the client did not say what it saw.
const TRIES: u32 = 3;

/// The caller's preferences.
#[utoipa::path(
    get,
    path = "/api/v1/preferences",
    operation_id = "get_preferences",
    tag = "preferences",
    responses((status = 200, body = Preferences)),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    Ok(shown(app.store.preferences(user).await?))
}

/// Changes those that are named; null takes one away.
#[utoipa::path(
    patch,
    path = "/api/v1/preferences",
    operation_id = "edit_preferences",
    tag = "preferences",
    params(("If-Match" = Option<String>, Header, description = "the ETag of what is edited")),
    request_body = PreferencesEdit,
    responses(
        (status = 200, body = Preferences),
        (status = 412, description = "they were edited meanwhile"),
    ),
)]
pub async fn edit(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let (body, seen) = (body?, etag::if_match(&headers)?);
    let edit = Edit::read(&body.fields)?;
    for _ in 0..TRIES {
        let mut wanted = app.store.preferences(user).await?;
        if seen.is_some_and(|seen| seen != wanted.revision) {
            return Err(etag::stale());
        }
        edit.apply(&mut wanted);
        if let Edited::Done(kept) = app.store.put_preferences(user, &wanted).await? {
            return Ok(shown(kept));
        }
    }
    Err(etag::stale())
}

fn shown(preferences: Preferences) -> Response {
    ([(ETAG, etag::tag(preferences.revision))], Json(preferences)).into_response()
}

/// What is to change: none of a field that was not named.
struct Edit {
    name: Option<Option<String>>,
    pronouns: Option<Option<String>>,
    language: Option<Option<String>>,
    time_zone: Option<Option<String>>,
}

impl Edit {
    fn read(fields: &Map<String, Value>) -> Result<Self, ApiError> {
        let edit = Self {
            name: field(fields, "name", |text| line(text, NAME))?,
            pronouns: field(fields, "pronouns", |text| line(text, PRONOUNS))?,
            language: field(fields, "language", language)?,
            time_zone: field(fields, "time_zone", time_zone)?,
        };
        let all = [&edit.name, &edit.pronouns, &edit.language, &edit.time_zone];
        if all.iter().all(|field| field.is_none()) {
            let problem = "is required, or pronouns, language or time_zone; null takes one away";
            return Err(ApiError::field("name", problem));
        }
        Ok(edit)
    }

    fn apply(&self, preferences: &mut Preferences) {
        let change = |kept: &mut Option<String>, edit: &Option<Option<String>>| {
            if let Some(wanted) = edit {
                kept.clone_from(wanted);
            }
        };
        change(&mut preferences.name, &self.name);
        change(&mut preferences.pronouns, &self.pronouns);
        change(&mut preferences.language, &self.language);
        change(&mut preferences.time_zone, &self.time_zone);
    }
}

fn field(
    fields: &Map<String, Value>,
    name: &str,
    check: impl Fn(&str) -> Result<String, String>,
) -> Result<Option<Option<String>>, ApiError> {
    if !fields.contains_key(name) {
        return Ok(None);
    }
    let Some(value) = present(fields, name) else {
        return Ok(Some(None));
    };
    let text = value
        .as_str()
        .ok_or_else(|| ApiError::field(name, "must be text or null"))?;
    check(text)
        .map(|text| Some(Some(text)))
        .map_err(|problem| ApiError::field(name, problem))
}

/// One line.
fn line(text: &str, most: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(format!("must be 1 to {most} characters on one line"));
    }
    Ok(text)
}

fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let plain =
        |part: &str, least| part.len() >= least && part.len() <= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = parts
        .next()
        .is_some_and(|part| plain(part, 2) && part.bytes().all(|b| b.is_ascii_alphabetic()));
    if text.len() <= LANGUAGE && first && parts.all(|part| plain(part, 1)) {
        return Ok(text.to_owned());
    }
    Err("must be a language tag such as pt or en-GB".into())
}

fn time_zone(text: &str) -> Result<String, String> {
    Tz::from_str(text)
        .map(|zone| zone.name().to_owned())
        .map_err(|_| "must be a time zone such as Europe/Lisbon".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_can_stand_in_a_prompt() {
        assert_eq!(line("  Ada\n Lovelace ", NAME).unwrap(), "Ada Lovelace");
        for wrong in ["", " \n", "a\0b", &"x".repeat(101)] {
            assert!(line(wrong, NAME).is_err(), "{wrong:?}");
        }
        for good in ["pt", "en-GB", "zh-Hant-TW", "de-1996"] {
            assert_eq!(language(good).unwrap(), good);
        }
        for wrong in ["", "e", "english please", "en_GB", "-en", "en-", "12"] {
            assert!(language(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(time_zone("Europe/Lisbon").unwrap(), "Europe/Lisbon");
        assert!(time_zone("Lisbon").is_err());
    }
}
