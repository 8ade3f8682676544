//! The operator's listener of a running gateway, for commands about what is in that process's memory.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::{complain, complain_of, say};
use crate::config::{self, Sources};
use crate::units::Secret;
use crate::wire::json::{self, Json, Kind};

/// How long the gateway may take: a server that a fleet shares is looked through name by name.
const PATIENCE: Duration = Duration::from_secs(90);
/// No answer is longer.
const LONGEST: u64 = 4 << 20;

/// Which running gateway is asked, and with what.
#[derive(Debug, Args)]
pub(super) struct At {
    /// The operator's listener of the running gateway; the one of the configuration unless it is said.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    admin: Option<String>,
    /// An admin key with the scope `config`, or the master key.
    #[arg(long, global = true, env = "TOLLGATE_ADMIN_KEY", hide_env_values = true, value_name = "SECRET")]
    admin_key: Option<String>,
}

impl At {
    /// That listener; or what the command ends with, once it is said why there is none.
    pub(super) fn listener(&self, file: Option<PathBuf>) -> Result<Listener, ExitCode> {
        let sources = Sources::from_process(file);
        let admin = match &self.admin {
            Some(admin) => admin.clone(),
            None => match config::load(&sources, 1).map(|compiled| compiled.process.admin_listen) {
                Ok(Some(admin)) => admin,
                Ok(None) => {
                    complain(
                        "the configuration has no operator's listener (admin.listen); --admin names that of another",
                    );
                    return Err(ExitCode::FAILURE);
                }
                Err(problems) => return Err(complain_of(&problems)),
            },
        };
        let key = self.admin_key.as_ref().or_else(|| sources.environment.get("TOLLGATE_MASTER_KEY"));
        Ok(Listener { admin, key: Secret::new(key.map_or("", String::as_str)) })
    }
}

/// The operator's listener of a gateway, and the key that is shown there.
pub(super) struct Listener {
    admin: String,
    key: Secret,
}

impl Listener {
    /// Asks for a path of the admin API, with a body of JSON where there is one, and says what `shown` makes of
    /// the answer.
    pub(super) fn tell(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
        shown: impl FnOnce(&Json<'_>) -> Option<String>,
    ) -> ExitCode {
        let told = self.ask(method, path, body).and_then(|body| {
            let told = json::parse(&body).ok().and_then(|answer| shown(&answer));
            told.ok_or_else(|| format!("{} is no operator's listener of a gateway", self.admin))
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

    /// The body of what the listener answers, or why there is none.
    fn ask(&self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Vec<u8>, String> {
        let admin = &self.admin;
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
            let (key, body) = (self.key.expose(), body.unwrap_or_default());
            let head = format!(
                "{method} /api/v1{path} HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(body)?;
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
            _ => Err(refused(&body).unwrap_or_else(|| format!("the gateway at {admin} answered {status}"))),
        }
    }
}

/// What the gateway says is wrong, with each problem in a line.
fn refused(body: &[u8]) -> Option<String> {
    let answer = json::parse(body).ok()?;
    let error = answer.get("error")?;
    let mut text = error.get("message")?.as_str()?.to_owned();
    for problem in error.get("problems").map(Json::elements).into_iter().flatten() {
        let said = |name: &str| problem.get(name).and_then(Json::as_str).unwrap_or_default();
        text = format!("{text}\n{}: {}", said("place"), said("message"));
        if let Some(Kind::String(hint)) = problem.get("hint").map(Json::kind) {
            text = format!("{text} ({hint})");
        }
    }
    Some(text)
}

/// A number of an answer.
pub(super) fn number(answer: &Json<'_>, name: &str) -> Option<u64> {
    answer.get(name)?.as_u64()
}
