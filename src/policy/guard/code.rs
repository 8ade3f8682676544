//! A number or code as it is written: its letters and digits, and what separates them.

/// Letters and digits of a number without what separates them, and how it was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Code {
    text: [[u8; 8]; 5],
    pub(super) length: u8,
    /// The lengths of its groups, four bits each, the first one highest.
    pub(super) groups: u64,
    /// How many groups it has.
    pub(super) count: u8,
    /// What stands between them, if that is the same everywhere.
    pub(super) gap: Option<u8>,
    pub(super) mixed: bool,
    pub(super) letters: bool,
    pub(super) plus: bool,
    pub(super) paren: bool,
}

impl Code {
    /// Whether nothing was added.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a group and the mark before it; whether it had room.
    pub(super) fn add(&mut self, group: &[u8], gap: u8) -> bool {
        let mut length = 0;
        for byte in group {
            match byte {
                b'+' => self.plus = true,
                b'(' => self.paren = true,
                _ => {
                    let Some(place) = self.text.as_flattened_mut().get_mut(usize::from(self.length)) else {
                        return false;
                    };
                    *place = byte.to_ascii_uppercase();
                    self.letters |= !byte.is_ascii_digit();
                    self.length += 1;
                    length += 1;
                }
            }
        }
        if self.count > 0 {
            self.paren |= gap == b'(';
            self.mixed |= self.gap.is_some_and(|known| known != gap);
            self.gap = Some(gap);
        }
        self.groups = self.groups << 4 | u64::min(length, 15);
        self.count += 1;
        true
    }

    /// Its letters and digits.
    pub(super) fn text(&self) -> &[u8] {
        self.text.as_flattened().get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Whether it is written in groups of these lengths, four bits each.
    pub(super) const fn grouped(&self, groups: u64) -> bool {
        self.groups == groups && !self.mixed
    }

    /// Whether it is written in one piece.
    pub(super) const fn in_one(&self) -> bool {
        self.count == 1
    }
}
