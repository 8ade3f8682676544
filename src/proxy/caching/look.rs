//! What is looked for: whether a request may be answered from the cache, and under which number.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};

use crate::cache::rules::SWITCH;
use crate::cache::semantic::near::Sketch;
use crate::cache::{
    Drawn, Entry, Exact, Fingerprint, Flights, Found, Look, Mark, Mode, OtherWords, Place, Realm, Rules,
    Scope, Wish, fingerprint, semantic,
};
use crate::clock;
use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::policy::Key;
use crate::provider::Base;
use crate::proxy::caching::asking::Asking;
use crate::proxy::caching::verbatim::Verbatim;
use crate::proxy::departure::parsed;
use crate::proxy::exchange::Ask;
use crate::refusal::{Kind, Refusal};
use crate::route::Target;
use crate::snapshot::{Caching, Snapshot};
use crate::wire::lens::{Lens, find};

/// With more forms than this, it is not clear what was meant.
const CLEAR: usize = 2;

/// What is looked for.
#[derive(Debug)]
pub struct Query {
    /// What is asked.
    pub fingerprint: Fingerprint,
    /// The same, in whatever words; none where words count.
    pub reworded: Vec<Fingerprint>,
    /// Where questions stand that may ask the same with words of their own; none where words count.
    pub places: Vec<Place>,
    /// The model that is asked about such questions, where one is.
    pub asking: Option<Box<Asking>>,
    /// What may be kept.
    pub rules: Rules,
    /// What the client says to that.
    pub wish: Wish,
    /// Whether an answer may be taken along: not one that comes as a JSON array.
    pub takes: bool,
    /// The same in the client's own bytes, where its answer is not found by them yet.
    pub verbatim: Option<Verbatim>,
    /// Whether others may share what it leads to: only where its client's connection lets an answer come
    /// faster than that client takes it, and go on without it.
    pub leads: bool,
}

/// What is looked for on behalf of a request; nothing where the cache has no part in it.
///
/// # Errors
/// When the client's headers say what they cannot say, or want nothing but what is kept and this is not.
pub fn query(
    world: &Snapshot,
    cache: &Exact,
    key: Option<&Key>,
    headers: &HeaderMap,
    ask: &mut Ask,
    lens: &Lens<'_>,
    targets: &[Target],
) -> Result<Option<Box<Query>>, Refusal> {
    let own = key.and_then(|key| key.cache.as_ref());
    let Some(rules) = world.caching.rules_for(&ask.model, own) else { return off(headers) };
    let mut drawn = drawn(ask.dialect, lens);
    // Most requests have no part in it and say nothing of it: that is seen at a glance.
    let silent = || !headers.contains_key(header::CACHE_CONTROL) && !headers.contains_key(SWITCH);
    if !rules.is_strict(&drawn) && silent() {
        return Ok(None);
    }
    let wish = wish(headers)?;
    let no_part = || if wish.only { Err(uncached()) } else { Ok(None) };
    let reach = Reach::of(lens);
    drawn.tools = reach.tools;
    // What goes on from what is kept elsewhere is not all in the request.
    if ask.recall.is_some() || reach.elsewhere || !rules.allow(&drawn, &wish) {
        return no_part();
    }
    let scope = scope(rules.scope, key);
    let named: Vec<_> = targets.iter().filter_map(|target| named(world, target)).collect();
    let strictly = ask.strict.then_some(ask.dialect);
    let realm = Realm { scope: &scope, namespace: &wish.namespace, targets: &named, strictly };
    let takes = ask.framing != Framing::JsonArray;
    let verbatim = Verbatim::of(rules.other_words(), &realm, ask);
    if let Some(fingerprint) = verbatim.as_ref().and_then(|told| told.known(cache, clock::unix_millis())) {
        let (reworded, places, asking, verbatim) = (Vec::new(), Vec::new(), None, None);
        let query =
            Query { fingerprint, reworded, places, asking, rules, wish, takes, verbatim, leads: false };
        return Ok(Some(Box::new(query)));
    }
    // What is no request of its dialect is the provider's to refuse.
    let Ok(()) = parsed(ask) else { return no_part() };
    let Some(request) = ask.parsed.as_deref() else { return no_part() };
    // Some are defined in the midst of what is said.
    if !rules.tools && !request.tools.is_empty() {
        return no_part();
    }
    // Whether tools count depends on the rules.
    let verbatim = verbatim.filter(|_| request.tools.is_empty());
    let fingerprint = fingerprint::of_request(&cache.key, &realm, request);
    let forms = match rules.other_words() {
        OtherWords::Unknown => Vec::new(),
        OtherWords::Watched | OtherWords::Answered => semantic::asked(request).unwrap_or_default(),
    };
    let numbers = |forms: &[String]| fingerprint::of_question(&cache.key, &realm, request, forms);
    let reworded = numbers(&forms);
    let asking = Asking::of(&world.caching, rules, request);
    let places = match &asking {
        Some(asking) => asking.places(&forms, numbers),
        None if rules.mode.alone() == Mode::Balanced => places(&forms, numbers),
        None => Vec::new(),
    };
    let asking = asking.filter(|_| !places.is_empty()).map(Box::new);
    let query = Query { fingerprint, reworded, places, asking, rules, wish, takes, verbatim, leads: false };
    Ok(Some(Box::new(query)))
}

/// Where a question with these forms stands among others: boxes are numbered as forms are, of which none begins
/// with this sign.
fn places(forms: &[String], numbers: impl Fn(&[String]) -> Vec<Fingerprint>) -> Vec<Place> {
    placed(forms, numbers, |sketch| format!("~ {}", sketch.must()))
}

/// The same, in boxes with these names.
pub(super) fn placed(
    forms: &[String],
    numbers: impl Fn(&[String]) -> Vec<Fingerprint>,
    name: impl Fn(&Sketch) -> String,
) -> Vec<Place> {
    let sketches: Vec<_> = forms.iter().take(CLEAR).filter_map(|form| Sketch::of(form)).collect();
    let boxes: Vec<_> = sketches.iter().map(name).collect();
    let place = |(box_of, sketch)| Place { box_of, sketch: Arc::new(sketch), text: None, meaning: None };
    numbers(&boxes).into_iter().zip(sketches).map(place).collect()
}

/// The rules that hold for a request and what its headers say to them; `None` where the cache is off.
///
/// # Errors
/// When a header of ours says what it cannot say, or it wants nothing but what is kept and the cache is off.
pub fn told(
    caching: &Caching,
    key: Option<&Key>,
    headers: &HeaderMap,
    model: &str,
) -> Result<Option<(Rules, Wish)>, Refusal> {
    let own = key.and_then(|key| key.cache.as_ref());
    let Some(rules) = caching.rules_for(model, own) else { return off(headers) };
    Ok(Some((rules, wish(headers)?)))
}

/// Nothing is looked for where the cache is off; and who wants nothing but what is kept, gets nothing.
fn off<T>(headers: &HeaderMap) -> Result<Option<T>, Refusal> {
    let said = headers.get_all(header::CACHE_CONTROL).iter();
    let said = said.filter_map(|value| Some((header::CACHE_CONTROL.as_str(), value.to_str().ok()?)));
    let only = Wish::read(said).is_ok_and(|wish| wish.only);
    if only { Err(uncached()) } else { Ok(None) }
}

fn wish(headers: &HeaderMap) -> Result<Wish, Refusal> {
    let said = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    Wish::read(said).map_err(|wrong| {
        let message =
            format!("the header {} says what it cannot say: expected {}", wrong.header, wrong.expected);
        Refusal::new(Kind::InvalidRequest, message).with_param(wrong.header)
    })
}

/// The refusal of a client that wants nothing but what is kept.
#[must_use]
pub fn uncached() -> Refusal {
    let message = "nothing is kept that answers this, and only that was asked for (only-if-cached)";
    Refusal { status: 504, ..Refusal::new(Kind::Timeout, message) }.with_code("not_cached")
}

/// By what the answer to a request is found again.
#[must_use]
pub fn mark(key: Option<&Key>, ask: &Ask) -> Mark {
    let tags = ask.attribution.iter().flat_map(|said| &said.tags);
    Mark {
        key: key.map(|key| Arc::clone(&key.name)).unwrap_or_default(),
        owner: key.map(|key| Arc::clone(&key.owner)).unwrap_or_default(),
        asked: ask.model.as_str().into(),
        tags: tags.map(|tag| (**tag).into()).collect(),
    }
}

/// Among whom the answers of a key are shared.
#[must_use]
pub fn scope(scope: Scope, key: Option<&Key>) -> String {
    match (scope, key) {
        (Scope::Shared, _) => String::new(),
        (Scope::Owner, Some(key)) if !key.owner.is_empty() => format!("owner:{}", key.owner),
        (Scope::Key | Scope::Owner, Some(key)) => format!("key:{}", key.id),
        (Scope::Key | Scope::Owner, None) => "key:".to_owned(),
    }
}

/// A target by its names, and where it is.
#[must_use]
pub fn named<'w>(world: &'w Snapshot, target: &'w Target) -> Option<(&'w str, &'w str, &'w Base)> {
    let provider = world.providers.get(target.provider)?;
    Some((&provider.name, &target.model, &provider.base))
}

impl Query {
    /// Looks, and where nothing is there begins a flight that others can join.
    #[must_use]
    pub fn look(&self, cache: &Exact) -> Found {
        let look = Look {
            now: clock::unix_millis(),
            max_age: self.wish.max_age,
            entries: !self.wish.fresh,
            flights: match self.rules.in_flight && self.takes && !self.wish.fresh && !self.wish.only {
                true if self.leads => Flights::Lead,
                true => Flights::Join,
                false => Flights::Apart,
            },
        };
        if self.reworded.is_empty() || !look.entries || self.rules.other_words() != OtherWords::Answered {
            return cache.find(self.fingerprint, &look);
        }
        match cache.find(self.fingerprint, &Look { flights: Flights::Apart, ..look }) {
            Found::Nothing(_) => {
                if let Some((entry, age)) = cache.find_reworded(&self.reworded, &look) {
                    Found::Reworded(entry, age)
                } else if let Some((entry, age)) = cache.find_near(&self.places, &look) {
                    Found::Near(entry, age)
                } else {
                    // Meanwhile its answer may have been kept.
                    cache.find(self.fingerprint, &look)
                }
            }
            found @ (Found::Entry(..) | Found::Reworded(..) | Found::Near(..) | Found::Flight(_)) => found,
        }
    }

    /// The answer that would be given for the same question in other words, if that were done.
    #[must_use]
    pub fn watched(&self, cache: &Exact) -> Option<Arc<Entry>> {
        if self.wish.fresh || self.rules.other_words() != OtherWords::Watched {
            return None;
        }
        let look = self.apart();
        let found =
            cache.find_reworded(&self.reworded, &look).or_else(|| cache.find_near(&self.places, &look));
        found.map(|(entry, _)| entry)
    }

    /// How entries are looked for, whatever is in flight.
    #[must_use]
    pub fn apart(&self) -> Look {
        let (now, max_age) = (clock::unix_millis(), self.wish.max_age);
        Look { now, max_age, entries: true, flights: Flights::Apart }
    }

    /// The model that the question waits for, where there is one.
    #[must_use]
    pub fn waits_for(&self) -> Option<&Asking> {
        let waits = !self.wish.fresh && self.rules.other_words() == OtherWords::Answered;
        self.asking.as_deref().filter(|_| waits)
    }

    /// Where this question is found by others like it, with what a model told of it by now.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let place = self.places.first()?.clone();
        Some(match &self.asking {
            Some(asking) => asking.told_of(place),
            None => place,
        })
    }

    /// Under which fingerprints the answer is found again for the same question in other words: all, where it
    /// is clear what was meant, else that of the words as they are.
    #[must_use]
    pub fn known_by(&self) -> &[Fingerprint] {
        let count = if self.reworded.len() <= CLEAR { self.reworded.len() } else { 1 };
        self.reworded.get(..count).unwrap_or_default()
    }

    /// How long the answer may be kept.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.wish.ttl.map_or(self.rules.ttl, |ttl| ttl.min(self.rules.ttl))
    }
}

/// How freely the answer to a body is drawn, without reading the rest of it.
fn drawn(dialect: Dialect, lens: &Lens<'_>) -> Drawn {
    let within = |object: &str, key: &str| lens.raw(object).and_then(|raw| find(raw.as_bytes(), key));
    let (temperature, seed) = match dialect {
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::OpenaiCompletions
        | Dialect::AnthropicMessages
        | Dialect::CohereChat => (lens.raw("temperature"), lens.raw("seed")),
        Dialect::GeminiGenerate => {
            let config =
                if lens.raw("generationConfig").is_some() { "generationConfig" } else { "generation_config" };
            (within(config, "temperature"), within(config, "seed"))
        }
        Dialect::BedrockConverse => (within("inferenceConfig", "temperature"), None),
        Dialect::OllamaChat | Dialect::OllamaGenerate => {
            (within("options", "temperature"), within("options", "seed"))
        }
    };
    Drawn {
        temperature: temperature.and_then(|raw| raw.trim().parse().ok()),
        seeded: seed.is_some_and(says),
        tools: false,
    }
}

/// Whether a member says anything.
fn says(raw: &str) -> bool {
    !matches!(raw, "null" | "[]" | "false")
}

/// What a request reaches beyond its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// Tools, which may do something: its own, and what a provider looks up of itself.
    tools: bool,
    /// What is kept elsewhere, or will be.
    elsewhere: bool,
}

impl Reach {
    /// What a body's members say of that.
    fn of(lens: &Lens<'_>) -> Self {
        const TOOLS: [&str; 9] = [
            "tools",
            "functions",
            "toolConfig",
            "mcp_servers",
            "plugins",
            "web_search_options",
            // Of xAI, of Qwen and of Azure.
            "search_parameters",
            "enable_search",
            "data_sources",
        ];
        let mut reach = Self { tools: false, elsewhere: false };
        for key in lens.keys() {
            let is_said = || lens.raw(key).is_some_and(says);
            match key {
                "background" | "thread" | "container" => reach.elsewhere |= is_said(),
                // What a model takes beside what Converse knows.
                "additionalModelRequestFields" => {
                    let fields = lens.raw(key).unwrap_or_default().as_bytes();
                    reach.tools |= TOOLS.iter().any(|name| find(fields, name).is_some_and(says));
                }
                key if TOOLS.contains(&key) => reach.tools |= is_said(),
                _ => {}
            }
        }
        reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_freely_an_answer_is_drawn_is_read_where_each_dialect_says_it() {
        let of = |dialect, body: &str| {
            let lens = Lens::new(body.as_bytes()).unwrap();
            Drawn { tools: Reach::of(&lens).tools, ..drawn(dialect, &lens) }
        };
        let zero = Drawn { temperature: Some(0.0), ..Drawn::default() };
        assert_eq!(of(Dialect::OpenaiChat, r#"{"temperature": 0}"#), zero);
        assert_eq!(of(Dialect::AnthropicMessages, r#"{"temperature":0.0,"tools":[]}"#), zero);
        assert_eq!(of(Dialect::GeminiGenerate, r#"{"generationConfig":{"temperature":0}}"#), zero);
        assert_eq!(of(Dialect::BedrockConverse, r#"{"inferenceConfig":{"temperature":0e0}}"#), zero);
        let seeded = Drawn { seeded: true, ..zero };
        assert_eq!(of(Dialect::OllamaChat, r#"{"options":{"temperature":0,"seed":7}}"#), seeded);
        let tools = Drawn { tools: true, ..Drawn::default() };
        assert_eq!(of(Dialect::OpenaiChat, r#"{"tools":[{"type":"function"}],"temperature":null}"#), tools);
        assert_eq!(of(Dialect::BedrockConverse, r#"{"toolConfig":{"tools":[{}]}}"#), tools);
    }
    #[test]
    fn what_reaches_beyond_the_words_of_a_request_is_seen() {
        let of = |body: &str| {
            let reach = Reach::of(&Lens::new(body.as_bytes()).unwrap());
            (reach.tools, reach.elsewhere)
        };
        for nothing in [
            "{}",
            r#"{"tools":null,"functions":[],"enable_search":false,"background":false}"#,
            r#"{"additionalModelRequestFields":{"top_k":5,"tools":[]}}"#,
        ] {
            assert_eq!(of(nothing), (false, false), "{nothing}");
        }
        for tools in [
            r#"{"search_parameters":{"mode":"auto"}}"#,
            r#"{"enable_search":true}"#,
            r#"{"data_sources":[{"type":"azure_search"}]}"#,
            r#"{"additionalModelRequestFields":{"tools":[{"type":"computer_20250124"}]}}"#,
        ] {
            assert_eq!(of(tools), (true, false), "{tools}");
        }
        for elsewhere in
            [r#"{"background":true}"#, r#"{"thread":{"id":"thread_1"}}"#, r#"{"container":"container_1"}"#]
        {
            assert_eq!(of(elsewhere), (false, true), "{elsewhere}");
        }
    }
}
