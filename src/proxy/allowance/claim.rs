//! What a request may come to at most, read from its body in one cheap look.

use crate::account::cost;
use crate::account::count::{Calibration, Class, estimate, scale};
use crate::catalog::PriceTable;
use crate::ir::{ServiceTier, Usage};
use crate::policy::Claim;
use crate::units::{PicoUsd, Price};
use crate::wire::json;
use crate::wire::lens::Lens;

/// No model is known to say more than this at once; an answer of a model that nobody knows is taken to
/// be no longer.
const LONGEST: u64 = 131_072;
/// What an answer is taken to be that nothing at all is known of.
const USUAL: u64 = 4096;
/// A text of at least this many bytes may be no words but a picture, a document or sound.
const MEDIA: usize = 1024;
/// The head of a data address is no longer than this.
const DATA_HEAD: usize = 128;
/// The lines in which base64 may be written have at least so many letters, but for the last.
const SHORTEST_LINE: usize = 60;
/// A picture's tokens are hardly fewer than this many, and its bytes hardly more a token.
const MEDIA_TOKENS: u64 = 800;
const MEDIA_BYTES: u64 = 40;

/// The fields that bound an answer, in any dialect, and the objects that they may stand in.
const CAPS: [&str; 9] = [
    "max_completion_tokens",
    "max_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "maxTokens",
    "max_tokens_to_sample",
    "num_predict",
    "max_gen_len",
    "budget_tokens",
];
const HOLDERS: [&str; 8] = [
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "additionalModelRequestFields",
    "options",
    "thinking",
    "reasoning",
    "params",
];
/// The fields that say how many answers there shall be.
const COUNTS: [&str; 4] = ["n", "best_of", "candidateCount", "candidate_count"];

/// How a body bounds its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The largest bound of one answer, in tokens; a nonsensical one is none.
    cap: Option<u64>,
    /// How many answers there shall be.
    count: u64,
}

impl Bounds {
    /// Those of a body that is none of JSON.
    pub(super) const NONE: Self = Self { cap: None, count: 1 };

    /// Those that stand in a body, in any dialect.
    pub(super) fn of(body: &Lens<'_>) -> Self {
        let (mut cap, mut count) = (None, 1);
        let mut look = |lens: &Lens<'_>| {
            let bounds = CAPS.iter().filter_map(|name| lens.u64(name)).filter(|bound| *bound > 0);
            cap = cap.max(bounds.max());
            let counts = COUNTS.iter().filter_map(|name| lens.u64(name));
            count = counts.max().unwrap_or(1).max(count);
        };
        look(body);
        for holder in HOLDERS.iter().filter_map(|name| body.raw(name)) {
            if let Ok(inner) = Lens::new(holder.as_bytes()) {
                look(&inner);
            }
        }
        Self { cap, count: count.saturating_mul(prompts(body)) }
    }
}

/// How long the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    /// In tokens, all answers together.
    pub(super) tokens: u64,
    /// Whether the request says so itself.
    pub(super) is_capped: bool,
}

/// How long the answer to a body with these bounds may be: as they say; else what such answers have come
/// to (`usual`); never more than the model says (`most`).
pub(super) fn length(bounds: Bounds, most: Option<u64>, usual: Option<u64>) -> Length {
    let Bounds { cap, count } = bounds;
    let most = most.filter(|most| *most > 0);
    let longest = most.unwrap_or(LONGEST);
    let one = cap.or(usual).or(most).unwrap_or(USUAL).min(longest);
    Length { tokens: one.saturating_mul(count), is_capped: cap.is_some() }
}

/// How many prompts a text completion has: each gets an answer of its own.
fn prompts(lens: &Lens<'_>) -> u64 {
    let list = lens.raw("prompt").filter(|raw| raw.starts_with('['));
    let Some(Ok(list)) = list.map(|raw| json::parse(raw.as_bytes())) else { return 1 };
    // A list of numbers is one prompt, in tokens.
    let each = list.elements().iter().filter(|one| one.is_string() || one.is_array());
    each.count().max(1) as u64
}

/// About how many tokens a body has, rather too many than too few: its JSON counts too.
pub(super) fn input(body: &[u8], model: &str, calibration: &Calibration) -> u64 {
    let Ok(text) = simdutf8::basic::from_utf8(body) else {
        return body.len() as u64 / MEDIA_BYTES + MEDIA_TOKENS;
    };
    let (mut words, mut media, mut from, mut at) = (0, 0, 0, 0);
    for end in memchr::memchr_iter(b'"', body).chain([body.len()]) {
        // Most pieces are far too short.
        if end - at >= MEDIA && text.get(at..end).is_some_and(is_media) {
            words += estimate::tokens(text.get(from..at).unwrap_or_default());
            media += MEDIA_TOKENS + (end - at) as u64 / MEDIA_BYTES;
            from = end;
        }
        at = end + 1;
    }
    words += estimate::tokens(text.get(from..).unwrap_or_default());
    let factor = calibration.factor(model, Class::Latin).max(1.0);
    scale(words, factor * 1.1) + media + 16
}

/// Whether a text is no words: past the head of a data address all of it is base64, in one of the two
/// alphabets, in JSON's form and perhaps in lines.
fn is_media(text: &str) -> bool {
    let head = text.get(..DATA_HEAD).filter(|head| head.starts_with("data:"));
    let head = head.and_then(|head| head.find(',')).map_or(0, |comma| comma + 1);
    let Some(data) = text.as_bytes().get(head..).filter(|_| text.len() >= MEDIA) else { return false };
    // Words have a space soon.
    if memchr::memchr(b' ', data.get(..DATA_HEAD).unwrap_or(data)).is_some() {
        return false;
    }
    let (mut is_standard, mut is_for_urls, mut line) = (true, true, 0);
    for (number, piece) in data.split(|byte| *byte == b'\\').enumerate() {
        let own = match piece.first() {
            _ if number == 0 => Some(piece),
            Some(b'/') => piece.get(1..),
            // Lines of words are shorter.
            Some(b'n' | b'r') if line == 0 || line >= SHORTEST_LINE => {
                line = 0;
                piece.get(1..)
            }
            Some(b'u') => piece.split_at_checked(5).filter(|(sign, _)| is_sign(sign)).map(|(_, own)| own),
            Some(_) | None => None,
        };
        let Some(own) = own else { return false };
        line += own.len();
        // Without a branch for each byte, since such a text may be long.
        for chunk in own.chunks(256) {
            let all = |[one, other]: [u8; 2]| {
                let fits =
                    |byte: u8| byte.is_ascii_alphanumeric() || byte == one || byte == other || byte == b'=';
                chunk.iter().fold(true, |fine, byte| fine & fits(*byte))
            };
            is_standard = is_standard && all(*b"+/");
            is_for_urls = is_for_urls && all(*b"-_");
            if !is_standard && !is_for_urls {
                return false;
            }
        }
    }
    true
}

/// Whether this is how writers of JSON escape one of the signs of base64.
fn is_sign(escaped: &[u8]) -> bool {
    [b"u002b", b"u002f", b"u003d"].iter().any(|sign| escaped.eq_ignore_ascii_case(*sign))
}

/// What a request may cost at these prices: the dearest classes of input and output, and what it tells
/// to be billed by number.
pub(super) fn price(
    claim: &mut Claim,
    prices: &PriceTable,
    tier: Option<&ServiceTier>,
    units: &Usage,
    marks: bool,
) {
    let rates = prices.rates(claim.tokens_in, tier);
    let dearest = |rates: &[Option<Price>]| rates.iter().flatten().max().copied().unwrap_or_default();
    // Nothing is written to a cache at a price of its own that was not marked for it.
    let written = if marks { [rates.cache_write_5m, rates.cache_write_1h] } else { [None, None] };
    let [short, long] = written;
    let input = dearest(&[rates.input, short, long, rates.audio_input, rates.image_input]);
    let output = dearest(&[rates.output, rates.reasoning, rates.audio_output, rates.image_output]);
    let units = cost::cost(units, prices, tier);
    let pico = |amount: PicoUsd| u64::try_from(amount.0).unwrap_or(u64::MAX);
    let asked = input.times(claim.tokens_in) + units;
    claim.usd = claim.usd.max(pico(asked + output.times(claim.tokens_out)));
    claim.least_usd = claim.least_usd.max(pico(asked + output.times(claim.tokens_out.min(1))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str, most: Option<u64>, usual: Option<u64>) -> (u64, bool) {
        let lens = Lens::new(body.as_bytes()).unwrap();
        let Length { tokens, is_capped } = length(Bounds::of(&lens), most, usual);
        (tokens, is_capped)
    }

    #[test]
    fn the_largest_bound_of_all_counts() {
        for (body, expected) in [
            (r#"{"max_tokens":10}"#, (10, true)),
            (r#"{"max_tokens":10,"max_completion_tokens":90}"#, (90, true)),
            (r#"{"max_tokens":0,"max_completion_tokens":90}"#, (90, true)),
            (r#"{"max_tokens":1e3}"#, (1000, true)),
            (r#"{"generationConfig":{"maxOutputTokens":50,"candidateCount":3}}"#, (150, true)),
            (r#"{"inferenceConfig":{"maxTokens":7}}"#, (7, true)),
            (r#"{"max_tokens":100,"n":4}"#, (400, true)),
            (r#"{"max_tokens":100,"n":2,"best_of":5}"#, (500, true)),
            (r#"{"max_tokens":10,"prompt":["a","b","c"],"n":2}"#, (60, true)),
            (r#"{"max_tokens":10,"prompt":[1,2,3]}"#, (10, true)),
            (r#"{"max_tokens":100,"thinking":{"budget_tokens":900}}"#, (900, true)),
        ] {
            assert_eq!(told(body, Some(8000), None), expected, "{body}");
        }
    }

    #[test]
    fn a_bound_that_is_none_leaves_what_is_usual() {
        for body in [
            "{}",
            r#"{"max_tokens":0}"#,
            r#"{"max_tokens":-5}"#,
            r#"{"max_tokens":"9"}"#,
            r#"{"max_tokens":null}"#,
        ] {
            assert_eq!(told(body, Some(8000), Some(256)), (256, false), "{body}");
            assert_eq!(told(body, Some(8000), None), (8000, false), "{body}");
            assert_eq!(told(body, None, None), (USUAL, false), "{body}");
        }
        assert_eq!(length(Bounds::NONE, None, Some(7)).tokens, 7);
    }

    #[test]
    fn an_absurd_bound_is_what_the_model_can_say() {
        for bound in ["1e18", "18446744073709551615", "999999999"] {
            let body = format!(r#"{{"max_tokens":{bound}}}"#);
            assert_eq!(told(&body, Some(8000), Some(256)), (8000, true), "{body}");
            assert_eq!(told(&body, None, None), (LONGEST, true), "{body}");
        }
        assert_eq!(told(r#"{"max_tokens":9,"n":18446744073709551615}"#, None, None), (u64::MAX, true));
    }

    #[test]
    fn a_picture_is_not_counted_as_words() {
        let calibration = Calibration::default();
        let words = input(
            br#"{"messages":[{"role":"user","content":"Say hello to the world, please."}]}"#,
            "m",
            &calibration,
        );
        assert!((20..60).contains(&words), "{words}");
        let chinese = format!(r#"{{"messages":[{{"content":"{}"}}]}}"#, "\u{6f22}\u{5b57}".repeat(5000));
        let tokens = input(chinese.as_bytes(), "m", &calibration);
        assert!(tokens > 5000, "{tokens}");
        let picture =
            format!(r#"{{"messages":[{{"url":"data:image/png;base64,{}"}}]}}"#, "iVBORw0KGgo".repeat(10_000));
        let tokens = input(picture.as_bytes(), "m", &calibration);
        assert!((800..4000).contains(&tokens), "{tokens}");
    }

    #[test]
    fn words_behind_what_looks_like_a_picture_are_counted() {
        let words = "Not a picture at all. ".repeat(1000);
        let junk = "QUJD".repeat(400);
        let tall = "word\\n".repeat(1000);
        for text in
            [format!("{junk}{words}"), format!("{words}{junk}"), tall, format!("data:,{junk}\\u0041{words}")]
        {
            assert!(!is_media(&text), "{}", &text[..40]);
        }
        let picture = "iVBORw0KGgo".repeat(200);
        let lines = format!("{}\\r\\n", &picture[..76]).repeat(20) + "QUI=";
        for media in [
            picture.clone(),
            format!("data:image/png;base64,{picture}"),
            picture.replace('K', "\\/"),
            picture.replace('K', "\\u002B") + "\\u003d",
            picture.replace('K', "/").replace('g', "+"),
            picture.replace('K', "_").replace('g', "-"),
            format!("data:application/pdf;name=a%20file.pdf;base64,{lines}"),
            lines,
        ] {
            assert!(is_media(&media), "{}", &media[..40]);
        }
        let mixed = picture.replace('K', "_").replace('g', "+");
        assert!(!is_media(&mixed) && !is_media(&picture[..900]));
    }

    #[test]
    fn the_dearest_class_is_reserved_and_never_too_little() {
        let prices = PriceTable::flat(Price(3_000_000), Price(15_000_000));
        let mut claim = Claim { tokens_in: 10, tokens_out: 100, ..Claim::default() };
        price(&mut claim, &prices, None, &Usage::default(), false);
        assert_eq!((claim.usd, claim.least_usd), (1_530_000_000, 45_000_000));
        let mut absurd = Claim { tokens_in: u64::MAX, tokens_out: u64::MAX, ..Claim::default() };
        price(&mut absurd, &prices, None, &Usage::default(), false);
        assert_eq!(absurd.usd, u64::MAX);
    }
}
