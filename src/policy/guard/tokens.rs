//! What answers tell of the single tokens that they are made of.

use crate::wire::json::{self, Texts};

/// An answer that was changed, without the words as the model chose them one by one: what was taken out
/// of its texts stands there, too.
pub(super) fn withheld(body: Vec<u8>) -> Vec<u8> {
    let tokens = [&b"logprobs"[..], b"Logprobs"].iter().any(|key| memchr::memmem::find(&body, key).is_some());
    let anew = tokens.then(|| json::rewrite(&body, &mut Tokens { depth: 0 }).unwrap_or_default());
    anew.flatten().unwrap_or(body)
}

/// Takes out what tells of single tokens.
struct Tokens {
    /// How far within it is looked, from a member that does.
    depth: usize,
}

impl Texts for Tokens {
    fn enter(&mut self, key: &str) {
        let tells = matches!(key, "logprobs" | "top_logprobs" | "logprobsResult" | "logprobs_result");
        self.depth += usize::from(tells || self.depth > 0);
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn takes(&self) -> bool {
        false
    }

    fn withholds(&self) -> bool {
        self.depth > 0
    }

    fn text(&mut self, _: usize, _: &str) -> Option<String> {
        None
    }

    fn number(&mut self, _: usize, _: &str) -> Option<String> {
        None
    }
}
