//! `tollgate explain`: what would become of a request, without sending it.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use http::HeaderMap;
use pingora::http::RequestHeader;

use crate::cli::{complain, complain_of, say};
use crate::config::{self, Sources};
use crate::dialect::codec;
use crate::ir::Dialect;
use crate::proxy::arrival::ask::{self, Chosen};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::arrival::recognise;
use crate::proxy::departure::attempt::{self, Attempt, Mode, malformed};
use crate::proxy::departure::{own_headers, targets};
use crate::proxy::exchange::Ask;
use crate::proxy::rewriting;
use crate::refusal::{Kind, Refusal};
use crate::route::{Names, WORDS};
use crate::snapshot::Snapshot;
use crate::wire::json::{self, Json};
use crate::wire::lens::{Edit, Lens};

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// What the client speaks: `openai_chat`, `anthropic_messages` … (a part of the name is enough).
    #[arg(long, short, default_value = "openai_chat", value_parser = dialect, value_name = "DIALECT")]
    dialect: Dialect,
    /// The model to ask for, in place of the one in the body.
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Ask for a stream, whatever the body says.
    #[arg(long, short)]
    stream: bool,
    /// The path, where it is not the dialect's usual one: `/v1/embeddings`, `/v1/messages/count_tokens` …
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// A header of the client's, such as `anthropic-beta: …`; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Show every target in the order in which they are tried, not only the first.
    #[arg(long, short)]
    all: bool,
    /// Print one JSON object for each target instead of text.
    #[arg(long)]
    json: bool,
}

/// The dialect of that name, or the only one or the first of the vendor whose name it is a part of.
fn dialect(name: &str) -> Result<Dialect, String> {
    let found = Dialect::ALL.into_iter().find(|dialect| dialect.name().contains(&name.replace('-', "_")));
    found.filter(|_| !name.is_empty()).ok_or_else(|| {
        let names: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Reads a body from standard input and prints what would become of it.
pub(super) fn explain(file: Option<PathBuf>, explain: &Explain) -> ExitCode {
    let compiled = match config::load(&Sources::from_process(file), 1) {
        Ok(compiled) => compiled,
        Err(problems) => return complain_of(&problems),
    };
    if std::io::stdin().is_terminal() {
        complain("reading the request's body from standard input; end it with Ctrl-D");
    }
    let mut body = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut body) {
        complain(&format!("the body could not be read: {error}"));
        return ExitCode::FAILURE;
    }
    match explained(&compiled.snapshot, explain, body) {
        Ok(text) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            say(&refused(&refusal, explain.dialect));
            ExitCode::FAILURE
        }
    }
}

fn refused(refusal: &Refusal, client: Dialect) -> String {
    let body = codec(client).render_error(refusal);
    let body = json::parse(&body).map_or_else(|_| String::new(), |body| json::pretty(&body));
    format!("refused with status {}:\n{body}", refusal.status)
}

fn explained(world: &Snapshot, explain: &Explain, body: Vec<u8>) -> Result<String, Refusal> {
    let body = with_options(explain, body)?;
    let head = head(explain, &body)?;
    let asked = recognise::recognise(&head).map_err(|unknown| unknown.refusal)?;
    if !matches!(
        asked,
        Asked::Chat { .. } | Asked::Count { .. } | Asked::Embed { .. } | Asked::Relay(_) | Asked::Rerank(_)
    ) {
        return Err(Refusal::new(Kind::InvalidRequest, "nothing is sent to a provider for this path"));
    }
    let opened = ask::open(&head, &asked, body)?;
    let bytes = opened.body.clone();
    let lens = Lens::watching(&bytes, &WORDS).map_err(malformed)?;
    let mut read = ask::read(&head, &asked, &lens, opened)?;
    let Chosen { targets, place, .. } =
        ask::choose(world, &Names::default(), None, &head.headers, &asked, &mut read)?;
    rewriting::ask(world, None, &asked, &mut read)?;
    let rewritten = read.body.clone();
    let lens = Lens::watching(&rewritten, &WORDS).map_err(malformed)?;
    let (mut text, count) = (String::new(), targets.len());
    let all = targets.iter().enumerate();
    let others = all.clone().filter(|(index, _)| *index != place);
    for (index, target) in all.clone().skip(place).take(1).chain(others) {
        let Some(known) = targets::known(world, target, asked.dialect()) else { continue };
        if ask::is_counted_here(&asked, &known) {
            return Ok(format!("{} counts no tokens in this dialect: they are counted here", known.provider));
        }
        let attempt = attempt::prepare(&mut read, &asked, &lens, Arc::clone(&known), 0)?;
        let shown = Shown {
            client: asked.dialect(),
            operation: asked.operation(),
            world,
            ask: &read,
            sent: &bytes,
            stream: read.stream,
            number: index + 1,
            count,
            attempt: &attempt,
        };
        text.push_str(&if explain.json { shown.json() } else { shown.text() });
        text.push('\n');
        if !explain.all {
            break;
        }
    }
    Ok(text)
}

/// The body with what the command line says, where the body is its place.
fn with_options(explain: &Explain, body: Vec<u8>) -> Result<Bytes, Refusal> {
    let mut edits = Vec::new();
    if !in_path(explain.dialect) {
        let set = |key: &'static str, value| Edit::Set { key: key.into(), value };
        edits.extend(explain.model.as_ref().map(|model| set("model", json::string(model))));
        edits.extend(explain.stream.then(|| set("stream", "true".to_owned())));
    }
    if edits.is_empty() {
        return Ok(body.into());
    }
    Ok(Lens::new(&body).map_err(malformed)?.apply(&edits).into())
}

/// Whether the dialect's path names the model.
const fn in_path(dialect: Dialect) -> bool {
    match dialect {
        Dialect::GeminiGenerate | Dialect::BedrockConverse => true,
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::OpenaiCompletions
        | Dialect::AnthropicMessages
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => false,
    }
}

/// The head of the client's request.
fn head(explain: &Explain, body: &[u8]) -> Result<RequestHeader, Refusal> {
    let wrong = |what: &str| Refusal::new(Kind::InvalidRequest, what.to_owned());
    let path = match &explain.path {
        Some(path) => path.clone(),
        None => {
            usual_path(explain).ok_or_else(|| wrong("this dialect's path names the model: say --model"))?
        }
    };
    let mut head = RequestHeader::build("POST", path.as_bytes(), None)
        .map_err(|_| wrong("expected a path such as /v1/messages"))?;
    let mut insert = |name: &str, value: &str| head.insert_header(name.to_owned(), value).map_err(|_| ());
    for header in &explain.header {
        let (name, value) = header.split_once(':').unwrap_or((header, ""));
        insert(name.trim(), value.trim()).map_err(|()| wrong("expected a header such as \"name: value\""))?;
    }
    insert("content-length", &body.len().to_string()).map_err(|()| wrong("expected a shorter body"))?;
    Ok(head)
}

fn usual_path(explain: &Explain) -> Option<String> {
    Some(match explain.dialect {
        Dialect::OpenaiChat => "/v1/chat/completions".to_owned(),
        Dialect::OpenaiResponses => "/v1/responses".to_owned(),
        Dialect::OpenaiCompletions => "/v1/completions".to_owned(),
        Dialect::AnthropicMessages => "/v1/messages".to_owned(),
        Dialect::OllamaChat => "/api/chat".to_owned(),
        Dialect::OllamaGenerate => "/api/generate".to_owned(),
        Dialect::CohereChat => "/v2/chat".to_owned(),
        Dialect::GeminiGenerate => {
            let verb = if explain.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            format!("/v1beta/models/{}:{verb}", explain.model.as_ref()?)
        }
        Dialect::BedrockConverse => {
            let verb = if explain.stream { "converse-stream" } else { "converse" };
            format!("/model/{}/{verb}", explain.model.as_ref()?)
        }
    })
}

/// One attempt, to be shown.
struct Shown<'a> {
    client: Dialect,
    operation: &'static str,
    world: &'a Snapshot,
    ask: &'a Ask,
    /// The client's body.
    sent: &'a [u8],
    stream: bool,
    number: usize,
    count: usize,
    attempt: &'a Attempt,
}

impl Shown<'_> {
    fn plan(&self) -> String {
        let (from, to) = (self.client.name(), self.attempt.upstream().name());
        match &self.attempt.mode {
            Mode::Verbatim { .. } | Mode::Relay(_) | Mode::Count | Mode::Through(_) => {
                let changed = changed(self.sent, &self.attempt.body);
                if changed.is_empty() {
                    "verbatim, nothing changes".to_owned()
                } else {
                    format!("verbatim but for {}", changed.join(", "))
                }
            }
            Mode::Rewritten { .. } => format!("said again in {to}; the answer is verbatim"),
            Mode::Translate(_) if from == to => format!("said again in {to}"),
            Mode::Translate(_) => format!("translated from {from} to {to}"),
            Mode::Vectors(form, spoken, _) if form == spoken => format!("vectors in {to}"),
            Mode::Vectors(spoken, form, _) => format!("vectors, translated from {form:?} to {spoken:?}"),
            Mode::Ranks(spoken, form, _) => format!("ranks, translated from {form:?} to {spoken:?}"),
        }
    }

    /// What must be undone in the answer.
    fn undone(&self) -> Vec<String> {
        let Mode::Translate(restore) = &self.attempt.mode else { return Vec::new() };
        let names =
            restore.names.iter().map(|(there, here)| format!("the tool {here} is called {there} there"));
        let answer = restore.answer_tool.iter().map(|tool| format!("the answer comes as a call of {tool}"));
        let free =
            restore.free_text.iter().map(|tool| format!("the tool {tool} takes its text as JSON there"));
        names.chain(answer).chain(free).collect()
    }

    fn url(&self) -> String {
        let base = &self.attempt.known.base;
        let scheme = if base.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", base.authority(), self.attempt.path)
    }

    /// The headers as they are sent, each secret as three stars.
    fn headers(&self) -> Vec<(String, String)> {
        let mut headers: HeaderMap = own_headers(self.attempt, self.stream);
        let provider = &self.attempt.known.provider;
        rewriting::departing(self.world, None, self.ask, provider, &mut headers);
        if self.attempt.known.cloud.is_some() {
            // What proves the sender is made when the request leaves.
            headers.remove(http::header::AUTHORIZATION);
        }
        let shown = |value: &http::HeaderValue| {
            if value.is_sensitive() {
                "***".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }
        };
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), shown(value))).collect()
    }

    fn text(&self) -> String {
        let Self { client, operation, ask, stream, number, count, attempt, .. } = self;
        let known = &attempt.known;
        let form = if *stream { "streamed" } else { "whole" };
        let mut lines = vec![
            format!("client   {operation} in {}, model \"{}\", {form}", client.name(), ask.model),
            format!("target   {number} of {count}: {}, model \"{}\"", known.provider, known.model),
            format!("plan     {}", self.plan()),
        ];
        lines.extend(self.undone().into_iter().map(|what| format!("undone   {what}")));
        let losses = attempt.losses.iter();
        lines.extend(
            losses.map(|loss| format!("loss     {} {}: {}", loss.field, loss.kind.label(), loss.why)),
        );
        if attempt.losses.is_empty() {
            lines.push("losses   none".to_owned());
        }
        if let Some(prices) = &known.prices {
            let rates = prices.rates(0, None);
            let said = |name: &str, price: Option<crate::units::Price>| {
                price.map(|price| format!("{name} {}", price.times(1_000_000)))
            };
            let both = [said("input", rates.input), said("output", rates.output)];
            let both: Vec<_> = both.into_iter().flatten().collect();
            lines.push(format!("price    {} USD per million tokens", both.join(", ")));
        }
        if let Some(cloud) = &known.cloud {
            let how = if cloud.service.is_empty() { "shows a token" } else { "is signed" };
            lines.push(format!("proof    the request {how} when it leaves"));
        }
        lines.push(format!("request  {} {}", attempt.method, self.url()));
        lines.extend(self.headers().iter().map(|(name, value)| format!("         {name}: {value}")));
        lines.push(String::new());
        lines.push(match json::parse(&attempt.body) {
            Ok(body) => json::pretty(&body),
            Err(_) => format!("({} bytes that are not JSON)", attempt.body.len()),
        });
        lines.join("\n") + "\n"
    }

    fn json(&self) -> String {
        let Self { client, operation, ask, stream, attempt, .. } = self;
        let mut out = Vec::new();
        json::object(&mut out, |shown| {
            shown.string("client_dialect", client.name());
            shown.string("operation", operation);
            shown.string("model", &ask.model);
            shown.bool("stream", *stream);
            shown.string("provider", &attempt.known.provider);
            shown.string("target_model", &attempt.known.model);
            shown.string("target_dialect", attempt.upstream().name());
            shown.bool("verbatim", attempt.is_verbatim());
            shown.string("plan", &self.plan());
            shown.array("losses", |losses| {
                for loss in attempt.losses.iter() {
                    losses.object(|entry| {
                        entry.string("field", &loss.field);
                        entry.string("kind", loss.kind.label());
                        entry.string("why", loss.why);
                    });
                }
            });
            shown.array("undone", |undone| {
                for what in self.undone() {
                    undone.string(&what);
                }
            });
            shown.string("method", attempt.method.as_str());
            shown.string("url", &self.url());
            shown.object("headers", |headers| {
                for (name, value) in self.headers() {
                    headers.string(&name, &value);
                }
            });
            match std::str::from_utf8(&attempt.body) {
                Ok(body) if json::validate(body.as_bytes()).is_ok() => shown.raw("body", body),
                _ => shown.number("body_bytes", attempt.body.len()),
            }
        });
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// The top-level members in which two bodies differ.
fn changed(before: &[u8], after: &[u8]) -> Vec<String> {
    let (Ok(before), Ok(after)) = (json::parse(before), json::parse(after)) else { return Vec::new() };
    let differs = |one: &Json<'_>, other: &Json<'_>, key: &str| {
        one.get(key).map(Json::raw) != other.get(key).map(Json::raw)
    };
    let old = before.entries().iter().filter(|(key, _)| differs(&before, &after, key));
    let new = after.entries().iter().filter(|(key, _)| before.get(key).is_none());
    old.chain(new).map(|(key, _)| key.to_string()).collect()
}
