//! Pressure: how many requests go to a model at one time, and who waits.

use crate::config::file::{Concurrency, File};
use crate::route::pressure::Cap;
use crate::snapshot::Pressure;

use super::Check;

/// No machine has more connections than this.
const MOST: u32 = 1_000_000;
/// Who waits behind so many waits for nothing.
const LONGEST_LINE: u32 = 100_000;

pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Pressure {
    let written = &file.pressure;
    let least = check.number(&["pressure", "least"], written.least, MOST);
    let most = check.number(&["pressure", "most"], written.most, MOST);
    if most < least {
        check.error(&["pressure", "most"], "expected a number that is at least the one of least", None);
    }
    if written.queue > LONGEST_LINE {
        let message = format!("expected a number from 0 to {LONGEST_LINE}");
        check.error(&["pressure", "queue"], message, None);
    }
    Pressure { queue: written.queue as usize, wait: check.time(&["pressure", "wait"], written.wait) }
}

/// How many requests each model of this provider has in flight at most; nothing where that is any number.
pub(super) fn cap(name: &str, file: &File, check: &mut Check<'_>) -> Option<Cap> {
    let own = file.providers.get(name).and_then(|provider| provider.concurrency);
    let (said, path): (_, &[&str]) = match own {
        Some(own) => (own, &["providers", name, "concurrency"]),
        None => (file.pressure.concurrency, &["pressure", "concurrency"]),
    };
    match said {
        Concurrency::Off => None,
        Concurrency::Adaptive => Some(Cap { least: file.pressure.least, most: file.pressure.most }),
        Concurrency::Fixed(number) => Some(Cap::fixed(check.number(path, number, MOST))),
    }
}
