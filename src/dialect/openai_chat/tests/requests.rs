//! Requests.

use super::*;
use crate::ir::{
    Block, CacheMark, Content, Dialect, Format, Reasoning, Role, Signature, ToolCall, ToolChoice, ToolKind,
    ToolResult, Turn,
};

/// The same request in one spelling.
fn plain(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(plain),
        Value::Object(map) => {
            map.retain(|key, value| !value.is_null() && (key != "annotations" || *value != json!([])));
            map.values_mut().for_each(plain);
            if map.get("role") == Some(&json!("developer")) {
                map.insert("role".into(), json!("system"));
            }
            if let Some([part]) = map.get("content").and_then(Value::as_array).map(Vec::as_slice)
                && let Some(text) = part.get("text").filter(|_| part.as_object().unwrap().len() == 2).cloned()
            {
                map.insert("content".into(), text);
            }
            if map.contains_key("tool_calls") && map.get("content") == Some(&json!("")) {
                map.remove("content");
            }
            let called = map.contains_key("id");
            if let Some(call) = map.get_mut("function").filter(|_| called) {
                let call = call.as_object_mut().unwrap();
                let blank = call.get("arguments").is_none_or(|text| text == "");
                blank.then(|| call.insert("arguments".into(), json!("{}")));
                map.remove("index");
            }
        }
        Value::Number(number) => *value = json!(number.as_f64().unwrap()),
        _ => {}
    }
}

#[test]
fn requests_come_through_the_hub_unchanged() {
    let mut unchanged = 0;
    for (name, body) in corpus("requests") {
        let (mut after, losses, restore) = render(&parse(&body), &OPEN);
        let mut before: Value = serde_json::from_slice(&body).unwrap();
        plain(&mut before);
        plain(&mut after);
        let older = name == "legacy-functions.json";
        assert_eq!(restore, Restore { older_calls: older, ..Restore::NONE }, "{name}");
        if losses.is_empty() && !older {
            assert_eq!(after, before, "{name}");
            unchanged += 1;
        }
    }
    assert!(unchanged >= 20, "{unchanged}");
}

fn turns(turns: Vec<Turn>) -> Request {
    Request { model: "m".into(), turns, ..Request::default() }
}

fn call(id: &str, name: &str, arguments: &str) -> Block {
    Block::new(Content::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
        kind: ToolKind::Function,
    }))
}

fn result(id: &str, content: Vec<Block>, is_error: bool) -> Block {
    Block::new(Content::ToolResult(ToolResult { call_id: id.into(), name: None, content, is_error }))
}

fn thought(text: &str, seal: Option<Signature>) -> Block {
    let mut block = Block::new(Content::Reasoning(Reasoning { text: text.into(), redacted: None }));
    block.signature = seal;
    block
}

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
}

#[test]
fn complaints_name_the_field() {
    let m = r#""model":"m","messages""#;
    for (body, param) in [
        ("[]".to_owned(), ""),
        (r#"{"messages":[]}"#.to_owned(), "messages"),
        (r#"{"model":"m"}"#.to_owned(), "messages"),
        (r#"{"messages":[{"role":"user","content":"x"}]}"#.to_owned(), "model"),
        (format!("{{{m}:[{{\"role\":\"robot\",\"content\":\"x\"}}]}}"), "messages[0].role"),
        (format!("{{{m}:[{{\"role\":\"user\"}}]}}"), "messages[0].content"),
        (
            format!("{{{m}:[{{\"role\":\"user\",\"content\":[{{\"text\":\"x\"}}]}}]}}"),
            "messages[0].content[0].type",
        ),
        (
            format!(
                "{{{m}:[{{\"role\":\"user\",\"content\":[{{\"type\":\"image_url\",\"image_url\":{{}}}}]}}]}}"
            ),
            "messages[0].content[0].image_url.url",
        ),
        (format!("{{{m}:[{{\"role\":\"tool\",\"content\":\"x\"}}]}}"), "messages[0].tool_call_id"),
        (format!("{{{m}:[{{\"role\":\"user\",\"content\":\"x\"}}],\"temperature\":\"1\"}}"), "temperature"),
        (format!("{{{m}:[{{\"role\":\"user\",\"content\":\"x\"}}],\"max_tokens\":-2}}"), "max_tokens"),
        (format!("{{{m}:[{{\"role\":\"user\",\"content\":\"x\"}}],\"tools\":[{{}}]}}"), "tools[0].type"),
        (format!("{{{m}:[{{\"role\":\"user\",\"content\":\"x\"}}],\"stop\":[1]}}"), "stop[0]"),
    ] {
        let (named, message) = complaint(&body);
        assert_eq!(named, param, "{message}");
        assert!(message.contains(param), "{message}");
    }
}

#[test]
fn what_clients_of_other_servers_send_is_understood() {
    for word in ["auto", "none", "required"] {
        let spelt = ask(&json!({"tools": [function("f")], "tool_choice": {"type": word}}));
        assert_eq!(spelt.tool_choice, ask(&json!({"tool_choice": word})).tool_choice);
    }
    let flat = ask(
        &json!({"tools": [{"type": "function", "name": "f", "description": "F", "parameters": {"type": "object"}}]}),
    );
    assert_eq!((&*flat.tools[0].name, flat.tools[0].schema.as_deref()), ("f", Some("{\"type\":\"object\"}")));
    assert!(flat.tools[0].extras.is_empty());
    assert_eq!(ask(&json!({"max_tokens": -1})).sampling.max_tokens, None);
    let schema = json!({"type": "object"});
    for format in
        [json!({"type": "json_schema", "schema": schema}), json!({"type": "json_object", "schema": schema})]
    {
        let Some(Format::JsonSchema { schema, .. }) = ask(&json!({"response_format": format})).format else {
            panic!()
        };
        assert_eq!(schema, "{\"type\":\"object\"}");
    }
    let request = ask(&json!({"reasoning": {"effort": "adaptive", "summary": "auto"}}));
    assert!(request.extras.json(Dialect::OpenaiChat, "reasoning").is_some());
    let parts = json!({"messages": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]});
    assert_eq!(ask(&parts).turns[0].blocks[0].as_text(), Some("Hi"));
}

#[test]
fn the_newer_name_of_the_token_limit_wins() {
    let request = ask(&json!({"max_completion_tokens": 60, "max_tokens": 50}));
    assert_eq!(request.sampling.max_tokens, Some(60));
    assert_eq!(render(&request, &NARROW).0["max_tokens"], 60);
    assert_eq!(render(&ask(&json!({"max_tokens": 500})), &NARROW).1, "max_tokens;clamped");
}

#[test]
fn a_narrow_target_is_told_what_it_takes_and_the_rest_is_noted() {
    let request = ask(&json!({
        "temperature": 0.2, "top_p": 1, "n": 1, "stop": "x", "seed": 7, "logit_bias": {"1": 1},
        "verbosity": "low", "stream": true, "reasoning_effort": "xhigh", "user": "u".repeat(65),
        "tools": [{"type": "function", "function": {"name": "f", "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
    }));
    let (body, losses, _) = render(&request, &NARROW);
    let user = body["user"].as_str().unwrap();
    assert_eq!(
        body,
        json!({
            "model": "m", "messages": [{"role": "user", "content": "Hi"}], "random_seed": 7, "stream": true,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
            "tool_choice": "any", "reasoning_effort": "high", "user": user,
        })
    );
    assert_eq!(user.len(), 32);
    assert_eq!(
        losses,
        "tools.strict;dropped, tool_choice;bent, parallel_tool_calls;dropped, temperature;dropped, stop;dropped, \
         logit_bias;dropped, reasoning_effort;clamped, user;bent, verbosity;dropped"
    );
    assert_eq!(render(&ask(&json!({"temperature": 1.0})), &NARROW).1, "");
}

#[test]
fn usage_is_always_asked_for_in_streams() {
    let (body, ..) = render(&ask(&json!({"stream": true})), &OPEN);
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    assert!(render(&ask(&json!({})), &OPEN).0.get("stream_options").is_none());
}

#[test]
fn tool_names_are_cleaned_everywhere_and_the_answer_can_be_mapped_back() {
    let long = "x".repeat(65);
    let mut request = ask(&json!({
        "tools": [function("a.b"), function("a_b"), function(&long)],
        "tool_choice": {"type": "function", "function": {"name": "a.b"}},
    }));
    request.turns.push(Turn::new(Role::Assistant, vec![call("c", "a.b", "{}")]));
    request.turns.push(Turn::new(Role::User, vec![result("c", vec![], false)]));
    let (body, _, restore) = render(&request, &OPEN);
    let sent = |index: usize| body["tools"][index]["function"]["name"].as_str().unwrap();
    assert_eq!(sent(1), "a_b");
    assert!(sent(0).starts_with("a_b_") && sent(2).len() == 64);
    assert_eq!(body["messages"][1]["tool_calls"][0]["function"]["name"], sent(0));
    assert_eq!(body["tool_choice"]["function"]["name"], sent(0));
    assert_eq!(restore.names, [(sent(0).to_owned(), "a.b".to_owned()), (sent(2).to_owned(), long)]);
}

#[test]
fn results_come_first_and_their_images_after_them() {
    let image = |url: &str| {
        let media = crate::ir::Media::new(crate::ir::Source::Url(url.into()), None);
        Block::new(Content::Image(media))
    };
    let request = turns(vec![
        Turn::new(
            Role::Assistant,
            vec![Block::text("a"), call("1", "f", ""), Block::text("b"), call("2", "f", "{}")],
        ),
        Turn::new(
            Role::User,
            vec![
                Block::text("And?"),
                result("1", vec![image("https://x/1.png")], false),
                result("2", vec![Block::text("no")], true),
            ],
        ),
    ]);
    let profile = Profile { text_only_content: false, extras: false, ..NARROW };
    let (body, losses, _) = render(&request, &profile);
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["content"], "ab");
    assert_eq!(messages[0]["tool_calls"][0]["id"], messages[1]["tool_call_id"]);
    assert_eq!(messages[0]["tool_calls"][0]["id"].as_str().unwrap().len(), 9);
    assert_eq!(messages[0]["reasoning_content"], " ");
    assert_eq!(messages[2]["content"], "Error: no");
    let image = json!({"type": "image_url", "image_url": {"url": "https://x/1.png"}});
    assert_eq!(messages[3]["content"], json!([image, {"type": "text", "text": "And?"}]));
    assert_eq!(losses, "messages.content;bent, messages.tool.content;bent, messages.tool.is_error;bent");
}

#[test]
fn foreign_seals_are_never_sent_to_a_target() {
    let seal = Signature::new(Dialect::AnthropicMessages, "EqMD");
    let mut sealed = call("c", "f", "{}");
    sealed.signature = Some(Signature::new(Dialect::GeminiGenerate, "CiQB"));
    let request = turns(vec![Turn::new(Role::Assistant, vec![thought("Hm.", Some(seal)), sealed])]);
    let (body, losses, _) = render(&request, &Profile { requires_signature: false, ..OPEN });
    assert_eq!(body["messages"][0]["reasoning_content"], "Hm.");
    assert!(!body.to_string().contains("EqMD") && !body.to_string().contains("CiQB"));
    assert_eq!(losses, "messages.thinking.signature;dropped, messages.tool_calls.signature;dropped");
    let own = Signature::new(Dialect::OpenaiChat, "not JSON");
    let request = turns(vec![Turn::new(Role::Assistant, vec![thought("", Some(own)), Block::text("x")])]);
    assert_eq!(render(&request, &OPEN).0["messages"][0]["reasoning_details"], json!([]));
}

#[test]
fn a_seal_comes_back_from_the_side_field_or_from_the_id() {
    let id = "call_1__thought__CiQB4_Hc-A";
    let seal = Signature::new(Dialect::GeminiGenerate, "CiQB4/Hc+A==");
    for side in [json!({}), json!({"extra_content": {"google": {"thought_signature": "CiQB4/Hc+A=="}}})] {
        let mut sealed = json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        sealed.as_object_mut().unwrap().extend(side.as_object().unwrap().clone());
        let request = ask(&json!({"messages": [
            {"role": "assistant", "content": null, "tool_calls": [sealed]},
            {"role": "tool", "tool_call_id": id, "content": "r"},
        ]}));
        assert_eq!(request.turns[0].blocks[0].signature.as_ref(), Some(&seal));
        let Content::ToolResult(result) = &request.turns[1].blocks[0].content else { panic!() };
        assert_eq!(result.call_id, "call_1");
    }
}

#[test]
fn a_late_system_message_is_an_operators_note_where_only_users_may_speak() {
    let mut request =
        ask(&json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}));
    let (body, losses, _) = render(&request, &NARROW);
    assert_eq!(body["messages"][1]["role"], "user");
    assert!(body["messages"][1]["content"].as_str().unwrap().ends_with("\nb"));
    assert_eq!(losses, "messages.system;bent");
    request.system.extend([Block::text("x"), Block::text("y")]);
    assert_eq!(render(&request, &NARROW).0["messages"][0], json!({"role": "system", "content": "x\n\ny"}));
}

#[test]
fn structured_answers_are_asked_for_as_the_target_can() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"number"}},"required":["a"],"additionalProperties":false}"#;
    let format = |schema: &str, strict| Format::JsonSchema {
        name: None,
        description: None,
        schema: schema.into(),
        strict,
    };
    let mut request = ask(&json!({"response_format": {"type": "text"}}));
    request.format = Some(format(schema, Some(true)));
    let (body, losses, _) = render(&request, &OPEN);
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
    assert_eq!((body["response_format"]["json_schema"]["name"].as_str(), &*losses), (Some("answer"), ""));

    let groq = Profile { structured_output: StructuredOutput::Tool, ..OPEN };
    let (body, losses, restore) = render(&request, &groq);
    assert_eq!(restore.answer_tool.as_deref(), Some("json_answer"));
    assert_eq!(body["tool_choice"]["function"]["name"], "json_answer");
    assert_eq!(losses, "response_format;bent");
    request.tools = ask(&json!({"tools": [function("f")]})).tools;
    assert_eq!(render(&request, &groq).0["tool_choice"], "required");
    request.thinking = ask(&json!({"reasoning_effort": "low"})).thinking;
    assert!(render(&request, &groq).0.get("tool_choice").is_none());

    for (style, field) in [
        (StructuredOutput::JsonObject, json!({"type": "json_object"})),
        (StructuredOutput::None, Value::Null),
    ] {
        let (body, losses, _) = render(&request, &Profile { structured_output: style, ..OPEN });
        assert_eq!(body["response_format"], field);
        assert!(body["messages"][0]["content"].as_str().unwrap().ends_with(schema));
        assert_eq!(losses, "response_format;bent");
    }
    request.format = Some(format(r#"{"type":"object","properties":{"a":{}}}"#, Some(true)));
    let (body, losses, _) = render(&request, &OPEN);
    assert_eq!(
        (&body["response_format"]["json_schema"]["strict"], &*losses),
        (&json!(false), "response_format.strict;bent")
    );
    request.format = Some(Format::JsonObject);
    let (body, losses, _) = render(&request, &OPEN);
    assert!(body["messages"][0]["content"].as_str().unwrap().contains("JSON"));
    assert_eq!(losses, "response_format;bent");
}

#[test]
fn thinking_is_asked_for_as_the_target_can() {
    let say = |thinking: Value, style: ThinkingStyle| {
        let (body, losses, _) = render(&ask(&thinking), &Profile { thinking: style, ..OPEN });
        (body["reasoning_effort"].clone(), body["thinking"].clone(), losses)
    };
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 31999}});
    assert_eq!(
        say(budget.clone(), ThinkingStyle::Effort),
        (json!("high"), Value::Null, "thinking.budget_tokens;bent".into())
    );
    let on = json!({"type": "enabled"});
    assert_eq!(
        say(budget.clone(), ThinkingStyle::Toggle),
        (Value::Null, on, "thinking.budget_tokens;dropped".into())
    );
    assert_eq!(say(budget, ThinkingStyle::None).2, "reasoning_effort;dropped");
    let off = json!({"thinking": {"type": "disabled"}});
    assert_eq!(say(off.clone(), ThinkingStyle::None), (Value::Null, Value::Null, String::new()));
    assert_eq!(say(off, ThinkingStyle::Effort).0, json!("none"));
    let router = json!({"reasoning": {"effort": "low", "exclude": true}});
    assert_eq!(
        say(router, ThinkingStyle::Effort),
        (json!("low"), Value::Null, "reasoning.exclude;dropped".into())
    );
}

#[test]
fn allowed_tools_are_cut_out_of_the_list_where_the_choice_is_unknown() {
    let choice = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}});
    let request = ask(&json!({"tools": [function("f"), function("g")], "tool_choice": choice}));
    assert_eq!(request.tool_choice, Some(ToolChoice::Allowed(vec!["g".into()], true)));
    let (body, losses, _) = render(&request, &Profile { developer_role: false, ..OPEN });
    assert_eq!((body["tools"].as_array().unwrap().len(), &body["tool_choice"]), (1, &json!("required")));
    assert_eq!(losses, "tool_choice;bent");
}

#[test]
fn older_function_calls_become_tools_with_matching_ids() {
    let (_, body) = corpus("requests").into_iter().find(|(name, _)| name == "legacy-functions.json").unwrap();
    let (body, losses, _) = render(&parse(&body), &OPEN);
    assert_eq!(losses, "");
    assert_eq!(body["messages"][1]["tool_calls"][0]["id"], body["messages"][2]["tool_call_id"]);
    assert_eq!(body["tool_choice"]["function"]["name"], "get_weather");
    assert_eq!(body["tools"][0]["function"]["name"], "get_weather");
}

#[test]
fn cache_marks_are_dropped_with_a_note_where_they_are_unknown() {
    let mut request = ask(&json!({}));
    request.turns[0].blocks[0].cache = Some(CacheMark::OneHour);
    let (body, losses, _) = render(&request, &Profile { cache_marks: false, ..OPEN });
    assert_eq!((&body["messages"][0]["content"], &*losses), (&json!("Hi"), "cache_control;dropped"));
}

#[test]
fn what_only_other_dialects_know_is_noted_and_not_said() {
    let mut request = ask(&json!({}));
    request.extras.push(Dialect::AnthropicMessages, "container", "1");
    request.turns[0].blocks.push(Block::new(Content::Opaque {
        dialect: Dialect::AnthropicMessages,
        name: "server_tool_use".into(),
        json: "{}".into(),
        words: None,
    }));
    let (body, losses, _) = render(&request, &OPEN);
    assert_eq!(body, json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}));
    assert_eq!(losses, "messages.content;dropped, container;dropped");
}

#[test]
fn azure_names_the_model_in_the_path() {
    let headers = HeaderMap::new();
    let head = Head {
        path: "/openai/deployments/gpt-4o/chat/completions",
        query: "api-version=2024-10-21",
        headers: &headers,
    };
    let body = br#"{"messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(OpenaiChat.parse_request(&head, body).unwrap().model, "gpt-4o");
}
