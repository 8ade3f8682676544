//! `tollgate cache`: how much a running gateway keeps, and away with it.
//!
//! What is kept is in that process's memory, so its operator's listener is asked.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::{complain, complain_of, say};
use crate::config::{self, Sources};
use crate::units::Secret;
use crate::wire::json::{self, Json};

const EXAMPLES: &str = "\
Examples:
  tollgate cache show
  tollgate cache purge --tag nightly
  tollgate cache purge --model gpt-4o --owner acme/search
  tollgate cache purge --all --admin 10.0.0.7:9090
The running gateway is asked, with the admin key in TOLLGATE_ADMIN_KEY, or else the master key.";

/// How long the gateway may take: a server that a fleet shares is looked through name by name.
const PATIENCE: Duration = Duration::from_secs(90);
/// No answer is longer.
const LONGEST: u64 = 1 << 20;

/// The command's own arguments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The operator's listener of the running gateway; the one of the configuration unless it is said.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    admin: Option<String>,
    /// An admin key with the scope `config`, or the master key.
    #[arg(long, global = true, env = "TOLLGATE_ADMIN_KEY", hide_env_values = true, value_name = "SECRET")]
    admin_key: Option<String>,
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
    let sources = Sources::from_process(file);
    let admin = match &arguments.admin {
        Some(admin) => admin.clone(),
        None => match config::load(&sources, 1).map(|compiled| compiled.process.admin_listen) {
            Ok(Some(admin)) => admin,
            Ok(None) => {
                complain(
                    "the configuration has no operator's listener (admin.listen); --admin names that of another",
                );
                return ExitCode::FAILURE;
            }
            Err(problems) => return complain_of(&problems),
        },
    };
    let key = arguments.admin_key.as_ref().or_else(|| sources.environment.get("TOLLGATE_MASTER_KEY"));
    let key = Secret::new(key.map_or("", String::as_str));
    let (method, query) = match &arguments.command {
        Command::Show => ("GET", String::new()),
        Command::Purge(purge) => ("DELETE", query(purge)),
    };
    let asked = ask(&admin, &key, method, &query);
    let told = asked.and_then(|body| {
        let told = json::parse(&body).ok().and_then(|answer| match &arguments.command {
            Command::Show => shown(&answer),
            Command::Purge(_) => purged(&answer),
        });
        told.ok_or_else(|| format!("{admin} is no operator's listener of a gateway"))
    });
    match told {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
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

/// The body of what the listener answers, or why there is none.
fn ask(admin: &str, key: &Secret, method: &str, query: &str) -> Result<Vec<u8>, String> {
    let unreachable = |error: &dyn std::fmt::Display| format!("no gateway answers at {admin}: {error}");
    let found = admin.to_socket_addrs().map_err(|error| unreachable(&error))?.next();
    // A listener on every address is reached on this machine's own.
    let address = found.map(|address| match address.ip().is_unspecified() {
        true if address.is_ipv6() => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, address.port())),
        true => SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, address.port())),
        false => address,
    });
    let address = address.ok_or_else(|| unreachable(&"no such host is known"))?;
    let exchange = || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let key = key.expose();
        let head = format!(
            "{method} /api/v1/cache{query} HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer {key}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    let answer = exchange().map_err(|error| unreachable(&error))?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(&answer);
    let (Ok(httparse::Status::Complete(length)), Some(status)) = (parsed, head.code) else {
        return Err(format!("{admin} is no operator's listener of a gateway"));
    };
    let body = answer.get(length..).unwrap_or_default().to_vec();
    match status {
        200 => Ok(body),
        401 | 403 => Err(format!(
            "the gateway at {admin} does not let this key do that ({status}); TOLLGATE_ADMIN_KEY or --admin-key gives another"
        )),
        _ => Err(format!("the gateway at {admin} answered {status}")),
    }
}

fn number(answer: &Json<'_>, name: &str) -> Option<u64> {
    answer.get(name)?.as_u64()
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
