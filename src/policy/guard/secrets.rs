//! Credentials: keys, tokens and passwords, by the rules of `secrets.txt`.

use std::sync::LazyLock;

use super::detector::{Detector, Finding};
use super::lexicon::Edges;
use super::marked::{Marked, Rule};

static FILE: &str = include_str!("secrets.txt");

static SECRETS: LazyLock<Option<Secrets>> = LazyLock::new(|| Secrets::read(FILE));

/// No secret is longer: a private key of 8192 bits, armoured, has 6.3 KB.
const LONGEST: usize = 8 << 10;

#[derive(Debug)]
struct Secrets {
    names: Vec<&'static str>,
    bounds: Vec<Bounds>,
    marked: Marked,
    /// Words that no real secret contains.
    allowed: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Bounds {
    /// The least entropy in bits a character.
    entropy: f32,
    allowed: Vec<&'static str>,
}

/// How many rules there are.
#[must_use]
pub fn count() -> usize {
    SECRETS.as_ref().map_or(0, |secrets| secrets.names.len())
}

/// The name of a rule by its place.
#[must_use]
pub fn name(rule: u16) -> &'static str {
    SECRETS.as_ref().and_then(|secrets| secrets.names.get(usize::from(rule))).copied().unwrap_or("secret")
}

/// Finds secrets from `from` on and returns how far all is decided.
pub(super) fn pass(text: &[u8], from: usize, ended: bool, found: &mut Vec<Finding>) -> usize {
    let Some(secrets) = &*SECRETS else { return text.len() };
    secrets.marked.pass(text, from, ended, found, |rule, _, (start, end)| {
        let secret = text.get(start..end).unwrap_or_default();
        let is = secrets.is_real(rule, secret);
        is.then(|| Finding { rule, ..Finding::of(Detector::Secret, start, end) })
    })
}

impl Secrets {
    /// Reads rules in the form that the file explains.
    fn read(file: &'static str) -> Option<Self> {
        let (mut names, mut bounds, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        let mut allowed = Vec::new();
        for block in file.split("\n[").skip(1) {
            let mut lines = block.lines();
            let name = lines.next()?.trim_end_matches(']');
            let (mut words, mut expression, mut bound) = ("", "", Bounds::default());
            for line in lines {
                match line.split_once(' ') {
                    Some(("keywords", list)) => words = list,
                    Some(("regex", written)) => expression = written,
                    Some(("entropy", bits)) => bound.entropy = bits.parse().ok()?,
                    Some(("allow", list)) => bound.allowed = list.split(' ').collect(),
                    Some(_) => return None,
                    None => {}
                }
            }
            if words.is_empty() {
                allowed = bound.allowed;
                continue;
            }
            names.push(name);
            bounds.push(bound);
            rules.push(Rule::new(words.split(' '), expression, Edges::Start));
        }
        Some(Self { names, bounds, marked: Marked::new(rules, LONGEST)?, allowed })
    }

    /// Whether what matched is no example and looks drawn by lot.
    fn is_real(&self, rule: u16, secret: &[u8]) -> bool {
        let Some(bounds) = self.bounds.get(usize::from(rule)) else { return false };
        let lower = secret.to_ascii_lowercase();
        let has = |word: &&str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
        entropy(secret) >= bounds.entropy && !self.allowed.iter().chain(&bounds.allowed).any(has)
    }
}

/// Shannon's entropy in bits a character.
fn entropy(text: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let length = f32::from(u16::try_from(text.len()).unwrap_or(u16::MAX));
    counts.iter().filter(|count| **count > 0).fold(0.0, |bits, count| {
        let share = f32::from(*count) / length;
        bits - share * share.log2()
    })
}

#[cfg(test)]
mod tests {
    use super::super::pattern::STEPS;
    use super::*;

    #[test]
    fn every_rule_compiles_and_has_its_own_name() {
        let secrets = SECRETS.as_ref().unwrap();
        assert!(secrets.names.len() >= 60);
        for (place, name) in secrets.names.iter().enumerate() {
            assert!(!secrets.names[..place].contains(name), "{name}");
        }
        for block in FILE.split("\n[").skip(1).filter(|block| block.contains("regex ")) {
            let name = block.lines().next().unwrap();
            let written = block.lines().find_map(|line| line.strip_prefix("regex ")).unwrap();
            let compiled =
                super::super::pattern::Pattern::compile(written, super::super::pattern::Letters::Either);
            assert!(compiled.is_ok(), "{name} {compiled:?}");
        }
    }

    /// Words with which rules begin, again and again, and what may follow them.
    #[test]
    fn a_text_full_of_beginnings_is_read_a_few_times_at_most() {
        for part in
            ["secret_access_key_", "-----BEGIN PRIVATE KEY-----AAAAAAAAAAAAAAAA\n", "https://a:b", "fm2_"]
        {
            let text = part.repeat(100_000 / part.len());
            let before = STEPS.get();
            pass(text.as_bytes(), 0, true, &mut Vec::new());
            assert!(STEPS.get() - before < 60 * text.len(), "{part} {}", STEPS.get() - before);
        }
    }

    #[test]
    fn entropy_is_of_the_characters() {
        assert!(entropy(b"aaaa").abs() < 0.01);
        assert!((entropy(b"abcd") - 2.0).abs() < 0.01);
    }
}
