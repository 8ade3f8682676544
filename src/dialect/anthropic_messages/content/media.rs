//! Pictures and documents: the `source` object, both ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Losses, Media, Source};
use crate::wire::json::{Json, Object};

/// Reads an image or document block; `None` when its source is one that only this dialect has
/// (a document made of blocks).
pub(super) fn read(json: &Json<'_>) -> Option<Media> {
    let source = json.field("source")?;
    let text = |key: &str| source.field(key).and_then(Json::as_str).map(str::to_owned);
    let bytes = match source.field("type").and_then(Json::as_str)? {
        "base64" => Source::Base64(text("data")?),
        "url" => Source::Url(text("url")?),
        "file" => Source::File(text("file_id")?),
        "text" => Source::Text(text("data")?),
        _ => return None,
    };
    let title = json.field("title").and_then(Json::as_str).map(str::to_owned);
    Some(Media { name: title, ..Media::new(bytes, text("media_type")) })
}

/// The header beta without which a `file` source is refused.
pub(super) const FILES_BETA: &str = "files-api-2025-04-14";

/// What a document is sent as.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// As it is.
    AsIs,
    /// As the text that its base64 holds.
    Text(String),
}

/// How a document can be sent, if at all: bytes must be a PDF or text.
pub(super) fn document_form(media: &Media) -> Option<Sent> {
    let Source::Base64(data) = &media.source else { return Some(Sent::AsIs) };
    let is_pdf = starts(data, b"%PDF");
    let declared = media.media_type.as_deref().unwrap_or_default();
    if is_pdf || declared == "application/pdf" || declared.is_empty() {
        return Some(Sent::AsIs);
    }
    let textual = declared.starts_with("text/") || matches!(declared, "application/json" | "application/xml");
    if !textual {
        return None;
    }
    let bytes = STANDARD.decode(data).ok()?;
    String::from_utf8(bytes).ok().map(Sent::Text)
}

/// Writes the `source` of an image.
pub(super) fn write_image(media: &Media, o: &mut Object<'_>, losses: &mut Losses) {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.dropped("messages.content.image.detail", "pictures have no detail there");
    }
    o.object("source", |o| match &media.source {
        Source::Base64(data) | Source::Text(data) => {
            o.string("type", "base64");
            o.string("media_type", image_type(data, media.media_type.as_deref()).unwrap_or(PNG));
            o.string("data", data);
        }
        Source::Url(url) => write_url(url, o),
        Source::File(id) => write_file(id, o),
    });
}

/// Writes the `source` of a document.
pub(super) fn write_document(media: &Media, form: &Sent, o: &mut Object<'_>) {
    o.object("source", |o| match (&media.source, form) {
        (Source::Base64(_), Sent::Text(text)) | (Source::Text(text), _) => {
            o.string("type", "text");
            o.string("media_type", "text/plain");
            o.string("data", text);
        }
        (Source::Base64(data), Sent::AsIs) => {
            o.string("type", "base64");
            o.string("media_type", "application/pdf");
            o.string("data", data);
        }
        (Source::Url(url), _) => write_url(url, o),
        (Source::File(id), _) => write_file(id, o),
    });
    o.opt_string("title", media.name.as_deref());
}

fn write_url(url: &str, o: &mut Object<'_>) {
    o.string("type", "url");
    o.string("url", url);
}

fn write_file(id: &str, o: &mut Object<'_>) {
    o.string("type", "file");
    o.string("file_id", id);
}

/// Whether the API knows pictures of this kind
/// (<https://docs.claude.com/en/docs/build-with-claude/vision>, seen 2026-11).
pub(super) fn is_known_picture(media: &Media) -> bool {
    match &media.source {
        Source::Base64(data) | Source::Text(data) => image_type(data, media.media_type.as_deref()).is_some(),
        Source::Url(_) | Source::File(_) => true,
    }
}

const PNG: &str = "image/png";

/// The type that a picture's first bytes show, since the API refuses one that disagrees with them,
/// else the one it was given with; none where the API takes no such pictures.
fn image_type(data: &str, declared: Option<&str>) -> Option<&'static str> {
    let head = head(data);
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(PNG)
    } else if head.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if head.starts_with(b"GIF8") {
        Some("image/gif")
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        match declared.unwrap_or(PNG) {
            PNG => Some(PNG),
            "image/jpeg" | "image/jpg" => Some("image/jpeg"),
            "image/gif" => Some("image/gif"),
            "image/webp" => Some("image/webp"),
            _ => None,
        }
    }
}

/// The first twelve bytes behind base64.
fn head(data: &str) -> Vec<u8> {
    data.get(..16).and_then(|start| STANDARD.decode(start).ok()).unwrap_or_default()
}

fn starts(data: &str, magic: &[u8]) -> bool {
    head(data).starts_with(magic)
}
