//! What a prompt carries besides text, and telling a picture's true type from its first bytes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// One image, document or sound of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `image`, `document`, `audio`, `video` or `file`.
    pub what: &'static str,
    /// The media type as declared; empty when the prompt only has a URL.
    pub kind: String,
    /// Decoded size, or the URL or id it is known by.
    pub source: Source,
}

/// Where the bytes of a [`Media`] are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the prompt: so many bytes.
    Inline(usize),
    /// Elsewhere, under this name.
    Remote(String),
}

impl Media {
    /// A media item given by its type; the word for it follows from the type.
    #[must_use]
    pub fn of_type(kind: &str, source: Source) -> Self {
        let what = match kind.split('/').next().unwrap_or_default() {
            "image" => "image",
            "audio" => "audio",
            "video" => "video",
            "application" | "text" => "document",
            _ => "file",
        };
        Self { what, kind: kind.to_owned(), source }
    }

    /// One from a URL: a `data:` URI is looked into.
    #[must_use]
    pub fn of_url(what: &'static str, url: &str) -> Self {
        match data_uri(url) {
            Some((kind, data)) => {
                Self { what, kind: kind.to_owned(), source: Source::Inline(decoded_len(data)) }
            }
            None => Self { what, kind: String::new(), source: Source::Remote(url.to_owned()) },
        }
    }
}

/// The media type and base64 text of a `data:` URI.
#[must_use]
pub fn data_uri(url: &str) -> Option<(&str, &str)> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((kind.strip_suffix(";base64")?, data))
}

fn decoded_len(data: &str) -> usize {
    let data = data.trim_end_matches('=');
    data.len() * 3 / 4
}

/// Decodes standard or URL-safe base64.
#[must_use]
pub fn decode(data: &str) -> Option<Vec<u8>> {
    STANDARD.decode(data).or_else(|_| URL_SAFE.decode(data)).ok()
}

/// The media type that the first bytes of a picture give away.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// "I see 1 image (image/png, 68 bytes)": what the model says of what it was shown.
#[must_use]
pub fn describe(media: &[Media]) -> String {
    let mut said = String::new();
    for what in ["image", "document", "audio", "video", "file"] {
        let of_kind: Vec<_> = media.iter().filter(|item| item.what == what).collect();
        if of_kind.is_empty() {
            continue;
        }
        let details: Vec<_> = of_kind
            .iter()
            .map(|item| match &item.source {
                Source::Inline(bytes) => format!("{}, {bytes} bytes", item.kind),
                Source::Remote(name) => name.clone(),
            })
            .collect();
        let plural = if of_kind.len() == 1 { "" } else { "s" };
        said.push_str(if said.is_empty() { "I see " } else { " and " });
        let (count, details) = (of_kind.len(), details.join("; "));
        said = format!("{said}{count} {what}{plural} ({details})");
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_described_by_type_and_size() {
        let picture = Media::of_url("image", "data:image/png;base64,iVBORw0KGgo=");
        assert_eq!(describe(&[picture]), "I see 1 image (image/png, 8 bytes)");
        let far = Media::of_url("image", "https://example.com/a.png");
        let text = Media::of_type("application/pdf", Source::Inline(3));
        assert_eq!(
            describe(&[text, far.clone(), far]),
            "I see 2 images (https://example.com/a.png; https://example.com/a.png) \
             and 1 document (application/pdf, 3 bytes)"
        );
    }
}
