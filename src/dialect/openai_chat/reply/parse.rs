//! An upstream's whole answer → the hub's reply. Lenient: what is missing is missing.

use crate::dialect::Malformed;
use crate::dialect::openai_chat::tags::{Piece, Tags};
use crate::dialect::openai_chat::types::{OWN, arguments, filled, parse_finish, service_tier, stop_sequence};
use crate::dialect::openai_chat::{content, extras, inside, reasoning, tools};
use crate::dialect::{openai_error as error, openai_usage as usage};
use crate::ir::{
    Block, Candidate, Citation, Content, Extras, Media, Reasoning, Reply, Signature, Source, ToolCall,
    ToolKind,
};
use crate::wire::json::{self, Json};

/// The members of a reply that are read; `object` is always the same.
const REPLY: [&str; 7] = ["id", "object", "created", "model", "choices", "usage", "service_tier"];

/// The members of a choice that are read, whole or streamed.
pub(in crate::dialect::openai_chat) const CHOICE: [&str; 9] =
    ["index", "message", "delta", "text", "error", "finish_reason", "logprobs", "usage", "stop_reason"];

/// The members of a message or delta that are read, but for those of its thinking.
pub(in crate::dialect::openai_chat) const MESSAGE: [&str; 9] = [
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "annotations",
    "audio",
    "images",
    "extra_content",
];

/// More answers than this to one request are not believed.
const MOST_CHOICES: usize = 128;

/// Reads a reply.
pub(in crate::dialect::openai_chat) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let root = json::parse(body)?;
    let choices = root.field("choices").filter(|choices| choices.is_array());
    let Some(choices) = choices else {
        return Err(Malformed::new("choices", "expected a list of choices"));
    };
    if let Some(fault) = error::in_stream(None, &root) {
        return Err(Malformed::new("error", fault.message));
    }
    let text = |key: &str| filled(root.get(key).and_then(Json::as_str)).map(str::to_owned);
    let mut reply = Reply {
        id: text("id"),
        model: text("model"),
        created: created(&root),
        candidates: Vec::new(),
        usage: usage::of(&root),
        service_tier: text("service_tier").as_deref().map(service_tier),
        extras: Extras::NONE,
    };
    extras::keep_compact(&root, &REPLY, "", &mut reply.extras);
    for (place, choice) in choices.elements().iter().enumerate() {
        let index = choice.get("index").and_then(Json::as_u64);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let index = index.unwrap_or(place).min(MOST_CHOICES - 1);
        if reply.candidates.len() <= index {
            reply.candidates.resize_with(index + 1, Candidate::default);
        }
        if let Some(candidate) = reply.candidates.get_mut(index) {
            *candidate = parse_choice(choice);
        }
    }
    if let Some(first) = reply.candidates.first_mut() {
        source(&root, &mut first.blocks);
    }
    Ok(reply)
}

/// The time of an answer; zero is how Azure says that it does not know yet.
fn created(root: &Json<'_>) -> Option<u64> {
    let seconds = root.get("created")?.as_f64()?;
    // Some vendors write a fraction; a time fits a float's whole numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds as u64;
    (whole > 0).then_some(whole)
}

fn parse_choice(choice: &Json<'_>) -> Candidate {
    let mut candidate = Candidate::default();
    if let Some(message) = choice.field("message").or_else(|| choice.field("delta")) {
        candidate.blocks = parse_message(message);
        let known = [&MESSAGE[..], &reasoning::MEMBERS[..]].concat();
        extras::keep_compact(message, &known, "message.", &mut candidate.extras);
    } else if let Some(text) = filled(choice.get("text").and_then(Json::as_str)) {
        candidate.blocks.push(Block::text(text));
    }
    let calls = |block: &Block| matches!(block.content, Content::ToolCall(_));
    let called = candidate.blocks.iter().any(calls);
    let word = filled(choice.get("finish_reason").and_then(Json::as_str));
    candidate.finish = word.map(|word| parse_finish(word, called, stop_sequence(choice)));
    candidate.logprobs = logprobs(choice);
    extras::keep_compact(choice, &CHOICE, "", &mut candidate.extras);
    candidate
}

/// The `logprobs` of a choice, without the members that say nothing.
pub(in crate::dialect::openai_chat) fn logprobs(choice: &Json<'_>) -> Option<String> {
    let logprobs = choice.field("logprobs").filter(|value| value.is_object())?;
    if let Some(content) = logprobs.field("content")
        && logprobs.field("refusal").is_none()
    {
        let some = !content.elements().is_empty();
        return some.then(|| format!("{{\"content\":{}}}", extras::compact(content)));
    }
    let says = |value: &Json<'_>| !value.is_null() && (!value.is_array() || !value.elements().is_empty());
    let some = logprobs.entries().iter().any(|(_, value)| says(value));
    some.then(|| extras::compact(logprobs))
}

fn parse_message(message: &Json<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    reasoning::parse(message, &mut blocks);
    if let Some(value) = message.field("content") {
        parse_content(value, &mut blocks);
    }
    if let Some(text) = filled(message.get("refusal").and_then(Json::as_str)) {
        blocks.push(Block::new(Content::Refusal(text.to_owned())));
    }
    annotate(message, &mut blocks);
    blocks.extend(items(message, "images").filter_map(image_block));
    if let Some(audio) = message.field("audio") {
        blocks.push(audio_block(audio));
    }
    blocks.extend(items(message, "tool_calls").filter_map(tools::call_block));
    if let Some(call) = message.field("function_call") {
        let call = tools::call(call);
        blocks.push(Block::new(Content::ToolCall(ToolCall {
            id: String::new(),
            name: call.name.unwrap_or_default().to_owned(),
            arguments: arguments(call.arguments).to_owned(),
            kind: ToolKind::Function,
        })));
    }
    blocks
}

fn items<'j, 'a>(message: &'j Json<'a>, key: &str) -> impl Iterator<Item = &'j Json<'a>> {
    let list = message.get(key).map(Json::elements);
    list.unwrap_or_default().iter()
}

/// Reads the content of an answer: text, or Mistral's and others' list of parts.
fn parse_content(value: &Json<'_>, blocks: &mut Vec<Block>) {
    if let Some(text) = filled(value.as_str()) {
        let mut tags = Tags::default();
        if !blocks.is_empty() {
            tags.none_come();
        }
        let mut tell = |piece: Piece<'_>| match piece {
            Piece::Thought(text) => push_thought(blocks, text.to_owned(), None),
            Piece::Words(text) => push_text(blocks, text),
        };
        tags.push(text, &mut tell);
        tags.finish(&mut tell);
    }
    for part in value.elements() {
        let text = part.as_str().or_else(|| part.get("text").and_then(Json::as_str));
        match part.get("type").and_then(Json::as_str) {
            Some("thinking" | "reasoning") => {
                let (text, seal) = inside::read(part).unwrap_or_default();
                push_thought(blocks, text, seal);
            }
            Some("text" | "output_text") | None => push_text(blocks, text.unwrap_or_default()),
            Some("refusal") => {
                let text = part.get("refusal").and_then(Json::as_str).unwrap_or_default();
                blocks.push(Block::new(Content::Refusal(text.to_owned())));
            }
            Some("image_url") => blocks.extend(image_block(part)),
            Some(kind) => blocks.push(content::opaque(kind, part)),
        }
    }
}

/// Neighbouring pieces of text are one text: in a stream nobody could tell them apart.
fn push_text(blocks: &mut Vec<Block>, more: &str) {
    if more.is_empty() {
        return;
    }
    match blocks.last_mut().map(|block| &mut block.content) {
        Some(Content::Text { text, .. }) => text.push_str(more),
        _ => blocks.push(Block::text(more)),
    }
}

fn push_thought(blocks: &mut Vec<Block>, more: String, seal: Option<Signature>) {
    if more.is_empty() && seal.is_none() {
        return;
    }
    if let Some(Block { content: Content::Reasoning(thought), signature: open @ None, .. }) =
        blocks.last_mut()
        && thought.redacted.is_none()
    {
        thought.text.push_str(&more);
        *open = seal;
        return;
    }
    let mut block = Block::new(Content::Reasoning(Reasoning { text: more, redacted: None }));
    block.signature = seal;
    blocks.push(block);
}

/// Puts a message's sources and seal on its last text.
fn annotate(message: &Json<'_>, blocks: &mut [Block]) {
    let last = blocks.iter_mut().rev().find(|block| block.as_text().is_some());
    let Some(block) = last else { return };
    block.signature = tools::seal(message);
    if let Content::Text { citations, .. } = &mut block.content {
        citations.extend(items(message, "annotations").map(citation));
    }
}

/// Puts the sources of a search on the last text, unless it has sources of its own.
fn source(root: &Json<'_>, blocks: &mut [Block]) {
    let last = blocks.iter_mut().rev().find(|block| block.as_text().is_some());
    if let Some(Content::Text { citations, .. }) = last.map(|block| &mut block.content)
        && citations.is_empty()
    {
        citations.extend(sources(root).map(searched));
    }
}

/// What a provider's search found (Perplexity's `search_results`, xAI's `citations`): it stands
/// beside the answer and not in it.
pub(in crate::dialect::openai_chat) fn sources<'j, 'a>(
    root: &'j Json<'a>,
) -> impl Iterator<Item = &'j Json<'a>> {
    let list = |key: &str| root.get(key).map(Json::elements).filter(|list| !list.is_empty());
    let found = list("search_results").or_else(|| list("citations"));
    found.unwrap_or_default().iter().filter(|source| source.is_string() || source.field("url").is_some())
}

/// Reads one of the [`sources`].
pub(in crate::dialect::openai_chat) fn searched(source: &Json<'_>) -> Citation {
    let text = |key: &str| filled(source.get(key).and_then(Json::as_str)).map(str::to_owned);
    Citation {
        url: source.as_str().map(str::to_owned).or_else(|| text("url")),
        title: text("title"),
        native: Some((OWN, extras::compact(source))),
        // Its snippet is what the search showed, not what the answer took from it.
        ..Citation::default()
    }
}

/// Reads an element of `annotations`.
pub(in crate::dialect::openai_chat) fn citation(value: &Json<'_>) -> Citation {
    let inner = value.field("url_citation").unwrap_or(value);
    let text = |key: &str| filled(inner.get(key).and_then(Json::as_str)).map(str::to_owned);
    let number = |key: &str| inner.get(key).and_then(Json::as_u64);
    let end = number("end_index").filter(|end| *end > 0);
    Citation {
        url: text("url"),
        title: text("title"),
        quote: text("content"),
        start: number("start_index").filter(|_| end.is_some()),
        end,
        native: Some((OWN, extras::compact(value))),
    }
}

/// Reads an element of `images`, as OpenRouter and Gemini's own service give them.
pub(in crate::dialect::openai_chat) fn image_block(value: &Json<'_>) -> Option<Block> {
    let link = value.get("image_url")?;
    let url = link.as_str().or_else(|| link.get("url")?.as_str())?;
    Some(Block::new(Content::Image(content::media_of_url(url))))
}

/// Reads the `audio` of a message. Its words and its name are kept for clients of this dialect.
fn audio_block(audio: &Json<'_>) -> Block {
    let data = audio.get("data").and_then(Json::as_str).unwrap_or_default();
    let media = Media::new(Source::Base64(data.to_owned()), None);
    let mut block = Block::new(Content::Audio(media));
    extras::keep_compact(audio, &["data"], "", &mut block.extras);
    block
}
