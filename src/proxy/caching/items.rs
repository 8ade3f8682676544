//! Vectors are kept input by input: of a request that wants many, only those are asked for that nobody had.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use pingora::Result;
use pingora::proxy::Session;

use crate::cache::{
    self, Entry, Exact, Fingerprint, Flights, Found, Look, Mark, Realm, Tier, Vector, Wish, fingerprint,
};
use crate::clock;
use crate::dialect::{Head, Vectors};
use crate::ir::Usage;
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest};
use crate::policy::Key;
use crate::proxy::answer::{self, Connection};
use crate::proxy::arrival::body;
use crate::proxy::bytes_held::Share;
use crate::proxy::caching::behind;
use crate::proxy::caching::look::{mark, scope, told, uncached};
use crate::proxy::departure;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::targets::Known;
use crate::proxy::exchange::{Ask, Call, Exchange};
use crate::proxy::phases::refuse;
use crate::proxy::relay::{Into, Relay};
use crate::proxy::shared::Shared;
use crate::proxy::{allowance, dressing};
use crate::refusal::Refusal;
use crate::snapshot::Caching;
use crate::store::tiers::Tiers;

/// Of a request with more inputs than anybody takes at a time nothing is looked for.
const MOST: usize = 2048;

/// So many are looked for behind memory, or those that take long would count as a failure of whoever has them.
const MOST_BEHIND: usize = 256;

/// What one number of a kept vector comes to while it is said: a copy of it, and its digits.
const NUMBER: usize = size_of::<f32>() + 16;

/// The inputs of a request, and the vectors that there are already.
#[derive(Debug, Clone)]
pub struct Items {
    cache: Arc<Exact>,
    tiers: Option<Arc<Tiers>>,
    /// The whole request.
    pub asked: Arc<EmbedRequest>,
    numbers: Vec<Fingerprint>,
    known: Vec<Option<Arc<Entry>>>,
    /// Who makes the others.
    provider: Arc<str>,
    model: Arc<str>,
    ttl: Duration,
    mark: Mark,
    /// How often what is kept was let go before this was asked for.
    purges: u64,
    /// What the client says to that.
    wish: Wish,
    /// Where what is there was found, if that is not all in memory.
    tier: Option<Tier>,
}

/// What there is of the vectors that a request wants; nothing where the cache has no part in it.
///
/// # Errors
/// When the client's headers say what they cannot say, or want nothing but what is kept.
pub fn look(
    caching: &Caching,
    (cache, tiers): (&Arc<Exact>, Option<&Arc<Tiers>>),
    key: Option<&Key>,
    headers: &HeaderMap,
    ask: &Ask,
    form: Vectors,
    known: &Known,
) -> std::result::Result<Option<Arc<Items>>, Refusal> {
    let Some((rules, wish)) = told(caching, key, headers, &ask.model)? else { return Ok(None) };
    let none = HeaderMap::new();
    let head = Head { path: &ask.path, query: &ask.query, headers: &none };
    // What is no request of its form is the provider's to refuse. What else one says may change what its
    // vectors are.
    let parsed = form.parse_request(&head, &ask.body).ok();
    let parsed = parsed.filter(|asked| asked.extras.is_empty() && (1..=MOST).contains(&asked.inputs.len()));
    let Some(asked) = parsed.filter(|_| wish.allows && rules.mode != cache::Mode::Off) else {
        return if wish.only { Err(uncached()) } else { Ok(None) };
    };
    let scope = scope(rules.scope, key);
    let target = [(&*known.provider, &*known.model, &known.base)];
    let realm = Realm { scope: &scope, namespace: &wish.namespace, targets: &target, strictly: None };
    let number = |input: &EmbedInput| fingerprint::of_input(&cache.key, &realm, &asked, input);
    let numbers: Vec<_> = asked.inputs.iter().map(number).collect();
    let (now, max_age, purges) = (clock::unix_millis(), wish.max_age, cache.purges());
    let find = |number: &Fingerprint| match cache
        .find(*number, &Look { now, max_age, entries: !wish.fresh, flights: Flights::Apart })
    {
        Found::Entry(entry, _) => Some(entry),
        Found::Reworded(..) | Found::Near(..) | Found::Flight(_) | Found::Nothing(_) => None,
    };
    let found: Vec<_> = numbers.iter().map(find).collect();
    let items = Items {
        cache: Arc::clone(cache),
        tiers: tiers.cloned(),
        asked: Arc::new(asked),
        numbers,
        known: found,
        provider: Arc::clone(&known.provider),
        model: Arc::clone(&known.model),
        ttl: wish.ttl.map_or(rules.ttl, |ttl| ttl.min(rules.ttl)),
        mark: mark(key, ask),
        purges,
        wish,
        tier: None,
    };
    if items.wish.only && !items.is_whole() && !items.may_lie_behind() {
        return Err(uncached());
    }
    Ok(Some(Arc::new(items)))
}

/// Looks behind memory for the vectors of a request that are missing, and then answers it, if all are there.
/// `false` when its provider must be asked.
///
/// # Errors
/// When the client is gone.
pub async fn look_behind(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    form: Vectors,
    items: &Items,
) -> Result<bool> {
    let begun = clock::now();
    let items = Arc::new(items.clone().filled().await);
    exchange.overhead += begun.elapsed();
    let most = exchange.world.downstream.held.as_usize();
    let grown = exchange.call().is_none_or(|call| {
        let before = call.ask.items.replace(Arc::clone(&items)).map_or(0, |before| before.weight());
        call.share.grow(items.weight().saturating_sub(before), most)
    });
    let prepared = match (grown, items.is_whole()) {
        (false, _) => Err(body::full()),
        (true, true) => return serve(shared, session, exchange, form, &items).await,
        (true, false) if items.wish.only => Err(uncached()),
        (true, false) => {
            if let Some(call) = exchange.call() {
                call.attempts = 1;
            }
            departure::prepare_anew(exchange)
        }
    };
    match prepared {
        Ok(()) => Ok(false),
        Err(refusal) => {
            let client = exchange.client();
            refuse(session, exchange, client, refusal, Connection::Keep).await
        }
    }
}

impl Items {
    /// Whether what is missing may lie behind memory.
    #[must_use]
    pub fn may_lie_behind(&self) -> bool {
        self.tiers.is_some() && !self.wish.fresh && !self.is_whole()
    }

    /// The same with what lies behind memory, which is in memory from here on.
    async fn filled(mut self) -> Self {
        let Some(tiers) = &self.tiers else { return self };
        let missing = self.numbers.iter().zip(&self.known).filter(|(_, known)| known.is_none());
        let missing: Vec<_> = missing.map(|(number, _)| *number).take(MOST_BEHIND).collect();
        let now = clock::unix_millis();
        for (kept, tier) in tiers.look(&missing).await.into_iter().flatten() {
            let age = Duration::from_millis(now.saturating_sub(kept.made));
            if self.wish.max_age.is_some_and(|most| age > most) {
                continue;
            }
            self.cache.adopt(kept.fingerprint, &kept.entry, kept.made, kept.until, self.purges);
            let places = self.numbers.iter().zip(&mut self.known);
            for (_, known) in places.filter(|(number, _)| **number == kept.fingerprint) {
                *known = Some(Arc::clone(&kept.entry));
            }
            self.tier = Some(tier);
        }
        self
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.known.iter().all(Option::is_some)
    }

    /// Whether something is there, and something missing, that this target makes: vectors of two models
    /// have nothing to do with one another.
    #[must_use]
    pub fn is_partial_for(&self, known: &Known) -> bool {
        self.is_of(known) && self.known.iter().any(Option::is_some) && !self.is_whole()
    }

    /// Whether this target makes what is missing.
    #[must_use]
    pub fn is_of(&self, known: &Known) -> bool {
        *self.provider == *known.provider && *self.model == *known.model
    }

    /// How many bytes saying what is there takes, each vector as often as it is asked for.
    #[must_use]
    pub fn weight(&self) -> usize {
        let numbers = |known: &Arc<Entry>| match &**known {
            Entry::Vector(vector) => vector.numbers.len(),
            Entry::Answer(_) | Entry::Reworded(_) => 0,
        };
        self.known.iter().flatten().map(numbers).sum::<usize>() * NUMBER
    }

    /// The request for what is missing.
    #[must_use]
    pub fn missing(&self) -> EmbedRequest {
        let inputs = self.asked.inputs.iter().zip(&self.known);
        let inputs = inputs.filter(|(_, known)| known.is_none()).map(|(input, _)| input.clone()).collect();
        EmbedRequest { inputs, single: false, ..(*self.asked).clone() }
    }

    /// All vectors: those that were there, and those that came, which are kept from here on. `None` when
    /// what came is not what was asked for.
    #[must_use]
    pub fn merge(&self, came: EmbedReply) -> Option<EmbedReply> {
        let missing = self.known.iter().filter(|known| known.is_none()).count();
        (came.vectors.len() == missing).then_some(())?;
        let mut shares = came.usage.map(|usage| self.shares(usage.total_input()).into_iter());
        let mut fresh = came.vectors.into_iter();
        let (mut vectors, mut tokens, mut named) =
            (Vec::with_capacity(self.known.len()), Some(0), came.model);
        // What all used is known only where it is known of each.
        let add =
            |sum: &mut Option<u64>, share: Option<u64>| *sum = sum.zip(share).map(|(sum, one)| sum + one);
        for (number, known) in self.numbers.iter().zip(&self.known) {
            if let Some(Entry::Vector(vector)) = known.as_deref() {
                add(&mut tokens, vector.tokens);
                if named.is_none() {
                    named.clone_from(&vector.named);
                }
                vectors.push(vector.numbers.clone());
                continue;
            }
            let numbers = fresh.next()?;
            let share = shares.as_mut().and_then(Iterator::next);
            let entry = Vector {
                numbers: numbers.clone(),
                named: named.clone(),
                tokens: share,
                provider: Arc::clone(&self.provider),
                model: Arc::clone(&self.model),
                mark: self.mark.clone(),
            };
            let both = (&*self.cache, self.tiers.as_deref());
            behind::keep(both, *number, Entry::Vector(entry), (clock::unix_millis(), self.ttl), self.purges);
            add(&mut tokens, share);
            vectors.push(numbers);
        }
        let usage = tokens.map(|input| Usage { input, ..Usage::default() });
        Some(EmbedReply { model: named, vectors, usage, extras: came.extras })
    }

    /// What each missing input used of so many tokens, by its length, and at least one where there are so
    /// many; all of them together.
    fn shares(&self, used: u64) -> Vec<u64> {
        let length = |input: &EmbedInput| match input {
            EmbedInput::Text(text) => text.len() as u64 + 1,
            EmbedInput::Tokens(tokens) => tokens.len() as u64,
        };
        let inputs = self.asked.inputs.iter().zip(&self.known);
        let lengths: Vec<u64> =
            inputs.filter(|(_, known)| known.is_none()).map(|(input, _)| length(input)).collect();
        let least = u64::from(used >= lengths.len() as u64);
        let (mut left, mut rest) = (used - least * lengths.len() as u64, lengths.iter().sum::<u64>());
        let share = |length: &u64| {
            // Of what is left, so that nothing is lost to rounding.
            let share = u64::try_from(u128::from(left) * u128::from(*length) / u128::from(rest.max(1)));
            let share = share.unwrap_or(left).min(left);
            left -= share;
            rest -= length;
            share + least
        };
        lengths.iter().map(share).collect()
    }
}

/// Answers a request all of whose vectors are there.
///
/// # Errors
/// When the client is gone.
pub async fn serve(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    form: Vectors,
    items: &Arc<Items>,
) -> Result<bool> {
    exchange.cache = Some(items.tier.unwrap_or(Tier::Exact));
    if let Err(refusal) = allowance::admit_free(shared, exchange) {
        let client = exchange.client();
        return refuse(session, exchange, client, refusal, Connection::Keep).await;
    }
    let reply = items.merge(EmbedReply::default()).unwrap_or_default();
    let seed = exchange.seed(&items.model, 0, Bytes::new());
    let body = form.render_reply(&reply, &items.asked, &seed);
    if let Some(call) = exchange.call() {
        let into = Into::Items(form, form, Arc::clone(items));
        call.relay = Relay::whole(form.dialect(), call.ask.dialect, seed, into);
        reply.usage.iter().for_each(|usage| call.relay.tell(usage));
    }
    exchange.note(Some(&body));
    let headers = dressing::own_headers(exchange);
    answer::json(session, 200, body, headers).await.map(|()| true)
}

/// An answer with vectors that goes through as it is, taken along for the next who ask.
#[derive(Debug)]
pub struct VectorTape {
    items: Arc<Items>,
    form: Vectors,
    body: Vec<u8>,
    over: bool,
}

impl VectorTape {
    /// Takes along the answer to a call that goes through as it is.
    #[must_use]
    pub fn of(call: &Call) -> Option<Box<Self>> {
        let known = &call.attempt.known;
        let items = call.ask.items.as_ref().filter(|items| items.is_of(known))?;
        let (form, _) = known.paths.embed.as_ref()?;
        let through = matches!(call.attempt.mode, Mode::Verbatim { .. } | Mode::Relay(_));
        let new = || Box::new(Self { items: Arc::clone(items), form: *form, body: Vec::new(), over: false });
        through.then(new)
    }

    /// A piece of it came.
    pub fn push(&mut self, piece: &Bytes, share: &mut Share, most: usize) {
        self.over |= !share.grow(piece.len(), most);
        if !self.over {
            self.body.extend_from_slice(piece);
        }
    }

    /// The answer is whole: keeps its vectors.
    pub fn keep(self) {
        if !self.over
            && let Ok(reply) = self.form.parse_reply(&self.body)
        {
            // It has gone to its client as it came.
            let _ = self.items.merge(reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(known: Vec<Option<Arc<Entry>>>) -> Items {
        let text = |text: &str| EmbedInput::Text(text.to_owned());
        let inputs = vec![text("a"), text("bcd"), text("e")];
        let asked = EmbedRequest { model: "m".into(), inputs, ..EmbedRequest::default() };
        let realm = Realm { scope: "", namespace: "", targets: &[], strictly: None };
        let numbers =
            asked.inputs.iter().map(|input| fingerprint::of_input(&[1; 32], &realm, &asked, input)).collect();
        Items {
            cache: Arc::new(Exact::new([1; 32], 1 << 20, 1 << 20)),
            asked: Arc::new(asked),
            numbers,
            known,
            provider: "openai".into(),
            model: "m".into(),
            ttl: Duration::from_secs(60),
            mark: Mark::default(),
            purges: 0,
            tiers: None,
            wish: Wish::default(),
            tier: None,
        }
    }

    fn reply(vectors: &[f32], tokens: u64) -> EmbedReply {
        EmbedReply {
            model: Some("m-1".into()),
            vectors: vectors.iter().map(|number| vec![*number]).collect(),
            usage: Some(Usage { input: tokens, ..Usage::default() }),
            ..EmbedReply::default()
        }
    }

    #[test]
    fn what_is_missing_is_asked_for_and_put_in_its_place() {
        let first = items(vec![None, None, None]);
        assert_eq!(first.missing().inputs.len(), 3);
        let whole = first.merge(reply(&[1.0, 2.0, 3.0], 9)).unwrap();
        assert_eq!((whole.vectors.len(), whole.usage.unwrap().input), (3, 9));
        let look = Look { now: clock::unix_millis(), max_age: None, entries: true, flights: Flights::Apart };
        let middle = match first.cache.find(first.numbers[1], &look) {
            Found::Entry(entry, _) => entry,
            other => panic!("{other:?}"),
        };
        let second = items(vec![None, Some(middle), None]);
        assert!(!second.is_whole());
        assert_eq!(second.missing().inputs, [EmbedInput::Text("a".into()), EmbedInput::Text("e".into())]);
        assert_eq!(second.merge(reply(&[7.0], 2)), None, "one too few");
        let merged = second.merge(reply(&[7.0, 8.0], 4)).unwrap();
        assert_eq!(merged.vectors, [[7.0], [2.0], [8.0]]);
        // Half of the nine tokens were those of the longest.
        assert_eq!(merged.usage.unwrap().input, 4 + 4);
    }

    #[test]
    fn what_was_used_is_unknown_where_it_is_of_one() {
        let first = items(vec![None, None, None]);
        let untold = EmbedReply { usage: None, ..reply(&[1.0, 2.0, 3.0], 0) };
        assert_eq!(first.merge(untold).unwrap().usage, None);
        let find = |place: usize| {
            let look =
                Look { now: clock::unix_millis(), max_age: None, entries: true, flights: Flights::Apart };
            match first.cache.find(first.numbers[place], &look) {
                Found::Entry(entry, _) => Some(entry),
                other => panic!("{other:?}"),
            }
        };
        let whole = items(vec![find(0), find(1), find(2)]);
        assert_eq!(whole.merge(EmbedReply::default()).unwrap().usage, None);
        let partial = items(vec![find(0), None, None]);
        assert_eq!(partial.merge(reply(&[7.0, 8.0], 4)).unwrap().usage, None);
    }

    #[test]
    fn a_vector_weighs_as_often_as_it_is_asked_for() {
        let (known, model) = (vec![0.5; 100], Arc::<str>::from("m"));
        let (provider, mark) = (Arc::<str>::from("openai"), Mark::default());
        let vector = Vector { numbers: known, named: None, tokens: Some(1), provider, model, mark };
        let entry = Some(Arc::new(Entry::Vector(vector)));
        assert_eq!(items(vec![None, entry.clone(), None]).weight(), 100 * NUMBER);
        assert_eq!(items(vec![entry.clone(), entry.clone(), entry]).weight(), 300 * NUMBER);
        assert_eq!(items(vec![None, None, None]).weight(), 0);
    }

    #[test]
    fn tokens_are_shared_out_without_a_rest() {
        for used in [0, 1, 2, 9, 1000, u64::MAX] {
            assert_eq!(items(vec![None, None, None]).shares(used).iter().sum::<u64>(), used);
        }
        assert_eq!(items(vec![None, None, None]).shares(3), [1, 1, 1], "none is for nothing");
    }
}
