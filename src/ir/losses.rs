//! The ledger of what a translation could not carry.

use std::borrow::Cow;

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LossKind {
    /// It was left out.
    Dropped,
    /// Its value was brought into the range that the target allows.
    Clamped,
    /// It was said in another way that means nearly the same.
    Bent,
}

impl LossKind {
    /// The name in headers and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Clamped => "clamped",
            Self::Bent => "bent",
        }
    }
}

/// One thing that a target cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The field in the words of the dialect it came from where known, such as `logit_bias` or
    /// `messages.content.input_audio`; without indexes, so that it can be a metric's label.
    pub field: Cow<'static, str>,
    /// What happened to it.
    pub kind: LossKind,
    /// Why, in a few words; constant text, never the value.
    pub why: &'static str,
}

/// What a translation lost, each field and kind once, in order of appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses(Vec<Loss>);

/// More different losses than this in one request say nothing new.
const MOST: usize = 64;

impl Losses {
    /// An empty ledger.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes that a field was left out.
    pub fn dropped(&mut self, field: impl Into<Cow<'static, str>>, why: &'static str) {
        self.note(field.into(), LossKind::Dropped, why);
    }

    /// Notes that a value was brought into range.
    pub fn clamped(&mut self, field: impl Into<Cow<'static, str>>, why: &'static str) {
        self.note(field.into(), LossKind::Clamped, why);
    }

    /// Notes that a field was said in another way.
    pub fn bent(&mut self, field: impl Into<Cow<'static, str>>, why: &'static str) {
        self.note(field.into(), LossKind::Bent, why);
    }

    /// Adds one that was noted elsewhere.
    pub fn add(&mut self, loss: Loss) {
        self.note(loss.field, loss.kind, loss.why);
    }

    /// Adds what another ledger holds.
    pub fn extend(&mut self, other: Self) {
        for loss in other.0 {
            self.add(loss);
        }
    }

    fn note(&mut self, field: Cow<'static, str>, kind: LossKind, why: &'static str) {
        let known = self.0.iter().any(|loss| loss.field == field && loss.kind == kind);
        if !known && self.0.len() < MOST {
            self.0.push(Loss { field, kind, why });
        }
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The losses in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter()
    }

    /// The first loss, which a strict route names in its refusal.
    #[must_use]
    pub fn first(&self) -> Option<&Loss> {
        self.0.first()
    }

    /// The value of the `x-tollgate-losses` header: `logit_bias;dropped, temperature;clamped`.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 32);
        for loss in &self.0 {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.extend(loss.field.chars().filter(|c| c.is_ascii_graphic() || *c == ' '));
            text.push(';');
            text.push_str(loss.kind.label());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_listed_once_for_each_kind_of_loss() {
        let mut losses = Losses::new();
        losses.dropped("seed", "not known there");
        losses.dropped("seed", "not known there");
        losses.clamped("temperature", "at most 1");
        assert_eq!(losses.to_header(), "seed;dropped, temperature;clamped");
    }
}
