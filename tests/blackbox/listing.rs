//! Lists of models, counts of tokens, vectors: what is asked for besides answers.

use serde_json::{Value, json};

use crate::harness::{CLIENTS, Client, Gateway, Request, Setup, get, mock, mock_page, post};

/// A request for the list of models, as this client's SDK makes it.
fn list(client: Client) -> Request {
    match client {
        Client::Openai => get("/v1/models"),
        Client::Anthropic => get("/v1/models").header("anthropic-version", "2023-06-01"),
        Client::Gemini => get("/v1beta/models"),
    }
}

/// The names in a list, once its shape is found right.
fn names(client: Client, list: &Value) -> Vec<String> {
    let (entries, field) = match client {
        Client::Openai => {
            assert_eq!(list["object"], "list", "{list}");
            (&list["data"], "id")
        }
        Client::Anthropic => {
            assert!(list["has_more"].is_boolean(), "{list}");
            (&list["data"], "id")
        }
        Client::Gemini => (&list["models"], "name"),
    };
    let entries = entries.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    for entry in entries {
        match client {
            Client::Openai => {
                assert_eq!(entry["object"], "model", "{entry}");
                assert!(entry["created"].is_u64() && entry["owned_by"].is_string(), "{entry}");
            }
            Client::Anthropic => {
                assert_eq!(entry["type"], "model", "{entry}");
                assert!(entry["display_name"].is_string() && entry["created_at"].is_string(), "{entry}");
            }
            Client::Gemini => {
                assert!(entry["supportedGenerationMethods"].is_array(), "{entry}");
                assert!(entry["name"].as_str().is_some_and(|name| name.starts_with("models/")), "{entry}");
            }
        }
    }
    let name = |entry: &Value| entry[field].as_str().unwrap().trim_start_matches("models/").to_owned();
    entries.iter().map(name).collect()
}

fn gateway() -> (tollgate::mock::Mock, Gateway) {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("aliases: {fast: openai/gpt-4o-mini}").start();
    (mock, gateway)
}

#[test]
fn models_are_listed_in_each_shape() {
    let (_mock, gateway) = gateway();
    for client in CLIENTS {
        let mut conn = gateway.conn();
        let listed = names(client, &conn.ask(&list(client)).ok().json());
        for expected in ["fast", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"] {
            assert!(listed.iter().any(|name| name == expected), "{client:?} lacks {expected}");
        }
        conn.ask(&list(client)).ok();
    }
    let by_google = get("/v1/models").header("x-goog-api-key", "k");
    names(Client::Gemini, &gateway.ask(&by_google).ok().json());
}

#[test]
fn what_is_listed_can_be_asked_for_and_retrieved() {
    let (_mock, gateway) = gateway();
    for client in CLIENTS {
        let listed = names(client, &gateway.ask(&list(client)).ok().json());
        for name in listed.iter().step_by(1 + listed.len() / 25) {
            let mut one = list(client);
            one.path = format!("{}/{name}", one.path);
            let reply = gateway.ask(&one);
            assert_eq!(reply.status, 200, "{client:?} {name}: {}", reply.text());
            let field = if client == Client::Gemini { "name" } else { "id" };
            assert_eq!(reply.json()[field].as_str().unwrap().trim_start_matches("models/"), name);
        }
        let mut one = list(client);
        one.path = format!("{}/nothing-like-it", one.path);
        let reply = gateway.ask(&one);
        assert_eq!(reply.status, 404);
        client.refusal(&reply);
        let mut escaped = list(client);
        escaped.path = format!("{}/openai%2Fgpt-4o-mini", escaped.path);
        gateway.ask(&escaped).ok();
    }
}

#[test]
fn a_closed_door_keeps_the_list_closed() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "k").start();
    for client in CLIENTS {
        let reply = gateway.ask(&list(client));
        assert_eq!(reply.status, 401);
        client.refusal(&reply);
        gateway.ask(&list(client).header("authorization", "Bearer k")).ok();
    }
}

#[test]
fn head_requests_get_heads_alone() {
    let (_mock, gateway) = gateway();
    let mut conn = gateway.conn();
    conn.send(b"HEAD /v1/models HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(conn.head().status, 200);
    if let Ok(mut head) = conn.try_head() {
        assert_eq!(head.status, 200, "nothing of a body came between");
        assert_eq!(conn.rest(&mut head).0, "{\"status\":\"ok\"}");
    }
}

fn count(client: Client, model: &str, text: &str) -> Request {
    match client {
        Client::Gemini => post(&format!("/v1beta/models/{model}:countTokens"))
            .json(&json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})),
        _ => post("/v1/messages/count_tokens")
            .json(&json!({"model": model, "messages": [{"role": "user", "content": text}]}))
            .header("anthropic-version", "2023-06-01"),
    }
}

fn counted(client: Client, reply: &Value) -> u64 {
    let field = if client == Client::Gemini { "totalTokens" } else { "input_tokens" };
    reply[field].as_u64().unwrap_or_else(|| panic!("no count in {reply}"))
}

#[test]
fn tokens_are_counted_by_the_provider_where_it_can() {
    let (mock, gateway) = gateway();
    for client in [Client::Anthropic, Client::Gemini] {
        let reply = gateway.ask(&count(client, client.model(), "How many tokens are these, please?")).ok();
        assert!((3..40).contains(&counted(client, &reply.json())), "{}", reply.text());
        let path = mock_page(&mock, "last")["path"].as_str().unwrap().to_owned();
        assert!(path.ends_with("count_tokens") || path.ends_with(":countTokens"), "{path}");
        let line = gateway.line(&reply);
        assert_eq!(line["gen_ai.operation.name"], "count_tokens");
        assert_eq!(line.get("cost_usd"), None, "counting is free: {line}");
    }
}

#[test]
fn tokens_are_counted_here_where_the_provider_cannot() {
    let (mock, gateway) = gateway();
    for (client, model) in [
        (Client::Anthropic, "gpt-4o-mini"),
        (Client::Gemini, "gpt-4o-mini"),
        (Client::Anthropic, "gemini-2.5-flash"),
        (Client::Gemini, "claude-sonnet-4-5"),
        (Client::Anthropic, "fast"),
    ] {
        let mut conn = gateway.conn();
        let short = counted(client, &conn.ask(&count(client, model, "one two three four")).ok().json());
        let long =
            counted(client, &conn.ask(&count(client, model, &"one two three four ".repeat(50))).ok().json());
        assert!((4..30).contains(&short), "{client:?} {model}: {short}");
        assert!((180..300).contains(&long), "{client:?} {model}: {long}");
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 0, "no provider was asked");
}

#[test]
fn errors_of_counting_are_in_the_clients_dialect() {
    let (_mock, gateway) = gateway();
    for client in [Client::Anthropic, Client::Gemini] {
        let reply = gateway.ask(&count(client, "nothing-like-it", "hi"));
        assert_eq!(reply.status, 404, "{}", reply.text());
        client.refusal(&reply);
        let path = count(client, "gpt-4o-mini", "hi").path;
        let reply =
            gateway.ask(&post(&path).body("{\"model\":\"gpt-4o-mini\",\"messages\":7,\"contents\":7}"));
        assert_eq!(reply.status, 400, "{}", reply.text());
        client.refusal(&reply);
    }
}

/// The vectors of an answer in OpenAI's form.
fn vectors(reply: &Value) -> Vec<Vec<f64>> {
    assert_eq!(reply["object"], "list", "{reply}");
    let entries = reply["data"].as_array().unwrap_or_else(|| panic!("no data: {reply}"));
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!((&entry["object"], &entry["index"]), (&json!("embedding"), &json!(index)), "{entry}");
    }
    entries.iter().map(|entry| numbers(&entry["embedding"])).collect()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array()
        .unwrap_or_else(|| panic!("no vector: {list}"))
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

#[test]
fn embeddings_go_from_openai_to_openai() {
    let (mock, gateway) = gateway();
    let body = "{\"input\" : [\"one\",\"two\"],  \"model\":\"text-embedding-3-small\",\"dimensions\":8}";
    let reply = gateway.ask(&post("/v1/embeddings").body(body)).ok();
    assert_eq!(mock_page(&mock, "last")["body_text"], body);
    let vectors = vectors(&reply.json());
    assert_eq!((vectors.len(), vectors[0].len()), (2, 8));
    let line = gateway.line(&reply);
    assert_eq!(line["gen_ai.operation.name"], "embeddings");
    assert_eq!(line["gen_ai.usage.input_tokens"], reply.json()["usage"]["prompt_tokens"]);
    assert_eq!(line["usage_source"], "reported");
    assert!(line["cost_usd"].is_string(), "{line}");
    let prefixed =
        json!({"model": "openai/text-embedding-3-small", "input": "one", "encoding_format": "base64"});
    let reply = gateway.ask(&post("/v1/embeddings").json(&prefixed)).ok();
    assert!(reply.json()["data"][0]["embedding"].is_string());
    assert_eq!(mock_page(&mock, "last")["body"]["model"], "text-embedding-3-small");
}

#[test]
fn embeddings_go_from_openai_to_gemini() {
    let (mock, gateway) = gateway();
    let body = json!({"model": "gemini-embedding-001", "input": ["one", "two", "three"], "dimensions": 768});
    let reply = gateway.ask(&post("/v1/embeddings").json(&body)).ok();
    let floats = vectors(&reply.json());
    assert_eq!((floats.len(), floats[0].len()), (3, 768), "{}", reply.text());
    let arrived = mock_page(&mock, "last");
    assert!(
        arrived["path"].as_str().unwrap().ends_with("gemini-embedding-001:batchEmbedContents"),
        "{arrived}"
    );
    assert_eq!(gateway.line(&reply)["target_dialect"], "gemini_generate");
    let mut packed = body;
    packed["encoding_format"] = "base64".into();
    let reply = gateway.ask(&post("/v1/embeddings").json(&packed)).ok();
    let text = reply.json()["data"][0]["embedding"].as_str().unwrap().to_owned();
    assert_eq!(text.len(), 768 * 4 / 3 * 4, "four bytes a number, in base64");
}

#[test]
fn more_embeddings_than_gemini_takes_at_once_are_refused_before_it_is_asked() {
    let (mock, gateway) = gateway();
    let ask = |count: usize| {
        // What was asked before need not be asked for again.
        let input: Vec<_> = (0..count).map(|place| format!("{place} of {count}")).collect();
        let body = json!({"model": "gemini-embedding-001", "input": input, "dimensions": 4});
        gateway.ask(&post("/v1/embeddings").json(&body))
    };
    assert_eq!(vectors(&ask(100).ok().json()).len(), 100);
    let before = mock_page(&mock, "last")["body_text"].clone();
    let reply = ask(101);
    let error = &reply.json()["error"];
    assert_eq!((reply.status, &error["param"]), (400, &json!("input")), "{}", reply.text());
    assert!(error["message"].as_str().unwrap().contains("at most 100"), "{error}");
    assert_eq!(mock_page(&mock, "last")["body_text"], before);
}

#[test]
fn embeddings_go_from_gemini_to_openai() {
    let (mock, gateway) = gateway();
    let content = |text: &str| json!({"parts": [{"text": text}]});
    let one =
        post("/v1beta/models/text-embedding-3-small:embedContent").json(&json!({"content": content("one")}));
    let reply = gateway.ask(&one).ok().json();
    assert_eq!(numbers(&reply["embedding"]["values"]).len(), 1536, "{reply}");
    assert_eq!(mock_page(&mock, "last")["path"], "/v1/embeddings");
    let entry = |text: &str| json!({"model": "models/text-embedding-3-small", "content": content(text), "outputDimensionality": 16});
    let batch = post("/v1beta/models/text-embedding-3-small:batchEmbedContents")
        .json(&json!({"requests": [entry("one"), entry("two")]}));
    let reply = gateway.ask(&batch).ok().json();
    let all: Vec<_> =
        reply["embeddings"].as_array().unwrap().iter().map(|entry| numbers(&entry["values"]).len()).collect();
    assert_eq!(all, [16, 16], "{reply}");
}

#[test]
fn embeddings_go_from_gemini_to_gemini() {
    let (mock, gateway) = gateway();
    let body = json!({"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 128});
    let one = post("/v1beta/models/gemini-embedding-001:embedContent").json(&body);
    let reply = gateway.ask(&one).ok().json();
    assert_eq!(numbers(&reply["embedding"]["values"]).len(), 128, "{reply}");
    assert_eq!(mock_page(&mock, "last")["body_text"].as_str().unwrap().as_bytes(), one.body);
}

#[test]
fn errors_of_embeddings_are_in_the_clients_dialect() {
    let (_mock, gateway) = gateway();
    let cases = [
        (json!({"model": "text-embedding-3-small", "input": ""}), 400),
        (json!({"model": "gemini-embedding-001", "input": []}), 400),
        (json!({"model": "claude-sonnet-4-5", "input": "x"}), 400),
        (json!({"input": "x"}), 400),
        (json!({"model": "nothing-like-it", "input": "x"}), 404),
    ];
    for (body, status) in cases {
        let reply = gateway.ask(&post("/v1/embeddings").json(&body));
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        Client::Openai.refusal(&reply);
    }
    let reply = gateway.ask(
        &post("/v1beta/models/nothing-like-it:embedContent")
            .body("{\"content\":{\"parts\":[{\"text\":\"x\"}]}}"),
    );
    assert_eq!(reply.status, 404);
    Client::Gemini.refusal(&reply);
}
