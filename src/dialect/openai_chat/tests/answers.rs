//! Replies and streams.

use super::*;
use crate::ir::{
    Block, Candidate, Citation, Content, Dialect, Finish, FinishReason, Reasoning, Signature, ToolCall,
    ToolKind, fold, unfold,
};
use crate::refusal::Kind;

#[test]
fn whole_answers_are_the_sum_of_their_streams() {
    let streams = corpus("streams");
    for (name, body) in corpus("replies") {
        let twin = name.replace(".json", ".sse");
        let (_, stream) = streams.iter().find(|(name, _)| *name == twin).unwrap();
        let reply = OpenaiChat.parse_reply(&body).unwrap();
        assert!(reply.usage.is_some(), "{name}");
        assert_eq!(fold::fold(events(stream)).unwrap(), reply, "{name}");
    }
}

#[test]
fn answers_come_through_the_hub_unchanged() {
    for (name, body) in corpus("replies") {
        let reply = OpenaiChat.parse_reply(&body).unwrap();
        let mut losses = Losses::new();
        let again = OpenaiChat.render_reply(&reply, &seed(), &mut losses);
        assert!(losses.is_empty(), "{name}");
        assert_eq!(OpenaiChat.parse_reply(&again).unwrap(), reply, "{name}");
        let stream = say(&unfold::unfold(reply.clone()));
        assert!(stream.ends_with("data: [DONE]\n\n"), "{name}");
        assert_eq!(fold::fold(events(stream.as_bytes())).unwrap(), reply, "{name}\n{stream}");
    }
}

#[test]
fn streams_come_through_the_hub_unchanged() {
    for (name, body) in corpus("streams") {
        let events = events(&body);
        let made_up = "call_0123456789abcdef_0";
        let (said, losses) = say_all(&events);
        if name == "azure-late-filter.sse" {
            // No client expects a choice to go on after its end.
            assert_eq!(losses, "content_filter_offsets;dropped, content_filter_results;dropped");
            continue;
        }
        assert_eq!(losses, "", "{name}");
        let again = self::events(said.replace(made_up, "").as_bytes());
        match (fold::fold(events), fold::fold(again)) {
            (Ok(before), Ok(after)) => assert_eq!(before, after, "{name}"),
            (Err(before), Err(after)) => assert_eq!(before.message, after.message, "{name}"),
            (before, after) => panic!("{name}: {before:?} became {after:?}"),
        }
    }
}

#[test]
fn streams_survive_a_cut_at_every_frame() {
    for (_, body) in corpus("streams") {
        let text = std::str::from_utf8(&body).unwrap();
        let frames: Vec<&str> = text.split_inclusive("\n\n").collect();
        for end in 0..frames.len() {
            events(frames[..end].concat().as_bytes());
        }
    }
}

fn stream(name: &str) -> Vec<Event> {
    let (_, body) = corpus("streams").into_iter().find(|(file, _)| file == name).unwrap();
    events(&body)
}

fn calls(candidate: &Candidate) -> Vec<(String, String, String)> {
    let call = |block: &Block| match &block.content {
        Content::ToolCall(call) => Some((call.id.clone(), call.name.clone(), call.arguments.clone())),
        _ => None,
    };
    candidate.blocks.iter().filter_map(call).collect()
}

#[test]
fn a_stream_that_breaks_off_is_a_fault_and_one_without_terminator_is_not() {
    assert_eq!(fold::fold(stream("cut-off.sse")).unwrap_err().kind, Kind::BadGateway);
    assert_eq!(fold::fold(events(b"")).unwrap_err().kind, Kind::BadGateway);
    assert!(fold::fold(stream("no-terminator.sse")).is_ok());
}

#[test]
fn a_complete_stream_has_an_end_though_nobody_said_why() {
    let said = |delta: &str| {
        let stream = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\ndata: [DONE]\n\n"
        );
        fold::fold(events(stream.as_bytes())).unwrap().candidates[0].finish.clone().unwrap().reason
    };
    assert_eq!(said(r#"{"content":"a"}"#), FinishReason::Stop);
    let call = r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}"#;
    assert_eq!(said(call), FinishReason::ToolCalls);
}

#[test]
fn a_last_frame_that_repeats_the_whole_answer_is_not_said_again() {
    let reply = fold::fold(stream("minimax.sse")).unwrap();
    let texts: Vec<_> = reply.candidates[0].blocks.iter().filter_map(Block::as_text).collect();
    assert_eq!(texts, ["Hello there."]);
    assert_eq!(reply.usage.unwrap().total(), 71);
}

#[test]
fn thought_between_tags_at_the_beginning_is_no_part_of_the_words() {
    let reply = fold::fold(stream("minimax.sse")).unwrap();
    let thought = Reasoning { text: "They greet me.".into(), redacted: None };
    assert_eq!(reply.candidates[0].blocks[0].content, Content::Reasoning(thought));
    let told_apart = br#"{"choices":[{"index":0,"finish_reason":"stop","message":{"reasoning_content":"a","content":"<think>b</think>c"}}]}"#;
    let reply = OpenaiChat.parse_reply(told_apart).unwrap();
    assert_eq!(reply.candidates[0].blocks[1].as_text(), Some("<think>b</think>c"));
}

#[test]
fn padding_of_events_is_no_part_of_the_answer() {
    let reply = fold::fold(stream("mistral-padding.sse")).unwrap();
    assert!(reply.extras.is_empty());
    assert_eq!(reply.candidates[0].blocks[1].as_text(), Some("It is so."));
}

#[test]
fn an_error_in_a_stream_is_said_once_and_without_a_terminator() {
    for (name, kind) in
        [("error-in-the-middle.sse", Kind::BadGateway), ("error-in-a-choice.sse", Kind::RateLimited)]
    {
        let events = stream(name);
        let out = say(&events);
        assert!(
            out.contains("\"Par\"") && out.contains("\"error\":{\"message\":") && !out.contains("[DONE]")
        );
        assert_eq!(out.matches("\"error\"").count(), 1, "{out}");
        assert_eq!(fold::fold(events).unwrap_err().kind, kind, "{name}");
    }
    let mut parsed = Vec::new();
    OpenaiChat.stream_parser().push(None, b"{\"choices\":[", &mut parsed);
    assert!(matches!(&parsed[..], [Event::Fault(_)]));
}

#[test]
fn azure_names_its_answer_in_the_second_chunk() {
    let reply = fold::fold(stream("azure-first-chunk.sse")).unwrap();
    assert_eq!(reply.id.as_deref(), Some("chatcmpl-azure"));
    assert!(reply.extras.json(Dialect::OpenaiChat, "prompt_filter_results").is_some());
}

#[test]
fn usage_counts_every_token_once_wherever_the_vendor_puts_it() {
    let used = |name: &str| fold::fold(stream(name)).unwrap().usage.unwrap();
    assert_eq!(used("usage-in-every-chunk.sse"), Usage { input: 5, output: 2, ..Usage::default() });
    let moonshot = Usage { input: 9, cache_read: 10, output: 21, ..Usage::default() };
    assert_eq!(used("moonshot-usage-in-choice.sse"), moonshot);
    let xai = Usage { input: 35, cache_read: 2, output: 9, reasoning: 301, ..Usage::default() };
    assert_eq!(used("xai-reasoning.sse"), xai);
    assert_eq!(used("gemini-seal.sse").reasoning, 100);
    assert_eq!(used("deepseek-reasoning.sse").cache_read, 1152);
    let audio = Usage { input: 8, audio_input: 12, output: 6, audio_output: 24, ..Usage::default() };
    assert_eq!(used("spoken-audio.sse"), audio);
    let marks = Usage {
        input: 100,
        cache_read: 1500,
        cache_write_5m: 200,
        cache_write_1h: 300,
        output: 50,
        reasoning: 40,
        ..Usage::default()
    };
    assert_eq!(used("thinking-blocks.sse"), marks);
}

#[test]
fn usage_is_found_without_reading_the_rest() {
    for (name, body) in corpus("replies") {
        assert_eq!(OpenaiChat.find_usage(&body), OpenaiChat.parse_reply(&body).unwrap().usage, "{name}");
    }
    for (name, body) in corpus("streams") {
        let frames = std::str::from_utf8(&body).unwrap().split("\n\n");
        let found =
            frames.filter_map(|frame| OpenaiChat.find_usage(frame.strip_prefix("data: ")?.as_bytes()));
        let mut told = events(&body).into_iter().filter_map(|event| match event {
            Event::Usage(usage) => Some(usage),
            _ => None,
        });
        assert_eq!(found.last(), told.next_back(), "{name}");
    }
    assert_eq!(OpenaiChat.find_usage(br#"{"choices":[],"usage":null}"#), None);
}

#[test]
fn usage_is_read_after_each_vendors_habit() {
    let read = |text: &str| {
        let body = format!("{{\"choices\":[],\"usage\":{text}}}");
        let parsed = usage::parse(&crate::wire::json::parse(text.as_bytes()).unwrap());
        assert_eq!(OpenaiChat.find_usage(body.as_bytes()), parsed, "{text}");
        parsed.unwrap()
    };
    let research = r#"{"prompt_tokens":33,"completion_tokens":700,"total_tokens":733,"citation_tokens":1900,
        "num_search_queries":36,"reasoning_tokens":7300}"#;
    let expected = Usage { input: 1933, output: 700, reasoning: 7300, web_searches: 36, ..Usage::default() };
    assert_eq!(read(research), expected);
    let qwen = r#"{"prompt_tokens":200,"completion_tokens":75,"total_tokens":275,"prompt_tokens_details":
        {"cached_tokens":120,"cache_creation_input_tokens":50,"cache_type":"ephemeral"},"completion_tokens_details":{"reasoning_tokens":25}}"#;
    let expected = Usage {
        input: 30,
        cache_read: 120,
        cache_write_5m: 50,
        output: 50,
        reasoning: 25,
        ..Usage::default()
    };
    assert_eq!(read(qwen), expected);
    let mistral = r#"{"prompt_tokens":50,"completion_tokens":5,"total_tokens":55,"num_cached_tokens":48}"#;
    assert_eq!(read(mistral), Usage { input: 2, cache_read: 48, output: 5, ..Usage::default() });
    // OpenRouter's count of thought may be another tokenizer's.
    let guessed = r#"{"prompt_tokens":43,"completion_tokens":10,"total_tokens":53,"completion_tokens_details":{"reasoning_tokens":11}}"#;
    assert_eq!(read(guessed), Usage { input: 43, reasoning: 10, ..Usage::default() });
}

#[test]
fn written_usage_reads_back_the_same() {
    let usage = Usage {
        input: 1,
        cache_read: 2,
        cache_write_5m: 4,
        cache_write_1h: 8,
        audio_input: 16,
        output: 32,
        reasoning: 64,
        audio_output: 128,
        image_output: 256,
        web_searches: 3,
        ..Usage::default()
    };
    for usage in
        [usage, Usage { cache_write_1h: 0, reasoning: 0, ..usage }, Usage { input: 1, ..Usage::default() }]
    {
        let mut out = Vec::new();
        crate::wire::json::object(&mut out, |object| usage::write(&usage, object));
        assert_eq!(usage::parse(&crate::wire::json::parse(&out).unwrap()), Some(usage));
    }
}

#[test]
fn shredded_and_misnumbered_calls_are_put_together() {
    let reply = fold::fold(stream("sloppy-tool-calls.sse")).unwrap();
    let expected = [
        ("a1", "one", "{\"x\":1}"),
        ("a2", "two", "{\"y\":2}"),
        ("a3", "three", "{}"),
        ("a4", "four", "{\"z\":4}"),
    ];
    let expected = expected.map(|(id, name, text)| (id.to_owned(), name.to_owned(), text.to_owned()));
    assert_eq!(calls(&reply.candidates[0]), expected);
    assert_eq!(reply.candidates[0].finish.as_ref().unwrap().reason, FinishReason::ToolCalls);
    assert_eq!(reply.candidates[0].blocks[0].as_text(), Some("Let me see."));
}

#[test]
fn pieces_of_several_calls_without_numbers_go_by_their_order() {
    let chunk = |calls: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{calls}]}}}}]}}\n\n")
    };
    let stream = chunk(
        r#"{"id":"a_0","function":{"name":"a","arguments":""}},{"id":"b_1","function":{"name":"b","arguments":""}}"#,
    ) + &chunk(r#"{"function":{"arguments":"{\"x\":"}},{"function":{"arguments":"{\"y\":"}}"#)
        + &chunk(r#"{"function":{"arguments":"1}"}},{"function":{"arguments":"2}"}}"#)
        + "data: [DONE]\n\n";
    let reply = fold::fold(events(stream.as_bytes())).unwrap();
    let told: Vec<_> = calls(&reply.candidates[0]).into_iter().map(|(_, name, text)| (name, text)).collect();
    assert_eq!(
        told,
        [("a", "{\"x\":1}"), ("b", "{\"y\":2}")].map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

#[test]
fn calls_without_ids_get_different_ones() {
    let events = stream("finish-in-every-chunk.sse");
    let reply = fold::fold(events.clone()).unwrap();
    assert_eq!(calls(&reply.candidates[0]).len(), 2);
    assert!(say(&events).contains("\"id\":\"call_0123456789abcdef_0\""));
    let whole = OpenaiChat.render_reply(&reply, &seed(), &mut Losses::new());
    let ids = calls(&OpenaiChat.parse_reply(&whole).unwrap().candidates[0]);
    assert_eq!([&*ids[0].0, &*ids[1].0], ["call_0123456789abcdef_0", "call_2"]);
}

fn answer(blocks: Vec<Block>, finish: Finish) -> Reply {
    let candidate = Candidate { blocks, finish: Some(finish), ..Candidate::default() };
    Reply { candidates: vec![candidate], ..Reply::default() }
}

fn said(reply: &Reply) -> (Value, String) {
    let mut losses = Losses::new();
    let body = OpenaiChat.render_reply(reply, &seed(), &mut losses);
    (serde_json::from_slice(&body).unwrap(), losses.to_header())
}

fn tool(id: &str, arguments: &str, seal: Option<Signature>) -> Block {
    let mut block = Block::new(Content::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        arguments: arguments.into(),
        kind: ToolKind::Function,
    }));
    block.signature = seal;
    block
}

#[test]
fn thinking_of_any_issuer_comes_back_from_a_client_of_this_dialect() {
    for issuer in Dialect::ALL {
        let value = if issuer == Dialect::OpenaiChat {
            r#"[{"type":"reasoning.encrypted","data":"x"}]"#
        } else {
            "EqMD+/="
        };
        let mut thought = Block::new(Content::Reasoning(Reasoning { text: "Hm.".into(), redacted: None }));
        thought.signature = Some(Signature::new(issuer, value));
        let redacted = Reasoning {
            text: String::new(),
            redacted: Some(Signature::new(Dialect::AnthropicMessages, "Em")),
        };
        let mut blocks = vec![thought, Block::text("So.")];
        if issuer == Dialect::AnthropicMessages {
            blocks.insert(1, Block::new(Content::Reasoning(redacted)));
        }
        let reply = answer(blocks, Finish::new(FinishReason::Stop));
        let streamed = fold::fold(events(say(&unfold::unfold(reply.clone())).as_bytes())).unwrap();
        for message in [&said(&reply).0["choices"][0]["message"], &said(&streamed).0["choices"][0]["message"]]
        {
            let request = ask(&json!({"messages": [message]}));
            assert_eq!(request.turns[0].blocks, reply.candidates[0].blocks, "{message}");
        }
    }
}

#[test]
fn a_geminis_seal_rides_on_the_id_and_beside_it() {
    let seal = Signature::new(Dialect::GeminiGenerate, "CiQB4/Hc+A==");
    let reply = answer(vec![tool("", "", Some(seal.clone()))], Finish::new(FinishReason::ToolCalls));
    let id = "call_0123456789abcdef_0__thought__CiQB4_Hc-A";
    let side = json!({"google": {"thought_signature": "CiQB4/Hc+A=="}});
    let call = &said(&reply).0["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["extra_content"]), (&json!(id), &side));
    let opening =
        crate::ir::Opening::ToolCall { id: String::new(), name: "f".into(), kind: ToolKind::Function };
    let stream = say(&[
        Event::BlockStart { index: 0, candidate: 0, opening },
        Event::Delta { index: 0, delta: crate::ir::Delta::Signature(seal) },
        Event::BlockStop { index: 0 },
        Event::End,
    ]);
    assert!(
        stream.contains(&format!("\"id\":\"{id}\"")) && stream.contains("\"arguments\":\"{}\""),
        "{stream}"
    );
}

#[test]
fn a_seal_that_comes_late_stands_beside_the_calls_body() {
    let opening = crate::ir::Opening::ToolCall { id: "c".into(), name: "f".into(), kind: ToolKind::Function };
    let seal = Signature::new(Dialect::GeminiGenerate, "CiQB");
    let stream = say(&[
        Event::BlockStart { index: 0, candidate: 0, opening },
        Event::Delta { index: 0, delta: crate::ir::Delta::Arguments("{}".into()) },
        Event::Delta { index: 0, delta: crate::ir::Delta::Signature(seal) },
        Event::BlockStop { index: 0 },
        Event::End,
    ]);
    // OpenAI's SDK gives up on a call's delta without its function.
    assert_eq!(
        stream.matches("\"tool_calls\"").count(),
        stream.matches("\"function\":{").count(),
        "{stream}"
    );
    assert!(stream.contains("\"thought_signature\":\"CiQB\""), "{stream}");
}

#[test]
fn content_is_null_beside_calls_and_empty_beside_nothing() {
    let message = |reply: &Reply| said(reply).0["choices"][0]["message"].clone();
    let calls = answer(vec![tool("c", "{}", None)], Finish::new(FinishReason::ToolCalls));
    assert_eq!(message(&calls)["content"], Value::Null);
    assert_eq!(message(&answer(vec![], Finish::new(FinishReason::Length)))["content"], "");
}

#[test]
fn ends_that_the_dialect_cannot_say_keep_their_own_word_beside_it() {
    let native = |reason, word: &str| Finish {
        reason,
        stop_sequence: None,
        native: Some((Dialect::AnthropicMessages, word.to_owned())),
    };
    for (finish, word, side) in [
        (native(FinishReason::Pause, "pause_turn"), "stop", json!("pause_turn")),
        (
            native(FinishReason::ContextFull, "model_context_window_exceeded"),
            "length",
            json!("model_context_window_exceeded"),
        ),
        (native(FinishReason::Refusal, "refusal"), "content_filter", json!("refusal")),
        (native(FinishReason::Stop, "end_turn"), "stop", Value::Null),
    ] {
        let choice = said(&answer(vec![Block::text("x")], finish)).0["choices"][0].clone();
        assert_eq!((&choice["finish_reason"], &choice["native_finish_reason"]), (&json!(word), &side));
    }
    let stopped = Finish { stop_sequence: Some("END".into()), ..Finish::new(FinishReason::StopSequence) };
    assert_eq!(said(&answer(vec![], stopped)).0["choices"][0]["stop_reason"], "END");
}

#[test]
fn sources_without_an_address_are_noted_as_lost() {
    let cite = |url: Option<&str>| Citation {
        url: url.map(Into::into),
        start: Some(0),
        end: Some(1),
        ..Citation::default()
    };
    let text = |citations| Block::new(Content::Text { text: "äb".into(), citations });
    let reply = answer(
        vec![text(vec![]), text(vec![cite(Some("https://x")), cite(None)])],
        Finish::new(FinishReason::Stop),
    );
    let (body, losses) = said(&reply);
    let message = &body["choices"][0]["message"];
    let place = json!({"start_index": 2, "end_index": 3, "url": "https://x", "title": "https://x"});
    assert_eq!(message["annotations"], json!([{"type": "url_citation", "url_citation": place}]));
    assert_eq!((&message["content"], &*losses), (&json!("äbäb"), "citations;dropped"));
}

#[test]
fn usage_is_in_a_stream_only_for_clients_that_want_it() {
    for wanted in [true, false] {
        let shape = StreamShape { usage: wanted, ..SHAPE };
        let mut renderer = OpenaiChat.stream_renderer(&seed(), shape);
        let mut out = Vec::new();
        for event in stream("text.sse") {
            renderer.push(&event, &mut out, &mut Losses::new());
        }
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.contains("\"choices\":[],\"usage\":{"), wanted);
        assert!(text.starts_with("data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\""));
        assert_eq!(text.matches("\"role\"").count(), 1);
    }
}
