//! Requests as they finish, as server-sent events.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Sender};

use super::asked::filter;
use super::{Call, Outcome};
use crate::account::Entry;
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::clock;
use crate::store::ledger::export::write_row;
use crate::store::ledger::{Filter, Row};
use crate::telemetry::feed::Told;
use crate::wire::json;

/// So many may listen at one time.
const MOST: usize = 64;

/// So many pieces wait for a page that reads slowly; behind them the feed's own queue begins.
const AHEAD: usize = 16;

/// How often a listener hears that the feed lives.
const BEAT: Duration = Duration::from_secs(15);

pub(super) fn listen(call: &Call<'_>) -> Outcome {
    let filter = filter(call.ask, clock::unix_millis())?;
    let feed = &call.admin.shared.telemetry.feed;
    if feed.listeners() >= MOST {
        return Err(Refused::unavailable(format!("{MOST} listen already")));
    }
    let (pieces, waiting) = mpsc::channel(AHEAD);
    tokio::spawn(tell(feed.listen(), filter, pieces));
    Ok(Answer::pieces(200, "text/event-stream; charset=utf-8", waiting))
}

/// Tells of requests until nobody listens any more.
async fn tell(mut feed: Receiver<Told>, filter: Filter, pieces: Sender<Bytes>) {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let piece = tokio::select! {
            () = pieces.closed() => return,
            _ = beat.tick() => Bytes::from_static(b": alive\n\n"),
            told = feed.recv() => match told {
                Ok(entry) if filter.admits(&entry) => event(&entry),
                Ok(_) => continue,
                Err(RecvError::Lagged(number)) => missed(number),
                Err(RecvError::Closed) => return,
            },
        };
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

fn event(entry: &Entry) -> Bytes {
    let mut out = b"event: request\ndata: ".to_vec();
    let row = Row { entry: entry.clone(), ..Row::default() };
    json::object(&mut out, |object| write_row(&row, object));
    out.extend_from_slice(b"\n\n");
    out.into()
}

/// A listener was too slow for so many.
fn missed(number: u64) -> Bytes {
    Bytes::from(format!("event: missed\ndata: {{\"missed\":{number}}}\n\n"))
}
