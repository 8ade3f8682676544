//! Voyage's `/v1/rerank` (<https://docs.voyageai.com/reference/reranker-api>, seen 2026-11).

use super::{Words, order, wanted, write_texts};
use crate::dialect::{Malformed, Seed, openai_embeddings};
use crate::ir::Losses;
use crate::ir::rerank::{Document, RerankReply, RerankRequest};
use crate::wire::json::{self, Json};

pub(super) const WORDS: Words = Words {
    top: "top_k",
    document_tokens: &[],
    truncates: Some("truncation"),
    query_has_fields: false,
    returns_documents: false,
};

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
