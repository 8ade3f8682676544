//! The hub's reply → a client's whole answer.

use crate::dialect::Seed;
use crate::dialect::openai_chat::extras::{self, Sent};
use crate::dialect::openai_chat::types::{OWN, finish_word, native_word, tier_word, to_data_uri};
use crate::dialect::openai_chat::{reasoning, tools};
use crate::dialect::openai_usage as usage;
use crate::ir::{
    Block, Candidate, Citation, Content, Dialect, Finish, Losses, Media, Reply, Source, ToolCall, ToolKind,
    seal_id,
};
use crate::wire::json::{self, Array, Object};

/// Writes a reply.
pub(in crate::dialect::openai_chat) fn render(reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024 + room(reply));
    json::object(&mut out, |body| {
        match &reply.id {
            Some(id) => body.string("id", id),
            None => body.string("id", &format!("chatcmpl-{}", seed.id)),
        }
        body.string("object", "chat.completion");
        body.number("created", reply.created.unwrap_or(seed.created));
        body.string("model", reply.model.as_deref().unwrap_or(&seed.model));
        body.array("choices", |choices| {
            let mut number = 0;
            for (index, candidate) in reply.candidates.iter().enumerate() {
                choices.object(|choice| {
                    choice.number("index", index);
                    write_candidate(choice, candidate, seed, number, losses);
                });
                number += candidate.blocks.len();
            }
        });
        if let Some(used) = &reply.usage {
            body.object("usage", |object| usage::write(used, object));
        }
        if let Some(tier) = &reply.service_tier {
            body.string("service_tier", tier_word(tier));
        }
        extras::restore(&reply.extras, "", body);
        extras::note_lost(&reply.extras, Sent::Yes, losses);
    });
    out
}

fn room(reply: &Reply) -> usize {
    let blocks = reply.candidates.iter().flat_map(|candidate| &candidate.blocks);
    let size = |block: &Block| match &block.content {
        Content::Text { text, .. } => text.len(),
        Content::Reasoning(reasoning) => 2 * reasoning.text.len(),
        Content::ToolCall(call) => call.arguments.len(),
        _ => 0,
    };
    blocks.map(|block| size(block) + 128).sum()
}

fn write_candidate(
    choice: &mut Object<'_>,
    candidate: &Candidate,
    seed: &Seed,
    first: usize,
    losses: &mut Losses,
) {
    choice.object("message", |message| {
        message.string("role", "assistant");
        write_content(message, &candidate.blocks);
        let refusals = candidate.blocks.iter().filter_map(refusal);
        let refusal: String = refusals.collect();
        if refusal.is_empty() {
            message.null("refusal");
        } else {
            message.string("refusal", &refusal);
        }
        reasoning::write_reply(message, &candidate.blocks);
        write_annotations(message, &candidate.blocks, losses);
        write_media(message, &candidate.blocks, seed, first);
        write_calls(message, &candidate.blocks, seed, first, losses);
        let seal = |block: &&Block| block.as_text().is_some() && block.signature.is_some();
        let sealed = candidate.blocks.iter().rev().find(seal);
        if let Some(seal) = sealed.and_then(|block| block.signature.as_ref()) {
            tools::write_seal(message, seal);
        }
        extras::restore(&candidate.extras, "message.", message);
        for block in &candidate.blocks {
            note_lost(block, losses);
        }
    });
    match &candidate.logprobs {
        Some(logprobs) => choice.raw("logprobs", logprobs),
        None => choice.null("logprobs"),
    }
    match &candidate.finish {
        Some(finish) => {
            choice.string("finish_reason", finish_word(finish));
            write_end(choice, finish);
        }
        None => choice.null("finish_reason"),
    }
    extras::restore(&candidate.extras, "", choice);
    extras::note_lost(&candidate.extras, Sent::Yes, losses);
}

/// Writes what `finish_reason` does not say of an end: under vLLM's name and OpenRouter's.
pub(in crate::dialect::openai_chat) fn write_end(choice: &mut Object<'_>, finish: &Finish) {
    choice.opt_string("stop_reason", finish.stop_sequence.as_deref());
    choice.opt_string("native_finish_reason", native_word(finish));
}

fn refusal(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Refusal(text) => Some(text),
        _ => None,
    }
}

/// Writes `content`: null beside other things, "" where there is nothing at all.
fn write_content(message: &mut Object<'_>, blocks: &[Block]) {
    let own = |block: &&Block| matches!(&block.content, Content::Opaque { dialect: OWN, .. });
    if blocks.iter().any(|block| own(&block)) {
        message.array("content", |parts| {
            for block in blocks {
                match &block.content {
                    Content::Text { text, .. } => parts.object(|part| {
                        part.string("type", "text");
                        part.string("text", text);
                    }),
                    Content::Opaque { dialect: OWN, json, .. } => parts.raw(json),
                    _ => {}
                }
            }
        });
        return;
    }
    let mut texts = blocks.iter().filter_map(Block::as_text);
    let other = |block: &Block| {
        matches!(block.content, Content::ToolCall(_) | Content::Refusal(_) | Content::Audio(_))
    };
    match (texts.next(), texts.next()) {
        (Some(only), None) => message.string("content", only),
        (Some(first), Some(second)) => {
            let mut all = [first, second].concat();
            all.extend(texts);
            message.string("content", &all);
        }
        (None, _) if blocks.iter().any(other) => message.null("content"),
        (None, _) => message.string("content", ""),
    }
}

fn write_annotations(message: &mut Object<'_>, blocks: &[Block], losses: &mut Losses) {
    let citations = || blocks.iter().filter_map(citations_of).flatten().filter(|cited| !stands_apart(cited));
    if citations().next().is_none() {
        return;
    }
    let before = |citation: &Citation| {
        // Places count from the start of their block, which begins after the texts before it.
        let mut offset = 0;
        for block in blocks {
            let list = citations_of(block).unwrap_or_default();
            if list.iter().any(|other| std::ptr::eq(other, citation)) {
                break;
            }
            offset += block.as_text().map_or(0, |text| text.chars().count() as u64);
        }
        offset
    };
    message.array("annotations", |array| {
        for citation in citations() {
            write_citation(array, citation, before(citation), losses);
        }
    });
}

fn citations_of(block: &Block) -> Option<&[Citation]> {
    match &block.content {
        Content::Text { citations, .. } => Some(citations),
        _ => None,
    }
}

/// Whether a source came from beside the answer; the member it came from is given back whole.
pub(in crate::dialect::openai_chat) fn stands_apart(citation: &Citation) -> bool {
    let Some((OWN, native)) = &citation.native else { return false };
    json::parse(native.as_bytes()).is_ok_and(|native| native.get("type").is_none())
}

/// Writes an element of `annotations`; one without an address cannot be said.
pub(in crate::dialect::openai_chat) fn write_citation(
    annotations: &mut Array<'_>,
    citation: &Citation,
    offset: u64,
    losses: &mut Losses,
) {
    if let Some((OWN, native)) = &citation.native {
        annotations.raw(native);
        return;
    }
    let Some(url) = &citation.url else {
        losses.dropped("citations", "only sources with an address can be said");
        return;
    };
    annotations.object(|object| {
        object.string("type", "url_citation");
        object.object("url_citation", |object| {
            // Strict clients refuse a source without its places; OpenRouter too says 0 for unknown ones.
            let end = citation.end.map_or(0, |end| end + offset);
            let start = citation.start.filter(|_| citation.end.is_some()).map_or(0, |start| start + offset);
            object.number("start_index", start);
            object.number("end_index", end);
            object.string("url", url);
            object.string("title", citation.title.as_deref().unwrap_or(url));
            object.opt_string("content", citation.quote.as_deref());
        });
    });
}

fn write_media(message: &mut Object<'_>, blocks: &[Block], seed: &Seed, first: usize) {
    let image = |block: &Block| matches!(block.content, Content::Image(_));
    if blocks.iter().any(image) {
        message.array("images", |images| {
            for block in blocks {
                if let Content::Image(media) = &block.content {
                    write_image(images, media);
                }
            }
        });
    }
    // A message speaks once.
    for (index, block) in blocks.iter().enumerate() {
        if let Content::Audio(media) = &block.content {
            message.object("audio", |object| {
                let id = format!("audio_{}_{}", seed.id, first + index);
                write_audio(object, block, media, &id, seed.created);
            });
            return;
        }
    }
}

/// Writes an element of `images`.
pub(in crate::dialect::openai_chat) fn write_image(images: &mut Array<'_>, media: &Media) {
    images.object(|image| {
        image.string("type", "image_url");
        image.object("image_url", |link| match &media.source {
            Source::Base64(data) => {
                let uri = to_data_uri(media.media_type.as_deref(), "image/png", data);
                link.string("url", &uri);
            }
            Source::Url(url) | Source::File(url) | Source::Text(url) => link.string("url", url),
        });
    });
}

/// Writes the members of `audio`. Strict clients want all four, also of a sound that another dialect
/// told: nothing keeps that one for a later turn, so it is over at once, and nobody wrote it down.
pub(in crate::dialect::openai_chat) fn write_audio(
    object: &mut Object<'_>,
    block: &Block,
    media: &Media,
    id: &str,
    created: u64,
) {
    let untold = |name: &str| block.extras.json(OWN, name).is_none();
    if untold("id") {
        object.string("id", id);
    }
    if let Source::Base64(data) = &media.source {
        object.string("data", data);
    }
    if untold("expires_at") {
        object.number("expires_at", created);
    }
    if untold("transcript") {
        object.string("transcript", "");
    }
    extras::restore(&block.extras, "", object);
}

fn write_calls(message: &mut Object<'_>, blocks: &[Block], seed: &Seed, first: usize, losses: &mut Losses) {
    let calls = || {
        blocks.iter().enumerate().filter_map(|(index, block)| match &block.content {
            Content::ToolCall(call) => Some((first + index, block, call)),
            _ => None,
        })
    };
    let mut all = calls();
    let Some((_, block, call)) = all.next() else { return };
    if call.kind == ToolKind::Older {
        tools::write_older_call(message, Some(&call.name), &call.arguments, block.signature.as_ref());
        if all.next().is_some() {
            tools::note_second_call(losses);
        }
        return;
    }
    message.array("tool_calls", |array| {
        for (index, block, call) in calls() {
            array.object(|object| {
                object.string("id", &call_id(call, block, seed, index));
                tools::write_call(object, &call.name, &call.arguments, &call.kind);
                if let Some(seal) = &block.signature {
                    tools::write_seal(object, seal);
                }
                extras::restore(&block.extras, "", object);
            });
        }
    });
}

/// A call's id, made up where the upstream gave none, with the seal that may ride on it.
fn call_id(call: &ToolCall, block: &Block, seed: &Seed, index: usize) -> String {
    let id = if call.id.is_empty() { format!("call_{}_{index}", seed.id) } else { call.id.clone() };
    match &block.signature {
        Some(seal) if seal.dialect == Dialect::GeminiGenerate => seal_id(&id, seal),
        Some(_) | None => id,
    }
}

/// Notes the seal of a picture or of sound: clients send neither back.
pub(in crate::dialect::openai_chat) fn note_media_seal(block: &Block, losses: &mut Losses) {
    if block.signature.is_some() && matches!(block.content, Content::Image(_) | Content::Audio(_)) {
        losses.dropped("content.signature", "media have no place for a seal here");
    }
}

/// Notes what of a block the dialect has no place for.
fn note_lost(block: &Block, losses: &mut Losses) {
    note_media_seal(block, losses);
    match &block.content {
        Content::Document(_) => losses.dropped("content.document", "answers hold none here"),
        Content::Video(_) => losses.dropped("content.video", "answers hold none here"),
        Content::ToolResult(_) => losses.dropped("content.tool_result", "answers hold none here"),
        Content::Opaque { dialect, .. } if *dialect != OWN => {
            losses.dropped("content", "the block is only known to the dialect it came from");
        }
        Content::ToolCall(ToolCall { kind: ToolKind::Hosted { dialect, .. }, .. }) if *dialect != OWN => {
            losses.bent("tool_calls", "a provider's own tool is said as a function");
        }
        _ => {}
    }
    extras::note_lost(&block.extras, Sent::Yes, losses);
}
