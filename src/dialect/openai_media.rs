//! The usage that OpenAI tells of pictures and sound
//! (<https://platform.openai.com/docs/api-reference/images>, `/audio`, seen 2026-11).
//!
//! Bodies here are long and the numbers stand at their end, so that each of these also reads the
//! end of an answer alone.

use std::sync::LazyLock;

use crate::ir::Usage;
use crate::wire::json::Counts;
use crate::wire::needle::Needle;

/// Reads what a picture, or several, used: text and pictures in, pictures out.
#[must_use]
pub fn find_image_usage(json: &[u8]) -> Option<Usage> {
    let counts = find(json)?;
    let (input, output) = told(&counts)?;
    let pictures_in = counts.at(&["input_tokens_details", "image_tokens"]).min(input);
    let words_out = counts.at(&["output_tokens_details", "text_tokens"]).min(output);
    Some(Usage {
        input: input - pictures_in,
        image_input: pictures_in,
        output: words_out,
        image_output: output - words_out,
        ..Usage::default()
    })
}

/// Reads what spoken words used: text in, sound out.
#[must_use]
pub fn find_speech_usage(json: &[u8]) -> Option<Usage> {
    let (input, audio_output) = told(&find(json)?)?;
    Some(Usage { input, audio_output, ..Usage::default() })
}

/// Reads what writing down spoken words used: tokens of sound and text in, text out, or seconds.
#[must_use]
pub fn find_transcript_usage(json: &[u8]) -> Option<Usage> {
    static SECONDS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"seconds\""));
    static DURATION: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"duration\""));
    if let Some(counts) = find(json)
        && let Some((input, output)) = told(&counts)
    {
        let details = ["input_token_details", "input_tokens_details"];
        let words = details.iter().map(|name| counts.at(&[name, "text_tokens"])).max().unwrap_or_default();
        let words = words.min(input);
        return Some(Usage { input: words, audio_input: input - words, output, ..Usage::default() });
    }
    // Older models and other makers tell how long the sound was, beside the words.
    let told =
        SECONDS.values(json).last().or_else(|| DURATION.values(json).find(|value| is_number(value)))?;
    let end = told.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(told.len());
    let seconds: f64 = std::str::from_utf8(told.get(..end)?).ok()?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    let seconds = (0.0..=1e9).contains(&seconds).then(|| seconds.ceil() as u64)?;
    (seconds > 0).then(|| Usage { seconds, ..Usage::default() })
}

fn is_number(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_digit)
}

fn find(json: &[u8]) -> Option<Counts<'_>> {
    static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));
    Counts::prefix(USAGE.values(json).last()?)
}

/// The tokens in and out, if there are any.
fn told(counts: &Counts<'_>) -> Option<(u64, u64)> {
    let (input, output) = (counts.at(&["input_tokens"]), counts.at(&["output_tokens"]));
    (input > 0 || output > 0).then_some((input, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_s_tokens_are_told_apart_by_what_they_were() {
        let end = br#"AAAA"}],"output_format":"png","usage":{"input_tokens":50,"input_tokens_details":
            {"image_tokens":40,"text_tokens":10},"output_tokens":1056,"total_tokens":1106}}"#;
        let usage = find_image_usage(end).unwrap();
        assert_eq!(usage, Usage { input: 10, image_input: 40, image_output: 1056, ..Usage::default() });
        assert_eq!(find_image_usage(br#"{"created":1,"data":[]}"#), None);
    }

    #[test]
    fn a_transcript_is_billed_by_its_tokens_or_its_seconds() {
        for (body, expected) in [
            (
                r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}}"#,
                Some(Usage { input: 4, audio_input: 10, output: 45, ..Usage::default() }),
            ),
            (
                r#"{"text":"hi","usage":{"type":"duration","seconds":9}}"#,
                Some(Usage { seconds: 9, ..Usage::default() }),
            ),
            (
                r#"{"task":"transcribe","duration":8.47,"text":"\"duration\": 3","segments":[]}"#,
                Some(Usage { seconds: 9, ..Usage::default() }),
            ),
            (r#"{"text":"hi"}"#, None),
        ] {
            assert_eq!(find_transcript_usage(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn the_last_event_of_speech_tells_its_tokens() {
        let event = br#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#;
        let usage = find_speech_usage(event).unwrap();
        assert_eq!(usage, Usage { input: 14, audio_output: 101, ..Usage::default() });
    }
}
