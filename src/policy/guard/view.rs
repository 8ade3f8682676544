//! The text that stands in JSON's strings, as long as it is written there.
//!
//! Arguments of tools come as JSON text, in pieces that end anywhere. An escape would hide where a word
//! begins (`\njohn@example.com`), and half of one must not be cut off. So what is looked at has spaces in
//! place of escapes, byte for byte, and what is found in it lies where it lies in the JSON.

/// Whether an escape is being read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// No.
    #[default]
    Text,
    /// A backslash came.
    Escape,
    /// So many digits of a `\u` are still to come.
    Digits(u8),
}

/// Turns JSON text into what it looks like without escapes.
#[derive(Debug, Default)]
pub(super) struct View {
    at: At,
}

impl View {
    /// The next piece as it is to be looked at; as long as the piece.
    pub(super) fn push(&mut self, piece: &str) -> String {
        piece
            .chars()
            .map(|letter| {
                let (escaped, at) = match (self.at, letter) {
                    (At::Text, '\\') => (true, At::Escape),
                    (At::Text, _) => (false, At::Text),
                    (At::Escape, 'u') => (true, At::Digits(4)),
                    (At::Escape | At::Digits(1), _) => (true, At::Text),
                    (At::Digits(left), _) => (true, At::Digits(left - 1)),
                };
                let shown = if escaped && letter.is_ascii() { ' ' } else { letter };
                self.at = at;
                shown
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_spaces_wherever_they_are_cut() {
        let text = r#"{"a":"x\njohn@x.com\\\"é\u00e9\/b"}"#;
        let shown = View::default().push(text);
        assert_eq!(shown, r#"{"a":"x  john@x.com    é        b"}"#);
        let mut view = View::default();
        let pieces: String = text.split_inclusive(|_| true).map(|piece| view.push(piece)).collect();
        assert_eq!(pieces, shown);
    }
}
