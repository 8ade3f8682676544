//! Rules that begin with a word: the words are found in one pass, and only there is more looked at.

use std::sync::OnceLock;

use super::lexicon::{Edges, Lexicon, Met};
use super::pattern::{Letters, Pattern, Probe};

/// A rule reaches no further than this: a private key of 8192 bits, armoured, has 6.3 KB.
const LONGEST: usize = 8 << 10;

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

/// Several of them.
#[derive(Debug)]
pub(super) struct Marked {
    lexicon: Lexicon,
    rules: Vec<Rule>,
}

impl Marked {
    pub(super) fn new(rules: Vec<Rule>) -> Option<Self> {
        let words = rules.iter().zip(0..);
        let words =
            words.flat_map(|(rule, name)| rule.words.iter().map(move |word| (&**word, rule.edges, name)));
        Some(Self { lexicon: Lexicon::new(words)?, rules })
    }

    /// Finds matches from `from` on and returns how far all is decided; tells the rule's place, where the
    /// match begins and ends, and where the secret in it does.
    pub(super) fn pass(
        &self,
        text: &[u8],
        from: usize,
        ended: bool,
        mut met: impl FnMut(u16, (usize, usize), (usize, usize)),
    ) -> usize {
        let mut words: Vec<Met> = Vec::new();
        let mut decided = self.lexicon.pass(text, from, ended, |word| words.push(word));
        words.sort_unstable_by_key(|word| (word.start, word.name));
        words.dedup_by_key(|word| (word.start, word.name));
        for word in words {
            // What begins later is seen again.
            if word.start >= decided {
                break;
            }
            let Some(pattern) = self.rules.get(usize::from(word.name)).and_then(Rule::pattern) else {
                continue;
            };
            match pattern.probe(text, word.start, LONGEST, ended) {
                Probe::None => {}
                Probe::Open => decided = word.start,
                Probe::Match(end) => {
                    met(word.name, (word.start, end), pattern.secret(text, word.start, end));
                }
            }
        }
        decided
    }
}
