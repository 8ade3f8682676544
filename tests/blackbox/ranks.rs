//! Documents put in order, and vectors, in every vendor's form.

use serde_json::{Value, json};

use crate::harness::{Gateway, Reply, Setup, mock, post};

const MODELS: [&str; 3] =
    ["cohere/rerank-v3.5", "jina/jina-reranker-v2-base-multilingual", "voyage/rerank-2.5"];

fn gateway(mock: &tollgate::mock::Mock) -> Gateway {
    let at = mock.addr();
    Setup::new(mock)
        .provider(&format!("cohere: {{base_url: \"http://{at}/compatibility/v1\", api_key: k}}"))
        .provider(&format!("jina: {{base_url: \"http://{at}/v1\", api_key: k}}"))
        .provider(&format!("voyage: {{base_url: \"http://{at}/v1\", api_key: k}}"))
        .provider(&format!("mistral: {{base_url: \"http://{at}/v1\", api_key: k}}"))
        .provider(&format!("nvidia: {{vendor: nvidia_nim, base_url: \"http://{at}/v1\", api_key: k}}"))
        .start()
}

fn body(model: &str, more: &Value) -> Value {
    let mut body = json!({
        "model": model,
        "query": "what is the capital of France",
        "documents": ["berlin is the capital of germany", "the capital of france is what paris is", "bread"],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn indexes(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|place| place["index"].as_u64().unwrap()).collect()
}

fn counted(gateway: &Gateway, reply: &Reply) -> (u64, u64) {
    let line = gateway.line(reply);
    assert_eq!(line["gen_ai.operation.name"], "rerank", "{line}");
    assert_eq!(line["usage_source"], "reported", "{line}");
    (line["searches"].as_u64().unwrap_or(0), line["gen_ai.usage.input_tokens"].as_u64().unwrap())
}

#[test]
fn every_client_is_served_by_every_vendor() {
    let mock = mock();
    let gateway = gateway(&mock);
    for model in MODELS {
        for form in ["cohere2", "cohere1", "jina", "voyage"] {
            let request = match form {
                "cohere2" => post("/v2/rerank").json(&body(model, &json!({"top_n": 2}))),
                "cohere1" => post("/v1/rerank")
                    .header("x-fern-sdk-name", "cohere")
                    .json(&body(model, &json!({"top_n": 2, "return_documents": true}))),
                "jina" => post("/v1/rerank").json(&body(model, &json!({"top_n": 2}))),
                _ => post("/v1/rerank").json(&body(model, &json!({"top_k": 2, "truncation": true}))),
            };
            let reply = gateway.ask(&request).ok();
            let told = reply.json();
            let list = if form == "voyage" { &told["data"] } else { &told["results"] };
            assert_eq!(indexes(list), [1, 0], "{form} {model}: {told}");
            assert!(list[0]["relevance_score"].as_f64() > list[1]["relevance_score"].as_f64());
            let document = &list[0]["document"];
            match form {
                "jina" | "cohere1" => assert_eq!(document["text"], "the capital of france is what paris is"),
                _ => assert!(document.is_null(), "{told}"),
            }
            let (searches, tokens) = counted(&gateway, &reply);
            assert_eq!(
                (searches == 1, tokens > 0),
                (model.starts_with("cohere"), !model.starts_with("cohere"))
            );
            match form {
                "cohere1" | "cohere2" => {
                    let version = if form == "cohere1" { "1" } else { "2" };
                    assert_eq!(told["meta"]["api_version"]["version"], version);
                }
                _ => assert!(told["usage"]["total_tokens"].is_number(), "{told}"),
            }
        }
    }
}

#[test]
fn a_provider_without_rerankers_says_so() {
    let mock = mock();
    let gateway = gateway(&mock);
    let reply = gateway.ask(&post("/v2/rerank").json(&body("openai/gpt-4o", &json!({}))));
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!("model")));
    let reply = gateway.ask(&post("/v2/rerank").json(&body(MODELS[1], &json!({"documents": [1]}))));
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!("documents[0]")));
}

#[test]
fn vectors_come_from_every_vendor_in_the_client_s_form() {
    let mock = mock();
    let gateway = gateway(&mock);
    let mut first: Option<Value> = None;
    for model in [
        "openai/text-embedding-3-small",
        "mistral/mistral-embed",
        "voyage/voyage-3.5",
        "jina/jina-embeddings-v3",
        "nvidia/nvidia/nv-embedqa-e5-v5",
        "cohere/embed-v4.0",
        "gemini/gemini-embedding-001",
    ] {
        let body = json!({"model": model, "input": ["one two", "three"], "dimensions": 8});
        let reply = gateway.ask(&post("/v1/embeddings").json(&body)).ok();
        let told = reply.json();
        assert_eq!(told["data"].as_array().unwrap().len(), 2, "{model}: {told}");
        let vector = told["data"][0]["embedding"].clone();
        assert_eq!(*first.get_or_insert(vector.clone()), vector, "{model}");
        assert!(gateway.line(&reply)["gen_ai.usage.input_tokens"].as_u64() > Some(0), "{model}");
        let packed =
            json!({"model": model, "input": "one two", "dimensions": 8, "encoding_format": "base64"});
        let reply = gateway.ask(&post("/v1/embeddings").json(&packed)).ok();
        assert!(reply.json()["data"][0]["embedding"].is_string(), "{model}");
        // Cohere's own clients.
        for (path, floats) in [("/v2/embed", "/embeddings/float/0"), ("/v1/embed", "/embeddings/0")] {
            let mut body = json!({"model": model, "texts": ["one two", "three"], "input_type": "search_query", "output_dimension": 8});
            if path == "/v2/embed" {
                body["embedding_types"] = json!(["float"]);
            }
            let reply = gateway.ask(&post(path).json(&body)).ok();
            let told = reply.json();
            assert_eq!(told.pointer(floats), Some(&vector), "{model} {path}: {told}");
            assert_eq!(told["texts"], json!(["one two", "three"]));
            assert!(told["meta"]["billed_units"]["input_tokens"].as_u64() > Some(0), "{told}");
        }
    }
}
