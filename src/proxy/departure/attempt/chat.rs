//! An attempt at a completion: the client's own bytes with edits, or said again in the target's dialect.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use memchr::memmem;

use super::{Attempt, Mode, malformed, unlike};
use crate::dialect::{Framing, Head, Restore, codec};
use crate::ir::addressed::{self, Medium};
use crate::ir::{Dialect, Losses, Request, ToolChoice};
use crate::proxy::departure::envelope::Envelope;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::{bridge, kept};
use crate::proxy::exchange::Ask;
use crate::proxy::keeping::recall::Form;
use crate::refusal::{Kind, Refusal};
use crate::route::{Plan, WORDS, plan};
use crate::wire::lens::Lens;

pub(super) fn chat(
    ask: &mut Ask,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
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
    let planned = if is_steered(ask, lens) {
        Plan::Translate { from: ask.dialect, to: known.dialect }
    } else {
        plan(ask.dialect, known.dialect, lens, &known.model, &known.profile, &mut losses)
    };
    Ok(match planned {
        Plan::Verbatim { mut edits, strip_usage } => {
            let mut headers = ask.carried.clone();
            known.envelope.seal(lens, &known.account, &mut edits, &mut headers, &mut losses);
            let own = || instead.unwrap_or(&ask.body).clone();
            let body = if edits.is_empty() { own() } else { lens.apply(&edits).into() };
            let path = verbatim_path(ask, path);
            let mode = Mode::Verbatim { strip_usage };
            Attempt { headers, losses, recalled, ..Attempt::posted(known, key, path, body, mode) }
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
                return Ok(Attempt { losses, recalled, ..Attempt::posted(known, key, path, body, mode) });
            }
            let rendered = codec(to).render_request(&request, &known.model, &known.profile, &mut losses);
            ask.tier.clone_from(&request.service_tier);
            let whole = ask.stream && must_not_stream(&known, &request);
            let path = if whole { known.paths.generate.clone() } else { path };
            ask.parsed = Some(request);
            let as_usual = ask.framing == Framing::of(from);
            let alike = from == to && !known.profile.retold;
            let mode = if alike && rendered.restore.is_empty() && as_usual {
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
                known.envelope.seal(&lens, &known.account, &mut edits, &mut headers, &mut losses);
                body = lens.apply(&edits);
            }
            let body = body.into();
            Attempt { headers, losses, recalled, ..Attempt::posted(known, key, path, body, mode) }
        }
    })
}

/// Whether an operator's word on how hard to think may change a request whose dialect says that in ways that
/// depend on the model. May say yes too often: a request that is said again says the same.
fn is_steered(ask: &Ask, body: &Lens<'_>) -> bool {
    const SIGNS: [&[u8]; 3] = [b"hink", b"effort", b"reasoning"];
    let is_said = || SIGNS.iter().any(|sign| memmem::find(body.source(), sign).is_some());
    ask.steer.touches_thought(is_said)
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

pub(in crate::proxy::departure) fn parse(
    ask: &Ask,
    instead: Option<&Bytes>,
    from: Dialect,
) -> Result<Request, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in &ask.carried {
        if let Ok(value) = value.parse() {
            headers.insert(*name, value);
        }
    }
    let head = Head { path: &ask.path, query: &ask.query, headers: &headers };
    let mut request = codec(from).parse_request(&head, instead.unwrap_or(&ask.body)).map_err(unlike)?;
    ask.steer.apply(&mut request);
    Ok(request)
}
