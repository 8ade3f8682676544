//! Vendors that lend tokens for a key or a client's secret, and whose forms are nearly OpenAI's.

use std::sync::atomic::Ordering;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Cloud, Heard, Provider, Setup, Then, json_reply, mock, mock_page, post,
};

const KEY: &str = include_str!("../../src/provider/auth/testdata/service-account.pem");
const GRANITE: &str = "ibm/granite-3-3-8b-instruct";

/// A model's name as the client says it: one says it in a path.
fn named(client: Client, model: &str) -> String {
    if client == Client::Gemini { model.replace('/', "%2F") } else { model.to_owned() }
}

/// A gateway in front of watsonx, whose models are at the mock and whose tokens are lent by the cloud.
fn watsonx(cloud: &Cloud, models: std::net::SocketAddr, more: &str) -> Setup {
    let tokens = format!("auth: {{token_url: \"http://{}/identity/token\"}}", cloud.addr());
    Setup::default()
        .provider(&format!("watsonx: {{base_url: \"http://{models}\", api_key: api-key-1, {tokens}{more}}}"))
}

#[test]
fn every_client_reaches_watsonx_with_the_token_that_its_key_is_worth() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = watsonx(&cloud, mock.addr(), ", project: p-1").start();
    let model = format!("watsonx/{GRANITE}");
    for client in CLIENTS {
        let named = named(client, &model);
        let reply = gateway.ask(&client.whole(&named, "hello")).ok();
        assert!(client.text(&reply.json()).contains("hello"), "{}", reply.text());
        assert!(client.usage(&reply.json()).1 > 0, "{}", reply.text());
        let last = mock_page(&mock, "last");
        assert_eq!(last["path"], "/ml/v1/text/chat");
        assert_eq!(last["query"], "version=2025-02-11");
        assert_eq!(last["headers"]["authorization"], "Bearer token-1");
        let body = &last["body"];
        assert_eq!((&body["model_id"], &body["project_id"]), (&json!(GRANITE), &json!("p-1")));
        assert!(body["model"].is_null() && body["stream"].is_null(), "{body}");
        let reply = gateway.ask(&client.stream(&named, "#mock tokens=5")).ok();
        assert!(client.is_complete(&reply.text()), "{}", reply.text());
        assert_eq!(mock_page(&mock, "last")["path"], "/ml/v1/text/chat_stream");
        assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 5);
    }
    assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 1);
    let asked = cloud.asked().remove(0);
    assert_eq!(asked.path(), "/identity/token");
    assert_eq!(asked.text(), "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=api-key-1");
}

#[test]
fn an_openai_client_of_watsonx_reads_openai_s_own_form() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = watsonx(&cloud, mock.addr(), ", space: s-1").start();
    let tool = json!({"type": "function", "function": {"name": "f",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}});
    let body = json!({"model": format!("watsonx/{GRANITE}"), "stream": true, "tools": [tool],
        "tool_choice": "required", "parallel_tool_calls": true, "user": "u", "time_limit": 1000,
        "stream_options": {"include_usage": true}, "max_completion_tokens": 50,
        "messages": [{"role": "user", "content": "call it"}]});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    let said = reply.text();
    let chunks: Vec<Value> = said
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert!(said.trim_end().ends_with("data: [DONE]") && !said.contains("event:"), "{said}");
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk", "{chunk}");
        assert!(chunk["choices"].is_array() && chunk["model"].is_string(), "{chunk}");
    }
    assert!(said.contains(r#""name":"f""#) && said.contains(r#""finish_reason":"tool_calls""#), "{said}");
    assert!(chunks.last().unwrap()["usage"]["total_tokens"].as_u64() > Some(0), "{said}");
    let sent = &mock_page(&mock, "last")["body"];
    assert_eq!((&sent["tool_choice_option"], &sent["space_id"]), (&json!("required"), &json!("s-1")));
    assert_eq!((&sent["max_tokens"], &sent["time_limit"]), (&json!(50), &json!(1000)));
    assert!(sent["user"].is_null() && sent["stream_options"].is_null() && sent["tool_choice"].is_null());
}

#[test]
fn what_is_deployed_at_watsonx_lies_below_its_own_address() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = watsonx(&cloud, mock.addr(), ", models: [deployment/my-llama]").start();
    let reply = gateway.ask(&Client::Anthropic.whole("deployment/my-llama", "hello")).ok();
    assert!(Client::Anthropic.text(&reply.json()).contains("hello"));
    let last = mock_page(&mock, "last");
    assert_eq!(last["path"], "/ml/v1/deployments/my-llama/text/chat");
    assert!(last["body"]["model_id"].is_null() && last["body"]["project_id"].is_null());
}

#[test]
fn vectors_and_ranks_come_from_watsonx() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = watsonx(&cloud, mock.addr(), ", project: p-1").start();
    let body = json!({"model": "watsonx/ibm/slate-30m-english-rtrvr", "input": ["one", "two three"]});
    let reply = gateway.ask(&post("/v1/embeddings").json(&body)).ok();
    assert_eq!(reply.json()["data"].as_array().map(Vec::len), Some(2), "{}", reply.text());
    assert!(reply.json()["usage"]["prompt_tokens"].as_u64() > Some(0), "{}", reply.text());
    let last = mock_page(&mock, "last");
    assert_eq!(
        (&last["path"], &last["query"]),
        (&json!("/ml/v1/text/embeddings"), &json!("version=2025-02-11"))
    );
    assert_eq!(last["body"]["project_id"], "p-1");
    let body = json!({"model": "watsonx/cross-encoder/ms-marco-minilm-l-12-v2", "query": "q",
        "documents": ["a", "b", "c"], "top_n": 2});
    for path in ["/v1/rerank", "/v2/rerank"] {
        let reply = gateway.ask(&post(path).json(&body)).ok();
        assert_eq!(reply.json()["results"].as_array().map(Vec::len), Some(2), "{}", reply.text());
        assert_eq!(reply.json()["results"][0]["relevance_score"], 0.5);
    }
    assert_eq!(mock_page(&mock, "last")["path"], "/ml/v1/text/rerank");
}

#[test]
fn what_watsonx_refuses_is_said_in_the_client_s_own_form() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = watsonx(&cloud, mock.addr(), ", project: p-1, api_version: soon").start();
    for client in [Client::Openai, Client::Anthropic] {
        let refused = gateway.ask(&client.whole(&format!("watsonx/{GRANITE}"), "hello"));
        assert_eq!(refused.status, 400);
        assert_eq!(client.refusal(&refused).message, "The `version` query parameter is required.");
    }
}

#[test]
fn databricks_lends_a_token_to_a_principal_s_secret() {
    let (cloud, mock) = (Cloud::start(), mock());
    let at = cloud.addr();
    let tokens = format!("token_url: \"http://{at}/oidc/v1/token\"");
    let gateway = Setup::default()
        .provider(&format!("databricks: {{base_url: \"http://{}\", auth: {{{tokens}}}}}", mock.addr()))
        .provider(&format!(
            "theirs: {{vendor: databricks, base_url: \"http://{}/serving-endpoints\", api_key: dapi-1}}",
            mock.addr()
        ))
        .env("DATABRICKS_CLIENT_ID", "principal")
        .env("DATABRICKS_CLIENT_SECRET", "s3cret")
        .start();
    for (provider, shown) in [("databricks", "Bearer token-1"), ("theirs", "Bearer dapi-1")] {
        let model = format!("{provider}/databricks-meta-llama-3-3-70b-instruct");
        let reply = gateway.ask(&Client::Openai.whole(&model, "hello")).ok();
        assert!(Client::Openai.text(&reply.json()).contains("hello"));
        let last = mock_page(&mock, "last");
        assert_eq!(last["path"], "/serving-endpoints/chat/completions");
        assert_eq!(last["headers"]["authorization"], shown);
    }
    let asked = cloud.asked().remove(0);
    assert_eq!(asked.path(), "/oidc/v1/token");
    assert_eq!(asked.header("authorization"), Some("basic chjpbmnpcgfsonmzy3jlda=="));
    assert_eq!(asked.text(), "grant_type=client_credentials&scope=all-apis");
}

/// A gateway in front of GigaChat.
fn gigachat(cloud: &Cloud, models: std::net::SocketAddr) -> Setup {
    Setup::default()
        .provider(&format!("gigachat: {{base_url: \"http://{models}/api/v1\", api_key: aWQ6cw==}}"))
        .env("GIGACHAT_AUTH_URL", &format!("http://{}/api/v2/oauth", cloud.addr()))
        .env("GIGACHAT_SCOPE", "GIGACHAT_API_CORP")
}

#[test]
fn every_client_reaches_gigachat_with_sber_s_token() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = gigachat(&cloud, mock.addr()).start();
    for client in CLIENTS {
        let model = named(client, "gigachat/GigaChat-2");
        let reply = gateway.ask(&client.whole(&model, "hello")).ok();
        assert!(client.text(&reply.json()).contains("hello"), "{}", reply.text());
        let line = gateway.line(&reply);
        assert_eq!(line["gen_ai.usage.cache_read.input_tokens"], 3, "{line}");
        let reply = gateway.ask(&client.stream(&model, "#mock tokens=5")).ok();
        assert!(client.is_complete(&reply.text()), "{}", reply.text());
        assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 5);
    }
    let asked = cloud.asked().remove(0);
    assert_eq!((asked.path(), asked.text().as_str()), ("/api/v2/oauth", "scope=GIGACHAT_API_CORP"));
    assert_eq!(asked.header("authorization"), Some("basic awq6cw=="));
    assert_eq!(asked.header("rquid").map(str::len), Some(36));
}

#[test]
fn tools_are_said_to_gigachat_in_their_older_form_and_back() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = gigachat(&cloud, mock.addr()).start();
    let tool = json!({"type": "function", "function": {"name": "f", "description": "d",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}});
    let call = |id: &str| {
        json!({"id": id, "type": "function",
        "function": {"name": "f", "arguments": "{\"a\":\"b\"}"}})
    };
    let mut body = json!({"model": "gigachat/GigaChat-2-Pro", "tools": [tool], "tool_choice": "required",
        "parallel_tool_calls": true, "seed": 1, "messages": [
            {"role": "system", "content": "first"},
            {"role": "user", "content": [{"type": "text", "text": "call it"}]},
            {"role": "assistant", "content": null, "tool_calls": [call("1"), call("2")]},
            {"role": "tool", "tool_call_id": "2", "content": "{\"second\":2}"},
            {"role": "tool", "tool_call_id": "1", "content": "plain"},
            {"role": "system", "content": "late"},
            {"role": "user", "content": "again"}]});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    let said = reply.json();
    let called = &said["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&called["type"], &called["function"]["name"]), (&json!("function"), &json!("f")), "{said}");
    assert!(called["id"].as_str().is_some_and(|id| !id.is_empty()), "{said}");
    assert!(called["function"]["arguments"].as_str().is_some_and(|text| text.starts_with('{')), "{said}");
    assert_eq!(said["choices"][0]["finish_reason"], "tool_calls");
    let sent = &mock_page(&mock, "last")["body"];
    let roles: Vec<_> = sent["messages"].as_array().unwrap().iter().map(|said| &said["role"]).collect();
    let wanted = ["system", "user", "assistant", "function", "assistant", "function", "user", "user"];
    assert_eq!(roles, wanted);
    assert_eq!(sent["messages"][3]["content"], "{\"result\":\"plain\"}");
    assert_eq!(sent["messages"][5]["content"], "{\"second\":2}");
    assert_eq!(sent["messages"][2]["function_call"], json!({"name": "f", "arguments": {"a": "b"}}));
    assert_eq!(sent["function_call"], json!({"name": "f"}));
    assert!(
        sent["seed"].is_null() && reply.header("x-tollgate-losses").is_some_and(|lost| lost.contains("seed"))
    );
    body["stream"] = true.into();
    let said = gateway.ask(&post("/v1/chat/completions").json(&body)).ok().text();
    assert!(said.contains(r#""tool_calls""#) && said.contains(r#""name":"f""#), "{said}");
    assert!(said.contains(r#""finish_reason":"tool_calls""#) && !said.contains("function_call"), "{said}");
}

#[test]
fn gigachat_s_vectors_are_counted_one_by_one_and_all_of_them() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = gigachat(&cloud, mock.addr()).start();
    let texts = ["a word", "and some words more than that"];
    let counts = |texts: &[&str]| {
        let body = json!({"model": "gigachat/Embeddings", "input": texts});
        let reply = gateway.ask(&post("/v1/embeddings").header("cache-control", "no-cache").json(&body)).ok();
        assert_eq!(reply.json()["data"].as_array().map(Vec::len), Some(texts.len()), "{}", reply.text());
        let line = gateway.line(&reply);
        assert_eq!(line["usage_source"], "reported", "{line}");
        line["gen_ai.usage.input_tokens"].as_u64().unwrap_or_default()
    };
    let (one, other) = (counts(&texts[..1]), counts(&texts[1..]));
    assert!(one > 0 && other > one);
    assert_eq!(counts(&texts), one + other);
    assert_eq!(mock_page(&mock, "last")["path"], "/api/v1/embeddings");
}

#[test]
fn gigachat_gives_structured_answers_by_a_function_or_by_words() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = gigachat(&cloud, mock.addr()).start();
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let mut body = json!({"model": "gigachat/GigaChat-2", "messages": [{"role": "user", "content": "a thing"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok().json();
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
    assert!(serde_json::from_str::<Value>(&text).is_ok_and(|said| said["a"].is_string()), "{reply}");
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");
    body["response_format"] = json!({"type": "json_object"});
    gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    let sent = &mock_page(&mock, "last")["body"];
    assert!(sent["response_format"].is_null() && sent["messages"][0]["role"] == "system", "{sent}");
}

#[test]
fn what_gigachat_refuses_is_said_in_the_client_s_own_form() {
    let (cloud, mock) = (Cloud::start(), mock());
    cloud.state.closed.store(true, Ordering::Relaxed);
    let gateway = gigachat(&cloud, mock.addr()).yaml("upstream: {attempts: 1}").start();
    let refused = gateway.ask(&Client::Anthropic.whole("gigachat/GigaChat-2", "hello"));
    let said = Client::Anthropic.refusal(&refused).message;
    assert_eq!(said, "gigachat has no credentials: it answered 400: invalid_grant: the account is closed");
}

/// Holds what came to Oracle's chat against the signature that came with it.
fn oracle_s_signature(last: &Value) {
    assert_eq!(last["path"], "/openai/v1/chat/completions");
    let head = |name: &str| last["headers"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(head("opc-compartment-id"), "ocid1.compartment.c");
    assert_eq!(head("compartmentid"), "ocid1.compartment.c");
    let shown = head("authorization");
    let (lead, signature) = shown.split_once(",signature=\"").expect("a signature");
    assert!(lead.contains("keyId=\"ocid1.tenancy.t/ocid1.user.u/aa:bb\""), "{lead}");
    let text = format!(
        "date: {}\n(request-target): post /openai/v1/chat/completions\nhost: {}\ncontent-length: {}\n\
         content-type: {}\nx-content-sha256: {}",
        head("date"),
        head("host"),
        head("content-length"),
        head("content-type"),
        head("x-content-sha256")
    );
    let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let base64 = |text: &str| STANDARD.decode(text).expect("base64");
    let pair = RsaKeyPair::from_pkcs8(&base64(&der)).expect("a key");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
    key.verify(text.as_bytes(), &base64(signature.trim_end_matches('"'))).expect("its own signature");
}

#[test]
fn a_user_of_oracle_signs_each_request_with_its_own_key() {
    let mock = mock();
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oci-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("key.pem"), KEY).unwrap();
    let file = format!(
        "[DEFAULT]\nuser=ocid1.user.u\nfingerprint=aa:bb\ntenancy=ocid1.tenancy.t\nregion=us-chicago-1\nkey_file={}\n",
        folder.join("key.pem").display()
    );
    std::fs::write(folder.join("config"), file).unwrap();
    let at = mock.addr();
    let gateway = Setup::default()
        .provider(&format!("oci: {{base_url: \"http://{at}/openai/v1\", compartment: ocid1.compartment.c}}"))
        .provider(&format!("keyed: {{vendor: oci, base_url: \"http://{at}/openai/v1\", api_key: sk-1}}"))
        .env("OCI_CONFIG_FILE", &folder.join("config").display().to_string())
        .start();
    for client in CLIENTS {
        let model = named(client, "oci/xai.grok-4");
        let reply = gateway.ask(&client.whole(&model, "hello")).ok();
        assert!(client.text(&reply.json()).contains("hello"), "{}", reply.text());
        let reply = gateway.ask(&client.stream(&model, "#mock tokens=5")).ok();
        assert!(client.is_complete(&reply.text()), "{}", reply.text());
        oracle_s_signature(&mock_page(&mock, "last"));
    }
    let body = json!({"model": "oci/xai.grok-4", "input": "hello"});
    gateway.ask(&post("/v1/responses").json(&body)).ok();
    assert_eq!(mock_page(&mock, "last")["path"], "/openai/v1/responses");
    let through = json!({"model": "xai.grok-4", "messages": [{"role": "user", "content": "hello"}]});
    gateway.ask(&post("/p/oci/chat/completions").json(&through)).ok();
    let last = mock_page(&mock, "last");
    oracle_s_signature(&last);
    let hash = STANDARD.encode(digest(&SHA256, last["body_text"].as_str().unwrap().as_bytes()));
    assert_eq!(last["headers"]["x-content-sha256"], hash);
    gateway.ask(&Client::Openai.whole("keyed/xai.grok-4", "hello")).ok();
    assert_eq!(mock_page(&mock, "last")["headers"]["authorization"], "Bearer sk-1");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn copilot_lends_a_token_and_hears_which_editor_asks() {
    let (cloud, mock) = (Cloud::start(), mock());
    let tokens = format!("auth: {{token_url: \"http://{}/copilot_internal/v2/token\"}}", cloud.addr());
    let line = format!("github_copilot: {{base_url: \"http://{}\", api_key: gho_1, {tokens}}}", mock.addr());
    let gateway = Setup::default().provider(&line).start();
    gateway.ask(&Client::Anthropic.whole("github_copilot/gpt-4.1", "hello")).ok();
    let last = mock_page(&mock, "last");
    assert_eq!(last["path"], "/chat/completions");
    assert_eq!(last["headers"]["authorization"], "Bearer token-1");
    assert_eq!(last["headers"]["copilot-integration-id"], "vscode-chat");
    let asked = cloud.asked().remove(0);
    assert!(asked.head.starts_with("get /copilot_internal/v2/token "), "{}", asked.head);
    assert_eq!(asked.header("authorization"), Some("token gho_1"));
}

#[test]
fn vendors_with_an_api_of_their_own_are_gone_through_to_with_our_key() {
    let there = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, r#"{"fine":true}"#));
        Then::Keep
    });
    let at = there.addr;
    let gateway = Setup::default()
        .provider(&format!("elevenlabs: {{base_url: \"http://{at}\", api_key: k1}}"))
        .provider(&format!("deepgram: {{base_url: \"http://{at}/v1\", api_key: k2}}"))
        .provider(&format!("replicate: {{base_url: \"http://{at}/v1\", api_key: k3}}"))
        .start();
    for (path, place, header, value) in [
        ("/p/elevenlabs/v1/text-to-speech/x", "/v1/text-to-speech/x", "xi-api-key", "k1"),
        ("/p/deepgram/v1/listen?model=nova-3", "/v1/listen?model=nova-3", "authorization", "token k2"),
        ("/p/replicate/models/a/b/predictions", "/v1/models/a/b/predictions", "authorization", "bearer k3"),
    ] {
        let request = post(path).json(&json!({"input": 1})).header("authorization", "Bearer ours");
        assert_eq!(gateway.ask(&request).ok().json()["fine"], true);
        let heard = there.heard().pop().unwrap();
        assert_eq!((heard.path(), heard.header(header)), (place, Some(value)));
    }
}

#[test]
fn triton_goes_on_with_a_text_at_its_own_address() {
    let mock = mock();
    let gateway = Setup::default()
        .provider(&format!("triton_generate: {{base_url: \"http://{}\"}}", mock.addr()))
        .start();
    for client in CLIENTS {
        let model = named(client, "triton_generate/my-llama");
        let reply = gateway.ask(&client.whole(&model, "hello")).ok();
        assert!(client.text(&reply.json()).contains("hello"), "{}", reply.text());
        let reply = gateway.ask(&client.stream(&model, "#mock tokens=5")).ok();
        assert!(client.is_complete(&reply.text()), "{}", reply.text());
        assert!(gateway.line(&reply)["gen_ai.usage.output_tokens"].as_u64() > Some(0));
    }
    assert_eq!(mock_page(&mock, "last")["path"], "/v2/models/my-llama/generate_stream");
    let body = json!({"model": "triton_generate/my-llama", "prompt": "hello", "max_tokens": 9, "stop": ["END"],
        "temperature": 0.5});
    let reply = gateway.ask(&post("/v1/completions").json(&body)).ok();
    assert!(reply.json()["choices"][0]["text"].as_str().is_some_and(|text| text.contains("hello")));
    assert_eq!(
        (&reply.json()["object"], &reply.json()["model"]),
        (&json!("text_completion"), &json!("my-llama"))
    );
    let parameters = json!({"max_tokens": 9, "temperature": 0.5, "stop": "END"});
    let sent = &mock_page(&mock, "last")["body"];
    assert_eq!(
        sent,
        &json!({"text_input": "hello", "exclude_input_in_output": true, "parameters": parameters})
    );
}

#[test]
fn every_client_has_predictions_of_replicate_s_models() {
    let mock = mock();
    let gateway = Setup::default()
        .provider(&format!("replicate: {{base_url: \"http://{}/v1\", api_key: r8_1}}", mock.addr()))
        .start();
    for client in CLIENTS {
        let model = named(client, "replicate/meta/meta-llama-3-70b-instruct");
        let reply = gateway.ask(&client.whole(&model, "hello")).ok();
        assert!(client.text(&reply.json()).contains("hello"), "{}", reply.text());
        assert!(client.usage(&reply.json()).1 > 0, "{}", reply.text());
        let reply = gateway.ask(&client.stream(&model, "hello")).ok();
        assert!(client.is_complete(&reply.text()) && reply.text().contains("hello"), "{}", reply.text());
        let last = mock_page(&mock, "last");
        assert_eq!(last["path"], "/v1/models/meta/meta-llama-3-70b-instruct/predictions");
        assert_eq!(
            (&last["headers"]["prefer"], &last["body"]["input"]["prompt"]),
            (&json!("wait"), &json!("hello"))
        );
    }
}
