use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::catalog::House;
use crate::ir::{Content, Dialect, Effort, Format, Thinking, ToolChoice};

fn read(form: Form, body: &Value) -> Result<Request, Malformed> {
    let headers = HeaderMap::new();
    let head = Head { path: "/api/chat", query: "", headers: &headers };
    Ollama(form).parse_request(&head, body.to_string().as_bytes())
}

fn chat(members: impl Into<Value>) -> Request {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(members.into().as_object().unwrap().clone());
    read(Form::Chat, &body).unwrap()
}

fn said(request: &Request) -> (Value, String) {
    let profile = Profile::norm(Dialect::OllamaChat, House::Compatible);
    let mut losses = Losses::new();
    let rendered = CHAT.render_request(request, "m", &profile, &mut losses);
    (serde_json::from_slice(&rendered.body).unwrap(), losses.to_header())
}

#[test]
fn whoever_does_not_say_otherwise_gets_a_stream() {
    assert!(chat(json!({})).stream);
    assert!(chat(json!({"stream": null})).stream);
    assert!(!chat(json!({"stream": false})).stream);
    assert_eq!(said(&chat(json!({"stream": false}))).0["stream"], false);
}

#[test]
fn results_without_ids_find_their_calls_by_tool_and_order() {
    let call = |name: &str| json!({"function": {"name": name, "arguments": {}}});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": "", "tool_calls": [call("a"), call("b"), call("a")]},
        {"role": "tool", "content": "b1", "tool_name": "b"},
        {"role": "tool", "content": "a1", "tool_name": "a"},
        {"role": "tool", "content": "a2"},
    ]});
    let request = read(Form::Chat, &body).unwrap();
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    for block in blocks {
        match &block.content {
            Content::ToolCall(call) => calls.push(call.id.clone()),
            Content::ToolResult(result) => results.push(result.call_id.clone()),
            _ => {}
        }
    }
    assert_eq!(results, [calls[1].clone(), calls[0].clone(), calls[2].clone()]);
    let again = read(Form::Chat, &said(&request).0).unwrap();
    assert_eq!(again.turns[1], request.turns[1], "ids are the same in every turn");
}

#[test]
fn thinking_is_a_switch_or_a_level() {
    let thinking = |think: Value| chat(json!({"think": think})).thinking;
    assert_eq!(thinking(json!(false)), Some(Thinking { enabled: Some(false), ..Thinking::default() }));
    assert_eq!(thinking(json!("high")), Some(Thinking { effort: Some(Effort::High), ..Thinking::default() }));
    assert_eq!(thinking(Value::Null), None);
    for (effort, told) in [
        (Effort::None, json!(false)),
        (Effort::Minimal, json!("low")),
        (Effort::Medium, json!("medium")),
        (Effort::Max, json!("high")),
    ] {
        let mut request = chat(json!({}));
        request.thinking = Some(Thinking { effort: Some(effort), ..Thinking::default() });
        assert_eq!(said(&request).0["think"], told);
    }
}

#[test]
fn a_format_is_json_or_a_schema() {
    assert_eq!(chat(json!({"format": ""})).format, None);
    assert_eq!(chat(json!({"format": "json"})).format, Some(Format::JsonObject));
    assert!(matches!(chat(json!({"format": {"type": "object"}})).format, Some(Format::JsonSchema { .. })));
    let wrong = read(Form::Chat, &json!({"model": "m", "messages": [], "format": "xml"})).unwrap_err();
    assert_eq!(wrong.param, "format");
}

#[test]
fn which_tool_is_called_cannot_be_said_but_that_none_is_can() {
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let mut request = chat(json!({"tools": tool}));
    assert_eq!(said(&request).0["tools"][0]["function"]["name"], "f");
    for (choice, loss) in [
        (ToolChoice::Required, "tool_choice;dropped"),
        (ToolChoice::Tool("f".to_owned()), "tool_choice;dropped"),
        (ToolChoice::Auto, ""),
    ] {
        request.tool_choice = Some(choice);
        let (body, losses) = said(&request);
        assert!(body["tools"].is_array() && body.get("tool_choice").is_none());
        assert_eq!(losses, loss);
    }
    request.tool_choice = Some(ToolChoice::None);
    assert!(said(&request).0.get("tools").is_none());
}

#[test]
fn options_that_only_a_machine_understands_come_back_to_one() {
    let request =
        chat(json!({"keep_alive": "5m", "options": {"num_ctx": 8192, "num_predict": -1, "top_k": 3}}));
    assert_eq!(request.sampling.max_tokens, None);
    let (body, losses) = said(&request);
    assert_eq!(body["options"], json!({"top_k": 3, "num_ctx": 8192}));
    assert_eq!((body["keep_alive"].as_str(), losses.as_str()), (Some("5m"), ""));
}

#[test]
fn arguments_are_an_object_whoever_made_them() {
    for (given, object) in [("", "{}"), ("{\"a\":1}", "{\"a\":1}"), ("[1]", "{\"input\":\"[1]\"}")] {
        assert_eq!(types::arguments(given), object);
    }
}

#[test]
fn an_error_is_a_string() {
    let refusal = Refusal::new(crate::refusal::Kind::NotFound, "no \"m\" here");
    assert_eq!(CHAT.render_error(&refusal), br#"{"error":"no \"m\" here"}"#);
}

#[test]
fn usage_stands_in_the_last_of_several_lines() {
    let lines = b"{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true,\"eval_count\":7,\"prompt_eval_count\":3}\n";
    let usage = CHAT.find_usage(lines).unwrap();
    assert_eq!((usage.input, usage.output), (3, 7));
    let cut = b"tent\":\"a\"},\"done\":false}\n{\"done\":true,\"eval_count\":7}";
    assert_eq!(CHAT.find_usage(cut).unwrap().output, 7);
    assert_eq!(CHAT.find_usage(b"{\"message\":{\"content\":\"eval_count\"}}"), None);
}
