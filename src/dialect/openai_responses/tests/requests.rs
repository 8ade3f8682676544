//! Requests: what is complained of, and what a target is told.

use super::{parse, profile, said};
use crate::catalog::Quirks;
use crate::catalog::profile::{EffortBesideTools, Profile, ThinkingStyle};
use crate::dialect::Codec;
use crate::dialect::openai_responses::OpenaiResponses;
use crate::ir::{
    Block, Content, Dialect, Effort, Losses, Request, Role, Signature, Thinking, Tool, ToolCall, ToolKind,
    ToolResult, Turn,
};
use crate::wire::json::{self, Json};

#[test]
fn a_complaint_names_its_field() {
    for (body, param) in [
        (r#"{"input":"a"}"#, "model"),
        (r#"{"model":"m"}"#, "input"),
        (r#"{"model":"m","input":7}"#, "input"),
        (r#"{"model":"m","input":[{"role":"tool","content":"a"}]}"#, "input[0].role"),
        (r#"{"model":"m","input":[{"role":"user"}]}"#, "input[0].content"),
        (
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text"}]}]}"#,
            "input[0].content[0].text",
        ),
        (
            r#"{"model":"m","input":[{"type":"function_call","name":"f","arguments":"{}"}]}"#,
            "input[0].call_id",
        ),
        (r#"{"model":"m","input":"a","tools":[{"type":"function"}]}"#, "tools[0].name"),
        (r#"{"model":"m","input":"a","tool_choice":"any"}"#, "tool_choice"),
        (
            r#"{"model":"m","input":"a","text":{"format":{"type":"json_schema","name":"n"}}}"#,
            "text.format.schema",
        ),
        (r#"{"model":"m","input":"a","max_output_tokens":-1}"#, "max_output_tokens"),
        (r#"{"model":"m","input":"a","reasoning":{"effort":3}}"#, "reasoning.effort"),
        (r#"{"model":"m","input":"a","include":[1]}"#, "include[0]"),
    ] {
        assert_eq!(parse(body).unwrap_err().param, param, "{body}");
    }
}

#[test]
fn what_another_request_stands_on_needs_no_input() {
    assert!(parse(r#"{"model":"m","prompt":{"id":"pmpt_1"}}"#).is_ok());
    assert!(parse(r#"{"prompt":{"id":"pmpt_1"}}"#).is_ok());
    assert!(parse(r#"{"model":"m","previous_response_id":"resp_1"}"#).is_ok());
}

#[test]
fn what_one_side_says_and_calls_in_a_row_is_one_turn() {
    let request = parse(
        r#"{"model":"m","input":[{"role":"user","content":"a"},
        {"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},
        {"type":"function_call","call_id":"c1","name":"f","arguments":""},
        {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c1","output":"1"},
        {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]},
        {"role":"assistant","content":"c"},{"role":"assistant","content":"d"}]}"#,
    );
    let turns: Vec<_> = request.unwrap().turns.iter().map(|turn| (turn.role, turn.blocks.len())).collect();
    let (user, assistant) = (Role::User, Role::Assistant);
    assert_eq!(turns, [(user, 1), (assistant, 4), (user, 1), (user, 1), (assistant, 1), (assistant, 1)]);
}

#[test]
fn a_seal_finds_its_block_before_or_behind() {
    let block = |body: &str| {
        let request = parse(body).unwrap();
        request.turns.iter().flat_map(|turn| &turn.blocks).find(|block| block.signature.is_some()).cloned()
    };
    let google = Some(Signature::new(Dialect::GeminiGenerate, "Cg=="));
    let seal =
        |mark: &str| format!(r#"{{"type":"reasoning","summary":[],"encrypted_content":"{mark}~g~Cg=="}}"#);
    let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
    let words = r#"{"role":"assistant","content":"b"}"#;
    for items in [
        format!("{},{call}", seal("~rn~")),
        format!("{words},{}", seal("~rl~")),
        // A client that puts all thoughts first.
        format!("{},{words}", seal("~rl~")),
    ] {
        let found = block(&format!(r#"{{"model":"m","input":[{items}]}}"#)).unwrap();
        assert_eq!(found.signature, google, "{items}");
        assert!(!matches!(found.content, Content::Reasoning(_)), "{items}");
    }
}

#[test]
fn only_its_issuer_gets_a_seal_back_and_made_up_items_go_nowhere() {
    let request = parse(
        r#"{"model":"m","input":[{"role":"user","content":"a"},
        {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"~a~x"},
        {"type":"reasoning","id":"rs_2","summary":[{"type":"summary_text","text":"t"}],"encrypted_content":"~r-~"},
        {"type":"reasoning","id":"rs_3","summary":[],"encrypted_content":"gAAAA"},
        {"type":"message","role":"assistant","content":"b"}]}"#,
    );
    let (body, losses) = said(&request.unwrap(), "gpt-5-codex");
    assert!(!body.contains("rs_1") && !body.contains("rs_2") && body.contains(r#""id":"rs_3""#), "{body}");
    assert_eq!(losses, "messages.thinking.signature;dropped, messages.reasoning;dropped");
}

fn foreign() -> Request {
    let call =
        ToolCall { id: "c".into(), name: "f".into(), arguments: "{}".into(), kind: ToolKind::Function };
    let result =
        ToolResult { call_id: "c".into(), name: None, content: vec![Block::text("no")], is_error: true };
    Request {
        system: vec![Block::text("Be brief."), Block::text("Be kind.")],
        turns: vec![
            Turn::new(Role::User, vec![Block::text("a")]),
            Turn::new(Role::Assistant, vec![Block::text("b"), Block::new(Content::ToolCall(call))]),
            Turn::new(Role::User, vec![Block::new(Content::ToolResult(result)), Block::text("c")]),
        ],
        thinking: Some(Thinking { enabled: Some(true), budget: Some(2048), ..Thinking::default() }),
        ..Request::default()
    }
}

#[test]
fn another_dialects_request_keeps_nothing_and_takes_its_thoughts_along() {
    let (body, losses) = said(&foreign(), "gpt-5-codex");
    assert!(body.contains(r#""instructions":"Be brief.\n\nBe kind.""#), "{body}");
    assert!(body.contains(r#""reasoning":{"effort":"medium","summary":"auto"}"#), "{body}");
    assert!(body.contains(r#""store":false,"include":["reasoning.encrypted_content"]"#), "{body}");
    assert!(
        body.contains(r#""call_id":"c","output":"Error: no"},{"type":"message","role":"user","content":"c""#),
        "{body}"
    );
    assert_eq!(losses, "messages.tool.is_error;bent, thinking.budget_tokens;bent");
    // A model that does not think seals nothing, and is not asked to.
    let (body, losses) = said(&foreign(), "gpt-4.1");
    assert!(!body.contains("include") && !body.contains("reasoning"), "{body}");
    assert!(losses.contains("reasoning_effort;dropped"), "{losses}");
}

#[test]
fn a_tool_is_made_strict_by_openai_only_where_its_client_left_it_open() {
    let tool = |strict: &str| {
        let body =
            format!(r#"{{"model":"m","input":"a","tools":[{{"type":"function","name":"f"{strict}}}]}}"#);
        said(&parse(&body).unwrap(), "gpt-5-codex").0
    };
    assert!(!tool("").contains("strict"));
    assert!(tool(r#","strict":false"#).contains(r#""strict":false"#));
    let mut chat = foreign();
    chat.tools.push(Tool {
        name: "f".into(),
        description: None,
        schema: None,
        strict: None,
        kind: ToolKind::Function,
        cache: None,
        extras: <_>::default(),
    });
    assert!(said(&chat, "gpt-5-codex").0.contains(r#""strict":false"#));
}

#[test]
fn thinking_beside_tools_is_taken_here() {
    let profile = profile("gpt-5.6");
    assert_eq!(profile.together.effort_beside_tools, EffortBesideTools::Taken);
    assert_eq!(profile.thinking, ThinkingStyle::Effort);
    assert!(profile.effort(Effort::High) == Effort::High && profile.tool_result_media);
}

#[test]
fn what_the_dialect_has_no_word_for_is_noted() {
    let mut request = foreign();
    request.sampling.stop = vec!["x".into()];
    request.sampling.seed = Some(1);
    request.sampling.candidates = Some(2);
    request.sampling.frequency_penalty = Some(0.0);
    request.sampling.max_tokens = Some(3);
    let mut losses = Losses::new();
    let body = OpenaiResponses.render_request(&request, "m", &profile("gpt-4.1"), &mut losses).body;
    assert!(String::from_utf8(body).unwrap().contains(r#""max_output_tokens":16"#));
    let losses = losses.to_header();
    for lost in ["stop;dropped", "seed;dropped", "n;dropped", "max_tokens;clamped"] {
        assert!(losses.contains(lost), "{losses}");
    }
    assert!(!losses.contains("frequency"), "{losses}");
}

/// A request of a client that declares an MCP server's tools as Codex does.
pub(super) const SPACED: &str = r#"{"model":"m","input":[
    {"type":"function_call","call_id":"c1","namespace":"mcp__dates__","name":"_list","arguments":"{}"},
    {"type":"function_call_output","call_id":"c1","output":"[]"},
    {"type":"function_call","call_id":"c2","namespace":"late","name":"late","arguments":"{}"},
    {"type":"function_call_output","call_id":"c2","output":"ok"}],
    "tools":[{"type":"namespace","name":"mcp__dates__","description":"Dates.","tools":[
        {"type":"function","name":"_list","strict":false,"parameters":{"type":"object","properties":{}}},
        {"type":"custom","name":"add"}]},
    {"type":"function","name":"late","defer_loading":true}]}"#;

#[test]
fn tools_of_a_namespace_have_one_name_for_all_others() {
    let request = parse(SPACED).unwrap();
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["mcp__dates___list", "mcp__dates__add", "late"]);
    let calls = request.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| match &block.content {
        Content::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), ["mcp__dates___list", "late"]);
    let house = Profile::of(Dialect::OpenaiResponses, &Quirks::NONE, "m", None);
    let body = OpenaiResponses.render_request(&request, "m", &house, &mut Losses::new()).body;
    let body = String::from_utf8(body).unwrap();
    assert!(!body.contains("namespace") && body.contains(r#""name":"mcp__dates___list""#), "{body}");
}

#[test]
fn a_namespace_comes_through_the_hub_as_it_was() {
    let (body, losses) = said(&parse(SPACED).unwrap(), "gpt-5.4");
    assert_eq!(losses, "");
    let body = json::parse(body.as_bytes()).unwrap();
    let tools = body.field("tools").unwrap().elements();
    assert_eq!(tools.len(), 2);
    assert_eq!(
        tools[0].raw(),
        r#"{"type":"namespace","name":"mcp__dates__","description":"Dates.","tools":[{"type":"function","name":"_list","parameters":{"type":"object","properties":{}},"strict":false},{"type":"custom","name":"add"}]}"#
    );
    let called: Vec<_> = body
        .field("input")
        .unwrap()
        .elements()
        .iter()
        .step_by(2)
        .map(|item| {
            let text = |key: &str| item.field(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            (text("namespace"), text("name"))
        })
        .collect();
    let both = |space: &str, name: &str| (space.to_owned(), name.to_owned());
    assert_eq!(called, [both("mcp__dates__", "_list"), both("late", "late")]);
    let unnamed = r#"{"model":"m","input":"a","tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]}"#;
    assert_eq!(parse(unnamed).unwrap_err().param, "tools[0].tools[0].name");
}

#[test]
fn a_program_of_the_models_is_told_in_words_to_others() {
    let request = parse(
        r#"{"model":"m","input":[
        {"type":"program","id":"cm_1","call_id":"c","code":"text(1)","fingerprint":"F"},
        {"type":"program_output","call_id":"c","status":"completed","result":"one"},
        {"type":"message","role":"user","content":"And?"}]}"#,
    )
    .unwrap();
    let words: Vec<&str> = request
        .turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match &block.content {
            Content::Opaque { words, .. } => words.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["Code that was run:\ntext(1)", "Its output:\none"]);
}
