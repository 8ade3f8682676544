//! The configuration in force, and what others would come to.

use std::ops::ControlFlow;

use super::{Call, Outcome, object, staging};
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::clock;
use crate::config::{self, Problem, Severity};
use crate::proxy::rehearsal::Rehearsal;
use crate::store::keys::Keys;
use crate::store::ledger::{self, Filter};
use crate::wire::json::{self, Array};

pub(super) fn show(call: &Call<'_>) -> Answer {
    let loaded = call.admin.reloads.loaded.load();
    let effective = loaded.written.effective();
    object(200, |answer| {
        answer.number("generation", call.admin.shared.world.load().generation);
        answer.string("loaded_at", clock::rfc3339(loaded.at).as_str());
        answer.raw("effective", &effective.values);
        answer.raw("origins", &effective.origins);
        match call.admin.reloads.refused.load_full() {
            None => answer.null("refused_reload"),
            Some(found) => answer.array("refused_reload", |array| problems(array, &found)),
        }
        answer.array("warnings", |array| problems(array, &loaded.warnings));
        staging::tell(answer, call.admin.reloads.beside.load().as_deref());
    })
}

pub(super) async fn check(call: &Call<'_>) -> Outcome {
    let text = String::from_utf8(call.ask.body.to_vec())
        .map_err(|_| Refused::malformed("expected a configuration in UTF-8"))?;
    let sources = call.admin.sources.clone();
    // It reads the files that the text refers to.
    let checked = tokio::task::spawn_blocking(move || config::check(&sources, &text)).await;
    let found = checked.map_err(|_| Refused::unavailable("the check broke off"))?;
    let is_whole = found.iter().all(|problem| problem.severity == Severity::Warning);
    Ok(object(200, |answer| {
        answer.bool("ok", is_whole);
        answer.array("problems", |array| problems(array, &found));
    }))
}

/// The most requests that are looked at: those that ended first.
const MOST_TRIED: u64 = 1_000_000;

pub(super) async fn rehearse(call: &Call<'_>) -> Outcome {
    let text = String::from_utf8(call.ask.body.to_vec())
        .map_err(|_| Refused::malformed("expected a configuration in UTF-8"))?;
    let now = clock::unix_millis();
    let since = call.ask.param("since");
    let from = ledger::moment(since.as_deref().unwrap_or("1h"), now);
    let from =
        from.ok_or_else(|| Refused::invalid("since", "expected a moment, a day, or a time back such as 1h"))?;
    let sources = call.admin.sources.clone();
    let compiled = tokio::task::spawn_blocking(move || config::compile_text(&sources, &text, 0)).await;
    let compiled = compiled.map_err(|_| Refused::unavailable("the check broke off"))?.map_err(|found| {
        let mut list = Vec::new();
        json::array(&mut list, |array| problems(array, &found));
        let message = "the configuration is not whole, so that nothing can be tried with it";
        Refused::wrong(message, String::from_utf8(list).unwrap_or_default())
    })?;
    let stored = call.admin.desk.keys(Keys::all).await;
    let stored = stored.map_err(|wrong| Refused::unavailable(wrong.to_string()))?;
    let stored: Vec<_> = stored.into_iter().map(|kept| kept.stored).collect();
    let told = call
        .admin
        .desk
        .read(move |reader| {
            let mut rehearsal = Rehearsal::new(&compiled.snapshot, &compiled.keys, config::stored(&stored).0);
            let filter = Filter { from, ..Filter::default() };
            let mut left = MOST_TRIED;
            let _ = reader.each(&filter, |row| {
                rehearsal.hear(&row.entry);
                left -= 1;
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            Ok(rehearsal.finish())
        })
        .await?;
    Ok(object(200, |answer| {
        answer.string("since", clock::rfc3339(from).as_str());
        told.tell(answer);
    }))
}

/// Adds problems as answers have them.
pub(super) fn problems(array: &mut Array<'_>, found: &[Problem]) {
    for problem in found {
        array.object(|object| {
            object.string("severity", &problem.severity.to_string());
            object.string("place", &problem.place);
            super::text_or_null(object, "field", problem.field.as_deref());
            object.string("message", &problem.message);
            super::text_or_null(object, "hint", problem.hint.as_deref());
        });
    }
}
