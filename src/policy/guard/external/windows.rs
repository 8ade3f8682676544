//! A stream of an answer in windows: each is held until those who are asked about it have a verdict.
//!
//! What holds no words goes on at once where nothing is held before it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::dialect::Framing;
use crate::ir::Dialect;

use super::super::screen::cut::{Cut, Event};
use super::super::screen::{pieces, spliced};
use super::super::sieve::Form;
use super::super::tokens::withheld;
use super::said::Unpatchable;
use super::{Part, Patch, Said, patched};

/// So much of what was told before a window is told with it, in characters.
const BEFORE: usize = 200;

/// A stream in windows.
#[derive(Debug)]
pub struct Windows {
    dialect: Dialect,
    framing: Framing,
    cut: Cut,
    /// How many characters a window has, more or less.
    size: usize,
    /// Whether what was told in pieces and is told again as a whole is looked at again.
    again: bool,
    queue: VecDeque<Held>,
    /// The window that is being filled.
    open: Open,
    /// How many windows are decided.
    decided: u64,
    /// How many bytes are held.
    held: usize,
    /// How many events went on.
    told: u64,
}

/// The window that is being filled.
#[derive(Debug, Default)]
struct Open {
    number: u64,
    said: Vec<Said>,
    /// By what pieces of one text are known, one for each text; "" for one that is whole.
    strands: Vec<String>,
    length: usize,
    /// Whether what was said last ends with a space.
    ends: bool,
    before: String,
}

/// A window that is full: what somebody is to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Which it is, and what was told before.
    pub part: Part,
    /// What is said in it.
    pub said: Vec<Said>,
}

/// An event that waits.
#[derive(Debug)]
struct Held {
    event: Event,
    window: u64,
    parts: Vec<Bit>,
}

/// A piece of a text in an event.
#[derive(Debug)]
struct Bit {
    span: Range<usize>,
    /// Which text of the window.
    said: usize,
    /// Whether the text begins here, in this window.
    first: bool,
    form: Form,
    text: String,
}

impl Windows {
    /// A stream in this dialect, framed so, in windows of about so many characters. `masks` says whether what
    /// is told again as a whole may have to be changed again.
    #[must_use]
    pub fn new(dialect: Dialect, framing: Framing, size: usize, masks: bool) -> Self {
        Self {
            dialect,
            framing,
            cut: Cut::new(framing),
            size: size.max(1),
            again: masks,
            queue: VecDeque::new(),
            open: Open::default(),
            decided: 0,
            held: 0,
            told: 0,
        }
    }

    /// What its client speaks, and how its stream is framed.
    #[must_use]
    pub const fn spoken(&self) -> (Dialect, Framing) {
        (self.dialect, self.framing)
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// How many events went on, each of them whole.
    #[must_use]
    pub const fn told(&self) -> u64 {
        self.told
    }

    /// Whether windows wait for their verdicts.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.decided < self.open.number
    }

    /// Takes the next bytes, appends those that go on, and the windows that they fill.
    ///
    /// # Errors
    /// When the bytes are no events, so that nobody can look into them.
    pub fn push(
        &mut self,
        bytes: &[u8],
        full: &mut Vec<Window>,
        out: &mut Vec<u8>,
    ) -> Result<(), super::super::screen::Unframed> {
        let mut events = Vec::new();
        let cut = self.cut.push(bytes, &mut events);
        self.take(events, full, out);
        cut
    }

    /// The stream is over: appends what goes on, and the last window.
    pub fn finish(&mut self, full: &mut Vec<Window>, out: &mut Vec<u8>) {
        let mut events = Vec::new();
        self.cut.finish(&mut events);
        self.take(events, full, out);
        self.close(full);
    }

    fn take(&mut self, events: Vec<Event>, full: &mut Vec<Window>, out: &mut Vec<u8>) {
        for event in events {
            if event.is_silent() {
                // A sign of life is one only at once.
                self.cut.pass(&event, out);
                continue;
            }
            self.look(event, full);
            if let Some(alone) = self.queue.pop_back() {
                if self.queue.is_empty()
                    && alone.parts.is_empty()
                    && !self.waits()
                    && self.open.said.is_empty()
                {
                    self.told += 1;
                    self.cut.pass(&alone.event, out);
                } else {
                    self.held += alone.event.raw.len();
                    self.queue.push_back(alone);
                }
            }
            let length = self.open.length;
            if length >= self.size.saturating_mul(2) || (length >= self.size && self.open.ends) {
                self.close(full);
            }
        }
    }

    fn look(&mut self, event: Event, full: &mut Vec<Window>) {
        let mut parts = Vec::new();
        if let Some(read) = pieces::read(self.dialect, event.data()) {
            let words = |piece: &pieces::Piece<'_>| {
                piece.number.is_none() && (piece.strand.is_some() || !read.repeats || self.again)
            };
            let told: Vec<_> = read.pieces.iter().filter(|piece| words(piece)).collect();
            let begins = told.first().and_then(|piece| piece.text.chars().next());
            // A window ends where a word does, if one ends soon.
            if self.open.length >= self.size && begins.is_some_and(char::is_whitespace) {
                self.close(full);
            }
            for piece in told {
                let id = piece.strand.clone().unwrap_or_default();
                let known = self.open.strands.iter().position(|known| !id.is_empty() && *known == id);
                let said = known.unwrap_or_else(|| {
                    let text = Said {
                        text: String::new(),
                        role: "assistant".to_owned(),
                        path: String::new(),
                        form: piece.form,
                        span: 0..0,
                    };
                    self.open.said.push(text);
                    self.open.strands.push(id);
                    self.open.said.len() - 1
                });
                if let Some(text) = self.open.said.get_mut(said) {
                    text.text.push_str(&piece.text);
                }
                self.open.length += piece.text.chars().count();
                self.open.ends = piece.text.ends_with(char::is_whitespace);
                let (span, text) = (piece.span.clone(), piece.text.clone().into_owned());
                parts.push(Bit { span, said, first: known.is_none(), form: piece.form, text });
            }
        }
        self.queue.push_back(Held { event, window: self.open.number, parts });
    }

    /// The window that is being filled is full.
    fn close(&mut self, full: &mut Vec<Window>) {
        let number = self.open.number + 1;
        let Open { number: own, said, before, .. } =
            std::mem::replace(&mut self.open, Open { number, ..Open::default() });
        let mut all = before.clone();
        for said in &said {
            all.push_str(&said.text);
        }
        let from = all.char_indices().rev().nth(BEFORE - 1).map_or(0, |(at, _)| at);
        self.open.before = all.split_off(from);
        full.push(Window { part: Part { number: own, before }, said });
    }

    /// The next window may pass, with these changes: appends what goes on.
    ///
    /// # Errors
    /// When what is to change cannot be changed in a stream: arguments, and what is under a seal.
    pub fn decide(&mut self, patches: &[Patch], out: &mut Vec<u8>) -> Result<(), Unpatchable> {
        let number = self.decided;
        self.decided += 1;
        let anew = if patches.is_empty() { Vec::new() } else { self.anew(number, patches)? };
        while self.queue.front().is_some_and(|held| held.window == number) {
            let Some(held) = self.queue.pop_front() else { break };
            self.held = self.held.saturating_sub(held.event.raw.len());
            self.told += 1;
            let mut changes = Vec::new();
            for bit in held.parts {
                if let Some((_, anew)) = anew.iter().find(|(said, _)| *said == bit.said) {
                    changes.push((bit.span, if bit.first { anew.clone() } else { String::new() }));
                }
            }
            if changes.is_empty() {
                self.cut.pass(&held.event, out);
            } else {
                let data = withheld(spliced(held.event.data(), &changes));
                self.cut.write(&held.event, &data, out);
            }
        }
        Ok(())
    }

    /// The texts of a window that change.
    fn anew(&self, number: u64, patches: &[Patch]) -> Result<Vec<(usize, String)>, Unpatchable> {
        let mut texts: Vec<(usize, String, Form)> = Vec::new();
        let own = self.queue.iter().filter(|held| held.window == number);
        for bit in own.flat_map(|held| &held.parts) {
            match texts.iter_mut().find(|(said, ..)| *said == bit.said) {
                Some((_, text, _)) => text.push_str(&bit.text),
                None => texts.push((bit.said, bit.text.clone(), bit.form)),
            }
        }
        let mut all = Vec::new();
        for (said, text, form) in texts {
            let Some(anew) = patched(patches, said, &text) else { continue };
            match form {
                Form::Plain => all.push((said, anew)),
                Form::Json | Form::Sealed => return Err(Unpatchable),
            }
        }
        Ok(all)
    }

    /// All that was held went on: appends what ends the stream.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.cut.close(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> String {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    }

    fn windows(size: usize) -> Windows {
        Windows::new(Dialect::OpenaiChat, Framing::Sse, size, true)
    }

    fn texts(full: &[Window]) -> Vec<Vec<&str>> {
        full.iter().map(|window| window.said.iter().map(|said| said.text.as_str()).collect()).collect()
    }

    #[test]
    fn a_window_ends_with_a_word_and_waits_for_its_verdict() {
        let mut windows = windows(8);
        let (mut full, mut out) = (Vec::new(), Vec::new());
        let role =
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
        windows.push(role.as_bytes(), &mut full, &mut out).unwrap();
        assert_eq!(out, role.as_bytes());
        out.clear();
        for text in ["I am", " An", "na B", "erg", " and", " so", " on"] {
            windows.push(chunk(text).as_bytes(), &mut full, &mut out).unwrap();
        }
        assert_eq!(texts(&full), [["I am Anna Berg"]]);
        assert!(out.is_empty() && windows.waits() && windows.held() > 0);
        windows.push(b": ping\n\n", &mut full, &mut out).unwrap();
        assert_eq!(out, b": ping\n\n");
        out.clear();
        let patch = Patch { said: 0, span: 5..14, text: "[PERSON]".to_owned() };
        windows.decide(&[patch], &mut out).unwrap();
        let said = String::from_utf8(std::mem::take(&mut out)).unwrap();
        assert_eq!(said, ["I am [PERSON]", "", "", ""].map(chunk).concat());
        windows.push(b"data: [DONE]\n\n", &mut full, &mut out).unwrap();
        windows.finish(&mut full, &mut out);
        assert_eq!(texts(&full[1..]), [[" and so on"]]);
        assert_eq!(full[1].part, Part { number: 1, before: "I am Anna Berg".to_owned() });
        windows.decide(&[], &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said, [" and", " so", " on"].map(chunk).concat() + "data: [DONE]\n\n");
        assert!(!windows.waits() && windows.held() == 0);
    }

    #[test]
    fn two_answers_in_one_stream_are_two_texts_and_arguments_are_not_changed() {
        let mut windows = windows(100);
        let (mut full, mut out) = (Vec::new(), Vec::new());
        let of = |index: u8, delta: &str| {
            format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{delta}}}]}}\n\n")
        };
        let call = "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]}";
        for piece in [
            of(0, "{\"content\":\"a\"}"),
            of(1, "{\"content\":\"b\"}"),
            of(0, "{\"content\":\"c\"}"),
            of(0, call),
        ] {
            windows.push(piece.as_bytes(), &mut full, &mut out).unwrap();
        }
        windows.finish(&mut full, &mut out);
        assert_eq!(texts(&full), [["ac", "b", "{\"a\":"]]);
        let patch = Patch { said: 2, span: 0..1, text: "[".to_owned() };
        assert_eq!(windows.decide(&[patch], &mut out), Err(Unpatchable));
    }
}
