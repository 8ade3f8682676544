//! Says some strings and numbers of a JSON text anew and leaves every other byte as it was.

use super::scan::{Flaw, Scanner, text as utf8};
use super::{Error, write_string};

/// Who looks at strings, and knows which.
pub trait Texts {
    /// A member's value begins, with this key.
    fn enter(&mut self, key: &str);

    /// It is over.
    fn leave(&mut self);

    /// Whether a string or a number that is a value here is of interest.
    fn takes(&self) -> bool;

    /// Whether an object or a list that is a value here goes: `null` or an empty list stands there instead.
    fn withholds(&self) -> bool {
        false
    }

    /// A string of interest, without its escapes, that begins at this byte: what stands there instead, where
    /// that differs.
    fn text(&mut self, at: usize, text: &str) -> Option<String>;

    /// A number of interest, as it is written, that begins at this byte: the string that stands there
    /// instead, where one does.
    fn number(&mut self, at: usize, number: &str) -> Option<String>;
}

/// The text with some of its strings said anew; `None` when all stay as they are.
///
/// # Errors
/// When it is no JSON, with the place.
pub fn rewrite(source: &[u8], texts: &mut dyn Texts) -> Result<Option<Vec<u8>>, Error> {
    walk(source, texts).map_err(|flaw| Error::locate(source, flaw))
}

fn walk(source: &[u8], texts: &mut dyn Texts) -> Result<Option<Vec<u8>>, Flaw> {
    let text = utf8(source)?;
    let mut walk = Walk { text, scan: Scanner::new(source), texts, out: Vec::new(), kept: 0 };
    walk.value(0)?;
    walk.scan.end()?;
    Ok(walk.finish())
}

struct Walk<'a, 't> {
    text: &'a str,
    scan: Scanner<'a>,
    texts: &'t mut dyn Texts,
    out: Vec<u8>,
    /// Up to where the source was written.
    kept: usize,
}

impl Walk<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<(), Flaw> {
        match self.scan.peek() {
            Some(b'"') => {
                let start = self.scan.at();
                let quoted = self.scan.string()?;
                if self.texts.takes()
                    && let Some(anew) = self.texts.text(start, &quoted.decode(self.text))
                {
                    self.say(start, &anew);
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.scan.at();
                self.scan.skip(depth)?;
                if self.texts.takes()
                    && let Some(number) = self.text.get(start..self.scan.at())
                    && let Some(anew) = self.texts.number(start, number)
                {
                    self.say(start, &anew);
                }
                Ok(())
            }
            Some(open @ (b'{' | b'[')) if self.texts.withholds() => {
                let start = self.scan.at();
                self.scan.skip(depth)?;
                self.put(start, |out| out.extend_from_slice(if open == b'{' { b"null" } else { b"[]" }));
                Ok(())
            }
            Some(b'{') => {
                let mut more = self.scan.open(b'}', depth)?;
                while more {
                    let key = self.scan.key()?;
                    self.texts.enter(&key.decode(self.text));
                    self.value(depth + 1)?;
                    self.texts.leave();
                    more = self.scan.more(b'}')?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut more = self.scan.open(b']', depth)?;
                while more {
                    self.value(depth + 1)?;
                    more = self.scan.more(b']')?;
                }
                Ok(())
            }
            _ => self.scan.skip(depth),
        }
    }

    /// Writes a string in place of the value that began there and ends here.
    fn say(&mut self, start: usize, anew: &str) {
        self.put(start, |out| write_string(out, anew));
    }

    /// Writes something in place of the value that began there and ends here.
    fn put(&mut self, start: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.text.as_bytes().get(self.kept..start);
        self.out.extend_from_slice(before.unwrap_or_default());
        write(&mut self.out);
        self.kept = self.scan.at();
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        if self.kept == 0 {
            return None;
        }
        self.out.extend_from_slice(self.text.as_bytes().get(self.kept..).unwrap_or_default());
        Some(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says all strings under `a` in capitals, and nines in words.
    struct Loud(Vec<bool>);

    impl Texts for Loud {
        fn enter(&mut self, key: &str) {
            self.0.push(key == "a");
        }

        fn leave(&mut self) {
            self.0.pop();
        }

        fn takes(&self) -> bool {
            self.0.contains(&true)
        }

        fn text(&mut self, _: usize, text: &str) -> Option<String> {
            let loud = text.to_uppercase();
            (loud != text).then_some(loud)
        }

        fn number(&mut self, _: usize, number: &str) -> Option<String> {
            (number == "9").then(|| "NINE".to_owned())
        }
    }

    fn loud(text: &str) -> Option<String> {
        let anew = rewrite(text.as_bytes(), &mut Loud(Vec::new())).unwrap();
        anew.map(|anew| String::from_utf8(anew).unwrap())
    }

    #[test]
    fn only_what_differs_is_written_anew() {
        assert_eq!(
            loud(r#" {"b" : "x", "\u0061":["y",{"c":"z\n","d":1.0}, "\u00DC"],"e":"x"} "#).as_deref(),
            Some(r#" {"b" : "x", "\u0061":["Y",{"c":"Z\n","d":1.0}, "\u00DC"],"e":"x"} "#)
        );
        assert_eq!(loud(r#"{"b":"x","a":["Y",1,null,true]}"#), None);
        assert_eq!(
            loud(r#"{"b":9,"a":[ 9 ,99,{"c":9}]}"#).as_deref(),
            Some(r#"{"b":9,"a":[ "NINE" ,99,{"c":"NINE"}]}"#)
        );
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        let wrong = rewrite(br#"{"a":["x",]}"#, &mut Loud(Vec::new())).unwrap_err();
        assert_eq!(wrong.path, "a[1]");
    }
}
