//! Answers: what they repeat, in which order a stream tells them, and what vendors leave out.

use super::requests::SPACED;
use super::{heard, seed, told};
use crate::dialect::openai_responses::OpenaiResponses;
use crate::dialect::{Codec, Framing, StreamShape};
use crate::ir::fold::fold;
use crate::ir::{
    Block, Candidate, Content, Delta, Dialect, Event, Extras, Finish, FinishReason, Losses, Opening, Reply,
    Signature, ToolCall, ToolKind,
};
use crate::wire::json::{self, Json};

#[test]
fn an_answer_repeats_its_request() {
    let asked = "{\"model\":\"m\",\"input\":\"a\",\"temperature\":0.5,\"tools\":[{\"type\": \"function\",\n \"name\":\"f\"}],\
        \"metadata\":{\"a b\":\"c d\"},\"store\":true,\"x\":1}";
    let body = OpenaiResponses.render_reply(&Reply::default(), &seed(asked), &mut Losses::new());
    let json = json::parse(&body).unwrap();
    let raw = |key: &str| json.get(key).map(Json::raw);
    assert_eq!(raw("temperature"), Some("0.5"));
    assert_eq!(raw("tools"), Some(r#"[{"type":"function","name":"f"}]"#));
    assert_eq!(raw("metadata"), Some(r#"{"a b":"c d"}"#));
    assert_eq!((raw("top_p"), raw("tool_choice")), (Some("1.0"), Some("\"auto\"")));
    assert_eq!((raw("store"), raw("x"), raw("input")), (Some("false"), None, None));
}

fn start() -> Event {
    Event::Start { id: None, model: None, created: None, service_tier: None, extras: Extras::NONE }
}

fn open(index: u32, opening: Opening) -> Event {
    Event::BlockStart { index, candidate: 0, opening }
}

fn call() -> Opening {
    Opening::ToolCall { id: "c".into(), name: "f".into(), kind: ToolKind::Function }
}

fn delta(index: u32, delta: Delta) -> Event {
    Event::Delta { index, delta }
}

fn google() -> Delta {
    Delta::Signature(Signature::new(Dialect::GeminiGenerate, "Cg=="))
}

fn names(frames: &[(String, String)]) -> Vec<&str> {
    frames.iter().map(|(name, _)| name.trim_start_matches("response.")).collect()
}

#[test]
fn a_seal_goes_before_its_call_and_behind_its_text_if_something_follows() {
    let events = [
        start(),
        open(0, Opening::Text),
        delta(0, Delta::Text("a".into())),
        delta(0, google()),
        Event::BlockStop { index: 0 },
        open(1, call()),
        delta(1, google()),
        delta(1, Delta::Arguments("{}".into())),
        Event::BlockStop { index: 1 },
        open(2, Opening::Text),
        delta(2, google()),
        Event::BlockStop { index: 2 },
        Event::Finish { candidate: 0, finish: Finish::new(FinishReason::Stop) },
        Event::End,
    ];
    let mut losses = Losses::new();
    let frames = told(&events, &mut losses);
    let done: Vec<_> = frames.iter().filter(|(name, _)| name == "response.output_item.done").collect();
    let kinds: Vec<_> = done
        .iter()
        .map(|(_, data)| {
            let json = json::parse(data.as_bytes()).unwrap();
            let item = json.get("item").unwrap();
            let of = |key: &str| item.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            (of("type"), of("encrypted_content"))
        })
        .collect();
    let kinds: Vec<_> = kinds.iter().map(|(kind, seal)| (kind.as_str(), seal.as_str())).collect();
    let expected = [
        ("message", ""),
        ("reasoning", "~rl~~g~Cg=="),
        ("reasoning", "~rn~~g~Cg=="),
        ("function_call", ""),
        ("message", ""),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(losses.to_header(), "content.signature;dropped");
    // The same through our own parser.
    let data: Vec<_> = frames.iter().map(|(_, data)| data.as_str()).collect();
    let reply = fold(heard(&data)).unwrap();
    let sealed = |block: &Block| matches!(block.content, Content::ToolCall(_)) && block.signature.is_some();
    assert!(reply.candidates[0].blocks.iter().any(sealed));
}

#[test]
fn texts_that_overlap_are_messages_of_their_own() {
    let events = [
        start(),
        open(0, Opening::Text),
        open(1, Opening::Text),
        delta(0, Delta::Text("a".into())),
        delta(1, Delta::Text("b".into())),
        Event::BlockStop { index: 0 },
        Event::BlockStop { index: 1 },
        open(2, Opening::Refusal),
        Event::BlockStop { index: 2 },
        Event::End,
    ];
    let frames = told(&events, &mut Losses::new());
    let added = names(&frames).iter().filter(|name| **name == "output_item.added").count();
    assert_eq!(added, 2, "{frames:?}");
    assert_eq!(names(&frames).last(), Some(&"completed"));
}

#[test]
fn a_failure_is_told_twice_and_nothing_follows() {
    let fault = crate::fault::Fault::new(crate::refusal::Kind::Overloaded, "busy");
    let frames = told(&[Event::Fault(fault), Event::End, Event::Ping], &mut Losses::new());
    assert_eq!(names(&frames), ["created", "in_progress", "error", "failed"]);
    assert!(frames[3].1.contains(r#""error":{"code":"server_error","message":"busy"}"#), "{}", frames[3].1);
}

#[test]
fn a_failure_has_the_code_that_clients_act_on_whoever_failed() {
    use crate::refusal::Kind;
    for (kind, code) in [
        (Kind::RateLimited, "rate_limit_exceeded"),
        (Kind::ContextWindow, "context_length_exceeded"),
        (Kind::Billing, "insufficient_quota"),
        (Kind::ContentPolicy, "invalid_prompt"),
        (Kind::Internal, "server_error"),
    ] {
        let mut fault = crate::fault::Fault::new(kind, "no");
        fault.code = Some("a_vendors_own".to_owned());
        let frames = told(&[Event::Fault(fault)], &mut Losses::new());
        let failed = json::parse(frames.last().unwrap().1.as_bytes()).unwrap();
        let told = failed.at(&["response", "error", "code"]).and_then(Json::as_str);
        assert_eq!(told, Some(code));
    }
}

#[test]
fn an_answer_beyond_all_reason_fails() {
    let mut events = vec![start(), open(0, Opening::Text)];
    events.extend(std::iter::repeat_n(delta(0, Delta::Text("x".repeat(1 << 20))), 70));
    let shape = StreamShape { framing: Framing::Sse, usage: true };
    let mut renderer = OpenaiResponses.stream_renderer(&seed(""), shape);
    let (mut said, mut last) = (0, Vec::new());
    for event in &events {
        last.clear();
        renderer.push(event, &mut last, &mut Losses::new());
        said += usize::from(!last.is_empty());
    }
    assert!(said < events.len() && last.is_empty(), "it went on after {said} events");
}

#[test]
fn what_a_vendor_leaves_out_is_made_up_for_and_what_nobody_knows_is_passed_over() {
    let events = heard(&[
        r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#,
        r#"{"type":"response.someday.delta","output_index":4,"delta":"?"}"#,
        r#"{"type":"keepalive"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":1,"summary_index":0,"delta":"b"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":1,"summary_index":1,"delta":"c"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{}"}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[
            {"type":"message","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"u"}]}]},
            {"type":"reasoning","summary":[],"encrypted_content":"s"},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{\"x\":1}"}]}}"#,
    ]);
    let reply = fold(events).unwrap();
    let Candidate { blocks, finish, .. } = &reply.candidates[0];
    let Content::Text { text, citations } = &blocks[0].content else { panic!("{blocks:?}") };
    assert_eq!((text.as_str(), citations.len()), ("a", 1));
    let Content::Reasoning(thought) = &blocks[1].content else { panic!("{blocks:?}") };
    assert_eq!((thought.text.as_str(), blocks[1].signature.is_some()), ("b\n\nc", true));
    let Content::ToolCall(call) = &blocks[2].content else { panic!("{blocks:?}") };
    assert_eq!((call.id.as_str(), call.name.as_str(), call.arguments.as_str()), ("c", "f", "{\"x\":1}"));
    assert_eq!(finish.as_ref().unwrap().reason, FinishReason::ToolCalls);
}

#[test]
fn a_stream_that_ends_without_its_last_event_was_cut() {
    let cut = heard(&[r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#]);
    assert!(matches!(cut.as_slice(), [.., Event::Fault(_), Event::End]), "{cut:?}");
    let both = [
        r#"{"type":"error","code":"rate_limit_exceeded","message":"slow down","param":null}"#,
        r#"{"type":"error","error":{"code":"rate_limit_exceeded","message":"slow down"}}"#,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"}}}"#,
    ];
    for frame in both {
        let events = heard(&[frame]);
        let Some(Event::Fault(fault)) = events.first() else { panic!("{events:?}") };
        assert_eq!((fault.message.as_str(), fault.kind), ("slow down", crate::refusal::Kind::RateLimited));
    }
}

#[test]
fn searches_are_billed_and_opened_pages_are_not() {
    let body = br#"{"output":[{"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call"},
        {"type":"web_search_call","action":{"type":"open_page"}}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}"#;
    assert_eq!(OpenaiResponses.find_usage(body).unwrap().web_searches, 2);
    let event = [br#"{"type":"response.completed","response":"#.as_slice(), body, b"}"].concat();
    assert_eq!(OpenaiResponses.find_usage(&event).unwrap().web_searches, 2);
}

#[test]
fn an_end_that_no_status_says_is_noted() {
    let ended = |reason: FinishReason, native: Option<(Dialect, String)>| {
        let finish = Finish { native, ..Finish::new(reason) };
        let candidate = Candidate { finish: Some(finish), ..Candidate::default() };
        let mut losses = Losses::new();
        let reply = Reply { candidates: vec![candidate], ..Reply::default() };
        OpenaiResponses.render_reply(&reply, &seed("{}"), &mut losses);
        format!("{losses:?}").contains("finish_reason")
    };
    let google = Some((Dialect::GeminiGenerate, "MALFORMED_FUNCTION_CALL".to_owned()));
    assert!(ended(FinishReason::MalformedToolCall, google));
    assert!(ended(FinishReason::Pause, None));
    assert!(!ended(FinishReason::Stop, None) && !ended(FinishReason::Refusal, None));
}

#[test]
fn a_call_has_the_names_that_its_client_gave_the_tool() {
    let call = |name: &str| {
        Block::new(Content::ToolCall(ToolCall {
            id: "c".into(),
            name: name.into(),
            arguments: "{}".into(),
            kind: ToolKind::Function,
        }))
    };
    let blocks = vec![call("mcp__dates___list"), call("late")];
    let reply = Reply { candidates: vec![Candidate { blocks, ..Candidate::default() }], ..Reply::default() };
    let body = OpenaiResponses.render_reply(&reply, &seed(SPACED), &mut Losses::new());
    let body = json::parse(&body).unwrap();
    let items = body.field("output").unwrap().elements();
    let text = |item: usize, key: &str| items[item].field(key).and_then(Json::as_str);
    assert_eq!((text(0, "name"), text(0, "namespace")), (Some("_list"), Some("mcp__dates__")));
    assert_eq!((text(1, "name"), text(1, "namespace")), (Some("late"), None));
}
