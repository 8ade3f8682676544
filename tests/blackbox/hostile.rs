//! Clients that mean harm: what each may take is bounded, and nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Client, Gateway, Http2, Setup, mock, mock_page, wait};

/// The gateway still serves, holds nothing for anybody, and nothing has panicked.
fn still_well(gateway: &Gateway) {
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    gateway.wait_idle();
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    assert_eq!(gateway.said().into_iter().find(|line| line.contains("panicked")), None);
}

fn connect(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(gateway.addr).expect("the gateway takes connections");
    stream.set_nodelay(true).expect("a live socket");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a live socket");
    stream
}

/// Whether the gateway has ended a connection, however it did.
fn is_ended(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 16 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
            }
        }
    }
}

#[test]
fn heads_that_never_end_are_given_up_however_slowly_they_come() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "1s").start();
    let mut streams: Vec<_> = (0..100).map(|_| connect(&gateway)).collect();
    let head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: ";
    streams.iter_mut().for_each(|stream| stream.write_all(head).unwrap());
    let begun = Instant::now();
    let mut told = vec![false; streams.len()];
    while told.contains(&false) && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(100));
        for (stream, told) in streams.iter_mut().zip(&mut told) {
            // A byte now and then buys no more time.
            let is_gone = stream.write_all(b"a").is_err();
            stream.set_nonblocking(true).unwrap();
            let mut buffer = [0; 256];
            *told |= is_gone
                || stream
                    .read(&mut buffer)
                    .is_ok_and(|read| read == 0 || buffer.starts_with(b"HTTP/1.1 408"));
            stream.set_nonblocking(false).unwrap();
        }
    }
    assert!(!told.contains(&false), "all hear so within {:?}", begun.elapsed());
    drop(streams);
    still_well(&gateway);
    assert_eq!(mock_page(&mock, "stats")["requests"], 1);
}

#[test]
fn a_thousand_half_open_connections_hinder_nobody_and_end() {
    let mock = mock();
    let gateway =
        Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "2s").env("TOLLGATE_KEEPALIVE", "2s").start();
    let mut streams: Vec<_> = (0..1000).map(|_| connect(&gateway)).collect();
    for (place, stream) in streams.iter_mut().enumerate() {
        // Nothing at all, half a head, a whole one without its body.
        let said: &[u8] = match place % 3 {
            0 => b"",
            1 => b"POST /v1/chat/comp",
            _ => b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
        };
        stream.write_all(said).unwrap();
    }
    let begun = Instant::now();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(streams.iter_mut().all(is_ended), "all of them are closed");
    still_well(&gateway);
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The fields of a GET of `/v1/models`: method and scheme out of the static table, the rest in letters.
fn fields() -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(0x04, "/v1/models"), (0x01, "gateway")] {
        block.push(name);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value.as_bytes());
    }
    block
}

fn http2(gateway: &Gateway) -> TcpStream {
    let mut stream = connect(gateway);
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
    stream
}

/// Writes until it is told to stop; whether the other side let it come to its end.
fn write_all(stream: &mut TcpStream, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    for chunk in frames {
        if stream.write_all(&chunk).is_err() {
            return false;
        }
    }
    true
}

#[test]
fn streams_that_are_opened_and_reset_at_once_reach_no_provider_and_harm_nobody() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut neighbour = Http2::to(gateway.addr);
    let mut stream = http2(&gateway);
    let reset = |number: u32| {
        let id = 2 * number + 1;
        let open = frame(HEADERS, END_STREAM | END_HEADERS, id, &fields());
        [open, frame(RESET, 0, id, &8_u32.to_be_bytes())].concat()
    };
    let begun = Instant::now();
    write_all(&mut stream, (0..50_000).map(reset));
    let answer = neighbour.try_ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2"));
    assert_eq!(answer.map(|reply| reply.status), Some(200), "the neighbour is served");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    drop(stream);
    still_well(&gateway);
    assert_eq!(mock_page(&mock, "stats")["requests"], 2);
}

#[test]
fn fields_without_an_end_end_the_connection() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut stream = http2(&gateway);
    let field = [&[0x00, 0x01, b'x', 0x7f, 0x81, 0x06][..], &[b'a'; 1024]].concat();
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &fields())).unwrap();
    let more = || frame(CONTINUATION, 0, 1, &field);
    let all = write_all(&mut stream, (0..200_000).map(|_| more()));
    assert!(!all || is_ended(&mut stream), "a head of 200 MB is not taken");
    still_well(&gateway);
    assert_eq!(mock_page(&mock, "stats")["requests"], 1);
}

#[test]
fn pings_and_settings_without_end_make_nobody_wait() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut stream = http2(&gateway);
    let flood = |number: u32| {
        if number.is_multiple_of(2) { frame(PING, 0, 0, &[0; 8]) } else { frame(SETTINGS, 0, 0, &[]) }
    };
    // Its answers are not read.
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    write_all(&mut stream, (0..100_000).map(flood));
    let begun = Instant::now();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(stream);
    wait("its end", Duration::from_secs(10), || {
        (gateway.metric("tollgate_requests_in_flight", &[]) == 0.0).then_some(())
    });
    still_well(&gateway);
}
