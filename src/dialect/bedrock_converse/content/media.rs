//! Pictures, documents, sound and films: `{"format", "source"}`, both ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Media, Source};
use crate::wire::json::{Json, Object};

/// What a block of media is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Image,
    Document,
    Video,
    Audio,
}

/// The formats with their MIME types, the usual type of a format first.
const IMAGES: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("jpeg", "image/jpg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
];
const DOCUMENTS: &[(&str, &str)] = &[
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("md", "text/x-markdown"),
    ("txt", "application/json"),
    ("txt", "application/xml"),
];
const VIDEOS: &[(&str, &str)] = &[
    ("mp4", "video/mp4"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("flv", "video/x-flv"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpg"),
    ("wmv", "video/x-ms-wmv"),
    ("three_gp", "video/3gpp"),
    ("mkv", "video/mkv"),
    ("mov", "video/mov"),
    ("flv", "video/flv"),
    ("wmv", "video/wmv"),
];
const SOUNDS: &[(&str, &str)] = &[
    ("mp3", "audio/mpeg"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("wav", "audio/x-wav"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/opus"),
    ("aac", "audio/aac"),
    ("x-aac", "audio/x-aac"),
    ("m4a", "audio/x-m4a"),
    ("m4a", "audio/m4a"),
    ("mp4", "audio/mp4"),
    ("pcm", "audio/pcm"),
    ("webm", "audio/webm"),
    ("mka", "audio/x-matroska"),
    ("mkv", "audio/mkv"),
    ("mpeg", "audio/mpg"),
    ("mpga", "audio/mpga"),
];

impl Kind {
    /// The member of a content block that holds it.
    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    const fn formats(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Image => IMAGES,
            Self::Document => DOCUMENTS,
            Self::Video => VIDEOS,
            Self::Audio => SOUNDS,
        }
    }

    /// The MIME type of a format.
    fn media_type(self, format: &str) -> String {
        let known = self.formats().iter().find(|(known, _)| *known == format);
        known.map_or_else(|| format!("{}/{format}", self.name()), |(_, media_type)| (*media_type).to_owned())
    }

    /// The format of media, by its bytes where they tell it, else by its MIME type, else by its
    /// name's ending; none where the API has no word for it.
    pub(in super::super) fn format(self, media: &Media) -> Option<&'static str> {
        let declared = media.media_type.as_deref().unwrap_or_default();
        let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let by_type = |wanted: &str| {
            self.formats().iter().find(|(_, media_type)| *media_type == wanted).map(|(format, _)| *format)
        };
        let named = match &media.source {
            Source::Url(url) => Some(url.as_str()),
            Source::Base64(_) | Source::File(_) | Source::Text(_) => None,
        };
        let ending = media.name.as_deref().or(named).and_then(|name| name.rsplit_once('.'));
        let by_ending = || {
            let ending = ending.map(|(_, ending)| ending.to_ascii_lowercase())?;
            let ending = if ending == "jpg" { "jpeg" } else { &ending };
            self.formats().iter().find(|(format, _)| *format == ending).map(|(format, _)| *format)
        };
        let by_kind = || match (self, &media.source) {
            (Self::Document, Source::Text(_)) => Some("txt"),
            (Self::Document, _) if declared.starts_with("text/") => Some("txt"),
            (Self::Document, _) if declared.is_empty() => Some("pdf"),
            (Self::Image, _) if declared.is_empty() => Some("png"),
            _ => None,
        };
        let sniffed = match &media.source {
            Source::Base64(data) => sniff(self, data),
            Source::Url(_) | Source::File(_) | Source::Text(_) => None,
        };
        sniffed.or_else(|| by_type(&declared)).or_else(by_ending).or_else(by_kind)
    }
}

/// The format that the first bytes show; the API refuses one that disagrees with them.
fn sniff(kind: Kind, data: &str) -> Option<&'static str> {
    let head = data.get(..16).and_then(|start| STANDARD.decode(start).ok())?;
    match kind {
        Kind::Image if head.starts_with(b"\x89PNG\r\n\x1a\n") => Some("png"),
        Kind::Image if head.starts_with(b"\xff\xd8\xff") => Some("jpeg"),
        Kind::Image if head.starts_with(b"GIF8") => Some("gif"),
        Kind::Image if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Some("webp"),
        Kind::Document if head.starts_with(b"%PDF") => Some("pdf"),
        Kind::Image | Kind::Document | Kind::Video | Kind::Audio => None,
    }
}

/// How an address in the account's own store begins.
const STORE: &str = "s3://";

/// Whether the API can be told where these bytes are.
pub(in super::super) fn is_reachable(media: &Media) -> bool {
    match &media.source {
        Source::Base64(_) | Source::Text(_) => true,
        Source::Url(url) => url.starts_with(STORE),
        Source::File(_) => false,
    }
}

/// Reads the media of a block; `None` when its source is one that only this dialect has (a document
/// made of blocks).
pub(super) fn read(kind: Kind, json: &Json<'_>) -> Option<Media> {
    let source = json.field("source")?;
    let text = |key: &str| source.field(key).and_then(Json::as_str);
    let bytes = if let Some(bytes) = text("bytes") {
        Source::Base64(bytes.to_owned())
    } else if let Some(text) = text("text") {
        Source::Text(text.to_owned())
    } else {
        Source::Url(source.at(&["s3Location", "uri"])?.as_str()?.to_owned())
    };
    let format = json.field("format").and_then(Json::as_str);
    let name = json.field("name").and_then(Json::as_str).map(str::to_owned);
    Some(Media { name, ..Media::new(bytes, format.map(|format| kind.media_type(format))) })
}

/// How a text that is a document is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Texts {
    /// As text.
    Plain,
    /// As the bytes of a text file.
    Bytes,
}

/// Writes `format` and `source`; `owner` is the account whose store it is, as JSON text.
pub(in super::super) fn write(
    kind: Kind,
    media: &Media,
    owner: Option<&str>,
    texts: Texts,
    o: &mut Object<'_>,
) {
    let plain = texts == Texts::Plain && matches!(media.source, Source::Text(_));
    if !plain || media.media_type.is_some() {
        o.opt_string("format", kind.format(media));
    }
    o.object("source", |o| match &media.source {
        Source::Base64(data) => o.string("bytes", data),
        Source::Text(text) if plain => o.string("text", text),
        Source::Text(text) => o.string("bytes", &STANDARD.encode(text)),
        Source::Url(url) | Source::File(url) => o.object("s3Location", |o| {
            o.string("uri", url);
            o.opt_raw("bucketOwner", owner);
        }),
    });
}
