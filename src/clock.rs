//! The only reader of time and randomness.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::units::civil::Date;

/// A moment of the monotonic clock.
#[must_use]
#[allow(clippy::disallowed_methods)]
pub fn now() -> Instant {
    Instant::now()
}

/// A moment in milliseconds of this process, never zero; for what is kept in one atomic number.
#[must_use]
pub fn ticks(moment: Instant) -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let begun = BEGUN.get_or_init(now);
    // The process began a while before anybody asked.
    let since = moment.saturating_duration_since(*begun) + Duration::from_secs(1);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
#[must_use]
#[allow(clippy::disallowed_methods)]
pub fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Nanoseconds since 1970.
#[must_use]
#[allow(clippy::disallowed_methods)]
pub fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 1970.
#[must_use]
pub fn unix_seconds() -> u64 {
    unix_millis() / 1000
}

/// A moment as RFC 3339 in UTC with milliseconds: `2026-11-22T14:55:00.123Z`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Timestamp([u8; 24]);

/// Writes a moment as RFC 3339; right until the year 9999.
#[must_use]
pub fn rfc3339(unix_millis: u64) -> Timestamp {
    let (seconds, millis) = (unix_millis / 1000, unix_millis % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let Date { year, month, day } = Date::of(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let (hour, minute) = (second / 3600, second / 60 % 60);
    // Pairs of digits; the last two overlap, as three digits do not come in pairs.
    let pairs = [
        (0, year / 100),
        (2, year),
        (5, month),
        (8, day),
        (11, hour),
        (14, minute),
        (17, second % 60),
        (20, millis / 10),
        (21, millis),
    ];
    for (place, number) in pairs {
        if let Some(digits) = text.get_mut(place..place + 2) {
            digits.copy_from_slice(&two(number));
        }
    }
    Timestamp(text)
}

/// The last two digits of a number.
#[allow(clippy::cast_possible_truncation)]
const fn two(number: u64) -> [u8; 2] {
    let number = (number % 100) as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

impl Timestamp {
    /// The moment as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A number nobody can foretell well enough to matter; not for keys.
#[must_use]
pub fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    STATE.with(|state| {
        let mut x = state.get();
        if x == 0 {
            // The standard library seeds its hashers from the system's entropy.
            x = RandomState::new().build_hasher().finish() | 1;
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    })
}

/// A word that nobody can guess: 32 hexadecimal digits of the system's entropy, or "" where there is
/// none.
#[must_use]
pub fn secret() -> String {
    let mut bytes = [0; 16];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => format!("{:032x}", u128::from_be_bytes(bytes)),
        Err(_) => String::new(),
    }
}

/// 256 bits of the system's entropy; `None` where there is none.
#[must_use]
pub fn secret_bits() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

/// The id of one request: 24 letters and digits, unique for all practical purposes. The first nine are
/// the time when it was made, so that what is kept under it is found again by that.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 24]);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RequestId {
    /// How many of its digits are its time.
    const TIME: usize = 9;

    /// A fresh id.
    #[must_use]
    pub fn fresh() -> Self {
        Self::of(unix_millis())
    }

    /// A fresh id of this time, in milliseconds since 1970.
    #[must_use]
    pub fn of(at: u64) -> Self {
        let digit = |bits: u128| DIGITS.get((bits & 31) as usize).copied().unwrap_or(b'0');
        let mut id = [b'0'; 24];
        let (time, rest) = id.split_at_mut(Self::TIME);
        let mut bits = u128::from(at);
        for place in time.iter_mut().rev() {
            *place = digit(bits);
            bits >>= 5;
        }
        let mut bits = (u128::from(random()) << 64) | u128::from(random());
        for place in rest {
            *place = digit(bits);
            bits >>= 5;
        }
        Self(id)
    }

    /// When it was made, in milliseconds since 1970, if it was made here.
    #[must_use]
    pub fn at(&self) -> u64 {
        let value = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).unwrap_or(0) as u64;
        self.0.iter().take(Self::TIME).fold(0, |at, byte| (at << 5) | value(byte))
    }

    /// The id that this text is, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id: [u8; 24] = text.as_bytes().try_into().ok()?;
        id.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()).then_some(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        assert_eq!(rfc3339(0).as_str(), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_096_789).as_str(), "2024-02-29T12:34:56.789Z");
        assert_eq!(rfc3339(4_102_444_799_000).as_str(), "2099-12-31T23:59:59.000Z");
    }

    #[test]
    fn ids_differ_and_hold_word_characters_only() {
        let (a, b) = (RequestId::fresh(), RequestId::fresh());
        assert_ne!(a, b);
        assert_eq!(a.as_str().len(), 24);
        assert!(a.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
