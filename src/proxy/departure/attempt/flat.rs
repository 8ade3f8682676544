//! An attempt at a flat operation: vectors, orders, counts, and what is the same everywhere.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::{Attempt, Mode, unlike};
use crate::dialect::{Head, Ranks, Relayed, Vectors, gemini_generate, ollama};
use crate::ir::{Dialect, Losses};
use crate::provider::Operation;
use crate::proxy::departure::targets::Known;
use crate::proxy::exchange::Ask;
use crate::proxy::relay::Find;
use crate::refusal::{Kind, Refusal};
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};
use crate::wire::multipart::Reader;

/// Prepares an attempt with a form, of which only a part may have been read.
///
/// # Errors
/// When the target has no such operation.
pub fn form(ask: &Ask, relayed: Relayed, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let part = ask.form.as_ref().and_then(|form| form.field("model"));
    let named = part.and_then(|part| std::str::from_utf8(ask.body.get(part.value.clone())?).ok());
    let body = match (&ask.form, part) {
        _ if named.unwrap_or(&ask.model).trim() == &*known.model => ask.body.clone(),
        (_, Some(part)) => Reader::replaced(&ask.body, part, &known.model).into(),
        (Some(form), None) => form.with_field(&ask.body, "model", &known.model).into(),
        (None, None) => ask.body.clone(),
    };
    let length = body.len() + ask.rest;
    let mut attempt = relayed_as(ask, relayed, body, known, key)?;
    attempt.headers.push(("content-length", length.to_string()));
    Ok(attempt)
}

/// What is relayed is the same everywhere but for the model's name.
pub(super) fn relay(
    ask: &Ask,
    relayed: Relayed,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let body = with_model(ask, lens, &known.model);
    relayed_as(ask, relayed, body, known, key)
}

fn relayed_as(
    ask: &Ask,
    relayed: Relayed,
    body: Bytes,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let Some(path) = known.path(Operation::Relayed(relayed)) else {
        let message = format!("{} has nothing of the kind", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut headers = ask.carried.clone();
    headers.push(("accept", "*/*".to_owned()));
    let mode = Mode::Relay(Find::Relayed(relayed));
    Ok(Attempt { headers, ..Attempt::posted(known, key, path, body, mode) })
}

pub(super) fn vectors(
    ask: &Ask,
    form: Vectors,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let Some((spoken, path)) = known.paths.embed.clone() else {
        let message = format!("{} serves no embeddings", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut losses = Losses::new();
    let items = ask.items.as_ref().filter(|items| items.is_partial_for(&known));
    let (body, path, mode) = match (form, spoken) {
        (form, spoken) if let Some(items) = items => {
            let request = items.missing();
            let body = spoken.render_request(&request, &known.model, &mut losses).map_err(unlike)?;
            (known.with_account(body), path, Mode::Vectors(spoken, form, Arc::clone(&items.asked)))
        }
        (Vectors::Openai, Vectors::Openai) => {
            (with_model(ask, lens, &known.model), path, Mode::Verbatim { strip_usage: false })
        }
        (Vectors::CohereV2, Vectors::CohereV2) => {
            (with_model(ask, lens, &known.model), path, Mode::Relay(Find::Vectors(form)))
        }
        (Vectors::GeminiOne, Vectors::GeminiBatch) => {
            let path = path.replace(":batchEmbedContents", ":embedContent");
            (ask.body.clone(), path, Mode::Verbatim { strip_usage: false })
        }
        (Vectors::GeminiBatch, Vectors::GeminiBatch) => {
            (ask.body.clone(), path, Mode::Verbatim { strip_usage: false })
        }
        (Vectors::Ollama(form), Vectors::Ollama(_)) => {
            let path = match form {
                ollama::embed::Form::Embed => path,
                ollama::embed::Form::Embeddings => format!("{path}dings"),
            };
            (with_model(ask, lens, &known.model), path, Mode::Verbatim { strip_usage: false })
        }
        (form, spoken) => {
            let headers = HeaderMap::new();
            let head = Head { path: &ask.path, query: &ask.query, headers: &headers };
            let request = form.parse_request(&head, &ask.body).map_err(unlike)?;
            let body = spoken.render_request(&request, &known.model, &mut losses).map_err(unlike)?;
            (known.with_account(body), path, Mode::Vectors(spoken, form, Arc::new(request)))
        }
    };
    Ok(Attempt { losses, ..Attempt::posted(known, key, path, body, mode) })
}

pub(super) fn ranks(
    ask: &Ask,
    form: Option<Ranks>,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let Some((spoken, path)) = known.paths.rank.clone() else {
        let message = format!("{} puts no documents in order", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let form = form.unwrap_or_else(|| Ranks::of_body(&ask.body));
    let mut losses = Losses::new();
    let (body, mode) = if form == spoken {
        (with_model(ask, lens, &known.model), Mode::Relay(Find::Ranks(form)))
    } else {
        let request = form.parse_request(&ask.body).map_err(unlike)?;
        let body = spoken.render_request(&request, &known.model, &mut losses);
        (known.with_account(body), Mode::Ranks(spoken, form, Arc::new(request)))
    };
    Ok(Attempt { losses, ..Attempt::posted(known, key, path, body, mode) })
}

pub(super) fn count(ask: &Ask, lens: &Lens<'_>, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let Some(path) = known.paths.count.clone() else {
        return Err(Refusal::new(Kind::Internal, "this target counts no tokens"));
    };
    let mut edits = match ask.dialect {
        Dialect::AnthropicMessages | Dialect::OpenaiResponses => {
            vec![Edit::Set { key: "model".into(), value: json::string(&known.model) }]
        }
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::GeminiGenerate
        | Dialect::BedrockConverse
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => Vec::new(),
    };
    let whole = ask.recall.as_ref().and(Lens::new(&ask.body).ok());
    let lens = whole.as_ref().unwrap_or(lens);
    let (mut headers, mut losses) = (ask.carried.clone(), Losses::new());
    known.envelope.seal_count(lens, &mut edits, &mut headers, &mut losses);
    let body = match ask.dialect {
        Dialect::GeminiGenerate => gemini_generate::count::for_house(lens, known.count_house(), &known.model),
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiResponses
        | Dialect::BedrockConverse
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat
        | Dialect::AnthropicMessages => (!edits.is_empty()).then(|| lens.apply(&edits)),
    };
    let body = body.map_or_else(|| ask.body.clone(), Bytes::from);
    Ok(Attempt { headers, losses, ..Attempt::posted(known, key, path, body, Mode::Count) })
}

/// The client's body with the target's name of the model; one that names none means the same there.
fn with_model(ask: &Ask, lens: &Lens<'_>, model: &str) -> Bytes {
    let named = lens.string("model");
    if named.as_deref().unwrap_or(&ask.model) == model {
        return ask.body.clone();
    }
    lens.apply(&[Edit::Set { key: "model".into(), value: json::string(model) }]).into()
}
