//! Replies, streams and errors.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};

use super::{corpus, events, one, say, seed};
use crate::dialect::Codec;
use crate::dialect::anthropic_messages::{AnthropicMessages, count, models};
use crate::fault::{Fault, Retry};
use crate::ir::fold::fold;
use crate::ir::unfold::unfold;
use crate::ir::{
    Block, Candidate, Citation, Content, Delta, Dialect, Event, Extras, Finish, FinishReason, Losses,
    Opening, Reply, Signature, ToolCall, ToolKind, Usage,
};
use crate::refusal::{Kind, Refusal};

fn reply_of(name: &str) -> Reply {
    AnthropicMessages.parse_reply(&one("replies", name)).unwrap()
}

fn rendered(reply: &Reply) -> (Value, Losses) {
    let mut losses = Losses::new();
    let body = AnthropicMessages.render_reply(reply, &seed(), &mut losses);
    (serde_json::from_slice(&body).unwrap(), losses)
}

fn call(id: &str, arguments: &str) -> Content {
    let name = "find".to_owned();
    Content::ToolCall(ToolCall { id: id.into(), name, arguments: arguments.into(), kind: ToolKind::Function })
}

fn frames(stream: &str) -> Vec<Value> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[test]
fn a_stream_folds_to_its_twin_reply() {
    let replies = corpus("replies");
    assert!(replies.len() >= 8);
    for (name, body) in replies {
        let reply = AnthropicMessages.parse_reply(&body).unwrap();
        let stream = one("streams", &name.replace(".json", ".sse"));
        assert_eq!(fold(events(&stream)).unwrap(), reply, "{name}");
    }
}

#[test]
fn a_reply_is_said_as_it_was_read() {
    for (name, body) in corpus("replies") {
        let (said, losses) = rendered(&AnthropicMessages.parse_reply(&body).unwrap());
        let mut original: Value = serde_json::from_slice(&body).unwrap();
        original.as_object_mut().unwrap().remove("stop_details");
        original["usage"].as_object_mut().unwrap().remove("inference_geo");
        for block in original["content"].as_array_mut().unwrap() {
            if block["caller"]["type"] == "direct" {
                block.as_object_mut().unwrap().remove("caller");
            }
        }
        if original["usage"]["iterations"].is_array() {
            // The rounds are told in their sum.
            let used =
                |reply: &Value| AnthropicMessages.parse_reply(reply.to_string().as_bytes()).unwrap().usage;
            assert_eq!(used(&said), used(&original), "{name}");
            original["usage"] = said["usage"].clone();
        }
        assert_eq!(said, original, "{name}");
        assert!(losses.is_empty(), "{name}: {}", losses.to_header());
    }
}

#[test]
fn a_streamed_reply_is_read_back_as_it_was() {
    for (name, body) in corpus("replies") {
        let reply = AnthropicMessages.parse_reply(&body).unwrap();
        let unfolded = unfold(reply.clone());
        let (stream, losses) = say(&unfolded);
        assert!(losses.is_empty(), "{name}: {}", losses.to_header());
        assert_eq!(
            fold(events(stream.as_bytes())).unwrap(),
            Reply { service_tier: reply.service_tier.clone(), ..reply },
            "{name}"
        );
    }
}

#[test]
fn every_stream_of_the_corpus_keeps_the_grammar() {
    for (name, stream) in corpus("streams") {
        let events = events(&stream);
        let failed = matches!(name.as_str(), "cut-early.sse" | "overloaded-midway.sse");
        assert_eq!(fold(events).is_err(), failed, "{name}");
    }
}

fn folded(name: &str) -> Reply {
    fold(events(&one("streams", name))).unwrap()
}

#[test]
fn event_lines_are_not_needed() {
    let reply = folded("vendor-without-event-lines.sse");
    assert_eq!(reply.candidates[0].blocks, [Block::text("Hi there")]);
    assert_eq!(reply.usage, Some(Usage { input: 7, cache_read: 5, output: 9, ..Usage::default() }));
}

#[test]
fn arguments_that_come_whole_at_the_start_are_kept() {
    let reply = folded("vendor-whole-input.sse");
    assert_eq!(reply.candidates[0].blocks[0], Block::text("Let me see. Done."));
    assert_eq!(
        reply.candidates[0].blocks[1].content,
        Content::ToolCall(ToolCall {
            id: "call_1".into(),
            name: "lookup".into(),
            arguments: r#"{"q":"whole","n":1.0}"#.into(),
            kind: ToolKind::Function,
        })
    );
}

#[test]
fn missing_stops_starts_and_terminators_are_made_up_for() {
    let reply = folded("vendor-without-stops.sse");
    assert_eq!(reply.candidates[0].blocks.len(), 2);
    assert_eq!(reply.candidates[0].finish.as_ref().unwrap().reason, FinishReason::Stop);
    assert_eq!(folded("vendor-without-start.sse").candidates[0].blocks, [Block::text("Bare")]);
}

#[test]
fn unknown_events_are_ignored_and_unknown_blocks_kept() {
    let reply = folded("unknown-events.sse");
    let Content::Opaque { json, name, .. } = &reply.candidates[0].blocks[0].content else { panic!() };
    assert_eq!(name, "compaction");
    let compacted: Value = serde_json::from_str(json).unwrap();
    assert_eq!(compacted["content"], "Summary of the conversation so far.");
    assert_eq!(reply.candidates[0].blocks[1], Block::text("Going on."));
}

#[test]
fn a_stream_that_is_cut_is_an_error_to_the_client() {
    let events = events(&one("streams", "cut-early.sse"));
    let [.., Event::Fault(fault), Event::End] = events.as_slice() else { panic!() };
    assert_eq!((fault.kind, fault.retry()), (Kind::BadGateway, Retry::Here));
    let (stream, _) = say(&events);
    assert!(stream.ends_with("\n\n"));
    assert_eq!(frames(&stream).last().unwrap()["error"]["type"], "api_error");
    assert!(!stream.contains("message_stop"));
}

#[test]
fn an_error_inside_a_stream_keeps_its_kind() {
    let events = events(&one("streams", "overloaded-midway.sse"));
    let fault = fold(events.clone()).unwrap_err();
    assert_eq!((fault.kind, fault.status), (Kind::Overloaded, 200));
    let (stream, _) = say(&events);
    assert!(
        stream.contains("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"")
    );
}

#[test]
fn usage_counts_cached_tokens_once() {
    let usage = reply_of("cached.json").usage.unwrap();
    let parts = (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output);
    assert_eq!(parts, (21, 188_086, 248, 1800, 393));
    let thought = reply_of("thinking.json").usage.unwrap();
    assert_eq!((thought.output, thought.reasoning), (33, 268));
    assert_eq!(reply_of("web-search.json").usage.unwrap().web_searches, 1);
}

#[test]
fn cache_times_told_at_the_start_outlive_a_last_report_without_them() {
    let usage = folded("cache-times-only-at-start.sse").usage.unwrap();
    assert_eq!((usage.cache_write_5m, usage.cache_write_1h, usage.output), (0, 2670, 92));
}

#[test]
fn usage_is_found_where_it_stands_and_nowhere_else() {
    let found = AnthropicMessages.find_usage(&one("replies", "cached.json"));
    assert_eq!(found, reply_of("cached.json").usage);
    let start =
        br#"{"type":"message_start","message":{"id":"a","usage":{"input_tokens":4,"output_tokens":1}}}"#;
    assert_eq!(AnthropicMessages.find_usage(start), Some(Usage { input: 4, output: 1, ..Usage::default() }));
    let delta = br#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"\"usage\":{}"}}"#;
    assert_eq!(AnthropicMessages.find_usage(delta), None);
    let rounds = br#"{"usage":{"input_tokens":0,"output_tokens":0,"iterations":[{"input_tokens":3,"output_tokens":2},{"input_tokens":5,"output_tokens":1}]}}"#;
    assert_eq!(AnthropicMessages.find_usage(rounds), Some(Usage { input: 8, output: 3, ..Usage::default() }));
}

#[test]
fn blocks_that_overlap_are_said_one_after_another() {
    let open = |index, id: &str| Event::BlockStart {
        index,
        candidate: 0,
        opening: Opening::ToolCall { id: id.into(), name: "find".into(), kind: ToolKind::Function },
    };
    let grow = |index, text: &str| Event::Delta { index, delta: Delta::Arguments(text.into()) };
    let start =
        Event::Start { id: None, model: None, created: None, service_tier: None, extras: Extras::NONE };
    let finish = Event::Finish { candidate: 0, finish: Finish::new(FinishReason::ToolCalls) };
    let usage = Event::Usage(Usage { input: 3, output: 2, ..Usage::default() });
    let overlapping = [
        start,
        open(0, ""),
        open(1, ""),
        grow(0, "{\"a\""),
        grow(1, "{\"b\":2}"),
        grow(0, ":1}"),
        Event::BlockStop { index: 0 },
        Event::BlockStop { index: 1 },
        finish,
        usage,
        Event::End,
    ];
    let (stream, _) = say(&overlapping);
    let said = frames(&stream);
    let order: Vec<(String, Value)> = said
        .iter()
        .map(|frame| (frame["type"].as_str().unwrap().to_owned(), frame["index"].clone()))
        .collect();
    let kinds: Vec<&str> = order.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(
        said[1]["content_block"],
        json!({"type":"tool_use","id":"toolu_seed01_0","name":"find","input":{}})
    );
    assert_eq!(said[5]["content_block"]["id"], "toolu_seed01_1");
    assert_eq!(said[8]["usage"]["input_tokens"], 3);
    assert_eq!(
        fold(events(stream.as_bytes())).unwrap().candidates[0].blocks[1].content,
        call("toolu_seed01_1", "{\"b\":2}")
    );
}

#[test]
fn seals_of_gemini_survive_the_client() {
    let seal = Some(Signature::new(Dialect::GeminiGenerate, "CiQB4/Hc+A=="));
    let sealed = |content| Block { signature: seal.clone(), ..Block::new(content) };
    let words = Content::Text { text: "Look.".into(), citations: Vec::new() };
    let blocks = vec![sealed(words), sealed(call("fc_1", "{}")), sealed(call("fc_2", "{\"a\":1}"))];
    let candidate = Candidate {
        blocks: blocks.clone(),
        finish: Some(Finish::new(FinishReason::ToolCalls)),
        ..Candidate::default()
    };
    let reply = Reply { candidates: vec![candidate], ..Reply::default() };
    let (whole, losses) = rendered(&reply);
    assert!(losses.is_empty());
    let streamed = {
        let mut content = Vec::new();
        for frame in frames(&say(&unfold(reply)).0) {
            if frame["type"] == "content_block_start" {
                content.push(frame["content_block"].clone());
            } else if frame["delta"]["type"] == "signature_delta" {
                content.last_mut().unwrap()["signature"] = frame["delta"]["signature"].clone();
            } else if frame["delta"]["type"] == "text_delta" {
                content.last_mut().unwrap()["text"] = frame["delta"]["text"].clone();
            } else if frame["delta"]["type"] == "input_json_delta" {
                let input = frame["delta"]["partial_json"].as_str().unwrap();
                content.last_mut().unwrap()["input"] = serde_json::from_str(input).unwrap();
            }
        }
        Value::Array(content)
    };
    for mut content in [whole["content"].clone(), streamed] {
        assert!(content[2]["id"].as_str().unwrap().starts_with("fc_1__thought__"));
        // A client that drops side fields still sends the seal back with the id.
        content[2].as_object_mut().unwrap().remove("extra_content");
        let body = json!({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":content}]});
        let request = super::parse(body.to_string().as_bytes());
        assert_eq!(request.turns[1].blocks, blocks);
    }
}

#[test]
fn finish_reasons_are_kept_in_their_own_words() {
    let sequence = reply_of("stop-sequence.json").candidates[0].finish.clone().unwrap();
    assert_eq!(
        (sequence.reason, sequence.stop_sequence.as_deref()),
        (FinishReason::StopSequence, Some("END"))
    );
    for (name, reason) in [
        ("pause-turn.json", FinishReason::Pause),
        ("refusal.json", FinishReason::Refusal),
        ("context-window.json", FinishReason::ContextFull),
    ] {
        assert_eq!(reply_of(name).candidates[0].finish.as_ref().unwrap().reason, reason);
    }
}

#[test]
fn what_a_message_cannot_hold_is_a_loss() {
    let image = Content::Image(crate::ir::Media::new(crate::ir::Source::Base64("iVBORw0KGgo=".into()), None));
    let cited = Content::Text {
        text: "See.".into(),
        citations: vec![Citation { url: Some("https://a.example".into()), ..Citation::default() }],
    };
    let blocks = vec![Block::new(image), Block::new(cited), Block::new(call("", "not json"))];
    let candidate = Candidate { blocks, logprobs: Some("{}".into()), ..Candidate::default() };
    let (said, losses) =
        rendered(&Reply { candidates: vec![candidate.clone(), candidate], ..Reply::default() });
    assert_eq!(
        losses.to_header(),
        "n;dropped, logprobs;dropped, message.image;dropped, tool_calls.arguments;bent"
    );
    assert_eq!(said["content"][0]["citations"][0]["url"], "https://a.example");
    assert_eq!(said["content"][1]["id"], "toolu_seed01_2");
    assert_eq!(said["usage"]["cache_read_input_tokens"], 0);
}

#[test]
fn errors_are_read_for_what_they_are() {
    let kinds = [
        ("400-prompt-too-long.json", Kind::ContextWindow),
        ("400-context-limit.json", Kind::ContextWindow),
        ("400-missing-result.json", Kind::InvalidRequest),
        ("400-credit.json", Kind::Billing),
        ("400-content-filter.json", Kind::ContentPolicy),
        ("401-key.json", Kind::Authentication),
        ("403-permission.json", Kind::Permission),
        ("404-model.json", Kind::NotFound),
        ("413-too-large.json", Kind::TooLarge),
        ("429-rate-limit.json", Kind::RateLimited),
        ("500-api.json", Kind::Internal),
        ("529-overloaded.json", Kind::Overloaded),
        ("502-bad-gateway.html", Kind::BadGateway),
        ("503-vendor.json", Kind::Overloaded),
        ("504-text.txt", Kind::Timeout),
    ];
    let files = corpus("errors");
    assert_eq!(files.len(), kinds.len());
    for (name, kind) in kinds {
        let status = name.get(..3).unwrap().parse().unwrap();
        let fault = AnthropicMessages.parse_error(status, &HeaderMap::new(), &one("errors", name));
        assert_eq!((fault.kind, fault.status), (kind, status), "{name}");
        assert!(!fault.message.contains(['<', '\r', '{']), "{name}: {}", fault.message);
    }
}

#[test]
fn an_error_names_its_field_code_and_pause() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "38".parse().unwrap());
    let fault = AnthropicMessages.parse_error(400, &headers, &one("errors", "400-missing-result.json"));
    assert_eq!(fault.param.as_deref(), Some("messages.1"));
    assert_eq!(fault.retry_after, Some(Duration::from_secs(38)));
    let vendor = AnthropicMessages.parse_error(503, &headers, &one("errors", "503-vendor.json"));
    assert_eq!(vendor.code.as_deref(), Some("1305"));
    let page = AnthropicMessages.parse_error(502, &headers, &one("errors", "502-bad-gateway.html"));
    assert_eq!(page.message, "the provider answered with status 502: 502 Bad Gateway");
    headers.insert("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
    assert_eq!(AnthropicMessages.parse_error(429, &headers, b"").retry_after, None);
}

#[test]
fn no_bytes_make_the_readers_panic() {
    let odd: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"<title",
        b"<title>",
        b"{\"error\":null}",
        b"{\"type\":\"message_start\"}",
    ];
    for body in odd {
        let fault: Fault = AnthropicMessages.parse_error(500, &HeaderMap::new(), body);
        assert!(!fault.message.is_empty());
        let _either = AnthropicMessages.parse_reply(body);
        let _either = AnthropicMessages.find_usage(body);
        let mut parser = AnthropicMessages.stream_parser();
        let mut events = Vec::new();
        parser.push(None, body, &mut events);
        parser.finish(&mut events);
        assert_eq!(events.last(), Some(&Event::End));
    }
}

#[test]
fn a_refusal_is_said_in_the_dialects_words() {
    let refusal = Refusal::new(Kind::InvalidRequest, "expected a string").with_param("messages[0].role");
    let said: Value = serde_json::from_slice(&AnthropicMessages.render_error(&refusal)).unwrap();
    let error = json!({"type":"invalid_request_error","message":"messages[0].role: expected a string"});
    assert_eq!(said, json!({"type":"error","error":error}));
}

#[test]
fn counts_and_models_have_the_shape_of_the_api() {
    assert_eq!(count::render_count(2095), br#"{"input_tokens":2095}"#);
    let list: Value = serde_json::from_slice(&models::render_models(&[("a", "A"), ("b", "B")])).unwrap();
    assert_eq!(
        (&list["first_id"], &list["last_id"], &list["has_more"]),
        (&json!("a"), &json!("b"), &json!(false))
    );
    assert_eq!(list["data"][1]["type"], "model");
    let empty: Value = serde_json::from_slice(&models::render_models(&[])).unwrap();
    assert_eq!(empty["first_id"], Value::Null);
    let single: Value = serde_json::from_slice(&models::render_model("a", "A")).unwrap();
    assert_eq!(single, list["data"][0]);
}
