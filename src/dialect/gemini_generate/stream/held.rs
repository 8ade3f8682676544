//! What a renderer holds back, so that why an answer ended goes out with something to read: the
//! chats of Google's own SDKs forget a turn of which any slice held no part, or an empty text.

use super::super::content;
use crate::ir::Extras;

/// The end of what a candidate said so far.
#[derive(Debug)]
pub(super) enum Held {
    /// The last letter of words or of a thought, and the seal on them.
    Text {
        /// None where only the seal is known.
        last: Option<char>,
        thought: bool,
        seal: Option<String>,
    },
    /// A part that came whole.
    Part(Vec<u8>),
}

impl Held {
    /// Whether more words, or more of a thought, are the same part's.
    pub(super) const fn goes_on(&self, thought: bool) -> bool {
        matches!(self, Self::Text { thought: same, seal: None, .. } if *same == thought)
    }

    /// The letter that goes before what follows.
    pub(super) const fn last(&self) -> Option<char> {
        match self {
            Self::Text { last, .. } => *last,
            Self::Part(_) => None,
        }
    }

    /// Appends it as a part.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text { last, thought, seal } => {
                let mut buffer = [0; 4];
                let text = last.map_or("", |last| last.encode_utf8(&mut buffer));
                content::write_part(out, seal.as_deref(), &Extras::NONE, |o| {
                    content::write_text(o, text, *thought);
                });
            }
            Self::Part(part) => out.extend_from_slice(part),
        }
    }
}
