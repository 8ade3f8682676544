//! Directives: how a prompt (or a model's name) tells the mock what to do.
//!
//! `#mock` in the last user message, followed on that line by words `key=value` or flags, as in
//! `#mock error=429 retry_after=7`. The same words, joined by dashes, may stand in the model's name:
//! `mock-error-429`, `mock-tokens-20-rate-10`.

use std::time::Duration;

/// What the directives of one request ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// Answer with this status and the vendor's own error body for it.
    pub error: Option<u16>,
    /// Seconds to name in `retry-after`.
    pub retry_after: Option<u64>,
    /// Tokens in the answer.
    pub tokens: Option<usize>,
    /// Tokens per second.
    pub rate: Option<f64>,
    /// Wait before the first byte.
    pub first: Option<Duration>,
    /// Drop the connection after this many stream events.
    pub cut: Option<usize>,
    /// End the stream cleanly, yet without its terminator, after this many events.
    pub end: Option<usize>,
    /// Send an error event after this many events.
    pub stream_error: Option<usize>,
    /// The finish reason to report.
    pub finish: Option<String>,
    /// Report that this stop string was hit.
    pub stop_sequence: Option<String>,
    /// Reasoning tokens to spend.
    pub reasoning: Option<usize>,
    /// Tool calls to make.
    pub tools: Option<usize>,
    /// Write the stream in pieces of this many bytes.
    pub chunk: Option<usize>,
    /// Answer with at least this many bytes of text.
    pub big: Option<usize>,
    flags: u16,
}

/// A directive without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Flag {
    /// A 502 with an HTML page, as a proxy in between would give.
    Html = 1,
    /// Never answer.
    Hang = 1 << 1,
    /// Leave usage out.
    NoUsage = 1 << 2,
    /// Text, then the tool calls, then text.
    Interleave = 1 << 3,
    /// Tool calls without arguments.
    EmptyArgs = 1 << 4,
    /// Citations on the text.
    Citations = 1 << 5,
    /// CRLF line ends in the stream.
    Crlf = 1 << 6,
    /// Comment lines in the stream.
    Comments = 1 << 7,
    /// Text with emoji and CJK.
    Unicode = 1 << 8,
    /// Answer with the prompt's text after the directive line.
    Echo = 1 << 9,
    /// Reasoning comes redacted (Anthropic).
    Redacted = 1 << 10,
    /// Refuse the prompt as too long for the model.
    Context = 1 << 11,
    /// Refuse because the account has no money left.
    Quota = 1 << 12,
}

impl Script {
    /// Reads the directives in the model's name and in `text`; those in the text win.
    #[must_use]
    pub fn read(model: &str, text: &str) -> Self {
        let mut script = Self::default();
        let name = model.rsplit('/').next().unwrap_or(model);
        if let Some(words) = name.strip_prefix("mock-") {
            let mut words = words.split('-').peekable();
            while let Some(word) = words.next() {
                if !script.flag(word) && words.peek().is_some_and(|next| script.set(word, next)) {
                    words.next();
                }
            }
        }
        if let Some(line) = directive(text) {
            for word in line.split_whitespace() {
                match word.split_once('=') {
                    Some((key, value)) => drop(script.set(key, value)),
                    None => drop(script.flag(word)),
                }
            }
        }
        script
    }

    /// Whether `flag` stands in the directives.
    #[must_use]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags & flag as u16 != 0
    }

    fn set(&mut self, key: &str, value: &str) -> bool {
        fn to<T: std::str::FromStr>(slot: &mut Option<T>, value: &str) -> bool {
            let read = value.parse().ok();
            let known = read.is_some();
            if known {
                *slot = read;
            }
            known
        }
        match key {
            "error" => to(&mut self.error, value),
            "retry_after" => to(&mut self.retry_after, value),
            "tokens" => to(&mut self.tokens, value),
            "rate" => to(&mut self.rate, value),
            "first" => {
                let mut millis = None;
                let known = to(&mut millis, value);
                self.first = millis.map(Duration::from_millis).or(self.first);
                known
            }
            "cut" => to(&mut self.cut, value),
            "end" => to(&mut self.end, value),
            "stream_error" => to(&mut self.stream_error, value),
            "finish" => to(&mut self.finish, value),
            "stop_sequence" => to(&mut self.stop_sequence, value),
            "reasoning" => to(&mut self.reasoning, value),
            "tools" => to(&mut self.tools, value),
            "chunk" => to(&mut self.chunk, value),
            "big" => to(&mut self.big, value),
            _ => false,
        }
    }

    fn flag(&mut self, word: &str) -> bool {
        let flag = match word {
            "html" => Flag::Html,
            "hang" => Flag::Hang,
            "nousage" => Flag::NoUsage,
            "interleave" => Flag::Interleave,
            "empty_args" => Flag::EmptyArgs,
            "citations" => Flag::Citations,
            "crlf" => Flag::Crlf,
            "comments" => Flag::Comments,
            "unicode" => Flag::Unicode,
            "echo" => Flag::Echo,
            "redacted" => Flag::Redacted,
            "context" => Flag::Context,
            "quota" => Flag::Quota,
            _ => return false,
        };
        self.flags |= flag as u16;
        true
    }
}

/// The rest of the line after the marker.
fn directive(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("#mock")?;
    rest.lines().next()
}

/// What stands below the directive line, or all of a text without one.
#[must_use]
pub fn below(text: &str) -> &str {
    match text.split_once("#mock") {
        Some((_, rest)) => rest.split_once('\n').map_or("", |(_, below)| below),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_scripts_like_a_text() {
        let by_name = Script::read("vendor/mock-error-429-retry_after-7-html", "hello");
        let by_text = Script::read("m", "hi\n#mock error=429 retry_after=7 html\nmore error=500");
        assert_eq!(by_name, by_text);
        assert_eq!(by_name.error, Some(429));
        assert!(by_name.has(Flag::Html));
        assert!(!by_name.has(Flag::Hang));
    }

    #[test]
    fn what_is_below_the_directive_line_is_left_whole() {
        assert_eq!(below("#mock echo\n a\nb "), " a\nb ");
        assert_eq!(below("plain"), "plain");
        assert_eq!(below("#mock echo"), "");
    }

    #[test]
    fn unknown_words_are_passed_over() {
        assert_eq!(Script::read("mock-large", "#mock nonsense=1 tokens=x"), Script::default());
    }
}
