//! Pressure: how many requests a target has in flight at most, and who waits for a place there.
//!
//! A [`Gate`] stands before each model of each provider. Where no number is set for it, nobody asks it, so
//! that it costs nothing; where one is, who finds no place waits in a [`Line`], within bounds of length and
//! time, by priority and in turns between owners.

mod ceiling;
mod gate;
mod line;

pub use ceiling::Ceiling;
pub use gate::{Entered, Gate, Stand};
pub use line::Line;

/// How much a request matters while there is no room for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Nobody waits for it now: batches, evaluations, indexing.
    Low,
    /// As all are of which nothing is said.
    #[default]
    Normal,
    /// Somebody sits before it.
    High,
}

impl Priority {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The priority of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Its place among all.
    const fn place(self) -> usize {
        self as usize
    }

    /// How many of its requests go for one of low priority, while both wait.
    const fn weight(self) -> u64 {
        match self {
            Self::Low => 1,
            Self::Normal => 4,
            Self::High => 16,
        }
    }
}

/// Who wants a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// How much it matters.
    pub priority: Priority,
    /// Whose it is: those of one owner take turns with those of others, however many they are.
    pub owner: u64,
    /// How many turns that owner has for one of another whose weight is 1.
    pub weight: u32,
}

/// How many requests a target has in flight at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The fewest that it is brought down to.
    pub least: u32,
    /// The most that it grows to; the same as `least` where it is fixed.
    pub most: u32,
}

impl Cap {
    /// This number, whatever is seen.
    #[must_use]
    pub const fn fixed(number: u32) -> Self {
        Self { least: number, most: number }
    }
}
