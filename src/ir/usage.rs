//! What a call used: a partition, in which every token is in exactly one class.

use crate::units::PicoUsd;

/// How many tokens of each class a call used.
///
/// Vendors nest their counts (OpenAI's `prompt_tokens` holds the cached ones, Anthropic's
/// `input_tokens` does not). Parsers convert from the vendor's habit, renderers convert back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Text and document input, and image input that is not told apart, that was neither read from nor written to a cache.
    pub input: u64,
    /// Input read from the provider's prompt cache.
    pub cache_read: u64,
    /// Input written to the provider's prompt cache for five minutes, or an unstated time.
    pub cache_write_5m: u64,
    /// Input written to the provider's prompt cache for an hour.
    pub cache_write_1h: u64,
    /// Audio input, uncached.
    pub audio_input: u64,
    /// Image input, uncached, where the provider tells it apart.
    pub image_input: u64,
    /// Audio input read from the provider's prompt cache, where it is told apart.
    pub audio_cache_read: u64,
    /// Image input read from it, likewise.
    pub image_cache_read: u64,
    /// Output the client can see, but audio and images.
    pub output: u64,
    /// Output spent on thinking, where the provider tells it apart.
    pub reasoning: u64,
    /// Audio output.
    pub audio_output: u64,
    /// Image output.
    pub image_output: u64,
    /// Web searches that the provider made and bills by number; not tokens.
    pub web_searches: u64,
    /// Pictures made, where they are billed by number and not by token.
    pub images: u64,
    /// Characters spoken, where they are billed by number.
    pub characters: u64,
    /// Seconds of sound listened to, begun ones counted, where those are billed.
    pub seconds: u64,
    /// Searches of a reranker, each a query against a number of documents.
    pub searches: u64,
    /// What the provider itself says it charges for all of it, where it does.
    pub charged: Option<PicoUsd>,
}

/// Where the numbers of a [`Usage`] come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum UsageSource {
    /// The provider said so.
    Reported,
    /// It had said so of an answer that the cache gave once more: nothing was used.
    Cached,
    /// Counted here with the model's own vocabulary.
    Counted,
    /// Estimated here without a vocabulary.
    #[default]
    Estimated,
}

impl UsageSource {
    /// The name in records and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Cached => "cached",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

impl Usage {
    /// All input tokens, cached or not.
    #[must_use]
    pub const fn total_input(&self) -> u64 {
        self.input
            .saturating_add(self.total_cache_read())
            .saturating_add(self.cache_write())
            .saturating_add(self.audio_input)
            .saturating_add(self.image_input)
    }

    /// All input tokens read from a cache.
    #[must_use]
    pub const fn total_cache_read(&self) -> u64 {
        self.cache_read.saturating_add(self.audio_cache_read).saturating_add(self.image_cache_read)
    }

    /// All input tokens written to a cache.
    #[must_use]
    pub const fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// All output tokens, thinking included.
    #[must_use]
    pub const fn total_output(&self) -> u64 {
        self.output
            .saturating_add(self.reasoning)
            .saturating_add(self.audio_output)
            .saturating_add(self.image_output)
    }

    /// Every token.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total_input().saturating_add(self.total_output())
    }

    /// The token classes with the names they have in metrics and records.
    #[must_use]
    pub const fn classes(&self) -> [(&'static str, u64); 12] {
        [
            ("input", self.input),
            ("cache_read", self.cache_read),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
            ("audio_input", self.audio_input),
            ("image_input", self.image_input),
            ("audio_cache_read", self.audio_cache_read),
            ("image_cache_read", self.image_cache_read),
            ("output", self.output),
            ("reasoning", self.reasoning),
            ("audio_output", self.audio_output),
            ("image_output", self.image_output),
        ]
    }

    /// What is billed by number and is no token, with the names it has in metrics and records.
    #[must_use]
    pub const fn units(&self) -> [(&'static str, u64); 5] {
        [
            ("web_search", self.web_searches),
            ("image", self.images),
            ("character", self.characters),
            ("second", self.seconds),
            ("search", self.searches),
        ]
    }

    /// The places of all numbers, in the order of [`Usage::classes`] and [`Usage::units`].
    pub const fn places(&mut self) -> [&mut u64; 17] {
        [
            &mut self.input,
            &mut self.cache_read,
            &mut self.cache_write_5m,
            &mut self.cache_write_1h,
            &mut self.audio_input,
            &mut self.image_input,
            &mut self.audio_cache_read,
            &mut self.image_cache_read,
            &mut self.output,
            &mut self.reasoning,
            &mut self.audio_output,
            &mut self.image_output,
            &mut self.web_searches,
            &mut self.images,
            &mut self.characters,
            &mut self.seconds,
            &mut self.searches,
        ]
    }

    /// Takes away what a part of it used.
    pub fn take(&mut self, part: &Self) {
        let mut part = *part;
        for (place, less) in self.places().into_iter().zip(part.places()) {
            *place = place.saturating_sub(*less);
        }
    }

    /// Adds what another call used.
    pub const fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write_5m = self.cache_write_5m.saturating_add(other.cache_write_5m);
        self.cache_write_1h = self.cache_write_1h.saturating_add(other.cache_write_1h);
        self.audio_input = self.audio_input.saturating_add(other.audio_input);
        self.image_input = self.image_input.saturating_add(other.image_input);
        self.audio_cache_read = self.audio_cache_read.saturating_add(other.audio_cache_read);
        self.image_cache_read = self.image_cache_read.saturating_add(other.image_cache_read);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
        self.audio_output = self.audio_output.saturating_add(other.audio_output);
        self.image_output = self.image_output.saturating_add(other.image_output);
        self.web_searches = self.web_searches.saturating_add(other.web_searches);
        self.images = self.images.saturating_add(other.images);
        self.characters = self.characters.saturating_add(other.characters);
        self.seconds = self.seconds.saturating_add(other.seconds);
        self.searches = self.searches.saturating_add(other.searches);
        self.charged = match (self.charged, other.charged) {
            (Some(own), Some(other)) => Some(PicoUsd(own.0.saturating_add(other.0))),
            (own, other) => {
                if own.is_some() {
                    own
                } else {
                    other
                }
            }
        };
    }

    /// Takes over what a later report of the same call says.
    ///
    /// Reports are cumulative and replace one another, input and output apart: a last event that
    /// tells only the output must not wipe out the input that the first one told, nor one that
    /// tells the input without its cached part. Else the last one holds, though it be lower: Gemini
    /// corrects both what it read and what it thought.
    pub const fn merge(&mut self, later: &Self) {
        let is_whole = later.cache_read >= self.cache_read && later.cache_write() >= self.cache_write();
        if later.total_input() > 0 && (is_whole || later.total_input() >= self.total_input()) {
            self.input = later.input;
            self.cache_read = later.cache_read;
            // A report that tells no times counts all writes as short; what was known stays known.
            let known_1h = if later.cache_write_1h == 0 && later.cache_write_5m >= self.cache_write_1h {
                self.cache_write_1h
            } else {
                0
            };
            self.cache_write_5m = later.cache_write_5m - known_1h;
            self.cache_write_1h = later.cache_write_1h + known_1h;
            self.audio_input = later.audio_input;
            self.image_input = later.image_input;
            self.audio_cache_read = later.audio_cache_read;
            self.image_cache_read = later.image_cache_read;
        }
        if later.total_output() > 0 {
            self.output = later.output;
            self.reasoning = later.reasoning;
            self.audio_output = later.audio_output;
            self.image_output = later.image_output;
        }
        if later.web_searches > self.web_searches {
            self.web_searches = later.web_searches;
        }
        if later.images > 0 {
            self.images = later.images;
        }
        if later.characters > 0 {
            self.characters = later.characters;
        }
        if later.seconds > 0 {
            self.seconds = later.seconds;
        }
        if later.searches > 0 {
            self.searches = later.searches;
        }
        if later.charged.is_some() {
            self.charged = later.charged;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_output_alone_keeps_the_input_told_before() {
        let mut usage = Usage { input: 3, cache_read: 1000, output: 1, ..Usage::default() };
        usage.merge(&Usage { output: 15, reasoning: 5, ..Usage::default() });
        assert_eq!(usage, Usage { input: 3, cache_read: 1000, output: 15, reasoning: 5, ..Usage::default() });
    }

    #[test]
    fn a_lower_report_of_input_holds_unless_it_lacks_the_cached_part() {
        let mut usage = Usage { input: 169, ..Usage::default() };
        usage.merge(&Usage { input: 79, output: 12, ..Usage::default() });
        assert_eq!((usage.input, usage.output), (79, 12));
        let mut usage = Usage { input: 100, cache_read: 500, ..Usage::default() };
        usage.merge(&Usage { input: 90, cache_read: 500, ..Usage::default() });
        assert_eq!((usage.input, usage.cache_read), (90, 500));
        usage.merge(&Usage { input: 90, output: 3, ..Usage::default() });
        assert_eq!(usage.cache_read, 500);
    }

    #[test]
    fn the_last_report_of_output_holds() {
        let mut usage = Usage { input: 8, output: 1219, reasoning: 244, ..Usage::default() };
        usage.merge(&Usage { input: 8, output: 1219, reasoning: 167, ..Usage::default() });
        assert_eq!(usage.total(), 1394);
        usage.merge(&Usage { input: 8, ..Usage::default() });
        assert_eq!(usage.total(), 1394, "a report without output says nothing of it");
    }

    #[test]
    fn a_report_without_cache_times_keeps_the_times_told_before() {
        let mut usage = Usage { input: 6, cache_write_5m: 70, cache_write_1h: 2600, ..Usage::default() };
        usage.merge(&Usage { input: 6, cache_write_5m: 2670, output: 92, ..Usage::default() });
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (70, 2600));
        usage.merge(&Usage { input: 9, cache_write_5m: 2700, output: 99, ..Usage::default() });
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (100, 2600));
    }

    #[test]
    fn classes_add_up_to_the_total() {
        let usage = Usage {
            input: 1,
            cache_read: 2,
            cache_write_5m: 4,
            cache_write_1h: 8,
            audio_input: 16,
            output: 32,
            reasoning: 64,
            audio_output: 128,
            image_output: 256,
            image_input: 512,
            audio_cache_read: 1024,
            image_cache_read: 2048,
            web_searches: 9,
            ..Usage::default()
        };
        assert_eq!(usage.total(), 4095);
        assert_eq!(usage.classes().iter().map(|(_, tokens)| tokens).sum::<u64>(), usage.total());
    }
}
