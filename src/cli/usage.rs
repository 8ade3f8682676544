//! `tollgate usage` and `tollgate reprice`: what was used and what it cost, read from the ledger in the
//! folder for data, whether or not a gateway runs on it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{complain, complain_of, say};
use crate::clock;
use crate::config::{self, Sources};
use crate::proxy::departure::targets;
use crate::store::ledger::export::{self, Format, Sheet};
use crate::store::ledger::{self, By, Filter, Grouping, Query, Reader, Run};
use crate::units::PicoUsd;

const EXAMPLES: &str = "\
Examples:
  tollgate usage                              the last 24 hours, by owner, key and model
  tollgate usage --from 30d --by day --group team
  tollgate usage --owner acme/search --group model --json
  tollgate usage export --from 2026-11-01 --to 2026-12-01 --format parquet -o november.parquet
Times are in UTC: a moment (2026-11-26T14:00:00Z), a day, seconds since 1970, or a time back from now
(24h, 7d). Sums go back as far as the ledger keeps them (ledger.keep_rollups), single requests as far as
ledger.keep.";

const REPRICE_EXAMPLES: &str = "\
Examples:
  tollgate reprice --since 2026-11-01 --dry-run
  tollgate reprice --since 7d
Each request keeps what it cost first. What a provider says that it charges stays, and so does what
limits and budgets have counted.";

/// The command's own arguments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    meant: Meant,
    /// How time is told apart.
    #[arg(long, value_enum, default_value_t = Piece::None)]
    by: Piece,
    /// By what requests are told apart; may be given several times or separated by commas: owner, team,
    /// key, label, model, `asked_model`, provider, session, user, tag, operation, client, status, stop,
    /// cache, config, guard.
    #[arg(long = "group", value_name = "WHAT", value_delimiter = ',', value_parser = grouping)]
    groups: Vec<Grouping>,
    /// Print JSON, a line for each group.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write every request that is meant into a file.
    Export {
        #[command(flatten)]
        meant: Meant,
        /// What the file looks like.
        #[arg(long, value_enum, default_value_t = Written::Csv)]
        format: Written,
        /// Where it is written; standard output if not said.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Which requests are meant. Most may be given several times, for any of the values.
#[derive(Debug, Args)]
struct Meant {
    /// From when on. Default: 24h ago.
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Until when. Default: now.
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Whose: org/team, and all below.
    #[arg(long, value_name = "PATH")]
    owner: Vec<String>,
    /// A key, by name or id.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// A label.
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// A model, as its provider or as clients name it.
    #[arg(long, value_name = "MODEL")]
    model: Vec<String>,
    /// A provider.
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// A session.
    #[arg(long, value_name = "SESSION")]
    session: Vec<String>,
    /// A user.
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// A tag.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// An operation: chat, embeddings …
    #[arg(long, value_name = "WHAT")]
    operation: Vec<String>,
    /// What the client speaks: `openai_chat`, `anthropic_messages` …
    #[arg(long, value_name = "DIALECT")]
    client: Vec<String>,
    /// A status, ok or error.
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// What part the gateway's own cache had: none, miss, exact, disk, redis, semantic, in-flight.
    #[arg(long, value_name = "PART")]
    cache: Vec<String>,
    /// The least cost, in USD.
    #[arg(long, value_name = "USD")]
    min_cost: Option<String>,
    /// A part of an id, a name, a model, an outcome …
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

/// The arguments of `tollgate reprice`.
#[derive(Debug, Args)]
#[command(after_help = REPRICE_EXAMPLES)]
pub(super) struct Reprice {
    /// From when on.
    #[arg(long, value_name = "WHEN")]
    since: String,
    /// Until when. Default: now.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Change nothing, and say what would change.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Piece {
    None,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl From<Piece> for By {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::None => Self::None,
            Piece::Minute => Self::Minute,
            Piece::Hour => Self::Hour,
            Piece::Day => Self::Day,
            Piece::Week => Self::Week,
            Piece::Month => Self::Month,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    Csv,
    Jsonl,
    Parquet,
}

impl From<Written> for Format {
    fn from(written: Written) -> Self {
        match written {
            Written::Csv => Self::Csv,
            Written::Jsonl => Self::Jsonl,
            Written::Parquet => Self::Parquet,
        }
    }
}

fn grouping(text: &str) -> Result<Grouping, String> {
    Grouping::from_name(text.trim()).ok_or_else(|| {
        let known: Vec<_> = Grouping::ALL.iter().map(|grouping| grouping.name()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

impl Meant {
    fn filter(&self, now: u64) -> Result<Filter, String> {
        const DAY: u64 = 86_400_000;
        let mut filter = Filter { from: now.saturating_sub(DAY), to: now + 1, ..Filter::default() };
        let one = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
        for (name, values) in [
            ("from", &one(&self.from)),
            ("to", &one(&self.to)),
            ("owner", &self.owner),
            ("key", &self.key),
            ("label", &self.label),
            ("model", &self.model),
            ("provider", &self.provider),
            ("session", &self.session),
            ("user", &self.user),
            ("tag", &self.tag),
            ("operation", &self.operation),
            ("client", &self.client),
            ("status", &self.status),
            ("cache", &self.cache),
            ("min_cost", &one(&self.min_cost)),
            ("search", &one(&self.search)),
        ] {
            for value in values {
                filter.set(name, value, now).map_err(|mistaken| format!("--{mistaken}"))?;
            }
        }
        Ok(filter)
    }
}

/// Runs `tollgate usage`.
pub(super) fn usage(file: Option<PathBuf>, arguments: &Arguments) -> ExitCode {
    let compiled = match config::load(&Sources::from_process(file), 1) {
        Ok(compiled) => compiled,
        Err(problems) => return complain_of(&problems),
    };
    let data = &compiled.process.data_dir;
    told(match &arguments.command {
        None => table(data, arguments),
        Some(Command::Export { meant, format, output }) => {
            write(data, meant, (*format).into(), output.as_deref())
        }
    })
}

fn told(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

/// The ledger, with what a process that ended has left in its journal.
fn open(data: &Path) -> Result<Reader, String> {
    if !Reader::is_in(data) {
        return Err(format!("there is no ledger in {}: no gateway has served from there", data.display()));
    }
    for why in ledger::move_left(data)? {
        complain(&format!("some requests are not in the ledger yet: {why}"));
    }
    Reader::open(data).map_err(|unusable| format!("the ledger cannot be read: {unusable}"))
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("the ledger cannot be read: {error}")
}

fn table(data: &Path, arguments: &Arguments) -> Result<(), String> {
    let mut groups = arguments.groups.clone();
    if groups.is_empty() {
        groups = vec![Grouping::Owner, Grouping::Key, Grouping::Model];
    }
    let filter = arguments.meant.filter(clock::unix_millis())?;
    let query = Query { filter, by: arguments.by.into(), groups };
    let found = open(data)?.usage(&query).map_err(failed)?;
    if arguments.json {
        let mut sheet = Sheet::begin(Format::Jsonl, export::of_usage(&query), io::stdout().lock())
            .map_err(|error| error.to_string())?;
        for row in &found.rows {
            // A reader that went away is no error of ours.
            if sheet.add(row).is_err() {
                return Ok(());
            }
        }
        return Ok(());
    }
    let moment = |at| clock::rfc3339(at).as_str().get(..16).unwrap_or_default().replace('T', " ");
    let mut lines = vec![heads(&query)];
    for row in &found.rows {
        let mut cells = Vec::new();
        if query.by != By::None {
            cells.push(moment(row.at));
        }
        cells
            .extend(row.group.iter().map(|name| if name.is_empty() { "-".to_owned() } else { name.clone() }));
        cells.extend(numbers(&row.sums));
        lines.push(cells);
    }
    let mut sum = ledger::Sums::default();
    found.rows.iter().for_each(|row| sum.add(&row.sums));
    let is_whole = !query.groups.iter().any(|grouping| grouping.is_of_several());
    if is_whole && found.rows.len() > 1 {
        let names = lines.first().map_or(0, Vec::len) - NUMBERS.len();
        let mut cells = vec![String::new(); names];
        if let Some(first) = cells.first_mut() {
            "all".clone_into(first);
        }
        cells.extend(numbers(&sum));
        lines.push(cells);
    }
    say(&format!("{} to {} UTC", moment(found.from), moment(found.to)));
    say(&aligned(&lines, NUMBERS.len()));
    if sum.unpriced() > 0 {
        say(&format!(
            "{} requests have no known price: 'models' in the configuration can state it, and tollgate reprice \
             runs it over them",
            sum.unpriced()
        ));
    }
    Ok(())
}

const NUMBERS: [&str; 6] = ["REQUESTS", "ERRORS", "INPUT", "OUTPUT", "COST USD", "P50 MS"];

fn heads(query: &Query) -> Vec<String> {
    let time = (query.by != By::None).then_some("TIME".to_owned());
    let groups = query.groups.iter().map(|grouping| grouping.name().to_uppercase());
    time.into_iter().chain(groups).chain(NUMBERS.map(str::to_owned)).collect()
}

fn numbers(sums: &ledger::Sums) -> [String; 6] {
    let usage = sums.usage();
    let millis = sums.latency.percentile(500).map(|time| time.as_millis().to_string());
    [
        sums.requests().to_string(),
        sums.errors().to_string(),
        usage.total_input().to_string(),
        usage.total_output().to_string(),
        dollars(sums.cost()),
        millis.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// An amount to the micro-dollar, rounded up, so that little is not nothing.
fn dollars(amount: PicoUsd) -> String {
    let micro = amount.0.div_ceil(1_000_000);
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

/// Cells under each other: texts to the left, the last columns, which are numbers, to the right.
fn aligned(lines: &[Vec<String>], numbers: usize) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column + numbers >= columns { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn write(data: &Path, meant: &Meant, format: Format, output: Option<&Path>) -> Result<(), String> {
    let filter = meant.filter(clock::unix_millis())?;
    let reader = open(data)?;
    let count = match output {
        Some(path) => {
            let cannot = |error: io::Error| format!("{}: {error}", path.display());
            let file = File::create(path).map_err(cannot)?;
            write_to(&reader, &filter, format, BufWriter::new(file)).map_err(cannot)?
        }
        None => match write_to(&reader, &filter, format, io::stdout().lock()) {
            // A reader that went away has what it wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.map_err(failed)?,
        },
    };
    if let Some(path) = output {
        complain(&format!("{count} requests written to {}", path.display()));
    }
    Ok(())
}

fn write_to(reader: &Reader, filter: &Filter, format: Format, mut out: impl Write) -> io::Result<u64> {
    if format == Format::Jsonl {
        let count = each(reader, filter, |row| out.write_all(&export::line(row)))?;
        out.flush()?;
        return Ok(count);
    }
    let mut sheet = Sheet::begin(format, export::of_requests(), out)?;
    let count = each(reader, filter, |row| sheet.add(row))?;
    sheet.end()?;
    Ok(count)
}

/// Writes every request that is meant, until one cannot be written; how many those were.
fn each(
    reader: &Reader,
    filter: &Filter,
    mut write: impl FnMut(&ledger::Row) -> io::Result<()>,
) -> io::Result<u64> {
    let mut count = 0;
    let written = reader.each(filter, |row| match write(row) {
        Ok(()) => {
            count += 1;
            ControlFlow::Continue(())
        }
        Err(error) => ControlFlow::Break(error),
    });
    match written.map_err(|error| io::Error::other(error.to_string()))? {
        ControlFlow::Continue(()) => Ok(count),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Runs `tollgate reprice`.
pub(super) fn reprice(file: Option<PathBuf>, arguments: &Reprice) -> ExitCode {
    let compiled = match config::load(&Sources::from_process(file), 1) {
        Ok(compiled) => compiled,
        Err(problems) => return complain_of(&problems),
    };
    let world = &compiled.snapshot;
    let data = &compiled.process.data_dir;
    let now = clock::unix_millis();
    let moment = |name: &str, text: &str| {
        ledger::moment(text, now).ok_or_else(|| {
            format!(
                "--{name}: expected a moment, a day, or a time back from now such as 7d, found \"{text}\""
            )
        })
    };
    let run = if arguments.dry_run { Run::Dry } else { Run::Real(now / 1000) };
    let outcome = moment("since", &arguments.since).and_then(|since| {
        let until = arguments.until.as_deref().map_or(Ok(now + 1), |until| moment("until", until))?;
        open(data)?;
        ledger::reprice(data, (since, until), run, &|provider, model| {
            targets::price_of(world, provider, model)
        })
    });
    told(outcome.map(|repriced| {
        let would = if arguments.dry_run { "would cost" } else { "cost" };
        say(&format!(
            "{} of {} requests {would} something else now: {} USD in all, {} USD before",
            repriced.changed, repriced.requests, repriced.after, repriced.before
        ));
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_each_other() {
        let lines = [vec!["OWNER".to_owned(), "N".to_owned()], vec!["a".to_owned(), "1000".to_owned()]];
        assert_eq!(aligned(&lines, 1), "OWNER     N\na      1000");
        assert_eq!(dollars(PicoUsd(1)), "0.000001");
        assert_eq!(dollars(PicoUsd(1_500_000_000_000)), "1.500000");
    }
}
