//! How a process ends: nothing that was begun is lost, and a new one can take its place unseen.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{
    CLIENTS, Client, Conn, End, Gateway, Head, Http2, PATIENCE, Setup, mock, mock_page, wait,
};

fn open_stream(gateway: &Gateway, client: Client, directive: &str) -> (Conn, Head) {
    let request = client.stream("gpt-4o-mini", directive);
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body].concat());
    let head = conn.head();
    assert_eq!(head.status, 200);
    (conn, head)
}

#[test]
fn sigterm_lets_open_streams_finish_and_takes_no_new_ones() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).start();
    let mut streams: Vec<_> = CLIENTS
        .into_iter()
        .map(|client| (client, open_stream(&gateway, client, "#mock tokens=90 rate=60")))
        .collect();
    let mut idle = gateway.conn();
    idle.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    gateway.signal("TERM");
    wait("new connections to be refused", PATIENCE, || Conn::try_to(gateway.addr).is_err().then_some(()));
    assert!(idle.is_closed_by_peer(), "idle connections are closed");
    for (client, (conn, head)) in &mut streams {
        let (text, end) = conn.rest(head);
        assert_eq!(end, End::Clean, "{text}");
        assert!(client.is_complete(&text) && client.error_in(&text).is_none(), "{text}");
    }
    let begun = Instant::now();
    let status = gateway.wait_end(PATIENCE);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?} after the last stream", begun.elapsed());
    assert_eq!(status.code(), Some(0));
    let lines = wait("all lines", PATIENCE, || Some(gateway.lines()).filter(|lines| lines.len() == 4));
    assert!(lines.iter().all(|line| line["outcome"] == "answered"), "{lines:?}");
}

#[test]
fn sigterm_ends_an_idle_process_at_once() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).start();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    let _idle = gateway.conn();
    let begun = Instant::now();
    gateway.signal("TERM");
    assert_eq!(gateway.wait_end(PATIENCE).code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(wait("the line", PATIENCE, || gateway.lines().pop())["outcome"], "answered");
}

#[test]
fn the_drain_limit_cuts_what_takes_too_long_and_still_logs_it() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).env("TOLLGATE_DRAIN", "500ms").start();
    let (mut conn, mut head) = open_stream(&gateway, Client::Openai, "#mock tokens=2000 rate=50");
    conn.read_until(&mut head, "\n\n");
    let begun = Instant::now();
    gateway.signal("TERM");
    let (text, _) = conn.rest(&mut head);
    assert!(!Client::Openai.is_complete(&text));
    let status = gateway.wait_end(PATIENCE);
    assert_eq!(status.code(), Some(0));
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(400) && took < Duration::from_secs(3), "{took:?}");
    gateway.wait_said("1 requests are cut off");
    let line = wait("the line of what was cut", PATIENCE, || gateway.lines().pop());
    assert_ne!(line["outcome"], "answered", "{line}");
    assert!(line["gen_ai.usage.output_tokens"].as_u64() > Some(5), "what was used is counted: {line}");
}

#[test]
fn sigint_ends_it_fast() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).start();
    let _stream = open_stream(&gateway, Client::Openai, "#mock tokens=2000 rate=50");
    let begun = Instant::now();
    gateway.signal("INT");
    gateway.wait_end(PATIENCE);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn http2_streams_finish_after_sigterm_too() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).start();
    let addr = gateway.addr;
    let asking = std::thread::spawn(move || {
        Http2::to(addr).ask(&Client::Openai.stream("gpt-4o-mini", "#mock tokens=60 rate=60"))
    });
    wait("the stream to begin", PATIENCE, || (mock_page(&mock, "stats")["streams"] == 1).then_some(()));
    gateway.signal("TERM");
    let reply = asking.join().unwrap().ok();
    assert!(Client::Openai.is_complete(&reply.text()), "{}", reply.text());
    assert_eq!(gateway.wait_end(PATIENCE).code(), Some(0));
}

#[test]
fn readiness_ends_with_the_first_signal() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    assert_eq!(gateway.admin_page("/ready").status, 200);
    assert_eq!(gateway.admin_page("/health").status, 200);
    // A connection that was there before still hears of the drain.
    let mut admin = Conn::to(gateway.admin);
    let (mut conn, mut head) = open_stream(&gateway, Client::Openai, "#mock tokens=60 rate=60");
    gateway.signal("TERM");
    wait("new connections to be refused", PATIENCE, || Conn::try_to(gateway.addr).is_err().then_some(()));
    match admin.try_ask(&crate::harness::get("/ready")) {
        Ok(reply) => assert_eq!(reply.status, 503, "{}", reply.text()),
        Err(_) => assert!(Conn::try_to(gateway.admin).is_err(), "not listening is not ready either"),
    }
    conn.rest(&mut head);
}

#[test]
fn an_upgrade_refuses_no_connection_and_cuts_no_stream() {
    let mock = mock();
    let mut old = Setup::new(&mock).start();
    let mut streams: Vec<_> = CLIENTS
        .into_iter()
        .map(|client| (client, open_stream(&old, client, "#mock tokens=160 rate=20")))
        .collect();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let addr = old.addr;
    let threads: Vec<_> = CLIENTS
        .into_iter()
        .map(|client| {
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    Conn::try_to(addr)
                        .and_then(|mut conn| conn.try_ask(&client.whole("gpt-4o-mini", "#mock tokens=2")))
                        .unwrap_or_else(|error| panic!("a request failed: {error}"))
                        .ok();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    wait("some traffic", PATIENCE, || (done.load(Ordering::Relaxed) > 20).then_some(()));
    let mut new = old.upgrade();
    wait("the new process to answer", PATIENCE, || (!new.lines().is_empty()).then_some(()));
    for (client, (conn, head)) in &mut streams {
        let (text, end) = conn.rest(head);
        assert_eq!(end, End::Clean, "{text}");
        assert!(client.is_complete(&text) && client.error_in(&text).is_none(), "{text}");
    }
    let status = old.wait_end(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{:?}", old.said());
    let before = done.load(Ordering::Relaxed);
    wait("traffic after the end of the old one", PATIENCE, || {
        (done.load(Ordering::Relaxed) > before + 20).then_some(())
    });
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no request failed");
    }
    assert!(new.is_running());
    assert_eq!(new.admin_page("/ready").status, 200, "the operator's listener went over too");
    let done = done.load(Ordering::Relaxed) + streams.len();
    let lines = wait("a line for every request", PATIENCE, || {
        Some(old.lines().into_iter().chain(new.lines()).collect::<Vec<_>>()).filter(|lines| {
            lines.iter().filter(|line| line["gen_ai.operation.name"] == "chat").count() == done
        })
    });
    assert!(lines.iter().all(|line| line["outcome"] == "answered"));
}

#[test]
fn the_drain_limit_leaves_a_record_of_a_request_whose_provider_is_silent() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).env("TOLLGATE_DRAIN", "300ms").start();
    let silent: Vec<_> = CLIENTS
        .into_iter()
        .flat_map(|client| {
            [client.whole("gpt-4o-mini", "#mock hang"), client.stream("gpt-4o-mini", "#mock hang")]
        })
        .map(|request| {
            let mut conn = gateway.conn();
            conn.send(&[request.head(), request.body].concat());
            conn
        })
        .collect();
    let addr = gateway.addr;
    std::thread::spawn(move || Http2::to(addr).try_ask(&Client::Openai.stream("gpt-4o-mini", "#mock hang")));
    // One whose body never comes, and one that is told of everything but reads nothing.
    let mut half = gateway.conn();
    half.send(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    let deaf = {
        let request = Client::Openai.stream("gpt-4o-mini", "#mock big=8000000");
        let mut conn = gateway.conn();
        conn.send(&[request.head(), request.body].concat());
        conn
    };
    gateway.wait_metric("tollgate_requests_in_flight", &[], 9.0);
    let begun = Instant::now();
    gateway.signal("TERM");
    for mut conn in silent {
        let reply = conn.reply();
        assert_eq!(reply.status, 503, "{}", reply.text());
    }
    assert_eq!(gateway.wait_end(PATIENCE).code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let lines = wait("a line for each", PATIENCE, || Some(gateway.lines()).filter(|lines| lines.len() == 9));
    assert!(lines.iter().all(|line| line["outcome"] != "answered"), "{lines:?}");
    drop((half, deaf));
}

#[test]
fn sigterm_ends_a_process_with_idle_connections_of_all_kinds_at_once() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).start();
    let fresh = gateway.conn();
    let mut used = gateway.conn();
    used.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    let mut half = gateway.conn();
    half.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost");
    let mut http2 = Http2::to(gateway.addr);
    http2.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    let begun = Instant::now();
    gateway.signal("TERM");
    assert_eq!(gateway.wait_end(PATIENCE).code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop((fresh, used, half, http2));
}

#[test]
fn an_address_that_is_taken_ends_a_process_at_once_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    for (variable, other) in
        [("TOLLGATE_LISTEN", "TOLLGATE_ADMIN_LISTEN"), ("TOLLGATE_ADMIN_LISTEN", "TOLLGATE_LISTEN")]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .env_clear()
            .envs([(variable, address.as_str()), (other, "127.0.0.1:0")])
            .envs([("OPENAI_API_KEY", "unused"), ("TOLLGATE_DISCOVERY", "off")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let end = Instant::now() + PATIENCE;
        while child.try_wait().expect("a child").is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().ok();
        let output = child.wait_with_output().expect("its words");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen on {address}")) && said.contains(variable), "{said}");
    }
}
