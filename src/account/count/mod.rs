//! Counts the tokens of a text: exactly where the vocabulary is public, else by estimate.
//!
//! What the vendor reports always comes first. These counts are for what must be known before a
//! reply (limits, budgets) and for replies that end without a report.

pub mod calibrate;
pub mod estimate;
pub mod image;
mod kinds;
pub mod o200k;
mod split;
#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "ratios of small counts, and factors that are stored, not computed"
)]
mod tests;

pub use calibrate::Calibration;
pub use estimate::Class;
pub use image::{ImageRule, image_size, image_tokens};

/// Tokens a chat message costs beyond its text.
pub const MESSAGE_OVERHEAD: u64 = 3;
/// Tokens that open the reply, counted as input once a request.
pub const REPLY_PRIMING: u64 = 3;
/// Vendors render tool schemas more tersely than JSON: multiply its count by this.
pub const TOOLS_FACTOR: f64 = 0.7;

/// How a model's tokens can be counted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokenizer {
    /// Exactly: the model uses `o200k_base`, or `o200k_harmony`, which has the same ranks.
    O200k,
    /// Only by estimate.
    Estimated,
}

/// A number of tokens, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The tokens.
    pub tokens: u64,
    /// Whether they were counted with the model's own vocabulary.
    pub exact: bool,
}

/// Families that use `o200k`. After the family a model's name ends or goes on with one of `-.:@`,
/// so that `o1` is not `o100`; after a `*` it may go on as it likes.
const O200K: [&str; 9] =
    ["gpt-4o", "chatgpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5*", "gpt-oss", "o1", "o3", "o4"];

/// The tokenizer of a model, known by its name with or without a vendor before it.
#[must_use]
pub fn tokenizer_for(model: &str) -> Tokenizer {
    // `openai/gpt-4o`, `ft:gpt-4o:organisation`, `openai.gpt-oss-120b-1:0`.
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = after(name, "ft:").unwrap_or(name);
    let name = after(name, "openai.").unwrap_or(name);
    let known = O200K.iter().any(|family| match family.strip_suffix('*') {
        Some(open) => after(name, open).is_some(),
        None => {
            after(name, family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':', '@']))
        }
    });
    if known { Tokenizer::O200k } else { Tokenizer::Estimated }
}

/// What follows `prefix` in `name`, in any case.
fn after<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The tokens of `text` for `model`: exact, or the calibrated estimate.
#[must_use]
pub fn text(model: &str, text: &str, calibration: &Calibration) -> Count {
    match tokenizer_for(model) {
        Tokenizer::O200k => Count { tokens: o200k::count(text), exact: true },
        Tokenizer::Estimated => {
            let factor = calibration.factor(model, estimate::class(text));
            Count { tokens: scale(estimate::tokens(text), factor), exact: false }
        }
    }
}

/// A count times a factor such as `TOOLS_FACTOR` or a calibrated one, rounded up.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are far below 2^52, factors are positive, and the cast saturates"
)]
pub fn scale(tokens: u64, factor: f64) -> u64 {
    (tokens as f64 * factor).ceil() as u64
}
