//! A place at a target, for as long as a request is in flight there; and the wait for one.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::Result;
use pingora::proxy::Session;
use tokio::time::timeout;

use crate::clock;
use crate::policy::Key;
use crate::proxy::departure;
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::waiting::beside;
use crate::refusal::{Kind, Refusal};
use crate::route::health::Reach;
use crate::route::pressure::{Cap, Entered, Priority, Who};

/// Who waits looks this often whether the target takes requests again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A place at a target; free again when dropped.
#[derive(Debug)]
pub struct Slot {
    reach: Arc<Reach>,
    since: Instant,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = clock::now();
        let held = u64::try_from(now.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        self.reach.gate().done(held, clock::ticks(now));
    }
}

/// A place in the line before a target; left when dropped, however that comes.
struct Waiting {
    reach: Arc<Reach>,
    who: Who,
    id: u64,
}

impl Waiting {
    /// Waits until there is a place; whether there is one.
    async fn called(&self) -> bool {
        let gate = self.reach.gate();
        loop {
            let called = poll_fn(|context| gate.poll(self.id, context.waker()));
            // A target that wanted to be left alone calls nobody when its time is over.
            let now = clock::ticks(clock::now());
            let opens = gate.opens(now).map(|opens| Duration::from_millis(opens.saturating_sub(now)));
            let pause = opens.map_or(LOOK_AGAIN, |opens| opens.min(LOOK_AGAIN));
            if let Ok(is_called) = timeout(pause, called).await {
                return is_called;
            }
            gate.call(clock::ticks(clock::now()));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.reach.gate().leave(self.who, self.id, clock::ticks(clock::now()));
    }
}

/// What becomes of somebody who wants a place.
enum Place {
    Here(Slot),
    /// There is none, and the line is full.
    Full,
    /// There was none for as long as anybody waits.
    Late,
    /// The client is to be told this instead.
    No(Refusal),
}

/// Gets a place at the target of the prepared attempt, or at another one.
///
/// # Errors
/// When the client is gone, or is to be told that there is no place: `exchange` has the refusal.
pub async fn enter(session: &mut Session, exchange: &mut Exchange, cap: Cap) -> Result<()> {
    let mut cap = cap;
    loop {
        let begun = clock::now();
        let place = wait(session, exchange, cap).await?;
        exchange.queued += clock::now().saturating_duration_since(begun);
        let refusal = match place {
            None => return Ok(()),
            Some(Place::Here(slot)) => {
                if let Some(call) = exchange.call() {
                    call.slot = Some(slot);
                }
                return Ok(());
            }
            Some(Place::No(refusal)) => refusal,
            Some(Place::Full | Place::Late) if departure::elsewhere(exchange) => {
                match exchange.call().and_then(|call| call.attempt.known.cap) {
                    None => return Ok(()),
                    Some(next) => cap = next,
                }
                continue;
            }
            Some(Place::Full) => no_place(exchange, "and enough others wait for one", "queue_full"),
            Some(Place::Late) => no_place(exchange, "and none was free in time", "queue_timeout"),
        };
        exchange.refusal = Some(refusal);
        return departure::refused("no place at the target");
    }
}

/// Gets a place, or waits for one; nothing where the target needs none.
async fn wait(session: &mut Session, exchange: &mut Exchange, cap: Cap) -> Result<Option<Place>> {
    let world = Arc::clone(&exchange.world);
    let (key, background) = (exchange.key.clone(), exchange.in_background);
    let Some(call) = exchange.call() else { return Ok(None) };
    let Some(reach) = call.attempt.known.reach.clone() else { return Ok(None) };
    let is_held = call.upload.is_held();
    let who = who(call, key.as_deref(), background);
    let since = clock::now();
    let now = clock::ticks(since);
    let patience = u64::try_from(world.pressure.wait.as_millis()).unwrap_or(u64::MAX);
    // Where its provider said that nothing at all is left, that is waited for, if it is worth it.
    if let Some(opens) = reach.opens(0, now).filter(|opens| opens.saturating_sub(now) <= patience) {
        reach.gate().shut(opens);
    }
    let id = match reach.gate().enter(who, cap, world.pressure.queue, now) {
        Entered::Through => return Ok(Some(Place::Here(Slot { reach, since }))),
        Entered::TurnedAway => return Ok(Some(Place::Full)),
        Entered::Waits(id) => id,
    };
    let waiting = Waiting { reach: Arc::clone(&reach), who, id };
    let mut is_called = None;
    let called = async { is_called = timeout(world.pressure.wait, waiting.called()).await.ok() };
    let told = if is_held {
        beside(session, exchange, called).await?
    } else {
        // What its client still sends must not be read here.
        called.await;
        Ok(())
    };
    Ok(Some(match (told, is_called) {
        (_, Some(true)) => Place::Here(Slot { reach, since: clock::now() }),
        (Err(refusal), _) => Place::No(refusal),
        (Ok(()), Some(false)) => Place::Full,
        (Ok(()), None) => Place::Late,
    }))
}

/// Who wants a place: the owner of the key, else the key.
fn who(call: &Call, key: Option<&Key>, background: bool) -> Who {
    let own = key.map_or(Priority::High, |key| key.priority);
    // Without a key nobody is bound to anything; with one a client may ask for less.
    let usual = key.map_or(Priority::Normal, |key| key.priority);
    let said = call.ask.priority.map_or(usual, |said| said.min(own));
    let owner = key.map_or("", |key| if key.owner.is_empty() { &key.id } else { &key.owner });
    let digest = blake3::hash(owner.as_bytes());
    Who {
        priority: if background { Priority::Low } else { said },
        owner: digest.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first)),
        weight: key.map_or(1, |key| key.weight),
    }
}

fn no_place(exchange: &mut Exchange, why: &str, code: &str) -> Refusal {
    let now = clock::ticks(clock::now());
    let (who, wait) = exchange.call().map_or((String::new(), 0), |call| {
        let known = &call.attempt.known;
        let wait = known.reach.as_ref().map_or(0, |reach| reach.gate().wait(now));
        (format!("{}/{}", known.provider, known.model), wait)
    });
    let message = format!("{who} has as many requests as it is given at one time, {why}");
    let wait = Duration::from_millis(wait.clamp(1000, 60_000));
    Refusal::new(Kind::Overloaded, message).with_code(code).with_retry_after(wait)
}

/// Whether a target has a place now, where that is bounded.
#[must_use]
pub fn has_place(cap: Option<Cap>, reach: Option<&Arc<Reach>>, now: u64) -> bool {
    match (cap, reach) {
        (Some(cap), Some(reach)) => reach.gate().has_place(cap, now),
        (None, _) | (_, None) => true,
    }
}
