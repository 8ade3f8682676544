//! For which requests a target is.

/// What must hold of a request for a target to be asked; what is empty or absent always does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Its key belongs to one of these owners, or to what is below one.
    pub owners: Vec<String>,
    /// Its key has one of these labels.
    pub labels: Vec<String>,
    /// It has these headers, in small letters; `None` for whatever value.
    pub headers: Vec<(String, Option<String>)>,
    /// Its body has more bytes than this.
    pub larger_than: Option<u64>,
    /// Its body has at most so many bytes.
    pub at_most: Option<u64>,
    /// It has one of these.
    pub modalities: Vec<Modality>,
    /// Whether it asks for a stream.
    pub stream: Option<bool>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    /// Nothing but text.
    Text,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A document or another file.
    Document,
}

/// What is known of a request.
pub struct Facts<'r> {
    /// Whose its key is; "" where it has none.
    pub owner: &'r str,
    /// What its key is counted under besides.
    pub labels: &'r [&'r str],
    /// The value of a header.
    pub header: &'r dyn Fn(&str) -> Option<&'r str>,
    /// How many bytes its body has.
    pub size: u64,
    /// Whether it has one of those modalities.
    pub has: &'r dyn Fn(Modality) -> bool,
    /// Whether it asks for a stream.
    pub stream: bool,
}

impl When {
    /// Whether all of it holds.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let any =
            |list: &[String], is: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|one| is(one));
        let belongs = |owner: &str| {
            let below = facts.owner.strip_prefix(owner);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        any(&self.owners, &belongs)
            && any(&self.labels, &|label| facts.labels.contains(&label))
            && self.headers.iter().all(|(name, value)| {
                (facts.header)(name).is_some_and(|found| value.as_deref().is_none_or(|value| value == found))
            })
            && self.larger_than.is_none_or(|bound| facts.size > bound)
            && self.at_most.is_none_or(|bound| facts.size <= bound)
            && self.stream.is_none_or(|stream| stream == facts.stream)
            && (self.modalities.is_empty() || self.modalities.iter().any(|modality| (facts.has)(*modality)))
    }
}

impl Modality {
    /// Whether a body of a request, in whatever dialect, has it. A text that quotes one of these words has
    /// its quotes escaped.
    #[must_use]
    pub fn is_in(self, body: &[u8]) -> bool {
        let has =
            |words: &[&str]| words.iter().any(|word| memchr::memmem::find(body, word.as_bytes()).is_some());
        match self {
            Self::Text => ![Self::Image, Self::Audio, Self::Document].iter().any(|other| other.is_in(body)),
            Self::Image => has(&[
                "\"image_url\"",
                "\"input_image\"",
                "\"image\"",
                "\"images\"",
                "\"image/png\"",
                "\"image/jpeg\"",
                "\"image/webp\"",
                "\"image/gif\"",
                "\"image/heic\"",
                "\"image/heif\"",
            ]),
            Self::Audio => has(&["\"input_audio\"", "\"audio/"]),
            Self::Document => {
                has(&["\"document\"", "\"input_file\"", "\"file\"", "\"application/pdf\"", "\"file_data\""])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(when: &When, owner: &str, size: u64, body: &str) -> bool {
        let header = |name: &str| (name == "x-tier").then_some("gold");
        let has = |modality: Modality| modality.is_in(body.as_bytes());
        let facts = Facts { owner, labels: &["prod"], header: &header, size, has: &has, stream: true };
        when.holds(&facts)
    }

    #[test]
    fn each_condition_must_hold() {
        let owners = When { owners: vec!["acme/search".into()], ..When::default() };
        assert!(holds(&owners, "acme/search", 0, "") && holds(&owners, "acme/search/api", 0, ""));
        assert!(!holds(&owners, "acme/searching", 0, "") && !holds(&owners, "acme", 0, ""));
        let labels = |label: &str| When { labels: vec!["x".into(), label.into()], ..When::default() };
        assert!(holds(&labels("prod"), "", 0, "") && !holds(&labels("test"), "", 0, ""));
        let header = |name: &str, value: Option<&str>| When {
            headers: vec![(name.into(), value.map(str::to_owned))],
            ..When::default()
        };
        assert!(
            holds(&header("x-tier", None), "", 0, "") && holds(&header("x-tier", Some("gold")), "", 0, "")
        );
        assert!(
            !holds(&header("x-tier", Some("tin")), "", 0, "") && !holds(&header("x-none", None), "", 0, "")
        );
        let sizes = When { larger_than: Some(10), at_most: Some(20), ..When::default() };
        assert_eq!([10, 11, 20, 21].map(|size| holds(&sizes, "", size, "")), [false, true, true, false]);
        let stream = |stream| When { stream: Some(stream), ..When::default() };
        assert!(holds(&stream(true), "", 0, "") && !holds(&stream(false), "", 0, ""));
    }

    #[test]
    fn modalities_are_seen_in_bodies_of_every_dialect_and_not_in_what_is_said() {
        for (modality, body) in [
            (Modality::Image, r#"{"type":"image_url","image_url":{"url":"https://x"}}"#),
            (Modality::Image, r#"{"type":"image","source":{"type":"base64"}}"#),
            (Modality::Image, r#"{"inlineData":{"mimeType":"image/png"}}"#),
            (Modality::Image, r#"{"messages":[{"content":"x","images":["aGk="]}]}"#),
            (Modality::Image, r#"{"content":[{"image":{"format":"png"}}]}"#),
            (Modality::Audio, r#"{"type":"input_audio"}"#),
            (Modality::Audio, r#"{"inlineData":{"mimeType":"audio/mp3"}}"#),
            (Modality::Document, r#"{"type":"document"}"#),
            (Modality::Document, r#"{"type":"input_file"}"#),
            (Modality::Text, r#"{"content":"say \"image_url\" and \"input_audio\", \"file\""}"#),
        ] {
            assert!(modality.is_in(body.as_bytes()), "{body}");
            assert_eq!(Modality::Text.is_in(body.as_bytes()), modality == Modality::Text, "{body}");
        }
    }
}
