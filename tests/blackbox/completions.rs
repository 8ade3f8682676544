//! Text completions: as they are where a provider serves them, onto a chat where it does not.

use serde_json::{Value, json};

use crate::harness::{CLIENTS, Client, Gateway, Heard, Provider, Setup, Then, mock, mock_page, post};

const PATH: &str = "/v1/completions";

fn events(stream: &str) -> Vec<Value> {
    let data = Client::events(stream).into_iter().filter(|data| data != "[DONE]");
    data.map(|data| serde_json::from_str(&data).unwrap_or_else(|_| panic!("no JSON: {data}"))).collect()
}

fn text(stream: &str) -> String {
    events(stream)
        .iter()
        .filter_map(|event| event["choices"][0]["text"].as_str().map(str::to_owned))
        .collect()
}

fn with_vllm(mock: &tollgate::mock::Mock) -> Gateway {
    let at = mock.addr();
    Setup::new(mock)
        .provider(&format!(
            "house: {{vendor: vllm, base_url: \"http://{at}/house/v1\", models: [llama], api_key: house-key}}"
        ))
        .start()
}

#[test]
fn a_prompt_goes_through_byte_for_byte_where_prompts_are_served() {
    let mock = mock();
    let gateway = with_vllm(&mock);
    for prompt in ["\"say \\u00e9\"", "[\"a\", \"b\"]", "[1, 2,3]", "[[1],[2, 3]]"] {
        let body =
            format!("{{ \"prompt\" : {prompt},\"model\":\"llama\", \"suffix\":\"z\",\"x_own\":1.50 }}");
        let reply = gateway.ask(&post(PATH).body(body.as_str())).ok();
        assert_eq!(reply.json()["object"], "text_completion", "{prompt}");
        let arrived = mock_page(&mock, "last");
        assert_eq!(arrived["body_text"].as_str().unwrap(), body);
        assert!(arrived["path"].as_str().unwrap().ends_with("/house/v1/completions"), "{arrived}");
        assert_eq!(gateway.line(&reply)["verbatim"], true);
    }
}

#[test]
fn a_model_of_openais_is_asked_in_the_form_that_it_takes() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = |model: &str| json!({"model": model, "prompt": "Hello", "max_tokens": 5});
    for (model, path) in
        [("gpt-3.5-turbo-instruct", "/v1/completions"), ("gpt-4o-mini", "/v1/chat/completions")]
    {
        let reply = gateway.ask(&post(PATH).json(&body(model))).ok().json();
        assert_eq!(reply["object"], "text_completion", "{model}");
        assert_eq!(mock_page(&mock, "last")["path"], path);
    }
    let chat = Client::Openai.whole("gpt-3.5-turbo-instruct", "Hello");
    let reply = gateway.ask(&chat).ok().json();
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(mock_page(&mock, "last")["path"], "/v1/completions");
}

#[test]
fn an_azure_deployment_is_named_in_the_path() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::default()
        .provider(&format!(
            "azure: {{base_url: \"http://{at}\", models: [gpt-35-turbo-instruct], api_key: k}}"
        ))
        .start();
    let path = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21";
    gateway.ask(&post(path).json(&json!({"prompt": "Hello"}))).ok();
    let arrived = mock_page(&mock, "last");
    assert_eq!(arrived["path"], "/openai/deployments/gpt-35-turbo-instruct/completions");
}

#[test]
fn a_prompt_is_answered_by_every_provider() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for target in CLIENTS {
        let model = target.model();
        let whole = json!({"model": model, "prompt": "Tell me of rain", "max_tokens": 200});
        let reply = gateway.ask(&post(PATH).json(&whole)).ok();
        let body = reply.json();
        let choice = &body["choices"][0];
        assert!(choice["text"].as_str().unwrap().starts_with("You asked: \"Tell me of rain\"."), "{body}");
        assert_eq!((&choice["finish_reason"], &choice["logprobs"]), (&json!("stop"), &Value::Null));
        assert!(body["usage"]["completion_tokens"].as_u64().unwrap() >= 60, "{body}");
        let mut streamed = whole.clone();
        streamed["stream"] = true.into();
        let stream = gateway.ask(&post(PATH).json(&streamed)).ok();
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        assert_eq!(text(&stream.text()), choice["text"].as_str().unwrap(), "{model}");
        assert!(stream.text().ends_with("data: [DONE]\n\n"));
        assert!(events(&stream.text()).iter().all(|event| event.get("usage").is_none()), "usage unasked");
        streamed["stream_options"] = json!({"include_usage": true});
        let stream = gateway.ask(&post(PATH).json(&streamed)).ok().text();
        assert_eq!(events(&stream).last().unwrap()["usage"]["total_tokens"], body["usage"]["total_tokens"]);
    }
}

#[test]
fn usage_that_nobody_asked_for_is_counted_and_not_told() {
    let mock = mock();
    let gateway = with_vllm(&mock);
    let body = json!({"model": "llama", "prompt": "Hello", "max_tokens": 9, "stream": true});
    let reply = gateway.ask(&post(PATH).json(&body)).ok();
    assert_eq!(mock_page(&mock, "last")["body"]["stream_options"]["include_usage"], true);
    assert!(events(&reply.text()).iter().all(|event| !event["usage"].is_object()), "{}", reply.text());
    assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 9);
}

#[test]
fn prompts_of_tokens_are_refused_where_only_chats_are_served() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for prompt in [json!([1, 2]), json!(["a", "b"]), json!([[1], [2]])] {
        let body = json!({"model": "claude-sonnet-4-5", "prompt": prompt});
        let reply = gateway.ask(&post(PATH).json(&body));
        assert_eq!(reply.status, 400);
        let said = Client::Openai.refusal(&reply);
        assert_eq!(said.param.as_deref(), Some("prompt"));
        assert!(said.message.contains("must be one string"), "{}", said.message);
    }
}

#[test]
fn what_is_lost_is_named_and_refused_where_nothing_may_be() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = json!({"model": "claude-sonnet-4-5", "prompt": "a", "suffix": "b", "echo": true});
    let reply = gateway.ask(&post(PATH).json(&body)).ok();
    let losses = reply.header("x-tollgate-losses").unwrap();
    assert!(losses.contains("suffix;dropped") && losses.contains("echo;dropped"), "{losses}");
    let reply = gateway.ask(&post(PATH).json(&body).header("x-tollgate-strict", "1"));
    assert_eq!((reply.status, Client::Openai.refusal(&reply).param.as_deref()), (400, Some("echo")));
}

#[test]
fn errors_and_cut_streams_are_told_in_the_form_of_the_dialect() {
    let mock = mock();
    let gateway = with_vllm(&mock);
    for model in ["llama", "gpt-3.5-turbo-instruct", "claude-sonnet-4-5", "gemini-2.5-flash"] {
        let ask = |script: &str, stream: bool| {
            let prompt = format!("hi #mock {script}");
            let body = json!({"model": model, "prompt": prompt, "max_tokens": 50, "stream": stream});
            gateway.ask(&post(PATH).json(&body))
        };
        let reply = ask("error=400", false);
        assert_eq!(reply.status, 400, "{model}");
        assert_eq!(Client::Openai.refusal(&reply).kind, "invalid_request_error", "{model}");
        for script in ["cut=2", "end=2", "stream_error=2"] {
            let stream = ask(script, true).text();
            let error =
                Client::Openai.error_in(&stream).unwrap_or_else(|| panic!("{model} {script}: {stream}"));
            assert_eq!(error.kind, "server_error", "{model} {script}");
            assert!(!stream.contains("[DONE]"), "{model} {script}");
        }
    }
    let reply = gateway.ask(&post(PATH).json(&json!({"model": "no-such", "prompt": "a"})));
    assert_eq!(
        (reply.status, Client::Openai.refusal(&reply).code.as_deref()),
        (404, Some("model_not_found"))
    );
}

#[test]
fn an_answer_of_prompts_goes_through_byte_for_byte() {
    const ODD: &str = "data: {\"id\":\"x\",  \"choices\":[{\"text\":\"h\\u00e9\",\"index\":0,\"x\":1.50}]}\r\n\r\n\
        data: {\"choices\":[{\"text\":\"\",\"index\":0,\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n";
    let provider = Provider::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        Heard::answer(stream, format!("{head}{ODD}").as_bytes());
        Then::Close
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("vllm: {{base_url: \"http://{at}/v1\", models: [llama], api_key: k-1234}}"))
        .start();
    let body =
        json!({"model": "llama", "prompt": "a", "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(gateway.ask(&post(PATH).json(&body)).ok().text(), ODD);
}
