//! Changes to parameters, exact places and headers, compiled.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

use crate::catalog::nearest;
use crate::config::compile::keys::Spot;
use crate::config::file::{HeaderChanges, Rewrite as Written};
use crate::ir::Effort;
use crate::policy::rewrite::{Change, Deed, Headers, Param, Subject, is_fixed};
use crate::wire::json;

/// The members that the gateway itself goes by, so that no rule may change them.
const ITS_OWN: [&str; 7] =
    ["model", "stream", "stream_options", "background", "previous_response_id", "conversation", "thread"];

/// What changes, in the order in which it does.
pub(super) fn changes(written: &Written, spot: &mut Spot<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (from, to) in &written.rename {
        let from_path = path(from, &["rename", from], spot);
        let to_path = path(to, &["rename", from], spot);
        if let (Some(from), Some(to)) = (from_path, to_path) {
            changes.push(Change { subject: Subject::Path(from), deed: Deed::Rename(to) });
        }
    }
    for (place, name) in written.remove.iter().enumerate() {
        let subject = subject(name, &["remove", &place.to_string()], spot);
        changes.extend(subject.map(|subject| Change { subject, deed: Deed::Remove }));
    }
    changes.extend(valued("defaults", &written.defaults, Deed::Default, spot));
    changes.extend(valued("set", &written.set, Deed::Set, spot));
    changes.extend(valued("caps", &written.caps, Deed::Cap, spot));
    changes
}

/// Changes that have a value each.
fn valued(
    field: &str,
    written: &BTreeMap<String, String>,
    deed: fn(String) -> Deed,
    spot: &mut Spot<'_>,
) -> Vec<Change> {
    let mut changes = Vec::with_capacity(written.len());
    for (name, text) in written {
        let Some(subject) = subject(name, &[field, name], spot) else { continue };
        match value(&subject, text.trim(), field == "caps") {
            Ok(value) => changes.push(Change { subject, deed: deed(value) }),
            Err(expected) => spot.error(&[field, name], expected, None),
        }
    }
    changes
}

fn subject(name: &str, place: &[&str], spot: &mut Spot<'_>) -> Option<Subject> {
    let name = name.trim();
    if name.starts_with('/') {
        return path(name, place, spot).map(Subject::Path);
    }
    let param = Param::from_name(name);
    if param.is_none() {
        let near = nearest(name, Param::ALL.into_iter().map(Param::name));
        let hint = near.first().map_or_else(
            || format!("an exact place begins with a slash: /{name}"),
            |near| format!("did you mean \"{near}\"?"),
        );
        spot.error(place, format!("no parameter is known by the name \"{name}\""), hint);
    }
    param.map(Subject::Param)
}

/// The keys that lead to an exact place, as RFC 6901 writes them; there are none into lists.
fn path(text: &str, place: &[&str], spot: &mut Spot<'_>) -> Option<Vec<String>> {
    const DEEPEST: usize = 16;
    let keys: Vec<String> =
        text.trim().split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    if !text.trim().starts_with('/') || keys.iter().any(String::is_empty) || keys.len() > DEEPEST {
        spot.error(place, "expected an exact place such as /metadata/team", None);
        return None;
    }
    let first = keys.first().map_or("", String::as_str);
    if ITS_OWN.contains(&first) {
        spot.error(place, format!("\"{first}\" is what the gateway goes by"), None);
        return None;
    }
    Some(keys)
}

/// A value as JSON text; else what was expected.
fn value(subject: &Subject, text: &str, caps: bool) -> Result<String, &'static str> {
    let number = |least: f64, most: f64, expected| {
        let number = text.parse::<f64>().ok().filter(|number| (least..=most).contains(number));
        number.map(|_| text.to_owned()).filter(|text| json::validate(text.as_bytes()).is_ok()).ok_or(expected)
    };
    let whole = |least: u64, expected| {
        let number = text.parse::<u64>().ok().filter(|number| *number >= least);
        number.map(|number| number.to_string()).ok_or(expected)
    };
    match subject {
        Subject::Path(_) if caps => number(f64::MIN, f64::MAX, "expected a number"),
        Subject::Path(_) if json::validate(text.as_bytes()).is_ok() => Ok(text.to_owned()),
        Subject::Path(_) => Ok(json::string(text)),
        Subject::Param(Param::MaxTokens | Param::N | Param::TopK) => whole(1, "expected a number from 1"),
        Subject::Param(Param::Temperature) => number(0.0, 2.0, "expected a number from 0 to 2"),
        Subject::Param(Param::TopP) => number(0.0, 1.0, "expected a number from 0 to 1"),
        Subject::Param(Param::PresencePenalty | Param::FrequencyPenalty) => {
            number(-2.0, 2.0, "expected a number from -2 to 2")
        }
        Subject::Param(Param::Seed | Param::Stop) if caps => Err("this has no most"),
        Subject::Param(Param::Seed) => {
            text.parse::<i64>().map(|seed| seed.to_string()).map_err(|_| "expected a whole number")
        }
        Subject::Param(Param::Stop) => words(text),
        Subject::Param(Param::ReasoningEffort) => {
            let known = Effort::from_name(text).map(|effort| json::string(effort.name()));
            known.ok_or("expected none, minimal, low, medium, high, xhigh or max")
        }
    }
}

/// A list of texts, or one.
fn words(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "expected a text, or a list of texts as JSON";
    if !text.starts_with('[') {
        return if text.is_empty() { Err(EXPECTED) } else { Ok(format!("[{}]", json::string(text))) };
    }
    let list = json::parse(text.as_bytes()).map_err(|_| EXPECTED)?;
    let fine = !list.elements().is_empty() && list.elements().iter().all(json::Json::is_string);
    if fine { Ok(text.to_owned()) } else { Err(EXPECTED) }
}

/// What becomes of headers.
pub(super) fn headers(written: &HeaderChanges, way: &str, spot: &mut Spot<'_>) -> Headers {
    let mut compiled = Headers::default();
    for (place, name) in written.remove.iter().enumerate() {
        let place = place.to_string();
        compiled.remove.extend(header(name, &["headers", way, "remove", &place], spot));
    }
    for (field, map, into) in
        [("set", &written.set, &mut compiled.set), ("add", &written.add, &mut compiled.add)]
    {
        for (name, text) in map {
            let path = ["headers", way, field, name];
            let Some(header) = header(name, &path, spot) else { continue };
            match HeaderValue::from_str(text.trim()) {
                Ok(mut value) => {
                    // It may be a secret, by reference.
                    value.set_sensitive(true);
                    into.push((header, value));
                }
                Err(_) => spot.error(&path, "the value holds letters that no header can carry", None),
            }
        }
    }
    compiled
}

fn header(name: &str, place: &[&str], spot: &mut Spot<'_>) -> Option<HeaderName> {
    match name.trim().parse::<HeaderName>() {
        Err(_) => spot.error(place, "expected the name of a header", None),
        Ok(header) if is_fixed(header.as_str()) => {
            spot.error(place, format!("the header {header} is nobody's to change"), None);
        }
        Ok(header) => return Some(header),
    }
    None
}
