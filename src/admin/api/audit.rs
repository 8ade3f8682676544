//! What operators have done.

use super::{Call, Outcome, object, text_or_null};
use crate::admin::refused::Refused;
use crate::clock;

/// So many at a time unless the query says otherwise.
const USUAL: u32 = 100;

pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let limit = call.ask.limit(USUAL)?;
    let before = match call.ask.param("before") {
        None => None,
        Some(text) => {
            let place = text.parse::<u64>();
            Some(place.map_err(|_| Refused::invalid("before", "expected the next of a page before"))?)
        }
    };
    // One more tells whether there is a further page.
    let read = call.admin.desk.deeds(limit + 1, before).await;
    let mut deeds = read.map_err(|stuck| Refused::unavailable(stuck.to_string()))?;
    let is_last = deeds.len() <= limit as usize;
    deeds.truncate(limit as usize);
    let next = deeds.last().filter(|_| !is_last).map(|(place, _)| place.to_string());
    Ok(object(200, |answer| {
        answer.array("entries", |array| {
            for (_, deed) in &deeds {
                array.object(|entry| {
                    entry.string("at", clock::rfc3339(deed.at).as_str());
                    entry.string("who", &deed.who);
                    entry.string("action", &deed.action);
                    text_or_null(entry, "target", deed.target.as_deref());
                    entry.raw("detail", &deed.detail);
                });
            }
        });
        text_or_null(answer, "next", next.as_deref());
    }))
}
