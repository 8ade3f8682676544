//! T1 to T10: calls of tools, their ids, names, choice and results.

use super::*;

const NO_TOOLS: Restore = Restore::NONE;

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}])
}

/// A chat conversation in which the model called these tools and was answered.
fn called(calls: &Value, more: &Value) -> Value {
    let mut messages = vec![
        json!({"role": "user", "content": "Go"}),
        json!({"role": "assistant", "content": null, "tool_calls": calls}),
    ];
    for call in calls.as_array().unwrap() {
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "done"}));
    }
    with(json!({"model": "m", "messages": messages}), more)
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn t01_empty_tool_arguments_become_an_empty_object() {
    for arguments in ["", "{}", " "] {
        let request = called(&json!([call("c1", "get_weather", arguments)]), &json!({"tools": weather()}));
        assert_eq!(say(Chat, &request, &sonnet()).body["messages"][1]["content"][0]["input"], json!({}));
        let part = &say(Chat, &request, &flash()).body["contents"][1]["parts"][0];
        assert_eq!(part["functionCall"]["args"], json!({}));
        let body = json!({"choices": [{"message": {"tool_calls": [call("c1", "f", arguments)]}, "finish_reason": "tool_calls"}]});
        assert_eq!(answer(Chat, &body, &NO_TOOLS, Claude)["content"][0]["input"], json!({}));
    }
    let body = json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}]});
    let said = answer(Gemini, &body, &NO_TOOLS, Chat);
    assert_eq!(said["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{}");
    let parts = json!({"contents": [{"role": "user", "parts": [{"text": "Go"}]}, {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}]});
    let said = say(Gemini, &parts, &gpt());
    assert_eq!(said.body["messages"][1]["tool_calls"][0]["function"]["arguments"], "{}");
}

#[test]
fn t01_a_streamed_call_without_deltas_has_an_empty_object_issue_5063() {
    let events = [
        claude_start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let said = stream(Claude, &claude_stream(&events), &NO_TOOLS, Chat);
    let arguments: String = said
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, "{}");
}

#[test]
fn t02_two_calls_of_one_function_have_two_ids_and_their_own_results() {
    let request = json!({"contents": [
        {"role": "user", "parts": [{"text": "Oslo and Bergen?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {"c": "Oslo"}}}, {"functionCall": {"name": "w", "args": {"c": "Bergen"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {"output": "sun"}}}, {"functionResponse": {"name": "w", "response": {"output": "rain"}}}]},
    ]});
    let said = say(Gemini, &request, &gpt());
    let calls = said.body["messages"][1]["tool_calls"].as_array().unwrap();
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    for (call, (result, text)) in calls.iter().zip([(2, "sun"), (3, "rain")]) {
        assert_eq!(said.body["messages"][result]["tool_call_id"], call["id"]);
        assert_eq!(said.body["messages"][result]["content"], text);
    }
    let body = json!({"candidates": [{"content": {"parts": request["contents"][1]["parts"]}, "finishReason": "STOP"}]});
    let said = answer(Gemini, &body, &NO_TOOLS, Chat);
    let calls = said["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    let said = answer(Gemini, &body, &NO_TOOLS, Claude);
    assert_ne!(said["content"][0]["id"], said["content"][1]["id"]);
}

#[test]
fn t03_results_stand_before_the_words_of_their_turn() {
    let mixed = json!({"contents": [
        {"role": "user", "parts": [{"text": "Go"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"text": "and hurry"}, {"functionResponse": {"name": "f", "response": {"output": "ok"}}}]},
    ]});
    let said = say(Gemini, &mixed, &gpt());
    assert_eq!(
        (&said.body["messages"][2]["role"], &said.body["messages"][3]["role"]),
        (&json!("tool"), &json!("user"))
    );
    let said = say(Gemini, &mixed, &sonnet());
    let turn = &said.body["messages"][2]["content"];
    assert_eq!((&turn[0]["type"], &turn[1]["type"]), (&json!("tool_result"), &json!("text")));

    let mixed = json!({"model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {"type": "object"}}], "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}, {"type": "text", "text": "and hurry"}]},
    ]});
    let said = say(Claude, &mixed, &gpt());
    assert_eq!(
        (&said.body["messages"][2]["role"], &said.body["messages"][3]["role"]),
        (&json!("tool"), &json!("user"))
    );
}

#[test]
fn t04_tools_of_the_history_are_named_to_a_target_that_demands_them() {
    let request = called(&json!([call("c1", "get_weather", "{}"), call("c2", "now", "{}")]), &json!({}));
    let said = say(Chat, &request, &sonnet());
    let names: Vec<&Value> =
        said.body["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["get_weather", "now"]);
    assert!(said.lost("tools;bent"), "{}", said.losses);
    assert!(say(Chat, &request, &gpt()).body.get("tools").is_none());
}

#[test]
fn t05_tool_names_are_cleaned_everywhere_and_given_back() {
    let odd = format!("größe/{}.v1", "x".repeat(70));
    let tools = json!([{"type": "function", "function": {"name": odd}}]);
    let choice = json!({"type": "function", "function": {"name": odd}});
    for target in [gpt(), sonnet(), flash()] {
        for more in [json!({"tools": tools, "tool_choice": choice}), json!({})] {
            let said = say(Chat, &called(&json!([call("c1", &odd, "{}")]), &more), &target);
            let text = said.body.to_string();
            assert!(!text.contains("größe"), "{text}");
            let (sent, original) = said.restore.names.first().expect("the name is mapped");
            assert_eq!(*original, odd);
            assert!(
                sent.len() <= 128 && sent.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
            );
            let times = text.matches(sent.as_str()).count();
            assert!(times >= if more == json!({}) { 1 } else { 3 }, "{text}");
        }
    }
    let restore = say(Chat, &chat(&json!({"tools": tools})), &sonnet()).restore;
    let sent = restore.names[0].0.clone();
    let body = json!({"content": [{"type": "tool_use", "id": "t", "name": sent, "input": {}}], "stop_reason": "tool_use"});
    let said = answer(Claude, &body, &restore, Chat);
    assert_eq!(said["choices"][0]["message"]["tool_calls"][0]["function"]["name"], odd);
    let events = [
        claude_start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": sent, "input": {}}}),
        json!({"type": "content_block_stop", "index": 0}),
    ];
    let said = stream(Claude, &claude_stream(&events), &restore, Chat);
    assert!(
        said.iter().any(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == *odd)
    );
}

#[test]
fn t06_tool_ids_that_a_target_refuses_are_cleaned_alike_in_call_and_result() {
    let long = "functions.get_weather:0|".repeat(4);
    let request = called(&json!([call(&long, "f", "{}")]), &json!({"tools": weather()}));
    let said = say(Chat, &request, &sonnet());
    let id = said.body["messages"][1]["content"][0]["id"].as_str().unwrap();
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{id}");
    assert_eq!(said.body["messages"][2]["content"][0]["tool_use_id"], id);
    assert_eq!(say(Chat, &request, &sonnet()).body, said.body, "the same id gives the same");
    let said = say(Chat, &request, &gpt());
    let id = said.body["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() <= 40, "{id}");
    assert_eq!(said.body["messages"][2]["tool_call_id"], id);
}

#[test]
fn t06_ids_that_anthropic_would_not_take_back_are_not_handed_to_its_clients() {
    let call = |id: &str| json!({"index": 0, "id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let body = json!({"choices": [{"message": {"role": "assistant", "tool_calls": [call("functions.f:0")]}, "finish_reason": "tool_calls"}]});
    let id = answer(Chat, &body, &Restore::default(), Claude)["content"][0]["id"].clone();
    let word = id.as_str().unwrap().bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    assert!(word && id != "functions.f:0", "{id}");
    let text = chat_stream(&[json!({"tool_calls": [call("functions.f:0")]})]) + &chat_end("tool_calls");
    let said = stream(Chat, &text, &Restore::default(), Claude);
    let start = said.iter().find(|event| event["type"] == "content_block_start").unwrap();
    assert_eq!(start["content_block"]["id"], id, "streamed as in one piece");
}

#[test]
fn t07_a_forced_tool_and_thinking_do_not_meet_issue_8883() {
    let forced = json!({"tools": weather(), "reasoning_effort": "high",
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}}});
    let said = say(Chat, &chat(&forced), &sonnet());
    let thinks = said.body["thinking"]["type"] == "enabled";
    let forces = said.body["tool_choice"]["type"] == "tool";
    assert!(!(thinks && forces), "{}", said.body);
    assert!(!said.losses.is_empty());
    let none = chat(&json!({"tools": weather(), "tool_choice": "none"}));
    assert_eq!(say(Chat, &none, &sonnet()).body["tool_choice"]["type"], "none");
    assert_eq!(say(Chat, &none, &flash()).body["toolConfig"]["functionCallingConfig"]["mode"], "NONE");
}

#[test]
fn t08_parallel_tool_calls_are_forbidden_each_way() {
    let said = say(Chat, &chat(&json!({"tools": weather(), "parallel_tool_calls": false})), &sonnet());
    assert_eq!(said.body["tool_choice"], json!({"type": "auto", "disable_parallel_tool_use": true}));
    let said = say(Chat, &chat(&json!({"tools": weather(), "parallel_tool_calls": false})), &flash());
    assert!(said.lost("parallel_tool_calls;dropped"), "{}", said.losses);
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let choice = json!({"type": "auto", "disable_parallel_tool_use": true});
    let said = say(Claude, &claude(&json!({"tools": tools, "tool_choice": choice})), &gpt());
    assert_eq!(said.body["parallel_tool_calls"], false);
}

#[test]
fn t09_a_failed_tool_is_told_each_way() {
    let failed = json!({"model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {"type": "object"}}], "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "disk full", "is_error": true}]},
    ]});
    let said = say(Claude, &failed, &gpt());
    let result = &said.body["messages"][2];
    let text = result["content"].as_str().unwrap();
    assert!(text.contains("disk full") && text != "disk full", "{result}");
    assert!(result.get("is_error").is_none(), "OpenAI refuses unknown members: {result}");
    let said = say(Claude, &failed, &flash());
    assert_eq!(said.body["contents"][2]["parts"][0]["functionResponse"]["response"]["error"], "disk full");
    let failed = json!({"contents": [
        {"role": "user", "parts": [{"text": "Go"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"error": "disk full"}}}]},
    ]});
    let said = say(Gemini, &failed, &sonnet());
    assert_eq!(said.body["messages"][2]["content"][0]["is_error"], true);
    let mut failed = called(&json!([call("c1", "get_weather", "{}")]), &json!({"tools": weather()}));
    failed["messages"][2]["is_error"] = json!(true);
    assert_eq!(say(Chat, &failed, &sonnet()).body["messages"][2]["content"][0]["is_error"], true);
}

#[test]
fn t10_pictures_of_a_result_follow_it_where_results_hold_none() {
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}});
    let request = json!({"model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {"type": "object"}}], "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "see"}, picture]}]},
    ]});
    let said = say(Claude, &request, &gpt());
    assert_eq!(said.body["messages"][2], json!({"role": "tool", "tool_call_id": "t1", "content": "see"}));
    assert_eq!(said.body["messages"][3]["role"], "user");
    assert_eq!(said.body["messages"][3]["content"][0]["type"], "image_url");
    assert!(!said.losses.is_empty());
    assert!(say(Claude, &request, &flash()).body.to_string().contains("iVBORw0KGgo="));
}

#[test]
fn parallel_results_share_one_turn_issue_22578() {
    let calls = json!([call("c1", "a", "{}"), call("c2", "b", "{}")]);
    let said = say(Chat, &called(&calls, &json!({})), &flash());
    let contents = said.body["contents"].as_array().unwrap();
    assert_eq!(contents.len(), 3, "{contents:?}");
    assert_eq!(contents[2]["parts"].as_array().unwrap().len(), 2);
    let said = say(Chat, &called(&calls, &json!({})), &sonnet());
    assert_eq!(said.body["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn a_choice_at_the_root_of_a_tools_schema_is_told_in_words() {
    let schema = json!({"type": "object", "description": "One of two.", "properties": {"id": {"type": "string"}}, "required": ["id"],
        "anyOf": [{"properties": {"route": {"type": "string"}}, "required": ["route", "why"]}, {"properties": {"file": {"type": "string"}}, "required": ["file", "why"]}]});
    let flat = |parameters: &Value| {
        assert!(parameters.get("anyOf").is_none(), "{parameters}");
        assert_eq!(parameters["required"], json!(["id", "why"]));
        let names: Vec<&String> = parameters["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["file", "id", "route"]);
        assert!(
            parameters["description"].as_str().unwrap().starts_with("One of two. (anyOf: "),
            "{parameters}"
        );
    };
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
    let said = say(Chat, &chat(&json!({"tools": tools})), &sonnet());
    flat(&said.body["tools"][0]["input_schema"]);
    assert!(said.lost("tools.input_schema;bent"), "{}", said.losses);
    let tools = json!([{"name": "f", "input_schema": schema}]);
    flat(&say(Claude, &claude(&json!({"tools": tools})), &gpt()).body["tools"][0]["function"]["parameters"]);
}

#[test]
fn a_tools_schema_names_its_type_and_properties_to_chat_targets() {
    for schema in [json!({"type": "object"}), json!({}), json!({"properties": {}})] {
        let tools = json!([{"name": "f", "input_schema": schema}]);
        let said = say(Claude, &claude(&json!({"tools": tools})), &gpt());
        assert_eq!(
            said.body["tools"][0]["function"]["parameters"],
            json!({"type": "object", "properties": {}})
        );
    }
}
