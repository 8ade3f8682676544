//! Guards that live elsewhere: what is written of them, compiled.

mod contact;
mod services;

use std::sync::Arc;
use std::time::Duration;

use crate::config::file::{
    ExternalAction, ExternalFailure, ExternalGuard as Written, ExternalKind, ExternalMode, ExternalTurns,
    File,
};
use crate::policy::guard::external::{External, OnFailure, Stage, Turns};
use crate::policy::guard::{Action, Scope};
use crate::route::health::Breaker;
use crate::snapshot::Provider;

use super::Check;
use super::guards::named;
use super::keys::{Spot, is_owner};

/// How long they may take where nobody says.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a model may take that judges.
const JUDGE_TIMEOUT: Duration = Duration::from_secs(20);
/// No request waits longer for one.
const LONGEST: Duration = Duration::from_secs(120);
/// How many characters of a stream they look at at a time where nobody says.
const WINDOW: u64 = 1000;
/// As many as that they may.
const WINDOWS: std::ops::RangeInclusive<u64> = 50..=100_000;

/// Those of the file, in the order of their names.
pub(super) fn compile(file: &File, providers: &[Provider], check: &mut Check<'_>) -> Vec<Arc<External>> {
    let mut all = Vec::with_capacity(file.external_guards.len());
    for (name, written) in &file.external_guards {
        let path = ["external_guards", name.as_str()];
        let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
        named(name, &[], &mut spot);
        if file.guards.keys().any(|known| known.trim() == name.trim()) {
            spot.error(&[], format!("\"{name}\" is the name of a guard already"), None);
        }
        all.extend(guard(name.trim(), written, providers, &mut spot).map(Arc::new));
    }
    all
}

fn guard(name: &str, written: &Written, providers: &[Provider], spot: &mut Spot<'_>) -> Option<External> {
    services::check_fields(written, spot);
    let service = services::service(written, spot);
    let action = match written.action {
        ExternalAction::Monitor => Action::Monitor,
        ExternalAction::Tag => Action::Tag,
        ExternalAction::Mask => Action::Mask,
        ExternalAction::Block => Action::Block,
    };
    let stages: Vec<Stage> = written.mode.0.iter().map(|mode| stage(*mode)).collect();
    if action == Action::Mask && stages.contains(&Stage::During) {
        let hint = "mode: pre masks requests before they leave".to_owned();
        spot.error(&["mode"], "what left for the provider already cannot be masked", hint);
    }
    if action == Action::Mask && service.as_ref().is_some_and(|service| !service.masks()) {
        spot.error(
            &["action"],
            "this guard does not tell what stands where, so that nothing can be masked",
            None,
        );
    }
    let usual = if written.kind == ExternalKind::Judge { JUDGE_TIMEOUT } else { TIMEOUT };
    let timeout = written.timeout.map_or(usual, |span| span.0);
    if timeout.is_zero() || timeout > LONGEST {
        spot.error(&["timeout"], "expected a time of at most 120s that is longer than nothing", None);
    }
    let window = written.window.unwrap_or(WINDOW);
    if !WINDOWS.contains(&window) {
        spot.error(&["window"], "expected a number of characters from 50 to 100000", None);
    }
    for (place, owner) in written.owners.iter().enumerate() {
        if !is_owner(owner.trim()) {
            spot.error(&["owners", &place.to_string()], "expected an owner such as org/team/service", None);
        }
    }
    for (place, key) in written.keys.iter().enumerate() {
        // Those that the store keeps are not known here.
        if key.trim().is_empty() {
            spot.error(&["keys", &place.to_string()], "expected the name of a key", None);
        }
    }
    let trimmed = |list: &[String]| list.iter().map(|name| name.trim().to_owned()).collect();
    let contact = contact::contact(written, providers, spot);
    let (service, contact) = (service?, contact?);
    Some(External {
        name: name.into(),
        at: contact.at,
        headers: contact.headers,
        lender: contact.lender,
        service,
        stages,
        action,
        timeout,
        on_failure: match written.on_failure {
            ExternalFailure::Closed => OnFailure::Closed,
            ExternalFailure::Open => OnFailure::Open,
        },
        turns: match written.turns {
            ExternalTurns::All => Turns::All,
            ExternalTurns::Last => Turns::Last,
        },
        window: usize::try_from(window).unwrap_or(usize::MAX),
        scope: Scope {
            keys: trimmed(&written.keys),
            owners: trimmed(&written.owners),
            models: trimmed(&written.models),
        },
        breaker: Breaker::default(),
    })
}

const fn stage(mode: ExternalMode) -> Stage {
    match mode {
        ExternalMode::Pre => Stage::Pre,
        ExternalMode::During => Stage::During,
        ExternalMode::Post => Stage::Post,
    }
}
