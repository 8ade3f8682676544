//! Responses and conversations that the gateway keeps where the provider does not: told again, gone on
//! from, listed, deleted, also by another process.

use serde_json::{Value, json};
use tollgate::mock::Mock;

use crate::harness::{Client, Gateway, Heard, Provider, Reply, Request, Setup, Then, get, json_reply};
use crate::harness::{mock, mock_page, post, wait};

const CLAUDE: &str = "claude-sonnet-4-5";

fn ask(gateway: &Gateway, body: &Value) -> Reply {
    gateway.ask(&post("/v1/responses").json(body))
}

fn made(gateway: &Gateway, body: &Value) -> Value {
    ask(gateway, body).ok().json()
}

fn delete(path: &str) -> Request {
    Request { method: "DELETE".to_owned(), ..get(path) }
}

fn last(mock: &Mock) -> Value {
    let arrived = mock_page(mock, "last");
    serde_json::from_str(arrived["body_text"].as_str().expect("a body")).expect("JSON")
}

fn id(response: &Value) -> &str {
    response["id"].as_str().expect("an id")
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().expect("a list").iter();
    data.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// The whole response that the last event of a stream holds.
fn completed(stream: &str) -> Value {
    let events = Client::events(stream);
    let event: Value = serde_json::from_str(events.last().expect("an event")).expect("JSON");
    event["response"].clone()
}

/// A folder for data that outlives a gateway.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("shelved-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn setup(&self, mock: &Mock) -> Setup {
        Setup::new(mock).env("TOLLGATE_DATA_DIR", self.0.to_str().expect("a path of text"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_answer_is_told_again_until_it_is_deleted() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for model in [CLAUDE, "gemini-2.5-flash"] {
        let first = made(&gateway, &json!({"model": model, "input": "Hello", "metadata": {"a": "b"}}));
        assert_eq!(first["store"], true, "{first}");
        let path = format!("/v1/responses/{}", id(&first));
        assert_eq!(gateway.ask(&get(&path)).ok().json(), first);
        let inputs = gateway.ask(&get(&format!("{path}/input_items"))).ok().json();
        assert_eq!(inputs["data"][0]["content"][0], json!({"type": "input_text", "text": "Hello"}));
        assert_eq!(inputs["has_more"], false);
        let told = gateway.ask(&delete(&path)).ok().json();
        assert_eq!(told, json!({"id": id(&first), "object": "response", "deleted": true}));
        let gone = gateway.ask(&get(&path));
        assert_eq!(gone.status, 404);
        let said = Client::Openai.refusal(&gone);
        assert_eq!(said.message, format!("Response with id '{}' not found.", id(&first)));
        assert_eq!(gateway.ask(&delete(&path)).status, 404);
    }
}

#[test]
fn an_answer_that_must_not_be_kept_is_not() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let first = made(&gateway, &json!({"model": CLAUDE, "input": "Hello", "store": false}));
    assert_eq!(first["store"], false);
    assert_eq!(gateway.ask(&get(&format!("/v1/responses/{}", id(&first)))).status, 404);
    let next = json!({"model": CLAUDE, "input": "And?", "previous_response_id": id(&first)});
    let refused = ask(&gateway, &next);
    assert_eq!(refused.status, 400);
    let said = Client::Openai.refusal(&refused);
    assert_eq!(said.code.as_deref(), Some("previous_response_not_found"));
    assert_eq!(said.param.as_deref(), Some("previous_response_id"));
    assert_eq!(said.message, format!("Previous response with id '{}' not found.", id(&first)));
}

#[test]
fn a_streamed_answer_is_kept_and_can_be_streamed_again() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = json!({"model": CLAUDE, "input": "Hello", "stream": true});
    let stream = ask(&gateway, &body).ok().text();
    let first = completed(&stream);
    let path = format!("/v1/responses/{}", id(&first));
    assert_eq!(gateway.ask(&get(&path)).ok().json(), first);
    let again = gateway.ask(&get(&format!("{path}?stream=true"))).ok();
    assert_eq!(again.header("content-type"), Some("text/event-stream"));
    let again = again.text();
    assert_eq!(completed(&again)["output"], first["output"]);
    assert_eq!(completed(&again)["id"], first["id"]);
    let rest = gateway.ask(&get(&format!("{path}?stream=true&starting_after=1"))).ok().text();
    assert!(rest.contains("\"sequence_number\":2"), "{rest}");
    assert!(!rest.contains("response.created"), "{rest}");
    assert!(again.ends_with(&rest));
}

#[test]
fn three_turns_with_tools_and_thoughts_keep_their_seals_over_a_restart() {
    let folder = Folder::new("restart");
    let mock = mock();
    for model in [CLAUDE, "gemini-2.5-flash"] {
        let tools = json!([{"type": "function", "name": "look", "parameters":
            {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}}]);
        let gateway = folder.setup(&mock).start();
        let first = made(
            &gateway,
            &json!({"model": model, "input": "Look there. #mock tools=1 reasoning=8", "tools": tools,
                "reasoning": {"effort": "low"}}),
        );
        let output = first["output"].as_array().expect("a list");
        let call = output.iter().find(|item| item["type"] == "function_call").expect("a call");
        assert!(output.iter().any(|item| item["type"] == "reasoning"), "{first}");
        // Killed, as by the machine, once it is on the disk, as it is when it can be had.
        gateway.ask(&get(&format!("/v1/responses/{}", id(&first)))).ok();
        drop(gateway);
        let gateway = folder.setup(&mock).start();
        let result =
            json!([{"type": "function_call_output", "call_id": call["call_id"], "output": "a tree"}]);
        let second = made(
            &gateway,
            &json!({"model": model, "input": result, "tools": tools, "reasoning": {"effort": "low"},
                "previous_response_id": id(&first)}),
        );
        assert_eq!(second["previous_response_id"], first["id"]);
        // The mock is strict where the real ones are: without its seal the thought is refused.
        let sent = last(&mock).to_string();
        assert!(sent.contains("a tree") && sent.contains("Look there"), "{sent}");
        let seal = if model == CLAUDE { "\"signature\"" } else { "\"thoughtSignature\"" };
        assert!(sent.contains(seal), "{sent}");
        gateway.ask(&get(&format!("/v1/responses/{}", id(&second)))).ok();
        drop(gateway);
        let gateway = folder.setup(&mock).start();
        let third = json!({"model": model, "input": "Thanks.", "tools": tools, "stream": true,
            "reasoning": {"effort": "low"}, "previous_response_id": id(&second)});
        let third = completed(&ask(&gateway, &third).ok().text());
        let sent = last(&mock).to_string();
        for text in ["Look there", "a tree", "Thanks."] {
            assert!(sent.contains(text), "{sent}");
        }
        let path = format!("/v1/responses/{}/input_items?order=asc&limit=100", id(&third));
        let inputs = gateway.ask(&get(&path)).ok().json();
        let said = inputs["data"].as_array().expect("a list");
        assert_eq!(said.first().unwrap()["content"][0]["text"], "Look there. #mock tools=1 reasoning=8");
        assert_eq!(said.last().unwrap()["content"][0]["text"], "Thanks.");
    }
}

#[test]
fn a_chain_goes_on_with_another_provider() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let first = made(
        &gateway,
        &json!({"model": CLAUDE, "input": "My name is Ann. #mock reasoning=5",
        "reasoning": {"effort": "low"}}),
    );
    for model in ["gemini-2.5-flash", CLAUDE, "gpt-4o-mini"] {
        let body = json!({"model": model, "input": "What is it?", "previous_response_id": id(&first)});
        let reply = ask(&gateway, &body);
        if model == "gpt-4o-mini" && reply.status != 200 {
            // This mock serves no Responses.
            continue;
        }
        reply.ok();
        let sent = last(&mock);
        assert!(sent.to_string().contains("My name is Ann"), "{sent}");
        assert!(sent.get("previous_response_id").is_none(), "{sent}");
    }
}

#[test]
fn what_was_said_before_counts_too() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let first = made(&gateway, &json!({"model": "gemini-2.5-flash", "input": "My name is Ann. ".repeat(50)}));
    let count = |body: Value| {
        let reply = gateway.ask(&post("/v1/responses/input_tokens").json(&body)).ok().json();
        reply["input_tokens"].as_u64().expect("a number")
    };
    let alone = count(json!({"model": "gemini-2.5-flash", "input": "And?"}));
    let after = json!({"model": "gemini-2.5-flash", "input": "And?", "previous_response_id": id(&first)});
    assert!(count(after) > alone + 100);
}

#[test]
fn items_are_listed_page_by_page() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let input: Vec<Value> = (0..5).map(|n| json!({"role": "user", "content": format!("part {n}")})).collect();
    let first = made(&gateway, &json!({"model": CLAUDE, "input": input}));
    let path = format!("/v1/responses/{}/input_items", id(&first));
    let page = |query: &str| gateway.ask(&get(&format!("{path}{query}"))).ok().json();
    let all = ids(&page("?order=asc"));
    assert_eq!(all.len(), 5);
    let mut descending = all.clone();
    descending.reverse();
    assert_eq!(ids(&page("")), descending);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let list = page(&format!("?order=asc&limit=2&after={after}"));
        assert_eq!(list["first_id"], list["data"][0]["id"]);
        seen.extend(ids(&list));
        after = list["last_id"].as_str().expect("an id").to_owned();
        if list["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, all);
    for (query, param) in [("?limit=0", "limit"), ("?limit=101", "limit"), ("?order=up", "order")] {
        let refused = gateway.ask(&get(&format!("{path}{query}")));
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(Client::Openai.refusal(&refused).param.as_deref(), Some(param));
    }
}

#[test]
fn references_to_kept_items_are_filled() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let first = made(&gateway, &json!({"model": CLAUDE, "input": "Hello"}));
    let said = &first["output"][0];
    let text = said["content"][0]["text"].as_str().expect("a text");
    let body = json!({"model": CLAUDE, "input": [{"role": "user", "content": "Hello"},
        {"type": "item_reference", "id": said["id"]}, {"role": "user", "content": "Again"}]});
    let second = made(&gateway, &body);
    let sent = last(&mock);
    assert_eq!(sent["messages"][1]["role"], "assistant", "{sent}");
    assert!(sent["messages"][1].to_string().contains(&json!(text).to_string()), "{sent}");
    let inputs = gateway.ask(&get(&format!("/v1/responses/{}/input_items", id(&second)))).ok().json();
    assert_eq!(ids(&inputs)[1], said["id"].as_str().unwrap());
    let unknown = json!({"model": CLAUDE, "input": [{"type": "item_reference", "id": "msg_nobodys"}]});
    let refused = ask(&gateway, &unknown);
    assert_eq!(refused.status, 404);
    assert_eq!(Client::Openai.refusal(&refused).message, "Item with id 'msg_nobodys' not found.");
}

#[test]
fn a_conversation_is_made_added_to_and_gone_on_with() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let item = |text: &str| json!({"type": "message", "role": "user", "content": text});
    let body = json!({"metadata": {"topic": "demo"}, "items": [item("I am Ann.")]});
    let conversation = gateway.ask(&post("/v1/conversations").json(&body)).ok().json();
    assert_eq!(conversation["object"], "conversation");
    assert_eq!(conversation["metadata"]["topic"], "demo");
    let path = format!("/v1/conversations/{}", id(&conversation));
    assert_eq!(gateway.ask(&get(&path)).ok().json(), conversation);
    let noted = gateway.ask(&post(&path).json(&json!({"metadata": {"topic": "other"}}))).ok().json();
    assert_eq!(noted["metadata"]["topic"], "other");

    for (input, named) in
        [("Who am I?", json!(id(&conversation))), ("And you?", json!({"id": id(&conversation)}))]
    {
        let answer = made(&gateway, &json!({"model": CLAUDE, "input": input, "conversation": named}));
        assert_eq!(answer["conversation"]["id"], conversation["id"]);
        let sent = last(&mock).to_string();
        assert!(sent.contains("I am Ann.") && sent.contains(input), "{sent}");
    }
    assert!(last(&mock).to_string().contains("Who am I?"));
    let items = gateway.ask(&get(&format!("{path}/items?order=asc"))).ok().json();
    let roles: Vec<_> = items["data"].as_array().unwrap().iter().map(|item| item["role"].clone()).collect();
    assert_eq!(roles, ["user", "user", "assistant", "user", "assistant"]);

    let added = post(&format!("{path}/items")).json(&json!({"items": [item("One more.")]}));
    let added = gateway.ask(&added).ok().json();
    let item_path = format!("{path}/items/{}", ids(&added)[0]);
    assert_eq!(gateway.ask(&get(&item_path)).ok().json(), added["data"][0]);
    assert_eq!(gateway.ask(&delete(&item_path)).ok().json()["object"], "conversation");
    assert_eq!(gateway.ask(&get(&item_path)).status, 404);

    let gone = gateway.ask(&delete(&path)).ok().json();
    assert_eq!(gone, json!({"id": id(&conversation), "object": "conversation.deleted", "deleted": true}));
    assert_eq!(gateway.ask(&get(&path)).status, 404);
    let body = json!({"model": CLAUDE, "input": "Hello?", "conversation": id(&conversation)});
    let refused = ask(&gateway, &body);
    assert_eq!(refused.status, 404);
    let both = json!({"model": CLAUDE, "input": "Hello?", "conversation": "conv_a",
        "previous_response_id": "resp_b"});
    let said = Client::Openai.refusal(&ask(&gateway, &both));
    assert_eq!(said.code.as_deref(), Some("mutually_exclusive_parameters"));
}

#[test]
fn what_is_old_goes() {
    let folder = Folder::new("old");
    let mock = mock();
    let gateway = folder.setup(&mock).env("TOLLGATE_RESPONSES_KEEP", "400ms").start();
    let first = made(&gateway, &json!({"model": CLAUDE, "input": "Hello"}));
    let path = format!("/v1/responses/{}", id(&first));
    wait("the response to go", std::time::Duration::from_secs(10), || {
        (gateway.ask(&get(&path)).status == 404).then_some(())
    });
}

#[test]
fn without_a_folder_everything_but_keeping_works() {
    let mock = mock();
    for (name, value) in [("TOLLGATE_DATA_DIR", "/proc/no-folder"), ("TOLLGATE_RESPONSES_KEEP", "off")] {
        // A ledger would let nothing begin that it cannot write down.
        let gateway = Setup::new(&mock).env(name, value).env("TOLLGATE_LEDGER", "off").start();
        let first = made(&gateway, &json!({"model": CLAUDE, "input": "Hello"}));
        assert_eq!(first["store"], false, "{name}");
        let asked = [
            gateway.ask(&get(&format!("/v1/responses/{}", id(&first)))),
            gateway.ask(&post("/v1/conversations").json(&json!({}))),
            ask(&gateway, &json!({"model": CLAUDE, "input": "?", "previous_response_id": id(&first)})),
        ];
        for reply in asked {
            let said = Client::Openai.refusal(&reply);
            assert_eq!(said.code.as_deref(), Some("responses_not_kept"), "{name}");
            assert!(said.message.contains("keeps no responses"), "{}", said.message);
        }
    }
}

#[test]
fn a_client_that_leaves_finds_what_was_said_until_then() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = json!({"model": CLAUDE, "input": "Hello #mock tokens=4000 rate=20", "stream": true});
    let mut conn = gateway.conn();
    let request = post("/v1/responses").json(&body);
    conn.send(&request.head());
    conn.send(&request.body);
    let mut head = conn.head();
    let seen = conn.read_until(&mut head, "response.output_text.delta");
    let created: Value = serde_json::from_str(&Client::events(&seen)[0]).expect("JSON");
    let path = format!("/v1/responses/{}", id(&created["response"]));
    conn.reset();
    let kept = wait("the response to be kept", std::time::Duration::from_secs(10), || {
        let reply = gateway.ask(&get(&path));
        (reply.status == 200).then(|| reply.json())
    });
    assert_eq!(kept["status"], "cancelled", "{kept}");
    assert_eq!(kept["error"], Value::Null);
}

/// Asks for a response until it has this status.
fn until(gateway: &Gateway, response: &Value, status: &str) -> Value {
    let path = format!("/v1/responses/{}", id(response));
    wait(&format!("the status {status}"), std::time::Duration::from_secs(20), || {
        let now = gateway.ask(&get(&path)).ok().json();
        (now["status"] == status).then_some(now)
    })
}

#[test]
fn an_answer_in_the_background_is_asked_for_until_it_is_there() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let first = made(&gateway, &json!({"model": CLAUDE, "input": "I am Ann.", "background": true}));
    assert_eq!(first["status"], "queued", "{first}");
    assert_eq!((&first["background"], &first["store"]), (&json!(true), &json!(true)));
    let done = until(&gateway, &first, "completed");
    assert_eq!(done["id"], first["id"]);
    assert_eq!(done["background"], true);
    assert_eq!(done["output"][0]["role"], "assistant", "{done}");
    let next = json!({"model": "gemini-2.5-flash", "input": "Who am I?", "background": true,
        "previous_response_id": id(&first)});
    let next = made(&gateway, &next);
    until(&gateway, &next, "completed");
    assert!(last(&mock).to_string().contains("I am Ann."));

    let refused = json!({"model": CLAUDE, "input": "#mock error=400", "background": true});
    let failed = until(&gateway, &made(&gateway, &refused), "failed");
    assert_eq!(failed["error"]["code"], "invalid_prompt", "{failed}");

    let unkept = json!({"model": CLAUDE, "input": "a", "background": true, "store": false});
    let said = Client::Openai.refusal(&ask(&gateway, &unkept));
    assert_eq!(said.param.as_deref(), Some("background"));
    let stream = json!({"model": CLAUDE, "input": "a", "background": true, "stream": true});
    let reply = ask(&gateway, &stream).ok();
    assert!(reply.header("x-tollgate-losses").is_some_and(|losses| losses.contains("background")));
}

#[test]
fn an_answer_in_the_background_can_be_given_up() {
    let folder = Folder::new("background");
    let mock = mock();
    let gateway = folder.setup(&mock).start();
    let slow = json!({"model": CLAUDE, "input": "#mock hang", "background": true});
    let first = made(&gateway, &slow);
    wait("the provider to be asked", std::time::Duration::from_secs(10), || {
        let asked = mock_page(&mock, "last");
        asked["body_text"].as_str().is_some_and(|text| text.contains("hang")).then_some(())
    });
    let path = format!("/v1/responses/{}/cancel", id(&first));
    let cancelled = gateway.ask(&post(&path)).ok().json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(gateway.ask(&post(&path)).ok().json(), cancelled);
    gateway.wait_idle();
    assert_eq!(until(&gateway, &first, "cancelled"), cancelled);
    let plain = made(&gateway, &json!({"model": CLAUDE, "input": "a"}));
    let refused = gateway.ask(&post(&format!("/v1/responses/{}/cancel", id(&plain))));
    assert_eq!(refused.status, 400);
    assert_eq!(Client::Openai.refusal(&refused).message, "Cannot cancel a synchronous response.");
    // What ran when the process ended has failed.
    let second = made(&gateway, &slow);
    until(&gateway, &second, "in_progress");
    drop(gateway);
    let gateway = folder.setup(&mock).start();
    until(&gateway, &second, "failed");
}

/// A provider that keeps its answers, as OpenAI does.
fn keeper(name: &'static str) -> Provider {
    Provider::start(move |heard: &Heard, stream| {
        let line = heard.head.lines().next().unwrap_or_default().to_owned();
        let body = if line.starts_with("delete") {
            json!({"id": "x", "object": "response", "deleted": true})
        } else {
            json!({"id": format!("resp_{name}0000000000000000000000000000000000"), "object": "response",
                "created_at": 1, "status": "completed", "model": "m", "by": name, "asked": line,
                "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "hi", "annotations": []}]}],
                "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}})
        };
        Heard::answer(stream, &json_reply(200, &body.to_string()));
        Then::Keep
    })
}

#[test]
fn what_a_provider_keeps_is_asked_of_that_provider() {
    let mock = mock();
    let (one, two) = (keeper("one"), keeper("two"));
    let entry = |name: &str, provider: &Provider| {
        format!(
            "{name}: {{vendor: openai, base_url: \"http://{}/v1\", models: [m-{name}], api_key: k-{name}}}",
            provider.addr
        )
    };
    let setup = Setup::default()
        .provider(&entry("one", &one))
        .provider(&format!("anthropic: {{base_url: \"http://{}\", api_key: a}}", mock.addr()));
    let alone = setup.clone().start();
    let foreign = alone.ask(&get("/v1/responses/resp_0123456789012345678901234567890123?include[]=x")).ok();
    assert!(foreign.json()["asked"].as_str().unwrap().contains("0123?include[]=x"), "{}", foreign.text());

    let gateway = setup.provider(&entry("two", &two)).start();
    for (name, other) in [("one", "two"), ("two", "one")] {
        let first = made(&gateway, &json!({"model": format!("m-{name}"), "input": "Hello"}));
        let path = format!("/v1/responses/{}", id(&first));
        let kept = wait("the gateway to remember", std::time::Duration::from_secs(5), || {
            let reply = gateway.ask(&get(&path));
            (reply.status == 200).then(|| reply.json())
        });
        assert_eq!(kept["by"], name);
        gateway.ask(&get(&format!("{path}/input_items?limit=3"))).ok();
        // It goes on where it is kept, byte for byte, and nowhere else.
        let next = json!({"model": format!("m-{name}"), "input": "?", "previous_response_id": id(&first)});
        made(&gateway, &next);
        let provider = if name == "one" { &one } else { &two };
        let heard = provider.heard();
        assert_eq!(heard.last().unwrap().body, next.to_string().as_bytes());
        for model in [format!("m-{other}"), CLAUDE.to_owned()] {
            let next = json!({"model": model, "input": "?", "previous_response_id": id(&first)});
            let said = Client::Openai.refusal(&ask(&gateway, &next));
            assert_eq!(said.code.as_deref(), Some("previous_response_not_found"));
            assert!(said.message.contains(&format!("kept by {name}")), "{}", said.message);
        }
        assert_eq!(gateway.ask(&delete(&path)).ok().json()["deleted"], true);
    }
    assert_eq!(gateway.ask(&get("/v1/responses/resp_0123456789012345678901234567890123")).status, 404);
}

#[test]
fn what_the_gateway_keeps_goes_on_with_a_provider_that_keeps() {
    let mock = mock();
    let one = keeper("one");
    let gateway = Setup::default()
        .provider(&format!(
            "one: {{vendor: openai, base_url: \"http://{}/v1\", models: [m], api_key: k}}",
            one.addr
        ))
        .provider(&format!("anthropic: {{base_url: \"http://{}\", api_key: a}}", mock.addr()))
        .start();
    let first = made(&gateway, &json!({"model": CLAUDE, "input": "I am Ann."}));
    let next = json!({"model": "m", "input": "Who am I?", "previous_response_id": id(&first)});
    let second = made(&gateway, &next);
    let sent: Value = serde_json::from_slice(&one.heard().last().unwrap().body).expect("JSON");
    assert!(sent.get("previous_response_id").is_none(), "{sent}");
    assert_eq!(sent["input"][0]["content"][0]["text"], "I am Ann.");
    assert_eq!(sent["input"].as_array().unwrap().len(), 3, "{sent}");
    // From here on the gateway has it all, whoever goes on.
    let third = json!({"model": CLAUDE, "input": "Again?", "previous_response_id": id(&second)});
    made(&gateway, &third);
    let sent = last(&mock).to_string();
    for text in ["I am Ann.", "Who am I?", "Again?"] {
        assert!(sent.contains(text), "{sent}");
    }
}
