//! Calls of tools that only OpenAI's clients know: of free text, and of the older form.

use super::*;

const PATCH: &str = "*** Begin\n-a \"quote\"\n+größe 😀\\\n";

fn patch_tools() -> Value {
    json!({"tools": [
        {"type": "custom", "custom": {"name": "apply.patch", "description": "Edits.",
            "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "^a+$"}}}},
        {"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {}}}},
    ]})
}

/// What a model of these targets says that calls the tool with an argument.
fn called(target: &Target, name: &str, arguments: &Value) -> Value {
    match target.dialect {
        Claude => json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}],
            "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}),
        Gemini => json!({"candidates": [{"content": {"role": "model", "parts":
            [{"functionCall": {"id": "c1", "name": name, "args": arguments}}]}, "finishReason": "STOP"}]}),
        Bedrock => json!({"output": {"message": {"role": "assistant", "content":
            [{"toolUse": {"toolUseId": "tooluse_1", "name": name, "input": arguments}}]}},
            "stopReason": "tool_use", "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}),
        Responses => {
            json!({"id": "resp_1", "model": "m", "status": "completed", "output": [{"type": "function_call",
            "id": "fc_1", "call_id": "c1", "name": name, "arguments": arguments.to_string()}]})
        }
        Chat => json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()}}]}}]}),
        other => panic!("{other:?} is no target here"),
    }
}

/// The same as a stream, its arguments in pieces where the dialect has such.
fn streamed(target: &Target, name: &str, arguments: &Value) -> String {
    let text = arguments.to_string();
    let pieces: Vec<String> = text.chars().map(String::from).collect();
    match target.dialect {
        Claude => {
            let mut events = vec![
                claude_start(),
                json!({"type": "content_block_start", "index": 0,
                    "content_block": {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}}),
            ];
            events.extend(pieces.iter().map(|piece| {
                json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": piece}})
            }));
            events.push(json!({"type": "content_block_stop", "index": 0}));
            events.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}));
            events.push(json!({"type": "message_stop"}));
            claude_stream(&events)
        }
        Gemini => gemini_stream(&[called(target, name, arguments)]),
        Responses => {
            let item = |arguments: &str| json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": name, "arguments": arguments});
            let mut events =
                vec![json!({"type": "response.output_item.added", "output_index": 0, "item": item("")})];
            events.extend(pieces.iter().map(|piece| {
                json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": piece})
            }));
            events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item(&text)}));
            events.push(json!({"type": "response.completed", "response": called(target, name, arguments)}));
            claude_stream(&events)
        }
        Bedrock => {
            let start = json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "tooluse_1", "name": name}}});
            let mut events =
                vec![("messageStart", json!({"role": "assistant"})), ("contentBlockStart", start)];
            events.extend(pieces.iter().map(|piece| {
                ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": piece}}}))
            }));
            events.push(("contentBlockStop", json!({"contentBlockIndex": 0})));
            events.push(("messageStop", json!({"stopReason": "tool_use"})));
            bedrock_stream(&events)
        }
        Chat => {
            let call = |call: Value| json!({"tool_calls": [call]});
            let mut deltas = vec![call(json!({"index": 0, "id": "c1", "type": "function",
                "function": {"name": name, "arguments": ""}}))];
            deltas.extend(
                pieces.iter().map(|piece| call(json!({"index": 0, "function": {"arguments": piece}}))),
            );
            chat_stream(&deltas) + &chat_end("tool_calls")
        }
        other => panic!("{other:?} is no target here"),
    }
}

fn targets() -> [Target; 5] {
    let mistral = corpus::target(Chat, "mistral", "mistral-large-latest");
    let groq = corpus::target(Responses, "groq", "llama-3.3-70b-versatile");
    [sonnet(), gemini_3(), mistral, groq, sonnet_there()]
}

/// Joins what the chunks say at a place.
fn joined(chunks: &[Value], place: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(place)?.as_str()).collect()
}

#[test]
fn a_call_of_free_text_comes_back_as_one() {
    for target in targets() {
        let said = say(Chat, &chat(&patch_tools()), &target);
        let sent = said.restore.names.first().map_or("apply.patch", |(sent, _)| sent);
        let arguments = json!({"input": PATCH});
        let whole = answer(target.dialect, &called(&target, sent, &arguments), &said.restore, Chat);
        let call = &whole["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["type"], "custom", "{}", target.model);
        assert_eq!(call["custom"], json!({"name": "apply.patch", "input": PATCH}));
        assert_eq!(call.get("function"), None);
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");

        let chunks = stream(target.dialect, &streamed(&target, sent, &arguments), &said.restore, Chat);
        let call = "/choices/0/delta/tool_calls/0";
        assert_eq!(joined(&chunks, &format!("{call}/type")), "custom", "{}", target.model);
        assert_eq!(joined(&chunks, &format!("{call}/custom/name")), "apply.patch");
        assert_eq!(joined(&chunks, &format!("{call}/custom/input")), PATCH);
        assert!(chunks.iter().all(|chunk| chunk.pointer(&format!("{call}/function")).is_none()));
    }
}

#[test]
fn a_function_beside_tools_of_free_text_stays_a_function() {
    for target in targets() {
        let restore = say(Chat, &chat(&patch_tools()), &target).restore;
        let arguments = json!({"input": "x"});
        let whole = answer(target.dialect, &called(&target, "read", &arguments), &restore, Chat);
        let call = &whole["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["function"], json!({"name": "read", "arguments": r#"{"input":"x"}"#}));
        let chunks = stream(target.dialect, &streamed(&target, "read", &arguments), &restore, Chat);
        let text = joined(&chunks, "/choices/0/delta/tool_calls/0/function/arguments");
        assert_eq!(text, r#"{"input":"x"}"#);
    }
}

#[test]
fn a_grammar_is_told_in_words_to_those_who_hold_no_text_to_one() {
    for target in targets() {
        let body = say(Chat, &chat(&patch_tools()), &target).body;
        let told = [
            "/tools/0/description",
            "/tools/0/functionDeclarations/0/description",
            "/tools/0/function/description",
            "/toolConfig/tools/0/toolSpec/description",
        ];
        let told = told.iter().find_map(|place| body.pointer(place)).unwrap();
        assert_eq!(told, "Edits.\n\nThe input must match this regular expression:\n^a+$");
    }
}

#[test]
fn free_text_of_the_history_is_one_argument_even_where_it_looks_like_an_object() {
    let text = " {\"a\": 1}\n";
    let messages = json!({"messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "read", "input": text}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]});
    let said = say(Chat, &chat(&messages), &sonnet());
    assert_eq!(said.body["messages"][1]["content"][0]["input"], json!({"input": text}));
    let said = say(Chat, &chat(&messages), &flash());
    assert_eq!(said.body["contents"][1]["parts"][0]["functionCall"]["args"], json!({"input": text}));
}

fn older() -> Value {
    json!({"functions": [{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]})
}

#[test]
fn clients_of_the_older_form_are_answered_in_it() {
    for target in targets().into_iter().chain([gpt()]) {
        let said = say(Chat, &chat(&older()), &target);
        assert_eq!(said.losses, "", "{}", target.model);
        let arguments = json!({"city": "Ulm"});
        let whole = answer(target.dialect, &called(&target, "get_weather", &arguments), &said.restore, Chat);
        let choice = &whole["choices"][0];
        let call = json!({"name": "get_weather", "arguments": r#"{"city":"Ulm"}"#});
        assert_eq!(choice["message"]["function_call"], call, "{}", target.model);
        assert_eq!(choice["message"].get("tool_calls"), None);
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(choice["finish_reason"], "function_call");

        let chunks =
            stream(target.dialect, &streamed(&target, "get_weather", &arguments), &said.restore, Chat);
        assert_eq!(joined(&chunks, "/choices/0/delta/function_call/name"), "get_weather");
        assert_eq!(joined(&chunks, "/choices/0/delta/function_call/arguments"), r#"{"city":"Ulm"}"#);
        assert_eq!(joined(&chunks, "/choices/0/finish_reason"), "function_call");
        assert!(chunks.iter().all(|chunk| chunk.pointer("/choices/0/delta/tool_calls").is_none()));
    }
}

#[test]
fn an_answer_in_words_to_an_older_client_ends_as_ever() {
    let restore = say(Chat, &chat(&older()), &sonnet()).restore;
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "Rain."}], "stop_reason": "end_turn", "usage": {}});
    let said = answer(Claude, &body, &restore, Chat);
    assert_eq!(said["choices"][0]["message"]["content"], "Rain.");
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
}

#[test]
fn an_older_client_takes_one_call_and_no_more() {
    let said = say(Chat, &chat(&older()), &sonnet());
    assert_eq!(said.body["tool_choice"]["disable_parallel_tool_use"], true);
    assert_eq!(say(Chat, &chat(&older()), &gpt()).body["parallel_tool_calls"], false);
    let call = |city: &str| json!({"functionCall": {"name": "get_weather", "args": {"city": city}}});
    let body =
        json!({"candidates": [{"content": {"parts": [call("Ulm"), call("Bonn")]}, "finishReason": "STOP"}]});
    let mut losses = Losses::new();
    let bytes = body.to_string();
    let (_, whole) =
        transcode::reply(Gemini, Chat, &said.restore, &seed(), bytes.as_bytes(), &mut losses).unwrap();
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    let arguments = &whole["choices"][0]["message"]["function_call"]["arguments"];
    assert_eq!(
        (arguments.as_str().unwrap(), &*losses.to_header()),
        (r#"{"city":"Ulm"}"#, "tool_calls;dropped")
    );
    let chunks = stream(Gemini, &gemini_stream(&[body]), &said.restore, Chat);
    assert_eq!(joined(&chunks, "/choices/0/delta/function_call/arguments"), r#"{"city":"Ulm"}"#);
}

#[test]
fn a_thoughts_seal_rides_on_an_older_call_and_comes_home() {
    let seal = "CiQBVKhc7vB+vaaq6rA/AQIDBAUGBwgJCgsMDQ4PEBESExQ=";
    let restore = say(Chat, &chat(&older()), &gemini_3()).restore;
    let part = json!({"functionCall": {"name": "get_weather", "args": {}}, "thoughtSignature": seal});
    let body = json!({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]});
    let message = answer(Gemini, &body, &restore, Chat)["choices"][0]["message"].clone();
    let messages = json!([{"role": "user", "content": "Hi"}, message,
        {"role": "function", "name": "get_weather", "content": "rain"}]);
    let said = say(Chat, &with(chat(&older()), &json!({"messages": messages})), &gemini_3());
    assert_eq!(said.body["contents"][1]["parts"][0]["thoughtSignature"], seal);
}

#[test]
fn marks_that_slip_into_the_name_of_a_tool_are_cut() {
    let body = json!({"output": {"message": {"role": "assistant", "content": [
        {"toolUse": {"toolUseId": "t1", "name": "look<|channel|>commentary", "input": {}, "type": "tool_use"}}]}},
        "stopReason": "tool_use", "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}});
    let said = answer(Bedrock, &body, &Restore::default(), Chat);
    assert_eq!(said["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "look");
    let call = json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function",
        "function": {"name": "look<|channel|>json", "arguments": "{}"}}]});
    let said = stream(Chat, &(chat_stream(&[call]) + &chat_end("tool_calls")), &Restore::default(), Claude);
    assert!(said.iter().any(|event| event["content_block"]["name"] == "look"), "{said:?}");
}
