//! A trap, not a bench: a socket without TCP_NODELAY anywhere costs 40 ms a request.

use std::time::{Duration, Instant};

use crate::harness::{Client, Http2, Setup, mock};

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn small_requests_one_after_another_wait_for_no_timer() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let pairs = [
        (Client::Openai, Client::Openai),
        (Client::Openai, Client::Anthropic),
        (Client::Anthropic, Client::Gemini),
    ];
    for (client, target) in pairs {
        for ask in [Client::whole, Client::stream] {
            let request = ask(client, target.model(), "#mock tokens=2");
            let mut conn = gateway.conn();
            let times = (0..200).map(|_| {
                let begun = Instant::now();
                conn.ask(&request).ok();
                begun.elapsed()
            });
            let median = median(times.collect());
            assert!(median < Duration::from_millis(20), "{client:?} from {target:?}: {median:?}");
        }
    }
}

#[test]
fn http2_requests_wait_for_no_timer() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut http2 = Http2::to(gateway.addr);
    let times = (0..100).map(|_| {
        let begun = Instant::now();
        http2.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
        begun.elapsed()
    });
    let median = median(times.collect());
    assert!(median < Duration::from_millis(20), "{median:?}");
}
