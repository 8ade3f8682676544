//! A trap, not a bench: a socket without TCP_NODELAY anywhere costs 40 ms a request.

use std::time::{Duration, Instant};

use crate::harness::{Client, Http2, Setup, mock};

/// Requests in a round.
const ROUND: usize = 200;

/// Half of what a delayed acknowledgement costs.
const ENOUGH: Duration = Duration::from_millis(20);

/// The median of the best of three rounds: a timer on the way is in all of them, a busy machine is not.
fn best_median(mut ask: impl FnMut()) -> Duration {
    let round = |_| {
        let mut times: Vec<_> = (0..ROUND)
            .map(|_| {
                let begun = Instant::now();
                ask();
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let mut medians = (0..3).map(round);
    let first = medians.next().unwrap();
    if first < ENOUGH { first } else { medians.min().unwrap() }
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
            let median = best_median(|| drop(conn.ask(&request).ok()));
            assert!(median < ENOUGH, "{client:?} from {target:?}: {median:?}");
        }
    }
}

#[test]
fn http2_requests_wait_for_no_timer() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut http2 = Http2::to(gateway.addr);
    let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    let median = best_median(|| drop(http2.ask(&request).ok()));
    assert!(median < ENOUGH, "{median:?}");
}
