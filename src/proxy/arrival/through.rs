//! Requests that go through to a provider as they are: `/p/{provider}/…`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Version, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::catalog::quirks::House;
use crate::clock;
use crate::dialect::live::opening;
use crate::dialect::{Kept, kept};
use crate::ir::Dialect;
use crate::provider::through::join;
use crate::provider::url::Protocol;
use crate::proxy::arrival::ask;
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::arrival::live;
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt::{Attempt, Mode};
use crate::proxy::departure::targets::{self, Known};
use crate::proxy::departure::tunnel::Tunnel;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::relay::Find;
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::route::{Names, Target};
use crate::snapshot::{Cloud, Provider, Snapshot};

/// The request with its provider, where that is found by an id, and with the dialect of the
/// provider's own API, as far as that is one of ours.
pub(super) fn settle(world: &Snapshot, asked: Asked, head: &RequestHeader) -> Asked {
    let Asked::Through(mut through) = asked else { return asked };
    if through.kept.is_some() {
        let (place, owner) = kept::strip(&through.place, |name| world.table.provider(name).is_ok());
        through.place = place;
        let named = head.headers.get("x-tollgate-provider").and_then(|name| name.to_str().ok());
        let pairs = head.uri.query().unwrap_or("").split('&');
        let asked_for = pairs.into_iter().find_map(|pair| pair.strip_prefix("provider="));
        let told = owner.or_else(|| named.or(asked_for).map(str::to_owned));
        through.provider = told.or_else(|| first_of(world, through.dialect)).unwrap_or_default();
    }
    let found = world.table.provider(&through.provider).ok();
    if let Some(provider) = found.and_then(|index| world.providers.get(index)) {
        let spoken = provider.vendor.speaks;
        if !spoken.iter().any(|(dialect, _)| *dialect == through.dialect) {
            through.dialect = spoken.first().map_or(Dialect::OpenaiChat, |(dialect, _)| *dialect);
        }
    }
    Asked::Through(through)
}

/// The provider whose ids have no name behind them: the first that speaks the dialect, its own maker
/// before others.
fn first_of(world: &Snapshot, dialect: Dialect) -> Option<String> {
    let speaks = |provider: &&Provider| provider.vendor.speaks.iter().any(|(spoken, _)| *spoken == dialect);
    let own = |provider: &&Provider| provider.vendor.quirks.house == House::Own;
    let mut all = world.providers.iter().filter(speaks);
    let first = all.clone().find(own).or_else(|| all.next());
    first.map(|provider| provider.name.clone())
}

/// A request about what is kept, by what its body says: ids there have owners too.
pub(super) fn owned(world: &Snapshot, through: &Through, body: Bytes) -> (Through, Bytes) {
    let mut through = through.clone();
    if through.kept.is_none() {
        return (through, body);
    }
    let Ok(text) = std::str::from_utf8(&body) else { return (through, body) };
    let (plain, owner) = kept::strip(text, |name| world.table.provider(name).is_ok());
    if through.kept == Some(Kept::Calls) {
        let named = accepted(world, &through, plain.as_bytes());
        return (through, named.unwrap_or(body));
    }
    match owner {
        Some(owner) => {
            through.provider = owner;
            (through, plain.into())
        }
        None => (through, body),
    }
}

/// What a call is accepted with, where an alias of ours names its model.
fn accepted(world: &Snapshot, through: &Through, body: &[u8]) -> Option<Bytes> {
    let here = world.table.provider(&through.provider).ok()?;
    let (model, path) = opening::model(body).ok()??;
    let choice = world.table.choose(&model, &Names::default()).ok()?;
    let target = choice.targets.into_iter().find(|target| target.provider == here)?;
    opening::renamed(body, path, &target.model).ok().map(Bytes::from)
}

/// Whether the request must be read whole, since a signature is made over its body or ids stand in it.
pub(super) fn is_held(world: &Snapshot, through: &Through, head: &RequestHeader) -> bool {
    (is_json(head) && through.kept.is_some()) || is_signed(world, through)
}

/// Whether a body is said to be JSON.
fn is_json(head: &RequestHeader) -> bool {
    is_of(head, "application/json")
}

/// Whether there is a body that its provider may take for JSON. Some do so whatever it is said to be, so
/// that only where nothing is known to be asked for the names of other things are believed.
pub(super) fn may_be_json(through: &Through, head: &RequestHeader) -> bool {
    const OTHERS: [&str; 5] = ["multipart/", "audio/", "image/", "video/", "application/octet-stream"];
    let is_other = || OTHERS.iter().any(|other| is_of(head, other));
    has_body(head) && (is_known(through.like.as_ref()) || !is_other())
}

/// Whether this is asked for in JSON by all who ask for it.
const fn is_known(like: Option<&Asked>) -> bool {
    match like {
        Some(Asked::Chat { .. } | Asked::Embed { .. } | Asked::Rerank(_) | Asked::Count { .. }) => true,
        Some(
            Asked::Relay(_)
            | Asked::Machine(_)
            | Asked::Models(_)
            | Asked::Model(..)
            | Asked::Shelved(_)
            | Asked::Live(_)
            | Asked::Opening(_)
            | Asked::Through(_)
            | Asked::Health,
        )
        | None => false,
    }
}

/// Whether the type that a body is said to be of begins so.
fn is_of(head: &RequestHeader, kind: &str) -> bool {
    let told = head.headers.get(header::CONTENT_TYPE).and_then(|told| told.as_bytes().get(..kind.len()));
    told.is_some_and(|told| told.eq_ignore_ascii_case(kind.as_bytes()))
}

/// HTTP/2 need not tell in the head that a body follows; a session that opens has none.
fn has_body(head: &RequestHeader) -> bool {
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        return true;
    }
    match head.headers.get(header::CONTENT_LENGTH) {
        Some(length) => length != "0",
        None => head.version == Version::HTTP_2 && !matches!(head.method, Method::GET | Method::HEAD),
    }
}

fn is_signed(world: &Snapshot, through: &Through) -> bool {
    let provider = world.table.provider(&through.provider).ok();
    let cloud = provider.and_then(|index| world.providers.get(index)?.cloud.as_ref());
    cloud.is_some_and(Cloud::signs)
}

/// Prepares the one attempt that there is; the body will go through as it comes.
///
/// # Errors
/// When no provider has that name, or the path leads upwards.
pub(in crate::proxy) fn dispatch(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    through: &Through,
    share: Share,
) -> Result<(), Refusal> {
    let world = Arc::clone(&exchange.world);
    let index = world.table.provider(&through.provider).map_err(|unknown| {
        if through.kept.is_some() && through.provider.is_empty() {
            return Refusal::new(Kind::NotFound, "no provider that is configured keeps such things");
        }
        let shown: String = through.provider.chars().take(128).collect();
        let hint = match unknown.nearest.as_slice() {
            [] => String::new(),
            nearest => format!("; did you mean {}?", nearest.join(", ")),
        };
        Refusal::new(Kind::NotFound, format!("no provider is named \"{shown}\"{hint}"))
    })?;
    let provider =
        world.providers.get(index).ok_or_else(|| Refusal::new(Kind::Internal, "no such provider"))?;
    let now = clock::ticks(clock::now());
    if let Some(until) = provider.health.rest.until(now) {
        return Err(in_maintenance(&provider.name, until.map(|until| until.saturating_sub(now))));
    }
    let like = through.like.as_ref().map(Asked::dialect);
    let joined = join(&provider.spoken(), &provider.base, like, &through.place);
    let (base, mut path) = joined.ok_or_else(|| {
        Refusal::new(Kind::InvalidRequest, "a path that goes through must not lead upwards")
    })?;
    let kept = through.kept.is_some();
    let query = query(session.req_header().uri.query().unwrap_or(""), kept, provider, &path);
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    let opens = live::is_handshake(session.req_header());
    let share = if opens { live::settle_in(shared, session, exchange)? } else { share };
    let body_less = session.as_downstream_mut().is_body_empty();
    let head = session.req_header();
    let model = through.like.as_ref().and_then(Asked::model_in_path).unwrap_or_default();
    let known = Known::through(&world, provider, index, through.dialect, base, &model);
    let known = Arc::new(known.at_host(targets::host(&world, provider, index)));
    let key = key(shared, provider, now);
    let method = head.method.clone();
    let results = kept && Kept::gives_results(&through.place);
    let find = if results { Find::Batch } else { Find::like(through.like.as_ref()) };
    let first = first_of(&world, through.dialect);
    let own = (kept && first.as_ref() != Some(&provider.name)).then(|| provider.name.clone());
    // Batches of messages name an address too, which must be ours.
    let messages = through.kept == Some(Kept::Batches) && through.dialect == Dialect::AnthropicMessages;
    let owner = own.or_else(|| messages.then(String::new));
    let ask = Ask {
        unsized_body: !body_less && !head.headers.contains_key(header::CONTENT_LENGTH),
        attribution: ask::read_headers(&head.headers).attribution,
        owner,
        ..Ask::new(through.dialect, through.place.clone(), query, model.clone())
    };
    let upload = if opens {
        let form = match &through.like {
            Some(Asked::Live(form)) => Some(*form),
            _ => None,
        };
        Upload::Tunnel(Box::new(Tunnel::new(head, form, Protocol::Current, false)))
    } else {
        Upload::streamed(Bytes::new())
    };
    let attempt = Attempt {
        known,
        key,
        method,
        path,
        body: Bytes::new(),
        headers: Vec::new(),
        mode: Mode::Through(find),
        losses: <_>::default(),
        recalled: false,
    };
    let target = Target { provider: index, model };
    let call = Call::new(ask, vec![target], 0, attempt, share);
    exchange.stage = Stage::Away(Box::new(Call { upload, ..call }));
    Ok(())
}

/// The key that has its turn, of those that no operator has taken out.
fn key(shared: &Shared, provider: &Provider, now: u64) -> usize {
    let keys = provider.keys.len();
    if keys < 2 {
        return 0;
    }
    let turn = shared.next_turn() % keys;
    let fingerprints = provider.fingerprints();
    let is_awake =
        |key: &usize| fingerprints.get(*key).is_none_or(|key| !provider.health.key(*key).rest.is_on(now));
    (0..keys).map(|step| (turn + step) % keys).find(is_awake).unwrap_or(turn)
}

/// The refusal of what goes to a provider that an operator has taken out, for so many milliseconds if that
/// is known.
fn in_maintenance(name: &str, wait: Option<u64>) -> Refusal {
    let refusal = Refusal::new(Kind::Unavailable, format!("the provider \"{name}\" is in maintenance"));
    let refusal = refusal.with_code("no_target_available");
    match wait {
        Some(wait) => refusal.with_retry_after(Duration::from_millis(wait.max(1000))),
        None => refusal,
    }
}

/// The client's query without the key that opened our door, and with the version that Azure demands.
fn query(query: &str, kept: bool, provider: &Provider, path: &str) -> String {
    // Either would open a provider's door.
    let opens = |pair: &str| matches!(pair.split('=').next(), Some("key" | "access_token"));
    let ours = |pair: &str| opens(pair) || kept && pair.starts_with("provider=");
    let pairs = query.split('&').filter(|pair| !ours(pair));
    let mut kept: Vec<_> = pairs.filter(|pair| !pair.is_empty()).collect();
    let demanded = provider.api_version.as_deref().or(provider.vendor.api_version);
    let version = demanded.map(|version| format!("api-version={version}"));
    let missing = path.contains("/deployments/") && !kept.iter().any(|pair| pair.starts_with("api-version="));
    kept.extend(version.as_deref().filter(|_| missing));
    kept.join("&")
}
