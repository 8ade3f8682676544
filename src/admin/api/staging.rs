//! A configuration that a share of the clients sees, before it is everybody's.

use super::config::problems;
use super::{Call, Outcome, object};
use crate::admin::refused::Refused;
use crate::clock;
use crate::proxy::reloads::{Beside, Change, Unchanged};
use crate::wire::json::{self, Kind, Object};

/// Stages a text, or the file as it is.
pub(super) async fn stage(call: &Call<'_>) -> Outcome {
    let wanted = Wanted::read(&call.ask.body, &["percent", "text"])?;
    change(call, "config.stage", Change::Stage(wanted.text, wanted.percent)).await
}

/// Gives what is staged another share.
pub(super) async fn share(call: &Call<'_>) -> Outcome {
    let wanted = Wanted::read(&call.ask.body, &["percent"])?;
    change(call, "config.share", Change::Share(wanted.percent)).await
}

/// Serves what is staged to all.
pub(super) async fn promote(call: &Call<'_>) -> Outcome {
    change(call, "config.promote", Change::Promote).await
}

/// Lets go of what is staged.
pub(super) async fn end(call: &Call<'_>) -> Outcome {
    change(call, "config.drop", Change::Drop).await
}

/// Reads the configuration anew.
pub(super) async fn reload(call: &Call<'_>) -> Outcome {
    change(call, "config.reload", Change::Reload).await
}

/// Has the keeper do it, notes that, and tells how the worlds stand then.
async fn change(call: &Call<'_>, action: &str, change: Change) -> Outcome {
    let (is_reload, is_stage) = (matches!(change, Change::Reload), matches!(change, Change::Stage(..)));
    let percent = match change {
        Change::Stage(_, percent) | Change::Share(percent) => Some(percent),
        Change::Reload | Change::Promote | Change::Drop => None,
    };
    let outcome = call.admin.reloads.change(change).await;
    let outcome = outcome.map_err(|late| Refused::unavailable(format!("the configuration: {late}")))?;
    let mut detail = Vec::new();
    json::object(&mut detail, |object| {
        object.opt_number("percent", percent);
        match &outcome {
            Ok(generation) => object.number("generation", *generation),
            Err(Unchanged::Refused(found)) => object.number("problems", found.len()),
            Err(Unchanged::NothingStaged) => object.number("staged", 0),
        }
    });
    let detail = String::from_utf8(detail).unwrap_or_default();
    call.admin.desk.note(&call.who.name, action, None, detail).await;
    match outcome {
        Ok(generation) if is_reload => Ok(object(200, |answer| answer.number("generation", generation))),
        Ok(_) => Ok(object(200, |answer| {
            answer.number("generation", call.admin.shared.world.load().generation);
            tell(answer, call.admin.reloads.beside.load().as_deref());
        })),
        Err(Unchanged::Refused(found)) => {
            let mut list = Vec::new();
            json::array(&mut list, |array| problems(array, &found));
            let message = if is_stage {
                "the configuration is not whole and is not staged; all is as it was"
            } else {
                "the new configuration is refused; the one before keeps serving"
            };
            Err(Refused::wrong(message, String::from_utf8(list).unwrap_or_default()))
        }
        Err(Unchanged::NothingStaged) => {
            Err(Refused::conflict(None, "nothing_staged", "no configuration is staged"))
        }
    }
}

/// Tells what is staged, or that nothing is.
pub(super) fn tell(answer: &mut Object<'_>, beside: Option<&Beside>) {
    let Some(beside) = beside else { return answer.null("staged") };
    answer.object("staged", |staged| {
        staged.number("generation", beside.generation);
        staged.number("percent", beside.percent);
        staged.string("source", if beside.is_the_file { "file" } else { "text" });
        staged.string("staged_at", clock::rfc3339(beside.loaded.at).as_str());
        staged.raw("effective", &beside.loaded.written.effective().values);
        staged.array("warnings", |array| problems(array, &beside.loaded.warnings));
    });
}

/// What is asked for.
struct Wanted {
    percent: u8,
    text: Option<String>,
}

impl Wanted {
    fn read(body: &[u8], fields: &[&str]) -> Result<Self, Refused> {
        let body = json::parse(body).map_err(|wrong| Refused::malformed(format!("no JSON: {wrong}")))?;
        if !body.is_object() {
            return Err(Refused::malformed("expected a JSON object"));
        }
        let (mut percent, mut text) = (None, None);
        for (field, value) in body.entries() {
            match (&**field, value.kind()) {
                ("percent", kind) => {
                    let number = if let Kind::Number(number) = kind { number.parse().ok() } else { None };
                    percent = number.filter(|percent| (1..=100).contains(percent));
                    if percent.is_none() {
                        return Err(Refused::invalid("percent", EXPECTED));
                    }
                }
                ("text", Kind::String(said)) if fields.contains(&"text") => text = Some(said.to_string()),
                ("text", Kind::Null) if fields.contains(&"text") => {}
                ("text", _) if fields.contains(&"text") => {
                    return Err(Refused::invalid("text", "expected the text of a configuration"));
                }
                (unknown, _) => {
                    let message =
                        format!("unknown field \"{unknown}\"; the fields here are {}", fields.join(", "));
                    return Err(Refused::invalid(unknown, message));
                }
            }
        }
        let percent = percent.ok_or_else(|| Refused::invalid("percent", EXPECTED))?;
        Ok(Self { percent, text })
    }
}

const EXPECTED: &str = "expected a whole number from 1 to 100: of a hundred clients, how many see it";
