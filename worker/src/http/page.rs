//! Pages of a list: how many, and from where. A cursor is opaque to clients; a page moves by nothing that is added meanwhile.

use std::collections::HashMap;
use std::str::FromStr;

use super::ApiError;

/// Rows of a page, unless asked otherwise.
const USUAL: u32 = 50;
/// Most rows of a page.
const MOST: u32 = 100;

/// The page that a query string asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery<C> {
    /// Rows wanted.
    pub limit: u32,
    /// Where it begins, behind this place.
    pub cursor: Option<C>,
}

impl<C: FromStr> PageQuery<C> {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// One of them is wrong; it is named.
    pub fn read(query: &HashMap<String, String>) -> Result<Self, ApiError> {
        let limit = match query.get("limit").map(|text| text.parse::<u32>()) {
            None => USUAL,
            Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
            Some(_) => {
                return Err(ApiError::field(
                    "limit",
                    format!("must be a whole number from 1 to {MOST}"),
                ));
            }
        };
        let cursor = match query.get("cursor").map(|text| text.parse::<C>()) {
            None => None,
            Some(Ok(cursor)) => Some(cursor),
            Some(Err(_)) => return Err(ApiError::field("cursor", "must be the next_cursor of an earlier page")),
        };
        Ok(Self { limit, cursor })
    }
}

/// Cuts what was read with one row too many to a page: where the next one begins, if there is one.
pub fn cut<T, C>(rows: &mut Vec<T>, limit: u32, place: impl Fn(&T) -> C) -> Option<C> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.last().filter(|_| more).map(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded_and_a_wrong_cursor_named() {
        let read = |pairs: &[(&str, &str)]| {
            let query = pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            PageQuery::<i32>::read(&query).map_err(|error| error.field.unwrap())
        };
        assert_eq!(
            read(&[]),
            Ok(PageQuery {
                limit: 50,
                cursor: None
            })
        );
        assert_eq!(
            read(&[("limit", "7"), ("cursor", "3")]),
            Ok(PageQuery {
                limit: 7,
                cursor: Some(3)
            })
        );
        for wrong in ["0", "101", "-1", "many", ""] {
            assert_eq!(read(&[("limit", wrong)]), Err("limit".into()));
        }
        assert_eq!(read(&[("cursor", "x")]), Err("cursor".into()));
    }

    #[test]
    fn only_a_page_that_has_a_next_one_says_where() {
        let mut rows = vec![1, 2, 3];
        assert_eq!(cut(&mut rows, 2, |row| *row), Some(2));
        assert_eq!(rows, [1, 2]);
        assert_eq!(cut(&mut rows, 2, |row| *row), None);
    }
}
