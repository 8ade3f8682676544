mod answers;
mod errors;
mod requests;

use std::path::{Path, PathBuf};

use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::catalog::profile::{
    MaxTokensField, Param, Params, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle, Together,
    ToolIdRule,
};
use crate::dialect::{Framing, Restore};
use crate::ir::{Effort, Event, grammar};

/// A target that takes everything.
const OPEN: Profile = Profile {
    max_tokens_field: MaxTokensField::MaxCompletionTokens,
    max_output: None,
    default_max_tokens: 4096,
    developer_role: true,
    mid_system: true,
    prefill: true,
    max_temperature: Some(2.0),
    both_samplers: true,
    refuses: Params::NONE,
    thinking: ThinkingStyle::Effort,
    efforts: (Effort::None, Effort::Max),
    only_efforts: &[],
    xhigh: true,
    reasoning_history: ReasoningHistory::Keep,
    structured_output: StructuredOutput::Native,
    required_tool: RequiredTool::Required,
    forced_tool: true,
    text_only_content: false,
    tool_result_media: true,
    image_urls: true,
    document_urls: true,
    audio_input: true,
    documents: true,
    strict_tools: true,
    cache_marks: true,
    no_nulls: false,
    include_usage: true,
    tool_id: ToolIdRule::Any,
    seed_field: "seed",
    standard_tier: None,
    json_schema: true,
    requires_signature: true,
    extras: true,
    own_members: &[],
    named: crate::catalog::profile::Named::Everyone,
    plain_schemas: false,
    whole_thought: true,
    older_tools: false,
    retold: false,
    together: Together::ALL,
    converse: crate::catalog::profile::Converse::PLAIN,
};

/// A target that takes next to nothing.
const NARROW: Profile = Profile {
    max_tokens_field: MaxTokensField::MaxTokens,
    max_output: Some(100),
    developer_role: false,
    mid_system: false,
    max_temperature: None,
    both_samplers: true,
    refuses: Params::of(&[Param::Stop, Param::N, Param::LogitBias, Param::ParallelTools]),
    efforts: (Effort::Low, Effort::High),
    xhigh: true,
    reasoning_history: ReasoningHistory::Require,
    structured_output: StructuredOutput::Tool,
    required_tool: RequiredTool::Any,
    forced_tool: false,
    text_only_content: true,
    tool_result_media: false,
    strict_tools: false,
    cache_marks: false,
    no_nulls: true,
    include_usage: false,
    tool_id: ToolIdRule::Nine,
    seed_field: "random_seed",
    requires_signature: false,
    extras: false,
    ..OPEN
};

const SHAPE: StreamShape = StreamShape { framing: Framing::Sse, usage: true };

pub(super) fn seed() -> Seed {
    Seed {
        id: "0123456789abcdef".into(),
        created: 1_700_000_000,
        model: "made-up".into(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    }
}

fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/openai_chat").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())
    };
    files.into_iter().map(read).collect()
}

fn parse(body: &[u8]) -> Request {
    let headers = HeaderMap::new();
    OpenaiChat
        .parse_request(&Head { path: "/v1/chat/completions", query: "", headers: &headers }, body)
        .unwrap()
}

fn ask(body: &Value) -> Request {
    let mut whole = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    parse(whole.to_string().as_bytes())
}

fn complaint(body: &str) -> (String, String) {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1/chat/completions", query: "", headers: &headers };
    let malformed = OpenaiChat.parse_request(&head, body.as_bytes()).unwrap_err();
    (malformed.param, malformed.message)
}

fn render(request: &Request, profile: &Profile) -> (Value, String, Restore) {
    let mut losses = Losses::new();
    let rendered = OpenaiChat.render_request(request, &request.model, profile, &mut losses);
    (serde_json::from_slice(&rendered.body).unwrap(), losses.to_header(), rendered.restore)
}

fn events(stream: &[u8]) -> Vec<Event> {
    let mut parser = OpenaiChat.stream_parser();
    let mut events = Vec::new();
    for frame in std::str::from_utf8(stream).unwrap().split("\n\n") {
        if let Some(data) = frame.strip_prefix("data: ") {
            parser.push(None, data.as_bytes(), &mut events);
        }
    }
    parser.finish(&mut events);
    let mut checker = grammar::Checker::new();
    for event in &events {
        checker.push(event).unwrap_or_else(|broken| panic!("{broken}: {event:?} in {events:#?}"));
    }
    assert!(checker.is_ended());
    events
}

fn say(events: &[Event]) -> String {
    say_all(events).0
}

fn say_all(events: &[Event]) -> (String, String) {
    let mut renderer = OpenaiChat.stream_renderer(&seed(), SHAPE);
    let mut out = Vec::new();
    let mut losses = Losses::new();
    for event in events {
        renderer.push(event, &mut out, &mut losses);
    }
    (String::from_utf8(out).unwrap(), losses.to_header())
}
