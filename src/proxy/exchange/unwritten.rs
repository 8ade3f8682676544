//! What was said to the client and is perhaps not written yet.
//!
//! Pingora asks what becomes of all pieces of an answer that are there at one time, and then writes them; where
//! one of them ends the answer by an error, it writes none. So whoever goes on behind the error says them again.

use bytes::Bytes;

/// The pieces that were said since anything was written.
#[derive(Debug, Default)]
pub struct Unwritten {
    pieces: Vec<Bytes>,
    /// How many bytes of the body were written before them.
    written: usize,
}

impl Unwritten {
    /// Nothing is said yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { pieces: Vec::new(), written: 0 }
    }

    /// A piece is said while so many bytes of the body are written.
    pub fn say(&mut self, piece: &Bytes, written: usize) {
        self.settle(written);
        if !piece.is_empty() {
            self.pieces.push(piece.clone());
        }
    }

    /// What was said and is not written, where so many bytes of the body are.
    #[must_use]
    pub fn take(&mut self, written: usize) -> Bytes {
        self.settle(written);
        std::mem::take(&mut self.pieces).concat().into()
    }

    /// Whatever is written of what was said is all of it.
    fn settle(&mut self, written: usize) {
        if written != self.written {
            self.pieces.clear();
            self.written = written;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_since_something_was_written_is_said_again() {
        let mut unwritten = Unwritten::new();
        assert!(unwritten.take(0).is_empty());
        for (piece, written) in [("a", 0), ("b", 0), ("", 0), ("c", 2), ("d", 3), ("e", 3)] {
            unwritten.say(&Bytes::from(piece), written);
        }
        assert_eq!(unwritten.take(3), "de");
        assert!(unwritten.take(3).is_empty());
        unwritten.say(&Bytes::from_static(b"f"), 5);
        assert!(unwritten.take(6).is_empty());
    }
}
