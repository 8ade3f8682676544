//! Hides a secret in what goes through, without changing its length.

use bytes::Bytes;
use memchr::memmem;

use crate::units::Secret;

/// Hides a secret in a body that comes in pieces.
#[derive(Debug)]
pub(super) struct Mask {
    secret: Secret,
    /// The end of what came, which may be the secret's beginning.
    waits: Vec<u8>,
}

impl Mask {
    /// Hides this; nothing that short is a secret.
    #[must_use]
    pub(super) fn of(secret: &Secret) -> Option<Self> {
        (secret.expose().len() >= 4).then(|| Self { secret: secret.clone(), waits: Vec::new() })
    }

    /// A piece comes: what of it goes on.
    pub(super) fn pass(&mut self, body: &mut Option<Bytes>, end: bool) {
        let key = self.secret.expose().as_bytes();
        let mut piece = std::mem::take(&mut self.waits);
        piece.extend_from_slice(body.as_deref().unwrap_or_default());
        while let Some(at) = memmem::find(&piece, key) {
            if let Some(found) = piece.get_mut(at..at + key.len()) {
                found.fill(b'*');
            }
        }
        let whole = (1..key.len())
            .rev()
            .find(|&part| !end && key.get(..part).is_some_and(|beginning| piece.ends_with(beginning)));
        self.waits = piece.split_off(piece.len() - whole.unwrap_or(0));
        let nothing = body.is_none() && piece.is_empty();
        *body = (!nothing).then(|| piece.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_however_it_is_cut() {
        let text = b"no: sk-secret and sk-sk-secret, but sk-secre";
        for size in 1..text.len() {
            let mut mask = Mask::of(&Secret::new("sk-secret")).unwrap();
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                let mut body = Some(Bytes::copy_from_slice(piece));
                mask.pass(&mut body, false);
                out.extend_from_slice(&body.unwrap_or_default());
            }
            let mut body = None;
            mask.pass(&mut body, true);
            out.extend_from_slice(&body.unwrap_or_default());
            assert_eq!(out, b"no: ********* and sk-*********, but sk-secre", "{size}");
        }
    }
}
