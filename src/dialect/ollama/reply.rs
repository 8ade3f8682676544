//! Whole answers, both ways, and what a line of a stream has in common with them.

use crate::dialect::place::filled;
use crate::dialect::{Malformed, Seed, openai_error, unknown};
use crate::ir::{
    Block, Candidate, Content, Finish, FinishReason, Losses, Media, Reasoning, Reply, Source, ToolCall,
    ToolKind, unseal_id,
};
use crate::units::civil;
use crate::wire::json::{self, Json, Object};

use super::request::write_call;
use super::types::{Form, arguments, finish_word, is_object, parse_finish, sniff};
use super::usage;

/// The members of an answer or a line that are read, or that tell how long which part took.
pub(super) const ANSWER: [&str; 16] = [
    "model",
    "created_at",
    "message",
    "response",
    "thinking",
    "images",
    "tool_calls",
    "logprobs",
    "done",
    "done_reason",
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
];

/// Reads a reply.
pub(super) fn parse(form: Form, body: &[u8]) -> Result<Reply, Malformed> {
    let root = json::parse(body)?;
    if let Some(fault) = openai_error::in_stream(None, &root) {
        return Err(Malformed::new("error", fault.message));
    }
    let Some(said) = said(form, &root) else {
        return Err(Malformed::new("message", "expected a message or a response"));
    };
    let mut blocks = Vec::new();
    if let Some(thought) = said.thinking {
        blocks.push(Block::new(Content::Reasoning(Reasoning { text: thought.to_owned(), redacted: None })));
    }
    blocks.extend(said.words.map(Block::text));
    blocks.extend(said.pictures());
    blocks.extend(said.calls());
    let called = blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
    let done = root.get("done").and_then(Json::as_bool) != Some(false);
    let word = filled(root.get("done_reason").and_then(Json::as_str));
    let mut reply = Reply {
        model: model(&root),
        created: created(&root),
        usage: usage::parse(&root),
        candidates: vec![Candidate {
            blocks,
            finish: done.then(|| parse_finish(form, word, called)),
            logprobs: logprobs(&root),
            ..Candidate::default()
        }],
        ..Reply::default()
    };
    unknown::keep(form.dialect(), &root, &ANSWER, &mut reply.extras);
    Ok(reply)
}

/// The model that answers.
pub(super) fn model(answer: &Json<'_>) -> Option<String> {
    filled(answer.get("model").and_then(Json::as_str)).map(str::to_owned)
}

/// When the answer was made.
pub(super) fn created(answer: &Json<'_>) -> Option<u64> {
    civil::parse_rfc3339(answer.get("created_at").and_then(Json::as_str)?)
}

/// What an answer or a line says.
pub(super) struct Said<'j, 'a> {
    pub(super) thinking: Option<&'j str>,
    pub(super) words: Option<&'j str>,
    pictures: &'j [Json<'a>],
    calls: &'j [Json<'a>],
}

/// What an answer or a line says; none where it has no place for words.
pub(super) fn said<'j, 'a>(form: Form, answer: &'j Json<'a>) -> Option<Said<'j, 'a>> {
    let place = match form {
        Form::Chat => answer.field("message").filter(|message| message.is_object())?,
        Form::Generate => answer,
    };
    let words = match form {
        Form::Chat => place.get("content"),
        Form::Generate => Some(place.get("response")?),
    };
    let list = |key: &str| place.get(key).map(Json::elements).unwrap_or_default();
    Some(Said {
        thinking: filled(place.get("thinking").and_then(Json::as_str)),
        words: filled(words.and_then(Json::as_str)),
        pictures: list("images"),
        calls: list("tool_calls"),
    })
}

impl Said<'_, '_> {
    /// The pictures as blocks.
    pub(super) fn pictures(&self) -> impl Iterator<Item = Block> {
        self.pictures
            .iter()
            .filter_map(Json::as_str)
            .map(|data| Block::new(Content::Image(Media::new(Source::Base64(data.to_owned()), sniff(data)))))
    }

    /// The calls as blocks.
    pub(super) fn calls(&self) -> impl Iterator<Item = Block> {
        self.calls.iter().filter_map(|call| {
            let function = call.field("function")?;
            let said = function.field("arguments");
            let said = said.map_or("{}", |said| said.as_str().unwrap_or(said.raw()));
            let (id, seal) = unseal_id(call.get("id").and_then(Json::as_str).unwrap_or_default());
            let mut block = Block::new(Content::ToolCall(ToolCall {
                id: id.to_owned(),
                name: filled(function.get("name")?.as_str())?.to_owned(),
                arguments: arguments(said).into_owned(),
                kind: ToolKind::Function,
            }));
            block.signature = seal;
            Some(block)
        })
    }
}

/// The hub's object for `logprobs`, which are a list of what the hub has in `content`.
pub(super) fn logprobs(answer: &Json<'_>) -> Option<String> {
    let list = answer.get("logprobs").filter(|list| !list.elements().is_empty())?;
    Some(format!("{{\"content\":{}}}", unknown::compact(list)))
}

/// Writes `logprobs` from the hub's object.
pub(super) fn write_logprobs(object: &mut Object<'_>, hub: &str) {
    let parsed = json::parse(hub.as_bytes()).ok();
    let list = parsed.as_ref().and_then(|hub| hub.get("content")).filter(|list| !list.elements().is_empty());
    if let Some(list) = list {
        object.raw("logprobs", list.raw());
    }
}

/// Writes a reply.
pub(super) fn render(form: Form, reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    if reply.candidates.len() > 1 {
        losses.dropped("n", "a message holds one answer");
    }
    let nothing = Candidate::default();
    let candidate = reply.candidates.first().unwrap_or(&nothing);
    let mut parts = Parts::default();
    for block in &candidate.blocks {
        parts.add(form, block, losses);
    }
    parts.note_idle_end(candidate.finish.as_ref(), losses);
    let mut out = Vec::with_capacity(512 + parts.words.len() + parts.thinking.len());
    json::object(&mut out, |answer| {
        write_lead(
            answer,
            reply.model.as_deref().unwrap_or(&seed.model),
            reply.created.unwrap_or(seed.created),
        );
        parts.write(form, answer);
        if let Some(hub) = &candidate.logprobs {
            write_logprobs(answer, hub);
        }
        write_end(answer, candidate.finish.as_ref());
        usage::write(reply.usage.as_ref(), answer, losses);
        for extras in [&reply.extras, &candidate.extras] {
            unknown::restore(form.dialect(), extras, answer);
            unknown::note_lost(form.dialect(), extras, losses);
        }
    });
    out
}

/// Writes whose answer it is and when it was made.
pub(super) fn write_lead(answer: &mut Object<'_>, model: &str, created: u64) {
    answer.string("model", model);
    answer.string("created_at", &civil::rfc3339(created));
}

/// Writes that the answer is complete, and why.
pub(super) fn write_end(answer: &mut Object<'_>, finish: Option<&Finish>) {
    answer.bool("done", true);
    answer.string("done_reason", finish_word(finish));
}

/// The parts of an answer or of a line, each in its own place.
#[derive(Debug, Default)]
pub(super) struct Parts {
    words: String,
    thinking: String,
    pictures: Vec<String>,
    calls: Vec<Block>,
}

impl Parts {
    /// Words alone.
    pub(super) fn words(text: &str) -> Self {
        Self { words: text.to_owned(), ..Self::default() }
    }

    /// Thought alone.
    pub(super) fn thought(text: &str) -> Self {
        Self { thinking: text.to_owned(), ..Self::default() }
    }

    /// Adds a block; what has no place is noted.
    pub(super) fn add(&mut self, form: Form, block: &Block, losses: &mut Losses) {
        unknown::note_lost(form.dialect(), &block.extras, losses);
        match &block.content {
            Content::Text { text, citations } => {
                if !citations.is_empty() {
                    losses.dropped("content.citations", "a message names no sources");
                }
                if !self.calls.is_empty() {
                    losses.bent("message.content", "text after a tool call is said before it");
                }
                self.words.push_str(text);
                note_seal(block, losses);
            }
            Content::Refusal(text) => self.words.push_str(text),
            Content::Reasoning(thought) => {
                if thought.redacted.is_some() {
                    losses.dropped("message.redacted_thinking", "only its issuer can read it");
                }
                self.thinking.push_str(&thought.text);
                note_seal(block, losses);
            }
            Content::ToolCall(call) if form == Form::Chat => {
                if matches!(call.kind, ToolKind::Hosted { .. }) {
                    losses.bent("message.tool_calls", "a provider's own tool is said as a function");
                }
                if matches!(call.kind, ToolKind::Custom(_)) || !is_object(&call.arguments) {
                    losses.bent("message.tool_calls", "free text is said as an argument");
                }
                self.calls.push(block.clone());
            }
            Content::ToolCall(_) => losses.dropped("message.tool_calls", "a prompt's answer is words alone"),
            Content::Image(Media { source: Source::Base64(data), .. }) => self.pictures.push(data.clone()),
            Content::Image(_)
            | Content::Document(_)
            | Content::Audio(_)
            | Content::Video(_)
            | Content::ToolResult(_)
            | Content::Opaque { .. } => losses.dropped("content", "a message has no place for it"),
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.thinking.is_empty() && self.pictures.is_empty() && self.calls.is_empty()
    }

    /// An end that waits for tools without calling any cannot be told.
    pub(super) fn note_idle_end(&self, finish: Option<&Finish>, losses: &mut Losses) {
        let waits = finish.is_some_and(|finish| finish.reason == FinishReason::ToolCalls);
        if waits && self.calls.is_empty() {
            losses.bent("finish_reason", "it waits for tools only where it called some");
        }
    }

    /// Writes them where the form has them.
    pub(super) fn write(&self, form: Form, answer: &mut Object<'_>) {
        match form {
            Form::Chat => answer.object("message", |message| {
                message.string("role", "assistant");
                message.string("content", &self.words);
                self.write_rest(message);
            }),
            Form::Generate => {
                answer.string("response", &self.words);
                self.write_rest(answer);
            }
        }
    }

    fn write_rest(&self, object: &mut Object<'_>) {
        if !self.thinking.is_empty() {
            object.string("thinking", &self.thinking);
        }
        if !self.pictures.is_empty() {
            object.array("images", |list| self.pictures.iter().for_each(|data| list.string(data)));
        }
        if !self.calls.is_empty() {
            object.array("tool_calls", |list| {
                for block in &self.calls {
                    if let Content::ToolCall(call) = &block.content {
                        list.object(|object| write_call(object, call, block.signature.as_ref()));
                    }
                }
            });
        }
    }
}

/// Notes a seal: clients bring back words and thoughts, but nothing beside them.
pub(super) fn note_seal(block: &Block, losses: &mut Losses) {
    if block.signature.is_some() {
        losses.dropped("message.signature", "a message has no place for a seal");
    }
}
