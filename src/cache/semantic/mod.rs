//! The same question in other words shares an answer.
//!
//! [`asked()`] gives a request's question its forms: strings that are equal only for questions that ask
//! the same. Nothing is measured and nothing is guessed: a form is the question itself without its
//! courtesies, in one of the ways of asking it, spelt in one way. So the look-up
//! is that of a hash, and two questions that differ in a negation, a number, a name, an order, a unit or
//! any other word that could matter never meet. `tests/semantic` holds that. Where more is wanted, [`near`]
//! compares questions word by word.

mod agree;
mod asked;
mod fold;
pub mod near;
mod volatile;
mod words;

pub use agree::{Agreement, agree};
pub use asked::asked;

/// Where in a conversation a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing was said before it.
    First,
    /// Something was said before, which is the same for all that may share the answer.
    Later,
}

/// Why no other way of asking may be taken for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// It does not come alone, as words: with tools, pictures, or more answers than one.
    Mixed,
    /// It looks like a program or an address.
    Code,
    /// It is too long to be asked in another way by chance.
    Long,
    /// Its answer changes with the day, or is to change.
    Volatile,
    /// It leans on what was said before.
    Context,
    /// It says too little.
    Vague,
}

/// The forms under which a question may be found: as it is written, then as it may have been meant.
///
/// # Errors
/// No other way of asking may be taken for this question.
pub fn forms(question: &str, turn: Turn) -> Result<Vec<String>, Unfit> {
    fold::fold(question, turn)
}

/// What is wanted of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// Which there are, for forms: some 10 ms, and 2 MB are kept.
    Lists,
    /// And which may stand for one another, for [`near`]: another 10 ms and 0.8 MB.
    Vectors,
}

/// Reads what is wanted of words, for which the first question would otherwise wait.
pub fn prepare(wanted: Wanted) {
    words::dictionary::prepare();
    match wanted {
        Wanted::Lists => {}
        Wanted::Vectors => words::vectors::prepare(),
    }
}
