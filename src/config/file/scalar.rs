//! Values of one word that carry their unit: sizes, spans of time, prices, keys.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

use crate::account::trace::ALL;
use crate::units::civil::parse_rfc3339;
use crate::units::{self, ByteSize, Price, Secret};

/// A number of bytes: `512KiB`, `10MB`, `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Size(pub(in crate::config) ByteSize);

/// A span of time: `250ms`, `30s`, `5m`, `1h`; a plain number is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Span(pub(in crate::config) Duration);

/// A span of time between two runs of something, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Interval(pub(in crate::config) Option<Duration>);

/// A secret, best given by reference: `${file:/run/secrets/key}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::config) struct Key(pub(in crate::config) Secret);

/// USD per million tokens, to the sixth decimal place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Usd(pub(in crate::config) Price);

/// US dollars, exact to the twelfth decimal place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Dollars(pub(in crate::config) u64);

/// How freely answers are drawn: `0`, `0.3`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::config) struct Degree(pub(in crate::config) f64);

/// A part of everything, from 0 to 1: `0.1`, `10%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::config) struct Fraction(pub(in crate::config) f64);

/// A part of a whole: `80%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Percent(pub(in crate::config) u64);

/// Of how many requests: `on` for all, `off` for none, or `10%` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Portion(pub(in crate::config) u8);

/// How many at one time: `adaptive`, a number, or `off` for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Concurrency {
    /// Any number.
    Off,
    /// As many as go well.
    Adaptive,
    /// So many.
    Fixed(u32),
}

/// A day or a moment: `2027-01-31`, `2027-01-31T12:00:00Z`; seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Moment(pub(in crate::config) u64);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "expected a size such as 512KiB, 10MB or 1048576")
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        units::parse_duration(text).map(Self).map_err(|_| "expected a time such as 250ms, 30s, 5m or 1h")
    }
}

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" => Ok(Self(None)),
            _ => text
                .parse::<Span>()
                .map(|span| Self(Some(span.0)))
                .map_err(|_| "expected a time such as 1h, or off"),
        }
    }
}

impl FromStr for Dollars {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PLACES: usize = 12;
        const SHAPE: &str = "expected US dollars such as 50 or 0.25, at most 18000000";
        let text = text.trim();
        let text = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if !digits(whole) || !(fraction.is_empty() || digits(fraction)) || fraction.len() > PLACES {
            return Err(SHAPE);
        }
        format!("{whole}{fraction:0<PLACES$}").parse().map(Self).map_err(|_| SHAPE)
    }
}

impl FromStr for Degree {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let degree = text.trim().parse().ok().filter(|degree| (0.0..=2.0).contains(degree));
        degree.map(Self).ok_or("expected a temperature from 0 to 2")
    }
}

impl FromStr for Fraction {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let part = match text.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse::<f64>().map(|percent| percent / 100.0),
            None => text.parse::<f64>(),
        };
        let part = part.ok().filter(|part| (0.0..=1.0).contains(part));
        part.map(Self).ok_or("expected a part from 0 to 1 such as 0.1")
    }
}

impl Fraction {
    /// As trace ids are compared with it.
    pub(in crate::config) fn of_all_traces(self) -> u64 {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part from 0 to 1 of a number that fits"
        )]
        let part = (self.0 * ALL as f64) as u64;
        part
    }
}

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim().trim_end_matches('%').trim_end().parse();
        let percent = number.ok().filter(|percent| (1..=100).contains(percent));
        percent.map(Self).ok_or("expected a part from 1% to 100%")
    }
}

impl FromStr for Portion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" | "0%" => Ok(Self(0)),
            "on" | "true" | "yes" => Ok(Self(100)),
            part => {
                let percent = part.strip_suffix('%').and_then(|number| number.trim_end().parse().ok());
                let percent = percent.filter(|percent| (1..=100).contains(percent));
                percent.map(Self).ok_or("expected on, off, or a part from 1% to 100%")
            }
        }
    }
}

impl FromStr for Concurrency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" => Ok(Self::Off),
            "adaptive" => Ok(Self::Adaptive),
            number => number.parse().map(Self::Fixed).map_err(|_| "expected adaptive, off, or a number"),
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        // A day alone is its first second.
        let moment = parse_rfc3339(text).or_else(|| parse_rfc3339(&format!("{text}T00:00:00Z")));
        moment.map(Self).ok_or("expected a moment in UTC such as 2027-01-31 or 2027-01-31T12:00:00Z")
    }
}

impl FromStr for Key {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Secret::new(text)))
    }
}

impl FromStr for Usd {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PLACES: usize = 6;
        const SHAPE: &str = "expected US dollars per million tokens such as 0.25";
        let text = text.trim();
        if text.strip_prefix('-').is_some_and(|rest| rest.parse::<Self>().is_ok()) {
            return Err("expected a price that is not below zero");
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(SHAPE);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > PLACES {
            return Err("expected a price of at most six decimal places");
        }
        let price = format!("{whole}{fraction:0<PLACES$}").parse();
        price.map(|price| Self(Price::micro_usd_per_million(price))).map_err(|_| SHAPE)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! read_from_text {
    ($($type:ident)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

read_from_text! { Size Span Interval Concurrency Key Dollars Degree Fraction Percent Portion Moment Usd }
