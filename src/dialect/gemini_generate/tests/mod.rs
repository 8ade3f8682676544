use std::fs;
use std::path::PathBuf;

use http::HeaderMap;
use serde_json::Value;

use super::*;
use crate::catalog::profile::{
    MaxTokensField, Params, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle, ToolIdRule,
};
use crate::ir::fold::fold;
use crate::ir::grammar::Checker;
use crate::ir::unfold::unfold;
use crate::ir::{Content, Effort, Event, Extras, FinishReason};
use crate::refusal::Kind;
use crate::wire::{json_array, sse};

mod asked;
mod traps;

pub(super) const GEMINI_2: Profile = Profile {
    max_tokens_field: MaxTokensField::MaxTokens,
    max_output: None,
    default_max_tokens: 8192,
    developer_role: false,
    mid_system: false,
    prefill: true,
    max_temperature: Some(2.0),
    both_samplers: true,
    refuses: Params::NONE,
    thinking: ThinkingStyle::GeminiBudget(0),
    efforts: (Effort::None, Effort::High),
    only_efforts: &[],
    xhigh: true,
    reasoning_history: ReasoningHistory::Keep,
    structured_output: StructuredOutput::Native,
    required_tool: RequiredTool::Required,
    forced_tool: true,
    text_only_content: false,
    tool_result_media: true,
    image_urls: false,
    document_urls: false,
    audio_input: true,
    documents: true,
    strict_tools: false,
    cache_marks: false,
    no_nulls: false,
    include_usage: false,
    tool_id: ToolIdRule::Any,
    seed_field: "seed",
    standard_tier: None,
    json_schema: true,
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

pub(super) const GEMINI_3: Profile =
    Profile { thinking: ThinkingStyle::GeminiLevel { minimal: false }, requires_signature: true, ..GEMINI_2 };

pub(super) fn corpus(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/corpus/gemini_generate", kind].iter().collect();
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

pub(super) fn read(body: &str) -> Result<Request, Malformed> {
    let headers = HeaderMap::new();
    let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let head = Head { path, query: "alt=sse", headers: &headers };
    GeminiGenerate.parse_request(&head, body.as_bytes())
}

pub(super) fn say(request: &Request, profile: &Profile) -> (Value, Losses, Rendered) {
    let mut losses = Losses::new();
    let rendered = GeminiGenerate.render_request(request, "gemini-2.5-flash", profile, &mut losses);
    let json = serde_json::from_slice(&rendered.body)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&rendered.body)));
    (json, losses, rendered)
}

pub(super) fn seed() -> Seed {
    Seed {
        id: "seed01".to_owned(),
        created: 0,
        model: "m".to_owned(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    }
}

/// The events of a recorded stream, checked against the grammar.
pub(super) fn listen(name: &str, bytes: &[u8]) -> Vec<Event> {
    let mut parser = GeminiGenerate.stream_parser();
    let mut events = Vec::new();
    if name.contains(".json-array") {
        let mut cut = json_array::Parser::new(1 << 20);
        cut.push(bytes, |element| parser.push(None, element, &mut events)).unwrap();
        cut.finish().unwrap();
    } else {
        let mut cut = sse::Parser::new(1 << 20);
        cut.push(bytes, |frame| parser.push(frame.event, &frame.data, &mut events)).unwrap();
        cut.finish(|frame| parser.push(frame.event, &frame.data, &mut events)).unwrap();
    }
    parser.finish(&mut events);
    let mut checker = Checker::new();
    for event in &events {
        checker.push(event).unwrap_or_else(|broken| panic!("{name}: {broken} at {event:?}"));
    }
    assert!(checker.is_ended(), "{name}");
    events
}

pub(super) fn speak(events: &[Event], framing: Framing) -> Vec<u8> {
    let mut renderer = GeminiGenerate.stream_renderer(&seed(), StreamShape { framing, usage: true });
    let mut out = Vec::new();
    for event in events {
        renderer.push(event, &mut out, &mut Losses::new());
    }
    out
}

/// What both a whole answer and a stream can tell.
fn shared(mut reply: Reply) -> Reply {
    reply.candidates.iter_mut().for_each(|candidate| candidate.extras = Extras::NONE);
    reply
}

#[test]
fn requests_come_back_as_they_were() {
    for (name, body) in corpus("requests") {
        let request = read(std::str::from_utf8(&body).unwrap()).unwrap();
        let profile = if name.starts_with("gemini3") { GEMINI_3 } else { GEMINI_2 };
        let profile = Profile { json_schema: !name.contains("open-api"), ..profile };
        let (said, losses, _) = say(&request, &profile);
        assert_eq!(losses.to_header(), "", "{name}");
        assert_eq!(said, serde_json::from_slice::<Value>(&body).unwrap(), "{name}");
    }
}

#[test]
fn a_whole_answer_is_the_sum_of_its_stream() {
    let streams = corpus("streams");
    for (name, body) in corpus("replies") {
        let name = name.replace(".json", ".sse");
        let (_, stream) = streams.iter().find(|(stream, _)| *stream == name).unwrap();
        let reply = GeminiGenerate.parse_reply(&body).unwrap();
        assert_eq!(shared(fold(listen(&name, stream)).unwrap()), shared(reply), "{name}");
    }
}

#[test]
fn answers_come_back_as_they_were() {
    for (name, body) in corpus("replies") {
        let reply = GeminiGenerate.parse_reply(&body).unwrap();
        let mut losses = Losses::new();
        let said = GeminiGenerate.render_reply(&reply, &seed(), &mut losses);
        assert_eq!(GeminiGenerate.parse_reply(&said).unwrap(), reply, "{name}");
        assert!(losses.is_empty(), "{name}");
        for framing in [Framing::Sse, Framing::JsonArray] {
            let said = speak(&unfold(reply.clone()), framing);
            let kind = if framing == Framing::Sse { ".sse" } else { ".json-array" };
            let heard = fold(listen(kind, &said)).unwrap();
            assert_eq!(shared(heard), shared(reply.clone()), "{name}");
        }
    }
}

#[test]
fn streams_come_back_as_they_were() {
    for (name, bytes) in corpus("streams") {
        let events = listen(&name, &bytes);
        let said = speak(&events, Framing::Sse);
        let again = fold(listen(&name.replace("json-array", "sse"), &said));
        match (fold(events), again) {
            (Ok(reply), Ok(again)) => assert_eq!(again, reply, "{name}"),
            (Err(_), Err(_)) => {}
            (one, other) => panic!("{name}: {one:?} {other:?}"),
        }
    }
}

#[test]
fn streams_end_as_they_should() {
    let fault = |name: &str| {
        let (name, bytes) = corpus("streams").into_iter().find(|(file, _)| file == name).unwrap();
        fold(listen(&name, &bytes)).map_err(|fault| fault.kind)
    };
    assert_eq!(fault("error-in-the-middle.sse"), Err(Kind::Overloaded));
    assert_eq!(fault("error-as-a-list.sse"), Err(Kind::RateLimited));
    assert_eq!(fault("cut-short.sse"), Err(Kind::BadGateway));
    assert_eq!(fault("failed.json-array"), Err(Kind::Internal));
    let reply = fault("stop-in-every-slice.sse").unwrap();
    assert_eq!(reply.candidates[0].blocks[0].as_text(), Some("abc"));
    let reply = fault("signature-alone-at-the-end.sse").unwrap();
    assert_eq!(reply.candidates[0].finish.as_ref().unwrap().reason, FinishReason::ToolCalls);
    assert!(reply.candidates[0].blocks[2].signature.is_some());
    let reply = fault("empty-grounding-first.sse").unwrap();
    let Content::Text { text, citations } = &reply.candidates[0].blocks[0].content else { panic!() };
    assert_eq!((text.as_str(), citations.len()), ("Über Köln. Regen.", 2));
    // Offsets are told in bytes, which are not characters here.
    assert_eq!((citations[0].start, citations[0].end), (None, None));
}

#[test]
fn usage_is_found_without_reading_the_rest() {
    for (name, body) in corpus("replies") {
        let reply = GeminiGenerate.parse_reply(&body).unwrap();
        assert_eq!(GeminiGenerate.find_usage(&body), reply.usage, "{name}");
    }
    assert_eq!(GeminiGenerate.find_usage(br#"{"candidates":[]}"#), None);
    assert_eq!(GeminiGenerate.find_usage(br#"{"a":"\"usageMetadata\""}"#), None);
}

#[test]
fn errors_are_told_by_their_status_word() {
    let expected = [
        ("400-bad-key.json", Kind::Authentication, 401, None),
        ("400-location.json", Kind::Permission, 400, None),
        ("400-too-long.json", Kind::ContextWindow, 400, None),
        ("400-unknown-field.json", Kind::InvalidRequest, 400, None),
        ("403-permission.json", Kind::Permission, 403, None),
        ("404-model.json", Kind::NotFound, 404, None),
        ("429-quota.json", Kind::RateLimited, 429, Some(13)),
        ("500-internal.json", Kind::Internal, 500, None),
        ("502-page.html", Kind::BadGateway, 502, None),
        ("503-overloaded.json", Kind::Overloaded, 503, None),
        ("504-deadline.json", Kind::Timeout, 504, None),
    ];
    let files = corpus("errors");
    assert_eq!(files.len(), expected.len());
    for ((name, body), (file, kind, status, after)) in files.iter().zip(expected) {
        assert_eq!(name, file);
        let fault = GeminiGenerate.parse_error(name[..3].parse().unwrap(), &HeaderMap::new(), body);
        let seconds = fault.retry_after.map(|after| after.as_secs());
        assert_eq!((fault.kind, fault.status, seconds), (kind, status, after), "{name}");
        assert!(!fault.message.contains('<'), "{}", fault.message);
        // What is said to a client is read back as the same.
        let refusal = fault.into_refusal();
        let said = GeminiGenerate.render_error(&refusal);
        let again = GeminiGenerate.parse_error(refusal.status, &HeaderMap::new(), &said);
        assert_eq!(again.into_refusal().retry_after, refusal.retry_after);
    }
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let files = ["replies", "streams", "errors", "requests"].map(corpus);
    for (name, body) in files.iter().flatten() {
        for cut in (0..body.len()).step_by(37) {
            let part = &body[..cut];
            let _ = GeminiGenerate.parse_reply(part);
            let _ = GeminiGenerate.parse_error(500, &HeaderMap::new(), part);
            let _ = GeminiGenerate.find_usage(part);
            let _ = read(&String::from_utf8_lossy(part));
            if !name.contains(".json") && !name.contains(".html") {
                listen(name, part);
            }
        }
    }
}

#[test]
fn the_path_names_model_and_method() {
    for (path, model, method) in [
        ("/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro", "generateContent"),
        ("/v1/models/vendor/model-x:countTokens", "vendor/model-x", "countTokens"),
        ("/v1beta/models/vendor%2Fmodels%2Fx:countTokens", "vendor/models/x", "countTokens"),
        ("/v1beta/models/llama3:8b:generateContent", "llama3:8b", "generateContent"),
        ("/v1beta/tunedModels/mine-1:generateContent", "tunedModels/mine-1", "generateContent"),
        ("/v1/projects/p/locations/l/publishers/google/models/g:generateContent", "g", "generateContent"),
    ] {
        assert_eq!(model_and_method(path), Some((model.to_owned(), method.to_owned())), "{path}");
    }
    assert_eq!(model_and_method("/v1beta/models"), None);
    assert_eq!((framing("key=k&alt=sse"), framing("key=k")), (Framing::Sse, Framing::JsonArray));
}
