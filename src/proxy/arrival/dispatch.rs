//! A request that was read: its targets are found, guards look at it, and its first attempt is prepared; or it is
//! answered here.

use std::sync::Arc;

use bytes::Bytes;
use pingora::proxy::Session;

use super::ask::{self, Chosen};
use super::asked::{Asked, Machine, Through};
use super::paused::Paused;
use super::{admission, body, local, through};
use crate::account::trace::Deed;
use crate::cache::{Found, Tier};
use crate::clock;
use crate::dialect::bedrock_invoke::Wrap;
use crate::dialect::{Framing, Restore, Vectors};
use crate::ir::Dialect;
use crate::proxy::allowance;
use crate::proxy::bytes_held::Share;
use crate::proxy::caching::items::Items;
use crate::proxy::caching::{self, Query, Tape};
use crate::proxy::departure::attempt::{self, Attempt, Mode, malformed};
use crate::proxy::departure::kept;
use crate::proxy::departure::onward;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::external;
use crate::proxy::guarding;
use crate::proxy::keeping::background;
use crate::proxy::keeping::recall::{self, Form, Recall};
use crate::proxy::relay::LARGEST_EVENT;
use crate::proxy::rewriting;
use crate::proxy::shared::Shared;
use crate::proxy::tracing;
use crate::proxy::transcript;
use crate::refusal::Refusal;
use crate::route::{Target, WORDS};
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// What becomes of a request that was read.
pub(super) enum Sent {
    /// Guards elsewhere are to be asked first.
    Waits(Box<Paused>),
    /// It goes to a provider.
    Away,
    /// It is answered here, with this.
    Here(Vec<u8>),
    /// It was answered before, or is being answered.
    Found(Box<Query>, Found),
    /// Its vectors are there, or may lie behind memory.
    Vectors(Vectors, Arc<Items>),
}

/// Finds the targets and prepares the first attempt; or what answers it here.
pub(super) fn dispatch(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    asked: &Asked,
    body: Bytes,
    recall: Option<Box<Recall>>,
    share: Share,
) -> Result<Sent, Refusal> {
    if let Asked::Through(through) = asked {
        let (through, body) = through::owned(&exchange.world, through, body);
        let key = exchange.key.as_deref();
        admission::go_through(&exchange.world, key, &through, session.req_header(), &body)?;
        let body = guarding::through(exchange, &through, body)?;
        guarding::stays(exchange, &through)?;
        if !exchange.world.externals.is_empty() {
            let model = guarding::model_of(&through, &body);
            if external::begin(shared, exchange, &model) {
                return Ok(Sent::Waits(Box::new(Paused::Through { through, body, share })));
            }
        }
        return go_through(shared, session, exchange, &through, body, share);
    }
    if *asked == Asked::Machine(Machine::Show) {
        return local::show(&exchange.world, exchange.key.as_deref(), &body).map(Sent::Here);
    }
    let head = session.req_header();
    let opened = ask::open(head, asked, body)?;
    let bytes = opened.body.clone();
    let lens = Lens::watching(&bytes, &WORDS).map_err(malformed)?;
    let mut ask = ask::read(head, asked, &lens, opened)?;
    ask.keep &= shared.shelf.store().is_some();
    ask.recall = recall;
    ask.fetches = exchange.world.fetch_images.enabled;
    let (own, names) = (exchange.key.clone(), exchange.world.discovered.load());
    // It is the operator who has a judge asked, and not the key that pays for it.
    let chooser = own.as_deref().filter(|_| !exchange.judges);
    let Chosen { mut targets, mut place, mut known, mut routing } =
        ask::choose(&exchange.world, &names, chooser, &head.headers, asked, &mut ask)?;
    exchange.wait_for(routing.as_ref().and_then(|routing| routing.way.times.as_ref()), &ask.times);
    if matches!(asked, Asked::Chat { dialect: Dialect::OpenaiResponses, .. })
        && !ask.stream
        && lens.bool("background") == Some(true)
        && !recall::is_left_to(ask.recall.as_deref(), &known)
    {
        return background::begin(shared, exchange, &ask, &lens, share).map(Sent::Here);
    }
    let guarded;
    let lens = if guarding::ask(exchange, &mut ask)? {
        guarded = ask.body.clone();
        Lens::watching(&guarded, &WORDS).map_err(malformed)?
    } else {
        lens
    };
    if let Some(diversion) = guarding::diverted(exchange) {
        let head = session.req_header();
        let elsewhere =
            ask::divert(&exchange.world, &names, own.as_deref(), &head.headers, asked, &mut ask, &diversion)?;
        Chosen { targets, place, known, routing } = elsewhere;
        exchange.patience = exchange.world.upstream.patience();
        exchange.wait_for(routing.as_ref().and_then(|routing| routing.way.times.as_ref()), &ask.times);
    }
    let chosen = Chosen { targets, place, known, routing };
    if !exchange.world.externals.is_empty() && external::begin(shared, exchange, &ask.model) {
        return Ok(Sent::Waits(Box::new(Paused::Ask { ask, chosen, share })));
    }
    send(shared, session, exchange, asked, ask, &lens, chosen, share)
}

/// Sends on what goes through.
pub(super) fn go_through(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    through: &Through,
    body: Bytes,
    share: Share,
) -> Result<Sent, Refusal> {
    let body = rewriting::through(&exchange.world, exchange.key.as_deref(), through, body)?;
    through::dispatch(shared, session, exchange, through, share)?;
    if let Some(call) = exchange.call() {
        call.upload = Upload::Held;
        call.attempt.body = body;
    }
    Ok(Sent::Away)
}

/// Prepares the first attempt of a request that may go on; or what answers it here.
#[allow(
    clippy::too_many_arguments,
    reason = "the rest of `dispatch`, which guards elsewhere may come before"
)]
pub(super) fn send(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    asked: &Asked,
    mut ask: Ask,
    lens: &Lens<'_>,
    chosen: Chosen,
    mut share: Share,
) -> Result<Sent, Refusal> {
    let Chosen { targets, place, known, routing } = chosen;
    let rewritten;
    let anew;
    // What the operator says is no concern of guards.
    let before = ask.body.len();
    let lens = if rewriting::ask(&exchange.world, exchange.key.as_deref(), asked, &mut ask)? {
        rewritten = ask.body.clone();
        let more = rewritten.len().saturating_sub(before);
        if more > 0 && !share.grow(more, exchange.world.downstream.held.as_usize()) {
            return Err(body::full());
        }
        anew = Lens::watching(&rewritten, &WORDS).map_err(malformed)?;
        ask.tier = ask::asked_tier(&anew);
        ask.keep &= anew.bool("store") != Some(false);
        &anew
    } else {
        lens
    };
    ask.bounds = allowance::bounds(exchange.key.as_deref(), lens);
    transcript::begin(shared, exchange, asked, &ask);
    let mut recalled = false;
    if let (Asked::Count { .. }, Some(recall)) = (asked, &ask.recall)
        && let Form::Whole(whole) = recall.form(&known)?
    {
        // What was said before counts too.
        ask.body = whole;
        recalled = true;
    }
    if ask::is_counted_here(asked, &known) {
        if asked.dialect() == Dialect::OpenaiResponses && !recalled {
            kept::refuse(lens)?;
        }
        return local::count(shared, &ask, &known.model).map(Sent::Here);
    }
    if known.dialect != asked.dialect()
        && let Some(loaded) = local::loaded(asked, lens, exchange.at / 1000)
    {
        return Ok(Sent::Here(loaded));
    }
    let barred = onward::barred(routing.as_deref(), place);
    let key = key(shared, &exchange.world, &ask, &known, barred);
    let Kept { found, tape, vectors } = match asked {
        // What a judge says is said about this and nothing else.
        Asked::Chat { .. } if !exchange.in_background && !exchange.judges => {
            answers(shared, session, exchange, &mut ask, lens, &targets)?
        }
        Asked::Embed { form, .. } => vectors(shared, session, exchange, &mut ask, *form, &known, &mut share)?,
        _ => Kept::default(),
    };
    // Where something was found, its provider may never be asked.
    let asks = found.is_none() && vectors.is_none();
    let attempt = if asks {
        attempt::prepare(&mut ask, asked, lens, known, key)?
    } else {
        Attempt::posted(known, key, String::new(), Bytes::new(), Mode::Translate(Restore::NONE))
    };
    let mut call = Box::new(Call::new(ask, targets, place, attempt, share));
    (call.attempts, call.tape, call.routing) = (u32::from(asks), tape, routing);
    if let Asked::Chat { dialect: Dialect::AnthropicMessages, path: Some(path) } = asked
        && path.stream == Some(Framing::AwsEvents)
    {
        call.wrap = Some(Box::new(Wrap::new(LARGEST_EVENT)));
    }
    exchange.stage = Stage::Away(call);
    if let Some((form, items)) = vectors {
        return Ok(Sent::Vectors(form, items));
    }
    Ok(found.map_or(Sent::Away, |(query, found)| Sent::Found(query, found)))
}

/// What the cache has for a request, or is to get from it.
#[derive(Default)]
struct Kept {
    found: Option<(Box<Query>, Found)>,
    tape: Option<Box<Tape>>,
    vectors: Option<(Vectors, Arc<Items>)>,
}

/// Looks for the answer to a chat.
fn answers(
    shared: &Shared,
    session: &Session,
    exchange: &mut Exchange,
    ask: &mut Ask,
    lens: &Lens<'_>,
    targets: &[Target],
) -> Result<Kept, Refusal> {
    let looking = tracing::since(exchange);
    let (key, headers) = (exchange.key.as_deref(), &session.req_header().headers);
    let query = caching::query(&exchange.world, &shared.cache, key, headers, ask, lens, targets)?;
    let Some(mut query) = query else { return Ok(Kept::default()) };
    query.leads = exchange.vigil.is_some();
    let found = query.look(&shared.cache);
    tracing::took(exchange, looking, Deed::Cache);
    match found {
        Found::Nothing(flight)
            if shared.tiers.is_some() && !query.wish.fresh || query.waits_for().is_some() =>
        {
            Ok(Kept { found: Some((query, Found::Nothing(flight))), ..Kept::default() })
        }
        Found::Nothing(_) if query.wish.only => Err(caching::look::uncached()),
        Found::Nothing(flight) => {
            exchange.cache = Some(Tier::Miss);
            let mark = caching::mark(exchange.key.as_deref(), ask);
            let kept = (&shared.cache, shared.tiers.as_ref());
            caching::asking::aside(shared, &query, exchange.key.clone());
            // Dropped, it tells whoever waits that nothing comes.
            let vigil = exchange.vigil.as_ref();
            let tape = query.takes.then(|| Box::new(Tape::new(kept, query, flight, mark)).outliving(vigil));
            Ok(Kept { tape, ..Kept::default() })
        }
        something => Ok(Kept { found: Some((query, something)), ..Kept::default() }),
    }
}

/// Looks for the vectors of a request.
fn vectors(
    shared: &Shared,
    session: &Session,
    exchange: &mut Exchange,
    ask: &mut Ask,
    form: Vectors,
    known: &Known,
    share: &mut Share,
) -> Result<Kept, Refusal> {
    let world = &exchange.world;
    let (key, headers) = (exchange.key.as_deref(), &session.req_header().headers);
    let kept = (&shared.cache, shared.tiers.as_ref());
    ask.items = caching::items::look(&world.caching, kept, key, headers, ask, form, known)?;
    // A small request may want much of what is kept.
    let weight = ask.items.as_ref().map_or(0, |items| items.weight());
    if weight > 0 && !share.grow(weight, world.downstream.held.as_usize()) {
        return Err(body::full());
    }
    exchange.cache = ask.items.as_ref().map(|_| Tier::Miss);
    let is_here = |items: &Arc<Items>| items.is_whole() || items.may_lie_behind();
    let vectors = ask.items.clone().filter(is_here).map(|items| (form, items));
    Ok(Kept { vectors, ..Kept::default() })
}

/// Which of a provider's keys has its turn, of those that are not barred, or made what the request refers to.
pub(super) fn key(shared: &Shared, world: &Snapshot, ask: &Ask, known: &Known, barred: u64) -> usize {
    let keys = world.providers.get(known.index).map_or(0, |provider| provider.keys.len());
    let kept_at = ask.recall.as_ref().and_then(|recall| recall.at());
    match kept_at.filter(|(index, _)| *index == known.index) {
        Some((_, key)) => key.checked_rem(keys).unwrap_or(0),
        None if keys > 1 => match &known.reach {
            Some(reach) => {
                onward::best_key(reach, barred, shared.next_turn(), clock::ticks(clock::now())).unwrap_or(0)
            }
            None => shared.next_turn() % keys,
        },
        None => 0,
    }
}
