//! What JSON text says, and where each part of that is written.
//!
//! Arguments of tools come as JSON text, in pieces that end anywhere. What is looked at is that text with
//! its escapes read, for they would hide what they say (`\njohn@…`, `m\u00fcller@…`, `https:\/\/…`). All
//! else stays, since a member's name explains what stands behind it. What is found in it is changed only
//! within strings and other values: never a quote, a comma or half of an escape.

use std::collections::VecDeque;
use std::ops::Range;

/// What a part of JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A quote, a bracket, a comma, a colon, or white space between them.
    Mark,
    /// The name of a member.
    Name,
    /// The inside of a string that is a value.
    Inside,
    /// A number, or another value without quotes.
    Bare,
    /// Text that is no JSON, and stands as it is.
    Words,
}

/// Text of one sort that is shown as it is written, or one escape.
#[derive(Debug, Clone, Copy)]
struct Part {
    sort: Sort,
    /// Where it is shown.
    shown: usize,
    /// Where it is written.
    raw: usize,
}

/// How an escape goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// There is none.
    Text,
    /// A backslash came.
    Escape,
    /// So many digits of a `\u` came, which say this.
    Digits(u8, u32),
}

/// A number has no more bytes; what is longer is taken for several.
const LONGEST: usize = 1024;

/// JSON text, read in pieces.
#[derive(Debug)]
pub(super) struct View {
    parts: VecDeque<Part>,
    /// How much came, as it is shown and as it is written; an escape that is not whole is in neither.
    shown: usize,
    raw: usize,
    at: At,
    /// How many bytes of an escape came, and of the first of two escapes that say one character.
    held: usize,
    /// That first one.
    high: Option<u32>,
    sort: Sort,
    begun: bool,
    /// Whether each object or list around is an object: the last bit is the innermost. What is deeper is
    /// taken for a list.
    objects: u128,
    /// Whether a string would be a member's name.
    naming: bool,
}

/// A part of what is shown that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) shown: Range<usize>,
    pub(super) raw: Range<usize>,
    pub(super) written: Written,
}

/// How what stands in place of something must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// As it is.
    Plain,
    /// With escapes, as within a string.
    Inside,
    /// As a string with its quotes, since what was there had none.
    Quoted,
}

impl View {
    pub(super) const fn new() -> Self {
        Self {
            parts: VecDeque::new(),
            shown: 0,
            raw: 0,
            at: At::Text,
            held: 0,
            high: None,
            sort: Sort::Mark,
            begun: false,
            objects: 0,
            naming: false,
        }
    }

    /// Appends what the next piece says.
    pub(super) fn push(&mut self, piece: &str, out: &mut String) {
        for letter in piece.chars() {
            match self.at {
                At::Text if letter == '\\' && matches!(self.sort, Sort::Name | Sort::Inside) => {
                    self.at = At::Escape;
                    self.held += 1;
                }
                At::Text => {
                    self.close(out);
                    self.plain(letter, out);
                }
                At::Escape => {
                    self.held += letter.len_utf8();
                    self.at = At::Text;
                    let said = match letter {
                        'u' => {
                            self.at = At::Digits(0, 0);
                            continue;
                        }
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        other => other,
                    };
                    let own = 1 + letter.len_utf8();
                    self.close_before(own, out);
                    self.escape(said, out);
                }
                At::Digits(count, code) => match letter.to_digit(16) {
                    Some(digit) => {
                        self.held += 1;
                        self.at = At::Digits(count + 1, code << 4 | digit);
                        if count == 3 {
                            self.at = At::Text;
                            self.unit(code << 4 | digit, out);
                        }
                    }
                    // No JSON: what came of the escape says nothing.
                    None => {
                        self.at = At::Text;
                        self.high = None;
                        self.escape(char::REPLACEMENT_CHARACTER, out);
                        self.plain(letter, out);
                    }
                },
            }
        }
    }

    /// A `\u` is whole.
    fn unit(&mut self, code: u32, out: &mut String) {
        match (self.high, code) {
            (Some(high), 0xdc00..=0xdfff) => {
                self.high = None;
                let point = 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                self.escape(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER), out);
            }
            (_, 0xd800..=0xdbff) => {
                self.close_before(6, out);
                self.high = Some(code);
            }
            (_, code) => {
                self.close_before(6, out);
                self.escape(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), out);
            }
        }
    }

    /// The first half of a character whose second half does not come says nothing.
    fn close(&mut self, out: &mut String) {
        self.close_before(0, out);
    }

    /// The same where so many bytes came behind it.
    fn close_before(&mut self, own: usize, out: &mut String) {
        if self.high.take().is_some() {
            self.held -= own;
            self.escape(char::REPLACEMENT_CHARACTER, out);
            self.held = own;
        }
    }

    /// An escape is whole and says this.
    fn escape(&mut self, said: char, out: &mut String) {
        self.parts.push_back(Part { sort: self.sort, shown: self.shown, raw: self.raw });
        self.raw += std::mem::take(&mut self.held);
        self.shown += said.len_utf8();
        // What follows is written elsewhere than it is shown.
        self.parts.push_back(Part { sort: self.sort, shown: self.shown, raw: self.raw });
        out.push(said);
    }

    fn plain(&mut self, letter: char, out: &mut String) {
        match (self.sort, letter) {
            (Sort::Name | Sort::Inside, '"') => self.part(Sort::Mark),
            (Sort::Words | Sort::Name | Sort::Inside, _) => {}
            (Sort::Mark | Sort::Bare, _) => return self.outside(letter, out),
        }
        self.show(letter, out);
    }

    /// A letter that is in no string.
    fn outside(&mut self, letter: char, out: &mut String) {
        if !self.begun && !letter.is_ascii_whitespace() {
            self.begun = true;
            if !matches!(letter, '{' | '[') {
                self.part(Sort::Words);
                return self.show(letter, out);
            }
        }
        match letter {
            '"' => {
                self.part(Sort::Mark);
                self.show(letter, out);
                return self.part(if self.naming { Sort::Name } else { Sort::Inside });
            }
            '{' => {
                self.objects = self.objects << 1 | 1;
                self.naming = true;
            }
            '[' => {
                self.objects <<= 1;
                self.naming = false;
            }
            '}' | ']' => {
                self.objects >>= 1;
                self.naming = false;
            }
            ',' => self.naming = self.objects & 1 == 1,
            ':' => self.naming = false,
            _ if letter.is_ascii_whitespace() => {}
            _ => {
                match self.parts.back().copied().filter(|last| last.sort == Sort::Bare) {
                    Some(last) if self.shown - last.shown >= LONGEST => {
                        self.parts.push_back(Part { sort: Sort::Bare, shown: self.shown, raw: self.raw });
                    }
                    Some(_) => {}
                    None => self.part(Sort::Bare),
                }
                return self.show(letter, out);
            }
        }
        self.part(Sort::Mark);
        self.show(letter, out);
    }

    fn show(&mut self, letter: char, out: &mut String) {
        self.shown += letter.len_utf8();
        self.raw += letter.len_utf8();
        out.push(letter);
    }

    /// A part of this sort goes on or begins.
    fn part(&mut self, sort: Sort) {
        if self.sort != sort || self.parts.is_empty() {
            self.sort = sort;
            self.parts.push_back(Part { sort, shown: self.shown, raw: self.raw });
        }
    }

    /// Where that is written which is shown here.
    pub(super) fn raw(&self, shown: usize) -> usize {
        if shown >= self.shown {
            return self.raw;
        }
        let next = self.parts.partition_point(|part| part.shown <= shown);
        let part = next.checked_sub(1).and_then(|place| self.parts.get(place));
        part.map_or(shown, |part| part.raw + (shown - part.shown))
    }

    /// The last place up to here that is in no value without quotes, nor behind one that may go on.
    pub(super) fn whole(&self, shown: usize) -> usize {
        let next = self.parts.partition_point(|part| part.shown < shown);
        let last = next.checked_sub(1).and_then(|place| self.parts.get(place));
        let Some(last) = last.filter(|last| last.sort == Sort::Bare) else { return shown };
        let inside = match self.parts.get(next) {
            Some(next) => shown < next.shown,
            None => self.shown - last.shown < LONGEST,
        };
        if inside { last.shown } else { shown }
    }

    /// What of this can be changed: the insides of strings, and values without quotes as a whole.
    pub(super) fn changes(&self, shown: Range<usize>) -> Vec<Change> {
        let first = self.parts.partition_point(|part| part.shown <= shown.start).saturating_sub(1);
        let behind = |place: usize| self.parts.get(place + 1).map_or(self.shown, |next| next.shown);
        let mut changes: Vec<(Sort, Range<usize>)> = Vec::new();
        for (place, part) in self.parts.iter().enumerate().skip(first) {
            if part.shown >= shown.end {
                break;
            }
            let whole = part.shown..behind(place);
            let within = whole.start.max(shown.start)..whole.end.min(shown.end);
            let span = if part.sort == Sort::Bare { whole } else { within };
            match changes.last_mut() {
                _ if part.sort == Sort::Mark || span.is_empty() => {}
                Some((sort, last)) if *sort == part.sort && last.end == span.start && *sort != Sort::Bare => {
                    last.end = span.end;
                }
                _ => changes.push((part.sort, span)),
            }
        }
        // What only reaches over a member's name does not mean it.
        if changes.len() > 1 {
            changes.retain(|(sort, _)| *sort != Sort::Name);
        }
        let change = |(sort, shown): (Sort, Range<usize>)| Change {
            raw: self.raw(shown.start)..self.raw(shown.end),
            shown,
            written: match sort {
                Sort::Words | Sort::Mark => Written::Plain,
                Sort::Name | Sort::Inside => Written::Inside,
                Sort::Bare => Written::Quoted,
            },
        };
        changes.into_iter().map(change).collect()
    }

    /// Lets go of what nobody asks for any more: all before this.
    pub(super) fn forget(&mut self, shown: usize) {
        let known = self.parts.partition_point(|part| part.shown <= shown).saturating_sub(1);
        self.parts.drain(..known);
    }

    /// How much of the text came, also of an escape that is not whole.
    pub(super) const fn length(&self) -> usize {
        self.raw + self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&str]) -> (String, View) {
        let (mut view, mut out) = (View::new(), String::new());
        for piece in pieces {
            view.push(piece, &mut out);
        }
        (out, view)
    }

    #[test]
    fn escapes_are_read_and_known_by_their_places_wherever_they_are_cut() {
        let text = r#"{"a":"x\njohn@x.com\\\"é\u00e9\/b\ud83d\ude00\ud83d.\ud83d\n\u12","n":12.5}"#;
        let (whole, view) = shown(&[text]);
        let said = "{\"a\":\"x\njohn@x.com\\\"éé/b😀\u{fffd}.\u{fffd}\n\u{fffd}\",\"n\":12.5}";
        assert_eq!(whole, said);
        let raw = |part: &str| text.find(part).unwrap();
        let at = |part: &str| said.find(part).unwrap();
        assert_eq!(view.raw(at("john")), raw("john"));
        assert_eq!(view.raw(at("b😀")), raw(r"b\ud83d"));
        assert_eq!(view.raw(at("😀")), raw(r"\ud83d\ude00"));
        assert_eq!(view.raw(at("\u{fffd}.")), raw(r"\ud83d."));
        assert_eq!(view.raw(said.len()), text.len());
        for (cut, _) in text.char_indices() {
            let (pieces, its) = shown(&[&text[..cut], &text[cut..]]);
            assert_eq!(pieces, said, "{cut}");
            for (place, _) in said.char_indices() {
                assert_eq!(its.raw(place), view.raw(place), "{cut} {place}");
            }
        }
    }

    #[test]
    fn only_what_is_said_can_be_changed() {
        let text = r#"{"k":["ab\u0063",12, {"d":"e"}]}"#;
        let (said, view) = shown(&[text]);
        let changed = |part: &str| -> Vec<(&str, bool)> {
            let start = said.find(part).unwrap();
            let changes = view.changes(start..start + part.len());
            changes.into_iter().map(|change| (&text[change.raw], change.written == Written::Quoted)).collect()
        };
        assert_eq!(changed("bc"), [(r"b\u0063", false)]);
        assert_eq!(changed("2"), [("12", true)]);
        assert_eq!(changed("k"), [("k", false)]);
        assert_eq!(changed(r#"c",12, {"d":"e"}"#), [(r"\u0063", false), ("12", true), ("e", false)]);
        assert_eq!(changed("\"}]"), []);
    }

    #[test]
    fn text_that_is_no_json_stands_as_it_is() {
        let (said, view) = shown(&["a \"b\\n", "c\""]);
        assert_eq!(said, "a \"b\\nc\"");
        assert_eq!(view.changes(2..5), [Change { shown: 2..5, raw: 2..5, written: Written::Plain }]);
    }
}
