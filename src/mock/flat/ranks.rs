//! Rerankers: Cohere's two versions, Jina's and Voyage's; shared words make a document better.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{only, text};
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::play::Act;
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;

const COHERE: [&str; 6] = ["model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"];
const COHERE_V1: [&str; 7] =
    ["model", "query", "documents", "top_n", "rank_fields", "return_documents", "max_chunks_per_doc"];
const JINA: [&str; 5] = ["model", "query", "documents", "top_n", "return_documents"];
const VOYAGE: [&str; 6] = ["model", "query", "documents", "top_k", "return_documents", "truncation"];

pub(super) fn answer(body: &Value, path: &str, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    let (model, query) = (text(body, "model")?, text(body, "query")?);
    let voyage = model.starts_with("rerank-2");
    let jina = model.starts_with("jina-");
    let known = match path {
        path if path.ends_with("/v2/rerank") => &COHERE[..],
        _ if voyage => &VOYAGE,
        _ if jina => &JINA,
        _ => &COHERE_V1,
    };
    only(body, known)?;
    let documents = body["documents"].as_array().filter(|list| !list.is_empty());
    let documents = documents.ok_or_else(|| Refusal::bad("documents must not be empty").at("documents"))?;
    let words = |document: &Value| -> Option<String> {
        let text = document.as_str().or_else(|| document["text"].as_str()).map(str::to_owned);
        text.filter(|_| document.is_string() || known != VOYAGE && known != COHERE)
    };
    let texts: Option<Vec<String>> = documents.iter().map(words).collect();
    let texts = texts.ok_or_else(|| Refusal::bad("documents must be texts").at("documents"))?;
    let script = Script::read(model, query);
    if let Some(act) = spoken.mishap(world, model, &script) {
        return Ok(act);
    }
    let mut order: Vec<(usize, f64)> = texts.iter().map(|text| nearness(query, text)).enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let top = ["top_n", "top_k"].iter().find_map(|name| body[*name].as_u64());
    order.truncate(top.and_then(|top| usize::try_from(top).ok()).unwrap_or(order.len()));
    let shown = body["return_documents"].as_bool().unwrap_or(jina);
    let tokens: usize =
        texts.iter().map(|text| tokens_of(text.len())).sum::<usize>() + tokens_of(query.len());
    let results: Vec<Value> = order
        .iter()
        .map(|&(index, score)| {
            let mut place = json!({"index": index, "relevance_score": score});
            if shown {
                let text = texts.get(index).cloned().unwrap_or_default();
                place["document"] = if voyage { text.into() } else { json!({"text": text}) };
            }
            place
        })
        .collect();
    let id = world.id("", 32);
    let body = if voyage {
        json!({"object": "list", "data": results, "model": model, "usage": {"total_tokens": tokens}})
    } else if jina {
        json!({"model": model, "usage": {"total_tokens": tokens}, "results": results})
    } else {
        let version = if path.ends_with("/v2/rerank") { "2" } else { "1" };
        json!({"id": id, "results": results, "meta": {
            "api_version": {"version": version}, "billed_units": {"search_units": 1}}})
    };
    Ok(spoken.json(world, body.to_string()))
}

/// The share of the query's words that a text has.
fn nearness(query: &str, text: &str) -> f64 {
    let words = |text: &str| -> HashSet<String> {
        let lower = text.to_lowercase();
        lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (query, text) = (words(query), words(text));
    let shared = u32::try_from(query.intersection(&text).count()).unwrap_or(0);
    f64::from(shared) / f64::from(u32::try_from(query.len().max(1)).unwrap_or(1))
}
