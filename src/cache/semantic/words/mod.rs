//! Words, numbers and signs, and what is known of words.

pub(in crate::cache::semantic) mod dictionary;
pub(in crate::cache::semantic) mod lists;
pub(in crate::cache::semantic) mod numbers;
pub(in crate::cache::semantic) mod plurals;
mod text;
pub(in crate::cache::semantic) mod vectors;

pub(in crate::cache::semantic) use text::{Case, Kind, Token, begins, ends, tokens};
