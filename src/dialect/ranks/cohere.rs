//! Cohere's `/v1/rerank` and `/v2/rerank`
//! (<https://docs.cohere.com/reference/rerank>, seen 2026-11).

use std::sync::LazyLock;

use super::{Ranks, Words, order, wanted, write_document, write_texts};
use crate::dialect::vectors::nameless;
use crate::dialect::{Malformed, Seed};
use crate::ir::rerank::{Document, RerankReply, RerankRequest};
use crate::ir::{Losses, Usage};
use crate::wire::json::{self, Counts, Json};
use crate::wire::lens::{Edit, Lens};
use crate::wire::needle::Needle;

pub(super) const WORDS: Words = Words {
    top: "top_n",
    document_tokens: &["max_tokens_per_doc"],
    truncates: None,
    query_has_fields: false,
    returns_documents: false,
};

pub(super) fn render_request(
    form: Ranks,
    request: &RerankRequest,
    model: &str,
    losses: &mut Losses,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("model", model);
        o.string("query", &request.query);
        o.array("documents", |a| {
            if form == Ranks::CohereV2 {
                return write_texts(a, &request.documents, losses);
            }
            for document in &request.documents {
                match document {
                    Document::Text(text) => a.string(text),
                    Document::Fields(json) => a.raw(json),
                }
            }
        });
        o.opt_number("top_n", request.top);
        match (form, request.document_tokens) {
            (_, None) => {}
            (Ranks::CohereV1, Some(_)) => losses.dropped("max_tokens_per_doc", "not known to this version"),
            (_, Some(tokens)) => o.number("max_tokens_per_doc", tokens),
        }
        if request.truncates == Some(false) {
            losses.dropped("truncation", "what is too long is always cut");
        }
        for extra in request.extras.all() {
            // Those of the first version alone.
            if form == Ranks::CohereV2 && matches!(extra.name.as_str(), "rank_fields" | "max_chunks_per_doc")
            {
                losses.dropped(extra.name.clone(), "not known to this version");
            } else if matches!(extra.name.as_str(), "rank_fields" | "max_chunks_per_doc" | "priority") {
                o.raw(&extra.name, &extra.json);
            } else {
                losses.dropped(extra.name.clone(), "not known to this form");
            }
        }
    });
    out
}

/// The same by Bedrock's `invoke`, whose path names the model; Cohere's are told the version.
pub(super) fn on_bedrock(request: &RerankRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let body = nameless(render_request(Ranks::CohereV2, request, model, losses));
    let version = [Edit::Set { key: "api_version".into(), value: "2".to_owned() }];
    match Lens::new(&body) {
        Ok(lens) if model.contains("cohere.") => lens.apply(&version),
        Ok(_) | Err(_) => body,
    }
}

pub(super) fn parse_reply(body: &[u8]) -> Result<RerankReply, Malformed> {
    let json = json::parse(body)?;
    let text = |name: &str| json.field(name).and_then(Json::as_str).map(str::to_owned);
    Ok(RerankReply {
        id: text("id"),
        model: text("model"),
        ranked: order(json.field("results"), "results")?,
        usage: find_usage(body),
        ..RerankReply::default()
    })
}

pub(super) fn find_usage(body: &[u8]) -> Option<Usage> {
    static BILLED: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"billed_units\""));
    let counts = Counts::prefix(BILLED.values(body).last()?)?;
    let usage = Usage {
        input: counts.at(&["input_tokens"]),
        searches: counts.at(&["search_units"]),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

pub(super) fn render_reply(form: Ranks, reply: &RerankReply, asked: &RerankRequest, seed: &Seed) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("id", reply.id.as_deref().unwrap_or(&seed.id));
        o.array("results", |a| {
            for place in &reply.ranked {
                a.object(|o| {
                    if let Some(document) = wanted(place, asked) {
                        write_document(o, document);
                    }
                    o.number("index", place.index);
                    o.raw("relevance_score", &place.score);
                });
            }
        });
        o.object("meta", |o| {
            o.object("api_version", |o| {
                o.string("version", if form == Ranks::CohereV1 { "1" } else { "2" });
            });
            o.object("billed_units", |o| {
                let usage = reply.usage.unwrap_or_default();
                if usage.searches > 0 {
                    o.number("search_units", usage.searches);
                }
                if usage.total_input() > 0 {
                    o.number("input_tokens", usage.total_input());
                }
            });
        });
    });
    out
}
