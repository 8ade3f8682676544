//! What a response of a realtime session used.

use crate::dialect::{codec, openai_media};
use crate::ir::{Dialect, Usage};
use crate::wire::json::Counts;

/// Reads the `usage` of a `response.done`: words, sound and pictures, from the cache and not.
pub(super) fn of_response(usage: &[u8]) -> Option<Usage> {
    let counts = Counts::prefix(usage)?;
    let detail = |name: &str| counts.at(&["input_token_details", name]);
    let cached_detail = |name: &str| counts.at(&["input_token_details", "cached_tokens_details", name]);
    let (input, output) = (counts.at(&["input_tokens"]), counts.at(&["output_tokens"]));
    let cached = detail("cached_tokens").min(input);
    let audio_cache_read = cached_detail("audio_tokens").min(cached);
    let image_cache_read = cached_detail("image_tokens").min(cached - audio_cache_read);
    let fresh = input - cached;
    let audio_input = detail("audio_tokens").saturating_sub(audio_cache_read).min(fresh);
    let image_input = detail("image_tokens").saturating_sub(image_cache_read).min(fresh - audio_input);
    let reasoning = counts.at(&["output_token_details", "reasoning_tokens"]).min(output);
    let audio_output = counts.at(&["output_token_details", "audio_tokens"]).min(output - reasoning);
    let usage = Usage {
        input: fresh - audio_input - image_input,
        cache_read: cached - audio_cache_read - image_cache_read,
        audio_input,
        image_input,
        audio_cache_read,
        image_cache_read,
        output: output - reasoning - audio_output,
        reasoning,
        audio_output,
        ..Usage::default()
    };
    (usage.total() > 0).then_some(usage)
}

/// Reads the `usage` of a transcript of what the client said: tokens or seconds.
pub(super) fn of_transcript(usage: &[u8]) -> Option<Usage> {
    openai_media::find_transcript_usage(&[b"{\"usage\":", usage, b"}"].concat())
}

/// Reads a `usageMetadata`.
pub(super) fn of_gemini(usage: &[u8]) -> Option<Usage> {
    let usage = codec(Dialect::GeminiGenerate).find_usage(&[b"{\"usageMetadata\":", usage, b"}"].concat())?;
    (usage.total() > 0).then_some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cached_is_told_apart_by_what_it_was() {
        let usage = br#"{"total_tokens":253,"input_tokens":132,"output_tokens":121,
            "input_token_details":{"text_tokens":90,"audio_tokens":30,"image_tokens":12,"cached_tokens":64,
            "cached_tokens_details":{"text_tokens":50,"audio_tokens":10,"image_tokens":4}},
            "output_token_details":{"text_tokens":30,"audio_tokens":91}}"#;
        let expected = Usage {
            input: 40,
            cache_read: 50,
            audio_input: 20,
            audio_cache_read: 10,
            image_input: 8,
            image_cache_read: 4,
            output: 30,
            audio_output: 91,
            ..Usage::default()
        };
        assert_eq!(of_response(usage), Some(expected));
        assert_eq!(expected.total(), 253);
    }

    #[test]
    fn numbers_that_contradict_each_other_still_add_up() {
        let usage = br#"{"input_tokens":10,"output_tokens":5,"input_token_details":{"audio_tokens":99,"cached_tokens":7,
            "cached_tokens_details":{"audio_tokens":9,"image_tokens":9}},"output_token_details":{"audio_tokens":50}}"#;
        let usage = of_response(usage).unwrap();
        assert_eq!((usage.total_input(), usage.total_output()), (10, 5));
        assert_eq!((usage.audio_cache_read, usage.audio_input, usage.audio_output), (7, 3, 5));
        assert_eq!(of_response(b"null"), None);
        assert_eq!(of_response(br#"{"input_tokens":0}"#), None);
    }

    #[test]
    fn gemini_tells_what_was_said_aloud() {
        let usage = br#"{"promptTokenCount":100,"responseTokenCount":40,"totalTokenCount":140,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":60},{"modality":"AUDIO","tokenCount":40}],
            "responseTokensDetails":[{"modality":"AUDIO","tokenCount":40}]}"#;
        let expected = Usage { input: 60, audio_input: 40, audio_output: 40, ..Usage::default() };
        assert_eq!(of_gemini(usage), Some(expected));
    }

    #[test]
    fn a_transcript_is_billed_by_its_tokens_or_its_seconds() {
        let tokens = br#"{"type":"tokens","total_tokens":22,"input_tokens":13,"input_token_details":{"text_tokens":0,"audio_tokens":13},"output_tokens":9}"#;
        assert_eq!(of_transcript(tokens), Some(Usage { audio_input: 13, output: 9, ..Usage::default() }));
        let seconds = br#"{"type":"duration","seconds":1.2}"#;
        assert_eq!(of_transcript(seconds), Some(Usage { seconds: 2, ..Usage::default() }));
    }
}
