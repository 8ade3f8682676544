//! Guards: what may pass, on requests and in running answers.
//!
//! A [`scanner`] takes texts in pieces and tells what is in them; [`Guard`]s say what is looked for and
//! what becomes of it; a [`Sieve`] lets through what may go. Of bodies only so much is known as finds the
//! texts in them ([`pass`]), in whatever dialect.

mod body;
mod checks;
mod class;
mod clearing;
mod code;
mod codes;
mod detector;
mod examine;
mod exfiltration;
pub mod external;
mod fold;
mod injection;
mod invisible;
mod kinds;
mod language;
mod lexicon;
mod mail;
mod marked;
mod memory;
mod pattern;
mod reading;
mod rule;
pub mod scanner;
mod screen;
pub mod secrets;
mod settle;
mod shape;
mod sieve;
mod tokens;
mod trail;
mod view;

pub use body::{Blocked, Passed, Spoken, pass};
pub use class::{Class, Diversion};
pub use detector::{Detector, Finding, Wanted};
pub use examine::{Sight, examine};
pub use injection::{Score, Sign};
pub use language::KNOWN as LANGUAGES;
pub use lexicon::LONGEST_WORD;
pub use memory::{Memory, Verdict};
pub use pattern::Pattern;
pub use rule::{Action, Asker, Direction, Guard, Scope, THRESHOLD, Watch, Words};
pub use screen::{Screen, Unframed};
pub use shape::Shape;
pub use sieve::{Edit, Form, Sieve, Strand, sift};
