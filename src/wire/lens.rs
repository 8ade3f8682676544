//! The lens: reads or replaces a few fields of a JSON object and leaves every other byte alone.
//!
//! When client and provider speak the same dialect, the body goes through as it came but for its
//! model name and the like. One pass over the bytes finds and checks everything; an edit is then a
//! few copies of the spans in between.

use std::borrow::Cow;
use std::ops::Range;

use super::json::scan::{Member, Scanner};
use super::json::{self, Error, Watch};

/// A JSON object, checked whole, with the places of its outermost members.
#[derive(Debug, Clone)]
pub struct Lens<'a> {
    text: &'a str,
    members: Vec<Member<'a>>,
    seen: u64,
}

/// A change to one outermost member. Changes are applied in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replaces the value in its place, or adds the member as the last one.
    Set {
        /// The member's key.
        key: Cow<'static, str>,
        /// The new value, as JSON text.
        value: String,
    },
    /// Takes the member out, if it is there.
    Remove {
        /// The member's key.
        key: Cow<'static, str>,
    },
    /// Gives the member another key in its place, if it is there; what had that key before is
    /// taken out.
    Rename {
        /// The key it has.
        from: Cow<'static, str>,
        /// The key it shall have.
        to: Cow<'static, str>,
    },
}

impl<'a> Lens<'a> {
    /// Checks the source, which must be one JSON object, and finds its members.
    ///
    /// # Errors
    /// If the source is not JSON, or not an object, or has a key twice (however it is spelt).
    pub fn new(source: &'a [u8]) -> Result<Self, Error> {
        Self::watching(source, &Watch::NONE)
    }

    /// The same, noting on the way which of these words stand anywhere in the object.
    ///
    /// # Errors
    /// As [`Lens::new`].
    pub fn watching(source: &'a [u8], watch: &'static Watch) -> Result<Self, Error> {
        let text = json::scan::text(source);
        text.and_then(|text| {
            let (members, seen) = json::scan::members(text, watch)?;
            Ok(Self { text, members, seen })
        })
        .map_err(|flaw| Error::locate(source, flaw))
    }

    /// Whether any of the words with these bits was met.
    #[must_use]
    pub const fn saw(&self, bits: u64) -> bool {
        self.seen & bits != 0
    }

    /// The bytes this lens looks at.
    #[must_use]
    pub fn source(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The keys of the object in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &*member.key)
    }

    /// The exact text of a member's value.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<&'a str> {
        let member = self.members.iter().find(|member| member.key == key)?;
        self.text.get(member.value..member.end)
    }

    /// A member's text, if it is a string.
    #[must_use]
    pub fn string(&self, key: &str) -> Option<Cow<'a, str>> {
        let raw = self.raw(key).filter(|raw| raw.starts_with('"'))?;
        Some(Scanner::new(raw.as_bytes()).string().ok()?.decode(raw))
    }

    /// A member's truth, if it is `true` or `false`.
    #[must_use]
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.raw(key)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A member's number, if it is whole, not negative and fits, however it is written.
    #[must_use]
    pub fn u64(&self, key: &str) -> Option<u64> {
        json::unsigned(self.raw(key)?)
    }

    /// The object with these changes made, one after another.
    #[must_use]
    pub fn apply(&self, edits: &[Edit]) -> Vec<u8> {
        let mut slots = Vec::with_capacity(self.members.len() + edits.len());
        slots.extend(self.members.iter().map(|member| Slot {
            key: &member.key,
            renamed: false,
            value: None,
            origin: Some(member),
        }));
        for edit in edits {
            edit.change(&mut slots);
        }
        self.write(&slots, edits.iter().map(Edit::growth).sum())
    }

    fn write(&self, slots: &[Slot<'_>], growth: usize) -> Vec<u8> {
        let mut pen = Pen::new(self.source(), growth);
        let first = self.members.first().map(|member| member.start);
        // An empty object keeps its white space before what is added.
        pen.keep(0, first.unwrap_or_else(|| self.text.rfind('}').unwrap_or_default()));
        let mut empty = true;
        for slot in slots {
            if let Some(member) = slot.origin {
                pen.member(slot, member, empty);
            } else {
                pen.write(|out| {
                    out.extend_from_slice(if empty { b"" } else { b"," });
                    json::write_string(out, slot.key);
                    out.push(b':');
                    out.extend_from_slice(slot.value.unwrap_or("null").as_bytes());
                });
            }
            empty = false;
        }
        let last = self.members.last().map(|member| member.end);
        pen.keep(last.unwrap_or(pen.to), self.text.len());
        pen.finish()
    }
}

impl Edit {
    fn change<'e>(&'e self, slots: &mut Vec<Slot<'e>>) {
        match self {
            Self::Set { key, value } => {
                if let Some(slot) = slots.iter_mut().find(|slot| slot.key == key) {
                    slot.value = Some(value);
                    return;
                }
                slots.push(Slot { key, renamed: false, value: Some(value), origin: None });
            }
            Self::Remove { key } => slots.retain(|slot| slot.key != key),
            Self::Rename { from, to } => {
                if from == to || !slots.iter().any(|slot| slot.key == from) {
                    return;
                }
                slots.retain(|slot| slot.key != to);
                if let Some(slot) = slots.iter_mut().find(|slot| slot.key == from) {
                    slot.key = to;
                    slot.renamed = true;
                }
            }
        }
    }

    /// The most bytes this can add, when a key has no characters to escape.
    fn growth(&self) -> usize {
        match self {
            Self::Set { key, value } => key.len() + value.len() + 4,
            Self::Remove { .. } => 0,
            Self::Rename { to, .. } => to.len() + 2,
        }
    }
}

/// One member of the object to be.
struct Slot<'e> {
    key: &'e str,
    renamed: bool,
    value: Option<&'e str>,
    /// Where it was in the source, if it was.
    origin: Option<&'e Member<'e>>,
}

/// Writes the object, joining untouched spans so that each run is one copy.
struct Pen<'s> {
    source: &'s [u8],
    out: Vec<u8>,
    from: usize,
    to: usize,
}

impl<'s> Pen<'s> {
    fn new(source: &'s [u8], growth: usize) -> Self {
        Self { source, out: Vec::with_capacity(source.len() + growth), from: 0, to: 0 }
    }

    fn keep(&mut self, from: usize, to: usize) {
        if from != self.to {
            self.flush();
            self.from = from;
        }
        self.to = to;
    }

    fn write(&mut self, f: impl FnOnce(&mut Vec<u8>)) {
        self.flush();
        f(&mut self.out);
    }

    fn flush(&mut self) {
        let span = self.source.get(self.from..self.to);
        self.out.extend_from_slice(span.unwrap_or_default());
        self.from = self.to;
    }

    /// A member that was in the source, after the gap that was before it there.
    fn member(&mut self, slot: &Slot<'_>, member: &Member<'_>, first: bool) {
        if !first {
            self.keep(member.gap, member.start);
        }
        if slot.renamed {
            self.write(|out| json::write_string(out, slot.key));
        } else {
            self.keep(member.start, member.key_end);
        }
        self.keep(member.key_end, member.value);
        match slot.value {
            Some(value) => self.write(|out| out.extend_from_slice(value.as_bytes())),
            None => self.keep(member.value, member.end),
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }
}

/// The exact text of one outermost member of an object, read no further than its end.
///
/// For replies, where a look at one field must not cost a look at all of them: what follows the
/// member is not checked, and of a repeated key this is the first. None if the source is no object,
/// has no such key, or is malformed before it.
#[must_use]
pub fn find<'a>(source: &'a [u8], key: &str) -> Option<&'a str> {
    let mut scan = Scanner::new(source);
    if scan.peek() != Some(b'{') {
        return None;
    }
    let mut more = scan.open(b'}', 0).ok()?;
    while more {
        let name = scan.key().ok()?;
        scan.peek();
        let value = scan.at();
        scan.skip(1).ok()?;
        if name.is(key, source) {
            return std::str::from_utf8(source.get(value..scan.at())?).ok();
        }
        more = scan.more(b'}').ok()?;
    }
    None
}

/// Shows the members of an object in one pass, each with how deep it lies, its key and where its value is: those
/// of the outermost one, and of what lies within under the keys of `into`, one in the other. What is entered must
/// be an object, or a list of one. `None` where something is otherwise, or no sound JSON, or has no such key; then
/// what was shown means nothing. Keys may come twice, and none with an escape in it.
#[must_use]
pub fn walk<'a>(
    source: &'a [u8],
    into: &[&str],
    see: &mut dyn FnMut(usize, &'a str, Range<usize>),
) -> Option<()> {
    let text = json::scan::text(source).ok()?;
    let mut scan = Scanner::new(source);
    level(&mut scan, text, (0, 0), into, see)?;
    scan.end().ok()
}

fn level<'a>(
    scan: &mut Scanner<'a>,
    text: &'a str,
    (depth, nested): (usize, usize),
    into: &[&str],
    see: &mut dyn FnMut(usize, &'a str, Range<usize>),
) -> Option<()> {
    if scan.peek() != Some(b'{') {
        return None;
    }
    let mut awaited = into.split_first();
    let mut more = scan.open(b'}', nested).ok()?;
    while more {
        let name = scan.key().ok().filter(|name| !name.escaped)?;
        let key = text.get(name.start..name.end)?;
        let is_list = scan.peek() == Some(b'[');
        let from = scan.at();
        match into.first() {
            Some(enters) if *enters == key => {
                let (_, rest) = awaited.take()?;
                if is_list && !scan.open(b']', nested + 1).ok()? {
                    return None;
                }
                level(scan, text, (depth + 1, nested + 2), rest, see)?;
                if is_list && scan.more(b']').ok()? {
                    return None;
                }
            }
            _ => {
                scan.skip(nested + 1).ok()?;
                see(depth, key, from..scan.at());
            }
        }
        more = scan.more(b'}').ok()?;
    }
    awaited.is_none().then_some(())
}

/// The source with these spans replaced, which follow one another.
#[must_use]
pub fn splice(source: &[u8], spans: &[(Range<usize>, String)]) -> Option<Vec<u8>> {
    let growth: usize = spans.iter().map(|(_, value)| value.len()).sum();
    let (mut out, mut from) = (Vec::with_capacity(source.len() + growth), 0);
    for (span, value) in spans {
        out.extend_from_slice(source.get(from..span.start)?);
        out.extend_from_slice(value.as_bytes());
        from = span.end;
    }
    out.extend_from_slice(source.get(from..)?);
    Some(out)
}

#[cfg(test)]
mod tests;
