//! The numbers of a small object, read without building a tree.

use memchr::memchr2;

use super::scan::Scanner;
use super::unsigned;

/// As deep as an object's numbers may stand in further objects.
const DEEPEST: usize = 3;

/// The whole numbers above zero in an object and in the objects inside it. Everything else is
/// passed over.
#[derive(Debug, Clone)]
pub struct Counts<'a> {
    list: Vec<Count<'a>>,
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
        let mut reader = Reader { source, at: 0, list: Vec::with_capacity(8) };
        if reader.peek()? != b'{' {
            return None;
        }
        let start = reader.at;
        reader.object([b""; DEEPEST], 0)?;
        Some(Self { raw: source.get(start..reader.at)?, list: reader.list })
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
                    let number = self.number()?;
                    if number > 0 {
                        self.list.push(Count { path, length: depth + 1, number });
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
    fn what_is_no_plain_object_is_refused() {
        for text in ["", "[1]", r#"{"a":1"#, r#"{"\u0061":1}"#, r#"{"a":01}"#] {
            assert!(Counts::prefix(text.as_bytes()).is_none(), "{text}");
        }
    }
}
