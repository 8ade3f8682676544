//! How a request's body gets to its provider: held and sent again with each attempt, or as it comes.

use bytes::{Bytes, BytesMut};

use super::tunnel::Tunnel;

/// How a request's body gets to its provider.
#[derive(Debug)]
pub enum Upload {
    /// It was read whole; each attempt has its own form of it.
    Held,
    /// It goes through as it comes, so that no attempt follows one that took of it.
    Streamed(Box<Streamed>),
    /// There is none, but a session that both sides speak in once it is open.
    Tunnel(Box<Tunnel>),
}

/// A body that goes through as it comes.
#[derive(Debug)]
pub struct Streamed {
    /// What goes before it: the part that was read to find out where it goes.
    before: Bytes,
    /// Whether the attempt has got some of it.
    begun: bool,
    /// Its first pieces, where the model's name mostly stands.
    first: Vec<Bytes>,
    came: usize,
}

/// So much of a body's beginning is kept for later looks.
const FIRST: usize = 64 << 10;

impl Upload {
    /// A body that goes through behind `before`.
    #[must_use]
    pub fn streamed(before: Bytes) -> Self {
        Self::Streamed(Box::new(Streamed { before, begun: false, first: Vec::new(), came: 0 }))
    }

    /// Another attempt begins.
    pub fn begin(&mut self) {
        if let Self::Streamed(streamed) = self {
            streamed.begun = false;
        }
    }

    /// Whether the body is held, so that any attempt may have it anew.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self, Self::Held | Self::Tunnel(_))
    }

    /// Whether a session is asked for.
    #[must_use]
    pub const fn is_tunnel(&self) -> bool {
        matches!(self, Self::Tunnel(_))
    }

    /// The first bytes of a body that goes through.
    #[must_use]
    pub fn first(&self) -> Bytes {
        match self {
            Self::Held | Self::Tunnel(_) => Bytes::new(),
            Self::Streamed(streamed) => match streamed.first.as_slice() {
                [only] => only.clone(),
                pieces => pieces.concat().into(),
            },
        }
    }

    /// All of a body that goes through, where that is little.
    #[must_use]
    pub fn whole(&self) -> Option<Bytes> {
        match self {
            Self::Streamed(streamed) if streamed.came <= FIRST => Some(self.first()),
            Self::Streamed(_) | Self::Held | Self::Tunnel(_) => None,
        }
    }
}

impl Streamed {
    /// A piece comes; turns it into what goes on.
    pub fn pass(&mut self, body: &mut Option<Bytes>) {
        if let Some(piece) = body {
            if self.came < FIRST && !piece.is_empty() {
                self.first.push(piece.clone());
            }
            self.came += piece.len();
        }
        if !std::mem::replace(&mut self.begun, true) && !self.before.is_empty() {
            let mut joined = BytesMut::from(&self.before[..]);
            joined.extend_from_slice(body.as_deref().unwrap_or_default());
            *body = Some(joined.freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_goes_before_the_rest_in_each_attempt() {
        let mut upload = Upload::streamed(Bytes::from_static(b"ab"));
        for _ in 0..2 {
            upload.begin();
            let Upload::Streamed(streamed) = &mut upload else { panic!() };
            let mut said = Vec::new();
            for piece in ["c", "d"] {
                let mut body = Some(Bytes::from_static(piece.as_bytes()));
                streamed.pass(&mut body);
                said.extend_from_slice(&body.unwrap());
            }
            assert_eq!(said, b"abcd");
        }
    }
}
