//! `countTokens`: the question, and our own answer to it.

use super::case;
use super::request::{model_of, parse_body};
use crate::dialect::{Head, Malformed};
use crate::ir::Request;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

/// Whose Gemini is asked: they take the question in different forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum House {
    /// AI Studio: `contents` alone, or everything inside of `generateContentRequest`.
    Studio,
    /// Vertex: everything at the top.
    Vertex,
}

/// A question in the form of its house; `None` where it is that already.
#[must_use]
pub fn for_house(body: &Lens<'_>, house: House, model: &str) -> Option<Vec<u8>> {
    const INNER: [&str; 2] = ["generateContentRequest", "generate_content_request"];
    let inner = INNER.iter().find_map(|key| body.raw(key));
    match house {
        House::Vertex => {
            let inner = Lens::new(inner?.as_bytes()).ok()?;
            Some(inner.apply(&[Edit::Remove { key: "model".into() }]))
        }
        House::Studio => {
            let more = body.keys().any(|key| key != "contents" && !INNER.contains(&key));
            if !more || inner.is_some() {
                return None;
            }
            let named = Edit::Set { key: "model".into(), value: json::string(&format!("models/{model}")) };
            let mut out = Vec::new();
            json::object(&mut out, |o| {
                o.raw("generateContentRequest", &String::from_utf8_lossy(&body.apply(&[named])));
            });
            Some(out)
        }
    }
}

/// Reads a client's question: `contents` alone, or a whole `generateContentRequest`.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_request(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    let json = json::parse(body)?;
    let mut request = match case::field(&json, "generateContentRequest") {
        Some(inner) => parse_body(inner).map_err(case::within("generateContentRequest"))?,
        None => parse_body(&json)?,
    };
    if let Some((model, _)) = model_of(head.path) {
        request.model = model;
    }
    if request.model.is_empty() {
        return Err(Malformed::new("model", "the path must name a model"));
    }
    Ok(request)
}

/// Says how many tokens a request has.
#[must_use]
pub fn render_reply(tokens: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    json::object(&mut out, |o| {
        o.number("totalTokens", tokens);
        o.array("promptTokensDetails", |a| {
            a.object(|o| {
                o.string("modality", "TEXT");
                o.number("tokenCount", tokens);
            });
        });
    });
    out
}

/// Reads a provider's answer.
///
/// # Errors
/// When the body tells no number.
pub fn parse_reply(body: &[u8]) -> Result<u64, Malformed> {
    let json = json::parse(body)?;
    let tokens = case::field(&json, "totalTokens").and_then(json::Json::as_u64);
    tokens.ok_or_else(|| Malformed::new("totalTokens", "expected a number of tokens"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_put_into_the_form_of_its_house() {
        let put = |body: &str, house| {
            let put = for_house(&Lens::new(body.as_bytes()).unwrap(), house, "gemini-x");
            put.map(|put| String::from_utf8(put).unwrap())
        };
        let (plain, whole) = (r#"{"contents":[1]}"#, r#"{"contents":[1],"systemInstruction":{}}"#);
        let nested =
            r#"{"generateContentRequest":{"contents":[1],"systemInstruction":{},"model":"models/gemini-x"}}"#;
        assert_eq!(put(plain, House::Studio), None);
        assert_eq!(put(whole, House::Studio).as_deref(), Some(nested));
        assert_eq!(put(nested, House::Studio), None);
        assert_eq!(put(nested, House::Vertex).as_deref(), Some(whole));
        assert_eq!(put(whole, House::Vertex), None);
    }
}
