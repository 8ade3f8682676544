//! What was used, by time and group.

use http::header::CONTENT_DISPOSITION;

use super::{Call, Outcome, object, sums, texts};
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::clock;
use crate::store::ledger::export::{Column, Format, Sheet, of_usage};
use crate::store::ledger::{By, Grouping, Query, Reader, Usages, UsedBy};
use crate::wire::json;

/// No more groups at one time.
const MOST_GROUPS: usize = 4;

/// No more pieces of time: a minute for a fortnight, an hour for two years.
const MOST_PIECES: u64 = 20_000;

pub(super) async fn show(call: &Call<'_>) -> Outcome {
    let asked = call.asked()?;
    let (by, groups) = (by(call)?, groups(call)?);
    if by.pieces(asked.filter.from, asked.until) > MOST_PIECES {
        let message = format!(
            "expected at most {MOST_PIECES} pieces of time: longer ones, or a later \"from\" than {}",
            clock::rfc3339(asked.filter.from).as_str()
        );
        return Err(Refused::invalid("by", message));
    }
    let format = match call.ask.param("format").as_deref() {
        None | Some("json") => None,
        Some(name) => Some(
            Format::from_name(name)
                .ok_or_else(|| Refused::invalid("format", "expected json, csv, jsonl or parquet"))?,
        ),
    };
    let query = Query { filter: asked.filter, by, groups };
    let answer = move |ledger: &Reader| {
        let mut used = ledger.usage(&query)?;
        if used.to == 0 {
            used.to = asked.until;
        }
        Ok(match format {
            None => Ok(whole(&used, by, &query.groups)),
            Some(format) => attached(format, &query, &used),
        })
    };
    call.admin.desk.read(answer).await?
}

/// A table as a file.
fn attached(format: Format, query: &Query, used: &Usages) -> Outcome {
    let table = table(format, of_usage(query), &used.rows);
    let table = table.map_err(|error| Refused::unavailable(format!("the table: {error}")))?;
    let disposition = format!("attachment; filename=\"tollgate-usage.{}\"", format.name());
    Ok(Answer::new(200, format.content_type(), table).with(CONTENT_DISPOSITION, &disposition))
}

/// A file for programs that count.
fn table(format: Format, columns: Vec<Column<UsedBy>>, rows: &[UsedBy]) -> std::io::Result<Vec<u8>> {
    let mut sheet = Sheet::begin(format, columns, Vec::new())?;
    rows.iter().try_for_each(|row| sheet.add(row))?;
    sheet.end()
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
