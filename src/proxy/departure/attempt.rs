//! One attempt at one target: the body, path and headers it is asked with.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use crate::dialect::gemini_generate::embed as gemini_embed;
use crate::dialect::{Framing, Head, Restore, codec, openai_embeddings};
use crate::ir::embed::Encoding;
use crate::ir::{Dialect, Losses};
use crate::provider::Embeddings;
use crate::proxy::arrival::asked::{Asked, EmbedForm};
use crate::proxy::departure::targets::Known;
use crate::proxy::exchange::Ask;
use crate::refusal::{Kind, Refusal};
use crate::route::{Plan, plan};
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    /// The target.
    pub known: Arc<Known>,
    /// Which of the provider's keys it uses.
    pub key: usize,
    /// The path and query.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// Headers that belong to the dialect.
    pub headers: Vec<(&'static str, String)>,
    /// What must happen to the answer.
    pub mode: Mode,
    /// What could not be said.
    pub losses: Losses,
}

/// What must happen to an answer.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Nothing, but for a usage event that the client did not ask for.
    Verbatim {
        /// Whether such an event must be taken out.
        strip_usage: bool,
    },
    /// The same, though the request was said again: the target speaks the client's dialect and
    /// nothing of the request has to be undone.
    Rewritten {
        /// Whether such an event must be taken out.
        strip_usage: bool,
    },
    /// It is parsed and said again.
    Translate(Restore),
    /// Vectors, said as the client's form wants them.
    Vectors(EmbedForm, Embeddings, Encoding),
    /// The number of tokens, in the dialect that client and target share.
    Count,
}

impl Attempt {
    /// Whether the answer goes through byte for byte.
    #[must_use]
    pub const fn is_verbatim(&self) -> bool {
        matches!(self.mode, Mode::Verbatim { .. } | Mode::Count)
    }

    /// The dialect in which the target answers.
    #[must_use]
    pub fn upstream(&self) -> Dialect {
        match self.mode {
            Mode::Vectors(_, Embeddings::Gemini, _) => Dialect::GeminiGenerate,
            Mode::Vectors(_, Embeddings::Openai, _) => Dialect::OpenaiChat,
            Mode::Verbatim { .. } | Mode::Rewritten { .. } | Mode::Translate(_) | Mode::Count => {
                self.known.dialect
            }
        }
    }
}

/// Prepares an attempt; `lens` looks at the client's body.
///
/// # Errors
/// When the client's body is not what its dialect prescribes, when the target has no such
/// operation, or when something would be lost and the request is strict.
pub fn prepare(
    ask: &mut Ask,
    asked: &Asked,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let attempt = match asked {
        Asked::Embed(form) => vectors(ask, form, lens, known, key)?,
        Asked::Count { .. } => count(ask, lens, known, key)?,
        Asked::Chat { .. } | Asked::Models(_) | Asked::Model(..) | Asked::Health => {
            chat(ask, lens, known, key)?
        }
    };
    match attempt.losses.first() {
        Some(loss) if ask.strict => {
            let message =
                format!("{} cannot be carried to {}: {}", loss.field, attempt.known.provider, loss.why);
            let param = loss.field.clone().into_owned();
            Err(Refusal::new(Kind::InvalidRequest, message)
                .with_param(param)
                .with_code("unsupported_parameter"))
        }
        _ => Ok(attempt),
    }
}

fn chat(ask: &mut Ask, lens: &Lens<'_>, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    if ask.dialect == Dialect::AnthropicMessages && !known.threads {
        refuse_thread(lens)?;
    }
    let mut losses = Losses::new();
    let path = if ask.stream { known.paths.stream.clone() } else { known.paths.generate.clone() };
    let planned = plan(ask.dialect, known.dialect, lens, &known.model, &known.profile, &mut losses);
    Ok(match planned {
        Plan::Verbatim { edits, strip_usage } => {
            let body = if edits.is_empty() { ask.body.clone() } else { lens.apply(&edits).into() };
            let path = verbatim_path(ask, path);
            let headers = ask.carried.clone();
            Attempt { known, key, path, body, headers, mode: Mode::Verbatim { strip_usage }, losses }
        }
        Plan::Translate { from, to } => {
            let request = match ask.parsed.take() {
                Some(parsed) => parsed,
                None => Box::new(parse(ask, from)?),
            };
            let rendered = codec(to).render_request(&request, &known.model, &known.profile, &mut losses);
            ask.tier.clone_from(&request.service_tier);
            ask.parsed = Some(request);
            let mode = if from == to && rendered.restore.is_empty() && ask.framing == Framing::Sse {
                let asked = to == Dialect::OpenaiChat && known.profile.include_usage;
                Mode::Rewritten { strip_usage: ask.stream && asked && !ask.stream_usage }
            } else {
                Mode::Translate(rendered.restore)
            };
            Attempt { known, key, path, body: rendered.body.into(), headers: rendered.headers, mode, losses }
        }
    })
}

/// Anthropic's SDK lets the server keep a conversation and sends only what is new. Nobody else keeps
/// it; this code makes the SDK send everything from here on.
fn refuse_thread(lens: &Lens<'_>) -> Result<(), Refusal> {
    if lens.raw("thread").is_none_or(|thread| thread == "null") {
        return Ok(());
    }
    let message = "this model keeps no conversations; send the whole one, without a thread";
    Err(Refusal::new(Kind::InvalidRequest, message)
        .with_param("thread")
        .with_code("thread_unsupported_request"))
}

/// A Gemini client chooses its framing in the query; nothing else of a query is the target's.
fn verbatim_path(ask: &Ask, path: String) -> String {
    if ask.dialect == Dialect::GeminiGenerate
        && ask.stream
        && !ask.query.split('&').any(|pair| pair == "alt=sse")
    {
        return path.trim_end_matches("?alt=sse").to_owned();
    }
    path
}

fn parse(ask: &Ask, from: Dialect) -> Result<crate::ir::Request, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in &ask.carried {
        if let Ok(value) = value.parse() {
            headers.insert(*name, value);
        }
    }
    let head = Head { path: &ask.path, query: &ask.query, headers: &headers };
    codec(from).parse_request(&head, &ask.body).map_err(|wrong| {
        let refusal = Refusal::new(Kind::InvalidRequest, wrong.message);
        if wrong.param.is_empty() { refusal } else { refusal.with_param(wrong.param) }
    })
}

fn vectors(
    ask: &Ask,
    form: &EmbedForm,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let Some((spoken, path)) = known.paths.embed.clone() else {
        let message = format!("{} serves no embeddings", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut losses = Losses::new();
    let wrong = |wrong: crate::dialect::Malformed| {
        Refusal::new(Kind::InvalidRequest, wrong.message).with_param(wrong.param)
    };
    let (body, path, mode) = match (form, spoken) {
        (EmbedForm::Openai, Embeddings::Openai) => {
            let same = lens.string("model").as_deref() == Some(&known.model);
            let edit = Edit::Set { key: "model".into(), value: json::string(&known.model) };
            let body = if same { ask.body.clone() } else { lens.apply(&[edit]).into() };
            (body, path, Mode::Verbatim { strip_usage: false })
        }
        (EmbedForm::GeminiOne(_) | EmbedForm::GeminiBatch(_), Embeddings::Gemini) => {
            let path = match form {
                EmbedForm::GeminiOne(_) => path.replace(":batchEmbedContents", ":embedContent"),
                EmbedForm::Openai | EmbedForm::GeminiBatch(_) => path,
            };
            (ask.body.clone(), path, Mode::Verbatim { strip_usage: false })
        }
        (form, spoken) => {
            let headers = HeaderMap::new();
            let head = Head { path: &ask.path, query: &ask.query, headers: &headers };
            let request = match form {
                EmbedForm::Openai => openai_embeddings::parse_request(&ask.body).map_err(wrong)?,
                EmbedForm::GeminiOne(_) => gemini_embed::parse_request(&head, &ask.body).map_err(wrong)?,
                EmbedForm::GeminiBatch(_) => {
                    gemini_embed::parse_batch_request(&head, &ask.body).map_err(wrong)?
                }
            };
            let body = match spoken {
                Embeddings::Openai => openai_embeddings::render_request(&request, &known.model, &mut losses),
                Embeddings::Gemini => {
                    gemini_embed::fits_batch(&request).map_err(wrong)?;
                    gemini_embed::render_batch_request(&request, &known.model, &mut losses)
                }
            };
            (body.into(), path, Mode::Vectors(form.clone(), spoken, request.encoding))
        }
    };
    Ok(Attempt { known, key, path, body, headers: Vec::new(), mode, losses })
}

fn count(ask: &Ask, lens: &Lens<'_>, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let Some(path) = known.paths.count.clone() else {
        return Err(Refusal::new(Kind::Internal, "this target counts no tokens"));
    };
    let edits = match ask.dialect {
        Dialect::AnthropicMessages => {
            vec![Edit::Set { key: "model".into(), value: json::string(&known.model) }]
        }
        Dialect::OpenaiChat | Dialect::GeminiGenerate => Vec::new(),
    };
    let body = if edits.is_empty() { ask.body.clone() } else { lens.apply(&edits).into() };
    let headers = ask.carried.clone();
    Ok(Attempt { known, key, path, body, headers, mode: Mode::Count, losses: Losses::new() })
}

/// The refusal of a body that is not JSON.
#[must_use]
pub fn malformed(error: json::Error) -> Refusal {
    let refusal = Refusal::new(Kind::InvalidRequest, format!("the body is not valid JSON: {error}"));
    if error.path.is_empty() { refusal } else { refusal.with_param(error.path) }
}
