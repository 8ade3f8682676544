//! Times as the dialect spells them (RFC 3339).

/// Seconds since 1970 as `2025-10-09T08:53:20Z`.
pub(super) fn render(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days, in eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads such a time, with or without a fraction of a second and an offset from Greenwich.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let whole = clock.split('.').next()?;
    let mut parts = whole.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let known = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let timely = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !known || !timely {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    u64::try_from(seconds).ok()
}

/// Seconds by which a zone is ahead of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let (sign, spelt) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", _)) => return Some(0),
        Some(("-", spelt)) => (-1, spelt),
        Some((_, spelt)) => (1, spelt),
    };
    let (hours, minutes) = spelt.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    Some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_760_000_000, "2025-10-09T08:53:20Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(render(seconds), text);
            assert_eq!(parse(text), Some(seconds));
        }
        assert_eq!(parse("2025-10-09T01:53:20.123456789-07:00"), Some(1_760_000_000));
        assert_eq!(parse("2025-10-09T10:53:20+02:00"), Some(1_760_000_000));
        for wrong in [
            "",
            "2025",
            "2025-13-01T00:00:00Z",
            "2025-10-09Tnoon",
            "1812-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "2025-10-09T10:53:20+2",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
