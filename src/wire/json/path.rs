//! Names the place of an error, such as `messages[2].content`, from its byte offset.
//!
//! This runs only after a failure, on text whose part before the offset is known to be sound (or
//! is at worst not UTF-8), so it follows the brackets and checks nothing.

use std::fmt::Write as _;

/// The most characters of one key that an error repeats back.
const KEY_SHOWN: usize = 64;

enum Step<'a> {
    Element(usize),
    Member(Option<&'a [u8]>),
}

/// The path of the innermost value that begins before, or at, `offset`.
pub(crate) fn to(source: &[u8], offset: usize) -> String {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut at = 0;
    while at < offset {
        let Some(&byte) = source.get(at) else { break };
        at += 1;
        match byte {
            b'{' => steps.push(Step::Member(None)),
            b'[' => steps.push(Step::Element(0)),
            b'}' | b']' => {
                steps.pop();
            }
            b',' => match steps.last_mut() {
                Some(Step::Element(index)) => *index += 1,
                Some(Step::Member(key)) => *key = None,
                None => {}
            },
            b'"' => {
                let Some(text) = string_from(source, at).filter(|text| at + text.len() < offset) else {
                    break;
                };
                at += text.len() + 1;
                if let Some(Step::Member(key @ None)) = steps.last_mut() {
                    *key = Some(text);
                }
            }
            _ => {}
        }
    }
    render(&steps)
}

/// The raw inside of the string whose opening quote is just before `start`.
fn string_from(source: &[u8], start: usize) -> Option<&[u8]> {
    let rest = source.get(start..)?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', rest.get(end..)?)?;
        if rest.get(end) == Some(&b'"') {
            return rest.get(..end);
        }
        end += 2;
    }
}

fn render(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Element(index) => {
                let _infallible = write!(path, "[{index}]");
            }
            Step::Member(Some(key)) => {
                if !path.is_empty() {
                    path.push('.');
                }
                let key = String::from_utf8_lossy(key);
                path.extend(key.chars().take(KEY_SHOWN));
                if key.chars().nth(KEY_SHOWN).is_some() {
                    path.push('…');
                }
            }
            Step::Member(None) => {}
        }
    }
    path
}
