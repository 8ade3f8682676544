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

/// What vendors do with thought of earlier turns: as it was said by another provider.
fn thoughtful() -> Value {
    claude(&json!({"messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="},
            {"type": "text", "text": "Yes."}]},
        {"role": "user", "content": "On"}]}))
}

#[test]
fn thought_goes_back_where_each_vendor_has_it() {
    for (provider, model, content, beside) in [
        (
            "mistral",
            "magistral-medium-latest",
            json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes."}]),
            Value::Null,
        ),
        ("mistral", "mistral-large-latest", json!("Yes."), Value::Null),
        ("minimax", "MiniMax-M2", json!("<think>\nHm.\n</think>\n\nYes."), Value::Null),
        (
            "databricks",
            "databricks-claude-sonnet-4-5",
            json!([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm.", "signature": "c2VhbA=="}]}, {"type": "text", "text": "Yes."}]),
            Value::Null,
        ),
        ("deepseek", "deepseek-reasoner", json!("Yes."), json!("Hm.")),
        ("dashscope", "qwen3-32b", json!("Yes."), json!("Hm.")),
        ("groq", "openai/gpt-oss-120b", json!("Yes."), Value::Null),
    ] {
        let said = say(Claude, &thoughtful(), &vendor(provider, model));
        let turn = &said.body["messages"][1];
        assert_eq!(turn["content"], content, "{provider} {model}");
        assert_eq!(turn["reasoning_content"], beside, "{provider} {model}");
        let lost = beside.is_null() && content == "Yes.";
        assert_eq!(said.lost("messages.reasoning;dropped"), lost, "{provider} {model}: {}", said.losses);
    }
}

#[test]
fn what_mistral_thought_comes_back_as_it_was() {
    let thought = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes."}]);
    let native = chat(&json!({"safe_prompt": true, "messages": [{"role": "user", "content": "Go"},
        {"role": "assistant", "content": thought, "tool_calls": [{"id": "D681PevKs", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "D681PevKs", "name": "f", "content": "done"}]}));
    let target = vendor("mistral", "magistral-medium-latest");
    let said = sent(&native, &target);
    assert_eq!((&said.body["messages"], &*said.losses), (&native["messages"], ""), "nothing is said again");
    assert_eq!(say(Chat, &native, &target).body["safe_prompt"], true, "it is Mistral's own");
    // Nobody else takes such parts.
    for other in [gpt(), vendor("vllm", "qwen3-8b")] {
        let said = sent(&native, &other);
        assert!(said.body["messages"][1]["content"] == "Yes.", "{}", said.body);
    }
}

#[test]
fn mistral_takes_names_of_tools_and_plain_schemas_alone() {
    let target = vendor("mistral", "mistral-large-latest");
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let request = chat(&json!({"messages": [{"role": "user", "name": "Ann", "content": "Go"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}));
    let said = sent(&request, &target);
    assert!(said.body["messages"][0].get("name").is_none(), "{}", said.body);
    assert!(said.lost("messages.name;dropped"));
    assert_eq!(
        said.body["tools"][0]["function"]["parameters"],
        json!({"type": "object", "properties": {"a": {"type": "string"}}})
    );
    // Grok knows who a user is, and nobody else.
    let named = |role: &str| {
        chat(
            &json!({"messages": [{"role": role, "name": "Ann", "content": "Go"}, {"role": "user", "content": "On"}]}),
        )
    };
    let grok = vendor("xai", "grok-4");
    assert_eq!(sent(&named("user"), &grok).body["messages"][0]["name"], "Ann");
    assert!(sent(&named("assistant"), &grok).body["messages"][0].get("name").is_none());
}

#[test]
fn mistral_is_told_nine_characters_for_each_call() {
    let target = vendor("mistral", "mistral-large-latest");
    let id = "call_abcdefghijklmnop";
    let request = chat(&json!({"messages": [{"role": "user", "content": "Go"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": id, "content": "done"}]}));
    let said = sent(&request, &target);
    let call = said.body["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(call.len() == 9 && call.chars().all(|c| c.is_ascii_alphanumeric()), "{call}");
    assert_eq!(said.body["messages"][2]["tool_call_id"], call);
}

#[test]
fn how_hard_to_think_is_said_as_each_vendor_takes_it() {
    let open = |members: &Value| with(chat(&json!({"stream": true})), members);
    for (provider, model, effort, said) in [
        ("dashscope", "qwen-plus", "high", json!({"enable_thinking": true})),
        ("dashscope", "qwen-plus", "none", json!({"enable_thinking": false})),
        ("vllm", "Qwen/Qwen3-8B", "none", json!({"chat_template_kwargs": {"enable_thinking": false}})),
        ("together", "zai-org/GLM-4.6", "none", json!({"reasoning": {"enabled": false}})),
        ("zai", "glm-4.6", "none", json!({"thinking": {"type": "disabled"}})),
        ("openrouter", "anthropic/claude-sonnet-4.5", "high", json!({"reasoning_effort": "high"})),
    ] {
        let sent = sent(&open(&json!({"reasoning_effort": effort})), &vendor(provider, model));
        for (key, value) in said.as_object().unwrap() {
            assert_eq!(&sent.body[key], value, "{provider} {}", sent.body);
            assert!(said.get("reasoning_effort").is_some() || sent.body.get("reasoning_effort").is_none());
        }
    }
    let thinks = claude(&json!({"stream": true, "thinking": {"type": "enabled", "budget_tokens": 2048}}));
    let budget = |provider, model| say(Claude, &thinks, &vendor(provider, model)).body;
    assert_eq!(budget("dashscope", "qwen-plus")["thinking_budget"], 2048);
    assert_eq!(budget("vercel", "anthropic/claude-sonnet-4.5")["reasoning"], json!({"max_tokens": 2048}));
    assert_eq!(
        budget("databricks", "databricks-claude-sonnet-4-5")["thinking"],
        json!({"type": "enabled", "budget_tokens": 2048})
    );
}

#[test]
fn open_qwens_are_told_not_to_think_where_they_do_not_stream() {
    let target = vendor("dashscope", "qwen3-32b");
    let plain = sent(&chat(&json!({})), &target);
    assert_eq!((&plain.body["enable_thinking"], &*plain.losses), (&json!(false), ""));
    let asked = sent(&chat(&json!({"enable_thinking": true})), &target);
    assert_eq!(asked.body["enable_thinking"], false);
    assert!(asked.lost("enable_thinking;dropped"));
    let streamed = sent(&chat(&json!({"stream": true, "enable_thinking": true})), &target);
    assert_eq!(streamed.body["enable_thinking"], true);
    let said =
        say(Claude, &claude(&json!({"thinking": {"type": "enabled", "budget_tokens": 2048}})), &target);
    assert_eq!(said.body["enable_thinking"], false);
    assert!(said.lost("thinking;dropped"), "{}", said.losses);
    assert!(sent(&chat(&json!({})), &vendor("dashscope", "qwen-plus")).body.get("enable_thinking").is_none());
}

#[test]
fn databricks_answers_with_summaries_whose_seals_come_back() {
    let thought = json!([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm.", "signature": "c2VhbA=="}]},
        {"type": "text", "text": "Yes."}]);
    let reply = json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": thought}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
    let said = answer(Chat, &reply, &Restore::NONE, Claude);
    assert_eq!(said["content"][0], json!({"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="}));
    let events = [
        json!({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}]}),
        json!({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "", "signature": "c2VhbA=="}]}]}),
        json!({"content": [{"type": "text", "text": "Yes."}]}),
    ];
    let streamed = stream(Chat, &(chat_stream(&events) + &chat_end("stop")), &Restore::NONE, Claude);
    let deltas: Vec<_> = streamed
        .iter()
        .filter(|event| event["type"] == "content_block_delta")
        .map(|event| &event["delta"]["type"])
        .collect();
    assert_eq!(deltas, ["thinking_delta", "signature_delta", "text_delta"]);
}

#[test]
fn perplexity_hears_users_and_assistants_in_turn() {
    let request =
        chat(&json!({"messages": [{"role": "user", "content": "Go"}, {"role": "user", "content": "On"}]}));
    let said = sent(&request, &vendor("perplexity", "sonar-pro"));
    assert_eq!(roles(&said), ["user"]);
}

#[test]
fn a_picture_is_moved_out_of_a_tools_answer_only() {
    let picture = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    let history = |shown: &Value, answered: &Value| {
        json!({"model": "m", "stream": false, "tools": tools(), "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Look"}, shown]},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": [answered]}]})
    };
    let words = json!({"type": "text", "text": "done"});
    let to = vendor("groq", "openai/gpt-oss-120b");
    let shown = history(&picture, &words);
    assert_eq!(sent(&shown, &to).body["messages"], shown["messages"]);
    assert_eq!(sent(&shown, &to).body["stream"], false);
    let answered = history(&words, &picture);
    assert_eq!(roles(&sent(&answered, &to)), ["user", "assistant", "tool", "user"]);
}
