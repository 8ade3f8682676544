//! Who asks, and sessions for browsers.

use http::header::SET_COOKIE;

use super::{Call, Outcome, object, texts};
use crate::admin::answer::Answer;
use crate::admin::gate::{COOKIE, cookie};
use crate::admin::refused::Refused;
use crate::admin::sessions::LASTS;
use crate::clock;
use crate::policy::Operator;
use crate::snapshot::Snapshot;
use crate::store::ledger::Reader;
use crate::wire::json::{self, Kind};

pub(super) async fn show(call: &Call<'_>) -> Answer {
    of(call, &call.who).await
}

async fn of(call: &Call<'_>, who: &Operator) -> Answer {
    // What is not in the ledger yet, or never will be, was heard of at least.
    let has_heard = call.admin.shared.telemetry.has_heard();
    let is_first_run = !has_heard && call.admin.desk.read(Reader::is_empty).await.unwrap_or(true);
    object(200, |session| {
        session.string("name", &who.name);
        texts(session, "scopes", who.scopes.iter().map(|scope| scope.name()));
        session.string("version", env!("CARGO_PKG_VERSION"));
        session.bool("first_run", is_first_run);
        texts(session, "rooms", rooms(&call.admin.shared.world.load()));
    })
}

/// What there is here that not every gateway has.
fn rooms(world: &Snapshot) -> impl Iterator<Item = &'static str> {
    let keeps = world.caching.keeps(world.door.keyring.keys().iter().filter_map(|key| key.cache.as_ref()));
    let rooms = [("cache", keeps), ("guards", !world.guards.is_empty() || !world.externals.is_empty())];
    rooms.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name)
}

/// Begins a session for whoever shows a key in the body.
pub(super) async fn begin(call: &Call<'_>) -> Outcome {
    let body =
        json::parse(&call.ask.body).map_err(|wrong| Refused::malformed(format!("no JSON: {wrong}")))?;
    let secret = match body.get("key").map(json::Json::kind) {
        Some(Kind::String(secret)) if !secret.trim().is_empty() => secret.clone().into_owned(),
        _ => return Err(Refused::invalid("key", "expected the admin key as text")),
    };
    let now = clock::unix_seconds();
    let who = call.admin.gate.open(&call.admin.shared.world.load().door, call.ask, &secret, now)?;
    let id = clock::secret();
    if id.is_empty() {
        return Err(Refused::unavailable("the system gives no random numbers"));
    }
    call.admin.gate.sessions.begin(&id, who.secret, now);
    call.admin.desk.note(&who.name, "session.begin", None, "{}".to_owned()).await;
    Ok(of(call, &who).await.with(SET_COOKIE, &crumb(call, &id, LASTS)))
}

/// Ends the session of this browser.
pub(super) async fn end(call: &Call<'_>) -> Outcome {
    if let Some(id) = cookie(call.ask) {
        call.admin.gate.sessions.end(id);
        call.admin.desk.note(&call.who.name, "session.end", None, "{}".to_owned()).await;
    }
    Ok(Answer::new(204, "application/json", "").with(SET_COOKIE, &crumb(call, "", 0)))
}

/// The cookie. Where the browser came by https, it is shown by https alone.
fn crumb(call: &Call<'_>, id: &str, lasts: u64) -> String {
    let by_https = call.ask.header("x-forwarded-proto").is_some_and(|proto| {
        // The first is what the browser spoke.
        proto.split(',').next().is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
    });
    let secure = if by_https { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}")
}
