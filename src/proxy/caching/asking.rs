//! Models that are asked about a question before its provider is: one that turns it into a vector, or one that says
//! whether it is the same as one that was answered.
//!
//! They are asked of the gateway itself, on behalf of the key whose question it is, so that what they cost is
//! recorded as any request. Nobody waits longer for them than is said: what is late goes on without those who
//! asked, so that a connection may warm up and what it tells of the question is known once that is answered.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::cache::semantic::near::fixed;
use crate::cache::{
    Embedder, Entry, Exact, Fingerprint, Flight, Found, Look, Meaning, Mode, OtherWords, Place, Reworded,
    Rules, Tier, Verifier,
};
use crate::clock;
use crate::ir::Request;
use crate::policy::Key;
use crate::policy::guard::external::{Call, Failure};
use crate::proxy::caching::behind::Led;
use crate::proxy::caching::look::{Query, placed};
use crate::proxy::external::Outward;
use crate::proxy::shared::Shared;
use crate::route::health::{BESIDE, Breaker};
use crate::snapshot::Caching;
use crate::store::tiers::Outcome;

/// How long an answer may come that nobody waits for any more.
const LINGER: Duration = Duration::from_secs(10);
/// So many questions may be with models at one time; the others are asked of their providers at once.
pub const MOST: usize = 256;

/// What a question is asked of a model for.
#[derive(Debug)]
pub struct Asking {
    model: Model,
    /// The question in its own words.
    text: Arc<str>,
    told: Arc<Told>,
}

/// Whom.
#[derive(Debug, Clone)]
enum Model {
    Embeds(Arc<Embedder>),
    Verifies(Arc<Verifier>),
}

impl Model {
    /// How long a question waits for it.
    fn patience(&self) -> Duration {
        match self {
            Self::Embeds(embedder) => embedder.timeout,
            Self::Verifies(verifier) => verifier.timeout,
        }
    }

    fn breaker(&self) -> &Breaker {
        match self {
            Self::Embeds(embedder) => &embedder.breaker,
            Self::Verifies(verifier) => &verifier.breaker,
        }
    }
}

/// What was told by now.
#[derive(Debug, Default)]
struct Told {
    meaning: OnceLock<Arc<Meaning>>,
    found: OnceLock<Same>,
    /// Under what the question is known since it was answered.
    known: OnceLock<Known>,
}

/// What is kept of a question in other words, by which it is found.
#[derive(Debug)]
pub struct Known {
    /// Under which number.
    pub fingerprint: Fingerprint,
    /// Where its answer is.
    pub reworded: Reworded,
    /// When that was kept, in milliseconds since 1970, and for how long.
    pub time: (u64, Duration),
    /// How often entries were let go by then.
    pub purges: u64,
}

impl Known {
    /// Keeps it once more, with what its question is about.
    fn keep(&self, cache: &Exact, meaning: &Arc<Meaning>) {
        let mut reworded = self.reworded.clone();
        if let Some(place) = &mut reworded.place {
            place.meaning = Some(Arc::clone(meaning));
            cache.keep(self.fingerprint, Entry::Reworded(reworded), self.time.0, self.time.1, self.purges);
        }
    }
}

/// The same question: under which number it was answered, how, and how long ago.
#[derive(Debug, Clone)]
struct Same {
    answered: Fingerprint,
    entry: Arc<Entry>,
    age: Duration,
}

impl Asking {
    /// Whom these rules have asked about a request; nobody where none is said.
    #[must_use]
    pub fn of(caching: &Caching, rules: Rules, request: &Request) -> Option<Self> {
        if rules.other_words() == OtherWords::Unknown {
            return None;
        }
        let model = match rules.mode {
            Mode::Off | Mode::Exact | Mode::Safe | Mode::Balanced => return None,
            Mode::Custom => Model::Embeds(Arc::clone(caching.embedder.as_ref()?)),
            Mode::Verified => Model::Verifies(Arc::clone(caching.verifier.as_ref()?)),
        };
        let text = request.turns.last()?.blocks.last()?.as_text()?.into();
        Some(Self { model, text, told: Arc::default() })
    }

    /// Where a question with these forms stands among others. What embeds is another's with another model.
    pub(super) fn places(
        &self,
        forms: &[String],
        numbers: impl Fn(&[String]) -> Vec<Fingerprint>,
    ) -> Vec<Place> {
        let model = match &self.model {
            Model::Embeds(embedder) => embedder.model.as_str(),
            Model::Verifies(_) => "",
        };
        placed(forms, numbers, |sketch| format!("~~ {model} {}", fixed(sketch)))
    }

    /// The tier of what it finds.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        match self.model {
            Model::Embeds(_) => Tier::Custom,
            Model::Verifies(_) => Tier::Verified,
        }
    }

    /// A place with what was told of its question by now.
    #[must_use]
    pub fn told_of(&self, place: Place) -> Place {
        match self.model {
            Model::Embeds(_) => Place { meaning: self.told.meaning.get().cloned(), ..place },
            Model::Verifies(_) => Place { text: Some(Arc::clone(&self.text)), ..place },
        }
    }

    /// The question was answered, and is known by that. Where a model tells what it is about only now, it is kept
    /// with that once more.
    pub fn kept(&self, cache: &Exact, known: Known) {
        let told_of =
            |known: &Known| known.reworded.place.as_ref().is_some_and(|place| place.meaning.is_some());
        if matches!(self.model, Model::Verifies(_)) || told_of(&known) {
            return;
        }
        // One of both sees what the other one told.
        let known = self.told.known.get_or_init(|| known);
        if let Some(meaning) = self.told.meaning.get() {
            known.keep(cache, meaning);
        }
    }

    /// The answer to the same question, if one was found by now.
    #[must_use]
    pub fn watched(&self) -> Option<Arc<Entry>> {
        self.told.found.get().map(|same| Arc::clone(&same.entry))
    }

    /// Has the model asked; what becomes of it comes there. `None` where it is left alone.
    fn begin(
        &self,
        shared: &Shared,
        query: &Query,
        key: Option<Arc<Key>>,
        known: Option<(Fingerprint, Arc<str>)>,
        waited: Waited,
    ) -> Option<oneshot::Receiver<bool>> {
        let begun = clock::now();
        let room = Arc::clone(&shared.asking).try_acquire_owned().ok();
        let room = room.filter(|_| self.model.breaker().enter(clock::ticks(begun)));
        let Some(room) = room else {
            if waited == Waited::Aside {
                shared.telemetry.metrics.looked_up(
                    self.tier().name(),
                    Outcome::Resting.name(),
                    Duration::ZERO,
                );
            }
            return None;
        };
        let job = Job {
            outward: Arc::clone(&shared.outward),
            cache: Arc::clone(&shared.cache),
            model: self.model.clone(),
            text: Arc::clone(&self.text),
            told: Arc::clone(&self.told),
            places: query.places.clone(),
            look: query.apart(),
            key,
            known,
            waited,
            tier: self.tier(),
            room,
        };
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move { job.run(begun, tell).await });
        Some(told)
    }
}

/// Waits for what a model makes of a question, for as long as that may take. Otherwise the flight goes on.
pub async fn look(
    shared: &Shared,
    asking: &Asking,
    query: &Query,
    key: Option<Arc<Key>>,
    flight: Option<Arc<Flight>>,
) -> Found {
    let led = Led::new(&shared.cache, query, flight);
    let begun = clock::now();
    let known = match asking.model {
        Model::Embeds(_) if shared.cache.has_meanings(&query.places) => None,
        // There is nothing to wait for; yet others may compare themselves with this one.
        Model::Embeds(_) => {
            drop(asking.begin(shared, query, key, None, Waited::Aside));
            return Found::Nothing(led.on());
        }
        Model::Verifies(_) => match shared.cache.in_doubt(&query.places) {
            None => return Found::Nothing(led.on()),
            known => known,
        },
    };
    let purges = shared.cache.purges();
    let outcome = match asking.begin(shared, query, key, known, Waited::For) {
        None => Outcome::Resting,
        Some(told) => match timeout(asking.model.patience(), told).await {
            Ok(Ok(true)) if asking.told.found.get().is_some() => Outcome::Hit,
            Ok(Ok(true)) => Outcome::Miss,
            Ok(Ok(false) | Err(_)) => Outcome::Failed,
            Err(_) => {
                let (now, begun) = (clock::ticks(clock::now()), clock::ticks(begun));
                asking.model.breaker().ill(now, begun, &BESIDE, BESIDE.share, None);
                Outcome::Late
            }
        },
    };
    shared.telemetry.metrics.looked_up(asking.tier().name(), outcome.name(), begun.elapsed());
    match asking.told.found.get().filter(|_| outcome == Outcome::Hit) {
        Some(same) => {
            // Those who wait look again, and find it by their words.
            remember(&shared.cache, query, same, purges);
            Found::Near(Arc::clone(&same.entry), same.age)
        }
        None => Found::Nothing(led.on()),
    }
}

/// Asks beside the question's provider, where something is to be known by the time it has answered: what the
/// question is about, or what would have been answered.
pub fn aside(shared: &Shared, query: &Query, key: Option<Arc<Key>>) {
    let Some(asking) = query.asking.as_deref().filter(|_| query.takes && query.waits_for().is_none()) else {
        return;
    };
    let known = match asking.model {
        Model::Embeds(_) => None,
        Model::Verifies(_) if query.wish.fresh => return,
        Model::Verifies(_) => match shared.cache.in_doubt(&query.places) {
            None => return,
            known => known,
        },
    };
    // Nobody waits for it.
    drop(asking.begin(shared, query, key, known, Waited::Aside));
}

/// Has a question found by a look-up of its words from now on, as long as the answer is kept.
fn remember(cache: &Exact, query: &Query, same: &Same, purges: u64) {
    let now = clock::unix_millis();
    let ttl = query.ttl().saturating_sub(same.age);
    for fingerprint in query.known_by() {
        let reworded = Entry::Reworded(Reworded {
            answered: same.answered,
            provider: Arc::clone(same.entry.provider()),
            model: Arc::clone(same.entry.model()),
            mark: same.entry.mark().clone(),
            place: None,
            told: None,
        });
        cache.keep(*fingerprint, reworded, now, ttl, purges);
    }
}

/// Whether somebody waits for what a model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// A question does, and tells what came of it.
    For,
    /// Nobody.
    Aside,
}

/// One request to a model.
struct Job {
    outward: Arc<Outward>,
    cache: Arc<Exact>,
    model: Model,
    text: Arc<str>,
    told: Arc<Told>,
    places: Vec<Place>,
    look: Look,
    key: Option<Arc<Key>>,
    /// What it is asked about besides.
    known: Option<(Fingerprint, Arc<str>)>,
    waited: Waited,
    tier: Tier,
    room: OwnedSemaphorePermit,
}

impl Job {
    async fn run(self, begun: Instant, tell: oneshot::Sender<bool>) {
        let patience = self.model.patience();
        let asked = timeout(patience + LINGER, self.ask()).await;
        let asked = asked.unwrap_or_else(|_| Err(Failure::ill("it did not answer")));
        let (now, began) = (clock::now(), clock::ticks(begun));
        let (breaker, took) = (self.model.breaker(), now.saturating_duration_since(begun));
        let is_late = took > patience;
        match &asked {
            Ok(()) if !is_late => breaker.well(clock::ticks(now), began),
            // Who waited for what is late has told so.
            Err(failure) if failure.is_ill && !(is_late && self.waited == Waited::For) => {
                breaker.ill(clock::ticks(now), began, &BESIDE, BESIDE.share, None);
            }
            Ok(()) | Err(_) => {}
        }
        if let Err(failure) = &asked {
            log::debug!("the cache's question was not answered: {}", failure.why);
        }
        if self.waited == Waited::Aside {
            let outcome = if asked.is_ok() { Outcome::Miss } else { Outcome::Failed };
            self.outward.metrics.looked_up(self.tier.name(), outcome.name(), took);
        }
        drop(self.room);
        // Whoever asked may have left.
        let _ = tell.send(asked.is_ok());
    }

    async fn ask(&self) -> Result<(), Failure> {
        match &self.model {
            Model::Embeds(embedder) => {
                let body = self.send(Embedder::PATH, embedder.request(&self.text)).await?;
                let meaning = embedder.read(&body).ok_or_else(|| Failure::of("it gave no vector"))?;
                let told = (&meaning, embedder.threshold);
                let found = self.cache.find_about_the_same(&self.places, told, &self.look);
                self.find(found);
                let meaning = self.told.meaning.get_or_init(|| Arc::new(meaning));
                if let Some(known) = self.told.known.get() {
                    known.keep(&self.cache, meaning);
                }
            }
            Model::Verifies(verifier) => {
                let Some((known, text)) = &self.known else { return Ok(()) };
                let body = self.send(Verifier::PATH, verifier.request(text, &self.text)).await?;
                let is_same = verifier.read(&body).ok_or_else(|| Failure::of("it gave no verdict"))?;
                if is_same {
                    self.find(self.cache.find_answered(&[*known], &self.look));
                }
            }
        }
        Ok(())
    }

    fn find(&self, found: Option<(Fingerprint, Arc<Entry>, Duration)>) {
        if let Some((answered, entry, age)) = found {
            // It is the first.
            let _ = self.told.found.set(Same { answered, entry, age });
        }
    }

    async fn send(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let call = Call { target: path.to_owned(), body, about: Vec::new() };
        let patience = self.model.patience() + LINGER;
        let (status, body) = self.outward.own(self.key.clone(), &[], patience, &call).await?;
        match status {
            200..300 => Ok(body),
            // That tells of the key, or of the question.
            400..429 => Err(Failure::of(format!("it was refused with {status}"))),
            _ => Err(Failure::ill(format!("it failed with {status}"))),
        }
    }
}

/// Room for questions that are with models.
#[must_use]
pub fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MOST))
}
