//! What was said in a body, as far as it is taken along for whoever wants to read it.

use crate::wire::json;

/// The beginning of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Said {
    /// These bytes, after which there was more or not.
    #[must_use]
    pub const fn new(bytes: Vec<u8>, is_cut: bool) -> Self {
        Self { bytes, is_cut }
    }

    /// Adds a piece, as far as there is room for it in so many bytes.
    pub fn push(&mut self, piece: &[u8], most: usize) {
        let room = most.saturating_sub(self.bytes.len());
        let part = piece.get(..room).unwrap_or(piece);
        self.is_cut |= part.len() < piece.len();
        self.bytes.extend_from_slice(part);
    }

    /// Nothing more is added, although there was more.
    pub const fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Its first so many bytes.
    #[must_use]
    pub fn within(&self, most: usize) -> Self {
        let bytes = self.bytes.get(..most).unwrap_or(&self.bytes).to_vec();
        Self { is_cut: self.is_cut || bytes.len() < self.bytes.len(), bytes }
    }

    /// What was said.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there was more.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// It as text, the last letter whole; none where it is something else.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(wrong) if self.is_cut && wrong.error_len().is_none() => {
                std::str::from_utf8(self.bytes.get(..wrong.valid_up_to())?).ok()
            }
            Err(_) => None,
        }
    }

    /// The same with names in the place of what guards masked and restored for the client.
    #[must_use]
    pub fn masked(mut self, masked: &[(String, String)]) -> Self {
        for (name, hidden) in masked {
            for hidden in forms(hidden) {
                self.bytes = replaced(&self.bytes, &hidden, name.as_bytes());
                if self.is_cut {
                    // Its beginning may be the last that is left.
                    let whole = self.bytes.len() - begun(&self.bytes, &hidden);
                    self.bytes.truncate(whole);
                }
            }
        }
        self
    }
}

/// How a text stands in JSON, in a string of it, and in JSON that is a string itself.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.as_bytes().to_vec()];
    for _ in 0..2 {
        let Some(Ok(last)) = forms.last().map(|last| std::str::from_utf8(last)) else { break };
        let mut quoted = Vec::new();
        json::write_string(&mut quoted, last);
        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_vec();
        if forms.contains(&inner) {
            break;
        }
        forms.push(inner);
    }
    // What is quoted more often holds what is quoted less.
    forms.reverse();
    forms
}

fn replaced(bytes: &[u8], hidden: &[u8], name: &[u8]) -> Vec<u8> {
    let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
    if !hidden.is_empty() {
        for at in memchr::memmem::find_iter(bytes, hidden) {
            out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
            out.extend_from_slice(name);
            from = at + hidden.len();
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

/// How many bytes of this stand at the end, without the rest of it.
fn begun(bytes: &[u8], hidden: &[u8]) -> usize {
    (1..hidden.len())
        .rev()
        .find(|&length| bytes.ends_with(hidden.get(..length).unwrap_or_default()))
        .unwrap_or(0)
}
