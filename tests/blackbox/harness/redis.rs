//! A real server of Redis or Valkey on loopback, where the machine has one.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{PATIENCE, wait};

/// The server; it ends with the test.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    pub(crate) addr: SocketAddr,
    folder: PathBuf,
    arguments: Vec<String>,
}

/// Its program, if there is one. `TOLLGATE_NEED_REDIS` makes it a failure when there is none.
fn program() -> Option<&'static str> {
    let runs = |name: &&str| {
        let asked = Command::new(name)
            .arg0("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    // The last is the same program under another name, as it comes without a service.
    let found = ["valkey-server", "redis-server", "redis-check-rdb"].into_iter().find(runs);
    if found.is_none() {
        assert!(
            std::env::var_os("TOLLGATE_NEED_REDIS").is_none(),
            "neither redis-server nor valkey-server is here"
        );
        eprintln!(
            "SKIPPED, for neither redis-server nor valkey-server is here; scripts/setup.sh tests installs one"
        );
    }
    found
}

impl Redis {
    /// Starts one with these arguments besides; `None` where the machine has none.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        program()?;
        let addr = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "redis-{}-{}",
            std::process::id(),
            addr.port()
        ));
        std::fs::create_dir_all(&folder).expect("a writable target folder");
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let child = Self::spawn(addr, &folder, &arguments);
        let redis = Self { child, addr, folder, arguments };
        redis.wait_until_it_listens();
        Some(redis)
    }

    fn spawn(addr: SocketAddr, folder: &PathBuf, arguments: &[String]) -> Child {
        let port = addr.port().to_string();
        Command::new(program().expect("it was there before"))
            .arg0("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(if arguments.iter().any(|text| text == "--tls-port") {
                ["--port", "0"]
            } else {
                ["--port", &port]
            })
            .args(arguments.iter().map(|text| if text == "PORT" { port.as_str() } else { text }))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts")
    }

    fn wait_until_it_listens(&self) {
        wait("the server of the cache", PATIENCE, || TcpStream::connect(self.addr).ok());
    }

    /// Where gateways find it.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Starts it again in the same place, with nothing in it.
    pub(crate) fn start_again(&mut self) {
        self.child = Self::spawn(self.addr, &self.folder, &self.arguments);
        self.wait_until_it_listens();
    }

    /// Stops it, so that it takes connections and says nothing, or has it go on.
    pub(crate) fn halt(&self, halted: bool) {
        let name = if halted { "STOP" } else { "CONT" };
        let sent =
            Command::new("/bin/sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal could not be sent");
    }

    /// What it says to a command in its plainest form: the first line, and the bytes it announces.
    pub(crate) fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(self.addr).expect("it listens");
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("it takes commands");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("it answers");
        if let Some(length) = line.strip_prefix('$').and_then(|length| length.trim().parse::<usize>().ok()) {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("it says as much as it announced");
            return String::from_utf8_lossy(&body).into_owned();
        }
        line.trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
