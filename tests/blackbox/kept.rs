//! What a provider keeps under an id: the request goes to whoever gave the id.

use serde_json::{Value, json};

use crate::harness::{Gateway, Reply, Request, Setup, get, mock, mock_page, post};

/// One gateway before two of OpenAI's kind.
fn gateway(first: &tollgate::mock::Mock, second: &tollgate::mock::Mock) -> Gateway {
    Setup::new(first)
        .provider(&format!(
            "other: {{vendor: openai, base_url: \"http://{}/v1\", api_key: k2}}",
            second.addr()
        ))
        .start()
}

fn upload(path: &str, lines: &str) -> Request {
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{lines}\r\n--b--\r\n"
    );
    let mut request = post(path).body(body);
    request.headers = vec![("content-type".to_owned(), "multipart/form-data; boundary=b".to_owned())];
    request
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|at| {
            let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]});
            json!({"custom_id": format!("c{at}"), "method": "POST", "url": "/v1/chat/completions", "body": body})
                .to_string()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn id(reply: &Reply) -> String {
    reply.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn ids_lead_to_the_provider_that_gave_them() {
    let (first, second) = (mock(), mock());
    let gateway = gateway(&first, &second);
    for (provider, header) in [("openai", None), ("other", Some("x-tollgate-provider")), ("other", None)] {
        let mut request = upload("/v1/files", &lines(3));
        match header {
            Some(name) => request = request.header(name, provider),
            None if provider == "other" => request.path.push_str("?provider=other"),
            None => {}
        }
        let reply = gateway.ask(&request).ok();
        let file = id(&reply);
        assert_eq!(file.ends_with("~other"), provider == "other", "{file}");
        assert_eq!(reply.header("x-tollgate-provider"), Some(provider));
        let again = gateway.ask(&get(&format!("/v1/files/{file}"))).ok();
        assert_eq!(id(&again), file);
        let content = gateway.ask(&get(&format!("/v1/files/{file}/content"))).ok();
        assert_eq!(content.text(), lines(3));
        let batch =
            json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
        let batch = gateway.ask(&post("/v1/batches").json(&batch)).ok().json();
        assert_eq!(batch["input_file_id"], file.as_str());
        let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
        let batch = gateway.ask(&get(&path)).ok().json();
        let output = batch["output_file_id"].as_str().unwrap();
        let reply = gateway.ask(&get(&format!("/v1/files/{output}/content"))).ok();
        assert_eq!(reply.text().lines().count(), 3);
        let line = gateway.line(&reply);
        assert_eq!(line["gen_ai.operation.name"], "files");
        assert_eq!(line["gen_ai.usage.input_tokens"], 30, "{line}");
        // Half of 0.15 and 0.60 USD per million tokens.
        assert_eq!(line["cost_usd"], "0.00000405", "{line}");
        let gone =
            gateway.ask(&Request { method: "DELETE".to_owned(), ..get(&format!("/v1/files/{file}")) }).ok();
        assert_eq!(id(&gone), file);
        assert_eq!(gateway.ask(&get(&format!("/v1/files/{file}"))).status, 404);
    }
    let list = |path: &str| gateway.ask(&get(path)).ok().json()["data"].as_array().unwrap().clone();
    let named = |list: &[Value]| list.iter().all(|file| file["id"].as_str().unwrap().ends_with("~other"));
    let (own, others) = (list("/v1/files"), list("/v1/files?provider=other"));
    assert!((own.len(), others.len()) == (1, 2) && !named(&own) && named(&others), "{own:?} {others:?}");
    assert!(!mock_page(&second, "last").to_string().contains("provider=other"));
}

#[test]
fn batches_of_messages_are_kept_by_anthropic() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let params = json!({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let body =
        json!({"requests": [{"custom_id": "a", "params": params}, {"custom_id": "b", "params": params}]});
    let version = |request: Request| request.header("anthropic-version", "2023-06-01");
    let batch = gateway.ask(&version(post("/v1/messages/batches")).json(&body)).ok().json();
    let path = format!("/v1/messages/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(batch["results_url"], format!("{path}/results"), "the client asks here for it");
    assert_eq!(gateway.ask(&version(get(&path))).ok().json()["processing_status"], "ended");
    let reply = gateway.ask(&version(get(&format!("{path}/results")))).ok();
    let line = gateway.line(&reply);
    assert_eq!(
        (&line["gen_ai.operation.name"], &line["client_dialect"]),
        (&json!("batches"), &json!("anthropic_messages"))
    );
    // Half of 3 and 15 USD per million tokens, of 20 in and 4 out.
    assert_eq!(line["cost_usd"], "0.00006", "{line}");
    // Files are Anthropic's for whoever says its version.
    let reply = gateway.ask(&version(upload("/v1/files", "words"))).ok();
    assert!(id(&reply).starts_with("file_"), "{}", reply.text());
}

#[test]
fn an_owner_that_is_not_known_is_refused() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let refused = gateway.ask(&get("/v1/files").header("x-tollgate-provider", "nobody"));
    assert_eq!(refused.status, 404, "{}", refused.text());
    assert!(refused.text().contains("nobody"));
    let gateway = Setup::default()
        .provider(&format!("gemini: {{base_url: \"http://{}/v1beta\", api_key: k}}", mock.addr()))
        .start();
    assert_eq!(gateway.ask(&get("/v1/batches")).status, 404);
}
