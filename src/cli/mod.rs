//! The commands.

mod against;
mod cache;
mod demo;
mod explain;
mod guard;
mod import;
mod keys;
mod listener;
mod look;
mod serve;
mod staging;
mod usage;

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::Problem;
use crate::proxy::serve::Start;
use crate::units::parse_duration;

const EXAMPLES: &str = "\
Examples:
  tollgate demo                          try it without any key
  OPENAI_API_KEY=sk-… tollgate           serve OpenAI's models on port 8080
  tollgate --config tollgate.yaml check  find every mistake in a file
  tollgate explain --dialect anthropic --model gpt-4o < body.json
                                         what would be sent, and what lost
  tollgate keys create web               a key for one client; see tollgate keys --help
  tollgate usage --from 7d --group team  what was used, and what it cost; see tollgate usage --help
  tollgate models                        what can be asked for, and where it would go
  kill -HUP $(pidof tollgate)            reload the file and the environment files
  tollgate --upgrade & kill -QUIT OLD    replace the running binary without a refused connection";

const CHECK_EXAMPLES: &str = "\
Examples:
  tollgate --config new.yaml check
  tollgate --config new.yaml check --against-ledger 24h   which past requests would be refused, or go
                                                          elsewhere, and what they would have cost
Limits and budgets are tried on windows that begin with the first of those requests; how many ran at one
time, headers, and what stands in bodies are not in the ledger and decide nothing.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  tollgate explain --dialect anthropic --model gpt-4o < body.json
  tollgate explain --all --json < body.json | jq .losses
  tollgate explain --path /v1/embeddings < body.json
No provider is asked, and no secret is shown.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  tollgate import litellm config.yaml -o tollgate.yaml
  tollgate import gomodel .env 2> notes.txt > tollgate.yaml
Secrets that the other file refers to stay references to the same variables.";

/// An AI gateway: one door in front of every LLM provider, every token counted.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, after_help = EXAMPLES)]
struct Arguments {
    /// The configuration file; without one the environment says everything.
    #[arg(long, short, global = true, env = "TOLLGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take the listeners over from the running process, which then gets SIGQUIT.
    #[arg(long)]
    upgrade: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (what happens without a command).
    Serve {
        /// Take the listeners over from the running process, which then gets SIGQUIT.
        #[arg(long)]
        upgrade: bool,
    },
    /// Check the configuration and print every problem with its place and a hint.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(look::Check),
    /// List what can be asked for and where it would go.
    Models,
    /// Show what would become of a request: the plan, what is sent to whom, and what is lost.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(explain::Explain),
    /// Make, list, change and revoke virtual keys.
    Keys(keys::Arguments),
    /// Tell how much a running gateway keeps of answers, and let go of it.
    Cache(cache::Arguments),
    /// Tell which configuration a running gateway serves, and stage another for a share of its clients.
    Config(staging::Arguments),
    /// Show what guards see in a text.
    Guard(guard::Arguments),
    /// Write another gateway's configuration in Tollgate's words, and tell what has none.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(import::Arguments),
    /// Tell what was used and what it cost, or export it.
    Usage(Box<usage::Arguments>),
    /// Run prices again over what was used, after one was corrected.
    Reprice(usage::Reprice),
    /// Print the JSON schema of the configuration file.
    Schema,
    /// Run the gateway and a built-in fake provider together; no keys needed.
    Demo(DemoArguments),
    /// Run the fake provider alone, for tests and load tests.
    Mock(MockArguments),
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// Answer as fast as possible instead of at a human pace.
    #[arg(long)]
    fast: bool,
}

#[derive(Debug, Args)]
struct MockArguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9999", value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// How many threads answer.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How long to wait before the first token: 0ms, 250ms, 1s …
    #[arg(long, default_value = "0ms", value_parser = parse_duration, value_name = "TIME")]
    latency: Duration,
    /// How many tokens an answer has.
    #[arg(long, default_value_t = 60)]
    tokens: usize,
    /// How many tokens a second a stream gives; as fast as possible when not said.
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Which share of requests fails, from 0 to 1.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    failure_rate: f64,
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => serve::serve(arguments.config, start(arguments.upgrade)),
        Some(Command::Serve { upgrade }) => {
            serve::serve(arguments.config, start(upgrade || arguments.upgrade))
        }
        Some(Command::Check(check)) => look::check(arguments.config, &check),
        Some(Command::Models) => look::models(arguments.config),
        Some(Command::Explain(request)) => explain::explain(arguments.config, &request),
        Some(Command::Keys(keys)) => keys::keys(arguments.config, &keys),
        Some(Command::Cache(asked)) => cache::cache(arguments.config, &asked),
        Some(Command::Config(asked)) => staging::staging(arguments.config, &asked),
        Some(Command::Guard(test)) => guard::guard(arguments.config, &test),
        Some(Command::Import(arguments)) => import::import(&arguments),
        Some(Command::Usage(usage)) => usage::usage(arguments.config, &usage),
        Some(Command::Reprice(reprice)) => usage::reprice(arguments.config, &reprice),
        Some(Command::Schema) => look::schema(),
        Some(Command::Demo(demo)) => demo::demo(&demo),
        Some(Command::Mock(mock)) => demo::mock(&mock),
    }
}

const fn start(upgrade: bool) -> Start {
    if upgrade { Start::Upgrade } else { Start::Fresh }
}

/// Prints to standard output; a reader that went away is no error of ours.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

/// Prints to standard error.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints all problems to standard error, and how many there are.
fn complain_of(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        complain(&problem.to_string());
    }
    let noun = if problems.len() == 1 { "problem" } else { "problems" };
    complain(&format!("{} {noun} found", problems.len()));
    ExitCode::FAILURE
}

/// Whether a human reads our output.
fn is_watched() -> bool {
    std::io::stdout().is_terminal()
}
