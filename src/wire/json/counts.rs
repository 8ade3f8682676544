//! The numbers of a small object, read without building a tree.

use super::scan::{Flaw, Scanner};
use super::unsigned;

/// As deep as an object's numbers may stand in further objects.
const DEEPEST: usize = 3;

/// The whole numbers above zero in an object and in the objects inside it. Everything else is
/// checked and passed over.
#[derive(Debug, Clone)]
pub struct Counts<'a> {
    list: Vec<(Path<'a>, u64)>,
    raw: &'a [u8],
}

/// The keys that lead to a number, the last ones empty where it stands less deep.
type Path<'a> = [&'a [u8]; DEEPEST];

impl<'a> Counts<'a> {
    /// Reads the object that a text begins with and nothing that follows it; `None` where that is
    /// none, or spells a key with escapes.
    #[must_use]
    pub fn prefix(source: &'a [u8]) -> Option<Self> {
        let mut scan = Scanner::new(source);
        let mut list = Vec::with_capacity(8);
        if scan.peek() != Some(b'{') {
            return None;
        }
        let start = scan.at();
        object(source, &mut scan, [b""; DEEPEST], 0, &mut list).ok()??;
        Some(Self { list, raw: source.get(start..scan.at())? })
    }

    /// The text of the object.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The number at the end of a path of keys; 0 where there is none.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> u64 {
        let matches = |keys: &Path<'_>| {
            let mut path = path.iter();
            keys.iter().all(|key| path.next().map_or(b"".as_slice(), |name| name.as_bytes()) == *key)
                && path.next().is_none()
        };
        let found = self.list.iter().rev().find(|(keys, _)| matches(keys));
        found.map_or(0, |(_, number)| *number)
    }
}

fn object<'a>(
    source: &'a [u8],
    scan: &mut Scanner<'a>,
    mut path: Path<'a>,
    depth: usize,
    list: &mut Vec<(Path<'a>, u64)>,
) -> Result<Option<()>, Flaw> {
    let mut more = scan.open(b'}', depth)?;
    while more {
        let key = scan.key()?;
        let (Some(name), Some(place)) = (source.get(key.start..key.end), path.get_mut(depth)) else {
            return Ok(None);
        };
        if key.escaped {
            return Ok(None);
        }
        *place = name;
        match scan.peek() {
            Some(b'0'..=b'9') => {
                let start = scan.at();
                scan.number()?;
                let text = source.get(start..scan.at()).unwrap_or_default();
                let number = std::str::from_utf8(text).ok().and_then(unsigned);
                if let Some(number) = number.filter(|number| *number > 0) {
                    list.push((path, number));
                }
            }
            Some(b'{') if depth + 1 < DEEPEST => {
                if object(source, scan, path, depth + 1, list)?.is_none() {
                    return Ok(None);
                }
            }
            _ => scan.skip(depth + 1)?,
        }
        more = scan.more(b'}')?;
    }
    Ok(Some(()))
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
