//! Reads a tree into the types of the file, and finds everything that does not fit, not only the
//! first.
//!
//! serde stops at an error. So each one is noted, the value at fault is cut off the tree, and the
//! rest is read again until it fits; what was cut off has its default then.

mod reader;

use std::fmt;

use serde::de::{DeserializeOwned, Error, Expected, Unexpected};

use crate::catalog::nearest;

use super::problem::{Place, Problems};
use super::tree::{Node, Step, Value};

use reader::Reader;

/// A file with more mistakes than this is no configuration.
const MOST_PROBLEMS: usize = 100;
/// How much of a wrong value is shown.
const MOST_QUOTED: usize = 60;

/// The tree as a type, and a problem for every value that does not fit; the tree loses those.
pub(super) fn read<T: DeserializeOwned + Default>(tree: &mut Node, problems: &mut Problems) -> T {
    for _ in 0..MOST_PROBLEMS {
        match T::deserialize(Reader(tree)) {
            Ok(read) => return read,
            Err(wrong) => {
                if !wrong.told {
                    let place = wrong.place.as_ref().unwrap_or(&tree.place);
                    problems.error(place, wrong.message, wrong.hint);
                }
                let steps: Vec<Step> = wrong.steps.into_iter().rev().collect();
                if !tree.prune(&steps) {
                    break;
                }
            }
        }
    }
    T::default()
}

/// One value that does not fit.
#[derive(Debug)]
struct Wrong {
    message: String,
    hint: Option<String>,
    place: Option<Place>,
    /// The way to it, the innermost step first.
    steps: Vec<Step>,
    /// Whether the value's own text says more than the message alone.
    quotable: bool,
    /// Whether its problem was noted when its reference could not be followed.
    told: bool,
}

impl Wrong {
    fn new(message: String) -> Self {
        Self { message, hint: None, place: None, steps: Vec::new(), quotable: false, told: false }
    }

    /// The same, found in `node`, to which `step` leads.
    fn within(mut self, node: &Node, place: &Place, step: Step) -> Self {
        if self.place.is_none() {
            self.place = Some(place.clone());
            self.told = node.referred && matches!(node.value, Value::Null);
            if let Value::Text(text) = &node.value
                && self.quotable
                && !node.referred
            {
                let quoted: String = text.chars().take(MOST_QUOTED).collect();
                self.message = format!("{}, found \"{quoted}\"", self.message);
            }
        }
        self.steps.push(step);
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

impl Error for Wrong {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self { quotable: true, ..Self::new(message.to_string()) }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(_) => "text",
            Unexpected::Unit | Unexpected::Option => "nothing",
            Unexpected::Seq => "a list",
            Unexpected::Map => "fields",
            _ => "something else",
        };
        Self::new(format!("expected {expected}, found {found}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field \"{field}\" is missing"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self { quotable: true, ..Self::new(format!("expected one of {}", expected.join(", "))) }
    }
}

/// The hint that names what is most like a word that is not known.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    match nearest(word, known).as_slice() {
        [] => None,
        [one] => Some(format!("did you mean \"{one}\"?")),
        several => Some(format!("did you mean \"{}\"?", several.join("\" or \""))),
    }
}
