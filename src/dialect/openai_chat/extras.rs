//! Members that the codec does not know: kept when read, given back only to the dialect they
//! came from, and noted as lost everywhere else.

use crate::catalog::profile::Profile;
use crate::ir::{Extras, Losses};
use crate::wire::json::{Json, Object};

use super::types::OWN;
pub(super) use crate::dialect::unknown::compact;

/// Keeps the members of `object` that are not `known`; nulls say nothing and are not kept.
pub(super) fn keep(object: &Json<'_>, known: &[&str], prefix: &str, extras: &mut Extras) {
    for (key, value) in object.entries() {
        if !known.contains(&&**key) && !value.is_null() {
            keep_one(prefix, key, value, extras);
        }
    }
}

/// Keeps one member.
pub(super) fn keep_one(prefix: &str, key: &str, value: &Json<'_>, extras: &mut Extras) {
    if prefix.is_empty() {
        extras.push(OWN, key, value.raw());
    } else {
        extras.push(OWN, &format!("{prefix}{key}"), value.raw());
    }
}

/// Keeps the members of an answer that are not `known`, in one spelling: vendors indent whole
/// answers but not chunks, and both must come to the same.
pub(super) fn keep_compact(object: &Json<'_>, known: &[&str], prefix: &str, extras: &mut Extras) {
    for (key, value) in object.entries() {
        if !known.contains(&&**key) && !value.is_null() {
            let name = format!("{prefix}{key}");
            // The first chunks of a stream may each say the same.
            if extras.json(OWN, &name).is_none() {
                extras.push(OWN, &name, &compact(value));
            }
        }
    }
}

/// Whether a target may be sent members that OpenAI documents but few others know.
pub(super) fn takes_own(profile: &Profile) -> bool {
    profile.extras || profile.developer_role
}

/// Members that stood one object further in than the rest bear its name before their own.
pub(super) const NESTED: [&str; 2] = ["function.", "message."];

/// Gives back this dialect's own members that were kept under `prefix`.
pub(super) fn restore(extras: &Extras, prefix: &str, object: &mut Object<'_>) {
    for extra in extras.of(OWN) {
        let nested = NESTED.iter().any(|nested| extra.name.starts_with(nested));
        if prefix.is_empty() != nested
            && let Some(name) = extra.name.strip_prefix(prefix)
        {
            object.raw(name, &extra.json);
        }
    }
}

/// Notes members of other dialects as lost, and this dialect's own where the target may not be
/// sent them.
pub(super) fn note_lost(extras: &Extras, sent: Sent, losses: &mut Losses) {
    for extra in extras.foreign(OWN) {
        losses.dropped(extra.name.clone(), "only known to the dialect it came from");
    }
    if sent == Sent::No {
        for extra in extras.of(OWN) {
            losses.dropped(extra.name.clone(), "the target takes no unknown members");
        }
    }
}

/// Whether this dialect's own members were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// They were.
    Yes,
    /// They were not.
    No,
}

impl Sent {
    /// What a target is sent.
    pub(super) fn to(profile: &Profile) -> Self {
        if takes_own(profile) { Self::Yes } else { Self::No }
    }
}
