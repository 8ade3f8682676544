//! The admin API: each path of the table, answered.

mod asked;
mod audit;
mod cache;
mod config;
mod keys;
mod live;
mod models;
mod openapi;
mod overview;
mod owners;
mod play;
mod providers;
mod reprice;
mod requests;
mod rest;
mod rules;
mod session;
mod staging;
mod sums;
mod usage;

use http::Method;

pub(super) use play::Player;

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::ask::Ask;
use crate::admin::refused::Refused;
use crate::admin::table::{Astray, Page, Row, find};
use crate::clock;
use crate::policy::Operator;
use crate::snapshot::Snapshot;
use crate::wire::json;

/// A request that was let in.
pub(super) struct Call<'a> {
    pub(super) admin: &'a Admin,
    pub(super) ask: &'a Ask,
    /// Who asks.
    pub(super) who: Operator,
    /// What stands in the path's place for a name.
    pub(super) name: String,
}

type Outcome = Result<Answer, Refused>;

/// The line of the table that is asked for, and who asks, before the body is read.
///
/// # Errors
/// When there is no such line, or who asks may not.
pub(super) fn enter(admin: &Admin, ask: &Ask) -> Result<(&'static Row, Operator, String), Refused> {
    let world = admin.shared.world.load();
    let now = clock::unix_seconds();
    let found = find(&ask.method, &ask.path);
    if found.is_err() {
        // Strangers learn nothing of what there is.
        let pretended = Ask { method: Method::GET, ..ask.clone() };
        admin.gate.enter(&world.door, &pretended, None, now)?;
    }
    let (row, name) = found.map_err(|astray| match astray {
        Astray::Asked(allow) => Refused::method(allow),
        Astray::Nowhere => {
            Refused::unknown("there is no such path; /api/v1/openapi.json tells of those that are")
        }
    })?;
    let who = match row.page {
        // The key comes in the body.
        Page::Login => stranger(&world, ask)?,
        _ => admin.gate.enter(&world.door, ask, row.scope, now)?,
    };
    if row.page != Page::Play
        && let Some(unknown) = ask.names().find(|name| !row.query.iter().any(|param| *param.name == **name))
    {
        let known: Vec<_> = row.query.iter().map(|param| param.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("the query has no parameter \"{unknown}\"; there is {known}");
        return Err(Refused::invalid(&*unknown, message));
    }
    Ok((row, who, name))
}

/// Whoever is about to show a key.
fn stranger(world: &Snapshot, ask: &Ask) -> Result<Operator, Refused> {
    crate::admin::gate::refuse_without_keys(&world.door)?;
    crate::admin::gate::refuse_foreign(ask)?;
    Ok(Operator { name: "".into(), secret: blake3::hash(b""), scopes: Vec::new() })
}

/// Answers a call to a page.
pub(super) async fn answer(page: Page, call: &Call<'_>) -> Answer {
    let outcome = match page {
        Page::Session => Ok(session::show(call).await),
        Page::Login => session::begin(call).await,
        Page::Logout => session::end(call).await,
        Page::Overview => overview::show(call).await,
        Page::Usage => usage::show(call).await,
        Page::Requests => requests::list(call).await,
        Page::Request => requests::one(call).await,
        Page::Live => live::listen(call),
        Page::Keys => keys::list(call).await,
        Page::MakeKey => keys::make(call).await,
        Page::Key => keys::show(call).await,
        Page::ChangeKey => keys::change(call).await,
        Page::RevokeKey => keys::revoke(call).await,
        Page::RotateKey => keys::rotate(call).await,
        Page::Owners => owners::tree(call).await,
        Page::Models => Ok(models::list(call)),
        Page::Providers => Ok(providers::list(call)),
        Page::Rest => rest::begin(call).await,
        Page::Serve => rest::end(call).await,
        Page::Recover => rest::recover(call).await,
        Page::Config => Ok(config::show(call)),
        Page::Reload => staging::reload(call).await,
        Page::Stage => staging::stage(call).await,
        Page::Share => staging::share(call).await,
        Page::Promote => staging::promote(call).await,
        Page::Unstage => staging::end(call).await,
        Page::Check => config::check(call).await,
        Page::Try => config::rehearse(call).await,
        Page::Reprice => reprice::run(call).await,
        Page::Cache => Ok(cache::show(call)),
        Page::Purge => cache::purge(call).await,
        Page::Audit => audit::list(call).await,
        Page::Play => play::play(call).await,
        Page::OpenApi => Ok(openapi::document()),
    };
    outcome.unwrap_or_else(|refused| refused.answer())
}

/// An answer of one JSON object.
fn object(status: u16, f: impl FnOnce(&mut json::Object<'_>)) -> Answer {
    let mut body = Vec::new();
    json::object(&mut body, f);
    Answer::json(status, body)
}

/// A text, or null.
fn text_or_null(object: &mut json::Object<'_>, key: &str, text: Option<&str>) {
    match text {
        Some(text) => object.string(key, text),
        None => object.null(key),
    }
}

/// A moment in seconds since 1970 as answers have it, or null.
fn moment_or_null(object: &mut json::Object<'_>, key: &str, seconds: Option<u64>) {
    let text = seconds.map(|seconds| clock::rfc3339(seconds.saturating_mul(1000)));
    text_or_null(object, key, text.as_ref().map(clock::Timestamp::as_str));
}

/// Texts.
fn texts<'t>(object: &mut json::Object<'_>, key: &str, texts: impl IntoIterator<Item = &'t str>) {
    object.array(key, |array| texts.into_iter().for_each(|text| array.string(text)));
}
