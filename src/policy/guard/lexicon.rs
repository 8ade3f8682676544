//! Words and phrases, any number of them, found in one pass.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// With no more words than this the automaton is a table, which is quick and large.
const FEW: usize = 1000;

/// A word may have no more bytes, since so much may have to be held of a stream.
pub const LONGEST_WORD: usize = 128;

/// A list of words; letters of ASCII match in either case.
#[derive(Debug)]
pub(super) struct Lexicon {
    automaton: AhoCorasick,
    /// In small letters, and sorted.
    words: Vec<Word>,
    longest: usize,
    /// The bytes that words begin with.
    firsts: [bool; 256],
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    text: Box<[u8]>,
    edges: Edges,
    /// What the list's maker calls it.
    name: u16,
}

/// Which ends of a word must be ends of a word in the text, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edges {
    /// Both, where it has letters there that make words.
    Both,
    /// Both, and there is no `_` beside it; its letters are capitals, as in names of ours.
    Alone,
    /// The beginning alone.
    Start,
    /// None.
    None,
}

/// A word that was met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub(super) name: u16,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Lexicon {
    /// A list of words with the names that they are reported by. Empty and overlong ones are left out.
    pub(super) fn new<'w>(words: impl IntoIterator<Item = (&'w str, Edges, u16)>) -> Option<Self> {
        let mut words: Vec<_> = words
            .into_iter()
            .filter(|(text, ..)| !text.is_empty() && text.len() <= LONGEST_WORD)
            .map(|(text, edges, name)| Word {
                text: text.to_ascii_lowercase().into_bytes().into(),
                edges,
                name,
            })
            .collect();
        words.sort();
        words.dedup();
        let longest = words.iter().map(|word| word.text.len()).max()?;
        let kind = if words.len() <= FEW { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(kind))
            .build(words.iter().map(|word| &word.text))
            .ok()?;
        let mut firsts = [false; 256];
        for first in words.iter().filter_map(|word| word.text.first()) {
            for byte in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
                if let Some(is_first) = firsts.get_mut(usize::from(byte)) {
                    *is_first = true;
                }
            }
        }
        Some(Self { automaton, words, longest, firsts })
    }

    /// Finds words from `from` on and returns how far all is decided; a word is told of when it begins
    /// before that.
    pub(super) fn pass(&self, text: &[u8], from: usize, ended: bool, mut met: impl FnMut(Met)) -> usize {
        let decided = if ended { text.len() } else { self.decided(text, from) };
        let rest = text.get(from..).unwrap_or_default();
        for found in self.automaton.find_overlapping_iter(rest) {
            let (start, end) = (from + found.start(), from + found.end());
            let Some(word) = self.words.get(found.pattern().as_usize()) else { continue };
            if start < decided && word.fits(text, start, end) {
                met(Met { name: word.name, start, end });
            }
        }
        decided
    }

    /// Up to where no word may have begun that is not whole yet.
    fn decided(&self, text: &[u8], from: usize) -> usize {
        let first = from.max(text.len().saturating_sub(self.longest));
        (first..text.len()).find(|at| self.may_begin(text, *at)).unwrap_or(text.len())
    }

    /// Whether what stands here up to the end is the beginning of a word, or a whole one whose last
    /// letter may not be the last.
    fn may_begin(&self, text: &[u8], at: usize) -> bool {
        let Some(tail) = text.get(at..) else { return false };
        let starts = tail.first().and_then(|byte| self.firsts.get(usize::from(*byte)));
        if starts != Some(&true) {
            return false;
        }
        let tail = tail.to_ascii_lowercase();
        let place = self.words.partition_point(|word| *word.text < *tail);
        let mut likely = self.words.iter().skip(place).take_while(|word| word.text.starts_with(&tail));
        likely.any(|word| {
            let whole = word.text.len() == tail.len();
            (!whole || matches!(word.edges, Edges::Both | Edges::Alone)) && word.begins(text, at)
        })
    }
}

impl Word {
    fn fits(&self, text: &[u8], start: usize, end: usize) -> bool {
        let ends = || !(is_word(self.text.last()) && is_word_at(text, end));
        let is = match self.edges {
            Edges::Both => ends(),
            Edges::Alone => {
                let small = text.get(start..end).is_none_or(|met| met.iter().any(u8::is_ascii_lowercase));
                !small && ends() && text.get(end) != Some(&b'_')
            }
            Edges::Start | Edges::None => true,
        };
        is && self.begins(text, start)
    }

    fn begins(&self, text: &[u8], start: usize) -> bool {
        let word = || !(is_word(self.text.first()) && is_word_before(text, start));
        match self.edges {
            Edges::None => true,
            Edges::Alone => word() && !text.get(..start).is_some_and(|before| before.ends_with(b"_")),
            Edges::Both | Edges::Start => word(),
        }
    }
}

/// Whether this is a byte of something that is written with spaces between words.
fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, 0xc3..=0xdf))
}

fn is_word_at(text: &[u8], at: usize) -> bool {
    is_word(text.get(at))
}

/// Of a letter in two bytes the first tells.
fn is_word_before(text: &[u8], at: usize) -> bool {
    let last = at.checked_sub(1).and_then(|at| text.get(at));
    match last {
        Some(0x80..=0xbf) => is_word(at.checked_sub(2).and_then(|at| text.get(at))),
        last => is_word(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(words: &[&str], pieces: &[&str]) -> Vec<(u16, usize, usize)> {
        let named = words.iter().zip(0..).map(|(word, name)| (*word, Edges::Both, name));
        let lexicon = Lexicon::new(named).unwrap();
        let (mut text, mut at, mut all) = (String::new(), 0, Vec::new());
        for (place, piece) in pieces.iter().enumerate() {
            text.push_str(piece);
            let ended = place + 1 == pieces.len();
            at = lexicon.pass(text.as_bytes(), at, ended, |met| all.push((met.name, met.start, met.end)));
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn words_are_found_between_their_borders_in_either_case() {
        assert_eq!(met(&["cat", "CATS"], &["A Cat, cats; concat cat5 scat"]), [(0, 2, 5), (1, 7, 11)]);
        assert_eq!(met(&["秘密"], &["这是秘密文件"]), [(0, 6, 12)]);
        assert_eq!(met(&["naïv"], &["naïv naïve"]), [(0, 0, 5)]);
        assert_eq!(met(&["c++"], &["c++11 is C++."]), [(0, 0, 3), (0, 9, 12)]);
    }

    #[test]
    fn words_are_found_wherever_the_text_is_cut() {
        let text = "project blue sky, Project Blue; blue";
        let words = ["project blue", "blue sky", "blue"];
        let whole = met(&words, &[text]);
        assert_eq!(whole.len(), 6);
        for cut in 1..text.len() {
            assert_eq!(met(&words, &[&text[..cut], &text[cut..]]), whole, "{cut}");
        }
        let letters: Vec<_> = text.split_inclusive(|_| true).collect();
        assert_eq!(met(&words, &letters), whole);
    }
}
