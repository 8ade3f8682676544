//! T20 to T25: limits, sampling, and the form of the answer.

use super::*;

fn schema(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}})
}

#[test]
fn t20_a_limit_that_a_target_demands_is_its_default() {
    assert_eq!(say(Chat, &chat(&json!({})), &sonnet()).body["max_tokens"], 4096);
    assert!(say(Chat, &chat(&json!({})), &gpt()).body.get("max_completion_tokens").is_none());
    let said = say(Chat, &chat(&json!({"max_tokens": 5, "max_completion_tokens": 7})), &sonnet());
    assert_eq!(said.body["max_tokens"], 7, "the newer name wins");
    let said = say(Claude, &claude(&json!({})), &thinking_gpt());
    assert_eq!(said.body["max_completion_tokens"], 100);
    let together = corpus::target(Chat, "together", "some-model");
    assert_eq!(say(Claude, &claude(&json!({})), &together).body["max_tokens"], 100);
}

#[test]
fn t20_a_model_that_thinks_as_it_sees_fit_is_given_room_for_the_answer() {
    let fable = corpus::target(Claude, "anthropic", "claude-fable-5");
    assert_eq!(say(Chat, &chat(&json!({})), &fable).body["max_tokens"], 16_384);
    let thinks = chat(&json!({"reasoning_effort": "high"}));
    assert_eq!(say(Chat, &thinks, &opus()).body["max_tokens"], 16_384);
    assert_eq!(say(Chat, &chat(&json!({})), &opus()).body["max_tokens"], 4096, "it need not think");
}

#[test]
fn t21_temperature_is_brought_into_range_or_left_out() {
    let warm = chat(&json!({"temperature": 1.5}));
    let said = say(Chat, &warm, &sonnet());
    assert_eq!(said.body["temperature"].as_f64(), Some(1.0));
    assert!(said.lost("temperature;clamped"), "{}", said.losses);
    for target in [opus(), thinking_gpt(), corpus::target(Chat, "openai", "o3")] {
        let said = say(Chat, &warm, &target);
        assert!(said.body.get("temperature").is_none(), "{}", target.model);
        assert!(said.lost("temperature;dropped"), "{}", said.losses);
    }
    assert_eq!(say(Chat, &warm, &flash()).body["generationConfig"]["temperature"], 1.5);
}

#[test]
fn t22_any_json_object_is_asked_for_in_words_where_there_is_no_field() {
    let said = say(Chat, &chat(&json!({"response_format": {"type": "json_object"}})), &sonnet());
    assert!(said.body["system"].to_string().contains("JSON"), "{}", said.body);
    assert!(said.lost("response_format;bent"), "{}", said.losses);
    let said = say(Chat, &chat(&json!({"response_format": {"type": "json_object"}})), &flash());
    assert_eq!(said.body["generationConfig"]["responseMimeType"], "application/json");
}

#[test]
fn t23_a_schema_keeps_what_a_target_knows_and_tells_the_rest_in_words() {
    let tree = json!({"type": "object", "$defs": {"node": {"type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}, "size": {"type": "integer", "minimum": 1, "maximum": 9}}}},
        "properties": {"root": {"$ref": "#/$defs/node"}, "kind": {"enum": ["a", null]}, "when": {"type": "string", "format": "date-time"},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]}}, "required": ["root"]});
    let said = say(Chat, &chat(&json!({"response_format": schema(&tree)})), &sonnet());
    let sent = &said.body["output_config"]["format"]["schema"];
    let text = sent.to_string();
    assert_eq!(sent["additionalProperties"], false, "{text}");
    assert!(!text.contains(r#""minimum":"#) && !text.contains(r#""oneOf""#), "{text}");
    assert!(text.contains("minimum: 1"), "{text}");
    let said = say(Chat, &chat(&json!({"response_format": schema(&tree)})), &flash());
    let config = &said.body["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert!(config["responseJsonSchema"].to_string().contains("$ref"), "{config}");
}

#[test]
fn t24_a_schema_beside_tools_keeps_the_tools_and_the_answer_comes_back_as_text() {
    let old = corpus::target(Claude, "anthropic", "claude-3-5-haiku-20241022");
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]);
    let shape = schema(&json!({"type": "object", "properties": {"x": {"type": "integer"}}}));
    let said = say(Chat, &chat(&json!({"response_format": shape, "tools": tools})), &old);
    let names: Vec<&Value> =
        said.body["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    let answer_tool = said.restore.answer_tool.clone().expect("a tool stands for the answer");
    assert!(names.contains(&&json!("look")) && names.contains(&&json!(answer_tool)), "{names:?}");
    assert_eq!(said.body["tool_choice"]["type"], "any");

    let body = json!({"content": [{"type": "tool_use", "id": "t", "name": answer_tool, "input": {"x": 1}}], "stop_reason": "tool_use"});
    let told = answer(Claude, &body, &said.restore, Chat);
    let message = &told["choices"][0]["message"];
    assert_eq!(message["content"], r#"{"x":1}"#);
    assert!(message.get("tool_calls").is_none());
    assert_eq!(told["choices"][0]["finish_reason"], "stop");

    let events = [
        claude_start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": answer_tool, "input": {}}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{\"x\""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ":1}"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let told = stream(Claude, &claude_stream(&events), &said.restore, Chat);
    let text: String =
        told.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, r#"{"x":1}"#);
    assert!(told.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"));
}

#[test]
fn t24_the_answer_tool_is_not_forced_on_a_model_that_thinks() {
    let thinks = corpus::target(Claude, "anthropic", "claude-3-7-sonnet-20250219");
    let shape = schema(&json!({"type": "object", "properties": {}}));
    let said = say(Chat, &chat(&json!({"response_format": shape, "reasoning_effort": "low"})), &thinks);
    assert_eq!(said.body["thinking"]["type"], "enabled");
    assert_ne!(said.body["tool_choice"]["type"], "tool", "{}", said.body);
    assert_ne!(said.body["tool_choice"]["type"], "any", "{}", said.body);
}

#[test]
fn t25_nullable_types_and_enumerations_reach_gemini_whole() {
    let parameters = json!({"type": "object", "properties": {
        "note": {"type": ["string", "null"]}, "unit": {"type": ["string", "null"], "enum": ["c", "f", null]}}});
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": parameters}}]);
    let said = say(Chat, &chat(&json!({"tools": tools})), &flash());
    let declared = &said.body["tools"][0]["functionDeclarations"][0];
    assert_eq!(declared["parametersJsonSchema"], parameters);
    let old = corpus::target(Gemini, "gemini", "gemini-1.5-pro");
    let declared =
        say(Chat, &chat(&json!({"tools": tools})), &old).body["tools"][0]["functionDeclarations"][0].clone();
    let properties = &declared["parameters"]["properties"];
    assert_eq!(properties["note"]["nullable"], true, "{declared}");
    assert_eq!(properties["unit"]["nullable"], true, "{declared}");
    assert_eq!(properties["unit"]["enum"], json!(["c", "f"]), "{declared}");
}

#[test]
fn a_users_name_that_is_too_long_is_hashed() {
    let long = "u".repeat(100);
    let said = say(Claude, &claude(&json!({"metadata": {"user_id": long}})), &gpt());
    let user = said.body["user"].as_str().unwrap();
    assert!(user.len() <= 64, "{user}");
    assert!(said.lost("user;bent"), "{}", said.losses);
}

#[test]
fn claude_codes_billing_block_does_not_spoil_the_prompt_cache() {
    let system = json!([{"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=0;"}, {"type": "text", "text": "You are …"}]);
    let said = say(Claude, &claude(&json!({"system": system})), &gpt());
    assert_eq!(said.body["messages"][0]["content"], "You are …");
}

#[test]
fn a_schema_without_a_name_is_strict_where_it_fits_as_it_is() {
    let format = |schema: &Value| {
        claude(&json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}))
    };
    let closed = json!({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": false});
    let said = say(Claude, &format(&closed), &gpt());
    assert_eq!(said.body["response_format"]["json_schema"]["strict"], true);
    let open = json!({"type": "object", "properties": {"x": {"type": "integer", "minLength": 2}}, "additionalProperties": false});
    let said = say(Claude, &format(&open), &gpt());
    assert!(said.body["response_format"]["json_schema"].get("strict").is_none(), "{}", said.body);
}

#[test]
fn openai_is_given_no_more_stop_strings_than_it_takes() {
    let body = claude(&json!({"stop_sequences": ["a", "b", "c", "d", "e"]}));
    let said = say(Claude, &body, &gpt());
    assert_eq!(said.body["stop"], json!(["a", "b", "c", "d"]));
    assert!(said.lost("stop;clamped"), "{}", said.losses);
}
