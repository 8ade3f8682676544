//! What a target is asked beside the conversation: thinking, sampling, tools, the form of the answer.

use serde_json::{Value, json};

use super::requests::{ask, call, model, result, tool, user};
use super::{ADAPTIVE, PERMISSIVE, render};
use crate::catalog::profile::{Profile, StructuredOutput, ThinkingStyle};
use crate::ir::{Dialect, Effort, Format, Request, Role, Thinking, Tool, ToolChoice, ToolKind, Turn};

#[allow(clippy::unnecessary_wraps, reason = "the field it fills is optional")]
fn schema(text: &str) -> Option<Format> {
    Some(Format::JsonSchema {
        name: Some("x".into()),
        description: None,
        schema: text.into(),
        strict: Some(true),
    })
}

fn thinking(thinking: Thinking, max_tokens: Option<u64>, profile: &Profile) -> (Value, String) {
    let mut request = ask(vec![user("Hi")]);
    request.thinking = Some(thinking);
    request.sampling.max_tokens = max_tokens;
    let (said, _, losses) = render(&request, profile);
    (json!([said["thinking"], said["output_config"], said["max_tokens"]]), losses.to_header())
}

#[test]
fn effort_is_said_as_a_budget_below_the_limit() {
    let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
    let budget = |tokens: u64| json!({"type":"enabled","budget_tokens":tokens});
    let asked = |level, max| thinking(effort(level), max, &PERMISSIVE);
    assert_eq!(asked(Effort::Low, None), (json!([budget(1024), null, 5120]), String::new()));
    assert_eq!(asked(Effort::Max, Some(32_000)), (json!([budget(16_384), null, 32_000]), String::new()));
    assert_eq!(
        asked(Effort::High, Some(2000)),
        (json!([budget(1999), null, 2000]), "thinking.budget_tokens;clamped".into())
    );
    assert_eq!(asked(Effort::High, Some(100)), (json!([null, null, 100]), "thinking;dropped".into()));
    assert_eq!(asked(Effort::None, Some(100)), (json!([null, null, 100]), String::new()));
    let none = Profile { thinking: ThinkingStyle::None, ..PERMISSIVE };
    assert_eq!(thinking(effort(Effort::Low), Some(9), &none).1, "reasoning_effort;dropped");
}

#[test]
fn effort_is_said_as_effort_to_models_that_adapt() {
    let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
    let shown = json!({"type":"adaptive","display":"summarized"});
    let asked = |level| thinking(effort(level), Some(9000), &ADAPTIVE);
    assert_eq!(asked(Effort::XHigh), (json!([shown, {"effort":"xhigh"}, 9000]), String::new()));
    assert_eq!(asked(Effort::Minimal).0[1]["effort"], "low");
    assert_eq!(asked(Effort::None).0[0], json!({"type":"disabled"}));
    let budget = Thinking { enabled: Some(true), budget: Some(5000), ..Thinking::default() };
    let (said, losses) = thinking(budget, Some(9000), &ADAPTIVE);
    assert_eq!((&said[0], &said[1]["effort"]), (&json!({"type":"adaptive"}), &json!("high")));
    assert_eq!(losses, "thinking.budget_tokens;bent");
}

#[test]
fn a_model_that_thinks_is_not_forced_nor_tuned() {
    let mut request = ask(vec![user("Hi")]);
    request.thinking = Some(Thinking { enabled: Some(true), budget: Some(2000), ..Thinking::default() });
    request.tools = vec![tool("f")];
    request.tool_choice = Some(ToolChoice::Required);
    request.parallel_tools = Some(false);
    request.sampling.temperature = Some(0.2);
    request.sampling.top_k = Some(4);
    request.sampling.top_p = Some(0.97);
    let (said, _, losses) = render(&request, &PERMISSIVE);
    assert_eq!(said["tool_choice"], json!({"type":"auto","disable_parallel_tool_use":true}));
    assert_eq!((said.get("temperature"), said.get("top_k"), &said["top_p"]), (None, None, &json!(0.97)));
    assert_eq!(losses.to_header(), "tool_choice;bent, temperature;dropped, top_k;dropped");
}

#[test]
fn thinking_stops_where_the_last_call_came_without_a_thought() {
    let mut request = ask(vec![
        user("Go."),
        model(vec![call("a", "f", "{}")]),
        Turn::new(Role::User, vec![result("a", "1")]),
    ]);
    request.tools = vec![tool("f")];
    request.thinking = Some(Thinking { effort: Some(Effort::Low), ..Thinking::default() });
    let (said, _, losses) = render(&request, &PERMISSIVE);
    assert_eq!((said.get("thinking"), losses.to_header().as_str()), (None, "thinking;dropped"));
    assert!(render(&request, &ADAPTIVE).2.is_empty());
}

#[test]
fn sampling_is_brought_into_range_and_the_rest_named() {
    let mut request = ask(vec![user("Hi")]);
    request.sampling.temperature = Some(1.5);
    request.sampling.seed = Some(7);
    request.sampling.candidates = Some(2);
    request.sampling.frequency_penalty = Some(0.0);
    request.sampling.logit_bias = Some("{\"50256\":-100}".into());
    request.sampling.stop = vec!["\n".into(), "END".into()];
    request.user = Some("someone@example.com".into());
    let (said, _, losses) = render(&request, &PERMISSIVE);
    assert_eq!((&said["temperature"], &said["stop_sequences"]), (&json!(1), &json!(["END"])));
    assert_eq!(said.get("metadata"), None);
    assert_eq!(
        losses.to_header(),
        "temperature;clamped, stop;dropped, seed;dropped, n;dropped, logit_bias;dropped, user;dropped"
    );
    let fixed = Profile { max_temperature: None, ..PERMISSIVE };
    let (said, _, losses) = render(&Request { sampling: request.sampling, ..ask(vec![user("Hi")]) }, &fixed);
    assert_eq!((said.get("temperature"), losses.first().unwrap().field.as_ref()), (None, "temperature"));
}

#[test]
fn a_schema_is_closed_and_its_bounds_are_told() {
    let mut request = ask(vec![user("Hi")]);
    request.format = schema(
        r##"{"$schema":"x","type":"object","properties":{"age":{"type":"integer","minimum":1,"description":"Years."},
        "tags":{"type":"array","items":{"$ref":"#/$defs/tag"},"minItems":2},"either":{"oneOf":[{"type":"null"},{"type":"string","format":"uri"}]}},
        "required":["age"],"$defs":{"tag":{"type":"string","maxLength":9,"enum":["a",null]}}}"##,
    );
    let (said, _, losses) = render(&request, &PERMISSIVE);
    assert_eq!(
        said["output_config"]["format"]["schema"],
        json!({
            "type":"object",
            "properties":{
                "age":{"type":"integer","description":"Years. (minimum: 1)"},
                "tags":{"type":"array","items":{"$ref":"#/$defs/tag"},"description":"(minItems: 2)"},
                "either":{"anyOf":[{"type":"null"},{"type":"string","format":"uri"}]},
            },
            "required":["age"],
            "$defs":{"tag":{"type":"string","enum":["a",null],"description":"(maxLength: 9)"}},
            "additionalProperties":false,
        })
    );
    assert_eq!(losses.to_header(), "response_format.schema;bent");
}

#[test]
fn older_models_answer_in_form_through_a_tool() {
    let profile = Profile { structured_output: StructuredOutput::Tool, ..PERMISSIVE };
    let mut request = ask(vec![user("Hi")]);
    request.format = schema(r#"{"type":"object","properties":{}}"#);
    let (said, rendered, losses) = render(&request, &profile);
    let forced = json!({"type":"tool","name":"json_answer","disable_parallel_tool_use":true});
    assert_eq!((&said["tools"][0]["name"], &said["tool_choice"]), (&json!("json_answer"), &forced));
    assert_eq!(rendered.restore.answer_tool.as_deref(), Some("json_answer"));
    assert_eq!(losses.to_header(), "response_format;bent");
    request.tools = vec![tool("f")];
    assert_eq!(render(&request, &profile).0["tool_choice"]["type"], "any");
    request.thinking = Some(Thinking { effort: Some(Effort::Low), ..Thinking::default() });
    let (said, ..) = render(&request, &profile);
    assert_eq!(said["tool_choice"]["type"], "auto");
    assert!(said["system"][0]["text"].as_str().unwrap().contains("json_answer"));
    request.format = Some(Format::JsonObject);
    assert!(render(&request, &profile).0["system"][0]["text"].as_str().unwrap().contains("JSON object"));
}

#[test]
fn what_only_another_dialect_knows_is_named_as_lost() {
    let mut request = ask(vec![user("Hi")]);
    request.extras.push(Dialect::OpenaiChat, "verbosity", "\"low\"");
    request.tools = vec![
        Tool {
            kind: ToolKind::Hosted {
                dialect: Dialect::GeminiGenerate,
                json: "{\"googleMaps\":{}}".into(),
                service: None,
            },
            ..tool("googleMaps")
        },
        Tool {
            kind: ToolKind::Hosted {
                dialect: Dialect::OpenaiChat,
                json: "{\"type\":\"bash_20250124\",\"name\":\"bash\"}".into(),
                service: None,
            },
            ..tool("bash")
        },
        Tool { strict: Some(true), ..tool("f") },
    ];
    let (said, _, losses) = render(&request, &Profile { strict_tools: false, ..PERMISSIVE });
    let kinds: Vec<&Value> = said["tools"].as_array().unwrap().iter().map(|tool| &tool["type"]).collect();
    assert_eq!(kinds, [&json!("bash_20250124"), &Value::Null]);
    assert_eq!(losses.to_header(), "tools.hosted;dropped, tools.strict;dropped, verbosity;dropped");
}
