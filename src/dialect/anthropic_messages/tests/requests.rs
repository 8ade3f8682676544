//! Requests: what a client may say, and what a target is told.

use http::HeaderMap;
use serde_json::{Value, json};

use super::{ADAPTIVE, PERMISSIVE, corpus, one, parse, render};
use crate::catalog::profile::Profile;
use crate::dialect::anthropic_messages::{AnthropicMessages, count};
use crate::dialect::{Codec, Head, Malformed};
use crate::ir::{
    Block, CacheMark, Content, Dialect, Extras, Media, Reasoning, Request, Role, Signature, Source, Tool,
    ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};

pub(super) fn ask(turns: Vec<Turn>) -> Request {
    Request { model: "client-model".into(), turns, ..Request::default() }
}

pub(super) fn user(text: &str) -> Turn {
    Turn::new(Role::User, vec![Block::text(text)])
}

pub(super) fn model(blocks: Vec<Block>) -> Turn {
    Turn::new(Role::Assistant, blocks)
}

pub(super) fn call(id: &str, name: &str, arguments: &str) -> Block {
    Block::new(Content::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
        kind: ToolKind::Function,
    }))
}

pub(super) fn result(id: &str, text: &str) -> Block {
    let content = vec![Block::text(text)];
    Block::new(Content::ToolResult(ToolResult { call_id: id.into(), name: None, content, is_error: false }))
}

pub(super) fn tool(name: &str) -> Tool {
    Tool {
        name: name.into(),
        description: None,
        schema: None,
        strict: None,
        kind: ToolKind::Function,
        cache: None,
        extras: Extras::NONE,
    }
}

/// Brings what may be said in two ways to one: strings are one text block, defaults go.
fn plain(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(plain),
        Value::Object(members) => {
            if members.get("type") == Some(&json!("ephemeral")) && members.get("ttl") == Some(&json!("5m")) {
                members.remove("ttl");
            }
            if members.get("type") == Some(&json!("custom")) && members.contains_key("input_schema") {
                members.remove("type");
            }
            if members.get("caller") == Some(&json!({"type":"direct"})) {
                members.remove("caller");
            }
            if members.get("is_error") == Some(&json!(false)) {
                members.remove("is_error");
            }
            for (key, value) in members.iter_mut() {
                if let ("content" | "system", Value::String(text)) = (key.as_str(), &*value) {
                    *value = json!([{"type":"text","text":text}]);
                }
                plain(value);
            }
        }
        _ => {}
    }
}

#[test]
fn a_request_is_said_as_it_was_read() {
    let requests = corpus("requests");
    assert!(requests.len() >= 14);
    for (name, body) in requests {
        let mut original: Value = serde_json::from_slice(&body).unwrap();
        let request = parse(&body);
        let budget = original["thinking"]["type"] == "enabled";
        let (mut said, rendered, losses) = render(&request, if budget { &PERMISSIVE } else { &ADAPTIVE });
        assert!(losses.is_empty(), "{name}: {}", losses.to_header());
        assert!(rendered.restore.is_empty(), "{name}");
        original["model"] = "claude-target".into();
        plain(&mut said);
        plain(&mut original);
        assert_eq!(said, original, "{name}");
    }
}

fn complaint(body: &Value) -> String {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1/messages", query: "", headers: &headers };
    AnthropicMessages.parse_request(&head, body.to_string().as_bytes()).unwrap_err().param
}

#[test]
fn a_complaint_names_the_path_of_the_field() {
    let with = |key: &str, value: Value| {
        let mut body = json!({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]});
        body[key] = value;
        complaint(&body)
    };
    let content = |block: Value| {
        with("messages", json!([{"role":"user","content":[{"type":"text","text":"a"}, block]}]))
    };
    assert_eq!(with("max_tokens", Value::Null), "max_tokens");
    assert_eq!(with("max_tokens", json!("9")), "max_tokens");
    assert_eq!(with("model", json!(7)), "model");
    assert_eq!(with("messages", json!([])), "messages");
    assert_eq!(with("messages", json!([{"role":"tool","content":"x"}])), "messages[0].role");
    assert_eq!(with("messages", json!([{"role":"user"}])), "messages[0].content");
    assert_eq!(content(json!({"text":"x"})), "messages[0].content[1].type");
    assert_eq!(content(json!({"type":"text"})), "messages[0].content[1].text");
    assert_eq!(
        content(json!({"type":"image","source":{"type":"base64","data":"x"}})),
        "messages[0].content[1].source.media_type"
    );
    assert_eq!(content(json!({"type":"tool_result"})), "messages[0].content[1].tool_use_id");
    assert_eq!(
        content(json!({"type":"tool_result","tool_use_id":"a","content":[{"type":"text"}]})),
        "messages[0].content[1].content[0].text"
    );
    assert_eq!(
        content(json!({"type":"tool_use","id":"a","name":"b","input":"c"})),
        "messages[0].content[1].input"
    );
    assert_eq!(with("tools", json!([{"name":"a"}])), "tools[0].input_schema");
    assert_eq!(with("tool_choice", json!({"type":"function"})), "tool_choice.type");
    assert_eq!(with("thinking", json!({"type":"enabled"})), "thinking.budget_tokens");
    assert_eq!(with("stop_sequences", json!(["a", 1])), "stop_sequences[1]");
    assert_eq!(with("metadata", json!({"user_id":1})), "metadata.user_id");
    assert_eq!(
        with("output_config", json!({"format":{"type":"json_schema"}})),
        "output_config.format.schema"
    );
}

#[test]
fn a_request_to_count_needs_no_limit() {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1/messages/count_tokens", query: "", headers: &headers };
    let body = br#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(count::parse_count_request(&head, body).unwrap().turns.len(), 1);
    let refused = AnthropicMessages.parse_request(&head, body);
    assert!(matches!(refused, Err(Malformed { param, .. }) if param == "max_tokens"));
}

#[test]
fn betas_of_the_client_and_of_the_rendering_are_joined() {
    let mut headers = HeaderMap::new();
    headers.append("anthropic-beta", "context-1m-2025-08-07, files-api-2025-04-14".parse().unwrap());
    headers.append("anthropic-beta", "fast-mode-2026-02-01".parse().unwrap());
    let head = Head { path: "/v1/messages", query: "", headers: &headers };
    let request = AnthropicMessages.parse_request(&head, &one("requests", "file-sources.json")).unwrap();
    let betas = "context-1m-2025-08-07,files-api-2025-04-14,fast-mode-2026-02-01".to_owned();
    assert_eq!(render(&request, &PERMISSIVE).1.headers, [("anthropic-beta", betas)]);
    let without = parse(&one("requests", "file-sources.json"));
    assert_eq!(render(&without, &PERMISSIVE).1.headers[0].1, "files-api-2025-04-14");
    assert!(render(&parse(&one("requests", "text.json")), &PERMISSIVE).1.headers.is_empty());
}

#[test]
fn turns_alternate_and_results_stand_first() {
    let request = ask(vec![
        user("Weather in Rome and Oslo?"),
        model(vec![call("call_1", "weather", "")]),
        model(vec![call("call_2", "weather", "{\"city\":\"Oslo\"}")]),
        user("And hurry."),
        Turn::new(Role::User, vec![result("call_2", "cold")]),
        Turn::new(Role::User, vec![result("call_1", "warm")]),
    ]);
    let (said, _, losses) = render(&Request { tools: vec![tool("weather")], ..request }, &PERMISSIVE);
    assert!(losses.is_empty(), "{}", losses.to_header());
    assert_eq!(
        said["messages"],
        json!([
            {"role":"user","content":[{"type":"text","text":"Weather in Rome and Oslo?"}]},
            {"role":"assistant","content":[
                {"type":"tool_use","id":"call_1","name":"weather","input":{}},
                {"type":"tool_use","id":"call_2","name":"weather","input":{"city":"Oslo"}},
            ]},
            {"role":"user","content":[
                {"type":"tool_result","tool_use_id":"call_2","content":"cold"},
                {"type":"tool_result","tool_use_id":"call_1","content":"warm"},
                {"type":"text","text":"And hurry."},
            ]},
        ])
    );
    assert_eq!(said["max_tokens"], 4096);
}

#[test]
fn every_call_is_answered_once_and_orphans_become_words() {
    let request = ask(vec![
        user("Go."),
        model(vec![call("a", "f", "{}"), call("b", "f", "{}")]),
        Turn::new(Role::User, vec![result("zzz", "lost"), result("a", "old"), result("a", "new")]),
        model(vec![call("a", "f", "{}")]),
    ]);
    let (said, _, losses) = render(&Request { tools: vec![tool("f")], ..request }, &PERMISSIVE);
    let answers = &said["messages"][2]["content"];
    assert_eq!(answers[0], json!({"type":"tool_result","tool_use_id":"a","content":"new"}));
    assert_eq!((&answers[1]["tool_use_id"], &answers[1]["is_error"]), (&json!("b"), &json!(true)));
    assert_eq!(answers[2], json!({"type":"text","text":"Tool result:\nlost"}));
    // An id that comes back in a later turn is another call.
    assert_eq!(said["messages"][3]["content"][0]["id"], "a_3");
    assert_eq!(said["messages"][4]["content"][0]["tool_use_id"], "a_3");
    assert_eq!(
        losses.to_header(),
        "messages.tool_result;bent, messages.tool_result;dropped, messages.tool_calls;bent"
    );
}

#[test]
fn calls_without_ids_are_matched_by_name_and_order() {
    let named = |name: &str, text: &str| {
        let content = vec![Block::text(text)];
        Block::new(Content::ToolResult(ToolResult {
            call_id: String::new(),
            name: Some(name.into()),
            content,
            is_error: false,
        }))
    };
    let request = ask(vec![
        user("Go."),
        model(vec![call("", "f", "{}"), call("", "g", "{}"), call("", "f", "{}")]),
        Turn::new(Role::User, vec![named("f", "1"), named("f", "3"), named("g", "2")]),
    ]);
    let (said, ..) = render(&Request { tools: vec![tool("f"), tool("g")], ..request }, &PERMISSIVE);
    let id = |message: usize, at: usize, key: &str| said["messages"][message]["content"][at][key].clone();
    let calls: Vec<Value> = (0..3).map(|at| id(1, at, "id")).collect();
    let answers: Vec<Value> = (0..3).map(|at| id(2, at, "tool_use_id")).collect();
    assert_eq!([&calls[0], &calls[2], &calls[1]], [&answers[0], &answers[1], &answers[2]]);
}

#[test]
fn odd_names_and_ids_are_respelt_everywhere_and_mapped_back() {
    let long = "a".repeat(130);
    let mut request = ask(vec![
        user("Go."),
        model(vec![call("call|1:x", "fs.read", "{}")]),
        Turn::new(Role::User, vec![result("call|1:x", "ok")]),
    ]);
    request.tools = vec![tool("fs.read"), tool("fs_read"), tool(&long), tool("größe")];
    request.tool_choice = Some(ToolChoice::Tool("fs.read".into()));
    let (said, rendered, losses) = render(&request, &PERMISSIVE);
    assert!(losses.is_empty());
    let name = said["tools"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("fs_read_") && name.len() == "fs_read_".len() + 8, "{name}");
    assert_eq!(said["tool_choice"]["name"], name);
    assert_eq!(said["messages"][1]["content"][0]["name"], name);
    assert_eq!(said["tools"][2]["name"].as_str().unwrap().len(), 128);
    assert_eq!(said["tools"][3]["name"], "gr__e");
    let id = said["messages"][1]["content"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("call_1_x_"), "{id}");
    assert_eq!(said["messages"][2]["content"][0]["tool_use_id"], id);
    let restored: Vec<&str> = rendered.restore.names.iter().map(|(_, client)| client.as_str()).collect();
    assert_eq!(restored, ["fs.read", long.as_str(), "größe"]);
}

#[test]
fn tools_of_the_history_are_named_when_the_request_brings_none() {
    let request = ask(vec![
        user("Go."),
        model(vec![call("a", "my.tool", "{}")]),
        Turn::new(Role::User, vec![result("a", "done")]),
    ]);
    let (said, rendered, losses) = render(&request, &PERMISSIVE);
    assert_eq!(said["tools"][0]["name"], "my_tool");
    assert_eq!(said["tool_choice"], json!({"type":"none"}));
    assert_eq!(rendered.restore.names, [("my_tool".to_owned(), "my.tool".to_owned())]);
    assert_eq!(losses.to_header(), "tools;bent");
}

#[test]
fn the_user_has_the_first_word_and_blank_text_is_left_out() {
    let (said, _, losses) = render(&ask(vec![model(vec![Block::text("Hi. \n")])]), &PERMISSIVE);
    assert_eq!(said["messages"][0], json!({"role":"user","content":[{"type":"text","text":"."}]}));
    assert_eq!(said["messages"][1]["content"][0]["text"], "Hi.");
    assert_eq!(losses.to_header(), "messages.prefill;clamped, messages;bent");
    let (said, _, losses) = render(&ask(vec![user(""), user("Hi"), model(vec![]), user("?")]), &PERMISSIVE);
    assert_eq!(said["messages"].as_array().unwrap().len(), 1);
    assert!(losses.is_empty());
}

#[test]
fn a_turn_to_continue_is_dropped_where_the_target_does_not_continue() {
    let profile = Profile { prefill: false, ..PERMISSIVE };
    let (said, _, losses) = render(&parse(&one("requests", "prefill.json")), &profile);
    assert_eq!(said["messages"].as_array().unwrap().len(), 1);
    assert_eq!(losses.to_header(), "messages.prefill;dropped");
}

#[test]
fn an_operators_word_keeps_its_place() {
    let profile = Profile { mid_system: false, ..PERMISSIVE };
    let (said, _, losses) = render(&parse(&one("requests", "mid-system.json")), &profile);
    let text = said["messages"][0]["content"][1]["text"].as_str().unwrap();
    assert!(text.starts_with("Note from the operator") && text.ends_with("premium plan."));
    assert_eq!(losses.to_header(), "messages.system;bent");
    // Between two turns of the user the API takes none, whatever the model.
    let between = ask(vec![user("a"), Turn::new(Role::System, vec![Block::text("b")]), user("c")]);
    let (said, ..) = render(&between, &PERMISSIVE);
    assert_eq!(said["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn only_sealed_thoughts_of_this_provider_are_sent() {
    let thought = |text: &str, signature: Option<Signature>| Block {
        signature,
        ..Block::new(Content::Reasoning(Reasoning { text: text.into(), redacted: None }))
    };
    let own = |value: &str| Some(Signature::new(Dialect::AnthropicMessages, value));
    let blocks = vec![
        thought("unsealed", None),
        thought("foreign", Some(Signature::new(Dialect::GeminiGenerate, "x"))),
        thought("", own("seal")),
        Block::text("Hi."),
    ];
    let (said, _, losses) = render(&ask(vec![user("a"), model(blocks), user("b")]), &PERMISSIVE);
    let sent = json!([{"type":"thinking","thinking":"","signature":"seal"},{"type":"text","text":"Hi."}]);
    assert_eq!(said["messages"][1]["content"], sent);
    assert_eq!(losses.to_header(), "messages.content.thinking;dropped");
}

#[test]
fn a_picture_is_called_what_its_bytes_say() {
    let picture = |data: &str| {
        Block::new(Content::Image(Media::new(Source::Base64(data.into()), Some("image/png".into()))))
    };
    let data = ["/9j/4AAQSkZJRgABAQ", "R0lGODlhAQABAIAAAA", "UklGRiQAAABXRUJQVlA4", "iVBORw0KGgoAAAANSUhEUg"];
    let (said, _, losses) = render(&ask(vec![Turn::new(Role::User, data.map(picture).into())]), &PERMISSIVE);
    let kinds: Vec<&Value> =
        (0..4).map(|at| &said["messages"][0]["content"][at]["source"]["media_type"]).collect();
    assert_eq!(kinds, ["image/jpeg", "image/gif", "image/webp", "image/png"]);
    assert!(losses.is_empty());
}

#[test]
fn sound_is_dropped_with_a_word_and_text_files_are_read() {
    let media = |data: &str, kind: &str| Media::new(Source::Base64(data.into()), Some(kind.into()));
    let blocks = vec![
        Block::new(Content::Audio(media("UklGRg==", "audio/wav"))),
        Block::new(Content::Document(media("YSxiCjEsMgo=", "text/csv"))),
        Block::new(Content::Document(media("UEsDBA==", "application/msword"))),
    ];
    let (said, _, losses) = render(&ask(vec![Turn::new(Role::User, blocks)]), &PERMISSIVE);
    let source = json!({"type":"text","media_type":"text/plain","data":"a,b\n1,2\n"});
    assert_eq!(said["messages"][0]["content"], json!([{"type":"document","source":source}]));
    assert_eq!(losses.to_header(), "messages.content.input_audio;dropped, messages.content.document;dropped");
}

#[test]
fn pictures_of_a_result_follow_it_where_results_are_text() {
    let profile = Profile { tool_result_media: false, ..PERMISSIVE };
    let (said, _, losses) = render(&parse(&one("requests", "tool-result-error-and-image.json")), &profile);
    let kinds: Vec<&Value> = (0..3).map(|at| &said["messages"][2]["content"][at]["type"]).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "image"]);
    assert_eq!(said["messages"][2]["content"][1]["is_error"], true);
    assert_eq!(losses.to_header(), "messages.tool_result;bent");
}

#[test]
fn at_most_four_cache_marks_are_set() {
    let marked = |text: &str| Block { cache: Some(CacheMark::FiveMinutes), ..Block::text(text) };
    let mut request = ask(vec![Turn::new(Role::User, vec![marked("c"), marked("d"), marked("e")])]);
    request.system = vec![marked("b")];
    request.tools = vec![Tool { cache: Some(CacheMark::OneHour), ..tool("a") }];
    let (said, _, losses) = render(&request, &PERMISSIVE);
    assert_eq!(said.to_string().matches("ephemeral").count(), 4);
    assert_eq!(said["messages"][0]["content"][2].get("cache_control"), None);
    assert_eq!(said["tools"][0]["cache_control"]["ttl"], "1h");
    assert_eq!(losses.to_header(), "cache_control;dropped");
}

#[test]
fn pictures_of_kinds_that_claude_cannot_see_are_noted() {
    let picture = |kind: &str, data: &str| {
        Block::new(Content::Image(Media::new(Source::Base64(data.into()), Some(kind.into()))))
    };
    let shown = |block: Block| {
        let turn = Turn::new(Role::User, vec![Block::text("Look."), block]);
        let (body, _, losses) = render(&ask(vec![turn]), &ADAPTIVE);
        (body["messages"][0]["content"][1]["source"]["media_type"].clone(), losses)
    };
    let (kind, losses) = shown(picture("image/heic", "AAAAGGZ0eXBoZWljAAAA"));
    assert!(kind.is_null() && format!("{losses:?}").contains("messages.content.image"), "{losses:?}");
    let (kind, losses) = shown(picture("image/heic", "/9j/4AAQSkZJRgABAQAA"));
    assert!(kind == "image/jpeg" && losses.is_empty(), "its bytes say what it is");
    assert_eq!(shown(picture("image/jpg", "AAAA")).0, "image/jpeg");
}
