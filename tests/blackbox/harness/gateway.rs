//! The gateway: the built binary as a child process, with its log, its metrics and its signals.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tollgate::mock::Mock;

use super::{Conn, PATIENCE, Request, get, wait};

/// How a gateway is to be started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    providers: Vec<String>,
    more: String,
    operators: String,
    environment: Vec<(String, String)>,
    files: Option<u32>,
}

impl Setup {
    /// All three vendors at this mock.
    pub(crate) fn new(mock: &Mock) -> Self {
        let at = mock.addr();
        Self::default()
            .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: openai-secret}}"))
            .provider(&format!("anthropic: {{base_url: \"http://{at}\", api_key: anthropic-secret}}"))
            .provider(&format!("gemini: {{base_url: \"http://{at}/v1beta\", api_key: gemini-secret}}"))
    }

    /// The same with one more provider, as `name: {field: value}`.
    pub(crate) fn provider(mut self, line: &str) -> Self {
        self.providers.push(line.to_owned());
        self
    }

    /// The same with more of the file.
    pub(crate) fn yaml(mut self, text: &str) -> Self {
        self.more.push_str(text);
        self.more.push('\n');
        self
    }

    /// The same with these admin keys.
    pub(crate) fn operators(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.operators);
        self
    }

    /// The same with a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this limit of open files.
    pub(crate) const fn files(mut self, limit: u32) -> Self {
        self.files = Some(limit);
        self
    }

    /// Starts it on free ports and waits until it serves.
    pub(crate) fn start(self) -> Gateway {
        let ((addr, claim), (admin, admin_claim)) = (free_port(), free_port());
        let folder = fresh_folder();
        std::fs::write(folder.join("tollgate.yaml"), self.file(addr, admin)).expect("a writable folder");
        let mut gateway = self.spawn(addr, admin, folder, &[]);
        gateway.claims = vec![claim, admin_claim];
        gateway.wait_until_it_serves();
        gateway
    }

    fn file(&self, addr: SocketAddr, admin: SocketAddr) -> String {
        let keys = if self.operators.is_empty() { "{}" } else { &self.operators };
        let mut text = format!("listen: {addr}\nadmin: {{listen: \"{admin}\", keys: {keys}}}\n{}", self.more);
        if !self.providers.is_empty() {
            text.push_str("providers:\n");
            for line in &self.providers {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    fn spawn(self, addr: SocketAddr, admin: SocketAddr, folder: PathBuf, arguments: &[&str]) -> Gateway {
        let binary = env!("CARGO_BIN_EXE_tollgate");
        let mut command = match self.files {
            None => Command::new(binary),
            Some(limit) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), binary]);
                shell
            }
        };
        command
            .arg("--config")
            .arg(folder.join("tollgate.yaml"))
            .args(arguments)
            .current_dir(&folder)
            .env_clear()
            .env("TOLLGATE_DISCOVERY", "off")
            .env("TOLLGATE_THREADS", "2")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary is there");
        let (lines, said) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        listen(child.stdout.take(), Arc::clone(&lines), |line| {
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("a line of the log is no JSON: {line}"))
        });
        listen(child.stderr.take(), Arc::clone(&said), |line| line);
        Gateway { child, addr, admin, folder, setup: self, lines, said, claims: Vec::new() }
    }
}

fn listen<T: Send + 'static>(
    pipe: Option<impl Read + Send + 'static>,
    into: Arc<Mutex<Vec<T>>>,
    read: impl Fn(String) -> T + Send + 'static,
) {
    let Some(pipe) = pipe else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let line = read(line);
            into.lock().unwrap().push(line);
        }
    });
}

/// A port below those that the system hands to clients, so that none of them takes it meanwhile,
/// and the claim to it: workers share their ports, so that two gateways of two test runs could
/// both listen there. The claim is the UDP port of the same number.
fn free_port() -> (SocketAddr, UdpSocket) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 12_000).unwrap_or(0);
    loop {
        let port = 20_000 + (spread + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if let Ok(claim) = UdpSocket::bind(addr)
            && TcpListener::bind(addr).is_ok()
        {
            return (addr, claim);
        }
    }
}

fn fresh_folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("blackbox-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a writable target folder");
    folder
}

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    folder: PathBuf,
    setup: Setup,
    lines: Arc<Mutex<Vec<Value>>>,
    said: Arc<Mutex<Vec<String>>>,
    /// Kept until the ports are free again.
    claims: Vec<UdpSocket>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.claims.clear();
        if std::thread::panicking() {
            eprintln!("the gateway said:\n{}", self.said().join("\n"));
            for line in self.lines() {
                eprintln!("{line}");
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Gateway {
    fn wait_until_it_serves(&self) {
        wait("the gateway to serve", PATIENCE, || {
            let asked = Conn::try_to(self.addr).ok()?.try_ask(&get("/health")).ok()?;
            (asked.status == 200).then_some(())
        });
        wait("the admin listener", PATIENCE, || Conn::try_to(self.admin).ok());
    }

    /// A new connection.
    pub(crate) fn conn(&self) -> Conn {
        Conn::to(self.addr)
    }

    /// Asks on a connection of its own.
    pub(crate) fn ask(&self, request: &Request) -> super::Reply {
        self.conn().ask(request)
    }

    /// The lines of the access log so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// What it said on standard error so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said this on standard error.
    pub(crate) fn wait_said(&self, text: &str) -> String {
        wait(text, PATIENCE, || self.said().into_iter().find(|line| line.contains(text)))
    }

    /// Waits for the line of a request, by a field that tells it from the others.
    pub(crate) fn line_where(&self, field: &str, value: &str) -> Value {
        wait(&format!("the line with {field} {value}"), PATIENCE, || {
            self.lines().into_iter().find(|line| line[field] == value)
        })
    }

    /// Waits for the line of the request with this answer.
    pub(crate) fn line(&self, reply: &super::Reply) -> Value {
        self.line_where("request_id", &reply.id())
    }

    /// Waits until a metric, summed over the series that have these labels, is this.
    pub(crate) fn wait_metric(&self, name: &str, labels: &[(&str, &str)], expected: f64) {
        let mut last = f64::NAN;
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            last = self.metric(name, labels);
            if (last - expected).abs() < 1e-12 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{name} {labels:?} is {last}, not {expected}");
    }

    /// A metric, summed over the series that have these labels.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.admin_page("/metrics").text();
        let own = |line: &&str| {
            let Some(rest) = line.strip_prefix(name) else { return false };
            rest.starts_with(['{', ' '])
                && labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
        };
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        text.lines().filter(own).filter_map(value).sum()
    }

    /// A page of the operator's listener.
    pub(crate) fn admin_page(&self, path: &str) -> super::Reply {
        Conn::to(self.admin).ask(&get(path))
    }

    /// Waits until no request runs.
    pub(crate) fn wait_idle(&self) {
        self.wait_metric("tollgate_requests_in_flight", &[], 0.0);
    }

    /// What `tollgate explain` says of this request under this gateway's configuration, and whether it
    /// was well.
    pub(crate) fn explain(&self, request: &Request, arguments: &[&str]) -> (bool, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("--config")
            .arg(self.folder.join("tollgate.yaml"))
            .args(["explain", "--path", &request.path])
            .args(arguments)
            .env_clear()
            .envs(self.setup.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary is there");
        child.stdin.take().expect("a pipe").write_all(&request.body).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.success(), String::from_utf8(output.stdout).expect("text"))
    }

    /// Runs another command beside it, with its configuration: whether it went well, and what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("--config")
            .arg(self.folder.join("tollgate.yaml"))
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.setup.environment.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .expect("the binary is there");
        (output.status.success(), String::from_utf8(output.stdout).expect("text"))
    }

    /// Changes the file, as an editor would, in one step.
    pub(crate) fn rewrite(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.join("tollgate.yaml");
        let text = change(std::fs::read_to_string(&path).expect("the file is there"));
        let fresh = self.folder.join("tollgate.yaml.new");
        std::fs::write(&fresh, text).expect("a writable folder");
        std::fs::rename(fresh, path).expect("a writable folder");
    }

    /// Sends a signal: `HUP`, `TERM`, `QUIT`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own: a small machine has no program of that name.
        let sent =
            Command::new("/bin/sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal could not be sent");
    }

    /// Which world it serves.
    pub(crate) fn generation(&self) -> u64 {
        self.admin_page("/status").json()["generation"].as_u64().expect("a number")
    }

    /// Reloads, and waits until the new world serves.
    pub(crate) fn reload(&self) {
        let before = self.generation();
        self.signal("HUP");
        wait("the reload", PATIENCE, || (self.generation() > before).then_some(()));
    }

    /// Waits for its end.
    pub(crate) fn wait_end(&mut self, patience: Duration) -> ExitStatus {
        let child = &mut self.child;
        wait("the process to end", patience, || child.try_wait().expect("our own child"))
    }

    /// How much of a core's time it has used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields: Vec<u64> = stat
            .rsplit(") ")
            .next()
            .map(|rest| {
                rest.split(' ').filter_map(|field| field.parse::<i64>().ok()).map(i64::unsigned_abs).collect()
            })
            .unwrap_or_default();
        // User and system time stand 14th and 15th, in hundredths of a second; the state, which is
        // no number, is not counted here.
        Duration::from_millis(10 * (fields[10] + fields[11]))
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Kills it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Starts it again in the same place, once it has ended, and waits until it serves.
    pub(crate) fn start_again(&mut self) {
        let mut next = self.setup.clone().spawn(self.addr, self.admin, self.folder.clone(), &[]);
        std::mem::swap(&mut self.child, &mut next.child);
        std::mem::swap(&mut self.lines, &mut next.lines);
        std::mem::swap(&mut self.said, &mut next.said);
        // What is dropped now has ended already, and the folder is still in use.
        next.folder = PathBuf::new();
        drop(next);
        self.wait_until_it_serves();
    }

    /// Its folder for data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("tollgate-data")
    }

    /// Lets no file of it grow beyond this many bytes, or any again.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let set = Command::new("prlimit")
            .args([format!("--pid={}", self.child.id()), format!("--fsize={limit}:")])
            .status();
        assert!(set.is_ok_and(|status| status.success()), "the limit could not be set");
    }

    /// Starts a second process that takes the listeners over, with an admin listener of its own,
    /// and tells this one to hand them over.
    pub(crate) fn upgrade(&self) -> Self {
        let folder = self.folder.clone();
        let next = self.setup.clone().spawn(self.addr, self.admin, folder, &["--upgrade"]);
        self.signal("QUIT");
        next
    }
}
