//! Newtypes for what is counted, paid and kept secret, so that a number never travels alone.

pub mod civil;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;
use std::time::Duration;

/// A price in micro-USD per million tokens; one token at price 1 costs one pico-USD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub u64);

/// An exact amount of money in pico-USD (10⁻¹² USD).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(pub u128);

impl Price {
    /// The price from micro-USD per million tokens.
    #[must_use]
    pub const fn micro_usd_per_million(value: u64) -> Self {
        Self(value)
    }

    /// What `tokens` tokens cost at this price.
    #[must_use]
    pub const fn times(self, tokens: u64) -> PicoUsd {
        PicoUsd(self.0 as u128 * tokens as u128)
    }
}

impl PicoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount as whole and fractional dollars, for gauges that only take floats.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_usd_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }
}

impl PicoUsd {
    /// The amount that a number in dollars means, written as JSON has it; what is less than a
    /// pico-USD is rounded. `None` for one that is negative, or no such number.
    #[must_use]
    pub fn from_dollars(text: &str) -> Option<Self> {
        const PLACES: i64 = 12;
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !all().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // The digit at place n counts 10^(scale - n) pico-USD.
        let scale = i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(PLACES - 1)?;
        let mut amount = 0_u128;
        for (place, byte) in (0_i64..).zip(all()).filter(|(_, byte)| *byte != b'0') {
            let digit = u128::from(byte - b'0');
            match u32::try_from(scale - place) {
                Ok(power) => {
                    let value = 10_u128.checked_pow(power)?.checked_mul(digit)?;
                    amount = amount.checked_add(value)?;
                }
                Err(_) if scale - place == -1 && digit >= 5 => amount = amount.checked_add(1)?,
                Err(_) => {}
            }
        }
        Some(Self(amount))
    }
}

impl Add for PicoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for PicoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Shows dollars exactly, without trailing zeros: `0.0153`.
impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ONE_USD: u128 = 1_000_000_000_000;
        let whole = self.0 / ONE_USD;
        let fraction = self.0 % ONE_USD;
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:012}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// A credential that can be sent to its owner but never shown.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential; surrounding white space, as left by `echo >file`, is cut.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The credential itself, for the header that must carry it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(…)" })
    }
}

/// A number of bytes, written `64KiB`, `10MB` or plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// What was wrong with a size or a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found \"{found}\"")]
pub struct BadUnit {
    expected: &'static str,
    found: String,
}

impl ByteSize {
    /// The size as a length in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn scaled(number: &str, scale: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale);
    }
    let value = number.parse::<f64>().ok()? * scale as f64;
    (value.is_finite() && value < u64::MAX as f64).then_some(value.round() as u64)
}

impl FromStr for ByteSize {
    type Err = BadUnit;

    fn from_str(text: &str) -> Result<Self, BadUnit> {
        let bad = || BadUnit { expected: "a size such as 512KiB, 10MB or 1048576", found: text.to_owned() };
        let (number, unit) = split_unit(text);
        let scale = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "kb" => 1_000,
            "m" | "mib" => 1 << 20,
            "mb" => 1_000_000,
            "g" | "gib" => 1 << 30,
            "gb" => 1_000_000_000,
            _ => return Err(bad()),
        };
        scaled(number, scale).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scale, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}B", self.0)
    }
}

/// Reads a duration such as `250ms`, `30s`, `5m` or `1h`; a plain number is seconds.
///
/// # Errors
/// When the number or its unit is not one of these.
pub fn parse_duration(text: &str) -> Result<Duration, BadUnit> {
    let bad = || BadUnit { expected: "a duration such as 250ms, 30s, 5m or 1h", found: text.to_owned() };
    let (number, unit) = split_unit(text);
    let scale = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    scaled(number, scale).map(Duration::from_millis).ok_or_else(bad)
}

/// What workers change all the time, in a cache line of its own: what others read beside it would
/// cost them a miss each time. Processors fetch lines in pairs, hence two of them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Apart<T>(pub T);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_and_shows_no_trailing_zeros() {
        let cost = Price(3_000_000).times(100) + Price(15_000_000).times(300);
        assert_eq!(cost, PicoUsd(4_800_000_000));
        assert_eq!(cost.to_string(), "0.0048");
        assert_eq!(PicoUsd(2_000_000_000_000).to_string(), "2");
        assert_eq!(PicoUsd(1).to_string(), "0.000000000001");
    }

    #[test]
    fn dollars_are_read_exactly() {
        for (text, pico) in [
            ("0", Some(0)),
            ("1", Some(1_000_000_000_000)),
            ("0.00014", Some(140_000_000)),
            ("1.4e-04", Some(140_000_000)),
            ("12.5E1", Some(125_000_000_000_000)),
            ("0.0000000000015", Some(2)),
            ("0.0000000000004", Some(0)),
            ("1e-400", Some(0)),
            ("-1", None),
            ("1e99", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(PicoUsd::from_dollars(text).map(|amount| amount.0), pico, "{text}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("sk-very-secret\n")), "Secret(…)");
        assert_eq!(Secret::new("sk-very-secret\n").expose(), "sk-very-secret");
    }

    #[test]
    fn sizes_and_durations_know_their_units() {
        assert_eq!("64KiB".parse(), Ok(ByteSize(65_536)));
        assert_eq!("10MB".parse(), Ok(ByteSize(10_000_000)));
        assert_eq!("1.5 GiB".parse(), Ok(ByteSize(1_610_612_736)));
        assert!("10 elephants".parse::<ByteSize>().is_err());
        assert!("".parse::<ByteSize>().is_err());
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("5 fortnights").is_err());
    }
}
