//! What a vendor's answer tells of its patience: when to come back, how much is left.

use std::time::Duration;

use http::HeaderMap;

use crate::units::civil::parse_rfc3339;

/// When the vendor asks us to come back, from whichever header it uses.
///
/// The least unclear wins: `retry-after-ms`, then `retry-after` in seconds, then the reset of
/// the window that is used up. A `retry-after` that holds a date needs a clock and is passed over.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let millis = text(headers, "retry-after-ms").and_then(|text| decimal(text, 1));
    millis.or_else(|| text(headers, "retry-after").and_then(|text| decimal(text, 1_000))).or_else(|| {
        windows(headers).filter(|window| window.remaining == Some(0)).filter_map(|window| window.reset).max()
    })
}

/// One window of a vendor's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// What is counted.
    pub unit: Unit,
    /// How many there are in a whole window.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// How long until the window is whole again; of a date nothing is known where the time is not.
    pub reset: Option<Duration>,
}

/// What a vendor's limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens of both kinds.
    Tokens,
    /// Input tokens.
    InputTokens,
    /// Output tokens.
    OutputTokens,
}

/// What is counted, and the names of limit, remaining and reset.
const WINDOWS: [(Unit, [&str; 3]); 6] = [
    (
        Unit::Requests,
        ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    ),
    (Unit::Tokens, ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]),
    (
        Unit::Requests,
        [
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ],
    ),
    (
        Unit::Tokens,
        [
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ],
    ),
    (
        Unit::InputTokens,
        [
            "anthropic-ratelimit-input-tokens-limit",
            "anthropic-ratelimit-input-tokens-remaining",
            "anthropic-ratelimit-input-tokens-reset",
        ],
    ),
    (
        Unit::OutputTokens,
        [
            "anthropic-ratelimit-output-tokens-limit",
            "anthropic-ratelimit-output-tokens-remaining",
            "anthropic-ratelimit-output-tokens-reset",
        ],
    ),
];

/// The windows that the headers tell of.
pub fn windows(headers: &HeaderMap) -> impl Iterator<Item = Window> {
    windows_at(headers, None)
}

/// The same, where it is so many seconds past 1970: for those vendors that say on which date a window is
/// whole again.
pub fn windows_at(headers: &HeaderMap, now: Option<u64>) -> impl Iterator<Item = Window> {
    let date = move |text: &str| {
        let seconds = parse_rfc3339(text)?.saturating_sub(now?);
        Some(Duration::from_secs(seconds).min(LONGEST))
    };
    WINDOWS.iter().filter_map(move |(unit, [limit, remaining, reset])| {
        let number = |name| text(headers, name).and_then(|text| text.parse().ok());
        let (limit, remaining) = (number(limit), number(remaining));
        let reset = text(headers, reset).and_then(|text| duration(text).or_else(|| date(text)));
        let told = limit.is_some() || remaining.is_some() || reset.is_some();
        told.then_some(Window { unit: *unit, limit, remaining, reset })
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A wait longer than this is a mistake, or of no use.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A decimal number of units of so many milliseconds.
fn decimal(text: &str, millis: u32) -> Option<Duration> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = plain.then(|| text.parse::<f64>().ok())?? * f64::from(millis) / 1_000.0;
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(LONGEST))
}

/// A span as OpenAI and Groq write it: `6m0s`, `1h2m3s`, `859ms`, `7.66s`, or plain seconds.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(end)?;
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        total = total.checked_add(match unit {
            "ms" => decimal(number, 1)?,
            "s" => decimal(number, 1_000)?,
            "" if total.is_zero() => decimal(number, 1_000)?,
            "m" => decimal(number, 60_000)?,
            "h" => decimal(number, 3_600_000)?,
            "d" => decimal(number, 86_400_000)?,
            _ => return None,
        })?;
        rest = tail;
    }
    (!text.is_empty()).then(|| total.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn retry_after_is_read_from_the_clearest_header() {
        let wait = |pairs| retry_after(&headers(pairs));
        assert_eq!(wait(&[("retry-after", "20")]), Some(Duration::from_secs(20)));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            wait(&[("retry-after", "20"), ("retry-after-ms", "1500")]),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            wait(&[
                ("x-ratelimit-remaining-requests", "12"),
                ("x-ratelimit-reset-requests", "1h"),
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "1m7.5s"),
            ]),
            Some(Duration::from_millis(67_500))
        );
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), None);
        assert_eq!(wait(&[("retry-after", "-1")]), None);
        assert_eq!(wait(&[("retry-after", "99999999999999")]), Some(LONGEST));
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn spans_are_read_as_vendors_write_them() {
        for (text, millis) in
            [("859ms", 859), ("7.66s", 7_660), ("6m0s", 360_000), ("1h2m3s", 3_723_000), ("2", 2_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "1x", "1s2", "2026-11-22T10:00:00Z", "..s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn windows_are_told_for_every_unit() {
        let headers = headers(&[
            ("x-ratelimit-limit-requests", "5000"),
            ("x-ratelimit-remaining-requests", "4999"),
            ("x-ratelimit-reset-requests", "12ms"),
            ("anthropic-ratelimit-input-tokens-remaining", "7"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-22T10:00:00Z"),
        ]);
        let told: Vec<_> = windows(&headers).collect();
        let requests = Window {
            unit: Unit::Requests,
            limit: Some(5000),
            remaining: Some(4999),
            reset: Some(Duration::from_millis(12)),
        };
        let input = Window { unit: Unit::InputTokens, limit: None, remaining: Some(7), reset: None };
        assert_eq!(told, [requests, input]);
        let dated: Vec<_> = windows_at(&headers, parse_rfc3339("2026-11-22T09:59:30Z")).collect();
        assert_eq!(dated.last().and_then(|window| window.reset), Some(Duration::from_secs(30)));
    }
}
