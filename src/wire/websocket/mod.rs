//! WebSocket's frames (RFC 6455 §5), both ways: an incremental reader that holds no payload, and a writer.
//!
//! A message may be of any length, so the reader delivers it in pieces as they come, and only what a
//! control frame says, which is short, is kept until it is whole. No extension is understood: who
//! listens must see to it that none is negotiated.

#[cfg(test)]
mod tests;
mod write;

use thiserror::Error;

pub use write::{close, write};

/// The most bytes that a control frame may say.
pub const MOST_CONTROL: usize = 125;

/// The longest head: two bytes, eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

/// What a message is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words, in UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// What a control frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// This side says nothing more; the payload may hold a code and a reason.
    Close,
    /// A sign of life is asked for.
    Ping,
    /// A sign of life.
    Pong,
}

/// A piece of what was said, without its frames and masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A message begins.
    Begin(Kind),
    /// Some of it; never empty.
    Data(&'a [u8]),
    /// It is whole.
    End,
    /// A control frame, whole; it may stand between the frames of a message.
    Control(Control, &'a [u8]),
}

/// What is wrong with a stream of frames; the reader has lost its place after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Broken {
    /// A bit is set that only an extension could have a use for.
    #[error("expected a frame without extensions")]
    Reserved,
    /// The kind of a frame is none that there is.
    #[error("expected a kind of frame that there is")]
    Opcode,
    /// A control frame is too long, or not whole.
    #[error("expected a whole control frame of at most 125 bytes")]
    Control,
    /// A message begins inside another, or goes on where none began.
    #[error("expected the frames of one message after another")]
    Order,
    /// A frame says that it is longer than any can be.
    #[error("expected a length below two to the power of 63")]
    Length,
}

/// Cuts a stream of bytes into what its frames say, however the bytes arrive.
#[derive(Debug, Default)]
pub struct Reader {
    head: [u8; LONGEST_HEAD],
    /// How much of the present frame's head is there.
    came: usize,
    /// The present frame, once its head is whole.
    frame: Option<Frame>,
    /// Whether a message has begun and is not whole.
    within: bool,
    /// What a control frame said so far.
    said: Vec<u8>,
    /// A piece without its mask.
    plain: Vec<u8>,
    broken: Option<Broken>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    what: What,
    last: bool,
    left: u64,
    mask: Option<[u8; 4]>,
    /// Where in the mask the next byte stands.
    turn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Message,
    Control(Control),
}

impl Reader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the next byte begins a frame, so that another could be put before it.
    #[must_use]
    pub const fn is_between_frames(&self) -> bool {
        self.came == 0 && self.frame.is_none() && self.broken.is_none()
    }

    /// Whether the next byte may begin a message.
    #[must_use]
    pub const fn is_between_messages(&self) -> bool {
        self.is_between_frames() && !self.within
    }

    /// The mask of the frame whose head was read last; none from a server.
    #[must_use]
    pub fn mask(&self) -> Option<[u8; 4]> {
        self.frame.and_then(|frame| frame.mask)
    }

    /// Takes the next bytes and delivers what they say, piece by piece.
    ///
    /// # Errors
    /// If they are no frames; what came before has been delivered.
    pub fn push(&mut self, mut chunk: &[u8], mut on: impl FnMut(Piece<'_>)) -> Result<(), Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.begin(&mut chunk, &mut on) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => return Ok(()),
                    Err(broken) => {
                        self.broken = Some(broken);
                        return Err(broken);
                    }
                },
            };
            chunk = self.go_on(frame, chunk, &mut on);
            if self.frame.is_some() {
                return Ok(());
            }
        }
    }

    /// Reads on in a head; the frame once that is whole.
    fn begin(&mut self, chunk: &mut &[u8], on: &mut impl FnMut(Piece<'_>)) -> Result<Option<Frame>, Broken> {
        loop {
            if let Some((frame, begins)) = head(self.head.get(..self.came).unwrap_or_default(), self.within)?
            {
                self.came = 0;
                self.frame = Some(frame);
                if let Some(kind) = begins {
                    on(Piece::Begin(kind));
                }
                self.within |= frame.what == What::Message;
                return Ok(Some(frame));
            }
            let Some((first, rest)) = chunk.split_first() else { return Ok(None) };
            if let Some(place) = self.head.get_mut(self.came) {
                *place = *first;
            }
            self.came += 1;
            *chunk = rest;
        }
    }

    /// Reads on in a frame, and returns what lies behind it.
    fn go_on<'c>(&mut self, frame: Frame, chunk: &'c [u8], on: &mut impl FnMut(Piece<'_>)) -> &'c [u8] {
        let length = usize::try_from(frame.left).unwrap_or(usize::MAX).min(chunk.len());
        let (piece, rest) = chunk.split_at_checked(length).unwrap_or((chunk, &[]));
        let mut frame = frame;
        frame.left -= piece.len() as u64;
        let plain = match frame.mask {
            None => piece,
            Some(mask) => {
                self.plain.clear();
                let key = mask.iter().cycle().skip(frame.turn);
                self.plain.extend(piece.iter().zip(key).map(|(byte, key)| byte ^ key));
                frame.turn = (frame.turn + piece.len()) % mask.len();
                &self.plain
            }
        };
        match frame.what {
            What::Control(control) => {
                self.said.extend_from_slice(plain);
                if frame.left == 0 {
                    on(Piece::Control(control, &self.said));
                    self.said.clear();
                }
            }
            What::Message => {
                if !plain.is_empty() {
                    on(Piece::Data(plain));
                }
                if frame.left == 0 && frame.last {
                    self.within = false;
                    on(Piece::End);
                }
            }
        }
        self.frame = (frame.left > 0).then_some(frame);
        rest
    }
}

/// Reads a head; `None` while it is not whole. Also the kind of a message that begins with it.
fn head(bytes: &[u8], within: bool) -> Result<Option<(Frame, Option<Kind>)>, Broken> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(Broken::Reserved);
    }
    let last = first & 0x80 != 0;
    let (what, begins) = match (first & 0x0f, within) {
        (0, true) => (What::Message, None),
        (1, false) => (What::Message, Some(Kind::Text)),
        (2, false) => (What::Message, Some(Kind::Binary)),
        (0, false) | (1 | 2, true) => return Err(Broken::Order),
        (8, _) => (What::Control(Control::Close), None),
        (9, _) => (What::Control(Control::Ping), None),
        (10, _) => (What::Control(Control::Pong), None),
        _ => return Err(Broken::Opcode),
    };
    let short = second & 0x7f;
    if what != What::Message && (!last || usize::from(short) > MOST_CONTROL) {
        return Err(Broken::Control);
    }
    let (left, rest) = match short {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        short => (u64::from(short), rest),
    };
    if left >> 63 != 0 {
        return Err(Broken::Length);
    }
    let mask = if second & 0x80 == 0 {
        None
    } else {
        let Some(mask) = rest.first_chunk() else { return Ok(None) };
        Some(*mask)
    };
    Ok(Some((Frame { what, last, left, mask, turn: 0 }, begins)))
}

/// The code and the reason of a close frame's payload; 1005 where it says neither.
#[must_use]
pub fn closing(payload: &[u8]) -> (u16, &str) {
    match payload {
        [high, low, reason @ ..] => {
            (u16::from_be_bytes([*high, *low]), std::str::from_utf8(reason).unwrap_or_default())
        }
        _ => (1005, ""),
    }
}
