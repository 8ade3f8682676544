//! The scanner: takes a text in pieces and tells what is in it.
//!
//! However a text is cut, the findings are the same. Each detector tells how far it has decided; what
//! is behind the first that has not is held, and no more of the text than that. What was decided stays
//! a little longer, since the words before a number may explain it.

use std::sync::Arc;

use super::detector::{Detector, Finding, Wanted};
use super::injection::{Score, Signals};
use super::language::Language;
use super::lexicon::Lexicon;
use super::pattern::Pattern;
use super::{codes, exfiltration, invisible, mail, secrets};

/// So much of what is decided is kept for who looks back.
const BACK: usize = 64;

/// A guard's own expression matches no more bytes than this.
pub const LONGEST_MATCH: usize = 512;

/// What a scanner looks for: what all guards together want.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// What is wanted.
    pub(super) wanted: Wanted,
    /// Lists of words, with the guards they belong to.
    pub(super) words: Vec<(u16, Arc<Lexicon>)>,
    /// Expressions, with their guards and their places there.
    pub(super) patterns: Vec<(u16, u16, Arc<Pattern>)>,
}

impl Panel {
    fn is_wanted(&self, detector: Detector) -> bool {
        self.wanted.has(detector)
    }
}

/// How far each detector has decided.
#[derive(Debug, Default)]
struct Marks {
    codes: usize,
    mail: usize,
    secrets: usize,
    invisible: usize,
    exfiltration: usize,
    words: Vec<usize>,
    patterns: Vec<usize>,
}

impl Marks {
    fn all(&mut self) -> impl Iterator<Item = &mut usize> {
        let few =
            [&mut self.codes, &mut self.mail, &mut self.secrets, &mut self.invisible, &mut self.exfiltration];
        few.into_iter().chain(&mut self.words).chain(&mut self.patterns)
    }

    /// Looks on from where each stopped, and says how far all have decided.
    fn advance(&mut self, panel: &Panel, text: &[u8], ended: bool, found: &mut Vec<Finding>) -> usize {
        let idle = text.len();
        let numbers = panel.wanted.within(Wanted::NUMBERS);
        self.codes =
            if numbers.is_empty() { idle } else { codes::pass(text, self.codes, ended, numbers, found) };
        let run =
            |detector, at: usize, pass: fn(&[u8], usize, bool, &mut Vec<Finding>) -> usize, found: &mut _| {
                if panel.is_wanted(detector) { pass(text, at, ended, found) } else { idle }
            };
        self.mail = run(Detector::Email, self.mail, mail::pass, found);
        self.secrets = run(Detector::Secret, self.secrets, secrets::pass, found);
        self.invisible = run(Detector::Invisible, self.invisible, invisible::pass, found);
        self.exfiltration = run(Detector::Exfiltration, self.exfiltration, exfiltration::pass, found);
        self.words.resize(panel.words.len(), 0);
        for ((guard, lexicon), at) in panel.words.iter().zip(&mut self.words) {
            *at = lexicon.pass(text, *at, ended, |met| {
                let finding = Finding::of(Detector::Word, met.start, met.end);
                found.push(Finding { guard: *guard, rule: met.name, ..finding });
            });
        }
        self.patterns.resize(panel.patterns.len(), 0);
        for ((guard, rule, pattern), at) in panel.patterns.iter().zip(&mut self.patterns) {
            *at = pattern.pass(text, *at, LONGEST_MATCH, ended, |start, end| {
                let finding = Finding::of(Detector::Pattern, start, end);
                found.push(Finding { guard: *guard, rule: *rule, ..finding });
            });
        }
        self.all().map(|at| *at).min().unwrap_or(idle)
    }
}

/// What a whole text came to, besides places in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many characters it has.
    pub length: usize,
    /// Signs of smuggled instructions.
    pub injection: Score,
    /// Its language, where that can be told.
    pub language: Option<&'static str>,
}

/// Counts and signs of a text as it comes.
#[derive(Debug, Default)]
struct Tally {
    length: usize,
    signals: Signals,
    language: Language,
}

impl Tally {
    fn push(&mut self, panel: &Panel, piece: &str) {
        if panel.is_wanted(Detector::Length) {
            self.length += piece.chars().count();
        }
        if panel.is_wanted(Detector::Injection) {
            self.signals.push(piece);
        }
        if panel.is_wanted(Detector::Language) {
            self.language.push(piece);
        }
    }

    fn finish(&mut self, panel: &Panel) -> Sum {
        let injection =
            if panel.is_wanted(Detector::Injection) { self.signals.finish() } else { Score::default() };
        let language = if panel.is_wanted(Detector::Language) { self.language.finish() } else { None };
        Sum { length: self.length, injection, language }
    }
}

/// Looks at a text that is whole; findings are in the order in which they begin.
#[must_use]
pub fn scan(panel: &Panel, text: &str, found: &mut Vec<Finding>) -> Sum {
    Marks::default().advance(panel, text.as_bytes(), true, found);
    found.sort_unstable_by_key(order);
    let mut tally = Tally::default();
    tally.push(panel, text);
    tally.finish(panel)
}

/// Earlier first, of those that begin together the longer.
const fn order(finding: &Finding) -> (usize, usize, Detector, u16, u16) {
    (finding.start, usize::MAX - finding.end, finding.detector, finding.guard, finding.rule)
}

/// Looks at a text that comes in pieces.
#[derive(Debug)]
pub struct Scanner {
    panel: Arc<Panel>,
    /// What is held, and a little of what was before.
    text: String,
    /// How much of the whole text is before that.
    base: usize,
    marks: Marks,
    tally: Tally,
    /// Found in what is held, or reaching into it.
    pending: Vec<Finding>,
}

impl Scanner {
    /// A scanner for what this panel wants.
    #[must_use]
    pub fn new(panel: Arc<Panel>) -> Self {
        Self {
            panel,
            text: String::new(),
            base: 0,
            marks: Marks::default(),
            tally: Tally::default(),
            pending: Vec::new(),
        }
    }

    /// Takes the next piece. Appends what was found, and returns up to which byte of the whole text all is
    /// decided: nothing that was found later begins before that, and nothing found crosses it.
    pub fn push(&mut self, piece: &str, found: &mut Vec<Finding>) -> usize {
        self.text.push_str(piece);
        self.tally.push(&self.panel, piece);
        self.advance(false, found)
    }

    /// The text is whole: the rest of what is in it.
    pub fn finish(&mut self, found: &mut Vec<Finding>) -> Sum {
        self.advance(true, found);
        self.tally.finish(&self.panel)
    }

    /// How many characters came so far, where that is wanted.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.tally.length
    }

    fn advance(&mut self, ended: bool, found: &mut Vec<Finding>) -> usize {
        let fresh = self.pending.len();
        let mut decided = self.marks.advance(&self.panel, self.text.as_bytes(), ended, &mut self.pending);
        for finding in self.pending.iter_mut().skip(fresh) {
            finding.start += self.base;
            finding.end += self.base;
        }
        let mut until = self.base + decided;
        // What is found is decided as one.
        while let Some(across) =
            self.pending.iter().find(|finding| finding.start < until && finding.end > until)
        {
            until = across.start;
        }
        decided = until - self.base;
        self.pending.sort_unstable_by_key(order);
        let ready = self.pending.partition_point(|finding| finding.start < until);
        found.extend(self.pending.drain(..ready));
        self.forget(decided);
        until
    }

    /// Lets go of what nobody looks back to.
    fn forget(&mut self, decided: usize) {
        let Some(mut gone) = decided.checked_sub(4 * BACK) else { return };
        gone += 3 * BACK;
        while !self.text.is_char_boundary(gone) {
            gone -= 1;
        }
        self.text.drain(..gone);
        self.base += gone;
        self.marks.all().for_each(|at| *at = at.saturating_sub(gone));
    }
}

#[cfg(test)]
mod tests;
