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
    fn the_last_event_of_speech_tells_its_tokens() {
        let event = br#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#;
        let usage = find_speech_usage(event).unwrap();
        assert_eq!(usage, Usage { input: 14, audio_output: 101, ..Usage::default() });
    }
}
