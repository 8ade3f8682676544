//! Members that the codec does not know, and those that only tell how something was said: kept when
//! read, given back to this dialect alone.

use crate::ir::extras::MOOT;
use crate::ir::{Extras, Losses};
use crate::wire::json::{Json, Object};

use super::types::{OWN, compact};

/// What belongs to the item around a block stands behind this.
pub(super) const ITEM: &str = "item.";

/// Keeps one member, which is lost where it cannot be said.
pub(super) fn keep(key: &str, value: &Json<'_>, extras: &mut Extras) {
    extras.push(OWN, key, &compact(value));
}

/// Keeps one member whose absence loses nothing.
pub(super) fn keep_moot(key: &str, json: &str, extras: &mut Extras) {
    extras.push(OWN, &format!("{MOOT}{key}"), json);
}

/// What was kept under [`keep_moot`].
pub(super) fn moot<'e>(extras: &'e Extras, key: &str) -> Option<&'e str> {
    let named = |name: &str| name.strip_prefix(MOOT).is_some_and(|rest| rest == key);
    extras.of(OWN).find(|extra| named(&extra.name)).map(|extra| extra.json.as_str())
}

/// Keeps the members of an object that are not `known`; `quiet` ones are no loss elsewhere.
pub(super) fn keep_all(object: &Json<'_>, known: &[&str], quiet: &[&str], extras: &mut Extras) {
    for (key, value) in object.entries() {
        if known.contains(&&**key) || value.is_null() {
            continue;
        }
        if quiet.contains(&&**key) {
            keep_moot(key, &compact(value), extras);
        } else {
            keep(key, value, extras);
        }
    }
}

/// Keeps the members of an item that are not `known` on one of its blocks.
pub(super) fn keep_item(item: &Json<'_>, known: &[&str], extras: &mut Extras) {
    for (key, value) in item.entries() {
        if !known.contains(&&**key) && !value.is_null() {
            keep_moot(&format!("{ITEM}{key}"), &compact(value), extras);
        }
    }
}

/// Gives back this dialect's own members of the block or request itself.
pub(super) fn restore(extras: &Extras, object: &mut Object<'_>) {
    for extra in extras.of(OWN) {
        let name = extra.name.strip_prefix(MOOT).unwrap_or(&extra.name);
        if !name.starts_with(ITEM) && !name.starts_with('@') {
            object.raw(name, &extra.json);
        }
    }
}

/// Gives back this dialect's own members of the item around a block.
pub(super) fn restore_item(extras: &Extras, object: &mut Object<'_>) {
    restore_item_but(None, extras, object);
}

/// The same without one of them.
pub(super) fn restore_item_but(but: Option<&str>, extras: &Extras, object: &mut Object<'_>) {
    for extra in extras.of(OWN) {
        if let Some(name) = extra.name.strip_prefix(MOOT).and_then(|name| name.strip_prefix(ITEM))
            && but != Some(name)
        {
            object.raw(name, &extra.json);
        }
    }
}

/// Whether an item of its own begins with the block.
pub(super) fn begins_item(extras: &Extras) -> bool {
    extras.of(OWN).any(|extra| extra.name.strip_prefix(MOOT).is_some_and(|name| name.starts_with(ITEM)))
}

/// Whether a part has no members of its own.
pub(super) fn is_plain(extras: &Extras) -> bool {
    extras.of(OWN).all(|extra| {
        extra.name.strip_prefix(MOOT).is_some_and(|name| name.starts_with(ITEM) || name.starts_with('@'))
    })
}

/// Notes members of other dialects as lost.
pub(super) fn note_lost(extras: &Extras, losses: &mut Losses) {
    for extra in extras.foreign(OWN) {
        losses.dropped(extra.name.clone(), "only known to the dialect it came from");
    }
}
