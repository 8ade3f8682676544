//! Listens to what an upstream says and knows what it used, whether or not the client still hears.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::dialect::{Codec, codec, gemini_generate};
use crate::ir::{Dialect, Event, FinishReason, ServiceTier, Usage};
use crate::wire::needle::Needle;

/// As much of an answer is held for counting, should its provider never say what it used. A
/// stream's older bytes are forgotten beyond it and their tokens estimated by length.
const MOST_HELD: usize = 256 << 10;

/// A whole answer is held up to this size to find the usage in it.
const MOST_WHOLE: usize = 16 << 20;

/// The meter of one upstream answer.
pub struct Meter {
    dialect: Dialect,
    codec: &'static dyn Codec,
    streamed: bool,
    usage: Option<Usage>,
    /// Whether the last report was a final one, so that nothing need be counted.
    is_final: bool,
    first: Option<Instant>,
    last: Option<Instant>,
    /// A whole answer's pieces.
    held: Vec<Bytes>,
    /// A stream's pieces, which are small, copied into blocks that never move.
    copied: Vec<Vec<u8>>,
    held_bytes: usize,
    forgotten: usize,
    model: Option<String>,
    tier: Option<ServiceTier>,
    finish: Option<FinishReason>,
    /// What the latest slice told of the usage so far, which the next may tell anew.
    so_far: Vec<u8>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter")
            .field("dialect", &self.dialect)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}

/// What a meter knows when its answer ended.
#[derive(Debug, Default)]
pub struct Metered {
    /// The dialect that the upstream spoke.
    pub dialect: Option<Dialect>,
    /// Whether the answer was a stream.
    pub streamed: bool,
    /// What the provider reported, if it did.
    pub usage: Option<Usage>,
    /// Whether that was its last word.
    pub is_final: bool,
    /// What the request alone tells of it.
    pub assumed: Usage,
    /// The answer's bytes as far as they are held, for counting where nothing was reported.
    pub held: Vec<Bytes>,
    /// How many bytes of the answer are not held any more.
    pub forgotten: usize,
    /// When the first and the last piece of the answer came.
    pub span: Option<(Instant, Instant)>,
    /// The model that the provider said answers.
    pub model: Option<String>,
    /// The service tier that the provider said it used.
    pub tier: Option<ServiceTier>,
    /// Why the answer ended.
    pub finish: Option<FinishReason>,
    /// What other models used beside it, by their names.
    pub asides: Vec<(String, Usage)>,
}

impl Metered {
    /// The time from the first to the last piece.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.span.map_or(Duration::ZERO, |(first, last)| last.saturating_duration_since(first))
    }
}

impl Meter {
    /// A meter for an answer in this dialect.
    #[must_use]
    pub fn new(dialect: Dialect, streamed: bool) -> Self {
        Self {
            dialect,
            codec: codec(dialect),
            streamed,
            usage: None,
            is_final: false,
            first: None,
            last: None,
            held: Vec::new(),
            copied: Vec::new(),
            held_bytes: 0,
            forgotten: 0,
            model: None,
            tier: None,
            finish: None,
            so_far: Vec::new(),
        }
    }

    /// A piece of the answer came.
    pub fn chunk(&mut self, bytes: &Bytes, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
        if self.is_final {
            return;
        }
        self.held_bytes += bytes.len();
        let most = if self.streamed {
            self.copy(bytes);
            MOST_HELD
        } else {
            self.held.push(bytes.clone());
            MOST_WHOLE
        };
        if self.held_bytes > most {
            self.forgotten += self.held_bytes;
            self.held_bytes = 0;
            self.held.clear();
            self.copied.clear();
        }
    }

    /// A piece of an answer came that is heard elsewhere and not held here.
    pub fn touch(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// What an answer that is heard elsewhere said it used.
    pub fn told(&mut self, usage: &Usage) {
        self.report(usage, true);
    }

    /// What the answers of a batch used so far, all of them together.
    pub fn batched(&mut self, sum: &Usage) {
        self.usage = Some(*sum);
        self.tier = Some(ServiceTier::Batch);
        self.is_final = true;
    }

    fn copy(&mut self, bytes: &[u8]) {
        const BLOCK: usize = 4 << 10;
        match self.copied.last_mut() {
            Some(block) if block.capacity() - block.len() >= bytes.len() => block.extend_from_slice(bytes),
            _ => {
                let mut block = Vec::with_capacity(BLOCK.max(bytes.len()));
                block.extend_from_slice(bytes);
                self.copied.push(block);
            }
        }
    }

    /// One event of a stream that is not parsed: looks for usage in it.
    pub fn frame(&mut self, data: &[u8]) {
        if let Some(usage) = self.codec.find_usage(data) {
            self.report(&usage, is_last_report(self.dialect, data));
        }
    }

    /// One slice of a stream of Gemini's that is not parsed. Each tells all that was used so far, so
    /// it is read only where no other follows, or it tells something of its own.
    pub fn slice(&mut self, data: &[u8], is_last: bool) {
        match gemini_generate::so_far(data).filter(|_| !is_last) {
            Some(told) => {
                self.so_far.clear();
                self.so_far.extend_from_slice(told);
            }
            None => {
                self.catch_up();
                self.frame(data);
            }
        }
    }

    fn catch_up(&mut self) {
        let told = std::mem::take(&mut self.so_far);
        if let Some(usage) = self.codec.find_usage(&told) {
            self.report(&usage, false);
        }
    }

    /// One event of a stream that was parsed.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => {
                let is_final = self.finish.is_some() || self.dialect != Dialect::AnthropicMessages;
                self.report(usage, is_final);
            }
            Event::Start { model, service_tier, .. } => {
                self.model.clone_from(model);
                self.tier.clone_from(service_tier);
            }
            Event::Finish { finish, .. } => {
                self.finish = Some(finish.reason);
                self.is_final |= self.usage.is_some_and(|usage| usage.total_output() > 0);
            }
            _ => {}
        }
    }

    /// A whole answer is complete: looks for usage in it.
    pub fn whole(&mut self) {
        let joined;
        let body: &[u8] = match self.held.as_slice() {
            [] => return,
            [one] => one,
            many => {
                joined = many.concat();
                &joined
            }
        };
        let usage = self.codec.find_usage(body);
        self.tier = served_tier(self.dialect, body);
        if let Some(usage) = usage {
            self.report(&usage, true);
        }
    }

    /// What a parsed whole answer said.
    pub fn reply(&mut self, reply: &crate::ir::Reply) {
        if let Some(usage) = &reply.usage {
            self.report(usage, true);
        }
        self.model.clone_from(&reply.model);
        self.tier.clone_from(&reply.service_tier);
        self.finish = reply
            .candidates
            .first()
            .and_then(|candidate| candidate.finish.as_ref())
            .map(|finish| finish.reason);
    }

    fn report(&mut self, usage: &Usage, is_final: bool) {
        self.usage.get_or_insert_default().merge(usage);
        if is_final {
            self.is_final = true;
            // Nothing will have to be counted any more.
            self.held = Vec::new();
            self.copied = Vec::new();
            self.held_bytes = 0;
        }
    }

    /// Whether the first piece of the answer came.
    #[must_use]
    pub const fn first(&self) -> Option<Instant> {
        self.first
    }

    /// How many bytes the meter holds.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The end: what is known.
    #[must_use]
    pub fn finish(mut self) -> Metered {
        if !self.so_far.is_empty() {
            self.catch_up();
        }
        self.held.extend(self.copied.into_iter().map(Bytes::from));
        Metered {
            dialect: Some(self.dialect),
            streamed: self.streamed,
            usage: self.usage,
            is_final: self.is_final,
            assumed: Usage::default(),
            held: self.held,
            forgotten: self.forgotten,
            span: self.first.zip(self.last),
            model: self.model,
            tier: self.tier,
            finish: self.finish,
            asides: Vec::new(),
        }
    }
}

/// Whether a stream event that holds usage is the provider's last word on it: Anthropic tells the
/// input first and the output at the end, Gemini tells both with every event.
fn is_last_report(dialect: Dialect, data: &[u8]) -> bool {
    static DELTA: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"message_delta\""));
    static FINISH: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"finishReason\""));
    match dialect {
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::OpenaiCompletions
        | Dialect::BedrockConverse
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => true,
        Dialect::AnthropicMessages => DELTA.is_in(data),
        Dialect::GeminiGenerate => FINISH.is_in(data),
    }
}

/// The tier that a whole answer names; it stands behind the content, which may hold the word too.
fn served_tier(dialect: Dialect, body: &[u8]) -> Option<ServiceTier> {
    static TIER: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"service_tier\""));
    static SPEED: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"speed\""));
    if dialect == Dialect::GeminiGenerate {
        return None;
    }
    if dialect == Dialect::BedrockConverse {
        return bedrock_tier(body);
    }
    // Anthropic bills a fast answer of any tier at rates of its own.
    if dialect == Dialect::AnthropicMessages
        && SPEED.values(body).last().is_some_and(|speed| speed.starts_with(b"\"fast\""))
    {
        return Some(ServiceTier::Other("fast".to_owned()));
    }
    let word = TIER.values(body).last()?.strip_prefix(b"\"")?;
    Some(match word.get(..memchr::memchr(b'"', word)?)? {
        b"flex" => ServiceTier::Flex,
        b"priority" => ServiceTier::Priority,
        b"batch" => ServiceTier::Batch,
        b"default" | b"standard" => ServiceTier::Standard,
        _ => return None,
    })
}

/// The same of Bedrock, which names it in an object.
fn bedrock_tier(body: &[u8]) -> Option<ServiceTier> {
    static TIER: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"serviceTier\""));
    let object = TIER.values(body).last()?;
    let object = object.get(..memchr::memchr(b'}', object)?)?;
    let names = |word: &str| memchr::memmem::find(object, word.as_bytes()).is_some();
    if names("\"flex\"") {
        Some(ServiceTier::Flex)
    } else if names("\"priority\"") {
        Some(ServiceTier::Priority)
    } else {
        names("\"default\"").then_some(ServiceTier::Standard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_slices_that_tell_all_so_far_the_last_counts_and_searches_of_any() {
        let slice = |output: u64, more: &str| {
            let usage =
                format!(r#""promptTokenCount":5,"candidatesTokenCount":{output},"totalTokenCount":99"#);
            format!(
                r#"{{"candidates":[{{"content":{{}}{more}}}],"usageMetadata":{{{usage}}},"modelVersion":"gemini-2.5-pro"}}"#
            )
        };
        let used = |slices: &[(String, bool)]| {
            let mut meter = Meter::new(Dialect::GeminiGenerate, true);
            for (slice, is_last) in slices {
                meter.slice(slice.as_bytes(), *is_last);
            }
            let metered = meter.finish();
            let usage = metered.usage.unwrap();
            (usage.input, usage.output, usage.web_searches, metered.is_final)
        };
        let searched = slice(2, r#","groundingMetadata":{"webSearchQueries":["a"]}"#);
        let plain = |output| (slice(output, ""), false);
        let bare = (r#"{"candidates":[]}"#.to_owned(), false);
        assert_eq!(used(&[plain(1), plain(3), bare.clone()]), (5, 3, 0, false));
        assert_eq!(used(&[plain(1), (searched, false), plain(4)]), (5, 4, 1, false));
        let last = slice(7, r#","finishReason":"STOP""#);
        assert_eq!(used(&[plain(9), bare, (last, true)]), (5, 7, 0, true));
        // What a call holds of that name is no usage.
        let call = slice(2, r#","x":{"usageMetadata":{"promptTokenCount":77,"candidatesTokenCount":1}}"#);
        assert_eq!(used(&[(call, false), bare_end()]), (5, 2, 0, false));
    }

    fn bare_end() -> (String, bool) {
        (r#"{"candidates":[],"x":"finishReason"}"#.to_owned(), false)
    }

    #[test]
    fn a_fast_answer_is_served_in_a_tier_of_its_own() {
        let tier = |usage: &str| {
            let mut meter = Meter::new(Dialect::AnthropicMessages, false);
            let body = format!(r#"{{"content":[],"usage":{{"input_tokens":1,"output_tokens":2,{usage}}}}}"#);
            meter.chunk(&Bytes::from(body), crate::clock::now());
            meter.whole();
            meter.finish().tier
        };
        let fast = ServiceTier::Other("fast".to_owned());
        assert_eq!(tier(r#""service_tier":"standard","speed":"fast""#), Some(fast));
        assert_eq!(tier(r#""service_tier":"priority","speed":"standard""#), Some(ServiceTier::Priority));
    }
}
