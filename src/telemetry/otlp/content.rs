//! What was asked and answered, where an operator wants that in spans: the messages of the conventions for
//! generative AI, read from what the client sent and got.
//!
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/> (seen in November 2026). Attributes hold
//! them as JSON text, since OTLP's spans have no other place for them that backends read.

use http::HeaderMap;

use super::span::Span;
use crate::account::Said;
use crate::account::trace::{Trace, Words};
use crate::dialect::frames::{Frames, Piece};
use crate::dialect::{Head, codec};
use crate::ir::fold::Fold;
use crate::ir::{
    Block, Content, Dialect, Event, FinishReason, Media, Reply, Request, Role, Source, Tool, ToolCall,
    ToolKind, Turn,
};
use crate::telemetry::names::span as name;
use crate::wire::json::{self, Array, Object};

/// One event of an answer has no more than all of it.
const LARGEST_EVENT: usize = 32 << 20;
/// What a message or a part of one takes beside its text.
const FRAME: usize = 32;

/// Adds what was said to the request's span: of each side so many bytes, of what is asked the latest.
pub(super) fn tell(span: &mut Span, trace: &Trace, words: &Words, limit: usize) {
    let mut cut = false;
    if let Some(request) =
        trace.asked.as_deref().and_then(|body| asked(words.dialect, &trace.head.path, body))
    {
        let mut room = Room::of(limit);
        let messages = messages(&request.turns, &mut room);
        let system = parts(&request.system, &mut room);
        span.text(name::INPUT_MESSAGES, &messages);
        if !request.system.is_empty() {
            span.text(name::SYSTEM_INSTRUCTIONS, &system);
        }
        if !request.tools.is_empty() {
            span.text(name::TOOL_DEFINITIONS, &definitions(&request.tools, &mut room));
        }
        cut |= room.cut;
    }
    let answer = words.answer.clone().masked(&words.masked);
    cut |= answer.is_cut();
    if let Some(reply) = answered(words, answer.bytes()) {
        let mut room = Room::of(limit);
        // What was restored may have come in pieces.
        let told = Said::new(candidates(&reply, &mut room).into_bytes(), false).masked(&words.masked);
        span.text(name::OUTPUT_MESSAGES, told.text().unwrap_or_default());
        cut |= room.cut;
    }
    if cut {
        span.set(name::CONTENT_CUT, true);
    }
}

fn asked(dialect: Dialect, path: &str, body: &[u8]) -> Option<Request> {
    let head = Head { path, query: "", headers: &HeaderMap::new() };
    codec(dialect).parse_request(&head, body).ok()
}

/// The answer as far as it came.
fn answered(words: &Words, bytes: &[u8]) -> Option<Reply> {
    let codec = codec(words.dialect);
    if !words.streamed {
        return codec.parse_reply(bytes).ok();
    }
    let mut parser = codec.stream_parser();
    let mut events = Vec::new();
    if bytes.trim_ascii_start().starts_with(b"[") {
        // Gemini's clients may have all of a stream as one array.
        json::parse(bytes).ok()?.elements().iter().for_each(|element| {
            parser.push(None, element.raw().as_bytes(), &mut events);
        });
    } else {
        let mut frames = Frames::of(words.dialect, LARGEST_EVENT);
        let mut take = |piece: Piece<'_>| {
            if let Piece::Data(event, data) = piece {
                parser.push(event, data, &mut events);
            }
        };
        // What cannot be framed was told as far as it could be.
        let _ = frames.push(bytes, &mut take).and_then(|()| frames.finish(&mut take));
    }
    parser.finish(&mut events);
    let mut fold = Fold::new();
    // An answer that breaks off was heard until there.
    let told = |event: &Event| !matches!(event, Event::Fault(_));
    events.into_iter().filter(told).for_each(|event| fold.push(event));
    fold.finish().ok().filter(|reply| !reply.candidates.is_empty())
}

/// How much more may be told.
struct Room {
    left: usize,
    cut: bool,
}

impl Room {
    const fn of(limit: usize) -> Self {
        Self { left: limit, cut: false }
    }

    /// Whether one more thing of this many bytes, whose text is not cut, finds room.
    fn takes(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        self.cut |= !fits;
        fits
    }

    /// The beginning of a text that finds room.
    fn text<'a>(&mut self, text: &'a str) -> &'a str {
        let mut end = text.len().min(self.left);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.left -= end;
        self.cut |= end < text.len();
        text.get(..end).unwrap_or_default()
    }
}

/// The turns, in their order, of which the last ones find room first.
fn messages(turns: &[Turn], room: &mut Room) -> String {
    let mut last_first: Vec<Vec<u8>> = Vec::new();
    for turn in turns.iter().rev() {
        if !room.takes(FRAME) {
            break;
        }
        let answers = turn.blocks.iter().any(|block| matches!(block.content, Content::ToolResult(_)));
        let role = match turn.role {
            Role::System => "system",
            Role::User if answers => "tool",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let mut out = Vec::new();
        json::object(&mut out, |message| {
            message.string("role", role);
            message.opt_string("name", turn.name.as_deref());
            message.array("parts", |parts| say_blocks(&turn.blocks, room, parts));
        });
        last_first.push(out);
    }
    let mut out = Vec::new();
    json::array(&mut out, |all| {
        for message in last_first.iter().rev() {
            all.embed(|out| out.extend_from_slice(message));
        }
    });
    String::from_utf8(out).unwrap_or_default()
}

fn candidates(reply: &Reply, room: &mut Room) -> String {
    let mut out = Vec::new();
    json::array(&mut out, |all| {
        for candidate in &reply.candidates {
            all.object(|message| {
                message.string("role", "assistant");
                message.array("parts", |parts| say_blocks(&candidate.blocks, room, parts));
                let reason = candidate.finish.as_ref().map(|finish| finish_reason(finish.reason));
                message.string("finish_reason", reason.unwrap_or("error"));
            });
        }
    });
    String::from_utf8(out).unwrap_or_default()
}

/// The conventions' word for it.
const fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence => "stop",
        FinishReason::Length | FinishReason::ContextFull => "length",
        FinishReason::ToolCalls => "tool_call",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::MalformedToolCall => "error",
        FinishReason::Pause | FinishReason::Other => reason.name(),
    }
}

fn parts(blocks: &[Block], room: &mut Room) -> String {
    let mut out = Vec::new();
    json::array(&mut out, |parts| say_blocks(blocks, room, parts));
    String::from_utf8(out).unwrap_or_default()
}

fn say_blocks(blocks: &[Block], room: &mut Room, parts: &mut Array<'_>) {
    for block in blocks {
        if !room.takes(FRAME) {
            break;
        }
        parts.object(|part| say_block(&block.content, room, part));
    }
}

fn say_block(content: &Content, room: &mut Room, part: &mut Object<'_>) {
    let mut text = |kind: &str, text: &str| {
        part.string("type", kind);
        part.string("content", room.text(text));
    };
    match content {
        Content::Text { text: said, .. } | Content::Refusal(said) => text("text", said),
        Content::Reasoning(thought) => text("reasoning", &thought.text),
        Content::Opaque { name, words, .. } => text(name, words.as_deref().unwrap_or_default()),
        Content::ToolCall(call) => say_call(call, room, part),
        Content::ToolResult(result) => {
            part.string("type", "tool_call_response");
            part.string("id", &result.call_id);
            match result.content.as_slice() {
                [Block { content: Content::Text { text, .. }, .. }] => {
                    part.string("response", room.text(text));
                }
                blocks => part.array("response", |parts| say_blocks(blocks, room, parts)),
            }
        }
        Content::Image(media) => say_media("image", media, room, part),
        Content::Document(media) => say_media("document", media, room, part),
        Content::Audio(media) => say_media("audio", media, room, part),
        Content::Video(media) => say_media("video", media, room, part),
    }
}

/// Arguments are JSON where all of them are told, and text where they are cut or none.
fn say_call(call: &ToolCall, room: &mut Room, part: &mut Object<'_>) {
    part.string("type", "tool_call");
    part.string("id", &call.id);
    part.string("name", &call.name);
    let told = room.text(&call.arguments);
    if told.len() == call.arguments.len() && json::validate(told.as_bytes()).is_ok() {
        part.raw("arguments", told);
    } else {
        part.string("arguments", told);
    }
}

/// Pictures and the like are named; bytes that were sent along are not told.
fn say_media(modality: &str, media: &Media, room: &mut Room, part: &mut Object<'_>) {
    let kind = match &media.source {
        Source::Base64(_) => "blob",
        Source::Url(_) => "uri",
        Source::File(_) => "file",
        Source::Text(_) => "text",
    };
    part.string("type", kind);
    part.string("modality", modality);
    part.opt_string("mime_type", media.media_type.as_deref());
    match &media.source {
        Source::Base64(_) => part.string("content", ""),
        Source::Url(url) => part.string("uri", room.text(url)),
        Source::File(id) => part.string("file_id", id),
        Source::Text(text) => part.string("content", room.text(text)),
    }
}

fn definitions(tools: &[Tool], room: &mut Room) -> String {
    let mut out = Vec::new();
    json::array(&mut out, |all| {
        for tool in tools {
            let schema = tool.schema.as_deref().unwrap_or_default();
            let description = tool.description.as_deref().unwrap_or_default();
            if !room.takes(FRAME + schema.len() + description.len()) {
                break;
            }
            all.object(|said| {
                said.string("type", kind(tool));
                said.string("name", &tool.name);
                said.opt_string("description", tool.description.as_deref());
                said.opt_raw("parameters", tool.schema.as_deref());
            });
        }
    });
    String::from_utf8(out).unwrap_or_default()
}

/// A tool that its provider runs is known by its name.
fn kind(tool: &Tool) -> &str {
    match tool.kind {
        ToolKind::Function | ToolKind::Older => "function",
        ToolKind::Custom(_) => "custom",
        ToolKind::Hosted { .. } => &tool.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::trace::Words;

    #[test]
    fn of_what_is_asked_the_latest_is_told_in_whole_letters() {
        let turns = [
            Turn::new(Role::User, vec![Block::text("first")]),
            Turn::new(Role::Assistant, vec![Block::text("äöü")]),
        ];
        let mut room = Room::of(2 * FRAME + 5);
        let told = messages(&turns, &mut room);
        assert_eq!(told, r#"[{"role":"assistant","parts":[{"type":"text","content":"äö"}]}]"#);
        assert!(room.cut);
        let mut room = Room::of(1 << 10);
        assert!(messages(&turns, &mut room).starts_with(r#"[{"role":"user""#) && !room.cut);
    }

    #[test]
    fn an_answer_that_breaks_off_is_told_as_far_as_it_came() {
        let words = Words {
            dialect: Dialect::OpenaiChat,
            streamed: true,
            answer: Said::default(),
            masked: Vec::new(),
            held: Box::new(()),
        };
        let chunk = r#"data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"So"},"finish_reason":null}]}"#;
        let reply = answered(&words, format!("{chunk}\n\n{chunk}\n\ndata: {{\"id\"").as_bytes()).unwrap();
        let told = candidates(&reply, &mut Room::of(1 << 10));
        assert_eq!(
            told,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"SoSo"}],"finish_reason":"error"}]"#
        );
        assert!(answered(&words, b"no stream").is_none());
    }
}
