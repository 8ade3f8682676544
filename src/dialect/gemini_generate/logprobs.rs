//! Log probabilities: `logprobsResult` ↔ the hub's object of them.

use super::case;
use crate::wire::json::{self, Json, Object};

/// Reads a `logprobsResult`; `None` when it tells of no token.
pub(super) fn parse(result: &Json<'_>) -> Option<String> {
    let chosen = case::field(result, "chosenCandidates")?.elements();
    let tops = case::field(result, "topCandidates").map(Json::elements).unwrap_or_default();
    if chosen.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(result.raw().len());
    json::object(&mut out, |o| {
        o.array("content", |a| {
            for (at, token) in chosen.iter().enumerate() {
                a.object(|o| {
                    write_token(o, token);
                    let tops = tops.get(at).and_then(|top| case::field(top, "candidates"));
                    o.array("top_logprobs", |a| {
                        for token in tops.map(Json::elements).unwrap_or_default() {
                            a.object(|o| write_token(o, token));
                        }
                    });
                });
            }
        });
    });
    String::from_utf8(out).ok()
}

fn write_token(o: &mut Object<'_>, token: &Json<'_>) {
    let text = case::text(token, "token").unwrap_or_default();
    o.string("token", text);
    // A probability of one is left out, its logarithm being 0.
    let number = case::field(token, "logProbability").filter(|number| number.as_f64().is_some());
    o.raw("logprob", number.map_or("0", Json::raw));
    o.array("bytes", |a| text.bytes().for_each(|byte| a.number(byte)));
}

/// Adds a `logprobsResult` to a candidate, if these objects tell of a token.
pub(super) fn write(o: &mut Object<'_>, logprobs: &[String]) {
    let read: Vec<_> = logprobs.iter().filter_map(|text| json::parse(text.as_bytes()).ok()).collect();
    let lists = read.iter().filter_map(|json| json.field("content"));
    let tokens: Vec<&Json<'_>> = lists.flat_map(Json::elements).collect();
    if tokens.is_empty() {
        return;
    }
    o.object("logprobsResult", |o| {
        o.array("topCandidates", |a| {
            for token in &tokens {
                a.object(|o| {
                    o.array("candidates", |a| {
                        let tops = token.field("top_logprobs").map(Json::elements);
                        for top in tops.unwrap_or_default() {
                            a.object(|o| write_native(o, top));
                        }
                    });
                });
            }
        });
        o.array("chosenCandidates", |a| {
            for token in &tokens {
                a.object(|o| write_native(o, token));
            }
        });
    });
}

fn write_native(o: &mut Object<'_>, token: &Json<'_>) {
    o.string("token", token.field("token").and_then(Json::as_str).unwrap_or_default());
    o.raw("logProbability", token.field("logprob").map_or("0", Json::raw));
}
