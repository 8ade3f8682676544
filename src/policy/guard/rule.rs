//! A guard: what it looks for, where, and what becomes of what it finds.

use std::sync::Arc;

use super::class::Class;
use super::detector::{Detector, Finding, Wanted};
use super::exfiltration;
use super::lexicon::{Edges, Lexicon};
use super::pattern::Pattern;
use super::scanner::{Panel, Sum};
use super::secrets;

/// What becomes of what a guard finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is recorded.
    Monitor,
    /// The client is told, too, in a header.
    Tag,
    /// The client is told, and the request goes to another route.
    Route,
    /// A word for what it was stands in its place.
    Mask,
    /// A name stands in its place, and in the answer it stands again in place of that name.
    MaskAndRestore,
    /// The request is refused, or the answer ended.
    Block,
}

impl Action {
    /// How configuration, records and metrics call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Tag => "tag",
            Self::Route => "route",
            Self::Mask => "mask",
            Self::MaskAndRestore => "mask_and_restore",
            Self::Block => "block",
        }
    }

    /// Whether it puts something else in the place of what is found.
    #[must_use]
    pub const fn edits(self) -> bool {
        matches!(self, Self::Mask | Self::MaskAndRestore)
    }
}

/// Which way a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a client to a provider.
    Request,
    /// Back.
    Answer,
}

impl Direction {
    /// How configuration, records and metrics call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
        }
    }
}

/// Whom a guard is for; an empty list is everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The names of keys.
    pub keys: Vec<String>,
    /// Owners: each with all below it.
    pub owners: Vec<String>,
    /// Models and routes by the names that clients use; `*` stands for any letters.
    pub models: Vec<String>,
}

/// Who asks, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The key's name, or "".
    pub key: &'a str,
    /// The key's owner, or "".
    pub owner: &'a str,
    /// The model as the client names it.
    pub model: &'a str,
}

impl Scope {
    /// Whether it covers this request; `matches` compares a pattern with a model's name.
    pub(in crate::policy) fn covers(&self, asker: &Asker<'_>, matches: fn(&str, &str) -> bool) -> bool {
        let below = |owner: &String| {
            let rest = asker.owner.strip_prefix(owner.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (self.keys.is_empty() || self.keys.iter().any(|key| key == asker.key))
            && (self.owners.is_empty() || self.owners.iter().any(below))
            && (self.models.is_empty() || self.models.iter().any(|model| matches(model, asker.model)))
    }
}

/// From which score on signs of injection count where nobody says otherwise: two weak ones or a strong one.
pub const THRESHOLD: u8 = 60;

/// A guard.
#[derive(Debug)]
pub struct Guard {
    /// Its name in verdicts, records and metrics.
    pub name: Arc<str>,
    /// What it looks for.
    pub detect: Wanted,
    /// Its words.
    pub words: Option<Words>,
    /// Its expressions by name.
    pub patterns: Vec<(Arc<str>, Arc<Pattern>)>,
    /// Hosts that pictures and links may be of.
    pub hosts: Vec<String>,
    /// From which score on, in hundredths, signs of injection count.
    pub threshold: u8,
    /// How many characters a text may have.
    pub length: usize,
    /// How many tokens a request may have, all its texts together, as far as can be told without its model.
    pub tokens: u64,
    /// The languages that a text may be in.
    pub languages: Vec<&'static str>,
    /// What becomes of what it finds.
    pub action: Action,
    /// The route to which it sends a request.
    pub route: Option<Arc<str>>,
    /// The class of what it finds in requests.
    pub class: Option<Arc<Class>>,
    /// Whether it looks at requests.
    pub requests: bool,
    /// Whether it looks at answers.
    pub answers: bool,
    /// Whom it is for.
    pub scope: Scope,
}

/// Words of a guard: lists, each of a topic.
#[derive(Debug)]
pub struct Words {
    lexicon: Arc<Lexicon>,
    topics: Vec<Arc<str>>,
}

impl Words {
    /// Words under the names of their topics; `None` when there are none.
    #[must_use]
    pub fn new(topics: &[(&str, &[String])]) -> Option<Self> {
        let named = topics.iter().zip(0..);
        let words = named
            .flat_map(|((_, words), name)| words.iter().map(move |word| (word.as_str(), Edges::Both, name)));
        let lexicon = Arc::new(Lexicon::new(words)?);
        Some(Self { lexicon, topics: topics.iter().map(|(topic, _)| (*topic).into()).collect() })
    }
}

impl Guard {
    /// A guard that looks for this everywhere.
    #[must_use]
    pub fn new(name: &str, detect: Wanted, action: Action) -> Self {
        Self {
            name: name.into(),
            detect,
            words: None,
            patterns: Vec::new(),
            hosts: Vec::new(),
            threshold: THRESHOLD,
            length: usize::MAX,
            tokens: u64::MAX,
            languages: Vec::new(),
            action,
            route: None,
            class: None,
            requests: true,
            answers: true,
            scope: Scope::default(),
        }
    }

    /// Whether it looks at what goes this way.
    const fn looks_at(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.requests,
            Direction::Answer => self.answers,
        }
    }

    /// Whether it may look at what goes this way, whatever the model.
    #[must_use]
    pub fn may_look(&self, direction: Direction, asker: &Asker<'_>) -> bool {
        self.looks(direction, asker, |_, _| true)
    }

    /// Whether it looks at what goes this way for this asker; `matches` compares a pattern with a model's name.
    #[must_use]
    pub fn looks(&self, direction: Direction, asker: &Asker<'_>, matches: fn(&str, &str) -> bool) -> bool {
        self.looks_at(direction) && self.scope.covers(asker, matches)
    }

    /// The name of the rule that found something.
    fn rule(&self, finding: &Finding) -> Arc<str> {
        let place = usize::from(finding.rule);
        match finding.detector {
            Detector::Secret => Some(secrets::name(finding.rule).into()),
            Detector::Word => self.words.as_ref().and_then(|words| words.topics.get(place)).cloned(),
            Detector::Pattern => self.patterns.get(place).map(|(name, _)| Arc::clone(name)),
            detector => Some(detector.name().into()),
        }
        .unwrap_or_else(|| finding.detector.name().into())
    }
}

/// The guards that look at one request or its answer.
#[derive(Debug)]
pub struct Watch {
    pub(super) direction: Direction,
    pub(super) guards: Vec<Arc<Guard>>,
    pub(super) panel: Arc<Panel>,
    /// The same but for what nobody sees, where a guard takes that out first.
    pub(super) cleared: Option<Arc<Panel>>,
    /// Names that stand in place of what was masked, to be undone.
    pub(super) names: Vec<String>,
}

/// The place among guards of the words that are names to be undone.
pub(super) const NAMES: u16 = u16::MAX;

impl Watch {
    /// Those of the guards that look at what this asker sends or gets; `None` where none does. `values` are
    /// the names in place of what was masked, in the order of their numbers, with what they stand for.
    #[must_use]
    pub fn over(
        guards: &[Arc<Guard>],
        direction: Direction,
        asker: &Asker<'_>,
        matches: fn(&str, &str) -> bool,
        masked: &[(String, String)],
    ) -> Option<Self> {
        let looks = |guard: &&Arc<Guard>| guard.looks(direction, asker, matches);
        let guards: Vec<_> = guards.iter().filter(looks).cloned().collect();
        if guards.is_empty() && masked.is_empty() {
            return None;
        }
        let mut panel = Panel::default();
        for (guard, place) in guards.iter().zip(0..) {
            panel.wanted = panel.wanted.and(guard.detect);
            if let Some(words) = &guard.words {
                panel.words.push((place, Arc::clone(&words.lexicon)));
            }
            let patterns = guard.patterns.iter().zip(0..);
            panel.patterns.extend(patterns.map(|((_, pattern), rule)| (place, rule, Arc::clone(pattern))));
        }
        let spelt: Vec<_> =
            masked.iter().zip(0..).flat_map(|((name, _), place)| spellings(name, place)).collect();
        let names = spelt.iter().map(|(spelling, edges, place)| (spelling.as_str(), *edges, *place));
        panel.words.extend(Lexicon::new(names).map(|names| (NAMES, Arc::new(names))));
        let names = masked.iter().map(|(_, value)| value.clone()).collect();
        let clears = |guard: &Arc<Guard>| guard.action.edits() && guard.detect.has(Detector::Invisible);
        let cleared = guards.iter().any(clears).then(|| {
            let wanted = panel.wanted.without(Detector::Invisible);
            Arc::new(Panel { wanted, ..panel.clone() })
        });
        Some(Self { direction, guards, panel: Arc::new(panel), cleared, names })
    }

    /// The guard without whose look nothing may pass: one that would change or end it, or send it elsewhere.
    #[must_use]
    pub fn binding(&self) -> Option<&Guard> {
        let diverts = |guard: &Guard| guard.class.is_some() || guard.action == Action::Route;
        let ends = |guard: &Guard| guard.action.edits() || guard.action == Action::Block;
        let asked = self.direction == Direction::Request;
        let binds = |guard: &&Arc<Guard>| ends(guard) || (asked && diverts(guard));
        self.guards.iter().find(binds).map(|guard| &**guard)
    }

    /// What the guards make of a finding: calls back for each that wants it.
    pub(super) fn judge(&self, finding: &Finding, text: &[u8], mut say: impl FnMut(&Guard, Arc<str>)) {
        let own = matches!(finding.detector, Detector::Word | Detector::Pattern);
        for (guard, place) in self.guards.iter().zip(0..) {
            let wants = if own { finding.guard == place } else { guard.detect.has(finding.detector) };
            let allowed = finding.detector == Detector::Exfiltration
                && exfiltration::host(text).is_some_and(|host| guard.allows(host));
            if wants && !allowed {
                say(guard, guard.rule(finding));
            }
        }
    }

    /// Whether one of them wants to know how many tokens a request has.
    pub(super) fn counts(&self) -> bool {
        self.direction == Direction::Request && self.guards.iter().any(|guard| guard.tokens < u64::MAX)
    }

    /// What they make of so many tokens.
    pub(super) fn judge_tokens(&self, tokens: u64, mut say: impl FnMut(&Guard, Arc<str>)) {
        for guard in self.guards.iter().filter(|guard| tokens > guard.tokens) {
            say(guard, "tokens".into());
        }
    }

    /// What they make of a whole text's sum.
    pub(super) fn judge_sum(&self, sum: &Sum, mut say: impl FnMut(&Guard, Arc<str>)) {
        for guard in &self.guards {
            let detect = |detector| guard.detect.has(detector);
            if detect(Detector::Injection) && sum.injection.hundredths() >= guard.threshold {
                for sign in sum.injection.signs() {
                    say(guard, format!("injection/{}", sign.name()).into());
                }
            }
            if detect(Detector::Length) && sum.length > guard.length {
                say(guard, Detector::Length.name().into());
            }
            if let Some(language) = sum.language
                && detect(Detector::Language)
                && !guard.languages.contains(&language)
            {
                say(guard, format!("language/{language}").into());
            }
        }
    }
}

impl Guard {
    /// Whether a host is allowed: as it is listed, or below one that is listed with a leading dot.
    fn allows(&self, host: &str) -> bool {
        self.hosts.iter().any(|listed| match listed.strip_prefix('.') {
            Some(parent) => {
                let rest = host.len().checked_sub(parent.len());
                rest.is_some_and(|at| {
                    host.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(parent))
                        && (at == 0 || host.as_bytes().get(at - 1) == Some(&b'.'))
                })
            }
            None => host.eq_ignore_ascii_case(listed),
        })
    }
}

/// The ways in which models write a name such as `[EMAIL_1]`. Without its brackets it is one only where it
/// stands alone and in capitals: `user_id_1` is none.
fn spellings(name: &str, place: u16) -> impl Iterator<Item = (String, Edges, u16)> {
    let bare = name.trim_matches(['[', ']']);
    let escaped = bare.replace('_', "\\_");
    let spaced = bare.replace('_', " ");
    let bracketed = [bare, &escaped, &spaced].map(|bare| (format!("[{bare}]"), Edges::None));
    let others = [
        (format!("[{bare}"), Edges::Alone),
        (format!("\\[{bare}\\]"), Edges::None),
        (bare.to_owned(), Edges::Alone),
        (escaped, Edges::Alone),
    ];
    bracketed.into_iter().chain(others).map(move |(name, edges)| (name, edges, place))
}
