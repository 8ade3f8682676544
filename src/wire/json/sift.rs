//! A few members of a JSON object that comes piece by piece, and nothing else of it.
//!
//! A message may be long (a second of sound is tens of kilobytes of base64) while what matters in
//! it is short. So nothing is held but the values that are asked for, and those only up to a size.

use memchr::memchr2;

/// A key longer than this is none that is asked for.
const LONGEST_KEY: usize = 64;

/// A value longer than this is given up.
const LONGEST_VALUE: usize = 4 << 10;

/// Keys that lead to a member.
pub type Path = &'static [&'static str];

/// Finds the raw text of some members. Keys are compared as they are spelt: one that is written with
/// escapes goes unseen. Of a member that stands twice the last one counts.
///
/// What is no JSON is found out only as far as it matters; whoever uses a value reads it anew.
#[derive(Debug)]
pub struct Sift {
    /// At most 64; none is the beginning of another.
    paths: &'static [Path],
    values: Vec<Option<Vec<u8>>>,
    /// For each object that is open and leads on, which paths lead into it.
    open: Vec<u64>,
    key: Vec<u8>,
    /// Which paths lead to the value that is read, or comes next.
    leads: u64,
    /// Which of them ends there, and so is taken.
    takes: Option<usize>,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The outermost value comes next.
    Start,
    /// A key or the end of the object comes next.
    Key,
    /// Within a key; whether behind a backslash.
    InKey(bool),
    /// The colon comes next.
    Colon,
    /// A value comes next.
    Value,
    /// Within a string that is a value.
    InText(bool),
    /// Within a number or a word.
    InWord,
    /// Within an array, or an object that leads nowhere, so many deep.
    Skipped(u32),
    /// Within a string in there.
    SkippedText(u32, bool),
    /// A comma or the end of the object comes next.
    After,
    /// The outermost object is over.
    Done,
    /// This is no object.
    Lost,
}

impl Sift {
    /// Looks for the members at these paths.
    #[must_use]
    pub fn new(paths: &'static [Path]) -> Self {
        Self {
            paths,
            values: vec![None; paths.len()],
            open: Vec::new(),
            key: Vec::new(),
            leads: 0,
            takes: None,
            at: At::Start,
        }
    }

    /// Begins with another object.
    pub fn restart(&mut self) {
        self.values.fill(None);
        self.open.clear();
        (self.leads, self.takes, self.at) = (0, None, At::Start);
    }

    /// The text of a member that was found, by the place of its path.
    #[must_use]
    pub fn value(&self, place: usize) -> Option<&[u8]> {
        let taken = self.takes == Some(place);
        self.values.get(place)?.as_deref().filter(|_| !taken)
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.at {
                At::Done | At::Lost => return,
                At::InKey(_) | At::InText(_) | At::SkippedText(..) => rest = self.within_text(rest),
                At::InWord => {
                    // What ends a word is read as what stands behind it.
                    if matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                        self.close();
                    } else {
                        self.keep(&[byte]);
                        rest = after;
                    }
                }
                At::Skipped(depth) => {
                    self.keep(&[byte]);
                    self.skip(depth, byte);
                    rest = after;
                }
                At::Start | At::Key | At::Colon | At::Value | At::After => {
                    if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                        self.step(byte);
                    }
                    rest = after;
                }
            }
        }
    }

    /// A byte that gives the object its shape.
    fn step(&mut self, byte: u8) {
        self.at = match (self.at, byte) {
            (At::Start, b'{') => {
                let all = u64::MAX.checked_shr(64_u32.saturating_sub(self.count())).unwrap_or(0);
                self.open.push(all);
                At::Key
            }
            (At::Key, b'"') => {
                self.key.clear();
                At::InKey(false)
            }
            (At::Key | At::After, b'}') => {
                self.open.pop();
                if self.open.is_empty() { At::Done } else { At::After }
            }
            (At::Colon, b':') => At::Value,
            (At::After, b',') => At::Key,
            (At::Value, byte) => {
                self.begin();
                self.keep(&[byte]);
                match byte {
                    b'{' if self.leads != 0 && self.takes.is_none() => {
                        self.open.push(self.leads);
                        At::Key
                    }
                    b'{' | b'[' => At::Skipped(1),
                    b'"' => At::InText(false),
                    b'-' | b'0'..=b'9' | b'a'..=b'z' => At::InWord,
                    _ => At::Lost,
                }
            }
            _ => At::Lost,
        };
    }

    fn count(&self) -> u32 {
        u32::try_from(self.paths.len()).unwrap_or(64)
    }

    /// A value begins: finds out whether it is asked for.
    fn begin(&mut self) {
        let depth = self.open.len();
        let ends = |place: &usize| {
            self.leads >> place & 1 == 1 && self.paths.get(*place).is_some_and(|path| path.len() == depth)
        };
        self.takes = (0..self.paths.len()).find(ends);
        if let Some(value) = self.takes.and_then(|place| self.values.get_mut(place)) {
            *value = Some(Vec::new());
        }
    }

    /// Keeps some of a value that is asked for, unless there is too much of it.
    fn keep(&mut self, bytes: &[u8]) {
        let Some(place) = self.takes else { return };
        let Some(value) = self.values.get_mut(place) else { return };
        match value {
            Some(text) if text.len() + bytes.len() <= LONGEST_VALUE => text.extend_from_slice(bytes),
            _ => *value = None,
        }
    }

    /// A value is over.
    fn close(&mut self) {
        self.takes = None;
        self.at = At::After;
    }

    fn skip(&mut self, depth: u32, byte: u8) {
        self.at = match byte {
            b'{' | b'[' => At::Skipped(depth.saturating_add(1)),
            b'}' | b']' if depth == 1 => return self.close(),
            b'}' | b']' => At::Skipped(depth - 1),
            b'"' => At::SkippedText(depth, false),
            _ => return,
        };
    }

    /// Reads on in a string, as far as it goes, and returns what lies behind.
    fn within_text<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let escaped = matches!(self.at, At::InKey(true) | At::InText(true) | At::SkippedText(_, true));
        let plain = if escaped { 1 } else { memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len()) };
        let ends = if escaped { None } else { bytes.get(plain).copied() };
        let taken = plain + usize::from(ends.is_some());
        let (text, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        self.keep(text);
        if let At::InKey(_) = self.at {
            let room = (LONGEST_KEY + 1).saturating_sub(self.key.len());
            let spelt = text.get(..plain + usize::from(ends == Some(b'\\'))).unwrap_or(text);
            self.key.extend_from_slice(spelt.get(..spelt.len().min(room)).unwrap_or_default());
        }
        let escapes = ends == Some(b'\\');
        match (self.at, ends) {
            (At::InKey(_), Some(b'"')) => {
                self.leads = self.leading();
                self.at = At::Colon;
            }
            (At::InText(_), Some(b'"')) => self.close(),
            (At::SkippedText(depth, _), Some(b'"')) => self.at = At::Skipped(depth),
            (At::InKey(_), _) => self.at = At::InKey(escapes),
            (At::InText(_), _) => self.at = At::InText(escapes),
            (At::SkippedText(depth, _), _) => self.at = At::SkippedText(depth, escapes),
            _ => {}
        }
        rest
    }

    /// Which paths lead on under the key that was read.
    fn leading(&self) -> u64 {
        let depth = self.open.len();
        let within = self.open.last().copied().unwrap_or(0);
        let named =
            |path: &Path| path.get(depth.wrapping_sub(1)).is_some_and(|key| key.as_bytes() == self.key);
        let bits =
            self.paths.iter().enumerate().filter(|(place, path)| within >> place & 1 == 1 && named(path));
        bits.fold(0, |bits, (place, _)| bits | 1 << place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: &[Path] = &[&["type"], &["response", "usage"], &["session", "a", "model"]];

    fn found(chunks: &[&[u8]]) -> Vec<Option<String>> {
        let mut sift = Sift::new(PATHS);
        for chunk in chunks {
            sift.push(chunk);
        }
        (0..PATHS.len()).map(|place| Some(String::from_utf8(sift.value(place)?.to_vec()).unwrap())).collect()
    }

    fn some(texts: [Option<&str>; 3]) -> Vec<Option<String>> {
        texts.map(|text| text.map(str::to_owned)).to_vec()
    }

    #[test]
    fn members_are_found_wherever_the_text_is_cut() {
        let text = br#" {"x":[{"type":"no"},"\"}"],"response":{"id":1,"y":{"usage":2}, "usage" : {"n":[1,{"m":"}\\"}]},"z":null},
            "usage":7,"session":{"model":"no","a":{"model":"q\"}"},"b":true},"type":"a.b"}"#;
        let expected = some([Some(r#""a.b""#), Some(r#"{"n":[1,{"m":"}\\"}]}"#), Some(r#""q\"}""#)]);
        assert_eq!(found(&[text]), expected);
        for size in 1..20 {
            assert_eq!(found(&text.chunks(size).collect::<Vec<_>>()), expected, "{size}");
        }
    }

    #[test]
    fn of_values_that_are_no_objects_numbers_and_words_are_found() {
        assert_eq!(
            found(&[br#"{"type":12 ,"response":{"usage":null}}"#]),
            some([Some("12"), Some("null"), None])
        );
        assert_eq!(found(&[br#"{"response":[{"usage":1}],"type":true}"#]), some([Some("true"), None, None]));
    }

    #[test]
    fn the_last_of_two_counts_and_what_is_cut_off_does_not() {
        assert_eq!(found(&[br#"{"type":1,"type":2}"#]), some([Some("2"), None, None]));
        assert_eq!(found(&[br#"{"type":"ab"#]), some([None, None, None]));
        assert_eq!(found(&[br#"{"\u0074ype":1,"session":{"a":3}}"#]), some([None, None, None]));
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in ["[1]", "\"type\"", "", "{]", "{\"type\" 1}", "{\"type\":}", "\u{0}", "{\"a\":1 2}"] {
            assert_eq!(found(&[text.as_bytes()]), some([None, None, None]), "{text}");
        }
    }

    #[test]
    fn little_is_held_of_what_is_long() {
        let mut sift = Sift::new(PATHS);
        sift.push(br#"{"delta":""#);
        for _ in 0..1000 {
            sift.push(&[b'A'; 1000]);
        }
        sift.push(br#"","type":""#);
        for _ in 0..100 {
            sift.push(&[b'A'; 1000]);
        }
        sift.push(br#"","response":{"usage":{"n":1}}}"#);
        assert_eq!((sift.value(0), sift.value(1)), (None, Some(&br#"{"n":1}"#[..])));
        sift.restart();
        sift.push(br#"{"type":1}"#);
        assert_eq!((sift.value(0), sift.value(1)), (Some(&b"1"[..]), None));
    }
}
