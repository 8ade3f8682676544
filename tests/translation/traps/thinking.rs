//! T15 to T19: thoughts, their seals, and how hard to think.

use tollgate::route::{Plan, WORDS, plan};
use tollgate::wire::lens::Lens;

use super::*;

const SEAL: &str = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrk";

fn thought() -> Value {
    json!({"type": "thinking", "thinking": "Hm.", "signature": SEAL})
}

/// What a chat client sends back after it was told this message.
fn sent_back(message: &Value) -> Value {
    let mut messages = vec![json!({"role": "user", "content": "Go"}), message.clone()];
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "ok"}));
    }
    if message.get("tool_calls").is_none() {
        messages.push(json!({"role": "user", "content": "On"}));
    }
    json!({"model": "m", "messages": messages})
}

#[test]
fn t15_signed_redacted_and_seal_only_thoughts_come_back_and_unsigned_ones_do_not() {
    let blocks = [
        (thought(), true),
        (json!({"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3p"}), true),
        (json!({"type": "thinking", "thinking": "", "signature": SEAL}), true),
        (json!({"type": "thinking", "thinking": "Hm.", "signature": ""}), false),
    ];
    for (block, kept) in blocks {
        let body = json!({"content": [block, {"type": "text", "text": "Yes."}], "stop_reason": "end_turn"});
        let said = answer(Claude, &body, &Restore::default(), Chat);
        let back = say(Chat, &sent_back(&said["choices"][0]["message"]), &sonnet());
        let turn = &back.body["messages"][1]["content"];
        if kept {
            assert_eq!(turn, &json!([block, {"type": "text", "text": "Yes."}]));
        } else {
            assert_eq!(turn, &json!([{"type": "text", "text": "Yes."}]));
            assert!(!back.losses.is_empty());
        }
    }
}

#[test]
fn t15_thoughts_between_calls_keep_their_seals_issue_23047() {
    let body = json!({"content": [thought(), {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        {"type": "thinking", "thinking": "More.", "signature": "Second="}, {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {}}],
        "stop_reason": "tool_use"});
    let said = answer(Claude, &body, &Restore::default(), Chat);
    let back = say(Chat, &sent_back(&said["choices"][0]["message"]), &sonnet());
    let text = back.body["messages"][1].to_string();
    assert!(text.contains(SEAL) && text.contains("Second="), "{text}");
}

#[test]
fn t15_a_seal_never_reaches_a_provider_that_did_not_issue_it() {
    let request = claude(&json!({"messages": [{"role": "user", "content": "Go"},
        {"role": "assistant", "content": [thought(), {"type": "text", "text": "Yes."}]}, {"role": "user", "content": "On"}]}));
    for target in
        [gpt(), thinking_gpt(), flash(), gemini_3(), corpus::target(Chat, "deepseek", "deepseek-reasoner")]
    {
        let said = say(Claude, &request, &target);
        assert!(!said.body.to_string().contains(SEAL), "{}: {}", target.model, said.body);
        assert!(!said.losses.is_empty());
    }
}

#[test]
fn t15_a_thought_that_nobody_sealed_does_not_reach_anthropic_on_the_short_way() {
    let planned = |seal: &str| {
        let body = claude(&json!({"messages": [{"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": seal}, {"type": "text", "text": "Yes."}]},
            {"role": "user", "content": "Go on"}]}));
        let text = serde_json::to_string_pretty(&body).unwrap();
        let lens = Lens::watching(text.as_bytes(), &WORDS).unwrap();
        plan(Claude, Claude, &lens, "m", &sonnet().profile, &mut Losses::new())
    };
    assert!(matches!(planned("EqQBCgIYAh"), Plan::Verbatim { .. }));
    assert!(matches!(planned(""), Plan::Translate { .. }));
}

#[test]
fn t16_a_seal_survives_a_stream_to_a_chat_client_and_back_issue_8961() {
    let events = [
        claude_start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": SEAL}}),
        json!({"type": "content_block_stop", "index": 0}),
    ];
    let said = stream(Claude, &claude_stream(&events), &Restore::default(), Chat);
    // As a client joins deltas: texts are concatenated, the seal is the last one seen.
    let blocks = said.iter().flat_map(|chunk| {
        chunk["choices"][0]["delta"]["thinking_blocks"].as_array().cloned().unwrap_or_default()
    });
    let mut joined = json!({"type": "thinking", "thinking": "", "signature": ""});
    for block in blocks {
        let text = format!(
            "{}{}",
            joined["thinking"].as_str().unwrap(),
            block["thinking"].as_str().unwrap_or_default()
        );
        joined["thinking"] = json!(text);
        if let Some(seal) = block["signature"].as_str() {
            joined["signature"] = json!(seal);
        }
    }
    assert_eq!(joined, thought());
    let message = json!({"role": "assistant", "content": "Yes.", "thinking_blocks": [joined]});
    let back = say(Chat, &sent_back(&message), &sonnet());
    assert_eq!(back.body["messages"][1]["content"][0], thought());
}

#[test]
fn t16_a_seal_survives_a_stream_to_a_gemini_client_that_keeps_the_slices() {
    let events = [
        claude_start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": SEAL}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Yes."}}),
        json!({"type": "content_block_stop", "index": 1}),
    ];
    let said = stream(Claude, &claude_stream(&events), &Restore::default(), Gemini);
    let contents: Vec<Value> = said
        .iter()
        .map(|slice| slice["candidates"][0]["content"].clone())
        .filter(|content| content["parts"].is_array())
        .collect();
    let parts: Vec<Value> =
        contents.iter().flat_map(|content| content["parts"].as_array().unwrap().clone()).collect();
    let joined = vec![json!({"role": "model", "parts": parts})];
    for answer in [contents, joined] {
        let mut history = vec![json!({"role": "user", "parts": [{"text": "Go"}]})];
        history.extend(answer);
        history.push(json!({"role": "user", "parts": [{"text": "On"}]}));
        let back = say(Gemini, &json!({"contents": history}), &sonnet());
        assert_eq!(back.body["messages"][1]["content"][0], thought(), "{}", back.body);
        assert_eq!(back.body["messages"].as_array().unwrap().len(), 3, "{}", back.body);
    }
}

fn gemini_call() -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "CiQB4/Hc+A=="}]}, "finishReason": "STOP"}]})
}

fn seal_sent(back: &Said) -> &Value {
    &back.body["contents"][1]["parts"][0]["thoughtSignature"]
}

#[test]
fn t17_a_gemini_seal_comes_back_from_the_side_field_or_from_the_id_issue_16893() {
    let said = answer(Gemini, &gemini_call(), &Restore::default(), Chat);
    let message = said["choices"][0]["message"].clone();
    let back = say(Chat, &sent_back(&message), &gemini_3());
    assert_eq!(seal_sent(&back), "CiQB4/Hc+A==", "both carriers");
    let mut bare = message.clone();
    bare["tool_calls"][0].as_object_mut().unwrap().remove("extra_content");
    let back = say(Chat, &sent_back(&bare), &gemini_3());
    assert_eq!(seal_sent(&back), "CiQB4/Hc+A==", "the id alone");
    let mut short = message;
    short["tool_calls"][0]["id"] = json!("call_1");
    let back = say(Chat, &sent_back(&short), &gemini_3());
    assert_eq!(seal_sent(&back), "CiQB4/Hc+A==", "the side field alone");
    bare["tool_calls"][0]["id"] = json!("call_1");
    let back = say(Chat, &sent_back(&bare), &gemini_3());
    assert!(seal_sent(&back).is_string(), "Gemini 3 refuses a call without any");
    assert!(back.lost("messages.tool_calls.thought_signature;bent"), "{}", back.losses);
}

#[test]
fn t17_a_streamed_gemini_seal_is_in_the_id_and_at_the_side() {
    let said = stream(Gemini, &gemini_stream(&[gemini_call()]), &Restore::default(), Chat);
    let calls: Vec<&Value> =
        said.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]).collect();
    let id = calls.iter().find_map(|call| call["id"].as_str()).unwrap();
    assert!(id.contains("__thought__CiQB4_Hc-A"), "{id}");
    assert!(calls.iter().any(|call| call["extra_content"]["google"]["thought_signature"] == "CiQB4/Hc+A=="));
    let said = stream(Gemini, &gemini_stream(&[gemini_call()]), &Restore::default(), Claude);
    let start = said.iter().find(|event| event["type"] == "content_block_start").unwrap();
    assert!(start["content_block"]["id"].as_str().unwrap().contains("__thought__"), "{start}");
}

#[test]
fn t18_a_budget_stays_below_the_limit() {
    let said = say(Chat, &chat(&json!({"reasoning_effort": "high", "max_tokens": 2000})), &sonnet());
    let budget = said.body["thinking"]["budget_tokens"].as_u64().unwrap();
    assert!((1024..2000).contains(&budget), "{budget}");
    let said = say(Chat, &chat(&json!({"reasoning_effort": "high", "max_tokens": 100})), &sonnet());
    assert!(said.body.get("thinking").is_none_or(|thinking| thinking["type"] == "disabled"), "{}", said.body);
    assert_eq!(said.body["max_tokens"], 100);
    assert!(!said.losses.is_empty());
}

#[test]
fn t18_a_budget_without_a_limit_leaves_room_for_the_answer() {
    let said = say(Chat, &chat(&json!({"reasoning_effort": "low"})), &sonnet());
    let (budget, limit) = (said.body["thinking"]["budget_tokens"].as_u64(), said.body["max_tokens"].as_u64());
    assert_eq!((budget, limit), (Some(1024), Some(5120)));
}

#[test]
fn t19_an_effort_that_a_target_does_not_know_is_the_nearest() {
    let said = say(Chat, &chat(&json!({"reasoning_effort": "xhigh"})), &gemini_3());
    assert_eq!(said.body["generationConfig"]["thinkingConfig"]["thinkingLevel"], "high");
    assert!(said.lost("reasoning_effort;clamped"), "{}", said.losses);
    let said = say(Chat, &chat(&json!({"reasoning_effort": "minimal"})), &opus());
    assert_eq!(said.body["output_config"]["effort"], "low");
    let said = say(Chat, &chat(&json!({"reasoning_effort": "none"})), &flash());
    assert_eq!(said.body["generationConfig"]["thinkingConfig"]["thinkingBudget"], 0);
    let body = claude(&json!({"max_tokens": 20000, "thinking": {"type": "enabled", "budget_tokens": 10000}}));
    assert_eq!(say(Claude, &body, &thinking_gpt()).body["reasoning_effort"], "high");
}

#[test]
fn what_others_thought_or_did_not_think_does_not_reach_claude_on_the_short_way() {
    let planned = |thought: &Value, thinking: &str| {
        let call = json!({"toolUse": {"toolUseId": "t", "name": "f", "input": {}}});
        let blocks: Vec<_> = thought.as_array().unwrap().iter().cloned().chain([call]).collect();
        let body = json!({
            "messages": [{"role": "user", "content": [{"text": "Hi"}]}, {"role": "assistant", "content": blocks},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}]}],
            "additionalModelRequestFields": {"thinking": {"type": thinking, "budget_tokens": 1024}}});
        let text = body.to_string();
        let lens = Lens::watching(text.as_bytes(), &WORDS).unwrap();
        let plan = plan(Bedrock, Bedrock, &lens, "m", &sonnet_there().profile, &mut Losses::new());
        (matches!(plan, Plan::Verbatim { .. }), say(Bedrock, &body, &sonnet_there()))
    };
    let sealed = json!([{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EqQBCgIYAh"}}}]);
    assert!(planned(&sealed, "enabled").0);
    assert!(planned(&json!([]), "disabled").0);
    let unsealed = json!([{"reasoningContent": {"reasoningText": {"text": "Hm."}}}]);
    for (thought, lost) in [(unsealed, "messages.content.thinking;dropped"), (json!([]), "thinking;dropped")]
    {
        let (verbatim, said) = planned(&thought, "enabled");
        assert!(!verbatim && said.lost(lost), "{}", said.losses);
        assert!(!said.body.to_string().contains("reasoningText"), "{}", said.body);
        assert_eq!(said.body["additionalModelRequestFields"].get("thinking"), None);
    }
}

#[test]
fn claude_gets_a_history_that_other_models_would_get_as_it_is() {
    let body = json!({"messages": [{"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Hm."}}}, {"text": "Yes."}]}]})
    .to_string();
    let lens = Lens::watching(body.as_bytes(), &WORDS).unwrap();
    let planned = |name| {
        plan(
            Bedrock,
            Bedrock,
            &lens,
            "m",
            &corpus::target(Bedrock, "bedrock", name).profile,
            &mut Losses::new(),
        )
    };
    assert!(matches!(planned("us.amazon.nova-2-lite-v1:0"), Plan::Verbatim { .. }));
    assert!(matches!(planned("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), Plan::Translate { .. }));
}
