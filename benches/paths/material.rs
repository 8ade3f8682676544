//! Bodies and streams of a known size, the same in every dialect.

use http::HeaderMap;
use tollgate::catalog::Catalog;
use tollgate::catalog::profile::Profile;
use tollgate::dialect::{Framing, Head, Seed, StreamShape, codec};
use tollgate::ir::unfold::unfold;
use tollgate::ir::{
    Block, Candidate, Content, Delta, Dialect, Event, Finish, FinishReason, Losses, Reply, Request, ToolCall,
    ToolKind, Usage,
};
use tollgate::provider::Vendor;

pub const SIZES: [usize; 2] = [2 << 10, 18 << 10];

pub const SSE: StreamShape = StreamShape { framing: Framing::Sse, usage: true };

/// Every pair of an upstream's and a client's dialect.
pub fn pairs() -> impl Iterator<Item = Pair> {
    Dialect::ALL.into_iter().flat_map(|from| Dialect::ALL.into_iter().map(move |to| Pair(from, to)))
}

/// An upstream's dialect and a client's.
#[derive(Clone, Copy)]
pub struct Pair(pub Dialect, pub Dialect);

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_to_{}", short(self.0), short(self.1))
    }
}

/// A dialect and the size of a body in it.
#[derive(Clone, Copy)]
pub struct Sized(pub Dialect, pub usize);

impl std::fmt::Display for Sized {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}k", short(self.0), self.1 >> 10)
    }
}

pub fn sized() -> impl Iterator<Item = Sized> {
    Dialect::ALL.into_iter().flat_map(|dialect| SIZES.into_iter().map(move |size| Sized(dialect, size)))
}

const fn short(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "chat",
        Dialect::OpenaiResponses => "responses",
        Dialect::AnthropicMessages => "anthropic",
        Dialect::GeminiGenerate => "gemini",
        Dialect::BedrockConverse => "bedrock",
        Dialect::OpenaiCompletions => "text",
        Dialect::OllamaChat => "ollama",
        Dialect::OllamaGenerate => "ollama_text",
        Dialect::CohereChat => "cohere",
    }
}

pub fn seed() -> Seed {
    Seed {
        id: "0198c0ffee00".to_owned(),
        created: 1_760_000_000,
        model: "m".to_owned(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    }
}

/// A usual target of a dialect.
pub fn profile(dialect: Dialect) -> Profile {
    let (vendor, model) = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => ("openai", "gpt-4.1"),
        Dialect::AnthropicMessages => ("anthropic", "claude-sonnet-4-5"),
        Dialect::GeminiGenerate => ("gemini", "gemini-2.5-flash"),
        Dialect::BedrockConverse => ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        Dialect::OpenaiCompletions => ("vllm", "llama-3.1-8b"),
        Dialect::OllamaChat | Dialect::OllamaGenerate => ("ollama", "llama3.2"),
        Dialect::CohereChat => ("cohere", "command-a-03-2025"),
    };
    let vendor = Vendor::find(vendor).unwrap();
    Profile::of(dialect, &vendor.quirks, model, vendor.model(Catalog::builtin(), model))
}

pub fn head(dialect: Dialect, headers: &HeaderMap) -> Head<'_> {
    let path = match dialect {
        Dialect::BedrockConverse => "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::AnthropicMessages
        | Dialect::GeminiGenerate
        | Dialect::OpenaiCompletions
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => "/v1beta/models/gemini-2.5-flash:generateContent",
    };
    Head { path, query: "", headers }
}

pub fn parse(dialect: Dialect, body: &[u8]) -> Request {
    codec(dialect).parse_request(&head(dialect, &HeaderMap::new()), body).unwrap()
}

const QUESTION: &str = "What is the weather like in Paris today, and should I take a \\\"coat\\\" with me? ";
const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"get_weather","description":"Tells the weather of a place","parameters":{"type":"object","properties":{"location":{"type":"string","description":"A city"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["location"]}}}]"#;

/// A conversation with instructions, a tool, calls and results, of about this size.
pub fn conversation(dialect: Dialect, size: usize) -> Vec<u8> {
    let mut text = format!(
        r#"{{"model":"m","temperature":0.7,"max_tokens":1024,{TOOLS},"messages":[{{"role":"system","content":"You are a helpful assistant."}}"#
    );
    let mut turn = 0;
    while text.len() + 700 < size || turn == 0 {
        turn += 1;
        let question = QUESTION.repeat(2);
        text += &format!(
            r#",{{"role":"user","content":"{question}"}},{{"role":"assistant","content":"I will look.","tool_calls":[{{"id":"call_{turn:024}","type":"function","function":{{"name":"get_weather","arguments":"{{\"location\":\"Paris\",\"unit\":\"celsius\"}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{turn:024}","content":"{{\"celsius\":11,\"sky\":\"rain\"}}"}},{{"role":"assistant","content":"It rains, at eleven degrees; a coat is a good idea."}}"#
        );
    }
    let rest = size.saturating_sub(text.len() + 40);
    text += &format!(r#",{{"role":"user","content":"{}"}}]}}"#, "And tomorrow? ".repeat(rest / 14 + 1));
    let request = parse(Dialect::OpenaiChat, text.as_bytes());
    codec(dialect).render_request(&request, "m", &profile(dialect), &mut Losses::new()).body
}

/// An answer of words and a call, about 1 KB as JSON.
pub fn answer() -> Reply {
    let call = ToolCall {
        id: "call_abc123".to_owned(),
        name: "get_weather".to_owned(),
        arguments: r#"{"location":"Paris","unit":"celsius"}"#.to_owned(),
        kind: ToolKind::Function,
    };
    Reply {
        id: Some("msg_01XFDUDYJgAACzvnptvVoYEL".to_owned()),
        model: Some("the-model-2025-01-01".to_owned()),
        created: Some(1_760_000_000),
        candidates: vec![Candidate {
            blocks: vec![
                Block::text("It rains in Paris, so \"take\" a coat.\n".repeat(10)),
                Block::new(Content::ToolCall(call)),
            ],
            finish: Some(Finish::new(FinishReason::ToolCalls)),
            ..Candidate::default()
        }],
        usage: Some(Usage { input: 400, cache_read: 1024, output: 120, ..Usage::default() }),
        ..Reply::default()
    }
}

pub fn reply(dialect: Dialect) -> Vec<u8> {
    codec(dialect).render_reply(&answer(), &seed(), &mut Losses::new())
}

/// The events of an answer of 100 pieces of text.
pub fn events() -> Vec<Event> {
    let mut events = unfold(Reply {
        candidates: vec![Candidate {
            blocks: vec![Block::text("x")],
            finish: Some(Finish::new(FinishReason::Stop)),
            ..Candidate::default()
        }],
        ..answer()
    });
    let place = events.iter().position(|event| matches!(event, Event::Delta { .. })).unwrap();
    let delta = || Event::Delta { index: 0, delta: Delta::Text(" a few words".to_owned()) };
    events.splice(place..=place, std::iter::repeat_with(delta).take(100));
    events
}

/// The same as one dialect streams it.
pub fn stream(dialect: Dialect) -> Vec<u8> {
    let mut renderer = codec(dialect).stream_renderer(&seed(), SSE);
    let mut out = Vec::new();
    for event in events() {
        renderer.push(&event, &mut out, &mut Losses::new());
    }
    out
}
