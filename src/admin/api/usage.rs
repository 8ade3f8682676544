//! What was used, by time and group.

use http::header::CONTENT_DISPOSITION;

use super::{Call, Outcome, object, sums, texts};
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::clock;
use crate::ir::Usage;
use crate::store::ledger::{By, Grouping, Query, Usages, UsedBy};
use crate::wire::json;

/// No more groups at one time.
const MOST_GROUPS: usize = 4;

pub(super) async fn show(call: &Call<'_>) -> Outcome {
    let asked = call.asked()?;
    let (by, groups) = (by(call)?, groups(call)?);
    let query = Query { filter: asked.filter, by, groups: groups.clone() };
    let mut used = call.admin.desk.read(move |ledger| ledger.usage(&query)).await?;
    if used.to == 0 {
        used.to = asked.until;
    }
    match call.ask.param("format").as_deref() {
        None | Some("json") => Ok(whole(&used, by, &groups)),
        Some("csv") => Ok(attached(csv(&used, by, &groups), "text/csv; charset=utf-8", "usage.csv")),
        Some("jsonl") => Ok(attached(lines(&used, by, &groups), "application/jsonl", "usage.jsonl")),
        Some(_) => Err(Refused::invalid("format", "expected json, csv or jsonl")),
    }
}

fn by(call: &Call<'_>) -> Result<By, Refused> {
    let Some(name) = call.ask.param("by") else { return Ok(By::None) };
    let names: Vec<_> = By::ALL.iter().map(|by| by.name()).collect();
    let message = format!("expected one of {}", names.join(", "));
    By::from_name(&name).ok_or_else(|| Refused::invalid("by", message))
}

fn groups(call: &Call<'_>) -> Result<Vec<Grouping>, Refused> {
    let mut groups = Vec::new();
    for list in call.ask.all("group") {
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let grouping = Grouping::from_name(name).ok_or_else(|| {
                let names: Vec<_> = Grouping::ALL.iter().map(|grouping| grouping.name()).collect();
                Refused::invalid("group", format!("expected some of {}, found \"{name}\"", names.join(", ")))
            })?;
            if !groups.contains(&grouping) {
                groups.push(grouping);
            }
        }
    }
    if groups.len() > MOST_GROUPS {
        return Err(Refused::invalid("group", format!("expected at most {MOST_GROUPS} of them")));
    }
    Ok(groups)
}

fn whole(used: &Usages, by: By, groups: &[Grouping]) -> Answer {
    object(200, |answer| {
        answer.string("from", clock::rfc3339(used.from).as_str());
        answer.string("to", clock::rfc3339(used.to).as_str());
        answer.string("by", by.name());
        texts(answer, "group", groups.iter().map(|grouping| grouping.name()));
        answer.array("rows", |array| {
            used.rows.iter().for_each(|used| array.object(|object| row(object, used, by, groups)));
        });
        answer.string("source", used.source.name());
    })
}

fn row(object: &mut json::Object<'_>, used: &UsedBy, by: By, groups: &[Grouping]) {
    if by != By::None {
        object.string("at", clock::rfc3339(used.at).as_str());
    }
    object.object("group", |object| {
        groups.iter().zip(&used.group).for_each(|(grouping, name)| object.string(grouping.name(), name));
    });
    sums::sums(object, &used.sums);
}

fn lines(used: &Usages, by: By, groups: &[Grouping]) -> Vec<u8> {
    let mut out = Vec::new();
    for used in &used.rows {
        json::object(&mut out, |object| row(object, used, by, groups));
        out.push(b'\n');
    }
    out
}

/// A table for whoever counts in one: every column is there, whether there is something in it or not.
fn csv(used: &Usages, by: By, groups: &[Grouping]) -> Vec<u8> {
    let mut names: Vec<&str> = Vec::new();
    if by != By::None {
        names.push("at");
    }
    names.extend(groups.iter().map(|grouping| grouping.name()));
    names.extend(["requests", "errors", "unpriced", "cache_hits", "cost_usd", "saved_usd"]);
    let usual = Usage::default();
    let counted: Vec<&str> = usual.classes().into_iter().chain(usual.units()).map(|(name, _)| name).collect();
    names.extend(&counted);
    names.extend(["latency_p50_ms", "latency_p99_ms", "first_token_p50_ms", "first_token_p99_ms"]);
    let mut out = names.join(",");
    out.push_str("\r\n");
    for UsedBy { at, group, sums } in &used.rows {
        let mut cells: Vec<String> = Vec::with_capacity(names.len());
        if by != By::None {
            cells.push(clock::rfc3339(*at).as_str().to_owned());
        }
        cells.extend(group.iter().map(|name| quoted(name)));
        let numbers = [sums.requests(), sums.errors(), sums.unpriced(), sums.cache_hits()];
        cells.extend(numbers.iter().map(ToString::to_string));
        cells.extend([sums.cost().to_string(), sums.saved().to_string()]);
        let usage = sums.usage();
        cells.extend(usage.classes().into_iter().chain(usage.units()).map(|(_, number)| number.to_string()));
        for times in [&sums.latency, &sums.first_token] {
            cells.extend([500, 990].map(|part| times.percentile(part).map(sums::millis).unwrap_or_default()));
        }
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out.into_bytes()
}

/// A name as a cell. One that a table would take for a formula is told as text.
fn quoted(name: &str) -> String {
    let formula = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let name = if formula { format!("'{name}") } else { name.to_owned() };
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name }
}

fn attached(body: Vec<u8>, kind: &'static str, name: &str) -> Answer {
    let disposition = format!("attachment; filename=\"tollgate-{name}\"");
    Answer::new(200, kind, body).with(CONTENT_DISPOSITION, &disposition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_is_in_it() {
        assert_eq!(quoted("acme/web"), "acme/web");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
