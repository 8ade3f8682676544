//! `tollgate check --against-ledger`: what a configuration would have made of past requests.

use std::ops::ControlFlow;
use std::process::ExitCode;

use crate::cli::{complain, say};
use crate::clock;
use crate::config::{self, Compiled};
use crate::policy::Draft;
use crate::proxy::rehearsal::{Rehearsal, Told};
use crate::store::keys::Keys;
use crate::store::ledger::{self, Filter, Reader};
use crate::wire::json;

/// So many lines of each kind are told.
const MOST: usize = 20;

/// Tries a configuration on the requests since a moment, and tells what comes of it.
pub(super) fn try_out(compiled: &Compiled, since: &str, as_json: bool) -> ExitCode {
    let Some(from) = ledger::moment(since, clock::unix_millis()) else {
        complain("--against-ledger: expected a moment, a day, or a time back from now such as 24h");
        return ExitCode::FAILURE;
    };
    let folder = &compiled.process.data_dir;
    let stored = match stored(compiled) {
        Ok(stored) => stored,
        Err(why) => {
            complain(&format!("the keys of the store cannot be read: {why}"));
            return ExitCode::FAILURE;
        }
    };
    let heard = if Reader::is_in(folder) {
        Reader::open(folder).map_err(|unusable| unusable.to_string()).and_then(|reader| {
            let mut rehearsal = Rehearsal::new(&compiled.snapshot, &compiled.keys, stored);
            let filter = Filter { from, ..Filter::default() };
            let each = reader.each(&filter, |row| {
                rehearsal.hear(&row.entry);
                ControlFlow::<()>::Continue(())
            });
            each.map(|_| rehearsal.finish()).map_err(|error| error.to_string())
        })
    } else {
        Err(format!("there is no ledger in {}", folder.display()))
    };
    match heard {
        Err(why) => {
            complain(&format!("the ledger cannot be read: {why}"));
            ExitCode::FAILURE
        }
        Ok(told) if as_json => {
            let mut out = Vec::new();
            json::object(&mut out, |object| {
                object.string("since", clock::rfc3339(from).as_str());
                told.tell(object);
            });
            say(&String::from_utf8_lossy(&out));
            ExitCode::SUCCESS
        }
        Ok(told) => {
            tell(&told);
            ExitCode::SUCCESS
        }
    }
}

/// The keys of the store, where there is one.
fn stored(compiled: &Compiled) -> Result<Vec<Draft>, String> {
    let folder = &compiled.process.data_dir;
    if !Keys::are_in(folder) {
        return Ok(Vec::new());
    }
    let keys = Keys::open(folder).map_err(|unusable| unusable.to_string())?;
    let kept = keys.all().map_err(|failure| failure.to_string())?;
    Ok(config::stored(&kept.into_iter().map(|kept| kept.stored).collect::<Vec<_>>()).0)
}

fn tell(told: &Told) {
    say(&format!(
        "{} requests: {} would be refused, {} would go elsewhere",
        told.requests, told.refusals, told.moves
    ));
    let unpriced = match told.unpriced {
        0 => String::new(),
        count => format!(" (for {count} no price is known)"),
    };
    say(&format!("those served cost {} USD, and would cost {} USD{unpriced}", told.before, told.after));
    let mut refused: Vec<_> = told.refused.iter().collect();
    refused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for ((key, model, why), count) in refused.iter().take(MOST) {
        let key = if key.is_empty() { "no key" } else { key };
        say(&format!("  refused {count:>8}  {key}  {model}  {why}"));
    }
    let mut moved: Vec<_> = told.moved.iter().collect();
    moved.sort_by_key(|(_, moved)| std::cmp::Reverse(moved.requests));
    for ((model, from, to), moved) in moved.iter().take(MOST) {
        let (count, before, after) = (moved.requests, moved.before, moved.after);
        say(&format!("  moved   {count:>8}  {model}  {from} -> {to}  {before} -> {after} USD"));
    }
    let left = told.refused.len().saturating_sub(MOST) + told.moved.len().saturating_sub(MOST);
    if left > 0 {
        say(&format!("  and {left} more kinds; --json has all of them"));
    }
}
