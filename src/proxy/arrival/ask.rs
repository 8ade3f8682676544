//! What the client sent, read once for all attempts, and the targets that could answer it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use pingora::http::RequestHeader;

use crate::account::Attribution;
use crate::clock;
use crate::dialect::Framing;
use crate::ir::{Dialect, ServiceTier, Usage};
use crate::policy::Key;
use crate::policy::guard::Diversion;
use crate::proxy::arrival::address;
use crate::proxy::arrival::admission;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::arrival::envelope::{self, Opened};
use crate::proxy::arrival::{local, routing};
use crate::proxy::departure::attempt::malformed;
use crate::proxy::departure::onward::{Left, Routing};
use crate::proxy::departure::targets::Known;
use crate::proxy::exchange::Ask;
use crate::proxy::guarding;
use crate::refusal::{Kind, Refusal};
use crate::route::health::Reach;
use crate::route::pressure::Priority;
use crate::route::way::Times;
use crate::route::{Choice, Names, Target};
use crate::snapshot::Snapshot;
use crate::units::parse_duration;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

/// The targets of a request.
#[derive(Debug)]
pub struct Chosen {
    /// All of them, in the order in which they are tried.
    pub targets: Vec<Target>,
    /// The first of them that has what is asked for.
    pub place: usize,
    /// That one.
    pub known: Arc<Known>,
    /// How they are chosen among, where their route says so.
    pub routing: Option<Box<Routing>>,
}

/// The body as it counts: with the model that an Azure path names, and out of a cloud's envelope.
///
/// # Errors
/// When it is not JSON.
pub fn open(head: &RequestHeader, asked: &Asked, body: Bytes) -> Result<Opened, Refusal> {
    let body = match address::deployment(head.uri.path()) {
        Some(name) => named(&body, &name)?,
        None => body,
    };
    let opened = envelope::open(asked, head.uri.path(), &body)?;
    Ok(opened.unwrap_or(Opened { body, betas: Vec::new() }))
}

/// What the client sent; `lens` looks at its opened body.
///
/// # Errors
/// When the body does not say which model, or says it wrongly.
pub fn read(head: &RequestHeader, asked: &Asked, lens: &Lens<'_>, opened: Opened) -> Result<Ask, Refusal> {
    let (model, stream) = read_model(asked, lens)?;
    let dialect = asked.dialect();
    let options = lens.raw("stream_options").and_then(|raw| Lens::new(raw.as_bytes()).ok());
    let stream_usage = !matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiCompletions)
        || options.and_then(|options| options.bool("include_usage")).unwrap_or(false);
    let said = read_headers(&head.headers);
    let times = said.times()?;
    let Said { strict, mut carried, attribution, priority, .. } = said;
    let Opened { body, betas } = opened;
    envelope::carry(&mut carried, betas);
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or("").to_owned());
    Ok(Ask {
        body,
        unsized_body: !head.headers.contains_key(header::CONTENT_LENGTH),
        stream,
        framing: match asked {
            // Such a stream of Claude's is put into the cloud's once it is said.
            Asked::Chat { dialect: Dialect::AnthropicMessages, .. } => Framing::Sse,
            Asked::Chat { path: Some(path), .. } => path.stream.unwrap_or(Framing::Sse),
            _ if is_machines(asked) => Framing::Lines,
            _ => Framing::Sse,
        },
        stream_usage,
        strict,
        tier: asked_tier(lens),
        assumed: match asked {
            Asked::Relay(relayed) => relayed.assumed(|name| lens.string(name), |name| lens.u64(name)),
            _ => Usage::default(),
        },
        attribution: attributed(attribution, lens),
        carried,
        keep: matches!(asked, Asked::Chat { dialect: Dialect::OpenaiResponses, .. })
            && lens.bool("store") != Some(false),
        times,
        priority,
        ..Ask::new(dialect, path, query, model)
    })
}

/// Whether tokens are asked for that the target does not count in the client's words, so that they
/// are counted here.
#[must_use]
pub fn is_counted_here(asked: &Asked, known: &Known) -> bool {
    let there = known.dialect == asked.dialect() && known.paths.count.is_some();
    matches!(asked, Asked::Count { .. }) && !there
}

/// Chooses the targets by the model's name.
///
/// # Errors
/// When nothing has this name that the key may ask for, or nothing that has it can do what is asked
/// for.
pub fn choose(
    world: &Snapshot,
    names: &Names,
    key: Option<&Key>,
    headers: &HeaderMap,
    asked: &Asked,
    ask: &mut Ask,
) -> Result<Chosen, Refusal> {
    let choice = admission::choose(world, names, key, &ask.model)?;
    settle(world, choice, key, headers, asked, ask)
}

/// Chooses them anew for a request in which guards found something, by what they make of it.
///
/// # Errors
/// As [`choose`], and when nobody is left who may have it.
pub fn divert(
    world: &Snapshot,
    names: &Names,
    key: Option<&Key>,
    headers: &HeaderMap,
    asked: &Asked,
    ask: &mut Ask,
    diversion: &Diversion,
) -> Result<Chosen, Refusal> {
    let mut choice = match &diversion.route {
        None => admission::choose(world, names, key, &ask.model)?,
        // It is the operator who sends there, and not the client who asks for it.
        Some(route) => {
            let elsewhere = world.table.choose(route, names);
            elsewhere.map_err(|unknown| local::unknown_model(route, &unknown.nearest))?
        }
    };
    let mut bar = None;
    choice.retain(|_, target| {
        let provider = world.providers.get(target.provider).map_or("", |provider| &provider.name);
        let barred = diversion.bars(provider, &target.model);
        bar = bar.or(barred);
        barred.is_none()
    });
    let is_left = match &choice.way {
        Some(way) => choice.legs.iter().any(|leg| way.own().contains(leg)),
        None => !choice.targets.is_empty(),
    };
    if let Some((class, guard)) = bar.filter(|_| !is_left) {
        let asked_for: String = ask.model.chars().take(128).collect();
        let why = format!("nobody who serves the model \"{asked_for}\" may have it");
        return Err(guarding::barred(guard, &class.name, &why).with_param("model"));
    }
    settle(world, choice, key, headers, asked, ask)
}

fn settle(
    world: &Snapshot,
    mut choice: Choice,
    key: Option<&Key>,
    headers: &HeaderMap,
    asked: &Asked,
    ask: &mut Ask,
) -> Result<Chosen, Refusal> {
    ask.strict |= choice.strict || world.strict;
    let routing = routing::settle(&mut choice, key, headers, ask)?;
    let (now, client) = (clock::ticks(clock::now()), asked.dialect());
    let all = Left::all(&choice.targets, routing.as_deref(), ask.body.len());
    // What the request refers to is best looked for where it is kept.
    let kept_at = ask.recall.as_ref().and_then(|recall| recall.at());
    let kept =
        kept_at.and_then(|(index, _)| Left { only: Some(index), ..all }.choose(world, asked, client, now));
    let Some((place, known)) = kept.or_else(|| all.choose(world, asked, client, now)) else {
        let reaches: Vec<_> = all.reaches(world, asked, client).flatten().collect();
        if !reaches.is_empty() {
            return Err(unwell(&reaches, &ask.model, now));
        }
        let message = format!("no provider of the model \"{}\" can do this", ask.model);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    Ok(Chosen { targets: choice.targets, place, known, routing })
}

/// The refusal of a request whose targets are all there, and none to be asked now.
fn unwell(targets: &[Arc<Reach>], model: &str, now: u64) -> Refusal {
    let mut awake = targets.iter().filter(|reach| !reach.is_resting(now)).peekable();
    let why = if awake.peek().is_none() { "is in maintenance" } else { "fails at the moment" };
    let refusal = Refusal::new(Kind::Unavailable, format!("whoever serves the model \"{model}\" {why}"));
    let refusal = refusal.with_code("no_target_available");
    let back = targets.iter().filter_map(|reach| reach.rests_until(now));
    let well = awake.map(|reach| reach.until().unwrap_or(now));
    match well.chain(back).map(|at| at.saturating_sub(now).max(1000)).min() {
        Some(wait) => refusal.with_retry_after(Duration::from_millis(wait)),
        None => refusal,
    }
}

fn named(body: &Bytes, model: &str) -> Result<Bytes, Refusal> {
    let lens = Lens::new(body).map_err(malformed)?;
    if lens.string("model").as_deref() == Some(model) {
        return Ok(body.clone());
    }
    Ok(lens.apply(&[Edit::Set { key: "model".into(), value: json::string(model) }]).into())
}

/// The model and whether to stream, from the path where the dialect puts them there.
fn read_model(asked: &Asked, lens: &Lens<'_>) -> Result<(String, bool), Refusal> {
    match asked {
        Asked::Chat { path: Some(path), .. } => return Ok((path.model.clone(), path.stream.is_some())),
        Asked::Count { model: Some(model), .. } | Asked::Embed { model: Some(model), .. } => {
            return Ok((model.clone(), false));
        }
        Asked::Relay(relayed) if lens.raw("model").is_none_or(|model| model == "null") => {
            if let Some(usual) = relayed.usual_model() {
                return Ok((usual.to_owned(), lens.bool("stream").unwrap_or(false)));
            }
        }
        _ => {}
    }
    let model = lens.string("model").filter(|model| !model.is_empty()).ok_or_else(|| {
        let message = match lens.raw("model") {
            None => "the field \"model\" is missing",
            Some(_) => "the field \"model\" must be a string that is not empty",
        };
        Refusal::new(Kind::InvalidRequest, message).with_param("model")
    })?;
    let stream = match lens.raw("stream") {
        // Ollama's clients want a stream unless they say otherwise.
        None | Some("null") => is_machines(asked),
        Some("false") => false,
        Some("true") => matches!(asked, Asked::Chat { .. } | Asked::Relay(_)),
        Some(_) => {
            let refusal = Refusal::new(Kind::InvalidRequest, "the field \"stream\" must be true or false");
            return Err(refusal.with_param("stream"));
        }
    };
    let told =
        matches!(asked, Asked::Relay(_)) && lens.string("stream_format").is_some_and(|form| form == "sse");
    Ok((model.into_owned(), stream || told))
}

/// Whether an answer is asked for as Ollama gives it.
const fn is_machines(asked: &Asked) -> bool {
    matches!(asked, Asked::Chat { dialect: Dialect::OllamaChat | Dialect::OllamaGenerate, .. })
}

/// What a client's headers say that is for us or for the provider.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Whether a loss refuses the request.
    pub(super) strict: bool,
    /// Those that go on to a target of its dialect.
    pub(super) carried: Vec<(&'static str, String)>,
    /// On whose behalf it asks.
    pub(super) attribution: Option<Box<Attribution>>,
    /// How long it waits, at most.
    pub(super) times: Times,
    /// How much it matters, as far as that is up to it.
    pub(super) priority: Option<Priority>,
    /// The header that says something else than it should, and what that is.
    pub(super) wrong: Option<(&'static str, &'static str)>,
}

impl Said {
    /// How long a client waits, at most.
    ///
    /// # Errors
    /// When it says something else in such a header.
    pub(super) fn times(&self) -> Result<Times, Refusal> {
        match self.wrong {
            None => Ok(self.times),
            Some((name, expected)) => {
                let message = format!("the header {name} must be {expected}");
                Err(Refusal::new(Kind::InvalidRequest, message).with_param(name))
            }
        }
    }
}

/// On whose behalf a body says it asks: OpenAI's `safety_identifier`, which stands for the older
/// `user`, and Anthropic's `metadata.user_id`.
fn attributed(said: Option<Box<Attribution>>, lens: &Lens<'_>) -> Option<Box<Attribution>> {
    let user = lens.string("safety_identifier").or_else(|| lens.string("user")).or_else(|| {
        let metadata = lens.raw("metadata").filter(|raw| raw.contains("\"user_id\""))?;
        Lens::new(metadata.as_bytes()).ok()?.string("user_id")
    });
    Attribution::with_user(said, user.as_deref())
}

/// Reads a client's headers. One look at each costs less than a search for each name.
pub(super) fn read_headers(headers: &HeaderMap) -> Said {
    let Said { mut strict, mut carried, mut attribution, mut times, mut priority, mut wrong } =
        Said::default();
    for (name, value) in headers {
        let name = match name.as_str() {
            "x-tollgate-strict" => {
                strict = value == "1" || value.as_bytes().eq_ignore_ascii_case(b"true");
                continue;
            }
            "x-tollgate-user" | "x-tollgate-session" | "x-tollgate-tags" => {
                if let Ok(value) = value.to_str() {
                    let attribution = attribution.get_or_insert_with(Box::<Attribution>::default);
                    match name.as_str() {
                        "x-tollgate-user" => attribution.by(value),
                        "x-tollgate-session" => attribution.within(value),
                        _ => attribution.tagged(value),
                    }
                }
                continue;
            }
            "x-tollgate-timeout"
            | "x-tollgate-connect-timeout"
            | "x-tollgate-first-byte-timeout"
            | "x-tollgate-first-token-timeout"
            | "x-tollgate-idle-timeout" => {
                let time = value.to_str().ok().and_then(|text| parse_duration(text.trim()).ok());
                match (times.of_header(name.as_str()), time.filter(|time| !time.is_zero())) {
                    (Some((_, own)), Some(time)) => *own = Some(time),
                    (Some((name, _)), None) => wrong = Some((name, "a time such as 250ms, 30s or 5m")),
                    (None, _) => {}
                }
                continue;
            }
            "x-tollgate-priority" => {
                priority = value.to_str().ok().and_then(Priority::of);
                if priority.is_none() {
                    wrong = Some(("x-tollgate-priority", "high, normal or low"));
                }
                continue;
            }
            "anthropic-version" => "anthropic-version",
            "anthropic-beta" => "anthropic-beta",
            "openai-beta" => "openai-beta",
            "idempotency-key" => "idempotency-key",
            "x-client-request-id" => "x-client-request-id",
            "traceparent" => "traceparent",
            "tracestate" => "tracestate",
            _ => continue,
        };
        if let Ok(value) = value.to_str() {
            carried.push((name, value.to_owned()));
        }
    }
    Said { strict, carried, attribution, times, priority, wrong }
}

/// The tier that a request asks for, where that has rates of its own.
pub(super) fn asked_tier(lens: &Lens<'_>) -> Option<ServiceTier> {
    // Anthropic's fast answers, in any tier.
    if lens.string("speed").is_some_and(|speed| speed == "fast") {
        return Some(ServiceTier::Other("fast".to_owned()));
    }
    match lens.string("service_tier")?.as_ref() {
        "flex" => Some(ServiceTier::Flex),
        "priority" => Some(ServiceTier::Priority),
        _ => None,
    }
}
