//! Moments as those who ask write them: RFC 3339, a day, seconds since 1970, or so long ago.

use crate::provider::auth::moment::parse_rfc3339;
use crate::units::parse_duration;

/// What a moment may look like.
pub const EXPECTED: &str = "expected a moment such as 2027-01-31T12:00:00Z, 2027-01-31, 1800000000 or 24h";

/// A digit more than seconds since 1970 have for a long time: they are milliseconds then.
const MILLIS: u64 = 100_000_000_000;

/// The milliseconds since 1970 that a text means at this moment.
#[must_use]
pub fn parse(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<u64>() {
        return Some(if number < MILLIS { number * 1000 } else { number });
    }
    if text == "now" {
        return Some(now);
    }
    let day = || parse_rfc3339(&format!("{text}T00:00:00Z"));
    if let Some(seconds) = parse_rfc3339(text).or_else(day) {
        return Some(seconds.saturating_mul(1000) + parts(text));
    }
    let weeks = text.strip_suffix('w').and_then(|weeks| weeks.parse::<u64>().ok());
    let span = match weeks {
        Some(weeks) => weeks.checked_mul(7 * 86_400_000)?,
        None => u64::try_from(parse_duration(text).ok()?.as_millis()).ok()?,
    };
    Some(now.saturating_sub(span))
}

/// The milliseconds behind the seconds of a moment.
fn parts(text: &str) -> u64 {
    let digits = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits: String =
        digits.chars().take_while(char::is_ascii_digit).chain("000".chars()).take(3).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_each_form() {
        let now = 1_800_000_000_123;
        for (text, millis) in [
            ("2015-08-30T12:36:00Z", Some(1_440_938_160_000)),
            ("2015-08-30T12:36:00.25Z", Some(1_440_938_160_250)),
            ("2015-08-30", Some(1_440_892_800_000)),
            ("1440938160", Some(1_440_938_160_000)),
            ("1440938160250", Some(1_440_938_160_250)),
            ("24h", Some(now - 86_400_000)),
            ("2w", Some(now - 14 * 86_400_000)),
            ("now", Some(now)),
            ("999999d", Some(0)),
            ("yesterday", None),
            ("2015-13-30", None),
            ("", None),
        ] {
            assert_eq!(parse(text, now), millis, "{text}");
        }
    }
}
