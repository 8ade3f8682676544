//! Members that a codec does not know: kept when read, given back to the dialect they came from, and
//! noted as lost everywhere else.

use crate::ir::{Dialect, Extras, Losses};
use crate::wire::json::{Json, Object};

/// Keeps the members of `object` that are not `known`; nulls say nothing and are not kept.
///
/// They are kept in one spelling, since vendors indent whole answers but not the pieces of a stream,
/// and both must come to the same.
pub(in crate::dialect) fn keep(own: Dialect, object: &Json<'_>, known: &[&str], extras: &mut Extras) {
    for (key, value) in object.entries() {
        if !known.contains(&&**key) && !value.is_null() && extras.json(own, key).is_none() {
            extras.push(own, key, &compact(value));
        }
    }
}

/// The text of a value without white space between its parts.
pub(in crate::dialect) fn compact(value: &Json<'_>) -> String {
    let raw = value.raw();
    if !raw.bytes().any(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        return raw.to_owned();
    }
    let (mut in_string, mut escaped) = (false, false);
    let keep = |c: &char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            ' ' | '\n' | '\r' | '\t' => return in_string,
            _ => {}
        }
        true
    };
    raw.chars().filter(keep).collect()
}

/// Gives back the members that this dialect said.
pub(in crate::dialect) fn restore(own: Dialect, extras: &Extras, object: &mut Object<'_>) {
    for extra in extras.of(own) {
        object.raw(&extra.name, &extra.json);
    }
}

/// Notes the members of other dialects as lost.
pub(in crate::dialect) fn note_lost(own: Dialect, extras: &Extras, losses: &mut Losses) {
    for extra in extras.foreign(own) {
        losses.dropped(extra.name.clone(), "only known to the dialect it came from");
    }
}
