//! Serves the dashboard's files: by their tags, and to pages of this origin alone.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, REFERRER_POLICY};

use crate::admin::answer::Answer;
use crate::admin::ask::Ask;
use crate::admin::board::{self, File};

/// Nothing but what is served here may run, be shown or be asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The file at the path, if there is one.
pub(super) fn page(ask: &Ask) -> Option<Answer> {
    let File { kind, body } = board::file(&ask.path)?;
    let tag = format!("\"{:08x}-{:x}\"", crc32fast::hash(body), body.len());
    let known = ask.headers.get(IF_NONE_MATCH.as_str()).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|known| is_same(known, &tag)));
    let answer = if is_known { Answer::new(304, kind, "") } else { Answer::new(200, kind, body) };
    // A browser may keep it, and asks each time whether it is still the same.
    Some(
        answer
            .with(ETAG, &tag)
            .with(CACHE_CONTROL, "no-cache")
            .with(CONTENT_SECURITY_POLICY, POLICY)
            .with(REFERRER_POLICY, "no-referrer"),
    )
}

/// Whether a tag that a browser shows is this one; those who pack on the way make it a weak one.
fn is_same(known: &str, tag: &str) -> bool {
    let known = known.trim();
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_again_when_it_was_weakened() {
        assert!(is_same(" W/\"a-1\"", "\"a-1\"") && is_same("\"a-1\"", "\"a-1\"") && is_same("*", "\"a-1\""));
        assert!(!is_same("\"a-2\"", "\"a-1\""));
    }
}
