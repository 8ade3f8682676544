//! Embeddings as Vertex has them (`:predict`), both ways
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>, seen
//! November 2026): one instance a text, and the tokens of each beside its vector.

use crate::dialect::{Head, Malformed};
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest, Encoding};
use crate::ir::{Losses, Usage};
use crate::wire::json::{self, Json};

/// The most texts in one request; Gemini's own embedding models take but one.
const MOST_INPUTS: usize = 250;
/// How the names of those begin.
const ONE_BY_ONE: &str = "gemini-embedding";

/// Reads a client's request; the path names the model.
///
/// # Errors
/// Names the first field that is not as the form prescribes.
pub(super) fn parse_request(head: &Head<'_>, body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let json = json::parse(body)?;
    let instances = json.field("instances").map(Json::elements).unwrap_or_default();
    if instances.is_empty() {
        return Err(Malformed::new("instances", "expected at least one instance"));
    }
    let name = head.path.rsplit("models/").next().unwrap_or_default();
    let mut request = EmbedRequest {
        model: name.rsplit_once(':').map_or(name, |(name, _)| name).to_owned(),
        ..EmbedRequest::default()
    };
    for (at, instance) in instances.iter().enumerate() {
        let text = |name: &str| instance.field(name).and_then(Json::as_str).map(str::to_owned);
        let content = text("content")
            .ok_or_else(|| Malformed::new(format!("instances[{at}].content"), "only text can be embedded"))?;
        let (task, title) = (text("task_type").or_else(|| text("taskType")), text("title"));
        if at > 0 && (task != request.task || title != request.title) {
            let param = format!("instances[{at}]");
            return Err(Malformed::new(param, "task_type and title must be the same in all instances"));
        }
        (request.task, request.title) = (task, title);
        request.inputs.push(EmbedInput::Text(content));
    }
    let parameter = |name: &str| json.at(&["parameters", name]);
    let dimensions = parameter("outputDimensionality").or_else(|| parameter("output_dimensionality"));
    request.dimensions = dimensions.and_then(Json::as_u64);
    Ok(request)
}

/// Says a request to a target that knows itself as `model`.
///
/// # Errors
/// When the model takes fewer texts at once than the request has.
pub(super) fn render_request(
    request: &EmbedRequest,
    model: &str,
    losses: &mut Losses,
) -> Result<Vec<u8>, Malformed> {
    let most = if model.starts_with(ONE_BY_ONE) { 1 } else { MOST_INPUTS };
    super::fits(request, most)?;
    if request.user.is_some() {
        losses.dropped("user", "the end user cannot be named");
    }
    if request.encoding == Encoding::Base64 {
        losses.bent("encoding_format", "numbers come as text and are spelt anew");
    }
    for extra in request.extras.all() {
        losses.dropped(extra.name.clone(), "not known to this dialect");
    }
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.array("instances", |a| {
            for input in &request.inputs {
                a.object(|o| {
                    // Numbers were refused before (`in_words`).
                    if let EmbedInput::Text(text) = input {
                        o.string("content", text);
                    }
                    o.opt_string("task_type", request.task.as_deref());
                    o.opt_string("title", request.title.as_deref());
                });
            }
        });
        if let Some(dimensions) = request.dimensions {
            o.object("parameters", |o| o.number("outputDimensionality", dimensions));
        }
    });
    Ok(out)
}

/// Reads a provider's answer.
///
/// # Errors
/// When the body holds no vectors.
pub(super) fn parse_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let json = json::parse(body)?;
    let predictions = json.field("predictions").map(Json::elements).unwrap_or_default();
    let mut reply = EmbedReply::default();
    let mut tokens = Some(0);
    for prediction in predictions {
        let values = prediction.at(&["embeddings", "values"]).map(Json::elements).unwrap_or_default();
        #[allow(clippy::cast_possible_truncation, reason = "vectors are told in single precision")]
        let vector: Option<Vec<f32>> = values.iter().map(|value| Some(value.as_f64()? as f32)).collect();
        let vector = vector.filter(|vector| !vector.is_empty());
        reply.vectors.push(vector.ok_or_else(|| Malformed::new("predictions", "expected vectors"))?);
        let counted = prediction.at(&["embeddings", "statistics", "token_count"]);
        tokens = tokens.zip(counted.and_then(count)).map(|(sum, count): (u64, u64)| sum + count);
    }
    if reply.vectors.is_empty() {
        return Err(Malformed::new("predictions", "expected vectors"));
    }
    reply.usage = tokens.map(|input| Usage { input, ..Usage::default() });
    Ok(reply)
}

/// A count, which comes as a number with or without a point.
fn count(json: &Json<'_>) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of tokens")]
    json.as_u64().or_else(|| json.as_f64().filter(|count| *count >= 0.0).map(|count| count as u64))
}

/// Reads the usage of an answer that goes through.
#[must_use]
pub(super) fn find_usage(body: &[u8]) -> Option<Usage> {
    parse_reply(body).ok()?.usage
}

/// Says the vectors to a client.
#[must_use]
pub(super) fn render_reply(reply: &EmbedReply) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    // What is told of all is told of the first.
    let mut tokens = reply.usage.as_ref().map(|usage| usage.input);
    json::object(&mut out, |o| {
        o.array("predictions", |a| {
            for vector in &reply.vectors {
                a.object(|o| {
                    o.object("embeddings", |o| {
                        o.object("statistics", |o| {
                            o.bool("truncated", false);
                            o.opt_number("token_count", tokens.take());
                        });
                        o.array("values", |a| {
                            for number in vector {
                                a.float(f64::from(*number));
                            }
                        });
                    });
                });
            }
        });
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> Result<EmbedRequest, Malformed> {
        let headers = http::HeaderMap::new();
        let path = "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict";
        parse_request(&Head { path, query: "", headers: &headers }, body.as_bytes())
    }

    #[test]
    fn a_request_is_said_as_it_is_read() {
        let body = r#"{"instances":[{"content":"one","task_type":"RETRIEVAL_QUERY"},{"content":"two","task_type":"RETRIEVAL_QUERY"}],"parameters":{"outputDimensionality":64}}"#;
        let read = request(body).unwrap();
        assert_eq!((read.model.as_str(), read.inputs.len()), ("text-embedding-005", 2));
        let said = render_request(&read, "text-embedding-005", &mut Losses::new()).unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), body);
        let flaw = render_request(&read, "gemini-embedding-001", &mut Losses::new()).unwrap_err();
        assert!(flaw.message.contains("at most 1"), "{}", flaw.message);
        assert_eq!(request("{}").unwrap_err().param, "instances");
        assert_eq!(request(r#"{"instances":[{"image":{}}]}"#).unwrap_err().param, "instances[0].content");
    }

    #[test]
    fn the_tokens_of_all_texts_are_added_up() {
        let body = br#"{"predictions":[
            {"embeddings":{"statistics":{"token_count":6.0,"truncated":false},"values":[0.5,-1]}},
            {"embeddings":{"statistics":{"token_count":4},"values":[1,2]}}]}"#;
        let reply = parse_reply(body).unwrap();
        assert_eq!(reply.vectors, [[0.5, -1.0], [1.0, 2.0]]);
        assert_eq!(find_usage(body).map(|usage| usage.input), Some(10));
        let said = render_reply(&reply);
        assert_eq!(parse_reply(&said).unwrap().vectors, reply.vectors);
        assert!(parse_reply(b"{}").is_err());
    }
}
