//! Finished requests: lists of them, and one with all that became of it.

use super::row::{Priced, Tried, row};
use super::{Call, Outcome, object, text_or_null};
use crate::admin::refused::Refused;
use crate::store::ledger::{Cursor, Row};
use crate::wire::json::Object;

/// So many at a time unless the query says otherwise.
const USUAL: u32 = 50;

pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let filter = call.asked()?.filter;
    let limit = call.ask.limit(USUAL)? as usize;
    let before = match call.ask.param("before") {
        None => None,
        Some(text) => {
            let place = text.parse::<Cursor>();
            Some(place.map_err(|wrong| Refused::invalid("before", wrong.to_string()))?)
        }
    };
    let page = call.admin.desk.read(move |ledger| ledger.list(&filter, before, limit)).await?;
    Ok(object(200, |answer| {
        answer.array("requests", |array| {
            page.rows.iter().for_each(|found| array.object(|object| told(object, found, Tried::Number)));
        });
        text_or_null(answer, "next", page.next.map(|next| next.to_string()).as_deref());
    }))
}

pub(super) async fn one(call: &Call<'_>) -> Outcome {
    let id = call.name.clone();
    let found = call.admin.desk.read(move |ledger| ledger.find(&id)).await?;
    let found = found.ok_or_else(|| Refused::unknown(format!("no request has the id \"{}\"", call.name)))?;
    Ok(object(200, |answer| {
        told(answer, &found, Tried::Each);
        answer.null("body");
    }))
}

fn told(object: &mut Object<'_>, found: &Row, tried: Tried) {
    let priced = found.repriced.map_or(Priced::Once, |(_, first)| Priced::Again(first));
    row(object, &found.entry, priced, tried);
}
