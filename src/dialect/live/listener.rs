//! Listens to the provider's side of a session.

use super::usage;
use crate::ir::Usage;
use crate::wire::json::{self, Path, Sift};
use crate::wire::websocket::{self, Control, Piece, Reader};

/// What may matter in a message, of whichever form.
const PATHS: &[Path] = &[
    &["type"],
    &["response", "usage"],
    &["usage"],
    &["usageMetadata"],
    &["session", "model"],
    &["session", "audio", "input", "transcription", "model"],
    &["session", "input_audio_transcription", "model"],
];
const TYPE: usize = 0;
const RESPONSE_USAGE: usize = 1;
const USAGE: usize = 2;
const USAGE_METADATA: usize = 3;
const MODEL: usize = 4;
const TRANSCRIBERS: [usize; 2] = [5, 6];

/// Models have no longer names.
const LONGEST_NAME: usize = 256;

/// Transcripts of one session are made by so many models at most.
const MOST_TRANSCRIBERS: usize = 16;

/// What was heard of a session.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What its responses used, all together; `None` while none told.
    pub usage: Option<Usage>,
    /// What transcripts of the client's words used, by the models that made them, whose prices are
    /// others; "" for one that was not named.
    pub transcripts: Vec<(String, Usage)>,
    /// The model that the provider said it is.
    pub model: Option<String>,
    /// The model that writes down what the client says.
    pub transcriber: Option<String>,
    /// The code with which the provider closed, if it did.
    pub closed: Option<u16>,
}

/// Listens to frames; whatever cannot be understood goes by.
#[derive(Debug)]
pub struct Listener {
    reader: Reader,
    sift: Sift,
    heard: Heard,
}

impl Default for Listener {
    fn default() -> Self {
        Self { reader: Reader::new(), sift: Sift::new(PATHS), heard: Heard::default() }
    }
}

impl Listener {
    /// Listens to the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { reader, sift, heard } = self;
        // Who has lost its place hears nothing more; the bytes go through all the same.
        let _ = reader.push(bytes, |piece| match piece {
            Piece::Begin(_) => sift.restart(),
            Piece::Data(data) => sift.push(data),
            Piece::End => heard.note(sift),
            Piece::Control(Control::Close, payload) => heard.closed = Some(websocket::closing(payload).0),
            Piece::Control(Control::Ping | Control::Pong, _) => {}
        });
    }

    /// Whether a frame of ours could be put behind what came.
    #[must_use]
    pub const fn is_between_frames(&self) -> bool {
        self.reader.is_between_frames()
    }

    /// Whether a message of ours could.
    #[must_use]
    pub const fn is_between_messages(&self) -> bool {
        self.reader.is_between_messages()
    }

    /// What was heard so far.
    #[must_use]
    pub const fn heard(&self) -> &Heard {
        &self.heard
    }
}

impl Heard {
    /// A message is whole.
    fn note(&mut self, sift: &Sift) {
        let kind = sift.value(TYPE).unwrap_or_default();
        match kind {
            b"\"response.done\"" => {
                self.use_up(sift.value(RESPONSE_USAGE).and_then(usage::of_response));
            }
            b"\"conversation.item.input_audio_transcription.completed\"" => {
                if let Some(used) = sift.value(USAGE).and_then(usage::of_transcript) {
                    self.transcribe(&used);
                }
            }
            b"\"session.created\""
            | b"\"session.updated\""
            | b"\"transcription_session.created\""
            | b"\"transcription_session.updated\"" => {
                if let Some(model) = sift.value(MODEL).and_then(name) {
                    self.model = Some(model);
                }
                let named = TRANSCRIBERS.into_iter().find_map(|place| sift.value(place));
                if let Some(model) = named.and_then(name) {
                    self.transcriber = Some(model);
                }
            }
            b"" => self.use_up(sift.value(USAGE_METADATA).and_then(usage::of_gemini)),
            _ => {}
        }
    }

    fn use_up(&mut self, used: Option<Usage>) {
        if let Some(used) = used {
            self.usage.get_or_insert_default().add(&used);
        }
    }

    fn transcribe(&mut self, used: &Usage) {
        let by = self.transcriber.clone().unwrap_or_default();
        let most = self.transcripts.len() >= MOST_TRANSCRIBERS;
        match self.transcripts.iter_mut().find(|(model, _)| *model == by || most) {
            Some((_, sum)) => sum.add(used),
            None => self.transcripts.push((by, *used)),
        }
    }
}

/// A name in its quotes.
fn name(value: &[u8]) -> Option<String> {
    let named = json::parse(value).ok()?.as_str().map(str::to_owned);
    named.filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::websocket::{Kind, close, write};

    fn session() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut say = |text: &str| write(&mut bytes, Kind::Text, text.as_bytes(), None);
        say(
            r#"{"type":"session.created","event_id":"e","session":{"type":"realtime","model":"gpt-realtime","audio":{"input":{"transcription":{"model":"whisper-1"}}}}}"#,
        );
        say(&format!(r#"{{"type":"response.output_audio.delta","delta":"{}"}}"#, "A".repeat(50_000)));
        say(
            r#"{"event_id":"e","type":"conversation.item.input_audio_transcription.completed","usage":{"type":"duration","seconds":3}}"#,
        );
        for _ in 0..2 {
            say(
                r#"{"type":"response.done","response":{"output":[{"type":"message","usage":7}],"usage":{"input_tokens":5,"output_tokens":6}}}"#,
            );
        }
        say(r#"{"type":"response.created","response":{"usage":{"input_tokens":99}}}"#);
        close(&mut bytes, 1000, "", None);
        bytes
    }

    #[test]
    fn a_session_is_heard_however_it_is_cut() {
        let bytes = session();
        for size in [1, 5, 100, bytes.len()] {
            let mut listener = Listener::default();
            bytes.chunks(size).for_each(|chunk| listener.push(chunk));
            let heard = listener.heard();
            assert_eq!(heard.usage, Some(Usage { input: 10, output: 12, ..Usage::default() }), "{size}");
            assert_eq!(
                heard.transcripts,
                [("whisper-1".to_owned(), Usage { seconds: 3, ..Usage::default() })]
            );
            assert_eq!((heard.model.as_deref(), heard.closed), (Some("gpt-realtime"), Some(1000)));
            assert!(listener.is_between_messages());
        }
    }

    #[test]
    fn gemini_s_messages_are_bytes_and_each_tells_its_own() {
        let mut bytes = Vec::new();
        for tokens in [3, 4] {
            let text = format!(
                r#"{{"serverContent":{{"turnComplete":true}},"usageMetadata":{{"promptTokenCount":{tokens},"responseTokenCount":1,"totalTokenCount":{}}}}}"#,
                tokens + 1
            );
            write(&mut bytes, Kind::Binary, text.as_bytes(), None);
        }
        let mut listener = Listener::default();
        listener.push(&bytes);
        assert_eq!(listener.heard().usage, Some(Usage { input: 7, output: 2, ..Usage::default() }));
    }

    #[test]
    fn nonsense_goes_by() {
        let mut listener = Listener::default();
        listener.push(b"HTTP/1.1 200 OK");
        listener.push(&session());
        assert_eq!(listener.heard(), &Heard::default());
        assert!(!listener.is_between_frames());
    }
}
