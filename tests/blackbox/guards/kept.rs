//! Guards where an answer is kept, shared or made later, and over what is no chat.

use serde_json::{Value, json};

use super::{CARD, MAIL, arrived, setup};
use crate::harness::{CLIENTS, Client, Conn, Gateway, Heard, PATIENCE, Provider, Reply, Setup, Then};
use crate::harness::{get, json_reply, mock, mock_page, post, wait};

const OTHER: &str = "bob@example.org";
const RESTORE: &str = "pii: {detect: [pii], action: mask_and_restore}";

/// The names of e-mail addresses in a text, in their order.
fn names(text: &str) -> Vec<String> {
    let behind = text.split("[EMAIL_").skip(1);
    behind.map(|rest| rest.split(']').next().unwrap().to_owned()).collect()
}

fn respond(gateway: &Gateway, body: &Value) -> Value {
    gateway.ask(&post("/v1/responses").json(body)).ok().json()
}

#[test]
fn a_name_of_an_earlier_turn_stands_for_nobody_else() {
    let mock = mock();
    let gateway = setup(&mock, RESTORE);
    // What was said before is kept here: all of it is sent again.
    let ask = |said: &str, before: &Value| {
        let body = json!({"model": "claude-sonnet-4-5", "input": said, "previous_response_id": before});
        respond(&gateway, &body)
    };
    let first = ask(&format!("#mock tokens=2\nI am {MAIL}"), &Value::Null);
    assert_eq!(names(&arrived(&mock)), ["1"]);
    let second = ask(&format!("#mock tokens=2\nwrite to {OTHER}"), &first["id"]);
    assert_eq!(names(&arrived(&mock)), ["1", "2"]);
    let third = ask(&format!("#mock echo\nand {OTHER} to c@example.org"), &second["id"]);
    let sent = arrived(&mock);
    let names = names(&sent);
    assert_eq!(names.len(), 4, "{sent}");
    assert!(!names[2..].contains(&"1".to_owned()) && !names[2..].contains(&"2".to_owned()), "{sent}");
    assert!(third.to_string().contains(&format!("and {OTHER} to c@example.org")), "{third}");
}

#[test]
fn a_name_stands_for_nobody_else_where_the_provider_keeps_what_was_said() {
    let provider = Provider::start(|heard, stream| {
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        let reply = json!({"id": format!("resp_{}", heard.number), "object": "response", "created_at": 1, "model": "m",
            "status": "completed", "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": body["input"], "annotations": []}]}],
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}});
        Heard::answer(stream, &json_reply(200, &reply.to_string()));
        Then::Keep
    });
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
        .yaml(&format!("guards:\n  {RESTORE}"))
        .start();
    let ask = |said: &str, before: &Value| {
        let body = json!({"model": "gpt-4o-mini", "input": said, "previous_response_id": before});
        let reply = respond(&gateway, &body);
        assert_eq!(reply["output"][0]["content"][0]["text"], said, "{reply}");
        let heard = provider.heard().pop().unwrap();
        (reply["id"].clone(), names(&String::from_utf8(heard.body).unwrap()))
    };
    let (first, one) = ask(&format!("I am {MAIL}"), &Value::Null);
    let (second, two) = ask(&format!("to {OTHER}"), &first);
    let (_, three) = ask(&format!("to {OTHER}, and c@example.org"), &second);
    assert_eq!(one, ["1"]);
    assert!(two.len() == 1 && two[0].len() == 6, "{two:?}");
    assert_eq!((three.len(), &three[0]), (2, &two[0]));
    assert!(three[1] != two[0] && three[1].len() == 6, "{three:?}");
}

#[test]
fn arguments_of_tools_are_masked_and_restored() {
    let whole = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,
        "message": {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "send", "arguments": "{\"to\":\"[EMAIL_1]\",\"n\":[1]}"}}]},
        "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}});
    let chunk = |delta: Value, finish: Option<&str>| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    let more = |piece: &str| {
        let call = json!({"index": 0, "function": {"arguments": piece}});
        chunk(json!({"tool_calls": [call]}), None)
    };
    let begins = json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "call_1",
        "type": "function", "function": {"name": "send", "arguments": ""}}]});
    let stream = [
        chunk(begins, None),
        more("{\"to\":\"[EMA"),
        more("IL_1]\",\"n\":[1]}"),
        chunk(json!({}), Some("tool_calls")),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let provider = Provider::start(move |heard, wire| {
        if String::from_utf8_lossy(&heard.body).contains("\"stream\":true") {
            let length = stream.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n"
            );
            Heard::answer(wire, &[head.as_bytes(), stream.as_bytes()].concat());
        } else {
            Heard::answer(wire, &json_reply(200, &whole.to_string()));
        }
        Then::Keep
    });
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
        .yaml(&format!("guards:\n  {RESTORE}"))
        .start();
    let arguments = json!({"to": MAIL, "n": [1]});
    let chat = json!({"model": "gpt-4o-mini", "messages": [
        {"role": "user", "content": "again"},
        {"role": "assistant", "tool_calls": [{"id": "call_0", "type": "function",
            "function": {"name": "send", "arguments": arguments.to_string()}}]},
        {"role": "tool", "tool_call_id": "call_0", "content": format!("sent to {MAIL}")}]});
    let messages = json!({"model": "gpt-4o-mini", "max_tokens": 99, "messages": [
        {"role": "user", "content": "again"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_0", "name": "send", "input": arguments}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_0", "content": format!("sent to {MAIL}")}]}]});
    for (path, mut body) in [("/v1/chat/completions", chat), ("/v1/messages", messages)] {
        for streams in [false, true] {
            body["stream"] = streams.into();
            let reply = gateway.ask(&post(path).json(&body)).ok();
            let heard = String::from_utf8(provider.heard().pop().unwrap().body).unwrap();
            assert!(!heard.contains(MAIL) && names(&heard) == ["1", "1"], "{path}: {heard}");
            let text = reply.text();
            let said = if streams {
                let events = Client::events(&text).into_iter().filter(|data| data != "[DONE]");
                let piece = |event: String| {
                    let event: Value = serde_json::from_str(&event).unwrap();
                    let call = &event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"];
                    call.as_str().or(event["delta"]["partial_json"].as_str()).unwrap_or("").to_owned()
                };
                serde_json::from_str(&events.map(piece).collect::<String>()).unwrap()
            } else if path == "/v1/messages" {
                reply.json()["content"][0]["input"].clone()
            } else {
                let call = &reply.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
                serde_json::from_str(call.as_str().unwrap()).unwrap()
            };
            assert_eq!(said, arguments, "{path} {streams}: {text}");
        }
    }
}

/// A question whose answer may be kept.
fn cold(client: Client, text: &str, stream: bool) -> crate::harness::Request {
    let mut body = client.question("gpt-4o-mini", text, stream);
    match client {
        Client::Openai | Client::Anthropic => {
            (body["temperature"], body["max_tokens"]) = (json!(0), json!(4096));
        }
        Client::Gemini => body["generationConfig"] = json!({"temperature": 0, "maxOutputTokens": 4096}),
    }
    let request = post(&client.path("gpt-4o-mini", stream)).json(&body);
    if client == Client::Anthropic { request.header("anthropic-version", "2023-06-01") } else { request }
}

fn said(client: Client, reply: &Reply, stream: bool) -> String {
    if stream { client.streamed_text(&reply.text()) } else { client.text(&reply.json()) }
}

#[test]
fn an_answer_from_the_cache_is_masked_and_holds_what_its_own_client_said() {
    let mock = mock();
    let masks = setup(&mock, "pii: {detect: [pii], action: mask, on: [answer]}");
    let restores = setup(&mock, RESTORE);
    for stream in [false, true] {
        for client in CLIENTS {
            let told = |gateway: &Gateway, said: &str| {
                let reply = gateway.ask(&cold(client, &format!("#mock echo\n{said}"), stream)).ok();
                let part = reply.header("x-tollgate-cache").unwrap_or("").to_owned();
                (part, self::said(client, &reply, stream))
            };
            let text = format!("to {MAIL}, {CARD}, {client:?} {stream}.");
            let (_, first) = told(&masks, &text);
            let (part, second) = told(&masks, &text);
            assert_eq!((part.as_str(), &second), ("hit; tier=exact", &first), "{client:?} {stream}");
            assert!(second.contains(&format!("to [EMAIL], [CARD], {client:?} {stream}.")), "{second}");
            let (_, first) = told(&restores, &text);
            assert!(first.contains(&text), "{client:?} {stream} {first}");
            // Names stand in both questions, so that they are one.
            let text = text.replace(MAIL, OTHER);
            let (part, second) = told(&restores, &text);
            assert_eq!(part, "hit; tier=exact", "{client:?} {stream}");
            assert!(second.contains(&text) && !second.contains(MAIL), "{client:?} {stream} {second}");
        }
    }
}

#[test]
fn a_shared_answer_is_masked_for_everybody() {
    let mock = mock();
    let gateway = setup(&mock, RESTORE);
    for (round, stream) in [false, true].into_iter().enumerate() {
        let asked = |mail: &str| {
            let request = cold(Client::Openai, &format!("#mock echo first=500\nto {mail}, {round}."), stream);
            let mut conn = gateway.conn();
            conn.send(&[request.head(), request.body].concat());
            conn
        };
        let calls = || mock_page(&mock, "stats")["requests"].as_u64().unwrap();
        let before = calls();
        let mut first: Conn = asked(MAIL);
        wait("the call", PATIENCE, || (calls() > before).then_some(()));
        let mut second = asked(OTHER);
        let (first, second) = (first.reply().ok(), second.reply().ok());
        assert_eq!(second.header("x-tollgate-cache"), Some("hit; tier=in-flight"), "{}", second.text());
        let (first, second) = (said(Client::Openai, &first, stream), said(Client::Openai, &second, stream));
        assert!(first.contains(&format!("to {MAIL}, {round}.")), "{first}");
        assert!(second.contains(&format!("to {OTHER}, {round}.")), "{second}");
        assert_eq!(calls(), before + 1);
    }
}

#[test]
fn what_is_no_chat_is_looked_at_too() {
    let mock = mock();
    let gateway = setup(&mock, "pii: {detect: [email], action: mask, on: [request]}");
    let question = json!([{"role": "user", "content": format!("to {MAIL}")}]);
    for (path, body) in [
        (
            "/v1/embeddings",
            json!({"model": "text-embedding-3-small", "input": ["none", format!("to {MAIL}")]}),
        ),
        ("/v1/embeddings", json!({"model": "gemini-embedding-001", "input": format!("to {MAIL}")})),
        ("/v1/messages/count_tokens", json!({"model": "claude-sonnet-4-5", "messages": question})),
        ("/v1/messages/count_tokens", json!({"model": "gemini-2.5-flash", "messages": question})),
    ] {
        let reply = gateway.ask(&post(path).json(&body)).ok();
        let sent = arrived(&mock);
        assert!(sent.contains("to [EMAIL]") && !sent.contains(MAIL), "{path}: {sent}");
        assert_eq!(reply.header("x-tollgate-guards"), Some("pii/email=mask;request;1"), "{path}");
    }
}

#[test]
fn an_answer_in_the_background_is_masked_and_restored() {
    let mock = mock();
    let gateway = setup(&mock, RESTORE);
    let until = |response: &Value, status: &str| {
        let path = format!("/v1/responses/{}", response["id"].as_str().unwrap());
        wait(status, PATIENCE, || {
            let now = gateway.ask(&get(&path)).ok().json();
            (now["status"] == status).then_some(now)
        })
    };
    let text = format!("to {MAIL}, now.");
    let body =
        json!({"model": "claude-sonnet-4-5", "background": true, "input": format!("#mock echo\n{text}")});
    let done = until(&respond(&gateway, &body), "completed");
    assert!(done["output"].to_string().contains(&text), "{done}");
    assert_eq!(names(&arrived(&mock)), ["1"]);
    let blocks = setup(&mock, "pii: {detect: [email], action: block}");
    let queued = respond(&blocks, &body);
    let path = format!("/v1/responses/{}", queued["id"].as_str().unwrap());
    let failed = wait("the failure", PATIENCE, || {
        let now = blocks.ask(&get(&path)).ok().json();
        (now["status"] == "failed").then_some(now)
    });
    assert!(
        failed["error"]["message"].as_str().unwrap().contains("does not let this request pass: email"),
        "{failed}"
    );
}
