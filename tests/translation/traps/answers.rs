//! T29 to T33 and T38: how answers end and what they used.

use super::*;

fn none() -> Restore {
    Restore::default()
}

#[test]
fn t29_words_before_a_safety_stop_are_kept() {
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "First you"}]}, "finishReason": "SAFETY"}]});
    let said = answer(Gemini, &body, &none(), Chat);
    assert_eq!(said["choices"][0]["message"]["content"], "First you");
    assert_eq!(said["choices"][0]["finish_reason"], "content_filter");
    let said = answer(Gemini, &body, &none(), Claude);
    assert_eq!((&said["content"][0]["text"], &said["stop_reason"]), (&json!("First you"), &json!("refusal")));
    let said = stream(Gemini, &gemini_stream(&[body]), &none(), Chat);
    assert!(said.iter().any(|chunk| chunk["choices"][0]["delta"]["content"] == "First you"));
}

#[test]
fn t29_a_blocked_prompt_is_an_answer_of_the_filter() {
    let body = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}});
    let said = answer(Gemini, &body, &none(), Chat);
    assert_eq!(said["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(said["usage"]["prompt_tokens"], 3);
}

#[test]
fn t30_a_malformed_call_is_told_by_its_native_name_issue_21744() {
    let body =
        json!({"candidates": [{"content": {"role": "model"}, "finishReason": "MALFORMED_FUNCTION_CALL"}]});
    let said = answer(Gemini, &body, &none(), Chat);
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert!(said["choices"][0].to_string().contains("MALFORMED_FUNCTION_CALL"), "{said}");
    assert_eq!(
        answer(Gemini, &body, &none(), Gemini)["candidates"][0]["finishReason"],
        "MALFORMED_FUNCTION_CALL"
    );
}

#[test]
fn t31_a_full_context_is_a_length_and_a_pause_keeps_its_name() {
    let ended = |reason: &str| json!({"content": [{"type": "text", "text": "a"}], "stop_reason": reason, "usage": {"input_tokens": 1, "output_tokens": 1}});
    let said = answer(Claude, &ended("model_context_window_exceeded"), &none(), Chat);
    assert_eq!(said["choices"][0]["finish_reason"], "length");
    assert!(said["choices"][0].to_string().contains("model_context_window_exceeded"));
    let said = answer(Claude, &ended("pause_turn"), &none(), Chat);
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert!(said["choices"][0].to_string().contains("pause_turn"));
    assert_eq!(
        answer(Claude, &ended("model_context_window_exceeded"), &none(), Gemini)["candidates"][0]["finishReason"],
        "MAX_TOKENS"
    );
}

#[test]
fn t32_cached_and_written_tokens_are_counted_once() {
    let body = json!({"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn", "usage": {
        "input_tokens": 10, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}, "output_tokens": 5}});
    let usage = &answer(Claude, &body, &none(), Chat)["usage"];
    assert_eq!(usage["prompt_tokens"], 1310);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 1000);
    assert_eq!(usage["total_tokens"], 1315);
    let usage = &answer(Claude, &body, &none(), Gemini)["usageMetadata"];
    assert_eq!((&usage["promptTokenCount"], &usage["cachedContentTokenCount"]), (&json!(1310), &json!(1000)));
    let back = answer(Chat, &answer(Claude, &body, &none(), Chat), &none(), Claude);
    for key in [
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "output_tokens",
    ] {
        assert_eq!(back["usage"][key], body["usage"][key], "{key}");
    }
}

#[test]
fn t32_rounds_are_counted_once_and_a_compaction_beside_them() {
    let count = |usage: &Value| {
        let body = json!({"content": [], "stop_reason": "end_turn", "usage": usage}).to_string();
        let found = codec(Claude).find_usage(body.as_bytes()).unwrap();
        assert_eq!(Some(found), codec(Claude).parse_reply(body.as_bytes()).unwrap().usage, "{usage}");
        (found.total_input(), found.cache_write_5m, found.cache_read, found.total_output())
    };
    let message = json!({"type": "message", "input_tokens": 2, "cache_creation_input_tokens": 40, "cache_read_input_tokens": 300, "output_tokens": 7});
    let compaction = json!({"type": "compaction", "input_tokens": 10_000, "cache_creation_input_tokens": 300, "output_tokens": 60});
    let advisor = json!({"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 900, "output_tokens": 90});
    let fallback = json!({"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 3, "output_tokens": 4});
    let own = json!({"input_tokens": 2, "cache_creation_input_tokens": 40, "cache_read_input_tokens": 300, "output_tokens": 7});
    let rounds = |rounds: &[&Value]| with(own.clone(), &json!({"iterations": rounds}));
    assert_eq!(count(&rounds(&[&message])), (342, 40, 300, 7));
    assert_eq!(count(&rounds(&[&message, &advisor])), (342, 40, 300, 7));
    assert_eq!(count(&rounds(&[&compaction, &message])), (10_642, 340, 300, 67));
    let nothing = json!({"input_tokens": 0, "output_tokens": 0, "iterations": [compaction]});
    assert_eq!(count(&nothing), (10_300, 300, 0, 60));
    let fallen = json!({"input_tokens": 3, "output_tokens": 4, "iterations": [message, fallback]});
    assert_eq!(count(&fallen), (3, 0, 0, 4));
}

#[test]
fn t32_a_stream_that_compacts_first_is_counted_whole() {
    let rounds = json!([{"type": "compaction", "input_tokens": 5000, "output_tokens": 30},
        {"type": "message", "input_tokens": 2, "output_tokens": 7}]);
    let events = [
        with(
            claude_start(),
            &json!({"message": {"id": "msg_1", "content": [], "usage": {"input_tokens": 5000, "output_tokens": 1}}}),
        ),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "compaction", "content": null}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "compaction_delta", "content": "So far"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 2, "output_tokens": 7, "iterations": rounds}}),
        json!({"type": "message_stop"}),
    ];
    let said = stream(Claude, &claude_stream(&events), &none(), Chat);
    let told = said.iter().find(|chunk| chunk["usage"].is_object()).unwrap();
    assert_eq!(
        (&told["usage"]["prompt_tokens"], &told["usage"]["completion_tokens"]),
        (&json!(5002), &json!(37))
    );
}

#[test]
fn t32_gemini_thoughts_are_output_and_its_hits_are_part_of_the_prompt_issue_14849() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}], "usageMetadata": {
        "promptTokenCount": 100, "cachedContentTokenCount": 80, "candidatesTokenCount": 5, "thoughtsTokenCount": 20, "totalTokenCount": 125}});
    let usage = &answer(Gemini, &body, &none(), Chat)["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(100), &json!(25)));
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 20);
    let usage = &answer(Gemini, &body, &none(), Claude)["usage"];
    assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&json!(20), &json!(80)));
    assert_eq!(usage["output_tokens"], 25);
}

#[test]
fn t33_streamed_usage_has_its_own_chunk_without_choices() {
    let events = [
        claude_start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let said = stream(Claude, &claude_stream(&events), &none(), Chat);
    let told: Vec<&Value> = said.iter().filter(|chunk| chunk["usage"].is_object()).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["choices"], json!([]));
    assert_eq!(told[0]["usage"]["total_tokens"], 112, "input from the start, output from the end");
    assert_eq!(said.last().unwrap(), "[DONE]");
}

#[test]
fn t33_an_anthropic_stream_starts_with_the_estimate_issue_24176() {
    let mut seed = seed();
    seed.input_tokens = 42;
    let mut pipe = Transcoder::new(Chat, Claude, none(), &seed, SSE);
    let mut out = Vec::new();
    pipe.push(chat_stream(&[json!({"role": "assistant", "content": "a"})]).as_bytes(), &mut out, &mut |_| {});
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("event: message_start") && text.contains(r#""input_tokens":42"#), "{text}");
}

#[test]
fn t33_a_provider_that_never_says_what_it_used_does_not_wipe_out_the_estimate() {
    let mut seed = seed();
    seed.input_tokens = 42;
    let mut pipe = Transcoder::new(Chat, Claude, none(), &seed, SSE);
    let mut out = Vec::new();
    let text = chat_stream(&[json!({"role": "assistant", "content": "a"})]) + &chat_end("stop");
    pipe.push(text.as_bytes(), &mut out, &mut |_| {});
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches(r#""input_tokens":42"#).count(), 2, "{text}");
}

#[test]
fn t33_usage_that_comes_after_the_finish_is_still_told_to_anthropic_clients() {
    let usage = json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}});
    let end = chat_end("stop").replace("data: [DONE]", &format!("data: {usage}\n\ndata: [DONE]"));
    let text = chat_stream(&[json!({"role": "assistant", "content": "a"})]) + &end;
    let said = stream(Chat, &text, &none(), Claude);
    let deltas: Vec<&Value> = said.iter().filter(|event| event["type"] == "message_delta").collect();
    assert_eq!(deltas.len(), 1);
    assert_eq!(
        (&deltas[0]["usage"]["input_tokens"], &deltas[0]["usage"]["output_tokens"]),
        (&json!(9), &json!(4))
    );
}

#[test]
fn t38_the_stop_sequence_that_was_met_is_told_and_null_otherwise() {
    let body = json!({"content": [{"type": "text", "text": "a"}], "stop_reason": "stop_sequence", "stop_sequence": "END"});
    let said = answer(Claude, &body, &none(), Claude);
    assert_eq!((&said["stop_reason"], &said["stop_sequence"]), (&json!("stop_sequence"), &json!("END")));
    assert!(answer(Claude, &body, &none(), Chat)["choices"][0].to_string().contains("END"));
    let body = json!({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]});
    let said = answer(Chat, &body, &none(), Claude);
    assert_eq!((&said["stop_reason"], said.get("stop_sequence")), (&json!("end_turn"), Some(&Value::Null)));
}

#[test]
fn a_stop_beside_a_call_waits_for_tools_issue_12240() {
    let body = json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}, "finishReason": "STOP"}]});
    assert_eq!(answer(Gemini, &body, &none(), Chat)["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(answer(Gemini, &body, &none(), Claude)["stop_reason"], "tool_use");
}

#[test]
fn calls_are_numbered_densely_whatever_stands_between_them() {
    let body = json!({"content": [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, {"type": "tool_use", "id": "t2", "name": "g", "input": {}}],
        "stop_reason": "tool_use"});
    let said = answer(Claude, &body, &none(), Chat);
    let calls = said["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2, "server tools are not the client's");
}

#[test]
fn a_sound_has_all_members_that_strict_clients_of_openai_want() {
    let body = json!({"candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
        {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AAAA"}}]}}]});
    let sound = &answer(Gemini, &body, &none(), Chat)["choices"][0]["message"]["audio"];
    assert_eq!((&sound["data"], &sound["transcript"]), (&json!("AAAA"), &json!("")));
    assert!(sound["id"].is_string() && sound["expires_at"].is_u64(), "{sound}");
}
