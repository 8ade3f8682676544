//! watsonx' `/ml/v1/text/rerank` (<https://cloud.ibm.com/apidocs/watsonx-ai#text-rerank>, seen 2026-11).

use super::ranked;
use crate::dialect::{Malformed, vectors};
use crate::ir::Losses;
use crate::ir::rerank::{Document, RerankReply, RerankRequest};
use crate::wire::json::{self, Json};

pub(super) fn render_request(request: &RerankRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("model_id", model);
        o.string("query", &request.query);
        o.array("inputs", |a| {
            for document in &request.documents {
                a.object(|o| match document {
                    Document::Text(text) => o.string("text", text),
                    Document::Fields(json) => {
                        losses.bent("documents", "said as the text of an object");
                        o.string("text", json);
                    }
                });
            }
        });
        o.object("parameters", |o| {
            o.opt_number("truncate_input_tokens", request.document_tokens);
            o.object("return_options", |o| o.opt_number("top_n", request.top));
        });
        for extra in request.extras.all() {
            losses.dropped(extra.name.clone(), "not known to this form");
        }
    });
    out
}

pub(super) fn parse_reply(body: &[u8]) -> Result<RerankReply, Malformed> {
    let json = json::parse(body)?;
    let list = json.field("results").filter(|list| list.is_array());
    let list = list.ok_or_else(|| Malformed::new("results", "expected a list of ranked documents"))?;
    let one = |(at, item): (usize, &Json<'_>)| {
        ranked(item, "score")
            .ok_or_else(|| Malformed::new(format!("results[{at}]"), "expected an index and a score"))
    };
    Ok(RerankReply {
        model: json.field("model_id").and_then(Json::as_str).map(str::to_owned),
        ranked: list.elements().iter().enumerate().map(one).collect::<Result<_, _>>()?,
        usage: vectors::watsonx_usage(body),
        ..RerankReply::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_asked_for_and_read() {
        let request = RerankRequest {
            query: "q".to_owned(),
            documents: vec![Document::Text("a".to_owned())],
            top: Some(1),
            ..RerankRequest::default()
        };
        let body = render_request(&request, "m", &mut Losses::new());
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"model_id":"m","query":"q","inputs":[{"text":"a"}],"parameters":{"return_options":{"top_n":1}}}"#
        );
        let reply =
            parse_reply(br#"{"model_id":"m","results":[{"index":0,"score":0.74}],"input_token_count":20}"#);
        let reply = reply.unwrap();
        assert_eq!((reply.ranked[0].score.as_str(), reply.usage.unwrap().input), ("0.74", 20));
    }
}
