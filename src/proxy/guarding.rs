//! Guards at work on one request and its answer.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use crate::account::trace::Deed;
use crate::catalog::names::matches;
use crate::clock;
use crate::dialect::{Framing, codec};
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::policy::Key;
use crate::policy::guard::{
    Asker, Blocked, Direction, Diversion, Memory, Passed, Screen, Shape, Spoken, Unframed, Watch, pass,
};
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::departure::parsed;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::external::{self, Spoke, Watching};
use crate::proxy::relay::{Find, Relay, in_stream};
use crate::proxy::tracing;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// What names are made with where a provider keeps what was said before.
static NAMES: LazyLock<[u8; 32]> = LazyLock::new(|| clock::secret_bits().unwrap_or_default());

/// What guards know of one request: there is none where nobody has guards.
#[derive(Debug, Default)]
pub struct Guarding {
    /// What they found, and what they masked.
    pub memory: Memory,
    /// The model that is asked for, where what goes through names one.
    model: String,
    /// What is asked of guards that live elsewhere.
    pub watching: Watching,
}

impl Guarding {
    /// A piece of a stream goes to the client: what of it does.
    ///
    /// # Errors
    /// When a guard ends the answer, or cannot look into it.
    pub fn pass(&mut self, screen: &mut Screen, body: &mut Option<Bytes>, end: bool) -> Result<(), Refusal> {
        let (mut out, told) = (Vec::new(), screen.told());
        let mut framed = Ok(());
        if let Some(chunk) = body.take() {
            out.reserve(chunk.len());
            framed = screen.push(&chunk, &mut self.memory, &mut out);
        }
        if end && framed.is_ok() {
            screen.finish(&mut self.memory, &mut out);
        }
        let why = match (&self.memory.blocked, framed) {
            (Some((guard, rule)), _) => stopped(guard, rule),
            (None, Err(Unframed)) => unreadable(),
            (None, Ok(())) => {
                *body = (!out.is_empty()).then(|| out.into());
                return Ok(());
            }
        };
        // What stands before it in this piece is not told any more.
        screen.stop(told);
        Err(why)
    }
}

/// Who asks, as guards see it.
pub(super) fn asker<'a>(key: Option<&'a Key>, model: &'a str) -> Asker<'a> {
    Asker { key: key.map_or("", |key| &key.name), owner: key.map_or("", |key| &key.owner), model }
}

/// Those that look at what this key sends for this model.
fn over(world: &Snapshot, key: Option<&Key>, model: &str) -> Option<Watch> {
    if world.guards.is_empty() {
        return None;
    }
    Watch::over(&world.guards, Direction::Request, &asker(key, model), matches, &[])
}

/// Whether what goes through must be read first, since a guard may look at it.
#[must_use]
pub fn must_read(world: &Snapshot, key: Option<&Key>) -> bool {
    let asker = asker(key, "");
    external::must_read(world, key)
        || world.guards.iter().any(|guard| guard.may_look(Direction::Request, &asker))
}

/// Looks at what a client asks, and at what was said before that belongs to it. Whether anything of it is
/// said otherwise now.
///
/// # Errors
/// When a guard refuses it.
pub fn ask(exchange: &mut Exchange, ask: &mut Ask) -> Result<bool, Refusal> {
    let watch = over(&exchange.world, exchange.key.as_deref(), &ask.model);
    let Some(watch) = watch else { return Ok(false) };
    let since = tracing::since(exchange);
    let memory = &mut exchange.guarding.get_or_insert_default().memory;
    let looked = look(&watch, ask, memory);
    tracing::took(exchange, since, Deed::Guard);
    looked
}

fn look(watch: &Watch, ask: &mut Ask, memory: &mut Memory) -> Result<bool, Refusal> {
    // A name of before stands for what it stood for then.
    let held = ask.recall.as_ref().map_or(Some(&ask.body), |recall| recall.whole()).cloned();
    if held.is_none() {
        memory.name_by(*NAMES);
    }
    let held = held.unwrap_or_else(|| ask.body.clone());
    let anew = asked(watch, &ask.body, &held, memory)?;
    if let Some(recall) = &mut ask.recall {
        recall.look(|body| asked(watch, body, &held, memory))?;
    }
    let changed = anew.is_some();
    if let Some(body) = anew {
        ask.body = body.into();
    }
    Ok(changed)
}

/// Looks at a body that goes through, and gives the one that does.
///
/// # Errors
/// When a guard refuses it.
pub fn through(exchange: &mut Exchange, through: &Through, body: Bytes) -> Result<Bytes, Refusal> {
    if exchange.world.guards.is_empty() {
        return Ok(body);
    }
    let model = model_of(through, &body);
    let watch = over(&exchange.world, exchange.key.as_deref(), &model);
    let guarding = exchange.guarding.get_or_insert_default();
    guarding.model = model;
    let Some(watch) = watch else { return Ok(body) };
    if !may_be_json(&body) {
        return Ok(body);
    }
    let since = tracing::since(exchange);
    let memory = &mut exchange.guarding.get_or_insert_default().memory;
    let anew = asked(&watch, &body, &body, memory);
    tracing::took(exchange, since, Deed::Guard);
    Ok(anew?.map_or(body, Bytes::from))
}

/// Where a request goes because of what guards found in it; `None` where it goes where it would anyway.
#[must_use]
pub fn diverted(exchange: &Exchange) -> Option<Diversion> {
    let diversion = &exchange.guarding.as_deref()?.memory.diversion;
    (!diversion.is_none()).then(|| diversion.clone())
}

/// A request that goes through has a provider, and can go to no other.
///
/// # Errors
/// When guards would have it go elsewhere.
pub fn stays(exchange: &Exchange, through: &Through) -> Result<(), Refusal> {
    let Some(diversion) = diverted(exchange) else { return Ok(()) };
    let index = exchange.world.table.provider(&through.provider).ok();
    let provider = index.and_then(|index| exchange.world.providers.get(index));
    let provider = provider.map_or(through.provider.as_str(), |provider| &provider.name);
    let model = exchange.guarding.as_deref().map_or("", |guarding| guarding.model.as_str());
    if let Some((class, guard)) = diversion.bars(provider, model) {
        return Err(barred(guard, &class.name, &format!("{provider} may not have it")));
    }
    if let Some(route) = &diversion.route {
        let message = format!(
            "guards send this request to the route \"{route}\", and what goes through goes to {provider} alone"
        );
        return Err(Refusal::new(Kind::ContentPolicy, message).with_code("guard_diverted"));
    }
    Ok(())
}

/// The refusal of a request that nobody may have who could answer it.
pub(super) fn barred(guard: &str, class: &str, why: &str) -> Refusal {
    let message = format!("the guard \"{guard}\" finds data of the class \"{class}\" in this request: {why}");
    Refusal::new(Kind::ContentPolicy, message).with_code("data_class")
}

/// The model that what goes through names, or "".
#[must_use]
pub fn model_of(through: &Through, body: &Bytes) -> String {
    let in_path = through.like.as_ref().and_then(Asked::model_in_path);
    in_path.or_else(|| Some(Lens::new(body).ok()?.string("model")?.into_owned())).unwrap_or_default()
}

/// Whether somebody may read a body as JSON, in UTF-16 too, as some do who go by the first bytes. What begins
/// otherwise is a form or a file.
fn may_be_json(body: &[u8]) -> bool {
    const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let text = MARKS.iter().find_map(|mark| body.strip_prefix(*mark)).unwrap_or(body);
    // Every other byte of such a text is nought.
    let first = text.iter().find(|byte| **byte != 0 && !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// Looks at what is asked; gives what goes on instead, where that differs.
fn asked(watch: &Watch, body: &[u8], held: &[u8], memory: &mut Memory) -> Result<Option<Vec<u8>>, Refusal> {
    match pass(watch, Spoken::Asked, body, held, memory).map_err(refused)? {
        Passed::AsItCame => Ok(None),
        Passed::Anew(anew) => Ok(Some(anew)),
        Passed::Unread => watch.binding().map_or(Ok(None), |guard| Err(unread(&guard.name))),
    }
}

/// The refusal of a body that a guard must look into and cannot.
pub(in crate::proxy) fn unread(guard: &str) -> Refusal {
    let message = format!(
        "the guard \"{guard}\" cannot look into this body: it must be JSON in UTF-8, without a byte order mark, \
         and no more than 128 levels deep"
    );
    Refusal::new(Kind::InvalidRequest, message).with_code("guard_unread")
}

/// The refusal of what a guard does not let pass. It names the rule, never what was found.
fn refused(blocked: Blocked) -> Refusal {
    let Blocked { guard, rule, place } = blocked;
    let message = format!("the guard \"{guard}\" does not let this request pass: {rule}");
    let refusal = Refusal::new(Kind::ContentPolicy, message).with_code("guard_blocked");
    if place.is_empty() { refusal } else { refusal.with_param(place) }
}

/// The refusal of an answer that a guard ends.
fn stopped(guard: &str, rule: &str) -> Refusal {
    let message = format!("the guard \"{guard}\" does not let this answer pass: {rule}");
    Refusal::new(Kind::ContentPolicy, message).with_code("guard_blocked")
}

/// The refusal of an answer that nobody can look into.
pub(in crate::proxy) fn unreadable() -> Refusal {
    Refusal::new(Kind::BadGateway, "the provider's answer cannot be read, and so not be looked at by guards")
}

/// Who gets the answer, and what was masked for it in the request; `None` where nobody has guards.
fn answered(exchange: &Exchange) -> Option<(Asker<'_>, &[(String, String)])> {
    let Stage::Away(call) = &exchange.stage else { return None };
    if exchange.world.guards.is_empty() {
        return None;
    }
    let guarding = exchange.guarding.as_deref();
    let told = guarding.map(|guarding| guarding.model.as_str()).filter(|model| !model.is_empty());
    let asker = asker(exchange.key.as_deref(), told.unwrap_or(&call.ask.model));
    Some((asker, guarding.map(|guarding| guarding.memory.masked()).unwrap_or_default()))
}

/// Those that look at the answer, or restore what was masked in the request.
fn answers(exchange: &Exchange) -> Option<Watch> {
    let (asker, masked) = answered(exchange)?;
    Watch::over(&exchange.world.guards, Direction::Answer, &asker, matches, masked)
}

/// Whether a guard looks at the answer, so that a whole one must be gathered first.
#[must_use]
pub fn looks_at_answer(exchange: &Exchange) -> bool {
    let guards = &exchange.world.guards;
    external::looks_at_answer(exchange)
        || answered(exchange).is_some_and(|(asker, masked)| {
            !masked.is_empty() || guards.iter().any(|guard| guard.looks(Direction::Answer, &asker, matches))
        })
}

/// An answer begins whose stream is framed so: has guards look at it, where it is one.
pub fn screen(exchange: &mut Exchange, streamed: Option<Framing>) {
    if exchange.world.guards.is_empty() && exchange.world.externals.is_empty() {
        return;
    }
    let spoken = exchange.call().and_then(|call| spoken(call, streamed));
    external::stream(exchange, spoken);
    let watch = spoken.and_then(|_| answers(exchange));
    let screen = spoken.zip(watch).map(|((dialect, framing), watch)| {
        let shape = shape(exchange, &watch);
        Box::new(Screen::new(Arc::new(watch), dialect, framing).with_shape(shape))
    });
    if screen.is_some() {
        exchange.guarding.get_or_insert_default();
    }
    if let Some(call) = exchange.call() {
        call.screen = screen;
    }
}

/// The form that the answer is asked to have, where a guard looks at that.
fn shape(exchange: &mut Exchange, watch: &Watch) -> Option<Shape> {
    if !watch.is_of_shapes() || !matches!(exchange.asked, Some(Asked::Chat { .. })) {
        return None;
    }
    let ask = &mut exchange.call()?.ask;
    parsed(ask).ok()?;
    Shape::of(ask.parsed.as_deref()?)
}

/// A piece of a stream goes to the client: what of it does. When a guard ends the answer, the refusal is then
/// the exchange's.
#[must_use]
pub fn speak(exchange: &mut Exchange, body: &mut Option<Bytes>, end: bool) -> Spoke {
    let Exchange { guarding: Some(guarding), stage: Stage::Away(call), refusal, trace, world, .. } = exchange
    else {
        return Spoke::On;
    };
    let passed = match &mut call.screen {
        Some(screen) => guarding.pass(screen, body, end),
        None => Ok(()),
    };
    let most = world.downstream.held.as_usize();
    let Guarding { memory, watching, .. } = &mut **guarding;
    let passed =
        passed.and_then(|()| watching.pass(body, end, memory, trace.as_deref_mut(), (&mut call.share, most)));
    passed.unwrap_or_else(|stopped| {
        *refusal = Some(stopped);
        Spoke::Ended
    })
}

/// The answer ends in the middle of its stream: what the client is told, where there is room for it. What it
/// is told of the answer itself is looked at, too.
pub fn break_off(guarding: Option<&mut Guarding>, call: &mut Call, fault: Fault) -> Option<Vec<u8>> {
    let Some(guarding) = guarding else { return call.relay.break_off(fault) };
    if let Some((mut told, (dialect, framing), count)) = guarding.watching.stop() {
        // What waits for its verdict is not told any more.
        told.extend(in_stream(dialect, framing, count, fault));
        return Some(told);
    }
    let Some(screen) = &mut call.screen else { return call.relay.break_off(fault) };
    if !screen.is_stopped() {
        let mut told = Some(call.relay.break_off(fault.clone())?.into());
        if guarding.pass(screen, &mut told, true).is_ok() {
            return Some(told.unwrap_or_default().into());
        }
    }
    let (dialect, framing) = screen.spoken();
    Some(in_stream(dialect, framing, screen.told(), fault))
}

/// What a client reads of a stream, and how it is framed; `None` where the answer is no stream.
fn spoken(call: &Call, streamed: Option<Framing>) -> Option<(Dialect, Framing)> {
    match &call.relay {
        Relay::Stream(_) => Some((call.ask.dialect, streamed.unwrap_or(call.ask.framing))),
        Relay::Transcode(_) => Some((call.ask.dialect, call.ask.framing)),
        Relay::Hear(hearing) => {
            let dialect = match hearing.find() {
                Find::Dialect(dialect) => dialect,
                // What else streams does so as OpenAI's newer events do.
                Find::Relayed(_) | Find::Vectors(_) | Find::Ranks(_) | Find::Batch => {
                    Dialect::OpenaiResponses
                }
                Find::Any => call.ask.dialect,
            };
            Some((dialect, streamed?))
        }
        Relay::Waiting | Relay::Pass(_) | Relay::Whole(_) | Relay::Tunnel(_) | Relay::Error(_) => None,
    }
}

/// A gathered answer is complete: what of it goes on.
///
/// # Errors
/// When a guard ends it.
pub fn gathered(exchange: &mut Exchange, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let Some(watch) = answers(exchange) else { return Ok(body) };
    let shape = shape(exchange, &watch);
    let Exchange { guarding, stage: Stage::Away(call), .. } = exchange else { return Ok(body) };
    let guarding = guarding.get_or_insert_default();
    if call.ask.stream {
        let mut screen = Screen::new(Arc::new(watch), call.ask.dialect, call.ask.framing).with_shape(shape);
        let mut said = Some(Bytes::from(body));
        guarding.pass(&mut screen, &mut said, true)?;
        return Ok(said.unwrap_or_default().into());
    }
    let passed = pass(&watch, Spoken::Answered, &body, &body, &mut guarding.memory);
    let body = match passed.map_err(|blocked| stopped(&blocked.guard, &blocked.rule))? {
        Passed::Anew(anew) => anew,
        Passed::Unread if watch.binding().is_some() && !body.is_empty() => return Err(unreadable()),
        Passed::AsItCame | Passed::Unread => body,
    };
    if let Some(shape) = shape
        && let Ok(reply) = codec(call.ask.dialect).parse_reply(&body)
    {
        watch.judge_shape(&shape, &reply, &mut guarding.memory);
        if let Some((guard, rule)) = &guarding.memory.blocked {
            return Err(stopped(guard, rule));
        }
    }
    Ok(body)
}

/// The value of the header that tells a client what guards found; none where they tell nothing.
#[must_use]
pub fn header(guarding: Option<&Guarding>) -> Option<String> {
    let told: Vec<String> = guarding?.memory.told().take(16).map(ToString::to_string).collect();
    (!told.is_empty()).then(|| told.join(", "))
}
