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
