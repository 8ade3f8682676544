//! Voyage's `/v1/rerank` (<https://docs.voyageai.com/reference/reranker-api>, seen 2026-11).

use super::cohere::DIALECT;
use super::{count, documents, order, string, truth, wanted, write_texts};
use crate::dialect::{Malformed, Seed, openai_embeddings};
use crate::ir::Losses;
use crate::ir::rerank::{Document, RerankReply, RerankRequest};
use crate::wire::json::{self, Json};

pub(super) fn parse_request(body: &[u8]) -> Result<RerankRequest, Malformed> {
    let json = json::parse(body)?;
    let mut request = RerankRequest::default();
    for (name, value) in json.entries().iter().filter(|(_, value)| !value.is_null()) {
        match &**name {
            "model" => request.model = string(value, name)?,
            "query" => request.query = string(value, name)?,
            "documents" => request.documents = documents(value)?,
            "top_k" => request.top = Some(count(value, name)?),
            "return_documents" => request.returns_documents = truth(value, name)?,
            "truncation" => request.truncates = Some(truth(value, name)?),
            _ => request.extras.push(DIALECT, name, value.raw()),
        }
    }
    Ok(request)
}

pub(super) fn render_request(request: &RerankRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("query", &request.query);
        o.array("documents", |a| write_texts(a, &request.documents, losses));
        o.string("model", model);
        o.opt_number("top_k", request.top);
        if let Some(truncates) = request.truncates {
            o.bool("truncation", truncates);
        }
        if request.document_tokens.is_some() {
            losses.dropped("max_tokens_per_doc", "not known to this form");
        }
        for extra in request.extras.all() {
            losses.dropped(extra.name.clone(), "not known to this form");
        }
    });
    out
}

pub(super) fn parse_reply(body: &[u8]) -> Result<RerankReply, Malformed> {
    let json = json::parse(body)?;
    Ok(RerankReply {
        model: json.field("model").and_then(Json::as_str).map(str::to_owned),
        ranked: order(json.field("data"), "data")?,
        usage: openai_embeddings::find_usage(body),
        ..RerankReply::default()
    })
}

pub(super) fn render_reply(reply: &RerankReply, asked: &RerankRequest, seed: &Seed) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("object", "list");
        o.array("data", |a| {
            for place in &reply.ranked {
                a.object(|o| {
                    o.raw("relevance_score", &place.score);
                    o.number("index", place.index);
                    match wanted(place, asked) {
                        None => {}
                        Some(Document::Text(text)) => o.string("document", text),
                        Some(Document::Fields(json)) => o.raw("document", json),
                    }
                });
            }
        });
        o.string("model", reply.model.as_deref().unwrap_or(&seed.model));
        o.object("usage", |o| o.number("total_tokens", reply.usage.unwrap_or_default().total_input()));
    });
    out
}
