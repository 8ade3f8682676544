//! T34, T35 and T39: how streams are cut, and how they break.

use super::*;

fn none() -> Restore {
    Restore::default()
}

#[test]
fn t34_data_over_several_lines_is_one_event() {
    let chunk = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
    let said = stream(Chat, &(chunk.to_owned() + &chat_end("stop")), &none(), Chat);
    assert!(said.iter().any(|chunk| chunk["choices"][0]["delta"]["content"] == "a"));
}

#[test]
fn t34_a_character_cut_in_two_is_whole_again_issue_17473() {
    let text = chat_stream(&[json!({"content": "Grüße 🌍"})]) + &chat_end("stop");
    for at in 0..text.len() {
        let (head, tail) = text.as_bytes().split_at(at);
        let mut pipe = Transcoder::new(Chat, Claude, none(), &seed(), SSE);
        let mut out = Vec::new();
        pipe.push(head, &mut out, &mut |_| {});
        pipe.push(tail, &mut out, &mut |_| {});
        pipe.finish(&mut out, &mut |_| {});
        assert!(String::from_utf8(out).unwrap().contains("Grüße 🌍"), "cut at {at}");
    }
}

#[test]
fn t35_a_stream_that_is_cut_ends_in_an_error_and_not_as_if_whole() {
    let cut = [
        (Chat, chat_stream(&[json!({"content": "a"})])),
        (
            Claude,
            claude_stream(&[
                claude_start(),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}),
            ]),
        ),
        (
            Gemini,
            gemini_stream(&[json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "index": 0}]})]),
        ),
        (
            Bedrock,
            bedrock_stream(&[
                ("messageStart", json!({"role": "assistant"})),
                ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "a"}})),
            ]),
        ),
    ];
    for (from, text) in cut {
        for to in Dialect::ALL {
            let said = stream(from, &text, &none(), to);
            // Responses tell of it twice: by itself, and as the response's end.
            let told = said.iter().rev().take(if to == Responses { 2 } else { 1 }).next_back().unwrap();
            let told = if to == Dialect::CohereChat { &told["delta"] } else { told };
            assert!(told.get("error").is_some(), "{from:?} to {to:?}: {said:?}");
            assert!(!said.contains(&json!("[DONE]")), "{said:?}");
            assert!(!said.iter().any(|event| event["type"] == "message_stop"), "{said:?}");
        }
    }
}

#[test]
fn t35_an_error_inside_a_stream_is_told_in_the_clients_words() {
    let failed = [
        (
            Chat,
            chat_stream(&[json!({"content": "a"})])
                + "data: {\"error\":{\"message\":\"no capacity\",\"type\":\"server_error\",\"code\":503}}\n\n",
        ),
        (
            Claude,
            claude_stream(&[
                claude_start(),
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "no capacity"}}),
            ]),
        ),
        (
            Gemini,
            gemini_stream(&[
                json!({"error": {"code": 503, "message": "no capacity", "status": "UNAVAILABLE"}}),
            ]),
        ),
        (
            Bedrock,
            bedrock_stream(&[
                ("messageStart", json!({"role": "assistant"})),
                ("serviceUnavailableException", json!({"message": "no capacity"})),
            ]),
        ),
    ];
    for (from, text) in failed {
        for to in Dialect::ALL {
            let said = stream(from, &text, &none(), to);
            let last = said.last().unwrap();
            let error = match to {
                Responses => &last["response"]["error"],
                Dialect::CohereChat => &last["delta"]["error"],
                _ => &last["error"],
            };
            if matches!(to, Dialect::OllamaChat | Dialect::OllamaGenerate | Dialect::CohereChat) {
                assert_eq!(error, "no capacity");
                continue;
            }
            assert_eq!(error["message"], "no capacity", "{from:?} to {to:?}: {said:?}");
            match to {
                Chat | Dialect::OpenaiCompletions => assert_eq!(error["type"], "server_error"),
                Responses => {
                    assert_eq!((&last["type"], error["code"].is_string()), (&json!("response.failed"), true))
                }
                Claude => assert_eq!(error["type"], "overloaded_error"),
                Gemini => assert_eq!(error["status"], "UNAVAILABLE"),
                Bedrock => assert_eq!(error["type"], "serviceUnavailableException"),
                Dialect::OllamaChat | Dialect::OllamaGenerate | Dialect::CohereChat => {}
            }
        }
    }
}

#[test]
fn t35_a_finished_stream_without_its_terminator_is_whole() {
    let text = chat_stream(&[json!({"content": "a"})]) + &chat_end("stop").replace("data: [DONE]\n\n", "");
    assert_eq!(stream(Chat, &text, &none(), Chat).last().unwrap(), "[DONE]");
    assert_eq!(stream(Chat, &text, &none(), Claude).last().unwrap()["type"], "message_stop");
}

#[test]
fn t39_unknown_members_of_chunks_stay_on_the_way_to_the_same_dialect() {
    let text = chat_stream(&[json!({"content": "a"})])
        .replace(r#""model":"m""#, r#""model":"m","x_vendor":{"deep":[1.0]}"#)
        + &chat_end("stop");
    let said = stream(Chat, &text, &none(), Chat);
    assert!(said.iter().any(|chunk| chunk["x_vendor"]["deep"][0] == 1.0), "{said:?}");
    let body = json!({"id": "c", "x_vendor": 1, "choices": [{"message": {"content": "a", "x_message": 2}, "x_choice": 3, "finish_reason": "stop"}]});
    let said = answer(Chat, &body, &none(), Chat);
    assert_eq!((&said["x_vendor"], &said["choices"][0]["x_choice"]), (&json!(1), &json!(3)));
    assert_eq!(said["choices"][0]["message"]["x_message"], 2);
}

#[test]
fn one_message_start_whatever_comes_first_issue_32357() {
    let deltas = [
        json!({"role": "assistant", "content": ""}),
        json!({"role": "assistant", "reasoning_content": "Hm."}),
        json!({"role": "assistant", "content": "a"}),
    ];
    let said = stream(Chat, &(chat_stream(&deltas) + &chat_end("stop")), &none(), Claude);
    let kinds: Vec<&str> = said.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "message_start").count(), 1);
    let starts: Vec<&Value> = said.iter().filter(|event| event["type"] == "content_block_start").collect();
    assert_eq!(starts[0]["content_block"]["type"], "thinking");
    assert_eq!(starts[1]["content_block"]["type"], "text");
}

#[test]
fn a_tool_call_in_a_stream_is_not_lost_issue_36262() {
    let deltas = [
        json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]}),
        json!({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
    ];
    let said = stream(Chat, &(chat_stream(&deltas) + &chat_end("tool_calls")), &none(), Claude);
    let input: String = said.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(input, r#"{"a":1}"#);
    let said = stream(Chat, &(chat_stream(&deltas) + &chat_end("tool_calls")), &none(), Gemini);
    assert_eq!(said[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"], json!({"a": 1}));
}

#[test]
fn a_comment_that_keeps_a_stream_alive_keeps_its_client_waiting() {
    let text = format!(
        ": PROCESSING\n\n{}: PROCESSING\n\n{}",
        chat_stream(&[json!({"role": "assistant", "content": "a"})]),
        chat_end("stop")
    );
    let mut pipe = Transcoder::new(Chat, Claude, none(), &seed(), SSE);
    let mut out = Vec::new();
    pipe.push(text.as_bytes(), &mut out, &mut |_| {});
    let said = String::from_utf8(out).unwrap();
    let kinds: Vec<&str> =
        said.lines().filter(|line| line.starts_with("event") || line.starts_with(':')).collect();
    assert_eq!(kinds[..2], [": ping", "event: message_start"], "{said}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "event: ping").count(), 1, "{said}");
}

#[test]
fn whatever_a_model_mixes_claude_clients_get_one_whole_block_after_another() {
    let call = |index: u32, id: &str| json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]});
    let deltas = [
        json!({"reasoning_content": "Hm."}),
        json!({"content": "First."}),
        call(0, "c1"),
        json!({"content": "Then."}),
        json!({"reasoning_content": "So."}),
        call(1, "c2"),
        json!({"content": "Last."}),
    ];
    let said = stream(Chat, &(chat_stream(&deltas) + &chat_end("tool_calls")), &none(), Claude);
    let (mut open, mut kinds) = (None, Vec::new());
    for event in &said {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open.replace(event["index"].clone()), None, "{event}");
                kinds.push(event["content_block"]["type"].as_str().unwrap());
            }
            "content_block_delta" => assert_eq!(open.as_ref(), Some(&event["index"]), "{event}"),
            "content_block_stop" => assert_eq!(open.take().as_ref(), Some(&event["index"]), "{event}"),
            _ => {}
        }
    }
    assert_eq!(kinds, ["thinking", "text", "tool_use", "text", "thinking", "tool_use", "text"]);
}

#[test]
fn an_answer_that_came_with_its_start_is_whole() {
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "stop_reason": "tool_use",
        "content": [
            {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {"type": "code_execution_result", "stdout": "1"}},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_2"}}],
        "usage": {"input_tokens": 3, "output_tokens": 2}}});
    let text = claude_stream(&[start, json!({"type": "message_stop"})]);
    let said = stream(Claude, &text, &none(), Chat);
    let calls: Vec<&Value> = said
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].as_object().map(|_| chunk))
        .collect();
    assert!(!calls.is_empty());
    assert!(said.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "tool_calls"), "{said:?}");
    let said = stream(Claude, &text, &none(), Gemini);
    assert_eq!(said.last().unwrap()["candidates"][0]["finishReason"], "STOP", "{said:?}");
}

#[test]
fn what_the_first_two_chunks_both_say_is_said_once() {
    let first = r#"{"id":"","system_fingerprint":"fp_1","choices":[],"prompt_filter_results":[]}"#;
    let text = chat_stream(&[json!({"content": "a"})])
        .replace(r#""model":"m""#, r#""model":"m","system_fingerprint":"fp_1""#);
    let said = stream(Chat, &format!("data: {first}\n\n{text}{}", chat_end("stop")), &none(), Chat);
    let chunk = said[0].to_string();
    assert_eq!(said[0]["system_fingerprint"], "fp_1", "{chunk}");
    let mut pipe = Transcoder::new(Chat, Chat, none(), &seed(), SSE);
    let mut out = Vec::new();
    pipe.push(format!("data: {first}\n\n{text}").as_bytes(), &mut out, &mut |_| {});
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.lines().next().unwrap().matches("system_fingerprint").count(), 1, "{out}");
}

#[test]
fn an_answer_in_lines_is_streamed_in_events_of_one_line_each() {
    let lines = |body: &Value| serde_json::to_vec_pretty(body).unwrap();
    let search = json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "url": "https://example.com"}]});
    let body = lines(&json!({"content": [search], "stop_reason": "end_turn"}));
    let reply = codec(Claude).parse_reply(&body).unwrap();
    for to in Dialect::ALL.into_iter().filter(|to| *to != Bedrock) {
        let out = transcode::stream(reply.clone(), to, &seed(), SSE, &mut Losses::new());
        for line in String::from_utf8(out).unwrap().lines().filter(|line| !line.is_empty()) {
            assert!(
                ["data: ", "event: ", "{\"model\""].iter().any(|start| line.starts_with(start)),
                "{line}"
            );
        }
    }
}

#[test]
fn a_chat_of_googles_sdk_remembers_the_call_that_it_answers() {
    let call = |index: u32| {
        [
            json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "id": format!("t{index}"), "name": "f", "input": {}}}),
            json!({"type": "content_block_stop", "index": index}),
        ]
    };
    let end = [
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let events = [&[claude_start()][..], &call(0), &call(1), &end].concat();
    let said = stream(Claude, &claude_stream(&events), &none(), Gemini);
    let mut calls = 0;
    for slice in &said {
        let parts = slice["candidates"][0]["content"]["parts"].as_array().expect("each slice has parts");
        // A slice with an empty text is why the SDKs forget the turn.
        assert!(parts.iter().all(|part| part.get("functionCall").is_some()), "{slice}");
        calls += parts.len();
    }
    assert_eq!(calls, 2);
    let last = said.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["candidatesTokenCount"], 5);
}
