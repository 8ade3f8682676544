//! What Bedrock's models are asked by `invoke` besides Anthropic's messages: vectors and ranks.

use serde_json::{Value, json};

use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::Act;
use crate::mock::say::tokens_of;

/// Answers a body that is not of Anthropic's; `None` where the model is none of these.
pub(super) fn answer(request: &Request<'_>, model: &str, world: &World) -> Option<Result<Act, Refusal>> {
    let say = if model.contains("titan-embed") {
        titan
    } else if model.contains("cohere.embed") {
        cohere
    } else if model.contains("rerank") {
        ranks
    } else {
        return None;
    };
    let body = serde_json::from_slice::<Value>(request.body);
    let body = body.map_err(|error| Refusal::not_json(Dialect::Bedrock, &error));
    let answered = body.and_then(|body| say(&body, model)).map(|said| {
        let mut act = Dialect::Bedrock.json(world, said.to_string());
        if let Act::Say(say) = &mut act {
            let count = tokens_of(request.body.len()).to_string();
            say.headers.extend(["x-amzn-bedrock-input-token-count: ", &count, "\r\n"]);
        }
        act
    });
    Some(answered)
}

fn titan(body: &Value, _: &str) -> Result<Value, Refusal> {
    only(body, &["inputText", "dimensions", "normalize", "embeddingTypes"])?;
    let Some(text) = body["inputText"].as_str() else {
        return Err(malformed("required key [inputText] not found"));
    };
    let length = body["dimensions"].as_u64().unwrap_or(1024);
    if ![256, 512, 1024].contains(&length) {
        return Err(malformed("dimensions must be one of 256, 512, 1024"));
    }
    let vector: Vec<f32> = (0..length).map(|_| 0.25).collect();
    Ok(json!({"embedding": vector, "embeddingsByType": {"float": vector},
        "inputTextTokenCount": tokens_of(text.len())}))
}

fn cohere(body: &Value, _: &str) -> Result<Value, Refusal> {
    only(body, &["texts", "input_type", "truncate", "embedding_types", "output_dimension", "images"])?;
    let Some(texts) = body["texts"].as_array() else { return Err(malformed("texts: expected a list")) };
    if !body["input_type"].is_string() {
        return Err(malformed("required key [input_type] not found"));
    }
    let vectors: Vec<_> = texts.iter().map(|_| [0.25, -0.5]).collect();
    Ok(
        json!({"id": "6e8a", "embeddings": {"float": vectors}, "response_type": "embeddings_by_type", "texts": texts}),
    )
}

fn ranks(body: &Value, model: &str) -> Result<Value, Refusal> {
    only(body, &["api_version", "query", "documents", "top_n", "max_tokens_per_doc"])?;
    if model.contains("cohere.") && body["api_version"] != 2 {
        return Err(malformed("required key [api_version] not found"));
    }
    let count = body["documents"].as_array().map_or(0, Vec::len);
    let most = body["top_n"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(count);
    let results: Vec<_> =
        (0..count.min(most)).map(|index| json!({"index": index, "relevance_score": 0.5})).collect();
    Ok(json!({"results": results}))
}

fn only(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    match body.as_object().into_iter().flatten().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, _)) => Err(malformed(&format!("extraneous key [{key}] is not permitted"))),
        None => Ok(()),
    }
}

fn malformed(why: &str) -> Refusal {
    Refusal::bad(format!("Malformed input request: #: {why}, please reformat your input and try again."))
}
