//! The first message of Gemini's form, in which the client names the model.

use crate::wire::json::{self, Path, Sift};
use crate::wire::lens::{Edit, Lens};
use crate::wire::websocket::{self, Kind, Piece, Reader};

const PATHS: &[Path] = &[&["setup", "model"]];

/// A first message that is longer than this goes through unread.
const MOST: usize = 1 << 20;

/// Waits for the first message of a client.
#[derive(Debug)]
pub struct Setup {
    reader: Reader,
    sift: Sift,
    /// The bytes of the frame that comes.
    frame: Vec<u8>,
    /// Whole control frames that came before the message's end.
    controls: Vec<u8>,
    /// The message in its frames, and what it says.
    message: Vec<u8>,
    payload: Vec<u8>,
    kind: Kind,
    mask: Option<[u8; 4]>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            reader: Reader::new(),
            sift: Sift::new(PATHS),
            frame: Vec::new(),
            controls: Vec::new(),
            message: Vec::new(),
            payload: Vec::new(),
            kind: Kind::Text,
            mask: None,
        }
    }
}

/// What a first message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The model, as it is written there; `None` where it names none.
    pub model: Option<String>,
    before: Vec<u8>,
    message: Vec<u8>,
    after: Vec<u8>,
    payload: Vec<u8>,
    kind: Kind,
    mask: Option<[u8; 4]>,
}

impl Setup {
    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.frame.len() + self.controls.len() + self.message.len() + self.payload.len()
    }

    /// Takes the next bytes; the message once it is whole, or once it is clear that it is none.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Named> {
        for (at, byte) in bytes.iter().enumerate() {
            self.frame.push(*byte);
            let (mut ended, mut controlled) = (false, false);
            let Self { reader, sift, payload, kind, .. } = self;
            let read = reader.push(std::slice::from_ref(byte), |piece| match piece {
                Piece::Begin(began) => *kind = began,
                Piece::Data(data) => {
                    sift.push(data);
                    payload.extend_from_slice(data);
                }
                Piece::End => ended = true,
                Piece::Control(..) => controlled = true,
            });
            self.mask = self.reader.mask().or(self.mask);
            if self.reader.is_between_frames() {
                let whole = if controlled { &mut self.controls } else { &mut self.message };
                whole.append(&mut self.frame);
            }
            if ended || read.is_err() || self.held() > MOST {
                return Some(self.named(bytes.get(at + 1..).unwrap_or_default()));
            }
        }
        None
    }

    /// All that came, though it is not whole.
    pub fn give_up(&mut self) -> Named {
        self.named(&[])
    }

    fn named(&mut self, after: &[u8]) -> Named {
        let model = self.sift.value(0).and_then(|value| Some(json::parse(value).ok()?.as_str()?.to_owned()));
        let mut message = std::mem::take(&mut self.message);
        message.append(&mut self.frame);
        Named {
            model,
            before: std::mem::take(&mut self.controls),
            message,
            after: after.to_vec(),
            payload: std::mem::take(&mut self.payload),
            kind: self.kind,
            mask: self.mask,
        }
    }
}

impl Named {
    /// All that came, as it came.
    #[must_use]
    pub fn as_it_came(self) -> Vec<u8> {
        [self.before, self.message, self.after].concat()
    }

    /// All that came, with another model's name; as it came where that cannot be said.
    #[must_use]
    pub fn renamed(self, model: &str) -> Vec<u8> {
        let Some(payload) = renamed(&self.payload, model) else { return self.as_it_came() };
        let mut out = self.before;
        websocket::write(&mut out, self.kind, &payload, self.mask);
        out.extend_from_slice(&self.after);
        out
    }
}

fn renamed(payload: &[u8], model: &str) -> Option<Vec<u8>> {
    let outer = Lens::new(payload).ok()?;
    let inner = Lens::new(outer.raw("setup")?.as_bytes()).ok()?;
    let setup = inner.apply(&[Edit::Set { key: "model".into(), value: json::string(model) }]);
    let value = String::from_utf8(setup).ok()?;
    Some(outer.apply(&[Edit::Set { key: "setup".into(), value }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: &str = r#"{"setup":{"model":"models/fast","tools":[{"x":1}]}}"#;

    fn first() -> Vec<u8> {
        let mut bytes = b"\x89\x80\x01\x02\x03\x04".to_vec();
        websocket::write(&mut bytes, Kind::Text, SETUP.as_bytes(), Some([7, 8, 9, 1]));
        websocket::write(&mut bytes, Kind::Binary, b"more", Some([1, 1, 1, 1]));
        bytes
    }

    #[test]
    fn the_model_is_found_however_the_message_is_cut() {
        let bytes = first();
        for size in 1..bytes.len() {
            let mut setup = Setup::default();
            let mut chunks = bytes.chunks(size);
            let (named, taken) = std::iter::from_fn(|| chunks.next())
                .scan(0, |taken, chunk| {
                    *taken += chunk.len();
                    Some((setup.push(chunk), *taken))
                })
                .find_map(|(named, taken)| Some((named?, taken)))
                .unwrap();
            assert_eq!(named.model.as_deref(), Some("models/fast"), "{size}");
            assert_eq!(named.as_it_came(), bytes[..taken], "{size}");
        }
    }

    #[test]
    fn another_name_changes_nothing_else() {
        let named = Setup::default().push(&first()).unwrap();
        let mut said = Vec::new();
        Reader::new()
            .push(&named.renamed("models/gemini-live"), |piece| match piece {
                Piece::Data(data) => said.extend_from_slice(data),
                Piece::Control(control, _) => said.extend_from_slice(format!("{control:?} ").as_bytes()),
                Piece::Begin(_) | Piece::End => said.push(b'|'),
            })
            .unwrap();
        let expected = format!("Ping |{}||more|", SETUP.replace("models/fast", "models/gemini-live"));
        assert_eq!(String::from_utf8(said).unwrap(), expected);
    }

    #[test]
    fn what_is_no_setup_goes_through() {
        let mut bytes = Vec::new();
        websocket::write(&mut bytes, Kind::Text, b"[1]", Some([7, 8, 9, 1]));
        for bytes in [&bytes[..], b"GET / HTTP/1.1\r\n"] {
            let named = Setup::default().push(bytes).unwrap();
            assert_eq!(named.model, None);
            assert_eq!(named.renamed("x"), bytes);
        }
        let mut long = Vec::new();
        websocket::write(&mut long, Kind::Text, &vec![b' '; MOST + 1], Some([0; 4]));
        assert_eq!(Setup::default().push(&long).unwrap().as_it_came(), long);
    }
}
