//! What Claude Code and its kin send, onto models of every dialect.

use tollgate::route::{Plan, WORDS, plan};
use tollgate::wire::lens::Lens;

use super::*;

fn claude_model(model: &'static str) -> Target {
    corpus::target(Claude, "anthropic", model)
}

fn tool(name: &str) -> Value {
    json!({"name": name, "description": "Does it.", "input_schema": {"type": "object", "properties": {}}})
}

/// A first turn as Claude Code's newest release asks it.
fn first_turn() -> Value {
    let user =
        r#"{"device_id":"0000","account_uuid":"","session_id":"00000000-0000-4000-8000-000000000000"}"#;
    json!({
        "model": "m",
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "<system-reminder>\nNote the date.\n</system-reminder>\n"},
                {"type": "text", "text": "List the files."}]},
            {"role": "system", "content": [
                {"type": "text", "text": "# Environment\nLinux", "cache_control": {"type": "ephemeral"}}]},
        ],
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.300.0ab; cc_entrypoint=cli;"},
            {"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "\nWork with the user.", "cache_control": {"type": "ephemeral"}}],
        "tools": [tool("Bash"), tool("Read")],
        "metadata": {"user_id": user},
        "max_tokens": 128_000,
        "thinking": {"type": "adaptive", "display": "updates"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "safeguards": [{"type": "dangerous_tool_use", "classifier_context": {"v": 1}}],
        "output_config": {"effort": "medium"},
        "stream": true,
    })
}

#[test]
fn a_first_turn_reaches_every_model_in_a_form_that_it_takes() {
    let said = say(Claude, &first_turn(), &thinking_gpt()).body;
    let roles: Vec<&str> = said["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["system", "user", "system"]);
    assert_eq!(said["reasoning_effort"], "medium");
    assert!(!said.to_string().contains("billing-header") && said.get("thinking").is_none(), "{said}");
    assert!(said["max_completion_tokens"].as_u64().unwrap() <= 128_000);
    assert!(said["user"].as_str().unwrap().len() <= 64);
    let said = say(Claude, &first_turn(), &gpt()).body;
    assert_eq!(said["max_completion_tokens"], 32_768, "the model's own limit");
    assert!(said.get("reasoning_effort").is_none());
    let said = say(Claude, &first_turn(), &gemini_3()).body;
    assert_eq!(said["contents"].as_array().unwrap().len(), 1, "{said}");
    assert_eq!(said["generationConfig"]["thinkingConfig"]["thinkingLevel"], "medium");
}

#[test]
fn a_first_turn_comes_back_as_it_was_from_the_hub() {
    let (asked, said) = (first_turn(), say(Claude, &first_turn(), &claude_model("claude-opus-5-5")));
    assert_eq!(said.losses, "");
    for (key, value) in asked.as_object().unwrap().iter().filter(|(key, _)| *key != "model") {
        assert_eq!(said.body[key], *value, "{key}");
    }
}

#[test]
fn a_billing_note_takes_nothing_else_with_it() {
    let system = "x-anthropic-billing-header: cc_version=2.1; cch=12345;\n\nYou are an agent.";
    let asked = claude(&json!({"system": system}));
    assert_eq!(say(Claude, &asked, &gpt()).body["messages"][0]["content"], "You are an agent.");
    let said = say(Claude, &asked, &opus()).body;
    assert_eq!(said["system"][0]["text"], "x-anthropic-billing-header: cc_version=2.1; cch=12345;");
    assert_eq!(said["system"][1]["text"], "You are an agent.");
}

#[test]
fn thoughts_may_be_bound_without_being_asked_for() {
    let bound = json!({"thinking": {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}});
    let said = say(Claude, &claude(&bound), &claude_model("claude-fable-5-1"));
    assert_eq!(said.body["thinking"], bound["thinking"]);
    assert!(say(Claude, &claude(&bound), &thinking_gpt()).body.get("reasoning_effort").is_none());
}

#[test]
fn a_model_that_always_thinks_is_asked_for_little_thought_and_never_for_none() {
    for model in
        ["claude-fable-5", "claude-fable-5-1", "claude-mythos-5", "claude-opus-5-5", "claude-sonnet-5-5"]
    {
        let off = claude(&json!({"thinking": {"type": "disabled"}}));
        let said = say(Claude, &off, &claude_model(model));
        assert!(said.body.get("thinking").is_none(), "{model}: {}", said.body);
        assert_eq!(said.body["output_config"]["effort"], "low", "{model}");
        assert!(said.lost("thinking;clamped"), "{}", said.losses);
        let said = say(Chat, &chat(&json!({"reasoning_effort": "none"})), &claude_model(model));
        assert!(said.body.get("thinking").is_none(), "{model}: {}", said.body);
    }
    for model in ["claude-opus-5", "claude-sonnet-5", "claude-haiku-5-5", "claude-opus-4-8"] {
        let off = claude(&json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}));
        let said = say(Claude, &off, &claude_model(model)).body;
        assert_eq!(
            (&said["thinking"]["type"], &said["output_config"]["effort"]),
            (&json!("disabled"), &json!("high"))
        );
    }
}

#[test]
fn an_effort_between_two_that_a_claude_knows_is_the_higher_one() {
    let asked = chat(&json!({"reasoning_effort": "xhigh"}));
    for (model, effort) in
        [("claude-opus-4-6", "max"), ("claude-sonnet-4-6", "max"), ("claude-opus-4-7", "xhigh")]
    {
        assert_eq!(
            say(Chat, &asked, &claude_model(model)).body["output_config"]["effort"],
            effort,
            "{model}"
        );
    }
}

#[test]
fn t07_adaptive_thinking_leaves_a_tool_forced_and_some_models_cannot_be_forced_at_all() {
    let forced = json!({"tools": [{"type": "function", "function": {"name": "f"}}], "reasoning_effort": "high",
        "tool_choice": {"type": "function", "function": {"name": "f"}}});
    let said = say(Chat, &chat(&forced), &claude_model("claude-opus-4-6"));
    assert_eq!(said.body["thinking"]["type"], "adaptive");
    assert_eq!(said.body["tool_choice"], json!({"type": "tool", "name": "f"}));
    for model in ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"] {
        for choice in [json!("required"), forced["tool_choice"].clone()] {
            let asked = chat(&json!({"tools": forced["tools"], "tool_choice": choice}));
            let said = say(Chat, &asked, &claude_model(model));
            assert_eq!(said.body["tool_choice"]["type"], "auto", "{model}");
            assert!(said.lost("tool_choice;bent"), "{}", said.losses);
        }
    }
}

#[test]
fn what_only_anthropic_understands_but_the_user_gave_is_said_in_words_elsewhere() {
    let reference = json!({"type": "tool_reference", "tool_name": "mcp__notes__save"});
    let found = json!({"type": "search_result", "title": "A page", "source": "https://example.com",
        "content": [{"type": "text", "text": "It says so."}]});
    let made = json!({"type": "document", "title": "Minutes",
        "source": {"type": "content", "content": [{"type": "text", "text": "All agreed."}]}});
    let summary = json!({"type": "compaction", "content": "They spoke of files."});
    let asked = claude(&json!({"messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, found, made]},
        {"role": "assistant", "content": [summary, {"type": "text", "text": "Yes."},
            {"type": "tool_use", "id": "toolu_1", "name": "ToolSearch", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [reference]}]}]}));
    for to in [gpt(), flash()] {
        let said = say(Claude, &asked, &to);
        let text = said.body.to_string();
        for words in
            ["mcp__notes__save", "It says so.", "A page", "All agreed.", "Minutes", "They spoke of files."]
        {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert!(said.lost("messages.content.tool_reference;bent"), "{}", said.losses);
    }
    let said = say(Claude, &asked, &sonnet());
    assert_eq!(said.body["messages"][0], asked["messages"][0]);
    assert_eq!(said.body["messages"][2]["content"][0]["content"], json!([reference]));
    assert_eq!(said.body["messages"][1]["content"][0], summary);
}

#[test]
fn tools_that_change_in_the_middle_are_known_everywhere() {
    let changes = json!([
        {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "Read"}},
        {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool("Grep")}}]);
    let asked = claude(
        &json!({"tools": [tool("Read"), with(tool("Glob"), &json!({"defer_loading": true}))], "messages": [
        {"role": "user", "content": "Hi"}, {"role": "system", "content": changes}]}),
    );
    let said = say(Claude, &asked, &gpt()).body;
    let names: Vec<&Value> =
        said["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(names, ["Read", "Glob", "Grep"]);
    assert!(said["messages"][1].to_string().contains("Read must not be called"), "{said}");
    let said = say(Claude, &asked, &opus()).body;
    assert_eq!(said["tools"], asked["tools"]);
    assert_eq!(
        said["messages"],
        json!([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "system", "content": changes}])
    );
}

#[test]
fn tools_that_the_client_runs_are_functions_elsewhere() {
    let tools = json!([{"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
        {"type": "memory_20250818", "name": "memory"}, {"type": "web_search_20260209", "name": "web_search"}]);
    let asked = claude(&json!({"tools": tools}));
    let said = say(Claude, &asked, &gpt());
    let names: Vec<&Value> =
        said.body["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(names, ["bash", "str_replace_based_edit_tool", "memory"]);
    assert_eq!(said.body["tools"][0]["function"]["parameters"]["properties"]["command"]["type"], "string");
    assert!(said.lost("tools.hosted;bent") && said.lost("tools.hosted;dropped"), "{}", said.losses);
    assert_eq!(say(Claude, &asked, &flash()).body["tools"][0]["functionDeclarations"][0]["name"], "bash");
    assert_eq!(say(Claude, &asked, &sonnet()).body["tools"], tools);
}

/// Whether a body that names `asked` passes as it is to the model that it is routed to.
fn passes(body: &Value, asked: &str, to: &Target) -> bool {
    let text = with(body.clone(), &json!({"model": asked})).to_string();
    let lens = Lens::watching(text.as_bytes(), &WORDS).unwrap();
    let planned = plan(Claude, Claude, &lens, to.model, &to.profile, &mut Losses::new());
    matches!(planned, Plan::Verbatim { .. })
}

#[test]
fn what_was_asked_of_one_claude_is_said_otherwise_to_another_that_it_is_routed_to() {
    let (haiku, opus) = (claude_model("claude-haiku-4-5"), claude_model("claude-opus-5-5"));
    assert!(passes(&first_turn(), "claude-opus-5-5", &opus));
    assert!(passes(&first_turn(), "work", &opus), "it takes all of it");
    assert!(!passes(&first_turn(), "claude-opus-5-5", &haiku));
    assert!(passes(&first_turn(), "claude-haiku-4-5", &haiku), "asked for by name, it may refuse by itself");
    let said = say(Claude, &first_turn(), &haiku);
    assert_eq!(said.body["thinking"]["type"], "enabled");
    assert_eq!(said.body["max_tokens"], 64_000);
    assert!(said.body.get("output_config").is_none(), "{}", said.body);
    assert_eq!(said.body["messages"].as_array().unwrap().len(), 1, "{}", said.body);
    assert!(!passes(&claude(&json!({"temperature": 0.5})), "sonnet", &opus));
    assert!(!passes(&claude(&json!({"thinking": {"type": "disabled"}})), "sonnet", &opus));
    assert!(passes(&claude(&json!({"temperature": 0.5})), "sonnet", &haiku));
}
