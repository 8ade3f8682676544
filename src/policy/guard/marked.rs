//! Rules that begin with a word: the words are found in one pass, and only there is more looked at.

use std::sync::OnceLock;

use super::detector::Finding;
use super::lexicon::{Edges, Lexicon, Met};
use super::pattern::{Letters, Pattern, Probe};
use super::trail::Trail;

/// A rule: the words it begins with, and an expression for what stands from there on.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) words: Vec<Box<str>>,
    pub(super) expression: Box<str>,
    /// Whether a word may stand in the middle of another.
    pub(super) edges: Edges,
    compiled: OnceLock<Option<Pattern>>,
}

impl Rule {
    pub(super) fn new<'w>(words: impl IntoIterator<Item = &'w str>, expression: &str, edges: Edges) -> Self {
        let words = words.into_iter().map(Into::into).collect();
        Self { words, expression: expression.into(), edges, compiled: OnceLock::new() }
    }

    /// The expression, compiled when it is first needed: most never are.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.compiled.get_or_init(|| Pattern::compile(&self.expression, Letters::Either).ok()).as_ref()
    }
}

/// Within a match that is longer, and none that counts, no other of its rule is looked for.
const LONG: usize = 512;

/// How one rule fares in a text.
#[derive(Debug)]
struct Run {
    rule: u16,
    trail: Trail,
    /// Where the last match ends, if no other may begin in it.
    until: usize,
}

/// Several of them.
#[derive(Debug)]
pub(super) struct Marked {
    lexicon: Lexicon,
    rules: Vec<Rule>,
    /// How many bytes a match may have.
    longest: usize,
}

impl Marked {
    /// Rules whose matches have at most so many bytes.
    pub(super) fn new(rules: Vec<Rule>, longest: usize) -> Option<Self> {
        let words = rules.iter().zip(0..);
        let words =
            words.flat_map(|(rule, name)| rule.words.iter().map(move |word| (&**word, rule.edges, name)));
        Some(Self { lexicon: Lexicon::new(words)?, rules, longest })
    }

    /// Finds matches from `from` on, of which `is` makes findings or none, and returns how far all is decided.
    /// It is told the rule's place, where the match begins and ends, and where the secret in it does.
    pub(super) fn pass(
        &self,
        text: &[u8],
        from: usize,
        ended: bool,
        found: &mut Vec<Finding>,
        is: impl Fn(u16, (usize, usize), (usize, usize)) -> Option<Finding>,
    ) -> usize {
        let mut words: Vec<Met> = Vec::new();
        let mut decided = self.lexicon.pass(text, from, ended, |word| words.push(word));
        words.sort_unstable_by_key(|word| (word.start, word.name));
        words.dedup_by_key(|word| (word.start, word.name));
        let mut runs: Vec<Run> = Vec::new();
        let mut matches: Vec<(usize, usize, Option<Finding>)> = Vec::new();
        for word in words {
            // What begins later is seen again.
            if word.start >= decided {
                break;
            }
            let Some(pattern) = self.rules.get(usize::from(word.name)).and_then(Rule::pattern) else {
                continue;
            };
            let known = runs.iter().position(|run| run.rule == word.name).unwrap_or(runs.len());
            if known == runs.len() {
                runs.push(Run { rule: word.name, trail: Trail::default(), until: 0 });
            }
            let Some(run) = runs.get_mut(known).filter(|run| word.start >= run.until) else { continue };
            match pattern.probe(text, word.start, self.longest, ended, &mut run.trail) {
                Probe::None => {}
                Probe::Open => decided = word.start,
                Probe::Match(end) => {
                    let finding = is(word.name, (word.start, end), pattern.secret(text, word.start, end));
                    if finding.is_some() || end - word.start > LONG {
                        run.until = end;
                    }
                    matches.push((word.start, end, finding));
                }
            }
        }
        // A match is decided as one, so that what begins within it is never seen without it.
        while let Some((start, ..)) =
            matches.iter().find(|(start, end, _)| *start < decided && *end > decided)
        {
            decided = *start;
        }
        found.extend(
            matches.into_iter().filter(|(start, ..)| *start < decided).filter_map(|(.., finding)| finding),
        );
        decided
    }
}
