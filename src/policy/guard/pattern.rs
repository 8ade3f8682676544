//! Expressions that are looked for in text that may still grow.
//!
//! An automaton is run from a place on. It tells three things apart: that nothing can match there any
//! more, what matches, and that the text must go on before anybody can say. All of them take time in
//! proportion to the text, whatever the expression.

use std::sync::{Arc, OnceLock};

use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::hybrid::regex::{Cache, Regex};
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::trail::{Stop, Trail};

/// An expression, compiled.
pub struct Pattern {
    text: Box<str>,
    regex: Arc<Regex>,
    caches: Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync>>,
    /// What tells groups, where somebody asks for one.
    groups: OnceLock<Option<PikeVM>>,
    letters: Letters,
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

#[cfg(test)]
thread_local! {
    /// How many bytes this thread's automatons have read.
    pub(super) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// An expression makes no larger program than this.
const LARGEST: usize = 1 << 20;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// No match begins here.
    None,
    /// One begins here and ends there.
    Match(usize),
    /// More of the text must come first.
    Open,
}

/// In which case letters match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// In either.
    Either,
    /// As they are written.
    Written,
}

impl Pattern {
    /// Compiles an expression of a guard. Its classes (`\w`, `\d`, `\b`) are those of ASCII.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn new(expression: &str) -> Result<Self, String> {
        let pattern = Self::compile(expression, Letters::Written)?;
        let mut cache = pattern.regex.create_cache();
        if pattern.regex.find(&mut cache, "").is_some() {
            return Err("it matches nothing at all, and so everywhere".to_owned());
        }
        Ok(pattern)
    }

    pub(super) fn compile(expression: &str, letters: Letters) -> Result<Self, String> {
        let build = |unicode: bool| {
            Regex::builder()
                .dfa(DFA::config().skip_cache_capacity_check(true))
                .syntax(syntax_of(letters, unicode))
                .thompson(program())
                .build(expression)
                .map_err(|error| told(&error))
        };
        // Letters of other alphabets in a class are for those who read text, not bytes.
        let regex = Arc::new(build(false).or_else(|why| build(true).map_err(|_| why))?);
        let of = Arc::clone(&regex);
        let make: Box<dyn Fn() -> Cache + Send + Sync> = Box::new(move || of.create_cache());
        let (caches, groups) = (Pool::new(make), OnceLock::new());
        Ok(Self { text: expression.into(), regex, caches, groups, letters })
    }

    /// What begins at this place, of which at most so many bytes are looked at. `trail` is of the probes
    /// before it in this text.
    pub(super) fn probe(&self, text: &[u8], at: usize, most: usize, ended: bool, trail: &mut Trail) -> Probe {
        let mut cache = self.caches.get();
        self.walk(cache.as_parts_mut().0, text, at, most, ended, trail).unwrap_or(Probe::None)
    }

    fn walk(
        &self,
        cache: &mut dfa::Cache,
        text: &[u8],
        at: usize,
        most: usize,
        ended: bool,
        trail: &mut Trail,
    ) -> Option<Probe> {
        let automaton = self.regex.forward();
        let input = Input::new(text).range(at..).anchored(Anchored::Yes);
        let mut state = automaton.start_state_forward(cache, &input).ok()?;
        let mut found = Probe::None;
        let limit = text.len().min(at + most);
        let mut place = at;
        trail.begin();
        while let Some(byte) = text.get(place).filter(|_| place < limit) {
            if let Some((end, stop)) = trail.meet(place, state, cache.clear_count()) {
                found = end.filter(|end| *end > at).map_or(found, Probe::Match);
                let Stop::Alive(further, there) = stop else { return Some(found) };
                (place, state) = (further, there);
                continue;
            }
            #[cfg(test)]
            STEPS.set(STEPS.get() + 1);
            // A match shows one byte behind its end.
            state = automaton.next_state(cache, state, *byte).ok()?;
            if state.is_match() && place > at {
                found = Probe::Match(place);
                trail.matched(place);
            }
            if state.is_dead() || state.is_quit() {
                trail.stop(Stop::Dead);
                return Some(found);
            }
            place += 1;
        }
        trail.stop(Stop::Alive(place, state));
        state = match text.get(limit) {
            Some(next) => automaton.next_state(cache, state, *next).ok()?,
            None if ended => automaton.next_eoi_state(cache, state).ok()?,
            None if limit - at >= most => automaton.next_eoi_state(cache, state).ok()?,
            None => return Some(Probe::Open),
        };
        Some(if state.is_match() && limit > at { Probe::Match(limit) } else { found })
    }

    /// The first group of the match that stands here, or all of it.
    pub(super) fn secret(&self, text: &[u8], start: usize, end: usize) -> (usize, usize) {
        self.group(text, start, end).unwrap_or((start, end))
    }

    fn group(&self, text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
        let build = || {
            let vm = PikeVM::builder()
                .syntax(syntax_of(self.letters, false))
                .thompson(program())
                .build(&self.text);
            vm.ok().filter(|vm| vm.get_nfa().group_info().group_len(regex_automata::PatternID::ZERO) > 1)
        };
        let vm = self.groups.get_or_init(build).as_ref()?;
        let (mut cache, mut found) = (vm.create_cache(), vm.create_captures());
        #[cfg(test)]
        STEPS.set(STEPS.get() + end - start);
        vm.search(&mut cache, &Input::new(text).range(start..end).anchored(Anchored::Yes), &mut found);
        found.get_group(1).map(|group| (group.start, group.end))
    }

    /// The first match from here on in a text that is whole.
    fn find(&self, cache: &mut Cache, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let found = self.regex.try_search(cache, &Input::new(text).range(at..)).ok()??;
        #[cfg(test)]
        STEPS.set(STEPS.get() + found.end() - at);
        Some((found.start(), found.end()))
    }

    /// Finds matches from `from` on and returns how far all is decided. A match has at most so many
    /// bytes.
    pub(super) fn pass(
        &self,
        text: &[u8],
        from: usize,
        most: usize,
        ended: bool,
        mut met: impl FnMut(usize, usize),
    ) -> usize {
        let mut cache = self.caches.get();
        let mut trail = Trail::default();
        let (mut at, mut overlong) = (from, from);
        while at < text.len() {
            if ended && at >= overlong {
                // Nobody waits: the quickest way to the next one.
                let Some((start, end)) = self.find(&mut cache, text, at) else { break };
                if end - start <= most && end > start {
                    met(start, end);
                    at = end;
                    continue;
                }
                // In what is too long for a match there may be others, which would not be found sooner.
                (at, overlong) = (start, end);
            }
            match self.walk(cache.as_parts_mut().0, text, at, most, ended, &mut trail).unwrap_or(Probe::None)
            {
                Probe::Match(end) => {
                    met(at, end);
                    at = end;
                }
                Probe::Open => return at,
                Probe::None => at = next(text, at),
            }
        }
        text.len()
    }
}

fn syntax_of(letters: Letters, unicode: bool) -> syntax::Config {
    syntax::Config::new().unicode(unicode).utf8(false).case_insensitive(letters == Letters::Either)
}

fn program() -> thompson::Config {
    thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST))
}

/// What is wrong in the library's own words, with what lies behind them.
fn told(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(behind) = error.source() {
        error = behind;
    }
    error.to_string()
}

/// The place of the next character.
fn next(text: &[u8], at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    at + 1 + rest.iter().take_while(|byte| *byte & 0xc0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str, pieces: &[&str]) -> Vec<(usize, usize)> {
        let pattern = Pattern::new(expression).unwrap();
        let (mut text, mut at, mut all) = (String::new(), 0, Vec::new());
        for (place, piece) in pieces.iter().enumerate() {
            text.push_str(piece);
            at = pattern.pass(text.as_bytes(), at, 16, place + 1 == pieces.len(), |start, end| {
                all.push((start, end));
            });
        }
        all
    }

    #[test]
    fn matches_are_the_same_wherever_the_text_is_cut() {
        let text = "order AB-12 and AB-1234, then xäöy AB-9 x..........................y abab";
        for expression in
            [r"AB-\d{2,4}", r"x.*?y", r"x.*y", "a|ab|abab", r"\b\w+\b", "ö", "[äö]+", "AB-12|B-12 and"]
        {
            let whole = met(expression, &[text]);
            assert!(!whole.is_empty(), "{expression}");
            for (cut, _) in text.char_indices().skip(1) {
                assert_eq!(met(expression, &[&text[..cut], &text[cut..]]), whole, "{expression} {cut}");
            }
            let letters: Vec<_> = text.split_inclusive(|_| true).collect();
            assert_eq!(met(expression, &letters), whole, "{expression}");
        }
        assert_eq!(met(r"AB-\d{2,4}", &[text]), [(6, 11), (16, 23)]);
    }

    #[test]
    fn what_is_too_long_for_a_match_is_not_read_again_from_each_of_its_places() {
        let pattern = Pattern::new(r"\w+@corp|b{3}").unwrap();
        let text = format!("{}@corp {}bbb aa@corp", "a".repeat(100_000), "a".repeat(100_000));
        for ended in [true, false] {
            let (mut all, before) = (Vec::new(), STEPS.get());
            pattern.pass(text.as_bytes(), 0, 512, ended, |start, end| all.push(end - start));
            assert_eq!(all, if ended { vec![512, 3, 7] } else { vec![512, 3] });
            assert!(STEPS.get() - before < 30 * text.len(), "{} {ended}", STEPS.get() - before);
        }
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        for expression in ["a*", "(", "(a{1000}){1000}"] {
            assert!(Pattern::new(expression).is_err(), "{expression}");
        }
    }
}
