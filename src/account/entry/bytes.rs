//! Numbers and texts in as few bytes as they need.

use super::Unread;

/// The longest text of a row; most come from clients.
const LONGEST: usize = 512;

/// The most items of a list.
const MOST: usize = 64;

/// Writes seven bits a byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, number: impl Into<u128>) {
    let mut left: u128 = number.into();
    // Most are short.
    if left < 0x80 {
        #[allow(clippy::cast_possible_truncation, reason = "it was just seen to fit")]
        return out.push(left as u8);
    }
    loop {
        #[allow(clippy::cast_possible_truncation, reason = "the seven lowest bits are meant")]
        let low = (left & 0x7f) as u8;
        left >>= 7;
        if left == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Writes a text with its length before it, as far as a row has room for it.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    put_number(out, end as u64);
    out.extend_from_slice(text.as_bytes().get(..end).unwrap_or_default());
}

/// Writes a list with its length before it, as far as a row has room for it.
pub(super) fn put_list<T>(out: &mut Vec<u8>, items: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    let items = items.get(..items.len().min(MOST)).unwrap_or_default();
    put_number(out, items.len() as u64);
    for item in items {
        put(out, item);
    }
}

/// Reads what was written, front to back.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Unread> {
        let (first, rest) = self.0.split_first().ok_or(Unread::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn big(&mut self) -> Result<u128, Unread> {
        let (mut number, mut shift) = (0_u128, 0);
        loop {
            let byte = self.byte()?;
            number |= u128::from(byte & 0x7f).checked_shl(shift).ok_or(Unread::Broken)?;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    pub(super) fn number<T: TryFrom<u128>>(&mut self) -> Result<T, Unread> {
        // Most are short.
        if let Some((&byte, rest)) = self.0.split_first()
            && byte < 0x80
        {
            self.0 = rest;
            return T::try_from(byte.into()).map_err(|_| Unread::Broken);
        }
        T::try_from(self.big()?).map_err(|_| Unread::Broken)
    }

    pub(super) fn text<T: From<&'a str>>(&mut self) -> Result<T, Unread> {
        let length: usize = self.number()?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Unread::Short)?;
        self.0 = rest;
        simdutf8::basic::from_utf8(text).map(T::from).map_err(|_| Unread::Broken)
    }

    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Unread>,
    ) -> Result<Vec<T>, Unread> {
        let count: usize = self.number()?;
        if count > MOST {
            return Err(Unread::Broken);
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// Nothing may be left.
    pub(super) const fn end(&self) -> Result<(), Unread> {
        if self.0.is_empty() { Ok(()) } else { Err(Unread::Broken) }
    }
}
