//! What is kept: an answer as its provider said it, and vectors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::fingerprint::Fingerprint;
use super::near::Place;
use crate::dialect::{Framing, Restore};
use crate::ir::{Dialect, Losses};

/// What stands before an answer: who gave it, and how it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What the provider spoke.
    pub dialect: Dialect,
    /// How its stream is framed; `None` of a whole answer.
    pub framing: Option<Framing>,
    /// What must be undone in it for whoever asked.
    pub restore: Restore,
    /// The provider's name.
    pub provider: Arc<str>,
    /// The model's name there.
    pub model: Arc<str>,
    /// What of the question could not be said there.
    pub losses: Losses,
}

/// By what entries are found again to be purged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// The virtual key that asked: its name, or "".
    pub key: Arc<str>,
    /// Whose it is, or "".
    pub owner: Arc<str>,
    /// The model as the client named it.
    pub asked: Arc<str>,
    /// The client's tags.
    pub tags: Vec<Arc<str>>,
}

/// An answer, whole and good, as its provider said it.
#[derive(Debug)]
pub struct Answer {
    /// Who gave it, and how it is said.
    pub origin: Origin,
    /// Its bytes.
    pub body: Bytes,
    /// When pieces of it had come, after its first byte, and where they end.
    pub pace: Vec<(Duration, usize)>,
    /// By what it is found again.
    pub mark: Mark,
}

/// One vector of an embedding.
#[derive(Debug)]
pub struct Vector {
    /// The numbers.
    pub numbers: Vec<f32>,
    /// The model that the provider said made it.
    pub named: Option<String>,
    /// What making it used of tokens, as far as that is known of it alone; `None` where its provider told
    /// nothing.
    pub tokens: Option<u64>,
    /// Who made it.
    pub provider: Arc<str>,
    /// The model's name there.
    pub model: Arc<str>,
    /// By what it is found again.
    pub mark: Mark,
}

/// A question that was answered under another fingerprint, in other words.
#[derive(Debug, Clone)]
pub struct Reworded {
    /// The fingerprint of the question that was answered.
    pub answered: Fingerprint,
    /// Who answered it.
    pub provider: Arc<str>,
    /// The model's name there.
    pub model: Arc<str>,
    /// By what the answer is found again.
    pub mark: Mark,
    /// Where those look who ask the same in words of their own, if they may.
    pub place: Option<Place>,
    /// What was asked, where it stands under no fingerprint but under a number that others may have, too.
    pub told: Option<Box<[u8]>>,
}

/// What is kept under one fingerprint.
#[derive(Debug)]
pub enum Entry {
    /// An answer.
    Answer(Answer),
    /// A vector.
    Vector(Vector),
    /// Where the answer is.
    Reworded(Reworded),
}

/// What an entry holds beside its bytes: its own fields, its place in the index, what allocators add.
const FRAME: usize = 512;

impl Entry {
    /// By what it is found again.
    #[must_use]
    pub const fn mark(&self) -> &Mark {
        match self {
            Self::Answer(answer) => &answer.mark,
            Self::Vector(vector) => &vector.mark,
            Self::Reworded(reworded) => &reworded.mark,
        }
    }

    /// The model as its provider knows it.
    #[must_use]
    pub const fn model(&self) -> &Arc<str> {
        match self {
            Self::Answer(answer) => &answer.origin.model,
            Self::Vector(vector) => &vector.model,
            Self::Reworded(reworded) => &reworded.model,
        }
    }

    /// Its provider's name.
    #[must_use]
    pub const fn provider(&self) -> &Arc<str> {
        match self {
            Self::Answer(answer) => &answer.origin.provider,
            Self::Vector(vector) => &vector.provider,
            Self::Reworded(reworded) => &reworded.provider,
        }
    }

    /// How many answers it is.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::Answer(_) | Self::Vector(_) => 1,
            Self::Reworded(_) => 0,
        }
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        let own = match self {
            Self::Answer(answer) => {
                let names = answer.origin.restore.names.iter();
                let names: usize = names.map(|(sent, name)| sent.len() + name.len() + 48).sum();
                let losses = answer.origin.losses.iter();
                let losses: usize = losses.map(|loss| loss.field.len() + 64).sum();
                answer.body.len() + answer.pace.len() * size_of::<(Duration, usize)>() + names + losses
            }
            Self::Vector(vector) => vector.numbers.len() * size_of::<f32>(),
            Self::Reworded(reworded) => {
                reworded.place.as_ref().map_or(0, Place::weight)
                    + reworded.told.as_ref().map_or(0, |told| told.len())
            }
        };
        own + self.mark().tags.iter().map(|tag| tag.len() + 32).sum::<usize>() + FRAME
    }
}

/// Which entries are meant: all that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Those that this virtual key asked for, by its name.
    pub key: Option<String>,
    /// Those of this owner and of all beneath it: `org/team` has those of `org/team/service`.
    pub owner: Option<String>,
    /// Those of this model, as clients name it, as its provider does, or as `provider/model`.
    pub model: Option<String>,
    /// Those with this tag.
    pub tag: Option<String>,
}

impl Which {
    /// Whether an entry is meant.
    #[must_use]
    pub fn fits(&self, entry: &Entry) -> bool {
        self.means(entry.mark(), entry.provider(), entry.model())
    }

    /// Whether one is meant that is found by this, and answered by this model of this provider.
    #[must_use]
    pub fn means(&self, mark: &Mark, provider: &str, known: &str) -> bool {
        let beneath = |owner: &str| {
            let rest = mark.owner.strip_prefix(owner);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let of_model = |model: &str| {
            let there = model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
            *mark.asked == *model || known == model || there == Some(known)
        };
        self.key.as_ref().is_none_or(|key| *mark.key == **key)
            && self.owner.as_ref().is_none_or(|owner| beneath(owner))
            && self.model.as_ref().is_none_or(|model| of_model(model))
            && self.tag.as_ref().is_none_or(|tag| mark.tags.iter().any(|known| **known == **tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_key_owner_model_and_tag() {
        let entry = Entry::Vector(Vector {
            numbers: vec![1.0; 4],
            named: None,
            tokens: Some(1),
            provider: "openai".into(),
            model: "gpt-4o".into(),
            mark: Mark {
                key: "web".into(),
                owner: "acme/search".into(),
                asked: "fast".into(),
                tags: vec!["nightly".into()],
            },
        });
        let all = Which::default();
        assert!(all.fits(&entry));
        let with = |change: fn(&mut Which)| {
            let mut which = Which::default();
            change(&mut which);
            which.fits(&entry)
        };
        assert!(with(|which| which.key = Some("web".into())));
        assert!(!with(|which| which.key = Some("job".into())));
        assert!(with(|which| which.owner = Some("acme".into())));
        assert!(!with(|which| which.owner = Some("acme/sea".into())));
        for model in ["fast", "gpt-4o", "openai/gpt-4o"] {
            assert!(Which { model: Some(model.into()), ..Which::default() }.fits(&entry), "{model}");
        }
        assert!(!with(|which| which.model = Some("azure/gpt-4o".into())));
        assert!(with(|which| which.tag = Some("nightly".into())));
        assert!(!with(|which| (which.tag, which.key) = (Some("nightly".into()), Some("job".into()))));
    }
}
