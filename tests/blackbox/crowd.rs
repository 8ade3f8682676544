//! A crowd: more connections than the process may have files.

use std::time::Duration;

use crate::harness::{Client, Conn, Setup, get, mock, wait};

#[test]
fn more_connections_than_files_are_told_so_and_harm_nobody() {
    let mock = mock();
    let gateway = Setup::new(&mock).files(160).start();
    let mut used = gateway.conn();
    used.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    let mut crowd: Vec<Conn> = Vec::new();
    let mut refused = wait("a refusal", Duration::from_secs(10), || {
        let mut conn = gateway.conn();
        conn.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let head = conn.try_head();
        let refused = head.is_ok();
        crowd.push(conn);
        assert!(crowd.len() < 200, "the limit is felt");
        refused.then(|| (head.unwrap(), crowd.pop().unwrap()))
    });
    assert_eq!(refused.0.status, 503);
    let (text, _) = refused.1.rest(&mut refused.0);
    assert!(text.contains("too many connections"), "{text}");
    gateway.wait_said("files are open");
    // Who was let in before is served, with connections to providers of its own.
    for client in [Client::Openai, Client::Anthropic] {
        used.ask(&client.whole("claude-sonnet-4-5", "#mock tokens=2")).ok();
        crowd[0].ask(&client.stream("gemini-2.5-flash", "#mock tokens=2")).ok();
    }
    let before = gateway.cpu();
    let still: Vec<Conn> = (0..20).filter_map(|_| Conn::try_to(gateway.addr).ok()).collect();
    std::thread::sleep(Duration::from_millis(1000));
    let spent = gateway.cpu() - before;
    assert!(spent < Duration::from_millis(500), "nothing spins: {spent:?}");
    drop((crowd, still));
    wait("room again", Duration::from_secs(10), || {
        (gateway.ask(&get("/health")).status == 200).then_some(())
    });
    let said = gateway.said().iter().filter(|line| line.contains("files are open")).count();
    assert!(said < 4, "the log is not flooded: {said} lines");
}

#[test]
fn a_request_that_finds_no_file_for_its_provider_gets_503() {
    let mock = mock();
    let gateway = Setup::new(&mock).files(160).start();
    let mut crowd: Vec<Conn> = (0..80).map(|_| gateway.conn()).collect();
    let request = Client::Anthropic.stream("gpt-4o-mini", "#mock hang");
    for conn in &mut crowd {
        conn.send(&[request.head(), request.body.clone()].concat());
    }
    let refused: Vec<_> = wait("refusals", Duration::from_secs(10), || {
        let lines: Vec<_> =
            gateway.lines().into_iter().filter(|line| line["outcome"] == "unavailable").collect();
        (!lines.is_empty()).then_some(lines)
    });
    assert!(refused.iter().all(|line| line["http.response.status_code"] == 503), "{refused:?}");
    let before = gateway.cpu();
    std::thread::sleep(Duration::from_millis(1000));
    let spent = gateway.cpu() - before;
    assert!(spent < Duration::from_millis(500), "nothing spins: {spent:?}");
    drop(crowd);
    gateway.wait_idle();
    // A request is told as ended a moment before the last of its files is closed.
    wait("files to be free again", Duration::from_secs(10), || {
        let answer = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2"));
        (answer.status == 200).then_some(())
    });
}
