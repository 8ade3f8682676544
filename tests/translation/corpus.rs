//! The recordings that all tests of translation run over, and the targets that they are said to.

use std::path::{Path, PathBuf};

use http::HeaderMap;
use tollgate::catalog::Catalog;
use tollgate::catalog::profile::Profile;
use tollgate::dialect::frames::{Frames, Piece};
use tollgate::dialect::{Framing, Head, Malformed, Seed, StreamShape, codec};
use tollgate::ir::{Dialect, Event, Request};
use tollgate::provider::Vendor;
use tollgate::wire::{event_stream, json_array};

/// The kinds of recordings, each a folder of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Reply,
    Stream,
    Error,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Request, Self::Reply, Self::Stream, Self::Error];

    pub const fn folder(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Reply => "replies",
            Self::Stream => "streams",
            Self::Error => "errors",
        }
    }
}

/// One recording.
pub struct Recording {
    pub dialect: Dialect,
    /// The file's name with its ending.
    pub file: String,
    pub bytes: Vec<u8>,
}

impl Recording {
    /// The file's name without its ending.
    pub fn stem(&self) -> &str {
        self.file.rsplit_once('.').unwrap().0
    }

    /// Whether the stream is one JSON array.
    pub fn is_array(&self) -> bool {
        self.file.ends_with(".json-array")
    }

    /// The status with which an error came: its file's name begins with it.
    pub fn status(&self) -> u16 {
        self.file[..3].parse().unwrap()
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// All recordings of one kind in one dialect, by name.
pub fn recordings(dialect: Dialect, kind: Kind) -> Vec<Recording> {
    let folder = root().join("corpus").join(dialect.name()).join(kind.folder());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| Recording {
        dialect,
        file: path.file_name().unwrap().to_str().unwrap().to_owned(),
        bytes: std::fs::read(&path).unwrap(),
    };
    files.into_iter().map(read).collect()
}

/// All recordings of one kind in every dialect.
pub fn all(kind: Kind) -> impl Iterator<Item = Recording> {
    Dialect::ALL.into_iter().flat_map(move |dialect| recordings(dialect, kind))
}

/// A model that requests are said to, with what it tolerates.
pub struct Target {
    pub dialect: Dialect,
    pub model: &'static str,
    pub profile: Profile,
}

/// The representative models of each dialect: one of the older habits, one of the newer.
const MODELS: &[(Dialect, &str, [&str; 2])] = &[
    (Dialect::OpenaiChat, "openai", ["gpt-4.1", "gpt-5.1"]),
    (Dialect::OpenaiResponses, "openai", ["gpt-4.1", "gpt-5-codex"]),
    (Dialect::AnthropicMessages, "anthropic", ["claude-sonnet-4-5", "claude-opus-4-8"]),
    (Dialect::GeminiGenerate, "gemini", ["gemini-2.5-flash", "gemini-3-pro-preview"]),
    (
        Dialect::BedrockConverse,
        "bedrock",
        ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.amazon.nova-2-lite-v1:0"],
    ),
    (Dialect::OllamaChat, "ollama", ["llama3.2", "gpt-oss:20b"]),
    (Dialect::OllamaGenerate, "ollama", ["llama3.2", "gpt-oss:20b"]),
    (Dialect::CohereChat, "cohere", ["command-r-08-2024", "command-a-reasoning-08-2025"]),
    (Dialect::OpenaiCompletions, "vllm", ["meta-llama/Llama-3.1-8B", "gpt-3.5-turbo-instruct"]),
];

/// The representative targets that speak this dialect.
pub fn targets(dialect: Dialect) -> Vec<Target> {
    let (.., vendor, models) = MODELS.iter().find(|(known, ..)| *known == dialect).unwrap();
    models.iter().map(|model| target(dialect, vendor, model)).collect()
}

/// A target by its vendor's and model's names.
pub fn target(dialect: Dialect, vendor: &str, model: &'static str) -> Target {
    let vendor = Vendor::find(vendor).unwrap();
    let known = vendor.model(Catalog::builtin(), model);
    Target { dialect, model, profile: Profile::of(dialect, &vendor.quirks, model, known) }
}

/// What every answer is made up from.
pub fn seed() -> Seed {
    Seed {
        id: "0198c0ffee00".to_owned(),
        created: 1_760_000_000,
        model: "the-model-asked-for".to_owned(),
        input_tokens: 0,
        asked: bytes::Bytes::new(),
        kept: false,
    }
}

pub const SSE: StreamShape = StreamShape { framing: Framing::Sse, usage: true };

/// Reads a request as a client of this dialect sends it.
pub fn ask(dialect: Dialect, body: &[u8]) -> Result<Request, Malformed> {
    let path = match dialect {
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::AnthropicMessages => "/v1/messages",
        Dialect::GeminiGenerate => "/v1beta/models/gemini-2.5-pro:generateContent",
        Dialect::BedrockConverse => "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        Dialect::OpenaiCompletions => "/v1/completions",
        Dialect::OllamaChat => "/api/chat",
        Dialect::OllamaGenerate => "/api/generate",
        Dialect::CohereChat => "/v2/chat",
    };
    let headers = HeaderMap::new();
    codec(dialect).parse_request(&Head { path, query: "", headers: &headers }, body)
}

/// The bytes of a stream as its provider sends them: Bedrock's recordings are kept as text, one
/// server-sent event for each of its binary messages.
pub fn wire(recording: &Recording) -> Vec<u8> {
    sent(recording.dialect, &recording.bytes)
}

/// The same of a stream that is written as server-sent events.
pub fn sent(dialect: Dialect, text: &[u8]) -> Vec<u8> {
    if dialect != Dialect::BedrockConverse {
        return text.to_vec();
    }
    let mut out = Vec::new();
    for (name, data) in cut(Dialect::AnthropicMessages, text) {
        let name = name.unwrap();
        let kind = if name.ends_with("Exception") {
            event_stream::Kind::Exception(&name)
        } else {
            event_stream::Kind::Event(&name)
        };
        event_stream::write(&mut out, kind, |out| out.extend_from_slice(&data));
    }
    out
}

/// The frames that a renderer of this dialect wrote: names and data.
pub fn written(dialect: Dialect, bytes: &[u8]) -> Vec<(Option<String>, Vec<u8>)> {
    let mut frames = Vec::new();
    if dialect == Dialect::BedrockConverse {
        let mut parser = event_stream::Parser::new(1 << 24);
        let keep = |message: event_stream::Message<'_>| {
            let (event_stream::Kind::Event(name) | event_stream::Kind::Exception(name)) = message.kind()
            else {
                panic!("an error without a name");
            };
            assert_eq!(message.text(":content-type"), Some("application/json"));
            frames.push((Some(name.to_owned()), message.payload().to_vec()));
        };
        parser.push(bytes, keep).unwrap();
        parser.finish().unwrap();
        return frames;
    }
    cut(dialect, bytes)
}

/// The frames of a stream, server-sent or in one JSON array.
pub fn frames(recording: &Recording) -> Vec<(Option<String>, Vec<u8>)> {
    let mut frames = Vec::new();
    if recording.is_array() {
        let mut parser = json_array::Parser::new(1 << 20);
        parser.push(&recording.bytes, |element| frames.push((None, element.to_vec()))).unwrap();
        return frames;
    }
    // Bedrock's stand as events, which people can read.
    let dialect = match recording.dialect {
        Dialect::BedrockConverse => Dialect::AnthropicMessages,
        other => other,
    };
    cut(dialect, &recording.bytes)
}

/// Cuts a stream of one dialect into its frames.
fn cut(dialect: Dialect, bytes: &[u8]) -> Vec<(Option<String>, Vec<u8>)> {
    let (mut parser, mut frames) = (Frames::of(dialect, 1 << 24), Vec::new());
    let mut keep = |piece: Piece<'_>| {
        if let Piece::Data(event, data) = piece {
            frames.push((event.map(str::to_owned), data.to_vec()));
        }
    };
    parser.push(bytes, &mut keep).unwrap();
    parser.finish(&mut keep).unwrap();
    frames
}

/// The events of a stream.
pub fn events(recording: &Recording) -> Vec<Event> {
    let mut parser = codec(recording.dialect).stream_parser();
    let mut events = Vec::new();
    for (event, data) in frames(recording) {
        parser.push(event.as_deref(), &data, &mut events);
    }
    parser.finish(&mut events);
    events
}
