//! `tollgate cache`: how much a running gateway keeps, and away with it.
//!
//! What is kept is in that process's memory, so its operator's listener is asked.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::listener::{At, number};
use crate::wire::json::Json;

const EXAMPLES: &str = "\
Examples:
  tollgate cache show
  tollgate cache purge --tag nightly
  tollgate cache purge --model gpt-4o --owner acme/search
  tollgate cache purge --all --admin 10.0.0.7:9090
The running gateway is asked, with the admin key in TOLLGATE_ADMIN_KEY, or else the master key.";

/// The command's own arguments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how much is kept, in memory and behind it.
    Show,
    /// Let go of what is kept: of what fits all that is said, here and on what the fleet shares.
    Purge(Purge),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Purge {
    /// What the key of this name asked for.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// What this owner, and all beneath it, asked for.
    #[arg(long, value_name = "PATH")]
    owner: Option<String>,
    /// Answers of this model, as asked for or as served.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Answers with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// All of it.
    #[arg(long, conflicts_with_all = ["key", "owner", "model", "tag"])]
    all: bool,
}

/// Runs the command.
pub(super) fn cache(file: Option<PathBuf>, arguments: &Arguments) -> ExitCode {
    let listener = match arguments.at.listener(file) {
        Ok(listener) => listener,
        Err(failed) => return failed,
    };
    let (method, query) = match &arguments.command {
        Command::Show => ("GET", String::new()),
        Command::Purge(purge) => ("DELETE", query(purge)),
    };
    listener.tell(method, &format!("/cache{query}"), None, |answer| match &arguments.command {
        Command::Show => shown(answer),
        Command::Purge(_) => purged(answer),
    })
}

fn query(purge: &Purge) -> String {
    let said = [("key", &purge.key), ("owner", &purge.owner), ("model", &purge.model), ("tag", &purge.tag)];
    let mut query = String::new();
    for (name, said) in said.iter().filter_map(|(name, said)| Some((name, said.as_ref()?))) {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        query.push('=');
        for byte in said.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    query.push(byte.into())
                }
                _ => {
                    // A text takes whatever is written to it.
                    let _ = write!(query, "%{byte:02X}");
                }
            }
        }
    }
    query
}

fn shown(answer: &Json<'_>) -> Option<String> {
    let (entries, bytes, room) =
        (number(answer, "entries")?, number(answer, "bytes")?, number(answer, "room")?);
    let mut text = format!("memory  {entries} answers, {bytes} of {room} bytes");
    for tier in answer.get("tiers")?.elements() {
        let name = tier.get("name")?.as_str()?;
        let down = if tier.get("up")?.as_bool()? { "" } else { ", not asked now" };
        let held = match (number(tier, "entries"), number(tier, "bytes"), number(tier, "room")) {
            (Some(entries), Some(bytes), Some(room)) => format!("{entries} entries, {bytes} of {room} bytes"),
            _ => "shared with others".to_owned(),
        };
        let _ = write!(text, "\n{name:<7} {held}{down}");
    }
    Some(text)
}

fn purged(answer: &Json<'_>) -> Option<String> {
    let mut text = format!("{} answers are gone from memory", number(answer, "entries")?);
    for tier in answer.get("tiers")?.elements() {
        let name = tier.get("name")?.as_str()?;
        let entries = number(tier, "entries")?;
        if tier.get("purged")?.as_bool()? {
            let _ = write!(text, ", {entries} from {name}");
        } else {
            let _ = write!(text, "; {name} could not be asked");
        }
    }
    Some(text)
}
