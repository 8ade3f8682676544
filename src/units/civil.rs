//! Dates of the calendar, and moments as RFC 3339 writes them; all in UTC, and none before 1970.

const DAY: u64 = 86_400;
/// From 1 March of the year 0 to 1 January 1970: eras of 400 years begin in a March, so that leap days
/// are the last of their years.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_IN_ERA: u64 = 146_097;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The year, from 1970.
    pub year: u64,
    /// The month, from 1 to 12.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
}

impl Date {
    /// The date of a day, counted from 1 January 1970, which is day 0.
    #[must_use]
    pub const fn of(days: u64) -> Self {
        let shifted = days + DAYS_BEFORE_1970;
        let (era, of_era) = (shifted / DAYS_IN_ERA, shifted % DAYS_IN_ERA);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let (month, more) = if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
        Self { year: era * 400 + year + more, month, day }
    }

    /// The day that has this date, counted as above; a date that no month has is that many days after
    /// its first, and what is before 1970 is day 0.
    #[must_use]
    pub const fn days(self) -> u64 {
        let (year, from_march) =
            if self.month > 2 { (self.year, self.month - 3) } else { (self.year - 1, self.month + 9) };
        let (era, of_era) = (year / 400, year % 400);
        let of_year = (153 * from_march + 2) / 5 + self.day - 1;
        let days = era * DAYS_IN_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        days.saturating_sub(DAYS_BEFORE_1970)
    }

    /// The date of these numbers, if there is one.
    fn checked([year, month, day]: [u64; 3]) -> Option<Self> {
        let plausible = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        let date = Self { year, month, day };
        (plausible && Self::of(date.days()) == date).then_some(date)
    }
}

/// Seconds since 1970 as HTTP writes them: `Sun, 30 Aug 2015 12:36:00 GMT`.
#[must_use]
pub fn http_date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = seconds / DAY;
    let Date { year, month, day } = Date::of(days);
    let name = |names: &[&'static str], place: u64| {
        usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
    };
    let (weekday, month) = (name(&DAYS, days % 7), name(&MONTHS, month - 1));
    let second = seconds % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Seconds since 1970 as `2015-08-30T12:36:00Z`.
#[must_use]
pub fn rfc3339(seconds: u64) -> String {
    let Date { year, month, day } = Date::of(seconds / DAY);
    let second = seconds % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The seconds since 1970 of a moment such as `2015-08-30T12:36:00Z`, whose parts of a second are
/// dropped. It may be that of another zone (`+02:00`); one without a zone is in UTC, too. `None` for
/// another form, what no clock shows, or a moment before 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let (time, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let days = Date::checked(numbers(date, '-')?)?.days();
    let [hour, minute, second] = numbers(time, ':')?;
    // A leap second is the 60th.
    let on_a_clock = hour < 24 && minute < 60 && second <= 60;
    let seconds = on_a_clock.then(|| days * DAY + hour * 3600 + minute * 60 + second)?;
    seconds.checked_add_signed(-ahead(zone)?)
}

/// Seconds by which a zone is ahead of UTC.
fn ahead(zone: &str) -> Option<i64> {
    let (sign, spelt) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", spelt)) => (1, spelt),
        Some(("-", spelt)) => (-1, spelt),
        Some(_) => return None,
    };
    let (hours, minutes) = spelt.split_once(':')?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    Some(sign * i64::try_from(seconds).ok()?)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(number);
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// The number that digits say; a sign belongs to none.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_has_names_for_days_and_months() {
        assert_eq!(http_date(1_440_938_160), "Sun, 30 Aug 2015 12:36:00 GMT");
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_440_938_160, "2015-08-30T12:36:00Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (1_760_000_000, "2025-10-09T08:53:20Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(parse_rfc3339(text), Some(seconds));
        }
    }

    #[test]
    fn a_moment_may_have_parts_of_a_second_and_a_zone() {
        for (text, seconds) in [
            ("2024-02-29T12:34:56.789+00:00", 1_709_210_096),
            ("2024-02-29T12:00:01.5Z", 1_709_208_001),
            ("2026-02-03T16:43:35.619357Z", 1_770_137_015),
            ("2025-10-09T01:53:20.123456789-07:00", 1_760_000_000),
            ("2025-10-09T10:53:20+02:00", 1_760_000_000),
            ("2025-10-09t14:23:20+05:30", 1_760_000_000),
            (" 2025-10-09 08:53:20z ", 1_760_000_000),
            ("2025-10-09T08:53:20", 1_760_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800),
            ("1970-01-01T01:00:00+01:00", 0),
        ] {
            assert_eq!(parse_rfc3339(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_on_no_calendar_and_no_clock_is_no_moment() {
        for wrong in [
            "",
            "2025",
            "2024-02-29",
            "2025-13-01T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2025-04-31T00:00:00Z",
            "2025-10-09Tnoon",
            "2025-10-09T24:00:00Z",
            "2025-10-09T10:60:00Z",
            "2025-10-09T10:00:61Z",
            "2025-10-09T99999999999999999999:0:0Z",
            "2025-10-09T+1:00:00Z",
            "2025-10-09T10:53:20+2",
            "2025-10-09T10:53:20+24:00",
            "2025-10-09T10:53:20Zulu",
            "1969-01-01T00:00:00Z",
            "1812-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:59:59+01:00",
            "x-y-zT1:2:3Z",
        ] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_has_one_date() {
        let mut before = Date { year: 1969, month: 12, day: 31 };
        for days in 0..200_000 {
            let date = Date::of(days);
            assert_eq!(date.days(), days);
            let follows = (date.year, date.month, date.day) > (before.year, before.month, before.day);
            assert!(follows && (date.day == before.day + 1 || date.day == 1), "{before:?} {date:?}");
            before = date;
        }
    }
}
