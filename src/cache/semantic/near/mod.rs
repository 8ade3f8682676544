//! Questions that ask the same with words of their own, where no rule tells.
//!
//! Two questions may ask the same only if all is equal in them that must be ([`Sketch`]): numbers, names, negations and
//! whatever else no word can stand for. Then their other words are paired, the same ones first and then those
//! that are most alike by their vectors; a word that is another's opposite ends it. What is left of their
//! difference are a few numbers ([`measures`]), and one sum of these says whether it is the same
//! question ([`score`]). What they weigh was learnt from pairs of questions, by `scripts/distill`.

mod little;
mod measure;
mod sketch;
mod taught;
mod vetoes;

pub use super::words::vectors::{Vector, product};
pub use measure::{MEASURES, measures};
pub use sketch::{Sketch, may_share};
pub use vetoes::{Doubt, doubt, fixed};

/// The least score with which an answer serves both: no pair that taught the scorer and asks something else has it, and
/// no trap of `tests/semantic`. `docs/semantic-cache.md` has what comes of others.
pub const BAR: f32 = 1.75;

/// How surely two questions ask the same, in logits; `None` where that is not sure enough.
#[must_use]
pub fn score(one: &Sketch, other: &Sketch) -> Option<f32> {
    logit(one, other).filter(|score| *score >= BAR)
}

/// How surely two questions ask the same, in logits; `None` where they do not, whatever they weigh.
#[must_use]
pub fn logit(one: &Sketch, other: &Sketch) -> Option<f32> {
    let measures = measures(one, other)?;
    Some(measures.iter().zip(taught::WEIGHTS).map(|(measure, weight)| measure * weight).sum())
}

#[cfg(test)]
mod tests;
