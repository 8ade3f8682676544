//! Requests: read from clients, and said to Cohere.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::catalog::House;
use crate::catalog::profile::{Profile, ReasoningHistory, ThinkingStyle};
use crate::dialect::cohere_chat::CohereChat;
use crate::dialect::{Codec, Head, Malformed};
use crate::ir::{
    Block, Content, Dialect, Effort, Format, Losses, Media, Reasoning, Request, Role, Source, Thinking, Tool,
    ToolChoice, Turn,
};

fn read(body: &Value) -> Result<Request, Malformed> {
    let headers = HeaderMap::new();
    let head = Head { path: "/v2/chat", query: "", headers: &headers };
    CohereChat.parse_request(&head, body.to_string().as_bytes())
}

fn with(members: &Value) -> Value {
    let mut body = json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn asking(text: &str) -> Request {
    Request {
        model: "m".to_owned(),
        turns: vec![Turn::new(Role::User, vec![Block::text(text)])],
        ..Request::default()
    }
}

fn profile() -> Profile {
    Profile { thinking: ThinkingStyle::Budget, ..Profile::norm(Dialect::CohereChat, House::Own) }
}

fn said_to(request: &Request, profile: &Profile) -> (Value, String) {
    let mut losses = Losses::new();
    let rendered = CohereChat.render_request(request, "m", profile, &mut losses);
    (serde_json::from_slice(&rendered.body).unwrap(), losses.to_header())
}

fn said(request: &Request) -> (Value, String) {
    said_to(request, &profile())
}

fn tool(name: &str, schema: &Value, strict: Option<bool>) -> Tool {
    let body =
        with(&json!({"tools": [{"type": "function", "function": {"name": name, "parameters": schema}}]}));
    Tool { strict, ..read(&body).unwrap().tools.remove(0) }
}

#[test]
fn a_mistake_is_named_by_its_path() {
    let message = |message: Value| json!({"model": "m", "messages": [message]});
    for (body, param) in [
        (json!({"messages": [{"role": "user", "content": "a"}]}), "model"),
        (json!({"model": "m"}), "messages"),
        (message(json!({"content": "a"})), "messages[0].role"),
        (message(json!({"role": "CHATBOT", "content": "a"})), "messages[0].role"),
        (message(json!({"role": "user"})), "messages[0].content"),
        (message(json!({"role": "user", "content": 1})), "messages[0].content"),
        (message(json!({"role": "user", "content": [{"text": "a"}]})), "messages[0].content[0].type"),
        (
            message(json!({"role": "user", "content": [{"type": "image_url"}]})),
            "messages[0].content[0].image_url",
        ),
        (message(json!({"role": "tool", "content": "a"})), "messages[0].tool_call_id"),
        (with(&json!({"tool_choice": "auto"})), "tool_choice"),
        (with(&json!({"tools": [{"type": "function"}]})), "tools[0].function"),
        (with(&json!({"tools": [{"type": "function", "function": {}}]})), "tools[0].function.name"),
        (with(&json!({"response_format": {"type": "json_schema"}})), "response_format.type"),
        (with(&json!({"thinking": {"type": "adaptive"}})), "thinking.type"),
        (with(&json!({"thinking": {"type": "enabled", "token_budget": "1"}})), "thinking.token_budget"),
        (with(&json!({"stop_sequences": "END"})), "stop_sequences"),
        (with(&json!({"documents": {"text": "a"}})), "documents"),
        (with(&json!({"p": "0.5"})), "p"),
    ] {
        assert_eq!(read(&body).unwrap_err().param, param, "{body}");
    }
}

#[test]
fn what_only_cohere_knows_comes_back_to_it() {
    let own = json!({"safety_mode": "STRICT", "citation_options": {"mode": "FAST"}, "priority": 3});
    let request = read(&with(&own)).unwrap();
    let (body, losses) = said(&request);
    assert_eq!(losses, "");
    for (name, value) in own.as_object().unwrap() {
        assert_eq!(&body[name], value);
    }
}

#[test]
fn a_tool_cannot_be_named_so_it_is_the_only_one() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let mut request = asking("go");
    request.tools = vec![tool("a", &schema, None), tool("b", &schema, None)];
    request.tool_choice = Some(ToolChoice::Tool("b".to_owned()));
    let (body, losses) = said(&request);
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&body["tools"][0]["function"]["name"], &body["tool_choice"]),
        (&json!("b"), &json!("REQUIRED"))
    );
    assert_eq!(losses, "tool_choice;bent");
    request.tool_choice = Some(ToolChoice::None);
    assert_eq!(said(&request).0["tool_choice"], "NONE");
    request.tool_choice = Some(ToolChoice::Auto);
    assert_eq!(said(&request).0.get("tool_choice"), None, "it has no word for what is usual");
}

#[test]
fn tools_are_strict_together_and_only_if_they_require_something() {
    let some = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let free = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let none = json!({"type": "object", "properties": {}});
    for (tools, strict, losses) in [
        (vec![tool("a", &some, Some(true)), tool("b", &none, Some(true))], json!(true), ""),
        (vec![tool("a", &some, Some(true)), tool("b", &some, None)], Value::Null, "tools.strict;dropped"),
        (
            vec![tool("a", &some, Some(true)), tool("b", &free, Some(true))],
            Value::Null,
            "tools.strict;dropped",
        ),
        (vec![tool("a", &some, None)], Value::Null, ""),
    ] {
        let (body, noted) = said(&Request { tools, ..asking("go") });
        assert_eq!((&body["strict_tools"], noted.as_str()), (&strict, losses), "{body}");
    }
}

#[test]
fn a_form_is_demanded_of_objects_alone_and_else_asked_for() {
    let schema = |schema: Value| Format::JsonSchema {
        name: Some("n".to_owned()),
        description: None,
        schema: schema.to_string(),
        strict: Some(true),
    };
    let object = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let mut request = asking("go");
    request.format = Some(schema(object.clone()));
    let (body, losses) = said(&request);
    assert_eq!(body["response_format"], json!({"type": "json_object", "json_schema": object}));
    assert_eq!(losses, "");

    request.format = Some(schema(json!({"type": "array", "items": {"type": "string"}})));
    let in_words = |request: &Request| {
        let (body, losses) = said(request);
        assert_eq!((body.get("response_format"), losses.as_str()), (None, "response_format;bent"), "{body}");
        assert!(body["messages"][0]["content"].as_str().unwrap().contains("JSON"), "{body}");
        assert_eq!(body["messages"][0]["role"], "system");
    };
    in_words(&request);
    request.format = Some(Format::JsonObject);
    assert_eq!(said(&request).0["response_format"], json!({"type": "json_object"}));
    request.tools = vec![tool("a", &object, None)];
    in_words(&request);
}

#[test]
fn thinking_is_a_budget_and_is_not_asked_of_a_model_without() {
    let thinking = |thinking| Request { thinking: Some(thinking), ..asking("go") };
    let high = thinking(Thinking { effort: Some(Effort::High), ..Thinking::default() });
    let (body, losses) = said(&high);
    assert_eq!(body["thinking"], json!({"type": "enabled", "token_budget": 4096}));
    assert_eq!(losses, "reasoning_effort;bent");
    let exact = thinking(Thinking { enabled: Some(true), budget: Some(900), ..Thinking::default() });
    assert_eq!(
        said(&exact),
        (with_thinking(&json!({"type": "enabled", "token_budget": 900})), String::new())
    );
    let off = thinking(Thinking { effort: Some(Effort::None), ..Thinking::default() });
    assert_eq!(said(&off), (with_thinking(&json!({"type": "disabled"})), String::new()));
    let plain = Profile { thinking: ThinkingStyle::None, ..profile() };
    let (body, losses) = said_to(&high, &plain);
    assert_eq!((body.get("thinking"), losses.as_str()), (None, "reasoning_effort;dropped"));
    assert_eq!(said_to(&off, &plain).1, "", "what never thinks need not be told to stop");
}

fn with_thinking(thinking: &Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "go"}], "thinking": thinking})
}

#[test]
fn earlier_thought_is_shown_to_those_who_think_and_never_empty() {
    let thought = |text: &str| {
        let reasoning = Reasoning { text: text.to_owned(), redacted: None };
        Block::new(Content::Reasoning(reasoning))
    };
    let history = |text: &str| {
        let mut request = asking("go");
        request.turns.push(Turn::new(Role::Assistant, vec![thought(text), Block::text("Yes.")]));
        request.turns.push(Turn::new(Role::User, vec![Block::text("Why?")]));
        request
    };
    let (body, losses) = said(&history("Hm."));
    assert_eq!(body["messages"][1]["content"][0], json!({"type": "thinking", "thinking": "Hm."}));
    assert_eq!(losses, "");
    let (body, losses) = said(&history(""));
    assert_eq!((&body["messages"][1]["content"], losses.as_str()), (&json!("Yes."), ""));
    let plain = Profile { reasoning_history: ReasoningHistory::Drop, ..profile() };
    let (body, losses) = said_to(&history("Hm."), &plain);
    assert_eq!(
        (&body["messages"][1]["content"], losses.as_str()),
        (&json!("Yes."), "messages.reasoning;dropped")
    );
}

#[test]
fn words_before_calls_are_their_plan_both_ways() {
    let call = json!({"id": "a_1", "type": "function", "function": {"name": "a", "arguments": "{}"}});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_plan": "I will ask a.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a_1", "content": "1"},
    ]});
    let request = read(&body).unwrap();
    let [plan, call] = request.turns[1].blocks.as_slice() else { panic!("{request:?}") };
    assert_eq!(plan.as_text(), Some("I will ask a."));
    assert!(matches!(&call.content, Content::ToolCall(call) if call.id == "a_1"));
    let (again, losses) = said(&request);
    assert_eq!((&again["messages"], losses.as_str()), (&body["messages"], ""));
}

#[test]
fn a_document_with_nothing_but_words_is_one_for_everybody() {
    let body = with(&json!({"documents": [
        "bare",
        {"data": {"text": "unnamed"}},
        {"id": "doc1", "data": "named"},
        {"id": "doc2", "data": {"snippet": "an extract"}},
        {"data": {"title": "Title", "text": "titled"}},
        {"id": "doc3", "data": {"title": "Title", "text": "t", "url": "https://example.com"}},
    ]}));
    let request = read(&body).unwrap();
    let documents: Vec<_> = request.turns[0]
        .blocks
        .iter()
        .filter_map(|block| match &block.content {
            Content::Document(Media { source: Source::Text(text), name, .. }) => {
                Some((name.as_deref(), text.as_str(), block.extras.is_empty()))
            }
            _ => None,
        })
        .collect();
    let all = "text: t\ntitle: Title\nurl: https://example.com";
    assert_eq!(
        documents,
        [
            (None, "bare", true),
            (None, "unnamed", true),
            (Some("doc1"), "named", true),
            (Some("doc2"), "an extract", true),
            (Some("Title"), "titled", true),
            (Some("doc3"), all, false),
        ]
    );
    let (again, losses) = said(&request);
    assert_eq!(losses, "");
    assert_eq!(again["documents"][5], body["documents"][5], "what has more comes back as it was");
    assert_eq!(read(&again).unwrap().turns, request.turns);
}
