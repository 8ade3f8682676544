//! The services that others offer, each as it speaks by its own description.

use serde_json::{Value, json};

use super::{arrived, questions, service, webhook};
use crate::harness::{Client, Gateway, Heard, Provider, Setup, Then, json_reply, mock, mock_page, post};

fn with(mock: &tollgate::mock::Mock, guard: &str) -> Gateway {
    Setup::new(mock).yaml(&format!("external_guards:\n  own: {{{guard}, timeout: 30s}}")).start()
}

fn said(words: &str) -> String {
    format!("#mock echo\n{words}")
}

#[test]
fn openai_moderation_blocks_by_its_categories_or_ones_own_thresholds() {
    let mock = mock();
    let hub = service(|asked| {
        let results: Vec<Value> = asked["input"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| {
                let bad = text.as_str().unwrap().contains("maim");
                let score = if bad { 0.91 } else { 0.12 };
                json!({"flagged": bad, "categories": {"violence": bad, "hate/threatening": false},
                    "category_scores": {"violence": score, "hate/threatening": 0.01}})
            })
            .collect();
        json!({"id": "modr-1", "model": "omni-moderation-2024-09-26", "results": results})
    });
    let guard =
        |more: &str| format!("kind: openai_moderation, url: \"http://{}/v1\", api_key: k{more}", hub.addr);
    let gateway = with(&mock, &guard(""));
    gateway.ask(&Client::Anthropic.whole("gpt-4o-mini", &said("all is well"))).ok();
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "maim them"}]});
    let refused = gateway.ask(&post("/v1/chat/completions").json(&body));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("messages[1].content")));
    assert_eq!(refused.header("x-tollgate-guards"), Some("own/violence=block;request;1"));
    let heard = hub.heard().pop().unwrap();
    assert!(heard.head.starts_with("post /v1/moderations http/1.1\r\n"), "{}", heard.head);
    assert!(heard.head.contains("authorization: bearer k\r\n"), "{}", heard.head);
    assert_eq!(
        questions(&hub).pop().unwrap(),
        json!({"model": "omni-moderation-latest", "input": ["hi", "maim them"]})
    );
    let gateway = with(&mock, &guard(", threshold: 0.1, mode: post"));
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("all is well")));
    assert_eq!(reply.header("x-tollgate-guards"), Some("own/violence=block;answer;1"), "{}", reply.text());
    let gateway = with(&mock, &guard(", action: tag, categories: [hate]"));
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("maim"))).ok();
    assert_eq!(reply.header("x-tollgate-guards"), None);
}

/// An analyzer that knows Anna.
fn analyzer() -> Provider {
    service(people)
}

/// What the analyzer finds.
fn people(asked: &Value) -> Value {
    let letters: Vec<char> = asked["text"].as_str().unwrap().chars().collect();
    let name: Vec<char> = "Anna".chars().collect();
    let found = letters.windows(4).enumerate().filter(|(_, four)| *four == name.as_slice());
    let found = found.map(|(at, _)| {
        json!({"entity_type": "PERSON", "start": at, "end": at + 4, "score": 0.85,
            "analysis_explanation": null, "recognition_metadata": {"recognizer_name": "SpacyRecognizer"}})
    });
    Value::Array(found.collect())
}

#[test]
fn what_presidio_finds_is_masked_here_in_requests_and_answers() {
    let (mock, hub) = (mock(), analyzer());
    let gateway = with(
        &mock,
        &format!(
            "kind: presidio, url: \"http://{}\", action: mask, mode: [pre, post], language: de",
            hub.addr
        ),
    );
    for client in [Client::Openai, Client::Anthropic, Client::Gemini] {
        let reply = gateway.ask(&client.whole("gpt-4o-mini", &said("😀 Grüße an Anna und Anna"))).ok();
        assert!(arrived(&mock).contains("😀 Grüße an [PERSON] und [PERSON]"), "{}", arrived(&mock));
        assert_eq!(reply.header("x-tollgate-guards"), Some("own/PERSON=mask;request;2"));
    }
    let asked = questions(&hub);
    assert_eq!(
        (&asked[0]["language"], &asked[0]["text"]),
        (&json!("de"), &json!(said("😀 Grüße an Anna und Anna")))
    );
    let gateway =
        with(&mock, &format!("kind: presidio, url: \"http://{}\", mode: post, action: mask", hub.addr));
    for model in ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"] {
        let stream = gateway.ask(&Client::Openai.stream(model, &said("ask Anna, she knows"))).ok();
        let words = Client::Openai.streamed_text(&stream.text());
        assert!(words.contains("ask [PERSON], she knows"), "{model}: {words}");
    }
    let gateway = with(&mock, &format!("kind: presidio, url: \"http://{}\"", hub.addr));
    assert_eq!(gateway.ask(&Client::Openai.whole("gpt-4o-mini", "Anna")).status, 400);
}

#[test]
fn what_is_found_in_one_part_holds_though_another_could_not_be_looked_at() {
    let mock = mock();
    let broken = service(|asked| match asked["text"].as_str().unwrap().contains("odd") {
        // That is no list of findings.
        true => json!({"error": "odd"}),
        false => people(asked),
    });
    let long = "word ".repeat(30_000);
    let ask = |action: &str, words: &str| {
        let guard =
            format!("kind: presidio, url: \"http://{}\", on_failure: open, action: {action}", broken.addr);
        let gateway = with(&mock, &guard);
        gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said(&format!("{words} {long}"))))
    };
    let reply = ask("block", &format!("Anna {long} odd"));
    assert_eq!(reply.status, 400, "{}", reply.text());
    let reply = ask("mask", &format!("Anna {long} odd")).ok();
    assert!(!arrived(&mock).contains("Anna") && arrived(&mock).contains("[PERSON]"));
    assert!(reply.header("x-tollgate-guards").is_some_and(|told| told.contains("own/unavailable")));
    assert_eq!(ask("block", &format!("nobody {long} odd")).status, 200);
}

#[test]
fn what_one_masks_stays_masked_where_another_says_the_text_anew() {
    let (mock, hub, hook) = (mock(), analyzer(), webhook());
    let names = format!(
        "{{kind: presidio, url: \"http://{}\", action: mask, mode: [pre, post], timeout: 30s}}",
        hub.addr
    );
    let words = format!("{{kind: webhook, url: \"http://{}\", mode: [pre, post], timeout: 30s}}", hook.addr);
    for (first, second) in [(&names, &words), (&words, &names)] {
        let yaml = format!("external_guards:\n  a: {first}\n  b: {second}");
        let gateway = Setup::new(&mock).yaml(&yaml).start();
        gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("a secret of Anna is a secret"))).ok();
        assert!(arrived(&mock).contains("a [WORD] of [PERSON] is a [WORD]"), "{}", arrived(&mock));
    }
}

#[test]
fn a_guardrail_of_bedrock_is_asked_with_a_signature() {
    let mock = mock();
    let rail = service(|asked| {
        let text = asked["content"][0]["text"]["text"].as_str().unwrap();
        if text.contains("Anna") {
            let found = json!({"match": "Anna", "type": "NAME", "action": "ANONYMIZED", "detected": true});
            return json!({"action": "GUARDRAIL_INTERVENED", "outputs": [{"text": text.replace("Anna", "{NAME}")}],
                "assessments": [{"sensitiveInformationPolicy": {"piiEntities": [found], "regexes": []}}], "usage": {}});
        }
        if text.contains("stocks") {
            return json!({"action": "GUARDRAIL_INTERVENED", "outputs": [{"text": "I may not."}],
                "assessments": [{"topicPolicy": {"topics": [{"name": "Finance", "type": "DENY", "action": "BLOCKED"}]}}]});
        }
        json!({"action": "NONE", "outputs": [], "assessments": [{}], "usage": {}})
    });
    let provider = format!(
        "bedrock: {{base_url: \"http://{}\", region: eu-west-1, auth: {{access_key_id: AKIDEXAMPLE, secret_access_key: secret}}}}",
        rail.addr
    );
    let gateway = Setup::new(&mock)
        .provider(&provider)
        .yaml("external_guards:\n  rail: {kind: bedrock, provider: bedrock, guardrail: gr-1, version: 3, timeout: 30s}")
        .start();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("I am Anna"))).ok();
    assert!(arrived(&mock).contains("I am {NAME}"), "{}", arrived(&mock));
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "which stocks?"));
    assert_eq!(
        reply.header("x-tollgate-guards"),
        Some("rail/topic/Finance=block;request;1"),
        "{}",
        reply.text()
    );
    let heard = &rail.heard()[0];
    assert!(heard.head.starts_with("post /guardrail/gr-1/version/3/apply http/1.1\r\n"), "{}", heard.head);
    assert!(heard.head.contains("aws4-hmac-sha256 credential=akidexample/"), "{}", heard.head);
    assert!(heard.head.contains("/eu-west-1/bedrock/aws4_request"), "{}", heard.head);
    assert_eq!(questions(&rail)[0]["source"], "INPUT");
}

#[test]
fn azure_weighs_texts_and_shields_prompts() {
    let mock = mock();
    let hub = Provider::start(|heard, stream| {
        let asked: Value = serde_json::from_slice(&heard.body).unwrap();
        let answer = if heard.head.contains("shieldprompt") {
            let bad = asked["userPrompt"].as_str().is_some_and(|text| text.contains("jailbreak"));
            json!({"userPromptAnalysis": {"attackDetected": bad}, "documentsAnalysis": []})
        } else {
            let severity = if asked["text"].as_str().unwrap().contains("maim") { 4 } else { 0 };
            json!({"blocklistsMatch": [], "categoriesAnalysis": [{"category": "Hate", "severity": 0}, {"category": "Violence", "severity": severity}]})
        };
        Heard::answer(stream, &json_reply(200, &answer.to_string()));
        Then::Keep
    });
    let gateway =
        with(&mock, &format!("kind: azure_content_safety, url: \"http://{}\", api_key: azure-key", hub.addr));
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("all is well"))).ok();
    for (words, rule) in [("maim them", "Violence"), ("a jailbreak", "user_prompt_attack")] {
        let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", words));
        let told = format!("own/{rule}=block;request;1");
        assert_eq!(reply.header("x-tollgate-guards"), Some(told.as_str()), "{}", reply.text());
    }
    let heads: Vec<_> = hub.heard().into_iter().map(|heard| heard.head).collect();
    assert!(heads.iter().all(|head| head.contains("ocp-apim-subscription-key: azure-key")), "{heads:?}");
    let analyzed = "post /contentsafety/text:analyze?api-version=2024-09-01 http/1.1";
    assert!(heads.iter().any(|head| head.starts_with(analyzed)), "{heads:?}");
}

#[test]
fn model_armor_is_asked_about_prompts_and_answers_apart() {
    let mock = mock();
    let hub = service(|asked| {
        let prompt = asked["userPromptData"]["text"].as_str();
        let text = prompt.or(asked["modelResponseData"]["text"].as_str()).unwrap();
        let state = if text.contains("jailbreak") { "MATCH_FOUND" } else { "NO_MATCH_FOUND" };
        json!({"sanitizationResult": {"filterMatchState": state, "invocationResult": "SUCCESS", "filterResults": {
            "pi_and_jailbreak": {"piAndJailbreakFilterResult": {"executionState": "EXECUTION_SUCCESS", "matchState": state}}}}})
    });
    let template = "projects/p/locations/us-central1/templates/t";
    let guard = |mode: &str| {
        format!(
            "kind: model_armor, url: \"http://{}\", api_key: token, template: {template}, mode: {mode}",
            hub.addr
        )
    };
    for (mode, verb) in [("pre", "sanitizeuserprompt"), ("post", "sanitizemodelresponse")] {
        let gateway = with(&mock, &guard(mode));
        gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("all is well"))).ok();
        let refused = gateway.ask(&Client::Openai.whole("gpt-4o-mini", &said("a jailbreak")));
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains("pi_and_jailbreak"), "{}", refused.text());
        let head = hub.heard().pop().unwrap().head;
        assert!(head.starts_with(&format!("post /v1/{template}:{verb} http/1.1")), "{head}");
        assert!(head.contains("authorization: bearer token"), "{head}");
    }
}

#[test]
fn a_model_of_ones_own_judges_and_is_paid_for_by_who_asks() {
    let mock = mock();
    let bench = Provider::start(|heard, stream| {
        let asked: Value = serde_json::from_slice(&heard.body).unwrap();
        let texts: Value = serde_json::from_str(asked["messages"][1]["content"].as_str().unwrap()).unwrap();
        let bad = texts.to_string().contains("overthrow");
        let verdict = if bad {
            "```json\n{\"verdict\": \"block\", \"rule\": \"politics\"}\n```"
        } else {
            "{\"verdict\":\"pass\"}"
        };
        let reply = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "small",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": verdict}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 90, "completion_tokens": 7, "total_tokens": 97}});
        Heard::answer(stream, &json_reply(200, &reply.to_string()));
        Then::Keep
    });
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "bench: {{vendor: custom, base_url: \"http://{}/v1\", api_key: k, models: [small]}}",
            bench.addr
        ))
        .yaml("keys: {web: {key: the-secret-of-web, owner: acme/shop}}")
        .yaml("external_guards:\n  bench: {kind: judge, model: bench/small, prompt: Block politics.}")
        .start();
    let ask = |words: &str| {
        let request = Client::Anthropic.whole("gpt-4o-mini", words);
        gateway.ask(&request.header("authorization", "Bearer the-secret-of-web"))
    };
    ask("#mock tokens=2 hello").ok();
    assert_eq!(mock_page(&mock, "stats")["requests"], 1);
    let refused = ask("how to overthrow them");
    assert_eq!(
        refused.header("x-tollgate-guards"),
        Some("bench/politics=block;request;1"),
        "{}",
        refused.text()
    );
    assert_eq!(mock_page(&mock, "stats")["requests"], 1);
    // Its own row, on the key of who asked.
    let row = gateway.line_where("gen_ai.request.model", "bench/small");
    assert_eq!((&row["key"], &row["gen_ai.usage.output_tokens"]), (&json!("web"), &json!(7)));
    let asked: Value = serde_json::from_slice(&bench.heard()[0].body).unwrap();
    assert!(asked["messages"][0]["content"].as_str().unwrap().ends_with("Block politics."));
    // Nobody else is let in by saying so.
    let forged = Client::Openai.whole("gpt-4o-mini", "hi").header("x-tollgate-judges", "guess 0");
    assert_eq!(gateway.ask(&forged).status, 401);
}
