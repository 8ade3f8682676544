//! watsonx' `/ml/v1/text/embeddings` (<https://cloud.ibm.com/apidocs/watsonx-ai#text-embeddings>, seen
//! 2026-11). Whose account pays is added by whoever sends it.

use crate::dialect::Malformed;
use crate::dialect::openai_embeddings::numbers;
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest};
use crate::ir::{Losses, Usage};
use crate::wire::json::{self, Json};
use crate::wire::lens;

/// The most inputs of one request.
pub(super) const MOST_INPUTS: usize = 1000;

/// How much of an input is read, where a client says so.
const CUT: &str = "truncate_input_tokens";

pub(super) fn render_request(request: &EmbedRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("model_id", model);
        o.array("inputs", |a| {
            for input in &request.inputs {
                // Numbers were refused before (`in_words`).
                if let EmbedInput::Text(text) = input {
                    a.string(text);
                }
            }
        });
        for extra in request.extras.all() {
            if extra.name == CUT {
                o.object("parameters", |o| o.raw(CUT, &extra.json));
            } else {
                losses.dropped(extra.name.clone(), "not known to this form");
            }
        }
        let lost = [
            ("dimensions", request.dimensions.is_some()),
            ("task", request.task.is_some()),
            ("title", request.title.is_some()),
            ("user", request.user.is_some()),
        ];
        for (name, _) in lost.into_iter().filter(|(_, said)| *said) {
            losses.dropped(name, "not known to this form");
        }
    });
    out
}

pub(super) fn parse_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let json = json::parse(body)?;
    let flaw = || Malformed::new("results", "expected lists of numbers");
    let list = json.field("results").map(Json::elements).unwrap_or_default();
    let vectors: Option<Vec<_>> = list.iter().map(|item| numbers(item.field("embedding")?)).collect();
    Ok(EmbedReply {
        model: json.field("model_id").and_then(Json::as_str).map(str::to_owned),
        vectors: vectors.filter(|vectors| !vectors.is_empty()).ok_or_else(flaw)?,
        usage: find_usage(body),
        ..EmbedReply::default()
    })
}

pub(in crate::dialect) fn find_usage(body: &[u8]) -> Option<Usage> {
    let at = memchr::memmem::rfind(body, b"\"input_token_count\"")?;
    let tail = [b"{", body.get(at..)?].concat();
    let count = lens::find(&tail, "input_token_count")?.parse().ok()?;
    Some(Usage { input: count, ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_named_and_what_cannot_be_said_is_lost() {
        let mut request = EmbedRequest {
            inputs: vec![EmbedInput::Text("a".to_owned()), EmbedInput::Text("b".to_owned())],
            dimensions: Some(8),
            ..EmbedRequest::default()
        };
        request.extras.push(crate::ir::Dialect::OpenaiChat, CUT, "128");
        let mut losses = Losses::new();
        let body = render_request(&request, "ibm/slate-30m-english-rtrvr", &mut losses);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"model_id":"ibm/slate-30m-english-rtrvr","inputs":["a","b"],"parameters":{"truncate_input_tokens":128}}"#
        );
        assert_eq!(losses.first().map(|loss| &*loss.field), Some("dimensions"));
    }

    #[test]
    fn vectors_and_their_tokens_are_read() {
        let body = br#"{"model_id":"m","created_at":"2025-01-01T00:00:00Z","results":[{"embedding":[0.5,-1]},{"embedding":[2,3]}],"input_token_count":10}"#;
        let reply = parse_reply(body).unwrap();
        assert_eq!((reply.vectors.len(), reply.usage.map(|usage| usage.input)), (2, Some(10)));
        assert!(parse_reply(br#"{"results":[]}"#).is_err());
    }
}
