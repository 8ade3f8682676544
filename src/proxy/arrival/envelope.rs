//! Claude as clients of clouds ask for it: the path names the model and whether to stream, the body
//! names the cloud's version, and at Bedrock also the betas. From here on it is Anthropic's own form.

use bytes::Bytes;

use crate::ir::Dialect;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt::malformed;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json};
use crate::wire::lens::{Edit, Lens};

/// A body in Anthropic's own form.
#[derive(Debug)]
pub struct Opened {
    /// The body.
    pub body: Bytes,
    /// The betas that the body named.
    pub betas: Vec<String>,
}

/// Opens the body of a request that came in a cloud's form; `None` for any other.
///
/// # Errors
/// When the body is no JSON object.
pub(super) fn open(asked: &Asked, path: &str, body: &Bytes) -> Result<Option<Opened>, Refusal> {
    let in_path = match asked {
        Asked::Chat { dialect: Dialect::AnthropicMessages, path: Some(path) } => Some(path),
        Asked::Count { dialect: Dialect::AnthropicMessages, .. } if path.ends_with("awPredict") => None,
        _ => return Ok(None),
    };
    let lens = Lens::new(body).map_err(malformed)?;
    if lens.raw("anthropic_version").is_none() && path.contains("/invoke") {
        let message = "a model is invoked in Anthropic's form alone, which has an anthropic_version; for any \
                       other use /converse or /converse-stream";
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("anthropic_version"));
    }
    let remove = |key: &'static str| Edit::Remove { key: key.into() };
    let set = |key: &'static str, value: String| Edit::Set { key: key.into(), value };
    let mut edits = vec![remove("anthropic_version"), remove("anthropic_beta")];
    if let Some(path) = in_path {
        edits.push(set("model", json::string(&path.model)));
        edits.push(if path.stream.is_some() { set("stream", "true".to_owned()) } else { remove("stream") });
    }
    let betas = lens.raw("anthropic_beta").and_then(|betas| json::parse(betas.as_bytes()).ok());
    let betas = betas.as_ref().map(Json::elements).unwrap_or_default();
    let betas = betas.iter().filter_map(|beta| beta.as_str().map(str::to_owned)).collect();
    Ok(Some(Opened { body: lens.apply(&edits).into(), betas }))
}

/// Lets the headers name the betas that the body named; Anthropic's SDK names them in both.
pub(super) fn carry(headers: &mut Vec<(&'static str, String)>, betas: Vec<String>) {
    let named = |headers: &[(&str, String)], beta: &str| {
        let mut values = headers.iter().filter(|(name, _)| *name == "anthropic-beta");
        values.any(|(_, value)| value.split(',').any(|known| known.trim() == beta))
    };
    for beta in betas {
        if !named(headers, &beta) {
            headers.push(("anthropic-beta", beta));
        }
    }
}
