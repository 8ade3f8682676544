//! The tool calls of one streamed choice: whose piece is this, and when is a call complete?

use crate::dialect::openai_chat::tools::{self, Call};
use crate::ir::{Delta, Opening, ToolKind};
use crate::wire::json::Json;

use super::parse::Out;

/// The calls of one choice, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The vendor's number of the call.
    number: Option<u64>,
    id: String,
    name: String,
    custom: bool,
    state: State,
    /// Arguments that wait for the call's name, or a first `{}` that may be only a placeholder.
    held: String,
    depth: Depth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its name has not come.
    Nameless,
    /// It is the open block of this number.
    Open(u32),
    /// Its block is closed.
    Closed,
}

impl Calls {
    /// Whether any call was seen.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes one element of `tool_calls` or the older `function_call`; after it the same chunk has
    /// so many more.
    pub(super) fn push(&mut self, candidate: u32, value: &Json<'_>, more: usize, out: &mut Out<'_>) {
        let number = value.get("index").and_then(Json::as_u64);
        let piece = tools::call(value);
        let place = self.place(number, &piece, more).unwrap_or_else(|| {
            self.close_complete(out);
            self.list.push(Entry {
                number,
                id: piece.id.to_owned(),
                name: String::new(),
                custom: piece.custom,
                state: State::Nameless,
                held: String::new(),
                depth: Depth::default(),
            });
            self.list.len() - 1
        });
        if let Some(entry) = self.list.get_mut(place) {
            entry.take(candidate, piece, out);
        }
    }

    /// Which call a piece belongs to; `None` when it begins one.
    ///
    /// Vendors leave out the number (then the id or the order tells), or give several calls the
    /// same number (then a new id with a name tells).
    fn place(&self, number: Option<u64>, piece: &Call<'_>, more: usize) -> Option<usize> {
        let by_id = || {
            let known = |entry: &Entry| !piece.id.is_empty() && entry.id == piece.id;
            self.list.iter().rposition(known)
        };
        let Some(number) = number else {
            let begins = !piece.id.is_empty() || piece.name.is_some();
            // Pieces of several calls in one chunk are in the order of the calls (Moonshot).
            return by_id().or_else(|| self.list.len().checked_sub(more + 1).filter(|_| !begins));
        };
        let place = self.list.iter().rposition(|entry| entry.number == Some(number))?;
        let entry = self.list.get(place)?;
        let other_id = !piece.id.is_empty() && piece.id != entry.id;
        let whole = entry.depth.is_complete() && entry.held.is_empty();
        let another = piece.name.is_some()
            && if entry.id.is_empty() { whole && !piece.arguments.is_empty() } else { other_id };
        if another { by_id() } else { Some(place) }
    }

    /// Closes the calls whose arguments are complete.
    pub(super) fn close_complete(&mut self, out: &mut Out<'_>) {
        for entry in &mut self.list {
            if entry.depth.is_complete() && !entry.custom {
                entry.close(out);
            }
        }
    }

    /// Closes all calls, complete or not.
    pub(super) fn close_all(&mut self, candidate: u32, out: &mut Out<'_>) {
        for entry in &mut self.list {
            if entry.state == State::Nameless {
                entry.open(candidate, out);
            }
            entry.close(out);
        }
    }
}

impl Entry {
    fn take(&mut self, candidate: u32, piece: Call<'_>, out: &mut Out<'_>) {
        if self.id.is_empty() {
            piece.id.clone_into(&mut self.id);
        }
        if self.state == State::Nameless
            && let Some(name) = piece.name
        {
            name.clone_into(&mut self.name);
            self.open(candidate, out);
        }
        if let (Some(seal), State::Open(block)) = (piece.seal, self.state) {
            out.delta(block, Delta::Signature(seal));
        }
        self.grow(piece.arguments, out);
    }

    fn open(&mut self, candidate: u32, out: &mut Out<'_>) {
        let kind = if self.custom { ToolKind::Custom(None) } else { ToolKind::Function };
        let opening = Opening::ToolCall { id: self.id.clone(), name: self.name.clone(), kind };
        self.state = State::Open(out.open(candidate, opening));
        let early = std::mem::take(&mut self.held);
        self.grow(&early, out);
    }

    fn grow(&mut self, text: &str, out: &mut Out<'_>) {
        if text.is_empty() {
            return;
        }
        let State::Open(block) = self.state else {
            if self.state == State::Nameless {
                self.held.push_str(text);
            }
            return;
        };
        if self.custom {
            out.delta(block, Delta::Arguments(text.to_owned()));
            return;
        }
        let first = self.depth == Depth::default();
        if first && text == "{}" {
            // A placeholder of some vendors, after which the arguments proper begin.
            text.clone_into(&mut self.held);
            self.depth.scan(text);
            return;
        }
        if self.depth.is_complete() {
            // After complete arguments vendors were seen to repeat them whole; only those that
            // follow a placeholder are new.
            if self.held.is_empty() || text.trim().is_empty() {
                return;
            }
            self.held.clear();
            self.depth = Depth::default();
        }
        self.depth.scan(text);
        out.delta(block, Delta::Arguments(text.to_owned()));
    }

    fn close(&mut self, out: &mut Out<'_>) {
        let State::Open(block) = self.state else { return };
        if !self.held.is_empty() {
            out.delta(block, Delta::Arguments(std::mem::take(&mut self.held)));
        }
        self.state = State::Closed;
        out.stop(block);
    }
}

/// Follows the brackets of a JSON text that comes in pieces.
#[derive(Debug, Default, PartialEq, Eq)]
struct Depth {
    open: u32,
    in_string: bool,
    escaped: bool,
    /// A bracket was opened and all are closed again.
    complete: bool,
}

impl Depth {
    fn is_complete(&self) -> bool {
        self.complete
    }

    fn scan(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.escaped {
                self.escaped = false;
                continue;
            }
            match byte {
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.open += 1;
                    self.complete = false;
                }
                b'}' | b']' => {
                    self.open = self.open.saturating_sub(1);
                    self.complete = self.open == 0;
                }
                _ => {}
            }
        }
    }
}
