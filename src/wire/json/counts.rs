//! The numbers of a small object, read without building a tree.

use memchr::memchr2;

use crate::units::PicoUsd;

use super::scan::Scanner;
use super::unsigned;

/// As deep as an object's numbers may stand in further objects.
const DEEPEST: usize = 3;

/// The whole numbers above zero in an object and in the objects inside it. Everything else is
/// passed over.
#[derive(Debug, Clone)]
pub struct Counts<'a> {
    list: Vec<Count<'a>>,
    /// The numbers that are not whole, which few objects have.
    fractions: Vec<(Path<'a>, usize, &'a str)>,
    raw: &'a [u8],
}

#[derive(Debug, Clone)]
struct Count<'a> {
    /// The keys that lead to the number, of which the first so many count.
    path: Path<'a>,
    length: usize,
    number: u64,
}

type Path<'a> = [&'a [u8]; DEEPEST];

impl<'a> Counts<'a> {
    /// Reads the object that a text begins with and nothing that follows it; `None` where that is
    /// none, or spells a key with escapes.
    #[must_use]
    pub fn prefix(source: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { source, at: 0, list: Vec::with_capacity(8), fractions: Vec::new() };
        if reader.peek()? != b'{' {
            return None;
        }
        let start = reader.at;
        reader.object([b""; DEEPEST], 0)?;
        let raw = source.get(start..reader.at)?;
        Some(Self { raw, list: reader.list, fractions: reader.fractions })
    }

    /// The text of the object.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The number at the end of a path of keys; 0 where there is none.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> u64 {
        let found = self.list.iter().rev().find(|count| count.is_at(path));
        found.map_or(0, |count| count.number)
    }

    /// The amount of dollars at the end of a path of keys; a nought is told only outermost.
    #[must_use]
    pub fn dollars(&self, path: &[&str]) -> Option<PicoUsd> {
        let whole = self.list.iter().rev().find(|count| count.is_at(path));
        if let Some(count) = whole {
            return PicoUsd::from_dollars(&count.number.to_string());
        }
        let mut fractions = self.fractions.iter().rev();
        let (.., text) = fractions.find(|(at, length, _)| leads(at, *length, path))?;
        PicoUsd::from_dollars(text)
    }
}

/// Whether a path of so many keys is this one.
fn leads(at: &Path<'_>, length: usize, path: &[&str]) -> bool {
    length == path.len() && at.iter().zip(path).all(|(key, wanted)| *key == wanted.as_bytes())
}

impl Count<'_> {
    fn is_at(&self, path: &[&str]) -> bool {
        let [first, second, third] = self.path;
        match *path {
            [a] => self.length == 1 && first == a.as_bytes(),
            [a, b] => self.length == 2 && second == b.as_bytes() && first == a.as_bytes(),
            [a, b, c] => {
                self.length == 3 && third == c.as_bytes() && second == b.as_bytes() && first == a.as_bytes()
            }
            _ => false,
        }
    }
}

struct Reader<'a> {
    source: &'a [u8],
    at: usize,
    list: Vec<Count<'a>>,
    fractions: Vec<(Path<'a>, usize, &'a str)>,
}

impl<'a> Reader<'a> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.source.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes the next byte that is not white space, if it is this one.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn object(&mut self, mut path: Path<'a>, depth: usize) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        loop {
            *path.get_mut(depth)? = self.key()?;
            self.take(b':')?;
            match self.peek()? {
                b'0'..=b'9' => {
                    let start = self.at;
                    let number = self.number()?;
                    if number > 0 || (depth == 0 && self.at == start + 1) {
                        self.list.push(Count { path, length: depth + 1, number });
                    } else if self.at > start + 1 {
                        let text = std::str::from_utf8(self.source.get(start..self.at)?).ok()?;
                        self.fractions.push((path, depth + 1, text));
                    }
                }
                b'{' if depth + 1 < DEEPEST => self.object(path, depth + 1)?,
                _ => {
                    let mut scan = Scanner::new(self.source.get(self.at..)?);
                    scan.skip(0).ok()?;
                    self.at += scan.at();
                }
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return self.take(b'}'),
                _ => return None,
            }
        }
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let rest = self.source.get(self.at..)?;
        let length = memchr2(b'"', b'\\', rest)?;
        self.at += length + 1;
        let (key, end) = rest.split_at_checked(length)?;
        (end.first() == Some(&b'"')).then_some(key)
    }

    /// A number; 0 where it is not whole or does not fit.
    fn number(&mut self) -> Option<u64> {
        let rest = self.source.get(self.at..)?;
        let mut number = 0_u64;
        for (length, byte) in rest.iter().enumerate() {
            match byte {
                b'0'..=b'9' if length < 19 => number = number * 10 + u64::from(byte - b'0'),
                b',' | b'}' if length < 2 || rest.first() != Some(&b'0') => {
                    self.at += length;
                    return Some(number);
                }
                _ => break,
            }
        }
        let mut scan = Scanner::new(rest);
        scan.number().ok()?;
        self.at += scan.at();
        let text = std::str::from_utf8(rest.get(..scan.at())?).ok()?;
        Some(unsigned(text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_path() {
        let text =
            br#"{"a":1,"b":{"a":2,"c":{"a":3e1,"d":{"a":9}},"x":[{"a":5}]},"n":-1,"z":0,"s":"7"} ,"a":8"#;
        let counts = Counts::prefix(text).unwrap();
        let at = |path: &[&str]| counts.at(path);
        assert_eq!((at(&["a"]), at(&["b", "a"]), at(&["b", "c", "a"])), (1, 2, 30));
        assert_eq!(at(&["b"]) + at(&["n"]) + at(&["z"]) + at(&["s"]) + at(&["b", "c", "d", "a"]), 0);
        assert!(counts.raw().ends_with(br#""s":"7"}"#));
    }

    #[test]
    fn dollars_are_found_whole_or_not() {
        let text = br#"{"cost":0.00014,"none":0,"three":3,"a":{"cost":1.5e-3}}"#;
        let counts = Counts::prefix(text).unwrap();
        let dollars = |path: &[&str]| counts.dollars(path).map(|amount| amount.to_string());
        assert_eq!(dollars(&["cost"]).as_deref(), Some("0.00014"));
        assert_eq!(dollars(&["none"]).as_deref(), Some("0"));
        assert_eq!(dollars(&["three"]).as_deref(), Some("3"));
        assert_eq!(dollars(&["a", "cost"]).as_deref(), Some("0.0015"));
        assert_eq!(dollars(&["a"]), None);
        assert_eq!(counts.at(&["cost"]), 0);
    }

    #[test]
    fn what_is_no_plain_object_is_refused() {
        for text in ["", "[1]", r#"{"a":1"#, r#"{"\u0061":1}"#, r#"{"a":01}"#] {
            assert!(Counts::prefix(text.as_bytes()).is_none(), "{text}");
        }
    }
}
