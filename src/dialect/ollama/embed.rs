//! Vectors: `/api/embed` for any inputs, and the older `/api/embeddings` for one prompt.

use crate::dialect::openai_embeddings::{numbers, write_numbers};
use crate::dialect::place::Place;
use crate::dialect::{Malformed, unknown};
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest, Encoding};
use crate::ir::{Dialect, Losses, Usage};
use crate::wire::json::{self, Json};

const OWN: Dialect = Dialect::OllamaChat;

/// Which of the two forms is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Any inputs.
    Embed,
    /// One prompt.
    Embeddings,
}

/// Reads a client's request.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_request(form: Form, body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let root = json::parse(body)?;
    let mut request = EmbedRequest { single: form == Form::Embeddings, ..EmbedRequest::default() };
    for (key, value) in Place::Body.object(&root)?.entries() {
        let at = Place::Body.member(key);
        match (&**key, form) {
            _ if value.is_null() => {}
            ("model", _) => request.model = at.owned(value)?,
            ("prompt", Form::Embeddings) => request.inputs.push(EmbedInput::Text(at.owned(value)?)),
            ("input", Form::Embed) => match value.as_str() {
                Some(text) => {
                    request.single = true;
                    request.inputs.push(EmbedInput::Text(text.to_owned()));
                }
                None => {
                    for (index, text) in at.list(value)?.iter().enumerate() {
                        request.inputs.push(EmbedInput::Text(at.element(index).owned(text)?));
                    }
                }
            },
            ("dimensions", Form::Embed) => request.dimensions = Some(at.count(value)?),
            _ => request.extras.push(OWN, key, value.raw()),
        }
    }
    if request.model.is_empty() {
        return Err(Place::Body.member("model").missing());
    }
    if request.inputs.is_empty() {
        let place = if form == Form::Embed { "input" } else { "prompt" };
        return Err(Place::Body.member(place).missing());
    }
    Ok(request)
}

/// Says a request to a target that knows itself as `model`, in the newer form.
#[must_use]
pub fn render_request(request: &EmbedRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |body| {
        body.string("model", model);
        body.array("input", |list| {
            for input in &request.inputs {
                // Numbers were refused before (`vectors`).
                if let EmbedInput::Text(text) = input {
                    list.string(text);
                }
            }
        });
        body.opt_number("dimensions", request.dimensions);
        unknown::restore(OWN, &request.extras, body);
    });
    unknown::note_lost(OWN, &request.extras, losses);
    for (field, asked) in [
        ("task", request.task.is_some()),
        ("title", request.title.is_some()),
        ("user", request.user.is_some()),
    ] {
        if asked {
            losses.dropped(field, "the target cannot be told");
        }
    }
    out
}

/// Reads a provider's answer in either form.
///
/// # Errors
/// When the body holds no vectors.
pub fn parse_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let root = json::parse(body)?;
    let lists: Vec<&Json<'_>> = match (root.field("embeddings"), root.field("embedding")) {
        (Some(many), _) => many.elements().iter().collect(),
        (None, Some(one)) => vec![one],
        (None, None) => return Err(Malformed::new("embeddings", "expected a list of vectors")),
    };
    let vectors: Option<Vec<_>> = lists.into_iter().map(numbers).collect();
    let vectors = vectors.ok_or_else(|| Malformed::new("embeddings", "expected numbers"))?;
    let input = root.get("prompt_eval_count").and_then(Json::as_u64);
    Ok(EmbedReply {
        model: root.get("model").and_then(Json::as_str).map(str::to_owned),
        vectors,
        usage: input.map(|input| Usage { input, ..Usage::default() }),
        ..EmbedReply::default()
    })
}

/// Says the vectors to a client.
#[must_use]
pub fn render_reply(form: Form, reply: &EmbedReply, model: &str) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(64 + reply.vectors.iter().map(|vector| vector.len() * 12).sum::<usize>());
    json::object(&mut out, |answer| match form {
        Form::Embeddings => answer.embed("embedding", |out| {
            let first = reply.vectors.first().map(Vec::as_slice).unwrap_or_default();
            write_numbers(out, first, Encoding::Float);
        }),
        Form::Embed => {
            answer.string("model", reply.model.as_deref().unwrap_or(model));
            answer.array("embeddings", |vectors| {
                for vector in &reply.vectors {
                    vectors.embed(|out| write_numbers(out, vector, Encoding::Float));
                }
            });
            // Nobody knows how long it took, but clients divide by it.
            answer.number("total_duration", 1_u8);
            answer.number("load_duration", 0_u8);
            answer.opt_number("prompt_eval_count", reply.usage.map(|usage| usage.total_input()));
        }
    });
    out
}
