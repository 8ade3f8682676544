//! What a provider keeps under an id: files, batches, videos. The id belongs to the provider that gave
//! it, so its name follows the id wherever there is a choice: `file-abc~azure`.
//!
//! Nothing is remembered for it. An id without a name is that of the first provider of the dialect.

use crate::ir::Dialect;

/// What stands between an id and its owner's name; no provider's ids have it, and no URL encodes it.
const MARK: char = '~';

/// How the ids begin that providers give.
const BEGINNINGS: [&str; 8] = ["file-", "file_", "batch_", "msgbatch_", "video_", "upload_", "part_", "rtc_"];

/// A kind of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Files, and the uploads that become files.
    Files,
    /// Batches of requests.
    Batches,
    /// Videos.
    Videos,
    /// Calls that go on, over WebRTC or a telephone.
    Calls,
}

impl Kept {
    /// What a place below a version's path speaks of, and in which dialect; `spoken` is the one that
    /// the client's headers tell.
    #[must_use]
    pub fn at(place: &str, spoken: Option<Dialect>) -> Option<(Self, Dialect)> {
        // Google's files and batches have names of another kind.
        if spoken == Some(Dialect::GeminiGenerate) {
            return None;
        }
        let first = place.split('/').next()?;
        let kept = match first {
            "files" | "uploads" => Self::Files,
            "batches" => Self::Batches,
            "videos" => Self::Videos,
            "realtime" if place.strip_prefix("realtime/calls/").is_some_and(|rest| !rest.is_empty()) => {
                Self::Calls
            }
            "messages" if is_within(place, "messages/batches") => {
                return Some((Self::Batches, Dialect::AnthropicMessages));
            }
            _ => return None,
        };
        let anthropic = kept == Self::Files && spoken == Some(Dialect::AnthropicMessages);
        Some((kept, if anthropic { Dialect::AnthropicMessages } else { Dialect::OpenaiChat }))
    }

    /// The name of the operation in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Batches => "batches",
            Self::Videos => "videos",
            Self::Calls => "realtime_calls",
        }
    }

    /// Whether the answers that this place gives may be those of a batch, one a line.
    #[must_use]
    pub fn gives_results(place: &str) -> bool {
        let place = place.trim_end_matches('/');
        place.ends_with("/results") || (place.contains("files/") && place.ends_with("/content"))
    }
}

fn is_within(place: &str, folder: &str) -> bool {
    place.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A text without the owners' names that follow ids in it, and the first owner that was named. Only
/// names that `is_owner` knows are taken off.
#[must_use]
pub fn strip(text: &str, is_owner: impl Fn(&str) -> bool) -> (String, Option<String>) {
    let mut out = String::with_capacity(text.len());
    let mut owner = None;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        out.push_str(before);
        let end = after.find(|c| !is_of_a_name(c)).unwrap_or(after.len());
        let (name, behind) = after.split_at_checked(end).unwrap_or((after, ""));
        if before.ends_with(is_of_an_id) && is_owner(name) {
            owner.get_or_insert_with(|| name.to_owned());
            rest = behind;
        } else {
            out.push(MARK);
            rest = after;
        }
    }
    out.push_str(rest);
    (out, owner)
}

/// A JSON answer in which the owner's name follows every id, unless it is "", and in which the address
/// of results is one of the gateway's, whatever that is called outside.
#[must_use]
pub fn named(answer: &str, owner: &str) -> String {
    let own = here(answer, owner);
    if owner.is_empty() {
        return own;
    }
    let mut out = String::with_capacity(own.len() + 64);
    let mut rest = own.as_str();
    while let Some((before, after)) = rest.split_once('"') {
        out.push_str(before);
        out.push('"');
        let end = after.find(|c| !is_of_an_id(c)).unwrap_or(after.len());
        let (text, behind) = after.split_at_checked(end).unwrap_or((after, ""));
        let is_id = behind.starts_with('"') && BEGINNINGS.iter().any(|beginning| text.starts_with(beginning));
        // A key is followed by a colon.
        let is_key = behind.get(1..).is_some_and(|behind| behind.trim_start().starts_with(':'));
        if is_id && !is_key {
            out.push_str(text);
            out.push(MARK);
            out.push_str(owner);
            rest = behind;
        } else {
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Anthropic's clients ask for results at the address that a batch names.
fn here(answer: &str, owner: &str) -> String {
    const ADDRESS: &str = "\"results_url\":";
    let mut out = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some((before, after)) = rest.split_once(ADDRESS) {
        out.push_str(before);
        out.push_str(ADDRESS);
        rest = after;
        let text = after.trim_start();
        let Some(end) = text.strip_prefix('"').and_then(|text| text.find('"')) else { continue };
        let (address, behind) = text.split_at_checked(end + 1).unwrap_or((text, ""));
        let Some(at) = address.find("/v1/messages/batches/") else { continue };
        let path = address.get(at..).unwrap_or_default();
        out.push('"');
        match path.strip_suffix("/results").filter(|_| !owner.is_empty()) {
            Some(batch) => out.extend([batch, "~", owner, "/results"]),
            None => out.push_str(path),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn is_of_an_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_of_a_name(c: char) -> bool {
    is_of_an_id(c) || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_put_behind_ids_and_taken_off_again() {
        let answer = r#"{"id":"batch_1","object":"batch","file_id":null,"input_file_id": "file-abc", "file-x":"a","metadata":{"text":"a \"file-abc\" ~ b"},"data":["file_1","profile-1"]}"#;
        let told = named(answer, "my.azure");
        let expected = r#"{"id":"batch_1~my.azure","object":"batch","file_id":null,"input_file_id": "file-abc~my.azure", "file-x":"a","metadata":{"text":"a \"file-abc\" ~ b"},"data":["file_1~my.azure","profile-1"]}"#;
        assert_eq!(told, expected);
        assert_eq!(strip(&told, |name| name == "my.azure"), (answer.to_owned(), Some("my.azure".to_owned())));
        assert_eq!(strip(&told, |_| false), (told.clone(), None));
        assert_eq!(strip("/v1/files/file-1~b/content", |name| name == "b").0, "/v1/files/file-1/content");
    }

    #[test]
    fn results_are_asked_for_here() {
        let batch = r#"{"id":"msgbatch_1","results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results","x":1}"#;
        assert_eq!(
            named(batch, ""),
            r#"{"id":"msgbatch_1","results_url":"/v1/messages/batches/msgbatch_1/results","x":1}"#
        );
        assert_eq!(
            named(batch, "b"),
            r#"{"id":"msgbatch_1~b","results_url":"/v1/messages/batches/msgbatch_1~b/results","x":1}"#
        );
        let none = r#"{"id":"msgbatch_1","results_url":null}"#;
        assert_eq!(named(none, ""), none);
    }

    #[test]
    fn places_are_known_in_the_dialect_that_has_them() {
        let anthropic = Some(Dialect::AnthropicMessages);
        for (place, spoken, kept) in [
            ("files", None, Some((Kept::Files, Dialect::OpenaiChat))),
            ("files/file-1/content", anthropic, Some((Kept::Files, Dialect::AnthropicMessages))),
            ("batches/batch_1/cancel", anthropic, Some((Kept::Batches, Dialect::OpenaiChat))),
            ("messages/batches", None, Some((Kept::Batches, Dialect::AnthropicMessages))),
            ("messages/batchesque", None, None),
            ("filesystem", None, None),
            ("realtime/calls/rtc_1/accept", None, Some((Kept::Calls, Dialect::OpenaiChat))),
            ("realtime/calls/", None, None),
            ("files", Some(Dialect::GeminiGenerate), None),
        ] {
            assert_eq!(Kept::at(place, spoken), kept, "{place}");
        }
        assert!(Kept::gives_results("/v1/files/file-1/content"));
        assert!(Kept::gives_results("/v1/messages/batches/msgbatch_1/results"));
        assert!(!Kept::gives_results("/v1/videos/video_1/content"));
    }
}
