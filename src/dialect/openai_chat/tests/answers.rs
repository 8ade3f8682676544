//! Replies and streams.

use super::*;
use crate::ir::{Block, Candidate, Content, Dialect, FinishReason, fold, unfold};
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
        let again = self::events(say(&events).replace(made_up, "").as_bytes());
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
        let told = events(&body).into_iter().filter_map(|event| match event {
            Event::Usage(usage) => Some(usage),
            _ => None,
        });
        assert_eq!(found.last(), told.last(), "{name}");
    }
    assert_eq!(OpenaiChat.find_usage(br#"{"choices":[],"usage":null}"#), None);
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
    };
    for usage in
        [usage, Usage { cache_write_1h: 0, reasoning: 0, ..usage }, Usage { input: 1, ..Usage::default() }]
    {
        let mut out = Vec::new();
        crate::wire::json::object(&mut out, |object| super::usage::write(&usage, object));
        assert_eq!(super::usage::parse(&crate::wire::json::parse(&out).unwrap()), Some(usage));
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
fn calls_without_ids_get_different_ones() {
    let events = stream("finish-in-every-chunk.sse");
    let reply = fold::fold(events.clone()).unwrap();
    assert_eq!(calls(&reply.candidates[0]).len(), 2);
    assert!(say(&events).contains("\"id\":\"call_0123456789abcdef_0\""));
    let whole = OpenaiChat.render_reply(&reply, &seed(), &mut Losses::new());
    let ids = calls(&OpenaiChat.parse_reply(&whole).unwrap().candidates[0]);
    assert_eq!([&*ids[0].0, &*ids[1].0], ["call_0123456789abcdef_0", "call_2"]);
}
