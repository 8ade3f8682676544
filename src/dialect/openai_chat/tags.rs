//! Thinking that a vendor leaves in the text, between `<think>` and `</think>` before the answer.
//!
//! MiniMax, Perplexity and many who serve open models do so. Only the very beginning of an answer
//! is looked at: further on the tags are words like any others.

use super::types::filled;

const OPENING: &str = "<think>";
const CLOSING: &str = "</think>";

/// A thought as it stands before the words.
pub(super) fn before(thought: &str, words: &str) -> String {
    format!("{OPENING}\n{thought}\n{CLOSING}\n\n{words}")
}

/// A piece of an answer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Thought.
    Thought(&'t str),
    /// Words.
    Words(&'t str),
}

/// Tells the thought from the words of one answer, whose text may come in pieces.
#[derive(Debug, Default)]
pub(super) struct Tags {
    state: State,
    /// Text that cannot be told yet from a tag, or from the space around one.
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    /// Inside; whether anything of the thought was told.
    Thought(bool),
    /// Between the thought and the words.
    Gap,
    Words,
}

impl Tags {
    /// The text has no tags, since its thought comes apart from it.
    pub(super) fn none_come(&mut self) {
        if self.state == State::Start {
            self.state = State::Words;
        }
    }

    /// Takes a piece of the text.
    pub(super) fn push(&mut self, text: &str, tell: &mut impl FnMut(Piece<'_>)) {
        if self.state == State::Words && self.held.is_empty() {
            tell(Piece::Words(text));
            return;
        }
        self.held.push_str(text);
        if self.state == State::Start {
            let begun = self.held.trim_start();
            if let Some(rest) = begun.strip_prefix(OPENING) {
                self.held = rest.to_owned();
                self.state = State::Thought(false);
            } else if OPENING.starts_with(begun) {
                return;
            } else {
                self.state = State::Words;
            }
        }
        if let State::Thought(told) = self.state {
            self.think(told, tell);
        }
        if self.state == State::Gap {
            let words = self.held.trim_start();
            if words.is_empty() {
                self.held.clear();
                return;
            }
            self.held = words.to_owned();
            self.state = State::Words;
        }
        if self.state == State::Words {
            tell_words(&std::mem::take(&mut self.held), tell);
        }
    }

    /// The text is complete.
    pub(super) fn finish(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Start | State::Words => tell_words(&held, tell),
            State::Thought(told) => {
                let rest = if told { held.as_str() } else { held.trim_start() };
                if let Some(rest) = filled(Some(rest.trim_end())) {
                    tell(Piece::Thought(rest));
                }
            }
            State::Gap => {}
        }
        self.state = State::Words;
    }

    fn think(&mut self, told: bool, tell: &mut impl FnMut(Piece<'_>)) {
        let end = self.held.find(CLOSING).unwrap_or_else(|| self.held.len() - unclear(&self.held));
        let (thought, rest) = self.held.split_at(end);
        let thought = if told { thought } else { thought.trim_start() };
        let thought = filled(Some(thought.trim_end()));
        if let Some(thought) = thought {
            tell(Piece::Thought(thought));
        }
        let told = told || thought.is_some();
        (self.state, self.held) = match rest.strip_prefix(CLOSING) {
            Some(after) => (State::Gap, after.to_owned()),
            // Space before what is held is held with it: the thought may end there.
            None => (State::Thought(told), space_and(&self.held, end).to_owned()),
        };
    }
}

fn tell_words(text: &str, tell: &mut impl FnMut(Piece<'_>)) {
    if let Some(text) = filled(Some(text)) {
        tell(Piece::Words(text));
    }
}

/// How many bytes at the end of a thought may be the beginning of its closing tag.
fn unclear(text: &str) -> usize {
    let lengths = (1..CLOSING.len()).rev();
    lengths
        .into_iter()
        .find(|length| CLOSING.get(..*length).is_some_and(|tag| text.ends_with(tag)))
        .unwrap_or(0)
}

/// The text from the white space on that stands before a place.
fn space_and(text: &str, place: usize) -> &str {
    let start = text.get(..place).unwrap_or_default().trim_end().len();
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The thought and the words of a text that comes in pieces of so many characters.
    fn told(text: &str, size: usize) -> (String, String) {
        let mut tags = Tags::default();
        let (mut thought, mut words) = (String::new(), String::new());
        let mut tell = |piece: Piece<'_>| match piece {
            Piece::Thought(text) => thought.push_str(text),
            Piece::Words(text) => words.push_str(text),
        };
        let letters: Vec<char> = text.chars().collect();
        for piece in letters.chunks(size) {
            tags.push(&piece.iter().collect::<String>(), &mut tell);
        }
        tags.finish(&mut tell);
        (thought, words)
    }

    #[test]
    fn thought_is_told_from_words_wherever_the_pieces_end() {
        for (text, thought, words) in [
            ("<think>\nLet me \n see.\n</think>\n\nYes, é.", "Let me \n see.", "Yes, é."),
            ("\n<think>a < b </thin c</think>d", "a < b </thin c", "d"),
            ("<think>\n\n</think>\n\nYes", "", "Yes"),
            ("<think>cut off ", "cut off", ""),
            ("<think>cut off </thi", "cut off </thi", ""),
            (" Yes <think>no</think>", "", " Yes <think>no</think>"),
            ("<thin ice", "", "<thin ice"),
            ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
            ("", "", ""),
            ("\n", "", "\n"),
        ] {
            for size in [1, 2, 3, 5, 100] {
                assert_eq!(told(text, size), (thought.to_owned(), words.to_owned()), "{text:?} by {size}");
            }
        }
    }
}
