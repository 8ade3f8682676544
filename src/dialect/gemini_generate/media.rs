//! Media: `inlineData`, which holds its bytes, and `fileData`, which tells where they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::case;
use super::content::missing;
use super::types;
use crate::dialect::Malformed;
use crate::ir::{Content, Media, Source};
use crate::wire::json::{Json, Object};

/// Where files uploaded to the provider live.
const FILE_STORE: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// Reads an `inlineData`; text is read out, as other dialects know it only so.
pub(super) fn read_inline(json: &Json<'_>) -> Result<Content, Malformed> {
    let kind = case::text(json, "mimeType").map(str::to_owned);
    let data = case::field(json, "data").ok_or_else(|| missing("data", "base64 data"))?;
    let data = case::string(data, "data")?;
    let words = kind.as_deref().filter(|kind| kind.starts_with("text/"));
    let source = match words.and_then(|_| decode(&data)) {
        Some(text) => Source::Text(text),
        None => Source::Base64(standard(data)),
    };
    Ok(types::media(Media { name: name(json), ..Media::new(source, kind) }))
}

/// Reads a `fileData`.
pub(super) fn read_file(json: &Json<'_>) -> Result<Content, Malformed> {
    let uri = case::field(json, "fileUri").ok_or_else(|| missing("fileUri", "an address"))?;
    let uri = case::string(uri, "fileUri")?;
    let told = case::text(json, "mimeType").map(str::to_owned);
    let media = Media { name: name(json), ..Media::new(Source::Url(uri), told) };
    let Source::Url(uri) = &media.source else { return Ok(types::media(media)) };
    if media.media_type.is_none() {
        let guess = types::type_of_address(uri).unwrap_or_default();
        // A link to a film's page has no ending.
        if guess.starts_with("video/") || is_film_page(uri) {
            return Ok(Content::Video(media));
        }
        if guess.starts_with("image/") {
            return Ok(Content::Image(media));
        }
        if guess.starts_with("audio/") {
            return Ok(Content::Audio(media));
        }
    }
    Ok(types::media(media))
}

fn name(json: &Json<'_>) -> Option<String> {
    case::text(json, "displayName").map(str::to_owned)
}

/// The same bytes in the standard alphabet with padding; the API takes the other one too.
fn standard(data: String) -> String {
    let odd = |c: char| matches!(c, '-' | '_' | '\n' | '\r');
    if data.len().is_multiple_of(4) && !data.contains(odd) {
        return data;
    }
    let mut text: String = data
        .chars()
        .filter(|c| !matches!(c, '\n' | '\r'))
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn decode(data: &str) -> Option<String> {
    let bytes = STANDARD.decode(standard(data.to_owned())).ok()?;
    String::from_utf8(bytes).ok()
}

/// Adds media, wherever its bytes are. The `displayName` that some clients send is refused by the
/// API (seen 2026-03 for files, told by Google's own client for bytes).
pub(super) fn write_media(o: &mut Object<'_>, media: &Media) {
    write_named(o, media, None);
}

/// Adds media with the name by which a function's response refers to them.
pub(super) fn write_named(o: &mut Object<'_>, media: &Media, name: Option<&str>) {
    let kind = media.media_type.as_deref();
    match &media.source {
        Source::Base64(data) => o.object("inlineData", |o| {
            o.string("mimeType", kind.unwrap_or_else(|| sniff(data)));
            o.opt_string("displayName", name);
            o.string("data", data);
        }),
        Source::Text(text) => o.object("inlineData", |o| {
            o.string("mimeType", kind.unwrap_or("text/plain"));
            o.opt_string("displayName", name);
            o.string("data", &STANDARD.encode(text));
        }),
        Source::Url(uri) => write_file(o, uri, media, kind.or(types::type_of_address(uri))),
        Source::File(id) => write_file(o, &format!("{FILE_STORE}{id}"), media, kind),
    }
}

fn write_file(o: &mut Object<'_>, uri: &str, media: &Media, kind: Option<&str>) {
    o.object("fileData", |o| {
        o.opt_string("mimeType", kind.filter(|_| !is_film_page(uri) || media.media_type.is_some()));
        o.string("fileUri", uri);
    });
}

/// The type that the first bytes tell, of those that are sent most.
fn sniff(data: &str) -> &'static str {
    // Sound and pictures share a container, which names what it holds.
    if data.starts_with("UklGR") && data.get(12..16) == Some("QVZF") {
        return "audio/wav";
    }
    let known = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi", "application/pdf"),
        ("SUQz", "audio/mpeg"),
        ("T2dnUw", "audio/ogg"),
        ("ZkxhQw", "audio/flac"),
    ];
    let found = known.into_iter().find(|(start, _)| data.starts_with(start));
    found.map_or("application/octet-stream", |(_, kind)| kind)
}

/// Whether the provider reads this address by itself: its own stores, and films.
pub(super) fn is_google_address(uri: &str) -> bool {
    uri.starts_with("gs://")
        || uri.starts_with("https://generativelanguage.googleapis.com/")
        || is_film_page(uri)
}

fn is_film_page(uri: &str) -> bool {
    ["https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/"]
        .iter()
        .any(|page| uri.starts_with(page))
}

/// Whether a file id is one of this provider's.
pub(super) fn is_file_id(id: &str) -> bool {
    id.starts_with("files/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_told_from_pictures_in_the_same_container() {
        for (bytes, kind) in [
            (&b"RIFF\x24\x01\0\0WAVEfmt "[..], "audio/wav"),
            (&b"RIFF\x24\x01\0\0WEBPVP8 "[..], "image/webp"),
            (&b"ID3\x04\0\0"[..], "audio/mpeg"),
        ] {
            assert_eq!(sniff(&STANDARD.encode(bytes)), kind);
        }
    }
}
