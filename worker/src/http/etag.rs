//! Entity tags, RFC 9110 section 8.8.3: the revision of what is edited. An edit that names the revision it saw is refused
//! where somebody else edited meanwhile; one that names none always goes through.

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::ApiError;

/// The tag of a revision.
pub fn tag(revision: i32) -> HeaderValue {
    // Digits between quotes are a header's value.
    HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The revision that the client saw; none for `*` or without the header.
///
/// # Errors
/// The header is not one of our tags.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i32>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(revision) => Ok(Some(revision)),
        None => Err(ApiError::field(
            "If-Match",
            "must be the ETag of an earlier answer, or *",
        )),
    }
}

/// The answer to an edit of what was edited meanwhile.
pub fn stale() -> ApiError {
    let detail = "If-Match: it was edited meanwhile; read it again and repeat the edit";
    ApiError::new(StatusCode::PRECONDITION_FAILED, "edited_meanwhile", detail).about("If-Match")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_as_its_revision() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_str(value).unwrap());
            if_match(&headers).ok()
        };
        assert_eq!(read(tag(7).to_str().unwrap()), Some(Some(7)));
        assert_eq!(read("*"), Some(None));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for wrong in ["7", "\"x\"", "W/\"7\"", "\"\"", "\"1\", \"2\""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
