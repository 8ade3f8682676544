//! Media as OpenAI's dialects spell them: data URIs, addresses, and the names of sound formats.

use crate::ir::{Media, Source};

/// The MIME type of an `input_audio.format`.
pub(in crate::dialect) fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "pcm16" => "audio/pcm".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// The `input_audio.format` of a MIME type.
pub(in crate::dialect) fn audio_format(media_type: Option<&str>) -> &str {
    let essence = media_type.unwrap_or("audio/wav").split(';').next();
    match essence.unwrap_or_default() {
        "audio/mpeg" => "mp3",
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "wav",
        "audio/pcm" | "audio/l16" | "audio/L16" => "pcm16",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

/// What a MIME type is when nobody said, told from the first characters of the base64.
pub(in crate::dialect) fn sniff(base64: &str) -> Option<&'static str> {
    const MAGIC: [(&str, &str); 6] = [
        ("iVBORw0K", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi", "application/pdf"),
        ("SUkq", "image/tiff"),
    ];
    let found = MAGIC.iter().find(|(magic, _)| base64.starts_with(magic));
    found.map(|(_, media_type)| *media_type)
}

/// Takes a data URI apart into its MIME type and base64.
pub(in crate::dialect) fn data_uri(uri: &str) -> Option<(Option<&str>, &str)> {
    let (head, data) = uri.strip_prefix("data:")?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    let essence = head.split(';').next().unwrap_or_default();
    Some(((!essence.is_empty()).then_some(essence), data))
}

/// The data URI of base64.
pub(in crate::dialect) fn to_data_uri(media_type: Option<&str>, fallback: &str, data: &str) -> String {
    let media_type = media_type.or_else(|| sniff(data)).unwrap_or(fallback);
    format!("data:{media_type};base64,{data}")
}

/// What an address points at: a data URI holds the bytes themselves.
pub(in crate::dialect) fn media_of_url(url: &str) -> Media {
    match data_uri(url) {
        Some((media_type, data)) => {
            Media::new(Source::Base64(data.to_owned()), media_type.map(str::to_owned))
        }
        None => Media::new(Source::Url(url.to_owned()), None),
    }
}

pub(in crate::dialect) fn pdf_by_name(name: Option<&str>) -> Option<String> {
    let (_, ending) = name?.rsplit_once('.')?;
    ending.eq_ignore_ascii_case("pdf").then(|| "application/pdf".to_owned())
}

pub(in crate::dialect) fn titled(name: Option<&str>, text: &str) -> String {
    match name {
        Some(name) => format!("{name}\n\n{text}"),
        None => text.to_owned(),
    }
}
