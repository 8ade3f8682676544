//! A request arrives: recognised, let in, read, and given its targets.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, header};
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use crate::account::trace::Deed;
use crate::cache::{Found, Tier};
use crate::clock;
use crate::dialect::bedrock_invoke::Wrap;
use crate::dialect::{Framing, Restore, Vectors, ollama};
use crate::ir::Dialect;
use crate::proxy::allowance;
use crate::proxy::answer::{self, Connection};
use crate::proxy::arrival::ask::Chosen;
use crate::proxy::arrival::asked::{Asked, Machine, Through};
use crate::proxy::arrival::body::{Taken, Untaken};
use crate::proxy::arrival::paused::Paused;
use crate::proxy::bytes_held::Share;
use crate::proxy::caching::items::Items;
use crate::proxy::caching::{self, Query, Tape};
use crate::proxy::departure::attempt::{self, Attempt, Mode, malformed};
use crate::proxy::departure::kept;
use crate::proxy::departure::onward;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::upload::Upload;
use crate::proxy::dressing;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::external;
use crate::proxy::guarding;
use crate::proxy::keeping::background;
use crate::proxy::keeping::recall::{self, Form, Recall, recall};
use crate::proxy::keeping::serve::serve;
use crate::proxy::phases::refuse;
use crate::proxy::relay::LARGEST_EVENT;
use crate::proxy::rewriting;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::Threshold;
use crate::proxy::threshold::vigil::{Phase, Vigil};
use crate::proxy::tracing;
use crate::proxy::transcript;
use crate::refusal::{Kind, Refusal};
use crate::route::WORDS;
use crate::route::pressure::Priority;
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

pub mod address;
pub mod admission;
pub mod ask;
pub mod asked;
pub mod body;
pub mod credentials;
pub mod envelope;
mod form;
mod live;
pub mod local;
mod opening;
mod paused;
pub mod recognise;
mod rollout;
mod routing;
pub(in crate::proxy) mod through;
mod tokens;

/// Takes a request in. `true` when it is answered already.
///
/// # Errors
/// When the client is gone.
pub async fn arrive(shared: &Shared, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
    if exchange.world.staged.is_some() {
        // What few requests need has no room in the future of each.
        Box::pin(rollout::choose(shared, session, exchange)).await;
    }
    let world = Arc::clone(&exchange.world);
    exchange.vigil = vigil(session);
    if let Some(vigil) = &exchange.vigil {
        vigil.enter(Phase::Served);
    }
    let downstream = session.as_downstream_mut();
    // Where the connection is to end with this request, that stays so: the client said it, the
    // process ends, or two lengths that disagree may hide a second request.
    if downstream.get_keepalive().is_some() {
        // For as long as its stream lets it (`threshold`), which sets no timer for each request.
        downstream.set_keepalive(Some(0));
    }
    // Whatever follows a request waits for its turn; else it would end the request before it.
    downstream.set_pipelining_enabled(true);
    // A provider's interim answers are between it and us.
    downstream.set_ignore_info_resp(true);
    session.set_read_timeout(Some(world.downstream.read_timeout));
    if exchange.vigil.is_none() {
        session.set_write_timeout(Some(world.downstream.write_timeout));
    }
    if shared.telemetry.tells_addresses() || !world.door.is_open() {
        exchange.address = admission::address(&world, &shared.background, session);
    }
    tracing::begin(exchange, session.req_header());
    if head_size(session) > world.downstream.head.as_usize() {
        let message = format!("the request's head is larger than the limit of {}", world.downstream.head);
        let refusal = Refusal { status: 431, ..Refusal::new(Kind::TooLarge, message) };
        return refuse(session, exchange, Dialect::OpenaiChat, refusal, Connection::Close).await;
    }
    let asked = match recognise::recognise(session.req_header()) {
        Ok(asked) => asked,
        Err(unknown) => {
            return turn_away(session, exchange, unknown.dialect, unknown.refusal, unknown.allow).await;
        }
    };
    let asked = through::settle(&world, asked, session.req_header());
    let client = asked.dialect();
    exchange.asked = Some(asked.clone());
    if let Asked::Chat { dialect: Dialect::OpenaiResponses, .. } = asked
        && let Some((id, key)) = shared.background.of(session.req_header())
    {
        exchange.id = id;
        exchange.key = key;
        exchange.in_background = true;
    }
    // Who is judged may see the other one of two worlds.
    let judges = !world.externals.is_empty() || world.caching.asks();
    let may_judge = judges || world.is_staged || world.staged.is_some();
    if may_judge && let Some(key) = shared.background.judged(session.req_header()) {
        exchange.judges = true;
        exchange.key = key;
    }
    // A judge with a key of its own is let in as whoever else has it.
    let is_own = exchange.in_background
        || exchange.judges && !session.req_header().headers.contains_key(header::AUTHORIZATION);
    if !asked.is_public() && !is_own {
        let head = session.req_header();
        let mut admitted = admission::admit(&world, head, exchange.address, exchange.at / 1000);
        if admitted.is_err()
            && !world.door.issuers.is_empty()
            && let Some(opened) = tokens::admit(shared, &world, head, exchange.address).await
        {
            admitted = opened.map(Some);
        }
        match admitted {
            Ok(key) => exchange.key = key,
            Err(refusal) => return turn_away(session, exchange, client, refusal, None).await,
        }
    }
    let key = exchange.key.clone();
    let key = key.as_deref();
    let listed = match &asked {
        Asked::Health => Some(Ok(b"{\"status\":\"ok\"}".to_vec())),
        Asked::Models(dialect) => Some(Ok(local::models(&world, key, *dialect))),
        Asked::Model(dialect, name) => Some(local::model(&world, key, *dialect, name)),
        Asked::Machine(Machine::Running) => Some(Ok(ollama::models::render_running())),
        Asked::Machine(Machine::Version) => Some(Ok(ollama::models::render_version())),
        Asked::Chat { .. }
        | Asked::Embed { .. }
        | Asked::Rerank(_)
        | Asked::Relay(_)
        | Asked::Count { .. }
        | Asked::Shelved(_)
        | Asked::Machine(Machine::Show)
        | Asked::Live(_)
        | Asked::Opening(_)
        | Asked::Through(_) => None,
    };
    match listed {
        Some(Ok(body)) => {
            let extra = dressing::own_headers(exchange);
            return answer::json(session, 200, body, extra).await.map(|()| true);
        }
        Some(Err(refusal)) => {
            return refuse(session, exchange, client, refusal, Connection::Keep).await;
        }
        None => {}
    }
    if let Asked::Live(form) = &asked {
        let dispatched = live::dispatch(shared, session, exchange, *form);
        exchange.overhead += clock::now().saturating_duration_since(exchange.started);
        return match dispatched {
            Ok(()) => Ok(false),
            Err(refusal) => turn_away(session, exchange, client, refusal, None).await,
        };
    }
    if let Asked::Through(through) = &asked
        && !through::is_held(&world, through, session.req_header())
        && !admission::must_be_read(key, through, session.req_header())
        && !(guarding::must_read(&world, key) && through::may_be_json(through, session.req_header()))
        && !rewriting::must_read(&world, key, through)
    {
        body::invite(session).await?;
        let share = shared.held.share();
        if !world.externals.is_empty() {
            // What is not read may still have an answer to be looked at.
            let model = through.like.as_ref().and_then(Asked::model_in_path).unwrap_or_default();
            let _ = external::begin(shared, exchange, &model);
        }
        let allowed = admission::go_through(&world, key, through, session.req_header(), &Bytes::new());
        let begun = allowed.and_then(|()| through::dispatch(shared, session, exchange, through, share));
        return match begun {
            Ok(()) => {
                exchange.overhead += clock::now().saturating_duration_since(exchange.started);
                Ok(false)
            }
            Err(refusal) => turn_away(session, exchange, client, refusal, None).await,
        };
    }
    if let Asked::Shelved(kept) = &asked {
        return Box::pin(serve(shared, session, exchange, kept)).await;
    }
    let mut share = shared.held.share();
    let mut form = form::reader(&asked, session.req_header());
    let enough = |came: &[u8]| form.as_mut().is_some_and(|form| form::is_enough(form, came));
    let Some(taken) = take(session, exchange, client, &mut share, enough).await? else { return Ok(true) };
    let begun = clock::now();
    let whole = taken.rest == 0;
    let sent_on = match (&asked, form) {
        (Asked::Opening(opened), _) => {
            opening::dispatch(shared, session, exchange, *opened, taken.body, share).map(|()| Sent::Away)
        }
        (Asked::Relay(relayed), Some(form)) => {
            form::dispatch(shared, session, exchange, *relayed, form, taken, share).map(|()| Sent::Away)
        }
        _ => {
            let recalled = if recall::may_refer(&asked, &taken.body) {
                // What few requests need has no room in the future of each.
                Box::pin(recall(shared, &world, exchange.owner(), &taken.body, &mut share)).await
            } else {
                Ok(None)
            };
            let sent = recalled
                .and_then(|recall| dispatch(shared, session, exchange, &asked, taken.body, recall, share));
            match sent {
                Ok(Sent::Waits(paused)) => {
                    // As above.
                    Box::pin(paused.ask(shared, session, exchange, &asked)).await
                }
                sent => sent,
            }
        }
    };
    exchange.overhead += clock::now().saturating_duration_since(begun);
    match sent_on {
        Ok(Sent::Away) => Ok(false),
        Ok(Sent::Waits(_)) => Error::e_explain(ErrorType::InternalError, "a request that was asked about"),
        Ok(Sent::Found(query, found)) => caching::serve(shared, session, exchange, query, found).await,
        Ok(Sent::Vectors(form, items)) if !items.is_whole() => {
            // What few requests need has no room in the future of each.
            Box::pin(caching::items::look_behind(shared, session, exchange, form, &items)).await
        }
        Ok(Sent::Vectors(form, items)) => {
            caching::items::serve(shared, session, exchange, form, &items).await
        }
        Ok(Sent::Here(body)) => {
            let extra = dressing::own_headers(exchange);
            answer::json(session, 200, body, extra).await.map(|()| true)
        }
        Err(refusal) => {
            let connection = if whole { Connection::Keep } else { Connection::Close };
            refuse(session, exchange, client, refusal, connection).await
        }
    }
}

/// Reads the body whole, or as much as is enough; `None` when it was refused, and its client told so.
///
/// # Errors
/// When the client is gone.
pub(in crate::proxy) async fn take(
    session: &mut Session,
    exchange: &mut Exchange,
    client: Dialect,
    share: &mut Share,
    enough: impl FnMut(&[u8]) -> bool,
) -> Result<Option<Taken>> {
    let world = Arc::clone(&exchange.world);
    let coding = match body::coding(session.req_header()) {
        Ok(coding) => coding,
        Err(refusal) => return turn_away(session, exchange, client, refusal, None).await.map(|_| None),
    };
    let is_low = exchange.key.as_ref().is_some_and(|key| key.priority == Priority::Low);
    if is_low && share.is_scarce(body::FOR_ALL, world.downstream.held.as_usize()) {
        return turn_away(session, exchange, client, body::full(), None).await.map(|_| None);
    }
    let read = clock::now();
    exchange.overhead += read.saturating_duration_since(exchange.started);
    let (refusal, connection) =
        match body::read(session, coding, &world.downstream, exchange.deadline, share, enough).await {
            Ok(taken) => return Ok(Some(taken)),
            Err(Untaken::Refused(refusal)) => (refusal, Connection::Close),
            Err(Untaken::Unusable(refusal)) => (refusal, Connection::Keep),
            Err(Untaken::Gone(error)) => {
                exchange.client_gone = true;
                return Err(error);
            }
        };
    refuse(session, exchange, client, refusal, connection).await.map(|_| None)
}

fn vigil(session: &Session) -> Option<Arc<Vigil>> {
    let threshold = session.as_downstream().as_http1()?.stream().as_any().downcast_ref::<Threshold>()?;
    Some(Arc::clone(threshold.vigil()))
}

fn head_size(session: &Session) -> usize {
    let head = session.req_header();
    let lines = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    head.raw_path().len() + lines.sum::<usize>()
}

/// Refuses a request whose body was not read: a small one is read away, so that the connection
/// can be kept; a large one closes it.
async fn turn_away(
    session: &mut Session,
    exchange: &mut Exchange,
    dialect: Dialect,
    refusal: Refusal,
    allow: Option<&'static str>,
) -> Result<bool> {
    const SMALL: u64 = 64 << 10;
    let head = session.req_header();
    let length =
        head.headers.get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let chunked = head.headers.contains_key("transfer-encoding");
    let small = !chunked && length.unwrap_or(0) <= SMALL;
    // A client that does not send what it promised hears the same, and then the end.
    let connection = if small && Box::pin(body::skip(session, &exchange.world.downstream)).await.is_ok() {
        Connection::Keep
    } else {
        Connection::Close
    };
    if let (Connection::Close, Some(vigil)) = (connection, &exchange.vigil) {
        vigil.linger();
    }
    let mut headers = dressing::own_headers(exchange);
    headers.extend(allow.map(|method| (header::ALLOW, HeaderValue::from_static(method))));
    let written = Box::pin(answer::refuse(session, dialect, &refusal, connection, headers)).await;
    exchange.refusal = Some(refusal);
    written.map(|()| true)
}

/// What becomes of a request that was read.
enum Sent {
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
fn dispatch(
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
fn go_through(
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
fn send(
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
    let head = session.req_header();
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
    let looking = tracing::since(exchange);
    let query = match asked {
        // What a judge says is said about this and nothing else.
        Asked::Chat { .. } if !exchange.in_background && !exchange.judges => {
            let own = exchange.key.as_deref();
            caching::query(&exchange.world, &shared.cache, own, &head.headers, &mut ask, lens, &targets)?
        }
        _ => None,
    };
    let mut vectors = None;
    if let Asked::Embed { form, .. } = asked {
        let own = exchange.key.as_deref();
        let world = &exchange.world;
        let kept = (&shared.cache, shared.tiers.as_ref());
        ask.items = caching::items::look(&world.caching, kept, own, &head.headers, &ask, *form, &known)?;
        // A small request may want much of what is kept.
        let weight = ask.items.as_ref().map_or(0, |items| items.weight());
        if weight > 0 && !share.grow(weight, world.downstream.held.as_usize()) {
            return Err(body::full());
        }
        exchange.cache = ask.items.as_ref().map(|_| Tier::Miss);
        let is_here = |items: &Arc<Items>| items.is_whole() || items.may_lie_behind();
        vectors = ask.items.clone().filter(is_here).map(|items| (*form, items));
    }
    let (mut found, mut tape) = (None, None);
    if let Some(mut query) = query {
        query.leads = exchange.vigil.is_some();
        let found_out = query.look(&shared.cache);
        tracing::took(exchange, looking, Deed::Cache);
        match found_out {
            Found::Nothing(flight)
                if shared.tiers.is_some() && !query.wish.fresh || query.waits_for().is_some() =>
            {
                found = Some((query, Found::Nothing(flight)));
            }
            Found::Nothing(_) if query.wish.only => return Err(caching::look::uncached()),
            Found::Nothing(flight) => {
                exchange.cache = Some(Tier::Miss);
                let mark = caching::mark(exchange.key.as_deref(), &ask);
                let kept = (&shared.cache, shared.tiers.as_ref());
                // Dropped, it tells whoever waits that nothing comes.
                let vigil = exchange.vigil.as_ref();
                caching::asking::aside(shared, &query, exchange.key.clone());
                tape = query.takes.then(|| Box::new(Tape::new(kept, query, flight, mark)).outliving(vigil));
            }
            something => found = Some((query, something)),
        }
    }
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

/// Which of a provider's keys has its turn, of those that are not barred, or made what the request refers to.
fn key(shared: &Shared, world: &Snapshot, ask: &Ask, known: &Known, barred: u64) -> usize {
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
