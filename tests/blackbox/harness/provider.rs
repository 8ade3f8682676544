//! Providers: the mock, and one whose every byte a test decides.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tollgate::mock::{Mock, Options};

use super::client::reset;
use super::{Conn, get};

/// A mock that answers at once.
pub(crate) fn mock() -> Mock {
    tollgate::mock::start(Options::default()).expect("loopback has a free port")
}

/// One of the mock's own pages: `stats`, `last`, `requests`.
pub(crate) fn mock_page(mock: &Mock, page: &str) -> Value {
    Conn::to(mock.addr()).ask(&get(&format!("/__mock/{page}"))).json()
}

/// An address at which nobody listens.
pub(crate) fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// A whole JSON answer as it goes over the wire.
pub(crate) fn json_reply(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// One request as a provider heard it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Which request this is, counted from 0 over all connections.
    pub(crate) number: usize,
    /// Which request on its connection, counted from 0.
    pub(crate) on_connection: usize,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// In how many pieces it was read.
    pub(crate) pieces: usize,
}

/// What a provider does with the connection after it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Keep,
    Close,
    Reset,
}

/// A provider that does to each request what a test says.
pub(crate) struct Provider {
    pub(crate) addr: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Provider {
    /// Starts one.
    pub(crate) fn start(act: impl Fn(&Heard, &mut TcpStream) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let (heard, stop) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let (hearing, stopping) = (Arc::clone(&heard), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (act, count) = (Arc::new(act), Arc::new(AtomicUsize::new(0)));
            for stream in listener.incoming() {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let (act, count, hearing) = (Arc::clone(&act), Arc::clone(&count), Arc::clone(&hearing));
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || serve(stream, &*act, &count, &hearing));
            }
        });
        Self { addr, heard, stop, thread: Some(thread) }
    }

    /// What it heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    act: &(impl Fn(&Heard, &mut TcpStream) -> Then + ?Sized),
    count: &AtomicUsize,
    hearing: &Mutex<Vec<Heard>>,
) {
    let _ = stream.set_nodelay(true);
    for on_connection in 0.. {
        let Some((head, body, pieces)) = hear(&mut stream) else { return };
        let number = count.fetch_add(1, Ordering::Relaxed);
        let heard = Heard { number, on_connection, head, body, pieces };
        hearing.lock().unwrap().push(heard.clone());
        match act(&heard, &mut stream) {
            Then::Keep => {}
            Then::Close => return,
            Then::Reset => return reset(stream),
        }
    }
}

fn hear(stream: &mut TcpStream) -> Option<(String, Vec<u8>, usize)> {
    let mut held = Vec::new();
    let mut buffer = [0; 8 << 10];
    for pieces in 0.. {
        if let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&held[..at]).to_ascii_lowercase();
            let length =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if held.len() - at - 4 >= length.unwrap_or(0) {
                return Some((head, held.split_off(at + 4), pieces));
            }
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => held.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
    None
}

/// Writes, whether or not anybody still reads.
impl Heard {
    pub(crate) fn answer(stream: &mut TcpStream, bytes: &[u8]) {
        let _ = stream.write_all(bytes);
    }
}
