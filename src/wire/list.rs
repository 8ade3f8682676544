//! The lens for a list: finds its elements, and says it again with one more, one other or some fewer,
//! leaving every other byte as it was.

use std::ops::Range;

use super::json::scan::{Flaw, Scanner};

/// A JSON list with the places of its elements.
#[derive(Debug, Clone)]
pub struct List<'a> {
    text: &'a str,
    elements: Vec<Range<usize>>,
}

impl<'a> List<'a> {
    /// The elements of a text that is one JSON list; `None` for all else.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        let elements = elements(text).ok()?;
        Some(Self { text, elements })
    }

    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The exact text of each element.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        self.elements.iter().filter_map(|place| self.text.get(place.clone()))
    }

    /// The list with one more element, before the one at this place or behind all.
    #[must_use]
    pub fn with(&self, place: usize, element: &str) -> String {
        let (at, before, behind) = match (self.elements.get(place), self.elements.last()) {
            (Some(next), _) => (next.start, "", ","),
            (None, Some(last)) => (last.end, ",", ""),
            (None, None) => (self.text.find('[').map_or(0, |open| open + 1), "", ""),
        };
        self.put(at..at, &[before, element, behind])
    }

    /// The list with another element in the place of one; as it is where there is none.
    #[must_use]
    pub fn replaced(&self, place: usize, element: &str) -> String {
        match self.elements.get(place) {
            Some(old) => self.put(old.clone(), &[element]),
            None => self.text.to_owned(),
        }
    }

    /// The list of those elements alone whose places are kept.
    #[must_use]
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> String {
        let mut out = String::with_capacity(self.text.len());
        out.push('[');
        for (_, element) in self.iter().enumerate().filter(|(place, _)| keep(*place)) {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(element);
        }
        out.push(']');
        out
    }

    fn put(&self, place: Range<usize>, pieces: &[&str]) -> String {
        let growth: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut out = String::with_capacity(self.text.len() + growth);
        out.push_str(self.text.get(..place.start).unwrap_or_default());
        out.extend(pieces.iter().copied());
        out.push_str(self.text.get(place.end..).unwrap_or_default());
        out
    }
}

fn elements(text: &str) -> Result<Vec<Range<usize>>, Flaw> {
    let mut scan = Scanner::new(text.as_bytes());
    if scan.peek() != Some(b'[') {
        return scan.flaw("expected a list");
    }
    let mut elements = Vec::new();
    let mut more = scan.open(b']', 0)?;
    while more {
        scan.peek();
        let start = scan.at();
        scan.skip(1)?;
        elements.push(start..scan.at());
        more = scan.more(b']')?;
    }
    scan.end()?;
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_said_again_with_all_other_bytes_as_they_were() {
        let list = List::new("[ {\"a\" : 1} ,\n[2,3] ,\"x\\\"\" ]").unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), ["{\"a\" : 1}", "[2,3]", "\"x\\\"\""]);
        assert_eq!(list.with(0, "0"), "[ 0,{\"a\" : 1} ,\n[2,3] ,\"x\\\"\" ]");
        assert_eq!(list.with(2, "0"), "[ {\"a\" : 1} ,\n[2,3] ,0,\"x\\\"\" ]");
        assert_eq!(list.with(3, "0"), "[ {\"a\" : 1} ,\n[2,3] ,\"x\\\"\",0 ]");
        assert_eq!(list.replaced(1, "0"), "[ {\"a\" : 1} ,\n0 ,\"x\\\"\" ]");
        assert_eq!(list.only(|place| place != 1), "[{\"a\" : 1},\"x\\\"\"]");
        assert_eq!(list.only(|_| false), "[]");
        let none = List::new("[ ]").unwrap();
        assert!(none.is_empty());
        assert_eq!((none.with(0, "1"), none.with(5, "1")), ("[1 ]".to_owned(), "[1 ]".to_owned()));
    }

    #[test]
    fn what_is_no_list_has_no_elements() {
        for other in ["{}", "\"[]\"", "null", "[1,]", "[1", "[1] 2", ""] {
            assert!(List::new(other).is_none(), "{other}");
        }
    }
}
