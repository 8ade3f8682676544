//! How time is cut for limits and budgets: into slices, some of which count at any moment. All in UTC,
//! which knows no summer time.

use crate::units::civil::Date;

/// How long something is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days, by the calendar from Monday.
    Week,
    /// A month of the calendar, or 30 days.
    Month,
    /// For ever: nothing of it is forgotten.
    Ever,
}

/// Where a period begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// With the clock and the calendar: at the full minute, at midnight, on the first of the month.
    Calendar,
    /// So long ago, at every moment.
    Rolling,
}

/// A period and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// How long.
    pub period: Period,
    /// From when on.
    pub shape: Shape,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// 1970 began on a Thursday, three days after the Monday of its week.
const DAYS_TO_MONDAY: u64 = 3;

impl Period {
    /// Every period.
    pub const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Ever];

    /// The word for it in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Ever => "ever",
        }
    }

    /// The seconds of a slice of a rolling period, and how many slices it has.
    const fn slices(self) -> (u64, u64) {
        match self {
            Self::Minute => (5, 12),
            Self::Hour => (5 * MINUTE, 12),
            Self::Day => (HOUR, 24),
            Self::Week => (6 * HOUR, 28),
            Self::Month => (DAY, 30),
            Self::Ever => (u64::MAX, 0),
        }
    }
}

impl Span {
    /// The slice of a moment, in seconds since 1970.
    #[must_use]
    pub const fn slice(self, now: u64) -> u64 {
        match (self.shape, self.period) {
            (Shape::Rolling, period) => now / period.slices().0,
            (Shape::Calendar, Period::Minute) => now / MINUTE,
            (Shape::Calendar, Period::Hour) => now / HOUR,
            (Shape::Calendar, Period::Day) => now / DAY,
            (Shape::Calendar, Period::Week) => (now / DAY + DAYS_TO_MONDAY) / 7,
            (Shape::Calendar, Period::Month) => month_of(now / DAY),
            (Shape::Calendar, Period::Ever) => 0,
        }
    }

    /// The first slice that still counts in this one. Of a rolling period the slice that it began in
    /// counts whole, so that it is never too short.
    #[must_use]
    pub const fn oldest(self, slice: u64) -> u64 {
        match self.shape {
            Shape::Calendar => slice,
            Shape::Rolling => slice.saturating_sub(self.period.slices().1),
        }
    }

    /// When a slice begins, in seconds since 1970.
    #[must_use]
    pub const fn begin_of(self, slice: u64) -> u64 {
        match (self.shape, self.period) {
            (_, Period::Ever) => 0,
            (Shape::Rolling, period) => slice * period.slices().0,
            (Shape::Calendar, Period::Minute) => slice * MINUTE,
            (Shape::Calendar, Period::Hour) => slice * HOUR,
            (Shape::Calendar, Period::Day) => slice * DAY,
            (Shape::Calendar, Period::Week) => (slice * 7).saturating_sub(DAYS_TO_MONDAY) * DAY,
            (Shape::Calendar, Period::Month) => first_day(slice) * DAY,
        }
    }

    /// When a slice no longer counts, in seconds since 1970; `None` for one that always does.
    #[must_use]
    pub const fn end_of(self, slice: u64) -> Option<u64> {
        match (self.shape, self.period) {
            (_, Period::Ever) => None,
            (Shape::Rolling, period) => {
                let (seconds, count) = period.slices();
                Some((slice + count + 1) * seconds)
            }
            (Shape::Calendar, Period::Minute) => Some((slice + 1) * MINUTE),
            (Shape::Calendar, Period::Hour) => Some((slice + 1) * HOUR),
            (Shape::Calendar, Period::Day) => Some((slice + 1) * DAY),
            (Shape::Calendar, Period::Week) => Some(((slice + 1) * 7 - DAYS_TO_MONDAY) * DAY),
            (Shape::Calendar, Period::Month) => Some(first_day(slice + 1) * DAY),
        }
    }
}

/// The month of a day since 1970, counted from January 1970.
const fn month_of(day: u64) -> u64 {
    let Date { year, month, .. } = Date::of(day);
    (year - 1970) * 12 + month - 1
}

/// The first day of a month, both counted from January 1970.
const fn first_day(month: u64) -> u64 {
    Date { year: 1970 + month / 12, month: month % 12 + 1, day: 1 }.days()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::rfc3339;

    const SHAPES: [Shape; 2] = [Shape::Calendar, Shape::Rolling];

    fn spans() -> impl Iterator<Item = Span> {
        Period::ALL.into_iter().flat_map(|period| SHAPES.map(|shape| Span { period, shape }))
    }

    /// Moments all over the years until 2100, some of them at edges.
    fn moments() -> impl Iterator<Item = u64> {
        (0..200_000_u64)
            .map(|n| n * 20_507 + n % 61)
            .chain((0..48_000).map(|n| n * DAY))
            .chain((0..48_000).map(|n| n * DAY + DAY - 1))
    }

    #[test]
    fn a_slice_counts_until_the_second_before_its_end() {
        for span in spans() {
            for now in moments() {
                let slice = span.slice(now);
                let Some(end) = span.end_of(slice) else { continue };
                assert!(end > now, "{span:?} {now}");
                assert!(span.oldest(span.slice(end - 1)) <= slice, "{span:?} {now}");
                assert!(span.oldest(span.slice(end)) > slice, "{span:?} {now}");
                let begin = span.begin_of(slice);
                assert!(begin <= now && span.slice(begin) == slice, "{span:?} {now}");
                assert!(begin == 0 || span.slice(begin - 1) < slice, "{span:?} {now}");
            }
        }
    }

    #[test]
    fn a_rolling_period_is_never_shorter_than_it_says_and_little_longer() {
        for (period, length) in [
            (Period::Minute, MINUTE),
            (Period::Hour, HOUR),
            (Period::Day, DAY),
            (Period::Week, 7 * DAY),
            (Period::Month, 30 * DAY),
        ] {
            let span = Span { period, shape: Shape::Rolling };
            for now in moments() {
                let end = span.end_of(span.slice(now)).unwrap();
                assert!(end - now > length && end - now <= length + length / 12, "{period:?} {now}");
            }
        }
    }

    #[test]
    fn calendars_turn_where_people_expect_it() {
        for (period, moment, end) in [
            (Period::Month, "2024-02-29T23:59:59", "2024-03-01T00:00:00"),
            (Period::Month, "2025-12-01T00:00:00", "2026-01-01T00:00:00"),
            (Period::Month, "2100-02-28T12:00:00", "2100-03-01T00:00:00"),
            (Period::Week, "2026-11-26T10:00:00", "2026-11-30T00:00:00"),
            (Period::Week, "2026-11-29T23:59:59", "2026-11-30T00:00:00"),
            (Period::Day, "2026-03-29T01:30:00", "2026-03-30T00:00:00"),
            (Period::Hour, "2026-10-25T00:59:59", "2026-10-25T01:00:00"),
            (Period::Minute, "2026-10-25T00:59:59", "2026-10-25T01:00:00"),
        ] {
            let span = Span { period, shape: Shape::Calendar };
            let now = crate::units::civil::parse_rfc3339(&format!("{moment}Z")).unwrap();
            let found = span.end_of(span.slice(now)).unwrap();
            assert_eq!(rfc3339(found * 1000).as_str(), format!("{end}.000Z"), "{moment}");
        }
    }
}
