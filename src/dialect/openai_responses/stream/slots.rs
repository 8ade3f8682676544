//! What a stream that is written has said so far: its items, and the parts of its open message. The
//! format says every item again when it is complete, and all of them at the end.

use crate::ir::{Signature, ToolKind};

/// One block, and where it is said.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// Its item's place in the output.
    pub(super) output: usize,
    /// Its item's id.
    pub(super) item: String,
    /// Its part's place in the message.
    pub(super) part: usize,
    /// What it said so far.
    pub(super) said: String,
    /// The seal on it.
    pub(super) seal: Option<Signature>,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Reasoning,
    /// A call, with the id that the client answers and the tool's name.
    Call {
        id: String,
        name: String,
        kind: ToolKind,
    },
    /// It was said whole, cannot be said, or is over.
    Said,
}

impl Slot {
    pub(super) const fn said() -> Self {
        Self { kind: Kind::Said, output: 0, item: String::new(), part: 0, said: String::new(), seal: None }
    }
}

/// A message that is not complete.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) output: usize,
    pub(super) item: String,
    /// Its complete parts, as JSON texts.
    pub(super) parts: Vec<Vec<u8>>,
    /// Whether a part is open.
    pub(super) open: bool,
    /// The sources told of the part that is open.
    pub(super) annotations: Vec<Vec<u8>>,
    /// The log probabilities of the part that is open, element by element.
    pub(super) logprobs: Vec<u8>,
}
