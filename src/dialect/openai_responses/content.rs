//! Content: strings and lists of parts, both ways.

use crate::catalog::profile::Profile;
use crate::dialect::Malformed;
use crate::dialect::data_uri::{
    audio_format, audio_type, data_uri, media_of_url, pdf_by_name, titled, to_data_uri,
};
use crate::dialect::place::Place;
use crate::ir::{Block, Content, Losses, Media, Reasoning, Source};
use crate::wire::json::{Array, Json, Object};

use super::extras;
use super::types::OWN;

/// Who says a part: the same words are of another type in another mouth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A user, the operator, or a tool.
    Input,
    /// The model.
    Output,
}

/// Reads a `content` or an `output` that is a string or a list of parts; null is nothing.
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
        blocks.push(match part.as_str() {
            Some(text) => Block::text(text),
            None => parse_part(part, place)?,
        });
    }
    Ok(())
}

/// What an earlier answer told of its words: told again, and no loss where it cannot be.
const QUIET: [&str; 2] = ["annotations", "logprobs"];

fn parse_part(part: &Json<'_>, at: Place<'_>) -> Result<Block, Malformed> {
    at.object(part)?;
    let kind = at.required(part, "type")?;
    let (content, known): (_, &[&str]) = match kind {
        "input_text" | "output_text" | "text" => {
            (Content::Text { text: at.required(part, "text")?.to_owned(), citations: Vec::new() }, &["text"])
        }
        "summary_text" | "reasoning_text" => {
            let text = at.required(part, "text")?.to_owned();
            (Content::Reasoning(Reasoning { text, redacted: None }), &["text"])
        }
        "refusal" => (Content::Refusal(at.required(part, "refusal")?.to_owned()), &["refusal"]),
        "input_image" | "computer_screenshot" => {
            (Content::Image(parse_image(part, at)?), &["image_url", "file_id", "detail"])
        }
        "input_file" => (
            Content::Document(parse_file(part, at)?),
            &["file_data", "file_url", "file_id", "filename", "detail"],
        ),
        "input_audio" => (Content::Audio(parse_audio(part, at)?), &["input_audio"]),
        other => {
            return Ok(Block::new(Content::Opaque {
                dialect: OWN,
                name: other.to_owned(),
                json: part.raw().to_owned(),
                words: None,
            }));
        }
    };
    let mut block = Block::new(content);
    let is_empty = |value: &Json<'_>| value.is_array() && value.elements().is_empty();
    for (key, value) in part.entries() {
        match &**key {
            "type" => {}
            key if known.contains(&key) || value.is_null() || is_empty(value) => {}
            key if QUIET.contains(&key) => extras::keep_moot(key, value.raw(), &mut block.extras),
            key => extras::keep(key, value, &mut block.extras),
        }
    }
    Ok(block)
}

fn parse_image(part: &Json<'_>, at: Place<'_>) -> Result<Media, Malformed> {
    let mut media = match (part.field("image_url"), part.field("file_id")) {
        (Some(link), _) => {
            // As chat completions have it, which some clients mix up.
            let place = at.member("image_url");
            let url = link.field("url").unwrap_or(link);
            media_of_url(place.string(url)?)
        }
        (None, Some(id)) => Media::new(Source::File(at.member("file_id").owned(id)?), None),
        (None, None) => return Err(at.member("image_url").missing()),
    };
    media.detail = detail(part);
    Ok(media)
}

fn detail(part: &Json<'_>) -> Option<String> {
    let inner = part.field("image_url").and_then(|link| link.field("detail"));
    part.field("detail").or(inner).and_then(Json::as_str).map(str::to_owned)
}

fn parse_file(part: &Json<'_>, at: Place<'_>) -> Result<Media, Malformed> {
    let text = |key: &str| part.field(key).and_then(Json::as_str);
    let name = text("filename").map(str::to_owned);
    let mut media = match (text("file_data"), text("file_url"), text("file_id")) {
        (Some(data), ..) => match data_uri(data) {
            Some(_) => media_of_url(data),
            // Some clients send the base64 without the data URI around it.
            None => Media::new(Source::Base64(data.to_owned()), None),
        },
        (None, Some(url), _) => media_of_url(url),
        (None, None, Some(id)) => Media::new(Source::File(id.to_owned()), None),
        (None, None, None) => return Err(at.member("file_data").missing()),
    };
    media.media_type = media.media_type.or_else(|| pdf_by_name(name.as_deref()));
    media.name = name;
    media.detail = detail(part);
    Ok(media)
}

fn parse_audio(part: &Json<'_>, at: Place<'_>) -> Result<Media, Malformed> {
    let place = at.member("input_audio");
    let audio = part.field("input_audio").ok_or_else(|| place.missing())?;
    let data = place.required(place.object(audio)?, "data")?;
    let (declared, data) = data_uri(data).unwrap_or((None, data));
    let format = audio.field("format").and_then(Json::as_str).map(audio_type);
    Ok(Media::new(Source::Base64(data.to_owned()), format.or_else(|| declared.map(str::to_owned))))
}

/// Writes blocks as the member `key`: one string where that says it all, else a list of parts.
pub(super) fn write(
    object: &mut Object<'_>,
    key: &str,
    blocks: &[&Block],
    speaker: Speaker,
    profile: &Profile,
    losses: &mut Losses,
) {
    let said: Vec<&Block> = blocks.iter().copied().filter(|block| sayable(block, profile, losses)).collect();
    if let [only] = said.as_slice()
        && let Some(text) = only.as_text()
        && extras::is_plain(&only.extras)
    {
        object.string(key, text);
        return;
    }
    if said.is_empty() {
        object.string(key, "");
        return;
    }
    object.array(key, |parts| {
        for block in said {
            write_part(parts, block, speaker, losses);
        }
    });
}

/// Whether the target can be told the block; what it cannot be told is noted.
pub(super) fn sayable(block: &Block, profile: &Profile, losses: &mut Losses) -> bool {
    if block.cache.is_some() {
        losses.dropped("cache_control", "the target takes no cache marks");
    }
    let Some((field, why)) = lost(&block.content, profile) else {
        extras::note_lost(&block.extras, losses);
        return true;
    };
    losses.dropped(field, why);
    false
}

fn lost(content: &Content, profile: &Profile) -> Option<(&'static str, &'static str)> {
    match content {
        Content::Text { .. } | Content::Refusal(_) | Content::Opaque { dialect: OWN, .. } => None,
        Content::Image(media) => match &media.source {
            Source::Base64(_) | Source::Url(_) | Source::File(_) => None,
            Source::Text(_) => Some(("messages.content.image", "images are given as bytes or by address")),
        },
        Content::Document(media) => match &media.source {
            Source::Text(_) => None,
            _ if !profile.documents => Some(("messages.content.document", "the target takes none")),
            Source::Base64(_) | Source::Url(_) | Source::File(_) => None,
        },
        Content::Audio(_) if !profile.audio_input => {
            Some(("messages.content.audio", "the target takes none"))
        }
        Content::Audio(media) => match media.source {
            Source::Base64(_) => None,
            Source::Url(_) | Source::File(_) | Source::Text(_) => {
                Some(("messages.content.audio", "sound is given as bytes"))
            }
        },
        Content::Video(_) => Some(("messages.content.video", "the target takes none")),
        Content::Opaque { .. } => {
            Some(("messages.content", "the part is only known to the dialect it came from"))
        }
        Content::Reasoning(_) => Some(("messages.reasoning", "only assistants think")),
        Content::ToolCall(_) => Some(("messages.tool_calls", "only assistants call tools")),
        Content::ToolResult(_) => Some(("messages.tool", "it stands where no result can be")),
    }
}

/// Writes one block that is [`sayable`] as a part.
pub(super) fn write_part(parts: &mut Array<'_>, block: &Block, speaker: Speaker, losses: &mut Losses) {
    if let Content::Opaque { json, .. } = &block.content {
        parts.raw(json);
        return;
    }
    parts.object(|part| {
        match &block.content {
            Content::Refusal(text) if speaker == Speaker::Output => {
                part.string("type", "refusal");
                part.string("refusal", text);
            }
            Content::Text { text, .. } | Content::Refusal(text) => write_text(part, text, speaker),
            Content::Image(media) => write_image(part, media),
            Content::Document(media) => write_document(part, media, speaker, losses),
            Content::Audio(media) => write_audio(part, media),
            Content::Video(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Opaque { .. } => write_text(part, "", speaker),
        }
        extras::restore(&block.extras, part);
    });
}

fn write_text(part: &mut Object<'_>, text: &str, speaker: Speaker) {
    part.string("type", if speaker == Speaker::Output { "output_text" } else { "input_text" });
    part.string("text", text);
}

fn write_image(part: &mut Object<'_>, media: &Media) {
    part.string("type", "input_image");
    match &media.source {
        Source::Base64(data) => {
            part.string("image_url", &to_data_uri(media.media_type.as_deref(), "image/jpeg", data));
        }
        Source::Url(url) | Source::Text(url) => part.string("image_url", url),
        Source::File(id) => part.string("file_id", id),
    }
    part.opt_string("detail", media.detail.as_deref());
}

fn write_document(part: &mut Object<'_>, media: &Media, speaker: Speaker, losses: &mut Losses) {
    if let Source::Text(text) = &media.source {
        losses.bent("messages.content.document", "said as text");
        write_text(part, &titled(media.name.as_deref(), text), speaker);
        return;
    }
    part.string("type", "input_file");
    match &media.source {
        Source::Base64(data) => {
            // OpenAI takes no bytes without a name.
            part.string("filename", media.name.as_deref().unwrap_or("document.pdf"));
            part.string("file_data", &to_data_uri(media.media_type.as_deref(), "application/pdf", data));
        }
        Source::Url(url) | Source::Text(url) => {
            part.opt_string("filename", media.name.as_deref());
            part.string("file_url", url);
        }
        Source::File(id) => part.string("file_id", id),
    }
    part.opt_string("detail", media.detail.as_deref());
}

fn write_audio(part: &mut Object<'_>, media: &Media) {
    part.string("type", "input_audio");
    part.object("input_audio", |audio| {
        if let Source::Base64(data) = &media.source {
            audio.string("data", data);
        }
        audio.string("format", audio_format(media.media_type.as_deref()));
    });
}
