//! Where client and provider speak one dialect, bytes go through as they are.

use serde_json::{Value, json};

use crate::harness::{CLIENTS, Client, Heard, Provider, Setup, Then, json_reply, mock, mock_page, post};

/// Spaces, escapes, odd numbers and unknown fields that no serialiser would write like this.
const ODD: &str = "{ \"messages\" :[{\"content\":\"h\\u00e9\\/\\ud83d\\ude00 #mock tokens=2\",\"role\" : \"user\",\
    \"x_more\":[1.50,-0.0,1e2]}],\t\"model\": \"house/big-llama\" ,\n \"x_unknown\": {\"a\" : [true ]}, \"x_big\":12345678901234567890 }";

const WHOLE: &str = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o-mini\",\
    \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"well\"},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";

#[test]
fn a_verbatim_body_changes_only_in_its_model() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::new(&mock)
        .provider(&format!("house: {{vendor: custom, base_url: \"http://{at}/house/v1\", models: [big-llama], api_key: house-secret}}"))
        .start();
    gateway.ask(&post("/v1/chat/completions").body(ODD)).ok();
    let arrived = mock_page(&mock, "last");
    assert_eq!(arrived["body_text"].as_str().unwrap(), ODD.replace("house/big-llama", "big-llama"));
}

#[test]
fn a_verbatim_body_with_the_providers_own_model_changes_in_nothing() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let request = client.whole(client.model(), "as it is \u{1f600}");
        let spaced = String::from_utf8(request.body.clone()).unwrap().replace(':', " : ");
        let request = request.body(spaced.clone());
        gateway.ask(&request).ok();
        assert_eq!(mock_page(&mock, "last")["body_text"].as_str().unwrap(), spaced, "{client:?}");
    }
}

#[test]
fn a_prompt_that_says_null_goes_through_verbatim() {
    let mock = mock();
    let at = mock.addr();
    let line = format!(
        "house: {{vendor: custom, base_url: \"http://{at}/house/v1\", models: [big-llama], api_key: house-secret}}"
    );
    let gateway = Setup::default().provider(&line).start();
    let body = "{\"model\": \"big-llama\",  \"messages\":[{\"role\":\"user\",\"content\":\"what is a null pointer?\"}]}";
    let reply = gateway.ask(&post("/v1/chat/completions").body(body)).ok();
    assert_eq!(mock_page(&mock, "last")["body_text"].as_str().unwrap(), body);
    assert_eq!(gateway.line(&reply)["verbatim"], true);
}

#[test]
fn the_standard_tier_has_the_word_of_the_provider_that_is_asked() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "groq: {{base_url: \"http://{at}/house/v1\", models: [llama-x], api_key: groq-secret}}"
        ))
        .start();
    let asked = |model: &str, tier: &str| {
        let body =
            json!({"model": model, "service_tier": tier, "messages": [{"role": "user", "content": "Hi"}]});
        let reply = gateway.ask(&post("/v1/chat/completions").body(body.to_string())).ok();
        assert_eq!(reply.header("x-tollgate-losses"), None);
        mock_page(&mock, "last")["body"]["service_tier"].clone()
    };
    assert_eq!(asked("gpt-4o-mini", "on_demand"), "default");
    assert_eq!(asked("groq/llama-x", "default"), "on_demand");
    assert_eq!(asked("groq/llama-x", "on_demand"), "on_demand");
    assert_eq!(asked("groq/llama-x", "flex"), "flex");
}

#[test]
fn stream_options_are_all_that_a_stream_adds() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let request = Client::Openai.stream("gpt-4o-mini", "#mock tokens=2");
    gateway.ask(&request).ok();
    let arrived = mock_page(&mock, "last")["body_text"].as_str().unwrap().to_owned();
    let mut parsed: Value = serde_json::from_str(&arrived).unwrap();
    assert_eq!(parsed["stream_options"]["include_usage"], true);
    parsed.as_object_mut().unwrap().remove("stream_options");
    assert_eq!(parsed, serde_json::from_slice::<Value>(&request.body).unwrap());
    let inserted = arrived.replace(",\"stream_options\":{\"include_usage\":true}", "");
    assert_eq!(inserted.as_bytes(), request.body, "all other bytes are as they were: {arrived}");
}

#[test]
fn an_answer_goes_through_byte_for_byte() {
    let odd = "{ \"id\" : \"x\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\"},\
        \"finish_reason\":\"stop\"}],\n\t\"x_own\":1.50,\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}\n";
    let provider = Provider::start(move |_, stream| {
        Heard::answer(stream, &json_reply(200, odd));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).ok();
    assert_eq!(reply.text(), odd);
}

#[test]
fn a_request_said_again_for_its_own_dialect_has_its_answer_as_it_came() {
    const WHOLE: &str = "{ \"x_own\":1.50,\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\",\
        \"x\":1},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}";
    const EVENTS: [&str; 4] = [
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],  \"x\":1}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    ];
    let provider = Provider::start(move |heard, stream| {
        if heard.body.windows(13).any(|window| window == b"\"stream\":true") {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            Heard::answer(stream, format!("{head}{}", EVENTS.concat()).as_bytes());
            return Then::Close;
        }
        Heard::answer(stream, &json_reply(200, WHOLE));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!(
            "house: {{vendor: custom, base_url: \"http://{at}/v1\", models: [big-llama], api_key: k-1234}}"
        ))
        .start();
    let mut body = Client::Openai.question("big-llama", "hello", false);
    // Compatible vendors know no developers, so the request is said again.
    body["messages"]
        .as_array_mut()
        .unwrap()
        .insert(0, serde_json::json!({"role": "developer", "content": "Be brief."}));
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    assert_eq!(reply.text(), WHOLE);
    assert_eq!(gateway.line(&reply)["verbatim"], false);
    body["stream"] = true.into();
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    assert_eq!(reply.text(), [&EVENTS[..2], &EVENTS[3..]].concat().concat());
    assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 2);
}

#[test]
fn a_stream_goes_through_byte_for_byte_but_for_its_usage() {
    const EVENTS: [&str; 6] = [
        ": a comment\r\n\r\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],  \"x\":1}\n\n",
        "id: 7\nretry: 10\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}], \"usage\": null}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    ];
    let provider = Provider::start(|_, stream| {
        let body = EVENTS.concat();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        Heard::answer(stream, head.as_bytes());
        // Cut where no event ends.
        for piece in body.as_bytes().chunks(11) {
            Heard::answer(stream, format!("{:x}\r\n", piece.len()).as_bytes());
            Heard::answer(stream, piece);
            Heard::answer(stream, b"\r\n");
        }
        Heard::answer(stream, b"0\r\n\r\n");
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    let reply = gateway.ask(&Client::Openai.stream("gpt-4o-mini", "hello")).ok();
    let unasked = [&EVENTS[..4], &EVENTS[5..]].concat().concat();
    assert_eq!(reply.text(), unasked.replace(", \"usage\": null", ""));
    let mut body = Client::Openai.question("gpt-4o-mini", "hello", true);
    body["stream_options"] = serde_json::json!({"include_usage": true});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    assert_eq!(reply.text(), EVENTS.concat());
    assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 2);
}

#[test]
fn an_answer_to_a_request_said_again_in_its_own_dialect_goes_through_byte_for_byte() {
    let odd = "{ \"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":\"refusal\",\
        \"stop_details\":{\"type\":\"refusal\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":1, \"x\":2}}\n";
    let provider = Provider::start(move |_, stream| {
        Heard::answer(stream, &json_reply(200, odd));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("anthropic: {{base_url: \"http://{at}\", api_key: k-1234}}"))
        .start();
    // Nobody thought about its call, so that thinking cannot be asked for.
    let body = serde_json::json!({"model": "claude-sonnet-4-5", "max_tokens": 9000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "1"}]}]});
    let reply = gateway.ask(&post("/v1/messages").json(&body)).ok();
    assert_eq!(reply.text(), odd);
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    let line = gateway.line(&reply);
    assert_eq!((&line["verbatim"], &line["gen_ai.usage.output_tokens"]), (&false.into(), &1.into()));
}

#[test]
fn the_usage_event_is_sent_only_to_those_who_asked() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for model in ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"] {
        let reply = gateway.ask(&Client::Openai.stream(model, "#mock tokens=4")).ok();
        assert!(!reply.text().contains("\"usage\""), "{model}: {}", reply.text());
        assert!(reply.text().ends_with("data: [DONE]\n\n"), "{model}: {}", reply.text());
        assert_eq!(gateway.line(&reply)["usage_source"], "reported", "{model}");
        let mut body = Client::Openai.question(model, "#mock tokens=4", true);
        body["stream_options"] = serde_json::json!({"include_usage": true});
        let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
        assert!(reply.text().contains("\"prompt_tokens\":"), "{model}: {}", reply.text());
    }
}

#[test]
fn no_credential_or_private_header_of_a_client_reaches_a_provider() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "client-secret-1").start();
    for client in CLIENTS {
        for target in CLIENTS {
            let mut request = client.whole(target.model(), "hello");
            if client == Client::Gemini {
                request.path = format!("{}?key=client-secret-2", request.path);
            }
            let request = request
                .header("authorization", "Bearer client-secret-1")
                .header("x-api-key", "client-secret-3")
                .header("api-key", "client-secret-4")
                .header("x-goog-api-key", "client-secret-5")
                .header("cookie", "session=client-secret-6")
                .header("proxy-authorization", "Basic client-secret-7")
                .header("connection", "keep-alive, x-hop")
                .header("x-hop", "client-secret-8")
                .header("te", "trailers")
                .header("x-forwarded-for", "10.9.8.7")
                .header("forwarded", "for=10.9.8.7")
                .header("x-stainless-os", "client-secret-9")
                .header("origin", "http://client-secret-10");
            gateway.ask(&request).ok();
            let arrived = mock_page(&mock, "last");
            let (head, query) = (arrived["headers"].to_string(), arrived["query"].as_str().unwrap());
            assert!(
                !head.contains("client-secret") && !head.contains("10.9.8.7"),
                "{client:?} to {target:?}: {head}"
            );
            assert!(!query.contains("client-secret"), "{client:?} to {target:?}: {query}");
            for gone in ["te", "connection", "x-hop", "cookie", "proxy-authorization", "transfer-encoding"] {
                assert_eq!(arrived["headers"].get(gone), None, "{gone} from {client:?} to {target:?}");
            }
            assert!(
                head.contains(&format!("{}-secret", target.vendor())),
                "{client:?} to {target:?}: {head}"
            );
        }
    }
}

#[test]
fn a_dialects_own_headers_go_on_to_a_provider_of_that_dialect_alone() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let ask = |model: &str| {
        let request = Client::Anthropic
            .whole(model, "hello")
            .header("anthropic-beta", "interleaved-thinking-2025-05-14")
            .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        gateway.ask(&request).ok();
        mock_page(&mock, "last")["headers"].clone()
    };
    let own = ask("claude-sonnet-4-5");
    assert_eq!(own["anthropic-version"], "2023-06-01");
    assert_eq!(own["anthropic-beta"], "interleaved-thinking-2025-05-14");
    let other = ask("gpt-4o-mini");
    assert!(!other.to_string().contains("anthropic"), "{other}");
}

#[test]
fn headers_of_a_providers_own_house_do_not_reach_the_client() {
    let provider = Provider::start(|_, stream| {
        let body = "{\"choices\":[]}";
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nset-cookie: a=b\r\n\
             server: cloudflare\r\nvia: 1.1 x\r\nopenai-organization: org-secret\r\nopenai-project: proj-secret\r\n\
             alt-svc: h3\r\ncf-ray: 1\r\nx-request-id: req_own\r\nkeep-alive: timeout=5\r\nconnection: keep-alive\r\n\
             access-control-allow-origin: *\r\nstrict-transport-security: max-age=1\r\nx-ratelimit-remaining-tokens: 7\r\n\r\n{body}",
            body.len()
        );
        Heard::answer(stream, head.as_bytes());
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).ok();
    for gone in [
        "set-cookie",
        "server",
        "via",
        "openai-organization",
        "openai-project",
        "alt-svc",
        "cf-ray",
        "keep-alive",
        "access-control-allow-origin",
        "strict-transport-security",
    ] {
        assert_eq!(reply.header(gone), None, "{gone}");
    }
    assert_ne!(reply.header("x-request-id"), Some("req_own"));
    assert_eq!(reply.header("x-ratelimit-remaining-tokens"), Some("7"));
    assert_eq!(reply.header("x-tollgate-provider"), Some("openai"));
    assert_eq!(reply.header("x-tollgate-model"), Some("gpt-4o-mini"));
    assert!(reply.header("server-timing").is_some_and(|value| value.starts_with("tollgate;dur=")));
}

#[test]
fn configured_headers_are_sent_with_every_request() {
    let mock = mock();
    let at = mock.addr();
    let line = format!(
        "house: {{vendor: custom, base_url: \"http://{at}/h/v1\", models: [m], api_key: k-1234, headers: {{x-team: platform}}}}"
    );
    let gateway = Setup::default().provider(&line).start();
    gateway.ask(&Client::Anthropic.whole("house/m", "hello")).ok();
    assert_eq!(mock_page(&mock, "last")["headers"]["x-team"], "platform");
}

#[test]
fn a_thought_that_nobody_signed_does_not_reach_claude() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for unsigned in ["\"signature\":\"\"", "\"signature\" : \"\""] {
        let body = format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":99,"messages":[{{"role":"user","content":"a"}},
            {{"role":"assistant","content":[{{"type":"thinking","thinking":"hm",{unsigned}}},{{"type":"text","text":"b"}}]}},
            {{"role":"user","content":"c"}}]}}"#
        );
        gateway.ask(&post("/v1/messages").header("anthropic-version", "2023-06-01").body(body)).ok();
        let arrived = mock_page(&mock, "last")["body_text"].as_str().unwrap().to_owned();
        assert!(!arrived.contains("thinking") && arrived.contains("\"b\""), "{arrived}");
    }
}

#[test]
fn head_and_body_reach_a_provider_in_one_piece() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, WHOLE));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    let mut conn = gateway.conn();
    for _ in 0..3 {
        conn.ask(&Client::Openai.whole("gpt-4o-mini", "hi")).ok();
    }
    let large = "x".repeat(300_000);
    conn.ask(&Client::Openai.whole("gpt-4o-mini", &large)).ok();
    let heard = provider.heard();
    assert_eq!(heard.iter().map(|heard| heard.on_connection).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(heard[..3].iter().all(|heard| heard.pieces == 1), "{heard:?}");
    assert!(heard[3].body.len() > large.len());
}
