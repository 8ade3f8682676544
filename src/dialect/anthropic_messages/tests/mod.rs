//! The codec against its corpus, and the traps by name.

mod answers;
mod asking;
mod requests;

use std::fs;
use std::path::PathBuf;

use http::HeaderMap;
use serde_json::Value;

use super::AnthropicMessages;
use crate::catalog::profile::{
    MaxTokensField, Params, Profile, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle,
    ToolIdRule,
};
use crate::dialect::{Codec, Framing, Head, Rendered, Seed, StreamShape};
use crate::ir::grammar::Checker;
use crate::ir::{Effort, Event, Losses, Request};
use crate::wire::sse;

/// A target that takes everything, and is asked to think by budget.
const PERMISSIVE: Profile = Profile {
    max_tokens_field: MaxTokensField::MaxTokens,
    max_output: Some(64_000),
    default_max_tokens: 4096,
    developer_role: false,
    mid_system: true,
    prefill: true,
    max_temperature: Some(1.0),
    both_samplers: true,
    refuses: Params::NONE,
    thinking: ThinkingStyle::Budget,
    efforts: (Effort::None, Effort::Max),
    only_efforts: &[],
    xhigh: true,
    reasoning_history: ReasoningHistory::Keep,
    structured_output: StructuredOutput::Native,
    required_tool: RequiredTool::Any,
    forced_tool: true,
    text_only_content: false,
    tool_result_media: true,
    image_urls: true,
    document_urls: true,
    audio_input: false,
    documents: true,
    strict_tools: true,
    cache_marks: true,
    no_nulls: false,
    include_usage: false,
    tool_id: ToolIdRule::Word,
    seed_field: "seed",
    standard_tier: None,
    json_schema: false,
    requires_signature: false,
    extras: false,
    own_members: &[],
    named: crate::catalog::profile::Named::Everyone,
    plain_schemas: false,
    whole_thought: true,
    older_tools: false,
    retold: false,
    together: crate::catalog::profile::Together::ALL,
    converse: crate::catalog::profile::Converse::PLAIN,
};

/// The same, asked to think by effort.
const ADAPTIVE: Profile = Profile { thinking: ThinkingStyle::Adaptive, ..PERMISSIVE };

fn corpus(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/anthropic_messages").join(kind);
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn one(kind: &str, name: &str) -> Vec<u8> {
    corpus(kind).into_iter().find(|(file, _)| file == name).unwrap().1
}

fn parse(body: &[u8]) -> Request {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1/messages", query: "", headers: &headers };
    AnthropicMessages.parse_request(&head, body).unwrap()
}

fn render(request: &Request, profile: &Profile) -> (Value, Rendered, Losses) {
    let mut losses = Losses::new();
    let rendered = AnthropicMessages.render_request(request, "claude-target", profile, &mut losses);
    let value = serde_json::from_slice(&rendered.body).unwrap();
    (value, rendered, losses)
}

pub(super) fn seed() -> Seed {
    Seed {
        id: "seed01".into(),
        created: 1_763_000_000,
        model: "seeded".into(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    }
}

/// The events of a recorded stream, every one of them checked against the grammar.
fn events(stream: &[u8]) -> Vec<Event> {
    let mut parser = AnthropicMessages.stream_parser();
    let mut frames = sse::Parser::new(1 << 20);
    let mut events = Vec::new();
    frames.push(stream, |frame| parser.push(frame.event, &frame.data, &mut events)).unwrap();
    frames.finish(|frame| parser.push(frame.event, &frame.data, &mut events)).unwrap();
    parser.finish(&mut events);
    let mut checker = Checker::new();
    for event in &events {
        assert_eq!(checker.push(event), Ok(()), "{event:?} in {events:#?}");
    }
    assert!(checker.is_ended());
    events
}

fn say(events: &[Event]) -> (String, Losses) {
    let shape = StreamShape { framing: Framing::Sse, usage: true };
    let mut renderer = AnthropicMessages.stream_renderer(&seed(), shape);
    let (mut out, mut losses) = (Vec::new(), Losses::new());
    for event in events {
        renderer.push(event, &mut out, &mut losses);
    }
    (String::from_utf8(out).unwrap(), losses)
}
