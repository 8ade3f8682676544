//! What a route says of its targets: how they are chosen among, and for which requests each is.

use std::borrow::Cow;

use http::HeaderName;

use crate::config::file::{self, Bond as By, Modality as Has, Span, Strategy as Said};
use crate::provider::Vendor;
use crate::route::Target;
use crate::route::way::{Bond, Cause, Leg, Modality, Strategy, Times, When};
use crate::units::Secret;

use super::keys::is_owner;
use super::{Check, clouds};

/// The largest weight that can be written.
const HEAVIEST: u32 = 1_000_000;
/// Weights are finer inside than written, so that one can be spread over several targets.
const FINE: u32 = 1000;

/// How a route's targets are chosen among.
pub(super) fn strategy(name: &str, written: &file::Route, check: &mut Check<'_>) -> Strategy {
    let bond = match written.sticky_by {
        By::Any => Bond::Any,
        By::Session => Bond::Session,
        By::User => Bond::User,
        By::Prompt => Bond::Prompt,
    };
    let strategy = match written.strategy {
        Said::Fallback => Strategy::Fallback,
        Said::Weighted => Strategy::Weighted,
        Said::LeastLatency => Strategy::LeastLatency,
        Said::LeastBusy => Strategy::LeastBusy,
        Said::Cheapest => Strategy::Cheapest,
        Said::Sticky => Strategy::Sticky(bond),
        Said::Canary => Strategy::Canary(bond),
    };
    let bound = matches!(written.strategy, Said::Sticky | Said::Canary);
    if written.sticky_by != By::Any && !bound {
        let hint = "it counts with strategy: sticky and strategy: canary".to_owned();
        check.error(&["routes", name, "sticky_by"], "requests do not stick to targets here", hint);
    }
    let shares: u64 = written.targets.iter().filter_map(|target| Some(target.share?.0)).sum();
    if shares > 100 {
        let message = format!("the shares of the targets come to {shares}%");
        check.error(&["routes", name, "targets"], message, None);
    }
    if written.strategy == Said::Canary && shares == 0 && !written.targets.is_empty() {
        let hint = "say it as {target: …, share: 5%}".to_owned();
        check.error(&["routes", name, "strategy"], "no target has a share, so there is no canary", hint);
    }
    strategy
}

/// How long a provider is waited for; nothing where that is as for all.
pub(super) fn times(name: &str, written: &file::Timeouts, check: &mut Check<'_>) -> Option<Times> {
    let mut time =
        |field, span: Option<Span>| span.map(|span| check.time(&["routes", name, "timeouts", field], span));
    let times = Times {
        connect: time("connect", written.connect),
        first_byte: time("first_byte", written.first_byte),
        first_token: time("first_token", written.first_token),
        idle: time("idle", written.idle),
        total: time("total", written.total),
    };
    (times != Times::default()).then_some(times)
}

/// The cause of that name.
pub(super) fn cause(word: &str) -> Option<Cause> {
    Some(match word {
        "context" => Cause::Context,
        "content" => Cause::Content,
        "rate_limit" => Cause::RateLimit,
        "overload" => Cause::Overload,
        "timeout" => Cause::Timeout,
        "error" => Cause::Error,
        "empty" => Cause::Empty,
        _ => return None,
    })
}

/// What a route says of one target.
pub(super) fn leg(name: &str, place: usize, written: &file::Target, check: &mut Check<'_>) -> Leg {
    let (place, route) = (place.to_string(), ["routes", name]);
    let path = |field: &'static str| [route[0], route[1], "targets", &place, field];
    let strategy = check.source.file.routes.get(name).map(|route| route.strategy).unwrap_or_default();
    let weighs = matches!(strategy, Said::Weighted | Said::LeastLatency | Said::LeastBusy | Said::Sticky);
    if written.weight.is_some() && !weighs {
        let hint = "weights count with weighted, least_latency, least_busy and sticky".to_owned();
        check.error(&path("weight"), "the route's strategy knows no weights", hint);
    }
    if written.weight.is_some_and(|weight| weight > HEAVIEST) {
        check.error(&path("weight"), format!("expected a number from 0 to {HEAVIEST}"), None);
    }
    if written.share.is_some() && strategy != Said::Canary {
        let hint = "shares count with strategy: canary".to_owned();
        check.error(&path("share"), "the route's strategy knows no shares", hint);
    }
    let when = written.when.as_ref().map(|when| self::when(&path("when"), when, check));
    Leg {
        weight: written.weight.unwrap_or(1).min(HEAVIEST) * FINE,
        share: written.share.map_or(0, |share| u32::try_from(share.0).unwrap_or(0) * 100),
        keys: keys(&path("keys"), written, check),
        when: when.into_iter().collect(),
    }
}

/// The name of a provider within one of its regions: what stands in headers, records and metrics, and cannot be
/// written as a provider's own.
pub(super) fn within(provider: &str, region: &str) -> String {
    format!("{provider}@{region}")
}

/// What a target with a region of its own says: provider, region and model.
pub(super) fn region(written: &file::Target) -> Option<(&str, &str, &str)> {
    let region = written.region.as_deref().map(str::trim).filter(|region| clouds::is_name(region))?;
    let (provider, model) = written.target.trim().split_once('/')?;
    Some((provider, region, model))
}

/// A target as its provider within its region has it, where it says one.
pub(super) fn named<'a>(
    name: &str,
    place: usize,
    written: &'a file::Target,
    check: &mut Check<'_>,
) -> Cow<'a, str> {
    let plain = Cow::Borrowed(&*written.target);
    if written.region.is_none() {
        return plain;
    }
    let place = place.to_string();
    let path = ["routes", name, "targets", &place, "region"];
    let Some((provider, region, model)) = region(written) else {
        let hint = "regions count with a target that is written as provider/model".to_owned();
        check.error(&path, "expected a region such as eu-west-1, of a provider that is named", hint);
        return plain;
    };
    let Some(known) = check.source.file.providers.get(provider) else {
        let hint = "regions count with a target that is written as provider/model".to_owned();
        check.error(&path, "the target names no provider whose region this could be", hint);
        return plain;
    };
    let vendor = Vendor::find(known.vendor.as_deref().unwrap_or(provider).trim());
    let own = known.base_url.as_ref().is_some_and(|base| !base.trim().is_empty());
    if !clouds::names_region(known) && (own || !vendor.is_some_and(Vendor::is_regional)) {
        let hint = "write {region} into its base_url, where the region stands".to_owned();
        check.error(
            &path,
            format!("the provider \"{provider}\" is at one address, whatever the region"),
            hint,
        );
        return plain;
    }
    Cow::Owned(format!("{}/{model}", within(provider, region)))
}

/// The keys that a target is asked with.
fn keys(path: &[&str], written: &file::Target, check: &mut Check<'_>) -> Option<u64> {
    if written.keys.is_empty() {
        return None;
    }
    let provider =
        written.target.trim().split_once('/').and_then(|(provider, _)| {
            check.source.file.providers.get(provider).map(|known| (provider, known))
        });
    let Some((name, provider)) = provider else {
        let hint = "keys count with a target that is written as provider/model".to_owned();
        check.error(path, "the target names no provider whose keys these could be", hint);
        return None;
    };
    let all: Vec<_> = provider.api_key.iter().chain(&provider.api_keys).map(|key| &key.0).collect();
    let count = all.len();
    // One that is written twice is one key.
    let mut apart: Vec<&Secret> = Vec::with_capacity(count);
    for key in &all {
        if !apart.contains(key) {
            apart.push(key);
        }
    }
    let mut set = 0;
    for number in &written.keys {
        let at = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
        let key = at.and_then(|at| all.get(at));
        match key.and_then(|key| apart.iter().position(|own| own == key)) {
            Some(place) if place < 64 => set |= 1 << place,
            Some(_) | None => {
                let message =
                    format!("the provider \"{name}\" has {count} keys, and none with the number {number}");
                check.error(path, message, None);
            }
        }
    }
    Some(set)
}

fn when(path: &[&str], written: &file::When, check: &mut Check<'_>) -> When {
    let mut owners = Vec::with_capacity(written.owners.len());
    for owner in &written.owners {
        let owner = owner.trim().trim_matches('/');
        if !is_owner(owner) {
            check.error(path, format!("expected an owner such as org/team, not \"{owner}\""), None);
        }
        owners.push(owner.to_owned());
    }
    let mut headers = Vec::with_capacity(written.headers.len());
    for (name, value) in &written.headers {
        let value = Some(value.trim()).filter(|value| *value != "*").map(str::to_owned);
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => headers.push((name.as_str().to_owned(), value)),
            Err(_) => check.error(path, format!("\"{name}\" is no name of a header"), None),
        }
    }
    let modality = |has: &Has| match has {
        Has::Text => Modality::Text,
        Has::Image => Modality::Image,
        Has::Audio => Modality::Audio,
        Has::Document => Modality::Document,
    };
    When {
        owners,
        labels: written.labels.iter().map(|label| label.trim().to_owned()).collect(),
        headers,
        larger_than: written.larger_than.map(|size| size.0.0),
        at_most: written.at_most.map(|size| size.0.0),
        modalities: written.modalities.iter().map(modality).collect(),
        stream: written.stream,
    }
}

/// What is said of a target holds for all that stand behind it: its weight and share are spread over them,
/// as they are weighed among themselves.
pub(super) fn spread(leg: &Leg, behind: Vec<(Target, Leg)>) -> Vec<(Target, Leg)> {
    let total = behind.iter().map(|(_, own)| u64::from(own.weight)).sum::<u64>().max(1);
    let part = |whole: u32, own: &Leg| {
        u32::try_from(u64::from(whole) * u64::from(own.weight) / total).unwrap_or(u32::MAX)
    };
    let one = |(target, own): (Target, Leg)| {
        let when = leg.when.iter().chain(&own.when).cloned().collect();
        let keys = own.keys.or(leg.keys);
        (target, Leg { weight: part(leg.weight, &own), share: part(leg.share, &own), keys, when })
    };
    behind.into_iter().map(one).collect()
}
