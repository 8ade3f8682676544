//! Guards over real sockets: what reaches the provider, and what the client is told.

mod elsewhere;
mod external;
mod kept;
mod shapes;
mod streams;

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Setup, Then, json_reply, mock, mock_page, post,
};

const MAIL: &str = "anna.berg@example.com";

fn setup(mock: &tollgate::mock::Mock, guards: &str) -> Gateway {
    Setup::new(mock).yaml(&format!("guards:\n  {guards}")).start()
}

fn arrived(mock: &tollgate::mock::Mock) -> String {
    mock_page(mock, "last")["body_text"].as_str().unwrap().to_owned()
}

/// An event of a stream as OpenAI's chat completions tell it.
fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n")
}

/// Pieces of a body that come apart however they are written.
fn chunked(pieces: &[String]) -> Vec<u8> {
    let framed = pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
    framed.collect::<String>().into_bytes()
}

#[test]
fn what_is_masked_does_not_reach_a_provider_in_any_dialect() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [pii], action: mask, on: [request]}");
    for client in CLIENTS {
        for model in ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"] {
            let reply = gateway.ask(&client.whole(model, &format!("#mock tokens=3 write to {MAIL}"))).ok();
            let body = arrived(&mock);
            assert!(!body.contains(MAIL) && body.contains("write to [EMAIL]"), "{client:?} {model}: {body}");
            assert_eq!(reply.header("x-tollgate-guards"), Some("pii/email=mask;request;1"));
        }
    }
}

#[test]
fn a_body_in_which_nothing_is_found_goes_through_byte_for_byte() {
    let mock = mock();
    let gateway = setup(&mock, "all: {detect: [pii, secrets, invisible, injection], action: block}");
    for client in CLIENTS {
        let request = client.whole(client.model(), "nothing here \u{1f600}");
        let spaced = String::from_utf8(request.body.clone()).unwrap().replace(':', " : ");
        let reply = gateway.ask(&request.body(spaced.clone())).ok();
        assert_eq!(arrived(&mock), spaced, "{client:?}");
        assert_eq!(reply.header("x-tollgate-guards"), None);
    }
}

#[test]
fn all_other_bytes_of_a_verbatim_body_stay_as_they_are() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [email], action: mask, on: [request]}");
    let body = |said: &str| {
        format!(
            "{{ \"messages\" :[{{\"content\":\"{said}\",\"role\" : \"user\"}},\n{{\"role\":\"user\",\
             \"content\":\"h\\u00e9\\/ #mock tokens=2\"}}],\t\"model\": \"gpt-4o-mini\" , \"temperature\":1.50, \"user\":\"{MAIL}\"}}"
        )
    };
    gateway.ask(&post("/v1/chat/completions").body(body(&format!("h\\u00e9\\/ {MAIL}")))).ok();
    assert_eq!(arrived(&mock), body("hé/ [EMAIL]"));
}

#[test]
fn a_block_is_said_in_each_dialect_with_the_rule_and_without_the_match() {
    const TOKEN: &str = "ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5";
    let mock = mock();
    let gateway = setup(&mock, "keys: {detect: [secrets], action: block}");
    for client in CLIENTS {
        let before = mock_page(&mock, "stats")["requests"].as_u64().unwrap();
        let reply = gateway.ask(&client.whole(client.model(), &format!("my token is {TOKEN}, keep it")));
        assert_eq!(reply.status, 400, "{client:?} {}", reply.text());
        assert!(reply.text().contains("github-token") && !reply.text().contains(TOKEN), "{}", reply.text());
        assert_eq!(reply.header("x-tollgate-guards"), Some("keys/github-token=block;request;1"));
        assert_eq!(mock_page(&mock, "stats")["requests"].as_u64().unwrap(), before);
        let line = gateway.line(&reply);
        assert_eq!(line["outcome"], "content_policy");
        let verdict = json!([{"guard": "keys", "rule": "github-token", "action": "block", "on": "request", "count": 1}]);
        assert_eq!(line["guards"], verdict);
    }
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": TOKEN}]});
    let refused: Value = gateway.ask(&post("/v1/chat/completions").json(&body)).json();
    assert_eq!(refused["error"]["param"], "messages[1].content");
    assert_eq!(refused["error"]["code"], "guard_blocked");
    let metrics = gateway.admin_page("/metrics");
    let metrics = metrics.text();
    assert!(
        metrics.contains("tollgate_guard_findings_total{action=\"block\",guard=\"keys\",on=\"request\",rule=\"github-token\"}"),
        "{metrics}"
    );
}

#[test]
fn a_guard_watches_and_tags_without_changing_anything() {
    let mock = mock();
    let gateway = setup(
        &mock,
        "seen: {detect: [email], action: monitor}\n  told: {topics: {weather: [thunder storm]}, action: tag, on: [request]}",
    );
    let request = Client::Openai.whole("gpt-4o-mini", &format!("#mock tokens=2 Thunder Storm at {MAIL}"));
    let reply = gateway.ask(&request).ok();
    assert_eq!(arrived(&mock).as_bytes(), request.body);
    assert_eq!(reply.header("x-tollgate-guards"), Some("told/weather=tag;request;1"));
    assert_eq!(gateway.line(&reply)["guards"].as_array().unwrap().len(), 2);
}

#[test]
fn a_guard_is_for_whom_it_is_for() {
    let mock = mock();
    let yaml = "keys: {web: {key: the-secret-of-web, owner: acme/shop}, job: {key: the-secret-of-job, owner: acme}}\n\
        guards:\n  pii: {detect: [email], action: block, owners: [acme/shop], models: [\"gpt-*\"]}";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let status = |secret: &str, model: &str| {
        let request = Client::Openai.whole(model, &format!("#mock tokens=2 {MAIL}"));
        gateway.ask(&request.header("authorization", &format!("Bearer {secret}"))).status
    };
    assert_eq!(status("the-secret-of-web", "gpt-4o-mini"), 400);
    assert_eq!(status("the-secret-of-web", "claude-sonnet-4-5"), 200);
    assert_eq!(status("the-secret-of-job", "gpt-4o-mini"), 200);
}

#[test]
fn what_goes_through_to_a_provider_is_looked_at_too() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [email], action: mask, on: [request]}");
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": format!("#mock tokens=2 {MAIL}")}]});
    gateway.ask(&post("/p/openai/v1/chat/completions").json(&body)).ok();
    assert!(arrived(&mock).contains("[EMAIL]"));
}

#[test]
fn what_goes_through_is_looked_at_whatever_it_is_said_to_be() {
    // Most servers take a body for JSON that is said to be something else, or nothing.
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, "{}"));
        Then::Keep
    });
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
        .yaml("guards:\n  pii: {detect: [email], action: mask, on: [request]}")
        .start();
    let body = json!({"model": "m", "messages": [{"role": "user", "content": MAIL}], "input": MAIL});
    let asked = |path: &str, kind: Option<&str>| {
        let mut request = post(path).json(&body);
        request.headers.clear();
        let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
        gateway.ask(&request).ok();
        String::from_utf8(provider.heard().pop().unwrap().body).unwrap()
    };
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("Application/JSON")]
    {
        for path in ["/p/openai/v1/chat/completions", "/p/openai/v1/something/new"] {
            let heard = asked(path, kind);
            assert!(heard.contains("[EMAIL]") && !heard.contains(MAIL), "{kind:?} {path}: {heard}");
        }
    }
    for kind in ["application/octet-stream", "multipart/form-data; boundary=x", "audio/wav"] {
        let heard = asked("/p/openai/v1/chat/completions", Some(kind));
        assert!(heard.contains("[EMAIL]") && !heard.contains(MAIL), "{kind}: {heard}");
        // A file is nobody's words.
        assert!(asked("/p/openai/v1/files", Some(kind)).contains(MAIL), "{kind}");
    }
}

#[test]
fn what_a_guard_cannot_look_into_does_not_pass() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(
            stream,
            &json_reply(200, "{\"choices\":[{\"message\":{\"content\":\"a@b.co\"}}], \"x\": NaN}"),
        );
        Then::Keep
    });
    let started = |guard: &str| {
        let line = format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr);
        Setup::default().provider(&line).yaml(&format!("guards:\n  pii: {guard}")).start()
    };
    let masks = started("{detect: [email], action: mask, on: [request]}");
    let watches = started("{detect: [email], action: tag, on: [request]}");
    let body = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{MAIL}\"}}]}}");
    let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let odd = [format!("\u{feff}{body}").into_bytes(), wide, format!("{body} {{}}").into_bytes()];
    for body in odd {
        let request = post("/p/openai/v1/chat/completions").body(body.clone());
        let before = provider.heard().len();
        let refused = masks.ask(&request);
        let error = &refused.json()["error"];
        assert_eq!((refused.status, &error["code"]), (400, &json!("guard_unread")), "{}", refused.text());
        assert!(
            error["message"].as_str().unwrap().starts_with("the guard \"pii\" cannot look into"),
            "{error}"
        );
        assert_eq!(provider.heard().len(), before);
        watches.ask(&request).ok();
        assert_eq!(provider.heard().pop().unwrap().body, body);
    }
    // What is no JSON for anybody is no request to a model.
    let file = post("/p/openai/v1/files/raw").header("content-type", "application/pdf").body("%PDF");
    masks.ask(&file).ok();
    let answers = started("{detect: [email], action: mask, on: [answer]}");
    let asked = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]});
    for path in ["/v1/chat/completions", "/p/openai/v1/chat/completions"] {
        let reply = answers.ask(&post(path).json(&asked));
        assert_eq!(reply.status, 502, "{path} {}", reply.text());
        assert!(!reply.text().contains("a@b.co"), "{path} {}", reply.text());
    }
}

const MODELS: [&str; 3] = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"];
const CARD: &str = "4111 1111 1111 1111";

fn echo() -> String {
    format!("#mock echo\nWrite to {MAIL}, then {MAIL} again; pay with {CARD}, bye.")
}

#[test]
fn what_was_masked_stands_in_the_answer_again_streamed_or_not() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [pii], action: mask_and_restore}");
    for client in CLIENTS {
        for model in MODELS {
            let whole = gateway.ask(&client.whole(model, &echo())).ok();
            let sent = arrived(&mock);
            assert!(sent.contains("Write to [EMAIL_1], then [EMAIL_1] again; pay with [CARD_1]"), "{sent}");
            let said = client.text(&whole.json());
            assert!(said.contains(&echo()["#mock echo\n".len()..]), "{client:?} {model}: {said}");
            let stream = gateway.ask(&client.stream(model, &echo())).ok();
            let said = client.streamed_text(&stream.text());
            assert!(said.contains(&echo()["#mock echo\n".len()..]), "{client:?} {model}: {said}");
            assert!(!arrived(&mock).contains(MAIL));
        }
    }
}

#[test]
fn answers_are_masked_streamed_or_not() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [pii], action: mask, on: [answer]}");
    for client in CLIENTS {
        for model in MODELS {
            let whole = gateway.ask(&client.whole(model, &echo())).ok();
            let stream = gateway.ask(&client.stream(model, &echo())).ok();
            for (said, reply) in
                [(client.text(&whole.json()), &whole), (client.streamed_text(&stream.text()), &stream)]
            {
                let expected = "Write to [EMAIL], then [EMAIL] again; pay with [CARD], bye.";
                assert!(said.contains(expected), "{client:?} {model}: {said}");
                assert!(!reply.text().contains(MAIL), "{client:?} {model}: {}", reply.text());
                let found = &gateway.line(reply)["guards"];
                assert_eq!(found[0]["count"], 2, "{client:?} {model} {found}");
                assert_eq!(found[0]["on"], "answer");
                assert!(gateway.line(reply)["gen_ai.usage.output_tokens"].as_u64().unwrap() > 0);
            }
            assert_eq!(
                whole.header("x-tollgate-guards"),
                Some("pii/email=mask;answer;2, pii/card=mask;answer;1")
            );
        }
    }
}

#[test]
fn a_blocked_answer_is_an_error_of_the_clients_dialect() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [email], action: block, on: [answer]}");
    for client in CLIENTS {
        for model in MODELS {
            let whole = gateway.ask(&client.whole(model, &echo()));
            assert_eq!(whole.status, 400, "{client:?} {model} {}", whole.text());
            let stream = gateway.ask(&client.stream(model, &echo()));
            for reply in [&whole, &stream] {
                let text = reply.text();
                assert!(text.contains("does not let this answer pass: email"), "{client:?} {model} {text}");
                assert!(!text.contains(MAIL) && !text.contains("anna."), "{client:?} {model} {text}");
            }
            // What is found before the head was said is refused as a whole answer is.
            let outcome = if stream.status == 200 { "broken" } else { "content_policy" };
            assert_eq!(gateway.line(&stream)["outcome"], outcome, "{client:?} {model}");
        }
    }
}

#[test]
fn answers_to_what_goes_through_are_looked_at_too() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [email], action: mask, on: [answer]}");
    for stream in [false, true] {
        let body = json!({"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "#mock echo\nto me@example.org"}]});
        let reply = gateway.ask(&post("/p/openai/v1/chat/completions").json(&body)).ok();
        assert!(!reply.text().contains("me@example"), "{}", reply.text());
        // Its id is the provider's.
        let line = gateway.line_where("gen_ai.operation.name", "passthrough");
        assert!(line["gen_ai.usage.output_tokens"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_request_has_no_more_tokens_than_a_guard_lets_it_have() {
    let mock = mock();
    let gateway = setup(&mock, "long: {max_tokens: 200, action: block, on: [request]}");
    for client in CLIENTS {
        let words = "so many words ".repeat(30);
        gateway.ask(&client.whole(client.model(), &format!("#mock tokens=2 {words}"))).ok();
        let words = words.repeat(4);
        let refused = gateway.ask(&client.whole(client.model(), &format!("#mock tokens=2 {words}")));
        assert_eq!(refused.status, 400, "{client:?} {}", refused.text());
        assert_eq!(refused.header("x-tollgate-guards"), Some("long/tokens=block;request;1"));
    }
    // All of it together counts.
    let turn = json!({"role": "user", "content": "#mock tokens=2 so many words"});
    let body = json!({"model": "gpt-4o-mini", "messages": vec![turn; 60]});
    let refused = gateway.ask(&post("/v1/chat/completions").json(&body));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &Value::Null));
}
