//! Vectors of Bedrock's models, by `invoke`: each maker's own form
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html> and
//! `…/model-parameters-embed-v4.html`, seen 2026-11). The path names the model.

use super::cohere;
use crate::dialect::Malformed;
use crate::dialect::openai_embeddings::numbers;
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest};
use crate::ir::{Losses, Usage};
use crate::wire::json;
use crate::wire::lens::{self, Edit, Lens};

/// Members that only Titan's form has, and that go back into it.
const OWN: [&str; 1] = ["normalize"];

/// Titan embeds one text at a time.
pub(super) fn render_titan(request: &EmbedRequest, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        if let Some(EmbedInput::Text(text)) = request.inputs.first() {
            o.string("inputText", text);
        }
        o.opt_number("dimensions", request.dimensions);
        for extra in request.extras.all() {
            if OWN.contains(&extra.name.as_str()) {
                o.raw(&extra.name, &extra.json);
            } else {
                losses.dropped(extra.name.clone(), "not known to this form");
            }
        }
        let lost = [
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

pub(super) fn parse_titan(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let json = json::parse(body)?;
    let by_type = || json.at(&["embeddingsByType", "float"]);
    let vector = json.field("embedding").or_else(by_type).and_then(numbers);
    let vector = vector.ok_or_else(|| Malformed::new("embedding", "expected a list of numbers"))?;
    Ok(EmbedReply { vectors: vec![vector], usage: titan_usage(body), ..EmbedReply::default() })
}

pub(super) fn titan_usage(body: &[u8]) -> Option<Usage> {
    let count = lens::find(body, "inputTextTokenCount")?.parse().ok()?;
    Some(Usage { input: count, ..Usage::default() })
}

/// Cohere's own form without the model. Its tokens are told in a header alone.
pub(super) fn render_cohere(request: &EmbedRequest, losses: &mut Losses) -> Vec<u8> {
    nameless(cohere::render_request(request, "", losses))
}

/// A body without the name of its model.
pub(in crate::dialect) fn nameless(body: Vec<u8>) -> Vec<u8> {
    let edit = [Edit::Remove { key: "model".into() }];
    Lens::new(&body).map(|lens| lens.apply(&edit)).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(texts: &[&str]) -> EmbedRequest {
        let inputs = texts.iter().map(|text| EmbedInput::Text((*text).to_owned())).collect();
        EmbedRequest { inputs, dimensions: Some(256), ..EmbedRequest::default() }
    }

    #[test]
    fn titan_takes_one_text_and_says_what_it_counted() {
        let body = render_titan(&asking(&["a"]), &mut Losses::new());
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"inputText":"a","dimensions":256}"#);
        let reply = parse_titan(br#"{"embedding":[0.5,-1.0],"inputTextTokenCount":4}"#).unwrap();
        assert_eq!((reply.vectors, reply.usage.map(|usage| usage.input)), (vec![vec![0.5, -1.0]], Some(4)));
        assert!(parse_titan(br#"{"message":"no"}"#).is_err());
    }

    #[test]
    fn cohere_is_not_told_its_name() {
        let body = render_cohere(&asking(&["a", "b"]), &mut Losses::new());
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"texts":["a","b"],"input_type":"search_document","embedding_types":["float"],"output_dimension":256}"#
        );
    }
}
