//! Jina's `/v1/rerank` (<https://jina.ai/reranker>, seen 2026-11), which vLLM, Together, llama.cpp and
//! others have too.

use super::{Words, order, wanted, write_document};
use crate::dialect::{Malformed, Seed, openai_embeddings};
use crate::ir::Losses;
use crate::ir::rerank::{Document, RerankReply, RerankRequest};
use crate::wire::json::{self, Json};

pub(super) const WORDS: Words = Words {
    top: "top_n",
    document_tokens: &["max_tokens_per_doc", "max_doc_length"],
    truncates: Some("truncation"),
    query_has_fields: true,
    returns_documents: true,
};

pub(super) fn render_request(request: &RerankRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("model", model);
        o.string("query", &request.query);
        o.array("documents", |a| {
            for document in &request.documents {
                match document {
                    Document::Text(text) => a.string(text),
                    Document::Fields(json) => a.raw(json),
                }
            }
        });
        o.opt_number("top_n", request.top);
        o.bool("return_documents", false);
        if request.document_tokens.is_some() {
            losses.dropped("max_tokens_per_doc", "not known to this form");
        }
        if request.truncates == Some(false) {
            losses.dropped("truncation", "what is too long is always cut");
        }
        for extra in request.extras.all() {
            losses.dropped(extra.name.clone(), "not known to this form");
        }
    });
    out
}

pub(super) fn parse_reply(body: &[u8]) -> Result<RerankReply, Malformed> {
    let json = json::parse(body)?;
    let text = |name: &str| json.field(name).and_then(Json::as_str).map(str::to_owned);
    let list = json.field("results").or_else(|| json.field("data"));
    Ok(RerankReply {
        id: text("id"),
        model: text("model"),
        ranked: order(list, "results")?,
        usage: openai_embeddings::find_usage(body),
        ..RerankReply::default()
    })
}

pub(super) fn render_reply(reply: &RerankReply, asked: &RerankRequest, seed: &Seed) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("id", reply.id.as_deref().unwrap_or(&seed.id));
        o.string("model", reply.model.as_deref().unwrap_or(&seed.model));
        o.string("object", "list");
        let usage = reply.usage.unwrap_or_default();
        o.object("usage", |o| {
            o.number("total_tokens", usage.total_input());
            o.number("prompt_tokens", usage.total_input());
        });
        o.array("results", |a| {
            for place in &reply.ranked {
                a.object(|o| {
                    o.number("index", place.index);
                    o.raw("relevance_score", &place.score);
                    if let Some(document) = wanted(place, asked) {
                        write_document(o, document);
                    }
                });
            }
        });
        // Clients of Cohere's first version come here too.
        if usage.searches > 0 {
            o.object("meta", |o| {
                o.object("billed_units", |o| o.number("search_units", usage.searches));
            });
        }
    });
    out
}
