//! Requests as they finish, as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Sender};

use super::asked::filter;
use super::{Call, Outcome};
use crate::admin::answer::{Answer, Piece};
use crate::admin::ask::Ask;
use crate::admin::gate::Gate;
use crate::admin::refused::Refused;
use crate::clock;
use crate::policy::{Operator, Scope};
use crate::proxy::Shared;
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
    let listener = Listener {
        gate: Arc::clone(&call.admin.gate),
        shared: Arc::clone(&call.admin.shared),
        ask: call.ask.clone(),
        who: call.who.clone(),
    };
    tokio::spawn(tell(feed.listen(), filter, listener, pieces));
    Ok(Answer::pieces(200, "text/event-stream; charset=utf-8", waiting))
}

/// Who listens, to be looked at again: the feed outlasts what let them in.
struct Listener {
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    ask: Ask,
    who: Operator,
}

impl Listener {
    /// Whether it may go on: its key or session holds, and this process serves. Where another has taken
    /// over, whoever asks again hears of that one's requests.
    fn may_go_on(&self) -> bool {
        let world = self.shared.world.load();
        let now = clock::unix_seconds();
        !self.shared.is_draining()
            && self.gate.admits_still(&world.door, &self.ask, &self.who, Scope::Read, now)
    }
}

/// Tells of requests until nobody listens any more, or may.
async fn tell(mut feed: Receiver<Told>, filter: Filter, listener: Listener, pieces: Sender<Piece>) {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let piece = tokio::select! {
            () = pieces.closed() => return,
            _ = beat.tick() => Bytes::from_static(b": alive\n\n"),
            told = feed.recv() => match told {
                Ok(row) if filter.admits(&row.entry) => event(&row),
                Ok(_) => continue,
                Err(RecvError::Lagged(number)) => missed(number),
                Err(RecvError::Closed) => return,
            },
        };
        if !listener.may_go_on() || pieces.send(Ok(piece)).await.is_err() {
            return;
        }
    }
}

fn event(row: &Row) -> Bytes {
    let mut out = b"event: request\ndata: ".to_vec();
    json::object(&mut out, |object| write_row(row, object));
    out.extend_from_slice(b"\n\n");
    out.into()
}

/// A listener was too slow for so many.
fn missed(number: u64) -> Bytes {
    Bytes::from(format!("event: missed\ndata: {{\"missed\":{number}}}\n\n"))
}
