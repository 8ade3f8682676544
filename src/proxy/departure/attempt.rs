//! One attempt at one target: the body, path and headers it is asked with.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::dialect::live::{Opening, opening};
use crate::dialect::{
    Framing, Head, Live, Malformed, Ranks, Relayed, Restore, Vectors, codec, gemini_generate, ollama,
};
use crate::ir::addressed::{self, Medium};
use crate::ir::embed::EmbedRequest;
use crate::ir::rerank::RerankRequest;
use crate::ir::{Dialect, Losses, Request, ToolChoice};
use crate::provider::Operation;
use crate::provider::url::{self, Protocol, Wanted};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::bridge;
use crate::proxy::departure::envelope::Envelope;
use crate::proxy::departure::kept;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::tunnel::Tunnel;
use crate::proxy::exchange::Ask;
use crate::proxy::keeping::recall::Form;
use crate::proxy::relay::Find;
use crate::refusal::{Kind, Refusal};
use crate::route::{Plan, WORDS, plan};
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};
use crate::wire::multipart::Reader;

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    /// The target.
    pub known: Arc<Known>,
    /// Which of the provider's keys it uses.
    pub key: usize,
    /// The method.
    pub method: Method,
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
    /// Whether what was said before was put before it.
    pub recalled: bool,
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
    /// Vectors: from the target's form to the client's, who asked this.
    Vectors(Vectors, Vectors, Arc<EmbedRequest>),
    /// An order of documents likewise.
    Ranks(Ranks, Ranks, Arc<RerankRequest>),
    /// Nothing; only its usage is understood.
    Relay(Find),
    /// The number of tokens, in the dialect that client and target share.
    Count,
    /// Nothing; it is not even known what was asked.
    Through(Find),
}

impl Attempt {
    /// Whether the answer goes through byte for byte.
    #[must_use]
    pub const fn is_verbatim(&self) -> bool {
        matches!(self.mode, Mode::Verbatim { .. } | Mode::Count | Mode::Relay(_) | Mode::Through(_))
    }

    /// The dialect in which the target answers.
    #[must_use]
    pub fn upstream(&self) -> Dialect {
        match self.mode {
            Mode::Vectors(spoken, ..) => spoken.dialect(),
            Mode::Verbatim { .. }
            | Mode::Rewritten { .. }
            | Mode::Translate(_)
            | Mode::Ranks(..)
            | Mode::Relay(_)
            | Mode::Through(_)
            | Mode::Count => self.known.dialect,
        }
    }
}

/// Whether a target has what is asked for. A completion can be had from each, in whatever dialect.
#[must_use]
pub fn serves(asked: &Asked, known: &Known) -> bool {
    match asked {
        Asked::Embed { .. } => known.paths.embed.is_some(),
        Asked::Rerank(_) => known.paths.rank.is_some(),
        Asked::Relay(relayed) => known.path(Operation::Relayed(*relayed)).is_some(),
        Asked::Live(Live::Openai) | Asked::Opening(_) => {
            let wanted = Wanted { protocol: &Protocol::Current, place: "realtime", model: "", rest: "" };
            known.realtime(wanted).is_some()
        }
        Asked::Live(Live::Gemini) => known.dialect == Dialect::GeminiGenerate,
        Asked::Chat { .. }
        | Asked::Count { .. }
        | Asked::Models(_)
        | Asked::Model(..)
        | Asked::Shelved(_)
        | Asked::Through(_)
        | Asked::Machine(_)
        | Asked::Health => true,
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
        Asked::Embed { form, .. } => vectors(ask, *form, lens, known, key)?,
        Asked::Rerank(form) => ranks(ask, *form, lens, known, key)?,
        Asked::Relay(relayed) => relay(ask, *relayed, lens, known, key)?,
        Asked::Count { .. } => count(ask, lens, known, key)?,
        Asked::Chat { .. }
        | Asked::Models(_)
        | Asked::Model(..)
        | Asked::Shelved(_)
        | Asked::Through(_)
        | Asked::Machine(_)
        | Asked::Live(_)
        | Asked::Opening(_)
        | Asked::Health => chat(ask, lens, known, key)?,
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
    let known = bridge::choose(ask, lens, known)?;
    let form = match &ask.recall {
        None => Form::Own,
        Some(recall) => recall.form(&known)?,
    };
    match form {
        Form::Own => completion(ask, None, lens, known, key),
        Form::Whole(body) => {
            // What another attempt may have parsed was another body.
            ask.parsed = None;
            let lens = Lens::watching(&body, &WORDS).map_err(malformed)?;
            completion(ask, Some(&body), &lens, known, key)
        }
    }
}

/// A completion of the client's own body, or of another that takes its place.
fn completion(
    ask: &mut Ask,
    instead: Option<&Bytes>,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let recalled = instead.is_some();
    if ask.dialect == Dialect::OpenaiResponses && known.dialect != ask.dialect {
        kept::refuse(lens)?;
    }
    let mut losses = Losses::new();
    let path = if ask.stream { known.paths.stream.clone() } else { known.paths.generate.clone() };
    let planned = plan(ask.dialect, known.dialect, lens, &known.model, &known.profile, &mut losses);
    Ok(match planned {
        Plan::Verbatim { mut edits, strip_usage } => {
            let mut headers = ask.carried.clone();
            known.envelope.seal(lens, &mut edits, &mut headers, &mut losses);
            let own = || instead.unwrap_or(&ask.body).clone();
            let body = if edits.is_empty() { own() } else { lens.apply(&edits).into() };
            let path = verbatim_path(ask, path);
            Attempt {
                known,
                key,
                method: Method::POST,
                path,
                body,
                headers,
                mode: Mode::Verbatim { strip_usage },
                losses,
                recalled,
            }
        }
        Plan::Translate { from, to } => {
            let mut request = match ask.parsed.take() {
                Some(parsed) => parsed,
                None => Box::new(parse(ask, instead, from)?),
            };
            if from == Dialect::OpenaiResponses && to != from {
                kept::refuse_references(&request)?;
            }
            if ask.fetches {
                addressed::fill(&mut request, &ask.fetched);
                ask.wants = addressed::addresses(&request, |medium| match medium {
                    Medium::Image => !known.profile.image_urls,
                    Medium::Document => known.profile.documents && !known.profile.document_urls,
                });
            }
            if !ask.wants.is_empty() {
                // It is prepared once more when they are there.
                ask.parsed = Some(request);
                let (mode, body) = (Mode::Translate(Restore::NONE), Bytes::new());
                let (headers, method) = (Vec::new(), Method::POST);
                return Ok(Attempt { known, key, method, path, body, headers, mode, losses, recalled });
            }
            let rendered = codec(to).render_request(&request, &known.model, &known.profile, &mut losses);
            ask.tier.clone_from(&request.service_tier);
            let whole = ask.stream && must_not_stream(&known, &request);
            let path = if whole { known.paths.generate.clone() } else { path };
            ask.parsed = Some(request);
            let as_usual = ask.framing == Framing::of(from);
            let mode = if from == to && rendered.restore.is_empty() && as_usual {
                let asked = matches!(to, Dialect::OpenaiChat | Dialect::OpenaiCompletions)
                    && known.profile.include_usage;
                Mode::Rewritten { strip_usage: ask.stream && asked && !ask.stream_usage }
            } else {
                Mode::Translate(rendered.restore)
            };
            let (mut body, mut headers) = (rendered.body, rendered.headers);
            if known.envelope != Envelope::None {
                let lens = Lens::new(&body).map_err(malformed)?;
                let mut edits = Vec::new();
                known.envelope.seal(&lens, &mut edits, &mut headers, &mut losses);
                body = lens.apply(&edits);
            }
            let body = body.into();
            Attempt { known, key, method: Method::POST, path, body, headers, mode, losses, recalled }
        }
    })
}

/// Whether a target must be asked for a whole answer, since it calls no tools in streams.
fn must_not_stream(known: &Known, request: &Request) -> bool {
    let calls = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
    known.dialect == Dialect::BedrockConverse && !known.profile.converse.stream_tools && calls
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

pub(super) fn parse(ask: &Ask, instead: Option<&Bytes>, from: Dialect) -> Result<Request, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in &ask.carried {
        if let Ok(value) = value.parse() {
            headers.insert(*name, value);
        }
    }
    let head = Head { path: &ask.path, query: &ask.query, headers: &headers };
    codec(from).parse_request(&head, instead.unwrap_or(&ask.body)).map_err(unlike)
}

/// The refusal of a body that is not what its form prescribes.
fn unlike(wrong: Malformed) -> Refusal {
    let refusal = Refusal::new(Kind::InvalidRequest, wrong.message);
    if wrong.param.is_empty() { refusal } else { refusal.with_param(wrong.param) }
}

/// The client's body with the target's name of the model; one that names none means the same there.
fn with_model(ask: &Ask, lens: &Lens<'_>, model: &str) -> Bytes {
    let named = lens.string("model");
    if named.as_deref().unwrap_or(&ask.model) == model {
        return ask.body.clone();
    }
    lens.apply(&[Edit::Set { key: "model".into(), value: json::string(model) }]).into()
}

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
fn relay(
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
    Ok(Attempt {
        method: Method::POST,
        path,
        body,
        headers,
        mode: Mode::Relay(Find::Relayed(relayed)),
        losses: Losses::new(),
        recalled: false,
        known,
        key,
    })
}

fn vectors(
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
    let (body, path, mode) = match (form, spoken) {
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
            (body.into(), path, Mode::Vectors(spoken, form, Arc::new(request)))
        }
    };
    let (method, headers) = (Method::POST, Vec::new());
    Ok(Attempt { known, key, method, path, body, headers, mode, losses, recalled: false })
}

fn ranks(
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
        (body.into(), Mode::Ranks(spoken, form, Arc::new(request)))
    };
    let (method, headers) = (Method::POST, Vec::new());
    Ok(Attempt { known, key, method, path, body, headers, mode, losses, recalled: false })
}

fn count(ask: &Ask, lens: &Lens<'_>, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
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
    Ok(Attempt {
        known,
        key,
        method: Method::POST,
        path,
        body,
        headers,
        mode: Mode::Count,
        losses,
        recalled: false,
    })
}

/// Prepares an attempt to open a session.
///
/// # Errors
/// When the target has none.
pub fn live(ask: &Ask, tunnel: &Tunnel, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let path = match tunnel.live {
        Some(Live::Gemini) => Some(url::live::gemini(&known.base, &ask.path, &ask.query)),
        Some(Live::Openai) | None => {
            let (protocol, place) = (&tunnel.protocol, ask.path.as_str());
            known.realtime(Wanted { protocol, place, model: &known.model, rest: &ask.query })
        }
    };
    let Some(path) = path else {
        let message = format!("{} has no realtime sessions", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut headers = ask.carried.clone();
    // Azure's clients say it by the address.
    if tunnel.protocol != Protocol::Current && !headers.iter().any(|(name, _)| *name == "openai-beta") {
        headers.push(("openai-beta", "realtime=v1".to_owned()));
    }
    Ok(Attempt {
        method: Method::GET,
        path,
        body: Bytes::new(),
        headers,
        mode: Mode::Relay(Find::Any),
        losses: Losses::new(),
        recalled: false,
        known,
        key,
    })
}

/// Prepares an attempt to have a session opened elsewhere.
///
/// # Errors
/// When the target has no sessions, or the model cannot be named in the client's words.
pub fn opening(ask: &Ask, opening: Opening, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let body = described(ask, &known)?;
    let in_query = ask.form.is_none() && matches!(opening, Opening::Call(_));
    let model = if in_query { &*known.model } else { "" };
    let wanted = Wanted { protocol: &Protocol::Current, place: opening.place(), model, rest: &ask.query };
    let Some(path) = known.realtime(wanted) else {
        let message = format!("{} has no realtime sessions", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut headers = ask.carried.clone();
    headers.push(("accept", "*/*".to_owned()));
    Ok(Attempt {
        method: Method::POST,
        path,
        body,
        headers,
        mode: Mode::Relay(Find::Any),
        losses: Losses::new(),
        recalled: false,
        known,
        key,
    })
}

/// What describes a session, with the target's name of the model where it names one.
fn described(ask: &Ask, known: &Known) -> Result<Bytes, Refusal> {
    if ask.model == *known.model || ask.model.is_empty() {
        return Ok(ask.body.clone());
    }
    let part = ask.form.as_ref().and_then(|form| form.field(opening::SESSION));
    let place = part.map_or(0..ask.body.len(), |part| part.value.clone());
    let description = ask.body.get(place).unwrap_or_default();
    let Ok(Some((_, path))) = opening::model(description) else { return Ok(ask.body.clone()) };
    let said = opening::renamed(description, path, &known.model).map_err(malformed)?;
    Ok(match part {
        Some(part) => Reader::replaced(&ask.body, part, &String::from_utf8_lossy(&said)).into(),
        None => said.into(),
    })
}

/// The refusal of a body that is not JSON.
#[must_use]
pub fn malformed(error: json::Error) -> Refusal {
    let refusal = Refusal::new(Kind::InvalidRequest, format!("the body is not valid JSON: {error}"));
    if error.path.is_empty() { refusal } else { refusal.with_param(error.path) }
}
