//! What translations carry, found out by making them.

use tollgate::catalog::Catalog;
use tollgate::catalog::profile::Profile;
use tollgate::catalog::quirks::Quirks;
use tollgate::dialect::{Head, codec};
use tollgate::ir::{
    Block, CacheMark, Content, Dialect, Effort, Format, LossKind, Losses, Media, Request, Role, Source,
    Thinking, Tool, ToolChoice, ToolKind, Turn,
};
use tollgate::provider::Vendor;

/// What a request may hold beside words, with its letter and its name.
pub const FEATURES: [(char, &str); 8] = [
    ('T', "tools"),
    ('V', "vision"),
    ('D', "documents"),
    ('A', "audio"),
    ('S', "structured output"),
    ('R', "reasoning"),
    ('C', "cache marks"),
    ('F', "streaming"),
];

/// How a feature fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fare {
    /// The client's dialect has no words for it.
    Unsayable,
    /// It is left out, and named as a loss.
    Lost,
    /// It is said in another way, and named as a loss.
    Bent,
    /// It arrives.
    Carried,
}

/// A model by which each dialect is usually met: its vendor and name.
const USUAL: &[(Dialect, &str, &str)] = &[
    (Dialect::OpenaiChat, "openai", "gpt-5.1"),
    (Dialect::OpenaiResponses, "openai", "gpt-5.1"),
    (Dialect::AnthropicMessages, "anthropic", "claude-sonnet-4-6"),
    (Dialect::GeminiGenerate, "gemini", "gemini-3-pro-preview"),
    (Dialect::BedrockConverse, "bedrock", "anthropic.claude-sonnet-4-6"),
    (Dialect::OllamaChat, "ollama", "qwen3"),
    (Dialect::OllamaGenerate, "ollama", "qwen3"),
    (Dialect::CohereChat, "cohere", "command-a-reasoning-08-2025"),
];

/// The tolerances of the usual model of a dialect.
fn usual(dialect: Dialect) -> (Profile, &'static str) {
    let named = USUAL.iter().find(|(spoken, ..)| *spoken == dialect);
    let speaks = |vendor: &&Vendor| vendor.speaks.iter().any(|(spoken, _)| *spoken == dialect);
    let (vendor, model) = match named {
        Some((_, vendor, model)) => (Vendor::find(vendor), *model),
        None => (Vendor::all().find(speaks), "m"),
    };
    let quirks = vendor.map_or(Quirks::NONE, |vendor| vendor.quirks);
    let catalog = Catalog::builtin();
    let known = vendor.and_then(|vendor| vendor.model(catalog, model));
    (Profile::of(dialect, &quirks, model, known), model)
}

/// The same for one that takes whatever its dialect has words for.
fn tolerant(dialect: Dialect) -> (Profile, &'static str) {
    let (profile, model) = usual(dialect);
    (Profile { audio_input: true, cache_marks: true, ..profile }, model)
}

fn media(media_type: &str, base64: &str) -> Media {
    Media::new(Source::Base64(base64.to_owned()), Some(media_type.to_owned()))
}

/// A request that needs one feature and nothing else.
fn probe(feature: char) -> Request {
    let mut request = Request {
        model: "m".to_owned(),
        system: vec![Block::text("Be brief.")],
        turns: vec![Turn::new(Role::User, vec![Block::text("Look at this.")])],
        ..Request::default()
    };
    request.sampling.max_tokens = Some(4096);
    let mut add = |content| request.turns[0].blocks.push(Block::new(content));
    match feature {
        'T' => {
            request.tools.push(Tool {
                name: "look".to_owned(),
                description: Some("looks".to_owned()),
                schema: Some("{\"type\":\"object\",\"properties\":{\"at\":{\"type\":\"string\"}},\"required\":[\"at\"],\"additionalProperties\":false}".to_owned()),
                strict: None,
                kind: ToolKind::Function,
                cache: None,
                extras: Default::default(),
            });
            request.tool_choice = Some(ToolChoice::Auto);
        }
        'V' => add(Content::Image(media("image/png", "iVBORw0KGgo="))),
        'D' => add(Content::Document(media("application/pdf", "JVBERi0xLjQK"))),
        'A' => add(Content::Audio(media("audio/wav", "UklGRiQAAABXQVZF"))),
        'S' => {
            request.format = Some(Format::JsonSchema {
                name: Some("cat".to_owned()),
                description: None,
                schema: "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}".to_owned(),
                strict: Some(true),
            });
        }
        'R' => request.thinking = Some(Thinking { effort: Some(Effort::High), ..Thinking::default() }),
        'C' => request.system[0].cache = Some(CacheMark::FiveMinutes),
        'F' => (request.stream, request.stream_usage) = (true, true),
        other => panic!("no such feature: {other}"),
    }
    request
}

/// The losses that a feature adds to those that a plain request has.
fn fare(losses: &Losses, plain: &Losses) -> Fare {
    let own = losses.iter().filter(|loss| !plain.iter().any(|known| known == *loss));
    // A document arrives though its name does not.
    own.filter(|loss| !loss.field.ends_with("name"))
        .map(|loss| match loss.kind {
            LossKind::Dropped => Fare::Lost,
            LossKind::Bent | LossKind::Clamped => Fare::Bent,
        })
        .min()
        .unwrap_or(Fare::Carried)
}

fn said(client: Dialect, request: &Request) -> (Request, Losses) {
    let mut losses = Losses::new();
    let (profile, model) = tolerant(client);
    let rendered = codec(client).render_request(request, model, &profile, &mut losses);
    let path = match (client, request.stream) {
        (Dialect::BedrockConverse, false) => format!("/model/{model}/converse"),
        (Dialect::BedrockConverse, true) => format!("/model/{model}/converse-stream"),
        (_, false) => format!("/v1beta/models/{model}:generateContent"),
        (_, true) => format!("/v1beta/models/{model}:streamGenerateContent"),
    };
    let headers = Default::default();
    let head = Head { path: &path, query: "alt=sse", headers: &headers };
    let read = codec(client).parse_request(&head, &rendered.body);
    (read.unwrap_or_else(|wrong| panic!("{client:?} does not read its own words: {wrong:?}")), losses)
}

fn plain() -> Request {
    Request { stream: false, ..probe('F') }
}

/// How a feature fares from a client to a target with these tolerances.
pub fn carries(feature: char, client: Dialect, target: Dialect, profile: &Profile, model: &str) -> Fare {
    let (asked, unsayable) = said(client, &probe(feature));
    let (nothing, sayable) = said(client, &plain());
    if fare(&unsayable, &sayable) == Fare::Lost {
        return Fare::Unsayable;
    }
    let losses = |request| {
        let mut losses = Losses::new();
        codec(target).render_request(request, model, profile, &mut losses);
        losses
    };
    fare(&losses(&asked), &losses(&nothing))
}

/// How a feature fares between two dialects, in front of a usual model of the target's.
pub fn between(feature: char, client: Dialect, target: Dialect) -> Fare {
    let (profile, model) = usual(target);
    carries(feature, client, target, &profile, model)
}

/// The same where nothing needs translating.
pub fn within(feature: char, dialect: Dialect) -> Fare {
    let (profile, model) = tolerant(dialect);
    carries(feature, dialect, dialect, &profile, model)
}

/// The letters of what a chat client's requests carry to a vendor; small ones where it is bent.
pub fn letters(vendor: &Vendor) -> String {
    let client = Dialect::OpenaiChat;
    let spoken = vendor.speaks.iter().map(|(dialect, _)| *dialect);
    let Some(target) = spoken.clone().find(|dialect| *dialect == client).or_else(|| spoken.clone().next())
    else {
        return "–".to_owned();
    };
    let profile = Profile::of(target, &vendor.quirks, "m", None);
    let letter = |&(letter, _): &(char, &str)| match carries(letter, client, target, &profile, "m") {
        Fare::Carried => Some(letter),
        Fare::Bent => Some(letter.to_ascii_lowercase()),
        Fare::Lost | Fare::Unsayable => None,
    };
    FEATURES.iter().filter_map(letter).collect()
}
