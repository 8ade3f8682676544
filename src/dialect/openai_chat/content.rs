//! Content: strings and lists of parts, both ways.

use std::borrow::Cow;

use crate::catalog::profile::Profile;
use crate::dialect::Malformed;
use crate::ir::{Block, Content, Losses, Media, Source};
use crate::wire::json::{Array, Json, Object};

use super::types::{OWN, audio_format, audio_type, cache_mark, data_uri, to_data_uri, write_cache_mark};
use super::{extras, inside};
pub(super) use crate::dialect::data_uri::media_of_url;
use crate::dialect::data_uri::{pdf_by_name, titled};
use crate::dialect::place::Place;

/// Reads a `content` that is a string or a list of parts; null is nothing.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>, blocks: &mut Vec<Block>) -> Result<(), Malformed> {
    if let Some(text) = value.as_str() {
        blocks.push(Block::text(text));
        return Ok(());
    }
    if value.is_null() {
        return Ok(());
    }
    if !value.is_array() {
        return Err(at.expected("a string or a list of parts"));
    }
    for (index, part) in value.elements().iter().enumerate() {
        let place = at.element(index);
        let block = match part.as_str() {
            Some(text) => Block::text(text),
            None => parse_part(part, place)?,
        };
        blocks.push(block);
    }
    Ok(())
}

fn parse_part(part: &Json<'_>, at: Place<'_>) -> Result<Block, Malformed> {
    at.object(part)?;
    let kind = at.required(part, "type")?;
    let content = match kind {
        "text" | "input_text" | "output_text" => {
            Content::Text { text: at.required(part, "text")?.to_owned(), citations: Vec::new() }
        }
        "refusal" => Content::Refusal(at.required(part, "refusal")?.to_owned()),
        "image_url" => Content::Image(parse_link(part, kind, at)?),
        "video_url" => Content::Video(parse_link(part, kind, at)?),
        "audio_url" => Content::Audio(parse_link(part, kind, at)?),
        "document_url" => Content::Document(parse_link(part, kind, at)?),
        "input_audio" => Content::Audio(parse_audio(part, at)?),
        "file" => Content::Document(parse_file(part, at)?),
        other => return Ok(inside::block(part).unwrap_or_else(|| opaque(other, part))),
    };
    let mut block = Block::new(content);
    block.cache = cache_mark(part);
    let own = if matches!(kind, "input_text" | "output_text") { "text" } else { kind };
    extras::keep(part, &["type", own, "cache_control"], "", &mut block.extras);
    Ok(block)
}

/// A part of a type that only this dialect's newer or compatible vendors know.
pub(super) fn opaque(kind: &str, part: &Json<'_>) -> Block {
    Block::new(Content::Opaque {
        dialect: OWN,
        name: kind.to_owned(),
        json: part.raw().to_owned(),
        words: None,
    })
}

fn parse_link(part: &Json<'_>, key: &str, at: Place<'_>) -> Result<Media, Malformed> {
    let place = at.member(key);
    let Some(link) = part.field(key) else {
        return Err(place.missing());
    };
    if let Some(url) = link.as_str() {
        return Ok(media_of_url(url));
    }
    let mut media = media_of_url(place.required(place.object(link)?, "url")?);
    let text = |key: &str| link.field(key).and_then(Json::as_str).map(str::to_owned);
    media.detail = text("detail");
    media.media_type = media.media_type.or_else(|| text("format"));
    Ok(media)
}

fn parse_audio(part: &Json<'_>, at: Place<'_>) -> Result<Media, Malformed> {
    let place = at.member("input_audio");
    let Some(audio) = part.field("input_audio") else {
        return Err(place.missing());
    };
    let data = place.required(place.object(audio)?, "data")?;
    let (declared, data) = data_uri(data).unwrap_or((None, data));
    let media_type = match audio.field("format").and_then(Json::as_str) {
        Some(format) => Some(audio_type(format)),
        None => declared.map(str::to_owned),
    };
    Ok(Media::new(Source::Base64(data.to_owned()), media_type))
}

fn parse_file(part: &Json<'_>, at: Place<'_>) -> Result<Media, Malformed> {
    let place = at.member("file");
    let Some(file) = part.field("file") else {
        return Err(place.missing());
    };
    place.object(file)?;
    let text = |key: &str| file.field(key).and_then(Json::as_str);
    let name = text("filename").map(str::to_owned);
    let mut media = match (text("file_data"), text("file_id")) {
        (Some(data), _) => media_of_url(data),
        (None, Some(id)) => Media::new(Source::File(id.to_owned()), None),
        (None, None) => return Err(place.member("file_data").missing()),
    };
    if let Source::Url(data) = &media.source
        && !data.contains(':')
    {
        // Some clients send the base64 without the data URI around it.
        media.source = Source::Base64(data.clone());
    }
    media.media_type = media
        .media_type
        .or_else(|| text("format").map(str::to_owned))
        .or_else(|| pdf_by_name(name.as_deref()));
    media.name = name;
    Ok(media)
}

/// Writes blocks as the member `content`: one string where that says it all, else a list of parts.
pub(super) fn write(object: &mut Object<'_>, blocks: &[&Block], profile: &Profile, losses: &mut Losses) {
    let mut flat = Vec::with_capacity(blocks.len());
    for &block in blocks {
        if sayable(block, profile, losses) {
            flat.push(flatten(block, losses));
        }
    }
    let parts: Vec<&Block> = flat.iter().map(|block| &**block).collect();
    if let [only] = parts.as_slice()
        && let Some(text) = only.as_text()
        && (profile.text_only_content || is_plain(only, profile))
    {
        object.string("content", text);
    } else if profile.text_only_content || parts.is_empty() {
        object.string("content", &join(&parts, "\n"));
    } else {
        object.array("content", |array| {
            for part in parts {
                write_part(array, part, profile);
            }
        });
    }
}

/// The texts of the blocks in one.
pub(super) fn join(blocks: &[&Block], between: &str) -> String {
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block.as_text()).collect();
    texts.join(between)
}

fn is_plain(block: &Block, profile: &Profile) -> bool {
    (block.cache.is_none() || !profile.cache_marks)
        && (!extras::takes_own(profile) || block.extras.of(OWN).next().is_none())
}

/// Whether the target can be told the block; what it cannot be told is noted.
pub(super) fn sayable(block: &Block, profile: &Profile, losses: &mut Losses) -> bool {
    let Some(lost) = lost(&block.content, profile) else {
        if block.cache.is_some() && !profile.cache_marks {
            losses.dropped("cache_control", "the target takes no cache marks");
        }
        extras::note_lost(&block.extras, extras::Sent::to(profile), losses);
        return true;
    };
    let (field, why) = lost;
    losses.dropped(field, why);
    false
}

fn lost(content: &Content, profile: &Profile) -> Option<(&'static str, &'static str)> {
    const TEXT_ONLY: &str = "the target takes only text";
    const NO_ADDRESS: &str = "the target does not read addresses";
    const NO_KIND: &str = "the target takes none";
    match content {
        Content::Text { .. } | Content::Refusal(_) => None,
        Content::Image(media) => {
            let field = "messages.content.image_url";
            match &media.source {
                _ if profile.text_only_content => Some((field, TEXT_ONLY)),
                Source::Url(_) if !profile.image_urls => Some((field, NO_ADDRESS)),
                Source::Url(url) if !profile.extras && !url.starts_with("http") => Some((field, NO_ADDRESS)),
                Source::Base64(_) | Source::Url(_) => None,
                Source::File(_) | Source::Text(_) => Some((field, "images are given as bytes or by address")),
            }
        }
        Content::Document(media) => {
            let field = "messages.content.file";
            match &media.source {
                // It is said as text.
                Source::Text(_) => None,
                _ if profile.text_only_content => Some((field, TEXT_ONLY)),
                _ if !profile.documents => Some((field, NO_KIND)),
                Source::Url(_) if !profile.extras => Some((field, NO_ADDRESS)),
                Source::Base64(_) | Source::Url(_) | Source::File(_) => None,
            }
        }
        Content::Audio(media) => {
            let field = "messages.content.input_audio";
            match &media.source {
                _ if profile.text_only_content => Some((field, TEXT_ONLY)),
                _ if !profile.audio_input => Some((field, NO_KIND)),
                Source::Base64(_) => None,
                Source::Url(_) if profile.extras => None,
                Source::Url(_) => Some((field, NO_ADDRESS)),
                Source::File(_) | Source::Text(_) => Some((field, "sound is given as bytes")),
            }
        }
        Content::Video(_) if profile.text_only_content => Some(("messages.content.video_url", TEXT_ONLY)),
        Content::Video(_) if !profile.extras => Some(("messages.content.video_url", NO_KIND)),
        Content::Video(media) => match media.source {
            Source::Base64(_) | Source::Url(_) => None,
            Source::File(_) | Source::Text(_) => {
                Some(("messages.content.video_url", "video is given as bytes or by address"))
            }
        },
        Content::Opaque { dialect: OWN, .. } if !profile.text_only_content => None,
        Content::Opaque { .. } => {
            Some(("messages.content", "the part is only known to the dialect it came from"))
        }
        Content::Reasoning(_) => Some(("messages.reasoning", "only assistants think")),
        Content::ToolCall(_) => Some(("messages.tool_calls", "only assistants call tools")),
        Content::ToolResult(_) => Some(("messages.tool", "it stands where no result can be")),
    }
}

/// Writes one block that is [`sayable`] as a part.
pub(super) fn write_part(parts: &mut Array<'_>, block: &Block, profile: &Profile) {
    if let Content::Opaque { json, .. } = &block.content {
        parts.raw(json);
        return;
    }
    parts.object(|part| {
        write_content(part, &block.content);
        if profile.cache_marks {
            write_cache_mark(part, block.cache);
        }
        if extras::takes_own(profile) {
            extras::restore(&block.extras, "", part);
        }
    });
}

fn write_content(part: &mut Object<'_>, content: &Content) {
    match content {
        Content::Text { text, .. } => write_text(part, text),
        Content::Refusal(text) => {
            part.string("type", "refusal");
            part.string("refusal", text);
        }
        Content::Image(media) => write_link(part, "image_url", media, "image/jpeg"),
        Content::Video(media) => write_link(part, "video_url", media, "video/mp4"),
        Content::Audio(media) => match &media.source {
            Source::Base64(data) => {
                part.string("type", "input_audio");
                part.object("input_audio", |audio| {
                    audio.string("data", data);
                    audio.string("format", audio_format(media.media_type.as_deref()));
                });
            }
            Source::Url(_) | Source::File(_) | Source::Text(_) => {
                write_link(part, "audio_url", media, "audio/wav");
            }
        },
        Content::Document(media) => write_document(part, media),
        Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) | Content::Opaque { .. } => {
            write_text(part, "");
        }
    }
}

fn write_text(part: &mut Object<'_>, text: &str) {
    part.string("type", "text");
    part.string("text", text);
}

fn write_link(part: &mut Object<'_>, kind: &str, media: &Media, fallback: &str) {
    part.string("type", kind);
    part.object(kind, |link| {
        match &media.source {
            Source::Base64(data) => {
                let uri = to_data_uri(media.media_type.as_deref(), fallback, data);
                link.string("url", &uri);
            }
            Source::Url(url) | Source::File(url) | Source::Text(url) => link.string("url", url),
        }
        link.opt_string("detail", media.detail.as_deref());
    });
}

fn write_document(part: &mut Object<'_>, media: &Media) {
    let file = match &media.source {
        Source::Base64(data) => Ok(to_data_uri(media.media_type.as_deref(), "application/pdf", data)),
        Source::Url(text) | Source::Text(text) => Ok(text.clone()),
        Source::File(id) => Err(id),
    };
    part.string("type", "file");
    part.object("file", |object| match file {
        Ok(data) => {
            // OpenAI takes no bytes without a name.
            object.string("filename", media.name.as_deref().unwrap_or("document.pdf"));
            object.string("file_data", &data);
        }
        Err(id) => {
            object.string("file_id", id);
            object.opt_string("filename", media.name.as_deref());
        }
    });
}

/// A document that is plain text as a text block, which every target takes.
fn flatten<'b>(block: &'b Block, losses: &mut Losses) -> Cow<'b, Block> {
    let Content::Document(Media { source: Source::Text(text), name, .. }) = &block.content else {
        return Cow::Borrowed(block);
    };
    losses.bent("messages.content.document", "said as text");
    let mut flat = Block::text(titled(name.as_deref(), text));
    flat.cache = block.cache;
    Cow::Owned(flat)
}
