//! `tollgate guard test`: what guards see in a text.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use crate::catalog::names::matches;
use crate::cli::{complain, complain_of, say};
use crate::config::{self, Sources};
use crate::policy::guard::{Action, Asker, Detector, Direction, Guard, Sight, Wanted, Watch, examine};
use crate::wire::json;

const EXAMPLES: &str = "\
Examples:
  tollgate guard test < mail.txt                      what all built-in rules see
  tollgate --config tollgate.yaml guard test --key web --model gpt-4o < mail.txt
  tollgate guard test --detect secrets --json < .env | jq -r .found[].rule
Nothing leaves this machine. The text is read as one block, as a message of a chat would be.";

/// The command's own arguments.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what each rule sees in the text on standard input, and what would go on of it.
    #[command(after_help = EXAMPLES)]
    Test(Test),
}

#[derive(Debug, Args)]
struct Test {
    /// Look as at an answer; without it as at a request.
    #[arg(long, value_enum, default_value_t = On::Request)]
    on: On,
    /// Look with what is built in instead of the configuration's guards: pii, secrets, injection … or one
    /// of their kinds, separated by commas. What is found is masked.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    detect: Vec<String>,
    /// The key that asks.
    #[arg(long, default_value = "", value_name = "NAME")]
    key: String,
    /// Whose key it is.
    #[arg(long, default_value = "", value_name = "PATH")]
    owner: String,
    /// The model that is asked for.
    #[arg(long, default_value = "", value_name = "MODEL")]
    model: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum On {
    Request,
    Answer,
}

/// Runs the command.
pub(super) fn guard(file: Option<PathBuf>, arguments: &Arguments) -> ExitCode {
    let Command::Test(test) = &arguments.command;
    let guards = match guards(file, &test.detect) {
        Ok(guards) => guards,
        Err(code) => return code,
    };
    let mut text = String::new();
    if let Err(error) = std::io::stdin().lock().read_to_string(&mut text) {
        complain(&format!("standard input cannot be read as text: {error}"));
        return ExitCode::FAILURE;
    }
    let direction = match test.on {
        On::Request => Direction::Request,
        On::Answer => Direction::Answer,
    };
    let asker = Asker { key: &test.key, owner: &test.owner, model: &test.model };
    let Some(watch) = Watch::over(&guards, direction, &asker, matches, &[]) else {
        complain("no guard looks at this");
        return ExitCode::SUCCESS;
    };
    let (sights, goes_on) = examine(&watch, &text);
    if test.json {
        say(&as_json(&text, &sights, goes_on.as_deref()))
    } else {
        show(&text, &sights, goes_on)
    }
    ExitCode::SUCCESS
}

/// The guards of the configuration, where there is one and nobody asks for what is built in.
fn guards(file: Option<PathBuf>, detect: &[String]) -> Result<Vec<Arc<Guard>>, ExitCode> {
    if file.is_some() && detect.is_empty() {
        let loaded = config::load(&Sources::from_process(file), 1);
        return loaded.map(|compiled| compiled.snapshot.guards).map_err(|problems| complain_of(&problems));
    }
    let places = Wanted::PII.with(Detector::Secret).with(Detector::Invisible).with(Detector::Exfiltration);
    let all = places.with(Detector::Injection);
    if detect.is_empty() {
        return Ok(vec![Arc::new(Guard::new("built-in", all, Action::Mask))]);
    }
    let mut wanted = Wanted::NONE;
    for name in detect {
        let known = Detector::ALL.into_iter().find(|detector| detector.name() == name && all.has(*detector));
        wanted = match known {
            _ if name == "pii" => wanted.and(Wanted::PII),
            Some(detector) => wanted.with(detector),
            None => {
                let names =
                    Detector::ALL.into_iter().filter(|detector| all.has(*detector)).map(Detector::name);
                complain(&format!(
                    "nothing built in is called \"{name}\"; known are pii, {}",
                    names.collect::<Vec<_>>().join(", ")
                ));
                return Err(ExitCode::FAILURE);
            }
        };
    }
    Ok(vec![Arc::new(Guard::new("built-in", wanted, Action::Mask))])
}

/// Where a byte stands: its line and column, from 1.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}

/// So many characters of what was found are shown.
const SHOWN: usize = 60;

fn show(text: &str, sights: &[Sight], goes_on: Option<String>) {
    for sight in sights {
        let (place, part) = match sight.place {
            Some((start, end)) => {
                let (line, column) = line_and_column(text, start);
                let part: String = text.get(start..end).unwrap_or_default().chars().take(SHOWN).collect();
                (format!("{line}:{column}"), part.escape_debug().to_string())
            }
            None => ("-".to_owned(), String::new()),
        };
        let rule = format!("{}/{}", sight.guard, sight.rule);
        say(&format!("{place:<8} {rule:<36} {:<16} {part}", sight.action.name()));
    }
    match goes_on {
        _ if sights.is_empty() => say("nothing was found"),
        Some(text) => say(&format!("\nwhat goes on:\n{}", text.trim_end())),
        None => say("\nnothing goes on: a guard blocks it"),
    }
}

fn as_json(text: &str, sights: &[Sight], goes_on: Option<&str>) -> String {
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.array("found", |found| {
            for sight in sights {
                found.object(|entry| {
                    entry.string("guard", &sight.guard);
                    entry.string("rule", &sight.rule);
                    entry.string("action", sight.action.name());
                    if let Some((start, end)) = sight.place {
                        entry.number("start", start);
                        entry.number("end", end);
                        entry.string("text", text.get(start..end).unwrap_or_default());
                    }
                });
            }
        });
        object.bool("blocked", goes_on.is_none());
        object.opt_string("goes_on", goes_on);
    });
    String::from_utf8(out).unwrap_or_default()
}
