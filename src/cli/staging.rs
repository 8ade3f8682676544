//! `tollgate config`: which configuration a running gateway serves, and another for a share of its clients.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::complain;
use crate::cli::listener::{At, number};
use crate::wire::json::{self, Json};

const EXAMPLES: &str = "\
Examples:
  tollgate config stage --percent 10             the file that the gateway reads, as it is now
  tollgate config stage --percent 10 --text new.yaml
                                                 this file's text instead
  tollgate config share --percent 50             as many see it from now on
  tollgate config promote                        everybody does
  tollgate config drop                           nobody does
A client is a key, or an address where no key is shown, and sees one configuration all the while. Those who
see it at some share see it at every larger one. A reload (SIGHUP) drops what is staged. What is promoted
from a text is not written into the file.
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
    /// Show which configuration is served, and which is staged beside it.
    Show,
    /// Have a share of the clients see another configuration.
    Stage {
        #[command(flatten)]
        share: Share,
        /// A file whose text is sent; the gateway reads its own file where none is named.
        #[arg(long, value_name = "FILE")]
        text: Option<PathBuf>,
    },
    /// Have another share of them see it.
    Share(Share),
    /// Serve it to all of them.
    Promote,
    /// Let go of it.
    Drop,
}

#[derive(Debug, Args)]
struct Share {
    /// Of a hundred clients, how many see it.
    #[arg(long, value_name = "1..100", value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: u8,
}

/// Runs the command.
pub(super) fn staging(file: Option<PathBuf>, arguments: &Arguments) -> ExitCode {
    let listener = match arguments.at.listener(file) {
        Ok(listener) => listener,
        Err(failed) => return failed,
    };
    let mut text = None;
    if let Command::Stage { text: Some(path), .. } = &arguments.command {
        match std::fs::read_to_string(path) {
            Ok(read) => text = Some(read),
            Err(why) => {
                complain(&format!("{}: {why}", path.display()));
                return ExitCode::FAILURE;
            }
        }
    }
    let body = |share: &Share| {
        let mut body = Vec::new();
        json::object(&mut body, |object| {
            object.number("percent", share.percent);
            object.opt_string("text", text.as_deref());
        });
        Some(body)
    };
    let (method, path, body) = match &arguments.command {
        Command::Show => ("GET", "/config", None),
        Command::Stage { share, .. } => ("POST", "/config/stage", body(share)),
        Command::Share(share) => ("PATCH", "/config/stage", body(share)),
        Command::Promote => ("POST", "/config/stage/promote", None),
        Command::Drop => ("DELETE", "/config/stage", None),
    };
    listener.tell(method, path, body.as_deref(), shown)
}

fn shown(answer: &Json<'_>) -> Option<String> {
    let served = format!("generation {} is served", number(answer, "generation")?);
    let staged = answer.get("staged")?;
    if !staged.is_object() {
        return Some(format!("{served}; nothing is staged"));
    }
    let (generation, percent) = (number(staged, "generation")?, number(staged, "percent")?);
    let (at, source) = (staged.get("staged_at")?.as_str()?, staged.get("source")?.as_str()?);
    Some(format!(
        "{served}; {percent} of 100 clients see generation {generation}, from a {source}, since {at}"
    ))
}
