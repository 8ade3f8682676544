//! A base address may be written in many ways, and what is not served says what is.

use serde_json::json;

use crate::harness::{CLIENTS, Client, Request, Setup, get, mock, mock_page, post};

#[test]
fn azures_path_names_the_model_whatever_the_body_says() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for target in CLIENTS {
        let path = format!("/openai/deployments/{}/chat/completions?api-version=2024-10-21", target.model());
        let mut body = Client::Openai.question("some-other-name", "hello", false);
        let named = gateway.ask(&post(&path).header("api-key", "k").json(&body)).ok();
        assert_eq!(named.header("x-tollgate-model"), Some(target.model()));
        body.as_object_mut().unwrap().remove("model");
        let reply = gateway.ask(&post(&path).header("api-key", "k").json(&body)).ok();
        assert_eq!(reply.json()["model"].as_str(), Some(target.model()));
        assert!(Client::Openai.text(&reply.json()).contains("hello"));
    }
    for model in ["text-embedding-3-small", "gemini-embedding-001"] {
        let path = format!("/openai/deployments/{model}/embeddings?api-version=2024-10-21");
        let reply = gateway.ask(&post(&path).json(&json!({"input": "hello"}))).ok();
        assert_eq!(reply.json()["data"].as_array().map(Vec::len), Some(1));
    }
    let refused = gateway.ask(&post("/openai/deployments/gpt-4o-mini/chat/completions").body(b"{".to_vec()));
    assert_eq!(refused.status, 400);
    Client::Openai.refusal(&refused);
}

#[test]
fn slashes_versions_and_vendors_names_too_many_do_no_harm() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (client, path) in [
        (Client::Openai, "//v1/chat/completions"),
        (Client::Openai, "/v1/v1/chat/completions/"),
        (Client::Openai, "/v1beta/openai/chat/completions"),
        (Client::Anthropic, "/v1/v1/messages?beta=true"),
        (Client::Anthropic, "/anthropic//messages"),
        (Client::Gemini, "//v1beta/models/gemini-2.5-flash:generateContent"),
        (Client::Gemini, "/v1beta/models/gemini-2.5-flash%3AgenerateContent?$alt=json;enum-encoding=int"),
        (Client::Gemini, "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent"),
    ] {
        for target in CLIENTS {
            let mut request = client.whole(target.model(), "hello");
            request.path = path.replace(Client::Gemini.model(), target.model());
            let reply = gateway.ask(&request).ok();
            assert!(client.text(&reply.json()).contains("hello"), "{path}");
        }
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 24);
}

#[test]
fn what_is_not_served_says_what_to_use_instead() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (client, path, instead) in [
        (Client::Openai, "/v1/responses/r/forget", "POST /v1/responses"),
        (Client::Openai, "/v1/files/f/share", "POST /v1/files"),
        (Client::Gemini, "/v1beta/batches", "each request by itself"),
        (Client::Gemini, "/v1beta/interactions", ":generateContent"),
        (Client::Gemini, "/v1beta/models/gemini-2.5-flash:embedText", ":generateContent"),
    ] {
        let request = Request { path: path.to_owned(), ..client.whole(client.model(), "hello") };
        let reply = gateway.ask(&request);
        assert_eq!(reply.status, 404, "{path}");
        let said = client.refusal(&reply);
        assert!(said.message.contains(instead), "{said:?}");
    }
}

#[test]
fn the_key_opens_the_door_beside_another_one() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "the-key").start();
    let both = get("/v1/models").header("authorization", "Bearer another").header("x-api-key", "the-key");
    gateway.ask(&both).ok();
    let neither = get("/v1/models").header("authorization", "Bearer another").header("x-api-key", "third");
    assert_eq!(gateway.ask(&neither).status, 401);
}

#[test]
fn a_thread_that_nobody_keeps_is_refused_in_the_words_its_sdk_acts_on() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for target in CLIENTS {
        let mut body = Client::Anthropic.question(target.model(), "hello", false);
        body["thread"] = json!({"type": "continue", "previous_message_id": "msg_1"});
        let request = post("/v1/messages")
            .header("anthropic-version", "2023-06-01")
            .header("anthropic-beta", "message-threads-2026-08-12");
        let reply = gateway.ask(&request.clone().json(&body));
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
        assert_eq!(reply.json()["error"]["details"]["error_code"], "thread_unsupported_request");
        body["thread"] = json!(null);
        gateway.ask(&request.json(&body)).ok();
    }
}

#[test]
fn a_body_compressed_in_an_unknown_way_is_refused_as_such() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let mut conn = gateway.conn();
        let request = client.whole(client.model(), "hello");
        let reply = conn.ask(&request.clone().header("content-encoding", "br"));
        assert_eq!(reply.status, 415);
        assert!(client.refusal(&reply).message.contains("compressed"));
        conn.ask(&request.header("content-encoding", "identity")).ok();
    }
}
