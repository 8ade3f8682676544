//! What a client of OpenAI's Responses may refer to and only a provider of that dialect keeps: earlier
//! answers, conversations, templates. A target of another dialect has none of them.

use crate::ir::{Block, Content, Request};
use crate::refusal::{Kind, Refusal};
use crate::wire::lens::Lens;

/// The members that refer to something kept, and what to do without it.
const KEPT: [(&str, &str); 4] = [
    ("previous_response_id", "send the whole conversation in `input`"),
    ("conversation", "send the whole conversation in `input`"),
    ("prompt", "send what the template says in `instructions` and `input`"),
    ("background", "ask in the foreground, as a stream if it takes long"),
];

/// Refuses a body that refers to what its target does not keep, and names the member.
///
/// # Errors
/// Such a body.
pub fn refuse(lens: &Lens<'_>) -> Result<(), Refusal> {
    let said = |key: &str| lens.raw(key).is_some_and(|value| value != "null" && value != "false");
    // A stream is told in the foreground, wherever it was asked for.
    let streamed = lens.bool("stream") == Some(true);
    let refers = |key: &str| said(key) && !(streamed && key == "background");
    KEPT.iter().find(|(key, _)| refers(key)).map_or(Ok(()), |(key, instead)| Err(refusal(key, instead)))
}

/// The same for a request whose items refer to others.
///
/// # Errors
/// Such a request.
pub fn refuse_references(request: &Request) -> Result<(), Refusal> {
    let mut blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let refers =
        |block: &Block| matches!(&block.content, Content::Opaque { name, .. } if name == "item_reference");
    if blocks.any(refers) {
        return Err(refusal("input", "send the items themselves and not references to them"));
    }
    Ok(())
}

fn refusal(key: &str, instead: &str) -> Refusal {
    let message = format!("'{key}' refers to what the provider of this model does not keep; {instead}");
    Refusal::new(Kind::InvalidRequest, message).with_param(key).with_code("unsupported_parameter")
}
