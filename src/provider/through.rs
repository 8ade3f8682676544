//! Where a path of a vendor's own API lies, for requests that go through as they are.

use crate::ir::Dialect;

use super::url::Base;

/// The address and the path that a client means by `place`, a path with its leading slash, behind a
/// provider with these bases, the preferred first; `like` is the dialect that the path looks like.
///
/// People write the vendor's whole path, or what stands behind the base that they know, with or
/// without its version. So the path is laid over the base: what the two share is said once, and a
/// version of the client's takes the place of the base's own.
///
/// `None` for a path that leads upwards.
#[must_use]
pub fn join(
    spoken: &[(Dialect, Base)],
    own: &Base,
    like: Option<Dialect>,
    place: &str,
) -> Option<(Base, String)> {
    if leads_upwards(place) {
        return None;
    }
    let mut bases = spoken.iter().map(|(_, base)| base).chain([own]);
    let alike = spoken.iter().find(|(dialect, _)| Some(*dialect) == like).map(|(_, base)| base);
    let begins = |base: &&Base| !base.path.is_empty() && is_within(place, &base.path);
    let base = alike.or_else(|| bases.find(begins)).unwrap_or(own);
    if begins(&base) {
        return Some((base.clone(), place.to_owned()));
    }
    let path = base.path.as_str();
    // Google's sessions lie beside its versions.
    if place.starts_with("/ws/google.") {
        return Some((base.clone(), format!("{}{place}", before_version(path))));
    }
    // The longest end of the base that the place begins with.
    let ends = path.match_indices('/').map(|(at, _)| at);
    let shared = ends.into_iter().find(|at| path.get(*at..).is_some_and(|end| is_within(place, end)));
    let kept = match shared {
        Some(at) => path.get(..at).unwrap_or_default(),
        None if is_version(first(place)) => without_version(path),
        None => path,
    };
    Some((base.clone(), format!("{kept}{place}")))
}

fn is_within(place: &str, prefix: &str) -> bool {
    place.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn first(place: &str) -> &str {
    place.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// `v1`, `v2`, `v1beta`, `v1alpha1` …
fn is_version(part: &str) -> bool {
    let digits = part.strip_prefix('v').unwrap_or_default();
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase())
}

/// What stands before the first version in a path: all of it where there is none.
pub(super) fn before_version(path: &str) -> &str {
    let mut parts = path.match_indices('/').map(|(at, _)| at);
    let first = parts.find(|at| is_version(first(path.get(*at..).unwrap_or_default())));
    first.and_then(|at| path.get(..at)).unwrap_or(path)
}

fn without_version(path: &str) -> &str {
    match path.rsplit_once('/') {
        // Cohere's form of OpenAI's dialect lies beside its own versions.
        Some((before, last)) if is_version(last) => before.strip_suffix("/compatibility").unwrap_or(before),
        _ => path,
    }
}

/// Whether a part of the path leads to its parent, also when encoded or written as on Windows.
fn leads_upwards(place: &str) -> bool {
    let plain = place.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/");
    plain.split(['/', '\\']).any(|part| part == ".." || part == ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(own: &str, spoken: &[(Dialect, &str)], like: Option<Dialect>, place: &str) -> String {
        let base = |text: &str| Base::parse(text).unwrap();
        let spoken: Vec<_> = spoken.iter().map(|(dialect, text)| (*dialect, base(text))).collect();
        let (base, path) = join(&spoken, &base(own), like, place).unwrap();
        format!("{}{path}", base.authority())
    }

    #[test]
    fn a_path_is_laid_over_its_base() {
        for (own, place, expected) in [
            ("https://a/v1", "/v1/chat/completions", "a/v1/chat/completions"),
            ("https://a/v1", "/chat/completions", "a/v1/chat/completions"),
            ("https://a/v1", "/v2/files", "a/v2/files"),
            ("https://a", "/v1/messages", "a/v1/messages"),
            ("https://a/v1beta", "/v1beta/models/m:x", "a/v1beta/models/m:x"),
            ("https://a/v1beta", "/v1/models", "a/v1/models"),
            ("https://a/v1beta", "/upload/v1beta/files", "a/v1beta/upload/v1beta/files"),
            ("https://a/openai/v1", "/v1/models", "a/openai/v1/models"),
            ("https://a/openai/v1", "/openai/v1/models", "a/openai/v1/models"),
            ("https://a/openai/v1", "/models", "a/openai/v1/models"),
            ("https://a/v1", "/video/x", "a/v1/video/x"),
            ("https://a/v1", "/", "a/v1/"),
            ("https://a/v1beta", "/ws/google.x.BidiGenerateContent", "a/ws/google.x.BidiGenerateContent"),
            ("https://a/v1/projects/p/locations/l", "/ws/google.x.Y/Z", "a/ws/google.x.Y/Z"),
            ("https://a/compatibility/v1", "/v2/rerank", "a/v2/rerank"),
        ] {
            assert_eq!(joined(own, &[], None, place), expected, "{own} {place}");
        }
    }

    #[test]
    fn a_dialect_with_a_base_of_its_own_is_found_there() {
        let spoken =
            [(Dialect::OpenaiChat, "https://a/v1"), (Dialect::AnthropicMessages, "https://b/anthropic")];
        let like = Some(Dialect::AnthropicMessages);
        for (like, place, expected) in [
            (like, "/v1/messages", "b/anthropic/v1/messages"),
            (like, "/anthropic/v1/messages", "b/anthropic/v1/messages"),
            (None, "/anthropic/v1/files", "b/anthropic/v1/files"),
            (None, "/v1/files", "a/v1/files"),
            (Some(Dialect::GeminiGenerate), "/v1/files", "a/v1/files"),
        ] {
            assert_eq!(joined("https://a/v1", &spoken, like, place), expected, "{place}");
        }
    }

    #[test]
    fn no_path_leads_upwards() {
        let base = Base::parse("https://a/v1").unwrap();
        for place in ["/../admin", "/v1/../x", "/%2e%2E/x", "/a/.%2e/x", "/a%2f..%2fb", "/..\\x"] {
            assert_eq!(join(&[], &base, None, place), None, "{place}");
        }
        assert!(join(&[], &base, None, "/files/a..b/...").is_some());
    }
}
