//! Finished requests: lists of them, and one with all that became of it.

use super::{Call, Outcome, object, text_or_null};
use crate::account::{Entry, Said};
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::store::ledger::Cursor;
use crate::store::ledger::export::write_row;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

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
            page.rows.iter().for_each(|found| array.object(|object| write_row(found, object)));
        });
        text_or_null(answer, "next", page.next.map(|next| next.to_string()).as_deref());
    }))
}

pub(super) async fn one(call: &Call<'_>) -> Outcome {
    let id = call.name.clone();
    let found = call.admin.desk.read(move |ledger| {
        let Some(row) = ledger.find(&id)? else { return Ok(None) };
        let bodies = ledger.bodies(&row.entry)?;
        Ok(Some((row, bodies)))
    });
    let (found, bodies) =
        found.await?.ok_or_else(|| Refused::unknown(format!("no request has the id \"{}\"", call.name)))?;
    let mut row = Vec::new();
    json::object(&mut row, |object| write_row(&found, object));
    let edits = [
        Edit::Set { key: "attempts".into(), value: attempts(&found.entry) },
        Edit::Set { key: "body".into(), value: bodies.map_or_else(|| "null".to_owned(), body) },
    ];
    let lens = Lens::new(&row).map_err(|wrong| Refused::unavailable(wrong.to_string()))?;
    Ok(Answer::json(200, lens.apply(&edits)))
}

/// What was logged of both bodies. What is no text is not shown.
fn body((request, response): (Said, Said)) -> String {
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        for (name, cut, said) in [("request", "request_cut", request), ("response", "response_cut", response)]
        {
            text_or_null(object, name, said.text());
            object.bool(cut, said.is_cut());
        }
    });
    String::from_utf8(out).unwrap_or_default()
}

/// What was tried, in its order: all that failed, and what answered.
fn attempts(entry: &Entry) -> String {
    let mut out = Vec::new();
    json::array(&mut out, |array| {
        for fault in &entry.faults {
            array.object(|object| {
                object.string("provider", &fault.provider);
                object.string("fault", &fault.kind);
                object.number("status", fault.status);
            });
        }
        let failed = u32::try_from(entry.faults.len()).unwrap_or(u32::MAX);
        if entry.attempts > failed {
            array.object(|object| {
                object.string("provider", &entry.provider);
                object.opt_string("model", Some(entry.model.as_str()).filter(|model| !model.is_empty()));
                object.number("status", entry.status);
            });
        }
    });
    String::from_utf8(out).unwrap_or_default()
}
