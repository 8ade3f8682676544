//! `tollgate check`, `models` and `schema`: looking without serving.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::{against, complain, complain_of, is_watched, say};
use crate::config::{self, Sources};
use crate::proxy::departure::targets;
use crate::route::Names;

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Try it on the requests of the ledger since then: 1h, 24h, a day, a moment.
    #[arg(long, value_name = "SINCE")]
    against_ledger: Option<String>,
    /// Print what that comes to as JSON.
    #[arg(long, requires = "against_ledger")]
    json: bool,
}

/// Prints every problem, or what would be served.
pub(super) fn check(file: Option<PathBuf>, arguments: &Check) -> ExitCode {
    match config::load(&Sources::from_process(file), 1) {
        Ok(compiled) => {
            for warning in &compiled.warnings {
                complain(&warning.to_string());
            }
            if let Some(since) = &arguments.against_ledger {
                return against::try_out(&compiled, since, arguments.json);
            }
            let names: Vec<_> =
                compiled.snapshot.providers.iter().map(|provider| provider.name.as_str()).collect();
            say(&format!("the configuration is whole; providers: {}", names.join(", ")));
            let folder = compiled.process.data_dir.display();
            match compiled.process.responses {
                Some((keep, room)) => say(&format!(
                    "responses that no provider keeps are kept in {folder} for {} after their last use, up to {room}",
                    span(keep)
                )),
                None => say("responses that no provider keeps are not kept"),
            }
            ExitCode::SUCCESS
        }
        Err(problems) => complain_of(&problems),
    }
}

/// A time in the largest unit that it is whole in.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match [(86_400, "d"), (3600, "h"), (60, "m")]
        .iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{}s", time.as_secs_f64()),
    }
}

/// Prints what can be asked for, one name a line.
pub(super) fn models(file: Option<PathBuf>) -> ExitCode {
    let compiled = match config::load(&Sources::from_process(file), 1) {
        Ok(compiled) => compiled,
        Err(problems) => return complain_of(&problems),
    };
    let world = &compiled.snapshot;
    let names = Names::default();
    if is_watched() {
        say(&format!("{:<56} {:<18} {:<20} TARGET MODEL", "MODEL", "PROVIDER", "SPOKEN TO IN"));
    }
    for (name, _) in world.table.list(&names) {
        let Ok(choice) = world.table.choose(&name, &names) else { continue };
        for target in &choice.targets {
            let provider = world.providers.get(target.provider).map_or("", |provider| provider.name.as_str());
            let dialect = targets::known(world, target, crate::ir::Dialect::OpenaiChat)
                .map_or("-", |known| known.dialect.name());
            say(&format!("{name:<56} {provider:<18} {dialect:<20} {}", target.model));
        }
    }
    ExitCode::SUCCESS
}

/// Prints the schema of the file.
pub(super) fn schema() -> ExitCode {
    say(&config::schema());
    ExitCode::SUCCESS
}
