//! Tools that a provider runs: said as the target's own where it has one of that kind.

use super::*;

/// The tools of what a client of Anthropic's, OpenAI's and Google's asks for, and a target of each.
fn place() -> Value {
    json!({"type": "approximate", "city": "Oslo", "country": "NO"})
}

fn codex() -> Target {
    corpus::target(Responses, "openai", "gpt-5-codex")
}

fn searching_claude() -> Value {
    json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "News?"}],
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3,
            "allowed_domains": ["example.com"], "user_location": place()}]})
}

#[test]
fn a_search_is_asked_of_openai_as_its_own() {
    let said = say(Claude, &searching_claude(), &codex());
    let own = json!([{"type": "web_search", "filters": {"allowed_domains": ["example.com"]}, "user_location": place()}]);
    assert_eq!(said.body["tools"], own);
    assert!(said.lost("tools.hosted;bent") && said.lost("tools.max_uses;dropped"), "{}", said.losses);
    let googled = json!({"contents": [{"parts": [{"text": "News?"}]}], "tools": [{"googleSearch": {}}, {"codeExecution": {}}]});
    let said = say(Gemini, &googled, &codex());
    let own = json!([{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}]);
    assert_eq!(said.body["tools"], own);
}

#[test]
fn a_search_is_asked_of_anthropic_as_its_own() {
    let asked = json!({"model": "m", "input": "News?", "tools": [{"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "web_search", "search_context_size": "low", "filters": {"allowed_domains": ["example.com"]}, "user_location": place()}]});
    let said = say(Responses, &asked, &sonnet());
    let own = json!([{"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 1, "allowed_domains": ["example.com"], "user_location": place()}]);
    assert_eq!(said.body["tools"], own);
    let googled = json!({"contents": [{"parts": [{"text": "Read it"}]}], "tools": [{"urlContext": {}}, {"googleSearch": {"excludeDomains": ["a.com"]}}]});
    let own = json!([{"type": "web_fetch_20250910", "name": "web_fetch"},
        {"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["a.com"]}]);
    assert_eq!(say(Gemini, &googled, &sonnet()).body["tools"], own);
}

#[test]
fn a_chats_search_is_a_tool_elsewhere_and_stays_what_it_is_in_a_chat() {
    let options = json!({"search_context_size": "high", "user_location": {"type": "approximate", "approximate": {"city": "Oslo", "country": "NO"}}});
    let asked = json!({"model": "m", "messages": [{"role": "user", "content": "News?"}], "web_search_options": options});
    let said = say(Chat, &asked, &sonnet());
    let own = json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 10, "user_location": place()}]);
    assert_eq!(said.body["tools"], own);
    assert_eq!(say(Chat, &asked, &flash()).body["tools"], json!([{"googleSearch": {}}]));
    let said = say(Chat, &asked, &codex());
    let own = json!([{"type": "web_search", "search_context_size": "high", "user_location": place()}]);
    assert_eq!(said.body["tools"], own);
    let said = say(Chat, &asked, &gpt());
    assert_eq!(said.body["web_search_options"], options);
    assert!(said.body.get("tools").is_none() && said.losses.is_empty(), "{}", said.losses);
}

#[test]
fn who_runs_no_such_tool_is_not_told_of_it() {
    for target in [gpt(), corpus::target(Bedrock, "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")]
    {
        let said = say(Claude, &searching_claude(), &target);
        assert!(said.lost("tools.hosted;dropped"), "{}", said.losses);
        assert!(said.body.get("tools").is_none() && said.body.get("toolConfig").is_none(), "{}", said.body);
    }
}

#[test]
fn what_a_provider_found_and_ran_is_told_to_the_next_one() {
    let asked = json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "pi"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "title": "Pi", "url": "https://example.com/pi", "encrypted_content": "x"}]},
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "find", "server_name": "s", "input": {"q": 1}},
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": false, "content": [{"type": "text", "text": "found"}]},
        {"type": "text", "text": "Done."}]}, {"role": "user", "content": "On"}]});
    let told = "The web was searched for pi.\n\nFound on the web:\nPi https://example.com/pi\n\n\
        The tool find was called with {\"q\": 1}.\n\nIt answered:\nfound\n\nDone.";
    let said =
        say(Claude, &asked, &gpt()).body["messages"][1]["content"].as_str().unwrap().replace(":1}", ": 1}");
    assert_eq!(said, told);
    let ran = json!({"contents": [{"parts": [{"text": "Go"}]}, {"role": "model", "parts": [
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, {"text": "One."}]}, {"parts": [{"text": "On"}]}]});
    let said = say(Gemini, &ran, &gpt());
    assert_eq!(said.body["messages"][1]["content"], "Code that was run:\nprint(1)\n\nIts output:\n1\n\nOne.");
}
