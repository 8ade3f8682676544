//! What vendors of the chat dialect refuse although OpenAI takes it, or take no more although they
//! did: a request that each of them takes.

use tollgate::route::{Plan, WORDS, plan};
use tollgate::wire::lens::Lens;

use super::*;

fn vendor(vendor: &str, model: &'static str) -> Target {
    corpus::target(Chat, vendor, model)
}

/// A chat request as a target of its own dialect is sent it.
fn sent(request: &Value, to: &Target) -> Said {
    let text = request.to_string();
    let lens = Lens::watching(text.as_bytes(), &WORDS).unwrap();
    let mut losses = Losses::new();
    match plan(Chat, to.dialect, &lens, to.model, &to.profile, &mut losses) {
        Plan::Translate { .. } => say(Chat, request, to),
        Plan::Verbatim { edits, .. } => Said {
            body: serde_json::from_slice(&lens.apply(&edits)).unwrap(),
            losses: losses.to_header(),
            restore: Restore::default(),
        },
    }
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}])
}

/// Claude Code says its reminders right behind tool results.
fn reminded() -> Value {
    claude(&json!({"messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"},
            {"type": "text", "text": "Mind the gap."}]}]}))
}

fn roles(said: &Said) -> Vec<&str> {
    said.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect()
}

#[test]
fn mistral_hears_the_assistant_between_tools_and_users_issue_17761() {
    for target in [vendor("mistral", "devstral-latest"), vendor("openrouter", "mistralai/mistral-medium-3.1")]
    {
        let said = say(Claude, &reminded(), &target);
        assert_eq!(roles(&said), ["user", "assistant", "tool", "assistant", "user"]);
        assert!(said.lost("messages;bent"), "{}", said.losses);
        let asked = json!({"model": "m", "messages": [{"role": "user", "content": "Go"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "done"}, {"role": "user", "content": "On"}]});
        assert_eq!(roles(&sent(&asked, &target)), ["user", "assistant", "tool", "assistant", "user"]);
    }
    let said = say(Claude, &reminded(), &gpt());
    assert_eq!(roles(&said), ["user", "assistant", "tool", "user"]);
    assert_eq!(said.losses, "");
}

#[test]
fn mistral_goes_on_only_behind_a_marked_beginning() {
    let request = claude(
        &json!({"messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": "{"}]}),
    );
    let said = say(Claude, &request, &vendor("mistral", "mistral-large-latest"));
    assert_eq!(said.body["messages"][1], json!({"role": "assistant", "content": "{", "prefix": true}));
    assert!(say(Claude, &request, &gpt()).body["messages"][1].get("prefix").is_none());
}

#[test]
fn groq_is_asked_for_no_format_beside_tools() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "out", "schema": schema}});
    let target = vendor("groq", "openai/gpt-oss-120b");
    for (format, names) in [(format, vec!["f", "json_answer"]), (json!({"type": "json_object"}), vec!["f"])] {
        let alone = sent(&chat(&json!({"response_format": format})), &target);
        assert_eq!(alone.body["response_format"], format);
        let said = sent(&chat(&json!({"response_format": format, "tools": tools()})), &target);
        assert!(said.body.get("response_format").is_none(), "{}", said.body);
        let told: Vec<_> =
            said.body["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
        assert_eq!(told, names);
    }
}

#[test]
fn newer_gpts_are_told_no_effort_beside_tools() {
    for (model, alone, beside, unsaid) in [
        ("gpt-5.1", json!("high"), json!("high"), Value::Null),
        ("gpt-5.4", json!("high"), Value::Null, Value::Null),
        ("gpt-5.5", json!("high"), Value::Null, Value::Null),
        ("gpt-5.6-terra", json!("high"), json!("none"), json!("none")),
        ("gpt-6-sol", json!("high"), json!("none"), json!("none")),
        // It cannot be told not to think, so its provider has the word.
        ("gpt-6-astra", json!("high"), json!("high"), Value::Null),
    ] {
        let target = vendor("openai", model);
        let effort = |request: &Value| {
            let verbatim = sent(request, &target);
            let translated = say(Chat, request, &target);
            assert_eq!(verbatim.body["reasoning_effort"], translated.body["reasoning_effort"], "{model}");
            assert_eq!(
                verbatim.lost("reasoning_effort;dropped"),
                translated.lost("reasoning_effort;dropped")
            );
            (verbatim.body["reasoning_effort"].clone(), translated.lost("reasoning_effort;dropped"))
        };
        assert_eq!(effort(&chat(&json!({"reasoning_effort": "high"}))), (alone, false), "{model}");
        let lost = beside != "high";
        assert_eq!(
            effort(&chat(&json!({"reasoning_effort": "high", "tools": tools()}))),
            (beside, lost),
            "{model}"
        );
        assert_eq!(effort(&chat(&json!({"tools": tools()}))), (unsaid, false), "{model}");
        if model != "gpt-6-astra" {
            let off = json!({"reasoning_effort": "none", "tools": tools()});
            assert_eq!(effort(&chat(&off)), (json!("none"), false), "{model}");
        }
    }
}

#[test]
fn kimi_is_asked_as_each_of_its_models_takes_it() {
    let asked = json!({"reasoning_effort": "none", "temperature": 0.5, "top_p": 0.5, "presence_penalty": 0.5, "tools": tools(),
        "tool_choice": {"type": "function", "function": {"name": "f"}}});
    for (model, thinking, effort) in [
        ("kimi-k2.6", json!({"type": "disabled"}), Value::Null),
        ("kimi-k2.7-code", Value::Null, Value::Null),
        ("kimi-k3", Value::Null, json!("low")),
    ] {
        let said = say(Chat, &chat(&asked), &vendor("moonshot", model));
        assert_eq!((&said.body["thinking"], &said.body["reasoning_effort"]), (&thinking, &effort), "{model}");
        for refused in ["temperature", "top_p", "presence_penalty"] {
            assert!(said.body.get(refused).is_none() && said.lost(&format!("{refused};dropped")), "{model}");
        }
        // Thinking models cannot be made to call a tool.
        assert!(said.body.get("tool_choice").is_none(), "{model}");
        let sent = sent(
            &chat(&json!({"tools": tools(), "tool_choice": asked["tool_choice"]})),
            &vendor("moonshot", model),
        );
        assert_eq!(sent.body["tool_choice"], "auto", "{model}");
    }
}

#[test]
fn an_effort_is_one_that_the_model_knows() {
    let effort = |vendor_, model, asked: &str| {
        say(Chat, &chat(&json!({"reasoning_effort": asked})), &vendor(vendor_, model)).body["reasoning_effort"].clone()
    };
    for (asked, kimi, mistral) in [
        ("none", "low", "none"),
        ("low", "low", "high"),
        ("medium", "high", "high"),
        ("high", "high", "high"),
        ("xhigh", "max", "high"),
    ] {
        assert_eq!(effort("moonshot", "kimi-k3", asked), kimi);
        assert_eq!(effort("mistral", "mistral-small-latest", asked), mistral);
    }
    assert_eq!(effort("mistral", "codestral-latest", "high"), Value::Null);
}

#[test]
fn perplexity_hears_users_and_assistants_in_turns() {
    let request = claude(
        &json!({"messages": [{"role": "user", "content": "One."}, {"role": "user", "content": "Two."},
        {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Three."}]}),
    );
    let said = say(Claude, &request, &vendor("perplexity", "sonar-pro"));
    assert_eq!(roles(&said), ["user", "assistant", "user"]);
    let texts = json!([{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]);
    assert_eq!(said.body["messages"][0]["content"], texts);
    assert_eq!(roles(&say(Claude, &request, &gpt())), ["user", "user", "assistant", "user"]);
}

#[test]
fn cerebras_is_told_what_it_takes_by_now() {
    let wished = json!({"frequency_penalty": 0.5, "presence_penalty": 0.25, "parallel_tool_calls": false, "tools": tools(),
        "service_tier": "flex", "stream": true, "top_k": 5, "logit_bias": {"1": 1}});
    let said = sent(&chat(&wished), &vendor("cerebras", "gemma-4-31b"));
    assert_eq!(said.losses, "top_k;dropped, logit_bias;dropped");
    assert_eq!(said.body["stream_options"]["include_usage"], true);
    assert_eq!(said.body["parallel_tool_calls"], false);
}

#[test]
fn a_stop_string_is_told_to_claude_clients_only_where_it_ended_the_answer() {
    for (word, told) in [("tool_calls", Value::Null), ("length", Value::Null), ("stop", json!("</call>"))] {
        let body = json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": word,
            "stop_reason": "</call>", "message": {"role": "assistant", "content": "x"}}]});
        assert_eq!(answer(Chat, &body, &Restore::NONE, Claude)["stop_sequence"], told, "{word}");
    }
}
