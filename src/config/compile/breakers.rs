//! Breakers: when it is not worth asking a target.

use crate::config::file::File;
use crate::route::health::Rules;
use crate::snapshot::Breakers;

use super::Check;

/// More failures than this are no sign, but a state.
const MOST_FAILURES: u32 = 10_000;

pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Breakers {
    let written = &file.breakers;
    let rules = Rules {
        failures: check.number(&["breakers", "failures"], written.failures, MOST_FAILURES),
        share: written.share.0,
        window: check.time(&["breakers", "window"], written.window),
        cool_down: check.time(&["breakers", "cool_down"], written.cool_down),
        longest: check.time(&["breakers", "longest"], written.longest),
        slow: written.slow.0,
    };
    if rules.longest < rules.cool_down {
        let message = "expected a time that is at least cool_down";
        check.error(&["breakers", "longest"], message, None);
    }
    Breakers {
        rules: written.enabled.then_some(rules),
        probe: written.probe.0,
        last_resort: written.last_resort,
    }
}
