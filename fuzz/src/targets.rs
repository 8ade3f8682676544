//! The bodies of the fuzz targets: each takes any bytes, and panics only where a promise is broken.
//!
//! They are a module of their own so that `tests/fuzz_corpus.rs` can run them without a fuzzer.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tollgate::cache::packed::{label, pack, unpack};
use tollgate::cache::semantic::near::{Sketch, doubt, fixed, logit};
use tollgate::cache::semantic::{Turn, forms};
use tollgate::cache::{Answer, Embedder, Entry, Fingerprint, Mark, Origin, Verifier};
use tollgate::catalog::Catalog;
use tollgate::catalog::profile::Profile;
use tollgate::config::{self, Sources};
use tollgate::dialect::frames::{self, Piece};
use tollgate::dialect::live::{Listener, Setup};
use tollgate::dialect::transcode::Transcoder;
use tollgate::dialect::{
    Framing, Head, Ranks, Restore, Seed, StreamShape, Vectors, anthropic_messages, codec, gemini_generate,
    openai_embeddings,
};
use tollgate::ir::fold::Fold;
use tollgate::ir::grammar::Checker;
use tollgate::ir::{Content, Dialect, Event, FinishReason, Losses, Reply};
use tollgate::provider::Vendor;
use tollgate::route::health::Breaker;
use tollgate::wire::lens::{self, Edit, Lens};
use tollgate::wire::resp as redis;
use tollgate::wire::{event_stream, json, json_array, multipart as form, ndjson, sse, websocket as socket};

/// One target: its name, what it does, and the folders below `tests/` that hold its first inputs.
pub struct Target {
    /// The name of its binary.
    pub name: &'static str,
    /// Feeds it.
    pub feed: fn(&[u8]),
    /// Where good inputs lie.
    pub seeds: &'static [&'static str],
}

/// Every target.
pub const ALL: &[Target] = &[
    Target {
        name: "json",
        feed: json,
        seeds: &["corpus/openai_chat/requests", "corpus/gemini_generate/replies"],
    },
    Target {
        name: "lens",
        feed: lens,
        seeds: &["corpus/openai_chat/requests", "corpus/anthropic_messages/requests"],
    },
    Target {
        name: "sse",
        feed: sse,
        seeds: &["corpus/openai_chat/streams", "corpus/anthropic_messages/streams"],
    },
    Target {
        name: "sse_and_lens",
        feed: sse_and_lens,
        seeds: &["corpus/openai_chat/streams", "corpus/gemini_generate/streams"],
    },
    Target {
        name: "event_stream",
        feed: event_stream,
        seeds: &["corpus/bedrock_converse/streams", "corpus/bedrock_converse/replies"],
    },
    Target { name: "json_array", feed: json_array, seeds: &["corpus/gemini_generate/streams"] },
    Target { name: "multipart", feed: multipart, seeds: &["corpus/flat/forms"] },
    Target { name: "websocket", feed: websocket, seeds: &["corpus/live/frames"] },
    Target { name: "resp", feed: resp, seeds: &["corpus/openai_chat/replies"] },
    Target {
        name: "packed",
        feed: packed,
        seeds: &["corpus/openai_chat/replies", "corpus/anthropic_messages/streams"],
    },
    Target { name: "chat_request", feed: chat_request, seeds: &["corpus/openai_chat/requests"] },
    Target {
        name: "anthropic_request",
        feed: anthropic_request,
        seeds: &["corpus/anthropic_messages/requests"],
    },
    Target { name: "gemini_request", feed: gemini_request, seeds: &["corpus/gemini_generate/requests"] },
    Target { name: "bedrock_request", feed: bedrock_request, seeds: &["corpus/bedrock_converse/requests"] },
    Target { name: "chat_reply", feed: chat_reply, seeds: &["corpus/openai_chat/replies"] },
    Target { name: "anthropic_reply", feed: anthropic_reply, seeds: &["corpus/anthropic_messages/replies"] },
    Target { name: "gemini_reply", feed: gemini_reply, seeds: &["corpus/gemini_generate/replies"] },
    Target { name: "bedrock_reply", feed: bedrock_reply, seeds: &["corpus/bedrock_converse/replies"] },
    Target { name: "chat_stream", feed: chat_stream, seeds: &["corpus/openai_chat/streams"] },
    Target {
        name: "anthropic_stream",
        feed: anthropic_stream,
        seeds: &["corpus/anthropic_messages/streams"],
    },
    Target { name: "gemini_stream", feed: gemini_stream, seeds: &["corpus/gemini_generate/streams"] },
    Target { name: "bedrock_stream", feed: bedrock_stream, seeds: &["corpus/bedrock_converse/streams"] },
    Target { name: "chat_error", feed: chat_error, seeds: &["corpus/openai_chat/errors"] },
    Target { name: "anthropic_error", feed: anthropic_error, seeds: &["corpus/anthropic_messages/errors"] },
    Target { name: "gemini_error", feed: gemini_error, seeds: &["corpus/gemini_generate/errors"] },
    Target { name: "bedrock_error", feed: bedrock_error, seeds: &["corpus/bedrock_converse/errors"] },
    Target {
        name: "responses_request",
        feed: responses_request,
        seeds: &["corpus/openai_responses/requests"],
    },
    Target { name: "responses_reply", feed: responses_reply, seeds: &["corpus/openai_responses/replies"] },
    Target { name: "responses_stream", feed: responses_stream, seeds: &["corpus/openai_responses/streams"] },
    Target { name: "responses_error", feed: responses_error, seeds: &["corpus/openai_responses/errors"] },
    Target {
        name: "completions_request",
        feed: completions_request,
        seeds: &["corpus/openai_completions/requests"],
    },
    Target {
        name: "completions_reply",
        feed: completions_reply,
        seeds: &["corpus/openai_completions/replies"],
    },
    Target {
        name: "completions_stream",
        feed: completions_stream,
        seeds: &["corpus/openai_completions/streams"],
    },
    Target {
        name: "completions_error",
        feed: completions_error,
        seeds: &["corpus/openai_completions/errors"],
    },
    Target { name: "ollama_request", feed: ollama_request, seeds: &["corpus/ollama_chat/requests"] },
    Target {
        name: "ollama_text_request",
        feed: ollama_text_request,
        seeds: &["corpus/ollama_generate/requests"],
    },
    Target { name: "ollama_reply", feed: ollama_reply, seeds: &["corpus/ollama_chat/replies"] },
    Target { name: "ollama_text_reply", feed: ollama_text_reply, seeds: &["corpus/ollama_generate/replies"] },
    Target { name: "ollama_stream", feed: ollama_stream, seeds: &["corpus/ollama_chat/streams"] },
    Target {
        name: "ollama_text_stream",
        feed: ollama_text_stream,
        seeds: &["corpus/ollama_generate/streams"],
    },
    Target { name: "ollama_error", feed: ollama_error, seeds: &["corpus/ollama_chat/errors"] },
    Target { name: "ollama_text_error", feed: ollama_text_error, seeds: &["corpus/ollama_generate/errors"] },
    Target { name: "cohere_request", feed: cohere_request, seeds: &["corpus/cohere_chat/requests"] },
    Target { name: "cohere_reply", feed: cohere_reply, seeds: &["corpus/cohere_chat/replies"] },
    Target { name: "cohere_stream", feed: cohere_stream, seeds: &["corpus/cohere_chat/streams"] },
    Target { name: "cohere_error", feed: cohere_error, seeds: &["corpus/cohere_chat/errors"] },
    Target {
        name: "ndjson",
        feed: ndjson,
        seeds: &["corpus/ollama_chat/streams", "corpus/ollama_generate/streams"],
    },
    Target { name: "embeddings", feed: embeddings, seeds: &["corpus/openai_chat/requests"] },
    Target { name: "ranks", feed: ranks, seeds: &["corpus/flat/ranks"] },
    Target { name: "questions", feed: questions, seeds: &["semantic/pairs"] },
    Target {
        name: "counts",
        feed: counts,
        seeds: &["corpus/anthropic_messages/requests", "corpus/gemini_generate/requests"],
    },
    Target { name: "configuration", feed: configuration, seeds: &["../conf"] },
];

/// Frames and elements may be this long.
const LIMIT: usize = 1 << 20;

/// A tree is what a second reader of JSON reads, and its text is where it says.
pub fn json(data: &[u8]) {
    let tree = json::parse(data);
    assert_eq!(tree.is_ok(), json::validate(data).is_ok(), "reading and checking differ");
    let Ok(tree) = tree else { return };
    let second = serde_json::from_slice::<serde_json::Value>(data);
    if let Err(error) = second {
        // We read half a surrogate pair as a replacement character, as clients do send it.
        let known = ["recursion limit", "out of range", "surrogate", "hex escape"];
        assert!(known.iter().any(|limit| error.to_string().contains(limit)), "the other reader says {error}");
    }
    for (_, member) in tree.entries() {
        // Only the outermost keys must differ, and a member's are outermost here.
        let alone = json::parse(member.raw().as_bytes());
        assert!(alone.is_ok() || member.is_object(), "{}", member.raw());
    }
    if let Some(text) = tree.as_str() {
        let again = json::string(text);
        assert_eq!(json::parse(again.as_bytes()).expect("what we write can be read").as_str(), Some(text));
    }
}

/// A lens leaves alone what it is not told to change.
pub fn lens(data: &[u8]) {
    let Ok(lens) = Lens::new(data) else { return };
    assert_eq!(lens.apply(&[]), data);
    let keys: Vec<String> = lens.keys().map(str::to_owned).collect();
    for key in keys.iter().take(8) {
        assert_eq!(lens.raw(key), lens::find(data, key), "the quick look differs at {key}");
    }
    let set = Edit::Set { key: "model".into(), value: "\"another\"".to_owned() };
    let changed = lens.apply(std::slice::from_ref(&set));
    let again = Lens::new(&changed).expect("a changed object is an object");
    assert_eq!(again.string("model").as_deref(), Some("another"));
    for key in keys.iter().filter(|key| *key != "model") {
        assert_eq!(again.raw(key), lens.raw(key));
    }
    let Some(first) = keys.first() else { return };
    let edits = [
        Edit::Rename { from: first.clone().into(), to: "renamed".into() },
        Edit::Remove { key: "renamed".into() },
        set,
    ];
    let changed = lens.apply(&edits);
    let again = Lens::new(&changed).expect("a changed object is an object");
    assert!(again.raw("renamed").is_none() && again.raw("model").is_some());
}

type Frames = Vec<(Option<String>, Vec<u8>, bool)>;

fn frames(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Frames {
    let mut parser = sse::Parser::new(LIMIT);
    let mut frames = Vec::new();
    let mut keep = |frame: sse::Frame<'_>| {
        frames.push((frame.event.map(str::to_owned), frame.data.to_vec(), frame.comment_only));
    };
    for piece in pieces {
        if parser.push(piece.as_ref(), &mut keep).is_err() {
            return frames;
        }
    }
    let _ = parser.finish(&mut keep);
    frames
}

/// Events are the same however their bytes arrive, and come back from what is written of them.
pub fn sse(data: &[u8]) {
    let whole = frames(std::iter::once(data));
    assert_eq!(frames(data.chunks(1)), whole, "byte by byte");
    assert_eq!(frames(data.chunks(7)), whole, "in sevens");
    let told: Vec<_> = whole.iter().filter(|(_, data, comment)| !comment && !data.contains(&b'\r')).collect();
    let mut written = Vec::new();
    for (event, data, _) in &told {
        sse::write(&mut written, event.as_deref(), data);
    }
    let again: Vec<_> =
        frames(std::iter::once(&written)).into_iter().map(|(event, data, _)| (event, data)).collect();
    let told: Vec<_> = told.into_iter().map(|(event, data, _)| (event.clone(), data.clone())).collect();
    assert_eq!(again, told, "what is written is read");
}

/// Replies of a server of Redis: what is one reads as one, and what was packed as a command reads again.
pub fn resp(data: &[u8]) {
    let most = 1 << 20;
    if let Ok(Some(length)) = redis::length(data, most) {
        let whole = Bytes::copy_from_slice(&data[..length]);
        redis::read(&whole).expect("what has a length is a reply");
        for end in 0..length.min(64) {
            assert!(!matches!(redis::length(&data[..end], most), Ok(Some(early)) if early >= end), "{end}");
        }
    }
    let mut command = Vec::new();
    redis::put(&mut command, &[b"GET", data]);
    assert_eq!(redis::length(&command, most + data.len()), Ok(Some(command.len())));
    let expected = vec![redis::Reply::Bulk("GET".into()), redis::Reply::Bulk(Bytes::copy_from_slice(data))];
    assert_eq!(redis::read(&command.into()), Ok(redis::Reply::List(expected)));
}

/// Entries of the cache as bytes: any bytes are none, and an answer made of them comes back as it was.
pub fn packed(data: &[u8]) {
    let (key, number) = ([7; 32], Fingerprint::from_bytes([9; 16]));
    assert!(unpack(&key, number, &Bytes::copy_from_slice(data)).is_err());
    let mut torn = b"TGC\x01................".to_vec();
    torn.extend_from_slice(data);
    // Not what was packed, but it may say whose it is.
    let _ = label(&torn);
    let text = String::from_utf8_lossy(data);
    let words: Vec<&str> = text.split_whitespace().take(64).collect();
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let mut losses = Losses::new();
    words.iter().take(8).for_each(|word| losses.bent((*word).to_owned(), "its target could not be told"));
    let restore = Restore {
        names: words.chunks(2).map(|pair| (pair[0].to_owned(), pair[pair.len() - 1].to_owned())).collect(),
        answer_tool: words.first().map(|word| (*word).to_owned()),
        free_text: words.iter().map(|word| (*word).to_owned()).collect(),
        older_calls: data.len().is_multiple_of(2),
        anew: data.len().is_multiple_of(3),
    };
    let framing = data.len().is_multiple_of(2).then_some(Framing::Lines);
    let (provider, model) = (word(0).into(), word(1).into());
    let origin = Origin { dialect: Dialect::OllamaChat, framing, restore, provider, model, losses };
    let mark = Mark {
        key: word(2).into(),
        owner: word(3).into(),
        asked: word(4).into(),
        tags: words.iter().map(|word| (*word).into()).collect(),
    };
    let pace = if framing.is_some() && !data.is_empty() {
        vec![(Duration::ZERO, data.len() / 2), (Duration::from_micros(data.len() as u64), data.len())]
    } else {
        Vec::new()
    };
    let entry = Entry::Answer(Answer { origin, body: Bytes::copy_from_slice(data), pace, mark });
    let bytes = Bytes::from(pack(&key, number, &entry, data.len() as u64, u64::MAX));
    let again = unpack(&key, number, &bytes).expect("what was packed");
    assert_eq!(format!("{:?}", again.entry), format!("{entry:?}"));
    assert_eq!((again.made, again.until), (data.len() as u64, u64::MAX));
    assert_eq!(label(&bytes).expect("whose it is").mark, *entry.mark());
    let mut bent = bytes.to_vec();
    let place = data.first().map_or(0, |first| usize::from(*first) * 31 % bent.len());
    bent[place] ^= 1;
    assert!(unpack(&key, number, &bent.into()).is_err());
}

/// Frames say the same however they are cut, a session is heard alike, and of a first message
/// nothing is lost.
pub fn websocket(data: &[u8]) {
    let said = |size: usize| {
        let (mut reader, mut listener) = (socket::Reader::new(), Listener::default());
        let (mut said, mut broken) = (Vec::new(), Ok(()));
        for chunk in data.chunks(size) {
            listener.push(chunk);
            broken = broken.and(reader.push(chunk, |piece| match piece {
                socket::Piece::Begin(kind) => said.extend(format!("<{kind:?}>").bytes()),
                socket::Piece::Data(data) => said.extend_from_slice(data),
                socket::Piece::End => said.extend(b"</>"),
                socket::Piece::Control(control, payload) => {
                    assert!(payload.len() <= socket::MOST_CONTROL);
                    said.extend(format!("<{control:?} {payload:?}/>").bytes());
                }
            }));
        }
        let place = (reader.is_between_frames(), reader.is_between_messages());
        (said, broken, place, listener.heard().clone())
    };
    let whole = said(data.len().max(1));
    for size in [1, 2, 7] {
        assert_eq!(said(size), whole);
    }
    let mut setup = Setup::default();
    let mut passed = Vec::new();
    for chunk in data.chunks(5) {
        if passed.is_empty() {
            passed = setup.push(chunk).map(|named| named.as_it_came()).unwrap_or_default();
        } else {
            passed.extend_from_slice(chunk);
        }
    }
    if passed.is_empty() {
        passed = setup.give_up().as_it_came();
    }
    assert_eq!(passed.len(), data.len());
    if let Some(named) = Setup::default().push(data).filter(|named| named.model.is_some()) {
        let renamed = named.renamed("models/other");
        let again = Setup::default().push(&renamed).and_then(|named| named.model);
        assert!(again.as_deref() == Some("models/other") || renamed == data);
    }
}

/// A form reads the same however it is cut, and only what was told changes.
pub fn multipart(data: &[u8]) {
    let reader = || form::Reader::of("multipart/form-data; boundary=x-1").expect("a form's type");
    let mut whole = reader();
    let read = whole.advance(data);
    let mut cut = reader();
    let pieces = (0..=data.len()).step_by(3).chain([data.len()]);
    let cut_read = pieces.map(|end| cut.advance(&data[..end])).find(Result::is_err).unwrap_or(Ok(()));
    assert_eq!(read, cut_read);
    assert_eq!((whole.parts(), whole.is_whole()), (cut.parts(), cut.is_whole()));
    if let (Ok(()), Some(part)) = (read, whole.field("model")) {
        let changed = form::Reader::replaced(data, part, "other");
        let mut again = reader();
        let _ = again.advance(&changed);
        let now = again.field("model").expect("the part is there still");
        assert_eq!(&changed[now.value.clone()], b"other");
        assert_eq!(
            form::Reader::replaced(&changed, now, &String::from_utf8_lossy(&data[part.value.clone()])).len(),
            data.len() - part.value.len() + String::from_utf8_lossy(&data[part.value.clone()]).len()
        );
        let more = whole.with_field(data, "n", "1");
        let mut again = reader();
        let _ = again.advance(&more);
        assert_eq!(again.field("n").map(|part| &more[part.value.clone()]), Some(&b"1"[..]));
    }
}

/// What the lens finds in an event is what the tree holds.
pub fn sse_and_lens(data: &[u8]) {
    for (_, data, comment) in frames(std::iter::once(data)) {
        if comment {
            continue;
        }
        let tree = json::parse(&data);
        if let Ok(lens) = Lens::new(&data) {
            let tree = tree.as_ref().expect("an object the lens takes is JSON");
            for key in lens.keys() {
                assert_eq!(lens.raw(key), tree.get(key).map(json::Json::raw), "{key}");
            }
        }
        for dialect in Dialect::ALL {
            let usage = codec(dialect).find_usage(&data);
            assert!(usage.is_none() || tree.is_ok() || json::parse(&data).is_err());
        }
    }
}

/// Messages are the same however their bytes arrive, whatever the bytes are, and what is written
/// comes back.
pub fn event_stream(data: &[u8]) {
    let read = |data: &[u8], size: usize| {
        let mut parser = event_stream::Parser::new(LIMIT);
        let mut messages = Vec::new();
        let told = data.chunks(size).try_for_each(|piece| {
            parser.push(piece, |message| {
                let headers: Vec<String> =
                    message.headers().map(|(name, value)| format!("{name}={value:?}")).collect();
                messages.push((headers, message.payload().to_vec()));
            })
        });
        (messages, told, parser.finish())
    };
    let whole = read(data, usize::MAX);
    assert_eq!(read(data, 1), whole, "byte by byte");
    assert_eq!(read(data, 7), whole, "in sevens");
    let mut written = Vec::new();
    let (head, tail) = data.split_at(data.len() / 2);
    let headers = [("bytes", event_stream::Value::Bytes(head)), ("n", event_stream::Value::Int(7))];
    event_stream::message(&mut written, &headers, |out| out.extend_from_slice(tail));
    event_stream::write(&mut written, event_stream::Kind::Event("e"), |out| out.extend_from_slice(head));
    let (messages, told, end) = read(&written, 5);
    assert!(told.is_ok() && end.is_ok(), "what is written is read");
    assert_eq!((messages[0].1.as_slice(), messages[1].1.as_slice()), (tail, head));
}

/// Lines are the same however their bytes arrive.
pub fn ndjson(data: &[u8]) {
    let lines = |size: usize| {
        let (mut parser, mut lines) = (ndjson::Parser::new(LIMIT), Vec::new());
        let mut keep = |line: &[u8]| lines.push(line.to_vec());
        let told = data.chunks(size).try_for_each(|piece| parser.push(piece, &mut keep));
        let _ = parser.finish(&mut keep);
        (lines, told.is_ok())
    };
    let whole = lines(usize::MAX);
    assert_eq!(lines(1), whole);
    assert_eq!(lines(7), whole);
}

/// Elements are the same however their bytes arrive.
pub fn json_array(data: &[u8]) {
    let elements = |data: &[u8], size: usize| {
        let mut parser = json_array::Parser::new(LIMIT);
        let mut elements = Vec::new();
        let told =
            data.chunks(size).try_for_each(|piece| parser.push(piece, |it| elements.push(it.to_vec())));
        (elements, told.is_ok() && parser.finish().is_ok())
    };
    let whole = elements(data, usize::MAX);
    assert_eq!(elements(data, 1), whole);
    let mut written = Vec::new();
    let mut writer = json_array::Writer::default();
    for element in &whole.0 {
        writer.element(&mut written, element);
    }
    writer.finish(&mut written);
    assert_eq!(elements(&written, usize::MAX), (whole.0, true));
}

fn seed() -> Seed {
    Seed {
        id: "0198c0ffee00".to_owned(),
        created: 1_760_000_000,
        model: "m".to_owned(),
        input_tokens: 7,
        asked: <_>::default(),
        kept: false,
    }
}

/// The targets that requests are said to: an old and a new model of each dialect, and a vendor
/// with every quirk.
fn targets() -> &'static [(Dialect, Profile)] {
    static TARGETS: std::sync::LazyLock<Vec<(Dialect, Profile)>> = std::sync::LazyLock::new(|| {
        let known = [
            (Dialect::OpenaiChat, "openai", "gpt-5.1"),
            (Dialect::OpenaiChat, "mistral", "mistral-large-latest"),
            (Dialect::OpenaiResponses, "openai", "gpt-5-codex"),
            (Dialect::OpenaiResponses, "groq", "llama-3.3-70b-versatile"),
            (Dialect::AnthropicMessages, "anthropic", "claude-3-7-sonnet-20250219"),
            (Dialect::AnthropicMessages, "anthropic", "claude-opus-4-8"),
            (Dialect::GeminiGenerate, "gemini", "gemini-1.5-pro"),
            (Dialect::GeminiGenerate, "gemini", "gemini-3-pro-preview"),
            (Dialect::BedrockConverse, "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            (Dialect::BedrockConverse, "bedrock", "mistral.pixtral-large-2502-v1:0"),
            (Dialect::BedrockConverse, "bedrock", "us.amazon.nova-2-lite-v1:0"),
            (Dialect::OpenaiCompletions, "vllm", "llama-3.1-8b"),
            (Dialect::OllamaChat, "ollama", "gpt-oss:20b"),
            (Dialect::OllamaGenerate, "ollama", "llama3.2"),
            (Dialect::CohereChat, "cohere", "command-a-03-2025"),
        ];
        let profile = |(dialect, vendor, model): (Dialect, &str, &str)| {
            let vendor = Vendor::find(vendor).expect("a known vendor");
            (dialect, Profile::of(dialect, &vendor.quirks, model, vendor.model(Catalog::builtin(), model)))
        };
        known.into_iter().map(profile).collect()
    });
    &TARGETS
}

fn is_json(body: &[u8]) {
    if let Err(error) = json::validate(body) {
        panic!("{error} in {}", String::from_utf8_lossy(body));
    }
}

/// A request that is read can be said to every target, and read again by its own dialect.
pub fn request(dialect: Dialect, data: &[u8]) {
    let headers = HeaderMap::new();
    let path = match dialect {
        Dialect::BedrockConverse => "/model/amazon.nova-lite-v1%3A0/converse-stream",
        _ => "/v1beta/models/gemini-2.5-pro:generateContent",
    };
    let head = Head { path, query: "", headers: &headers };
    let Ok(request) = codec(dialect).parse_request(&head, data) else { return };
    for (to, profile) in targets() {
        let rendered = codec(*to).render_request(&request, "m", profile, &mut Losses::new());
        is_json(&rendered.body);
        let again = codec(*to).render_request(&request, "m", profile, &mut Losses::new());
        assert_eq!(again, rendered, "the same request is said the same way");
    }
}

/// An answer that is read can be said to every client, whole and streamed.
pub fn reply(dialect: Dialect, data: &[u8]) {
    let _ = codec(dialect).find_usage(data);
    let retold = codec(dialect).retell(data, &seed());
    assert_eq!(retold.is_some(), codec(dialect).is_plain(data));
    let Ok(reply) = codec(dialect).parse_reply(data) else { return };
    if let Some(retold) = retold {
        plain(dialect, &reply, &retold);
    }
    for to in Dialect::ALL {
        let body = codec(to).render_reply(&reply, &seed(), &mut Losses::new());
        is_json(&body);
        let back = codec(to).parse_reply(&body);
        assert!(back.is_ok(), "{to:?} does not read its own {}", String::from_utf8_lossy(&body));
        let mut renderer = codec(to).stream_renderer(&seed(), SSE);
        let mut out = Vec::new();
        for event in tollgate::ir::unfold::unfold(reply.clone()) {
            renderer.push(&event, &mut out, &mut Losses::new());
        }
        told(to, &out);
    }
}

/// What is plain to see is so to whoever reads it, and told once more it says the same.
fn plain(dialect: Dialect, reply: &Reply, retold: &[u8]) {
    let [candidate] = reply.candidates.as_slice() else { panic!("{} candidates", reply.candidates.len()) };
    assert!(candidate.blocks.iter().any(|block| block.as_text().is_some_and(|text| !text.is_empty())));
    assert!(!candidate.blocks.iter().any(|block| matches!(block.content, Content::Refusal(_))));
    let reason = candidate.finish.as_ref().map(|finish| finish.reason);
    let ends = [FinishReason::Stop, FinishReason::StopSequence, FinishReason::Length];
    assert!(reason.is_some_and(|reason| ends.contains(&reason)), "{reason:?}");
    let again = codec(dialect).parse_reply(retold).expect("what is told once more can be read");
    assert_eq!((&again.candidates, &again.usage), (&reply.candidates, &reply.usage));
    assert_ne!(again.id, reply.id);
}

const SSE: StreamShape = StreamShape { framing: Framing::Sse, usage: true };

/// Every event that a client is sent holds JSON.
fn told(to: Dialect, out: &[u8]) {
    let mut frames = frames::Frames::of(to, LIMIT << 6);
    let mut check = |piece: Piece<'_>| match piece {
        Piece::Data(_, b"[DONE]") | Piece::Alive => {}
        Piece::Data(_, data) => is_json(data),
    };
    assert!(frames.push(out, &mut check).is_ok() && frames.finish(&mut check).is_ok());
}

/// The bytes as a provider of this dialect sends them: for Bedrock a binary message for each
/// server-sent event, and the bytes as they are where they are none.
fn sent(dialect: Dialect, data: &[u8]) -> Vec<u8> {
    let events = frames(std::iter::once(data));
    if dialect != Dialect::BedrockConverse || events.iter().all(|(name, ..)| name.is_none()) {
        return data.to_vec();
    }
    let mut out = Vec::new();
    for (name, data, _) in events {
        let name = name.unwrap_or_default();
        event_stream::write(&mut out, event_stream::Kind::Event(&name), |out| out.extend_from_slice(&data));
    }
    out
}

/// A stream keeps the grammar and can be said to every client, whatever its bytes are.
pub fn stream(dialect: Dialect, data: &[u8]) {
    let data = &sent(dialect, data);
    for to in Dialect::ALL {
        let mut pipe = Transcoder::new(dialect, to, Restore::default(), &seed(), SSE);
        let (mut out, mut checker, mut fold) = (Vec::new(), Checker::new(), Fold::new());
        let mut seen = |event: &Event| {
            if let Err(broken) = checker.push(event) {
                panic!("{broken} at {event:?}");
            }
            fold.push(event.clone());
        };
        for piece in data.chunks(64) {
            pipe.push(piece, &mut out, &mut seen);
        }
        pipe.finish(&mut out, &mut seen);
        assert!(checker.is_ended(), "a stream has an end");
        told(to, &out);
        if let Ok(reply) = fold.finish() {
            is_json(&codec(to).render_reply(&reply, &seed(), &mut Losses::new()));
        }
    }
}

/// An error body of any kind is read, and said again in every dialect.
pub fn error(dialect: Dialect, data: &[u8]) {
    for status in [400, 401, 429, 500, 529] {
        let fault = codec(dialect).parse_error(status, &HeaderMap::new(), data);
        let refusal = fault.into_refusal();
        for to in Dialect::ALL {
            is_json(&codec(to).render_error(&refusal));
        }
    }
}

/// Requests and answers for vectors.
pub fn embeddings(data: &[u8]) {
    let headers = HeaderMap::new();
    let head =
        Head { path: "/v1beta/models/gemini-embedding-001:batchEmbedContents", query: "", headers: &headers };
    let requests = [
        Vectors::CohereV2.parse_request(&head, data),
        openai_embeddings::parse_request(data),
        gemini_generate::embed::parse_request(&head, data),
        gemini_generate::embed::parse_batch_request(&head, data),
    ];
    for request in requests.into_iter().flatten() {
        is_json(&openai_embeddings::render_request(
            &request,
            "m",
            &openai_embeddings::VOYAGE,
            &mut Losses::new(),
        ));
        if let Ok(said) = Vectors::CohereV2.render_request(&request, "m", &mut Losses::new()) {
            is_json(&said);
        }
        is_json(&gemini_generate::embed::render_batch_request(&request, "m", &mut Losses::new()));
    }
    let _ = openai_embeddings::find_usage(data);
    let replies = [openai_embeddings::parse_reply(data), gemini_generate::embed::parse_batch_reply(data)];
    for reply in replies.into_iter().flatten() {
        for encoding in [tollgate::ir::embed::Encoding::Float, tollgate::ir::embed::Encoding::Base64] {
            is_json(&openai_embeddings::render_reply(&reply, "m", encoding));
        }
        is_json(&gemini_generate::embed::render_batch_reply(&reply));
    }
}

/// Documents to be put in order, and orders, in every form.
pub fn ranks(data: &[u8]) {
    const FORMS: [Ranks; 4] = [Ranks::CohereV1, Ranks::CohereV2, Ranks::Jina, Ranks::Voyage];
    let seed = seed();
    let _ = Ranks::of_body(data);
    for form in FORMS {
        let _ = form.find_usage(data);
        if let Ok(request) = form.parse_request(data) {
            for target in FORMS {
                let said = target.render_request(&request, "m", &mut Losses::new());
                is_json(&said);
                assert!(target.parse_request(&said).is_ok(), "what is said can be read");
            }
        }
        if let Ok(reply) = form.parse_reply(data) {
            for client in FORMS {
                let asked = tollgate::ir::rerank::RerankRequest { returns_documents: true, ..<_>::default() };
                let said = client.render_reply(&reply, &asked, &seed);
                is_json(&said);
                assert_eq!(client.parse_reply(&said).map(|again| again.ranked.len()), Ok(reply.ranked.len()));
            }
        }
    }
}

/// Requests that only ask how many tokens another would have.
pub fn counts(data: &[u8]) {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1beta/models/gemini-2.5-pro:countTokens", query: "", headers: &headers };
    let _ = anthropic_messages::count::parse_count_request(&head, data);
    let _ = gemini_generate::count::parse_request(&head, data);
    let _ = gemini_generate::count::parse_reply(data);
}

/// What the cache makes of questions in whatever words: a bounded number of bounded forms, which two questions may only
/// share an answer by if what must be equal is. And what models may say of them.
pub fn questions(data: &[u8]) {
    const LINES: usize = 6;
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    let from = data.len().checked_rem(lines.len()).unwrap_or(0);
    let mut sketches: Vec<Sketch> = Vec::new();
    for question in lines.iter().skip(from).take(LINES).flat_map(|line| line.split(" | ")).chain([&*text]) {
        for turn in [Turn::First, Turn::Later] {
            let Ok(forms) = forms(question, turn) else { continue };
            assert!((1..=8).contains(&forms.len()), "{question}");
            for form in &forms {
                assert!(!form.is_empty() && form.len() <= question.len() * 8 + 64, "{question}: {form}");
                sketches.extend(Sketch::of(form));
            }
        }
    }
    for one in &sketches {
        assert!(one.weight() < 1 << 16 && doubt(one, one).is_none());
        for other in &sketches {
            assert!(logit(one, other).is_none_or(|logit| logit.is_finite() && one.must() == other.must()));
            assert!(doubt(one, other).is_none() || fixed(one) == fixed(other));
        }
    }
    let (model, timeout) = (String::new(), Duration::ZERO);
    let verifier = Verifier { model: model.clone(), timeout, breaker: Breaker::default() };
    let embedder = Embedder { model, threshold: 0.9, timeout, breaker: Breaker::default() };
    let _ = verifier.read(data);
    if let Some(meaning) = embedder.read(data) {
        assert!((meaning.alike(&meaning) - 1.0).abs() < 0.01 && meaning.weight() <= data.len() + 64);
    }
}

/// A configuration compiles, or every problem has a sentence.
pub fn configuration(data: &[u8]) {
    let file = std::env::temp_dir().join(format!("tollgate-fuzz-{}.yaml", std::process::id()));
    if std::fs::write(&file, data).is_err() {
        return;
    }
    let environment = [("OPENAI_API_KEY", "sk-test"), ("ANTHROPIC_API_KEY", "sk-test")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let loaded = config::load(&Sources { file: Some(file.clone()), environment }, 1);
    let _ = std::fs::remove_file(file);
    match loaded {
        Ok(compiled) => assert!(!compiled.process.listen.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.to_string().is_empty()))
        }
    }
}

macro_rules! of_each_dialect {
    ($($name:ident: $target:ident($dialect:ident)),* $(,)?) => {$(
        /// The target of this name for one dialect.
        pub fn $name(data: &[u8]) {
            $target(Dialect::$dialect, data);
        }
    )*};
}

of_each_dialect! {
    chat_request: request(OpenaiChat),
    anthropic_request: request(AnthropicMessages),
    gemini_request: request(GeminiGenerate),
    chat_reply: reply(OpenaiChat),
    anthropic_reply: reply(AnthropicMessages),
    gemini_reply: reply(GeminiGenerate),
    chat_stream: stream(OpenaiChat),
    anthropic_stream: stream(AnthropicMessages),
    gemini_stream: stream(GeminiGenerate),
    chat_error: error(OpenaiChat),
    anthropic_error: error(AnthropicMessages),
    gemini_error: error(GeminiGenerate),
    bedrock_request: request(BedrockConverse),
    bedrock_reply: reply(BedrockConverse),
    bedrock_stream: stream(BedrockConverse),
    bedrock_error: error(BedrockConverse),
    responses_request: request(OpenaiResponses),
    responses_reply: reply(OpenaiResponses),
    responses_stream: stream(OpenaiResponses),
    responses_error: error(OpenaiResponses),
    completions_request: request(OpenaiCompletions),
    completions_reply: reply(OpenaiCompletions),
    completions_stream: stream(OpenaiCompletions),
    completions_error: error(OpenaiCompletions),
    ollama_request: request(OllamaChat),
    ollama_text_request: request(OllamaGenerate),
    ollama_reply: reply(OllamaChat),
    ollama_text_reply: reply(OllamaGenerate),
    ollama_stream: stream(OllamaChat),
    ollama_text_stream: stream(OllamaGenerate),
    ollama_error: error(OllamaChat),
    ollama_text_error: error(OllamaGenerate),
    cohere_request: request(CohereChat),
    cohere_reply: reply(CohereChat),
    cohere_stream: stream(CohereChat),
    cohere_error: error(CohereChat),
}
