//! Claims about what the mock refuses, as the vendors do.

use serde_json::{Value, json};

use super::{anthropic, asked, claude, gemini, google, mock, openai, send, with};

#[test]
fn openai_is_strict_and_other_vendors_are_not() {
    let mock = mock();
    let extra = json!({"top_k": 4});
    let refused = openai(&mock, &with(asked("x"), extra.clone()));
    assert_eq!(refused.message(), "Unrecognized request argument supplied: top_k");
    let other = with(asked("x"), json!({"top_k": 4, "model": "llama-3.3-70b"}));
    assert_eq!(openai(&mock, &other).status, 200);
    let head = "POST /groq/openai/v1/chat/completions HTTP/1.1\r\nauthorization: Bearer k";
    assert_eq!(send(&mock, head, &with(asked("x"), extra).to_string()).status, 200);
    for (fields, wanted) in [
        (json!({"model": "o3", "max_tokens": 5}), "Unsupported parameter: 'max_tokens'"),
        (json!({"model": "gpt-5", "temperature": 0.5}), "Unsupported value: 'temperature'"),
        (
            json!({"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]}),
            "Invalid parameter: messages with role 'tool'",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls":
            [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}),
            "An assistant message with 'tool_calls' must be followed",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls":
            [{"id": "a", "type": "function", "function": {"name": "f", "arguments": {}}}]}]}),
            "Invalid type for 'messages[1].tool_calls[0].function.arguments'",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a.b"}}]}),
            "Invalid 'tools[0].function.name'",
        ),
        (json!({"stream_options": {}}), "The 'stream_options' parameter is only allowed"),
    ] {
        let got = openai(&mock, &with(asked("x"), fields));
        assert_eq!(got.status, 400);
        assert!(got.message().starts_with(wanted), "{}", got.message());
    }
}

fn responses(fields: &Value) -> super::Got {
    let mock = mock();
    let body = with(json!({"model": "gpt-5", "input": "x"}), fields.clone());
    send(&mock, "POST /v1/responses HTTP/1.1\r\nauthorization: Bearer k", &body.to_string())
}

#[test]
fn openais_responses_are_strict() {
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let result = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "1"});
    let thought = |more: Value| with(json!({"type": "reasoning", "summary": []}), more);
    let user = |part: Value| json!({"role": "user", "content": [part]});
    let text = |kind: &str| json!({"type": kind, "text": "a"});
    for (fields, wanted) in [
        (json!({"messages": []}), "Unknown parameter: 'messages'."),
        (
            json!({"input": [{"type": "tool_result"}]}),
            "Invalid value: 'tool_result'. Supported values are: 'apply_patch_call'",
        ),
        (json!({"input": [result("c")]}), "No tool call found for function call output with call_id c."),
        (json!({"input": [call("c")]}), "No tool output found for function call c."),
        (json!({"input": [thought(json!({"id": "rs_1"}))]}), "Item with id 'rs_1' not found."),
        (
            json!({"input": [thought(json!({"encrypted_content": "~a~x"}))]}),
            "The encrypted content ~a~x... could not be verified",
        ),
        (
            json!({"input": [{"role": "assistant", "content": [text("input_text")]}]}),
            "Invalid value: 'input_text'. Supported values are: 'output_text'",
        ),
        (json!({"input": [user(text("text"))]}), "Invalid value: 'text'."),
        (
            json!({"input": [user(json!({"type": "input_image", "image_url": {"url": "x"}}))]}),
            "Invalid type for 'input[0].content[0].image_url'",
        ),
        (
            json!({"input": [{"type": "message", "id": "x", "role": "user", "content": "a"}]}),
            "Invalid 'input[0].id': 'x'. Expected an ID that begins with 'msg'.",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
            "Missing required parameter: 'tools[0].name'.",
        ),
        (json!({"temperature": 0.5}), "Unsupported parameter: 'temperature'"),
        (
            json!({"model": "gpt-4.1", "reasoning": {"effort": "low"}}),
            "Unsupported parameter: 'reasoning.effort'",
        ),
        (
            json!({"model": "gpt-4.1", "include": ["reasoning.encrypted_content"]}),
            "Encrypted content is not supported",
        ),
        (json!({"max_output_tokens": 5}), "Invalid 'max_output_tokens': integer below minimum value."),
        (
            json!({"text": {"format": {"type": "json_object"}}}),
            "Response input messages must contain the word 'json'",
        ),
        (json!({"previous_response_id": "resp_1"}), "Previous response with id 'resp_1' not found."),
    ] {
        let got = responses(&fields);
        assert!(matches!(got.status, 400 | 404), "{got:?}");
        assert!(got.message().starts_with(wanted), "{}", got.message());
    }
    let chat = openai(&mock(), &with(asked("x"), json!({"model": "gpt-5-codex"})));
    assert!(chat.message().starts_with("This model is only supported in v1/responses"));
}

#[test]
fn openais_responses_seal_their_thoughts_and_know_them_again() {
    let asked = json!({"reasoning": {"effort": "low", "summary": "auto"}, "store": false,
        "include": ["reasoning.encrypted_content"], "input": [{"role": "user", "content": "hello"}]});
    let got = responses(&asked).json();
    assert_eq!(got["output"][0]["summary"][0]["type"], "summary_text");
    assert_eq!(got["usage"]["output_tokens_details"]["reasoning_tokens"], 16);
    let mut again = asked;
    let items = got["output"].as_array().unwrap().clone();
    again["input"].as_array_mut().unwrap().extend(items);
    again["input"].as_array_mut().unwrap().push(json!({"role": "user", "content": "more"}));
    assert_eq!(responses(&again).status, 200);
    let events = responses(&with(again, json!({"stream": true}))).events();
    assert!(events.iter().enumerate().all(|(number, event)| event["sequence_number"] == number));
    assert_eq!(events.last().unwrap()["type"], "response.completed");
}

#[test]
fn anthropic_is_strict() {
    let mock = mock();
    let call = json!({"role": "assistant", "content":
        [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]});
    let result = json!({"type": "tool_result", "tool_use_id": "t1", "content": "ok"});
    let user = json!({"role": "user", "content": "x"});
    for (fields, wanted) in [
        (json!({"seed": 1}), "seed: Extra inputs are not permitted"),
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"temperature": 1.5}), "temperature: range: 0..1"),
        (json!({"messages": [{"role": "user", "content": ""}]}), "messages.0: all messages must"),
        (
            json!({"messages": [user, {"role": "assistant", "content": "a "}]}),
            "messages: final assistant content cannot end",
        ),
        (json!({"messages": [user, call, user]}), "messages.1: `tool_use` ids were found"),
        (
            json!({"messages": [user, call, {"role": "user", "content":
            [{"type": "text", "text": "a"}, result]}]}),
            "messages.1: `tool_use` ids were found",
        ),
        (
            json!({"messages": [user, call, {"role": "user", "content": [result]}]}),
            "Requests which have `tool_use`",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content":
            [{"type": "thinking", "thinking": "a", "signature": "abcd"}]}, user]}),
            "messages.1.content.0: Invalid `signature`",
        ),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 8192}}), "`max_tokens` must be"),
        (
            json!({"model": "claude-opus-5-5", "thinking": {"type": "disabled"}}),
            "\"thinking.type.disabled\" is not supported",
        ),
        (
            json!({"model": "claude-sonnet-5-5", "tool_choice": {"type": "any"},
                "tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
            "tool_choice: type \"tool\" and \"any\"",
        ),
        (
            json!({"tools": [{"name": "f", "input_schema": {"type": "object", "anyOf": []}}]}),
            "tools.0.custom.input_schema: input_schema does not support",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image", "source":
            {"type": "base64", "media_type": "image/jpeg", "data": "iVBORw0KGgo="}}]}]}),
            "messages.0.content.0.image.source.base64.data: The image was specified",
        ),
    ] {
        let got = anthropic(&mock, &with(claude("x"), fields));
        assert_eq!(got.status, 400, "{wanted}");
        assert!(got.message().starts_with(wanted), "{} / {wanted}", got.message());
    }
}

#[test]
fn gemini_is_strict() {
    let mock = mock();
    let declare = |parameters: Value| json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]});
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]});
    let user = json!({"role": "user", "parts": [{"text": "x"}]});
    for (fields, wanted) in [
        (json!({"stop": 1}), "Invalid JSON payload received. Unknown name \"stop\": Cannot"),
        (
            json!({"generationConfig": {"max_tokens": 1}}),
            "Invalid JSON payload received. Unknown name \"max_tokens\" at 'generation_config'",
        ),
        (
            declare(json!({"type": "object", "additionalProperties": false, "properties": {}})),
            "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0]",
        ),
        (
            declare(json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})),
            "Invalid JSON payload received. Unknown name \"type\" at",
        ),
        (json!({"contents": [user, {"role": "user", "parts": []}]}), "* GenerateContentRequest."),
        (
            json!({"contents": [user, call, {"role": "user", "parts": [{"text": "y"}]}]}),
            "Please ensure that the number of function response parts",
        ),
        (
            json!({"contents": [user, call, {"role": "user", "parts":
            [{"functionResponse": {"name": "f", "response": {}}}]}]}),
            "Function call is missing",
        ),
    ] {
        let got = gemini(&mock, "gemini-3-pro-preview:generateContent", &with(google("x"), fields));
        assert_eq!(got.status, 400, "{wanted}");
        assert!(got.message().starts_with(wanted), "{} / {wanted}", got.message());
    }
}
