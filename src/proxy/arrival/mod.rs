//! A request arrives: recognised, let in, read, and given its targets.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::clock;
use crate::dialect::Framing;
use crate::dialect::bedrock_invoke::Wrap;
use crate::ir::{Dialect, ServiceTier, Usage};
use crate::proxy::answer::{self, Connection};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::arrival::body::Untaken;
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt::{self, malformed};
use crate::proxy::departure::kept;
use crate::proxy::departure::targets::{self, Known};
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::phases::refuse;
use crate::proxy::relay::LARGEST_EVENT;
use crate::proxy::returning;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::Threshold;
use crate::proxy::threshold::vigil::{Phase, Vigil};
use crate::refusal::{Kind, Refusal};
use crate::route::{Target, WORDS};
use crate::snapshot::Door;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

pub mod address;
pub mod asked;
pub mod body;
mod envelope;
mod form;
pub mod local;
mod through;

/// Takes a request in. `true` when it is answered already.
///
/// # Errors
/// When the client is gone.
pub async fn arrive(shared: &Shared, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
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
    if head_size(session) > world.downstream.head.as_usize() {
        let message = format!("the request's head is larger than the limit of {}", world.downstream.head);
        let refusal = Refusal { status: 431, ..Refusal::new(Kind::TooLarge, message) };
        return refuse(session, exchange, Dialect::OpenaiChat, refusal, Connection::Close).await;
    }
    let asked = match asked::recognise(session.req_header()) {
        Ok(asked) => asked,
        Err(unknown) => {
            return turn_away(session, exchange, unknown.dialect, unknown.refusal, unknown.allow).await;
        }
    };
    let asked = through::settle(&world, asked, session.req_header());
    let client = asked.dialect();
    exchange.asked = Some(asked.clone());
    if !asked.is_public() && !admitted(&world.door, session.req_header()) {
        let refusal = Refusal::new(Kind::Authentication, "the API key is missing or not known here")
            .with_code("invalid_api_key");
        return turn_away(session, exchange, client, refusal, None).await;
    }
    let listed = match &asked {
        Asked::Health => Some(Ok(b"{\"status\":\"ok\"}".to_vec())),
        Asked::Models(dialect) => Some(Ok(local::models(&world, shared, *dialect))),
        Asked::Model(dialect, name) => Some(local::model(&world, shared, *dialect, name)),
        Asked::Chat { .. }
        | Asked::Embed { .. }
        | Asked::Rerank(_)
        | Asked::Relay(_)
        | Asked::Count { .. }
        | Asked::Through(_) => None,
    };
    match listed {
        Some(Ok(body)) => {
            let extra = returning::own_headers(exchange);
            return answer::json(session, 200, body, extra).await.map(|()| true);
        }
        Some(Err(refusal)) => return refuse(session, exchange, client, refusal, Connection::Keep).await,
        None => {}
    }
    if let Asked::Through(through) = &asked
        && !through::is_held(&world, through, session.req_header())
    {
        body::invite(session).await?;
        let share = shared.held.share();
        return match through::dispatch(shared, session, exchange, through, share) {
            Ok(()) => {
                exchange.overhead += clock::now().saturating_duration_since(exchange.started);
                Ok(false)
            }
            Err(refusal) => turn_away(session, exchange, client, refusal, None).await,
        };
    }
    let coding = match body::coding(session.req_header()) {
        Ok(coding) => coding,
        Err(refusal) => return turn_away(session, exchange, client, refusal, None).await,
    };
    let mut share = shared.held.share();
    let read = clock::now();
    exchange.overhead += read.saturating_duration_since(exchange.started);
    let mut form = form::reader(&asked, session.req_header());
    let enough = |came: &[u8]| form.as_mut().is_some_and(|form| form::is_enough(form, came));
    let read = body::read(session, coding, &world.downstream, exchange.deadline, &mut share, enough).await;
    let taken = match read {
        Ok(taken) => taken,
        Err(Untaken::Refused(refusal)) => {
            return refuse(session, exchange, client, refusal, Connection::Close).await;
        }
        Err(Untaken::Unusable(refusal)) => {
            return refuse(session, exchange, client, refusal, Connection::Keep).await;
        }
        Err(Untaken::Gone(error)) => {
            exchange.client_gone = true;
            return Err(error);
        }
    };
    let begun = clock::now();
    let whole = taken.rest == 0;
    let sent_on = match (&asked, form) {
        (Asked::Relay(relayed), Some(form)) => {
            form::dispatch(shared, session, exchange, *relayed, form, taken, share).map(|()| None)
        }
        _ => dispatch(shared, session, exchange, &asked, taken.body, share),
    };
    exchange.overhead += clock::now().saturating_duration_since(begun);
    match sent_on {
        Ok(None) => Ok(false),
        Ok(Some(body)) => {
            let extra = returning::own_headers(exchange);
            answer::json(session, 200, body, extra).await.map(|()| true)
        }
        Err(refusal) => {
            let connection = if whole { Connection::Keep } else { Connection::Close };
            refuse(session, exchange, client, refusal, connection).await
        }
    }
}

fn admitted(door: &Door, head: &RequestHeader) -> bool {
    door.admits(None) || asked::credentials(head).any(|key| door.admits(Some(&key)))
}

/// The body with the model that an Azure path names: from here on the body says it.
fn named(body: &Bytes, model: &str) -> Result<Bytes, Refusal> {
    let lens = Lens::new(body).map_err(malformed)?;
    if lens.string("model").as_deref() == Some(model) {
        return Ok(body.clone());
    }
    Ok(lens.apply(&[Edit::Set { key: "model".into(), value: json::string(model) }]).into())
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
    let connection = if small && body::skip(session, &exchange.world.downstream).await.is_ok() {
        Connection::Keep
    } else {
        Connection::Close
    };
    if let (Connection::Close, Some(vigil)) = (connection, &exchange.vigil) {
        vigil.linger();
    }
    let mut headers = returning::own_headers(exchange);
    headers.extend(allow.map(|method| (header::ALLOW, HeaderValue::from_static(method))));
    let written = answer::refuse(session, dialect, &refusal, connection, headers).await;
    exchange.refusal = Some(refusal);
    written.map(|()| true)
}

/// Finds the targets and prepares the first attempt; or the body of an answer given here.
fn dispatch(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    asked: &Asked,
    body: Bytes,
    share: Share,
) -> Result<Option<Vec<u8>>, Refusal> {
    if let Asked::Through(through) = asked {
        let (through, body) = through::owned(&exchange.world, through, body);
        through::dispatch(shared, session, exchange, &through, share)?;
        if let Some(call) = exchange.call() {
            call.upload = Upload::Held;
            call.attempt.body = body;
        }
        return Ok(None);
    }
    let body = match asked::deployment(session.req_header().uri.path()) {
        Some(name) => named(&body, &name)?,
        None => body,
    };
    let (body, betas) = match envelope::open(asked, session.req_header().uri.path(), &body)? {
        Some(opened) => (opened.body, opened.betas),
        None => (body, Vec::new()),
    };
    let bytes = body.clone();
    let lens = Lens::watching(&bytes, &WORDS).map_err(malformed)?;
    let mut ask = read_ask(session, asked, &lens, body)?;
    envelope::carry(&mut ask.carried, betas);
    let Chosen { targets, place, known, key } = choose(shared, exchange, asked, &mut ask)?;
    let client = asked.dialect();
    if matches!(asked, Asked::Count { .. }) && (known.dialect != client || known.paths.count.is_none()) {
        if client == Dialect::OpenaiResponses {
            kept::refuse(&lens)?;
        }
        return local::count(shared, &ask, &known.model).map(Some);
    }
    let attempt = attempt::prepare(&mut ask, asked, &lens, known, key)?;
    let mut call = Call::new(ask, targets, place, attempt, share);
    if let Asked::Chat { dialect: Dialect::AnthropicMessages, path: Some(path) } = asked
        && path.stream == Some(Framing::AwsEvents)
    {
        call.wrap = Some(Box::new(Wrap::new(LARGEST_EVENT)));
    }
    exchange.stage = Stage::Away(Box::new(call));
    Ok(None)
}

/// Where a request goes first.
struct Chosen {
    targets: Vec<Target>,
    place: usize,
    known: Arc<Known>,
    key: usize,
}

/// Finds the targets of a request's model, and the first of them that has what is asked for.
fn choose(shared: &Shared, exchange: &Exchange, asked: &Asked, ask: &mut Ask) -> Result<Chosen, Refusal> {
    let world = &exchange.world;
    let choice = world
        .table
        .choose(&ask.model, &shared.discovered.load())
        .map_err(|unknown| local::unknown_model(&ask.model, &unknown.nearest))?;
    ask.strict |= choice.strict || world.strict;
    let client = asked.dialect();
    let found = choice.targets.iter().enumerate().find_map(|(place, target)| {
        let known = targets::known(world, target, client)?;
        attempt::serves(asked, &known).then_some((place, known))
    });
    let Some((place, known)) = found else {
        let message = format!("no provider of the model \"{}\" can do this", ask.model);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let keys = world.providers.get(known.index).map_or(0, |provider| provider.keys.len());
    let key = if keys > 1 { shared.next_turn() % keys } else { 0 };
    Ok(Chosen { targets: choice.targets, place, known, key })
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
        None | Some("null" | "false") => false,
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

fn read_ask(session: &Session, asked: &Asked, lens: &Lens<'_>, body: Bytes) -> Result<Ask, Refusal> {
    let head = session.req_header();
    let (model, stream) = read_model(asked, lens)?;
    let dialect = asked.dialect();
    let options = lens.raw("stream_options").and_then(|raw| Lens::new(raw.as_bytes()).ok());
    let stream_usage = !matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiCompletions)
        || options.and_then(|options| options.bool("include_usage")).unwrap_or(false);
    let (strict, carried) = read_headers(&head.headers);
    Ok(Ask {
        dialect,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or("").to_owned(),
        body,
        owner: None,
        form: None,
        rest: 0,
        unsized_body: !head.headers.contains_key(header::CONTENT_LENGTH),
        parsed: None,
        model,
        stream,
        framing: match asked {
            // Such a stream of Claude's is put into the cloud's once it is said.
            Asked::Chat { dialect: Dialect::AnthropicMessages, .. } => Framing::Sse,
            Asked::Chat { path: Some(path), .. } => path.stream.unwrap_or(Framing::Sse),
            _ => Framing::Sse,
        },
        stream_usage,
        strict,
        tier: asked_tier(lens),
        assumed: match asked {
            Asked::Relay(relayed) => relayed.assumed(|name| lens.string(name), |name| lens.u64(name)),
            _ => Usage::default(),
        },
        carried,
    })
}

/// Whether the client's headers ask to be strict, and those that go on to a target of its dialect.
/// One look at each header costs less than a search for each name.
fn read_headers(headers: &HeaderMap) -> (bool, Vec<(&'static str, String)>) {
    let (mut strict, mut carried) = (false, Vec::new());
    for (name, value) in headers {
        let name = match name.as_str() {
            "x-tollgate-strict" => {
                strict = value == "1" || value.as_bytes().eq_ignore_ascii_case(b"true");
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
    (strict, carried)
}

/// The tier that a request asks for, where that has rates of its own.
fn asked_tier(lens: &Lens<'_>) -> Option<ServiceTier> {
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
