//! How many requests a target gets at one time, who waits, and in which order.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tollgate::mock::Mock;

use crate::harness::{
    CLIENTS, Client, Conn, Gateway, Heard, PATIENCE, Provider, Request, Setup, Then, json_reply, mock, wait,
};

const REPLY: &str = "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\
    \"message\":{\"role\":\"assistant\",\"content\":\"well\"},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";

/// How many it answers now, how many it has in hand, and the most that it ever had.
#[derive(Default)]
struct Hand {
    allowed: usize,
    busy: usize,
    most: usize,
}

/// A provider that answers as many requests as it is told to.
struct Slow {
    hand: Arc<(Mutex<Hand>, Condvar)>,
    provider: Provider,
}

impl Slow {
    fn start() -> Self {
        let hand: Arc<(Mutex<Hand>, Condvar)> = Arc::default();
        let own = Arc::clone(&hand);
        let provider = Provider::start(move |_, stream| {
            let (hand, bell) = &*own;
            let mut held = hand.lock().unwrap();
            held.busy += 1;
            held.most = held.most.max(held.busy);
            let (mut held, _) = bell.wait_timeout_while(held, PATIENCE, |held| held.allowed == 0).unwrap();
            held.allowed = held.allowed.saturating_sub(1);
            held.busy -= 1;
            drop(held);
            Heard::answer(stream, &json_reply(200, REPLY));
            Then::Keep
        });
        Self { hand, provider }
    }

    /// Answers so many, now or when they come.
    fn answer(&self, count: usize) {
        self.hand.0.lock().unwrap().allowed += count;
        self.hand.1.notify_all();
    }

    fn most(&self) -> usize {
        self.hand.0.lock().unwrap().most
    }

    /// Waits until it has heard so many.
    fn hears(&self, count: usize) {
        wait("requests to arrive", PATIENCE, || (self.provider.heard().len() >= count).then_some(()));
    }

    /// The words that it heard, in their order.
    fn words(&self, among: &[&str]) -> Vec<String> {
        let heard = self.provider.heard();
        let bodies = heard.iter().map(|heard| String::from_utf8_lossy(&heard.body).into_owned());
        let word =
            |body: String| among.iter().find(|word| body.contains(**word)).map(|word| (*word).to_owned());
        bodies.filter_map(word).collect()
    }
}

fn setup(mock: &Mock, at: SocketAddr, pressure: &str) -> Setup {
    let provider =
        format!("slow: {{vendor: custom, base_url: \"http://{at}/v1\", models: [m], api_keys: [k-12345]}}");
    Setup::new(mock).provider(&provider).yaml(&format!("pressure: {{{pressure}}}\ncache: off"))
}

fn send(gateway: &Gateway, request: &Request) -> Conn {
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body.clone()].concat());
    conn
}

fn ask(words: &str) -> Request {
    Client::Openai.whole("slow/m", words)
}

/// Waits until so many wait in the line of that priority.
fn waits(gateway: &Gateway, priority: &str, count: f64) {
    let who = [("gen_ai_provider_name", "slow"), ("gen_ai_request_model", "m"), ("priority", priority)];
    gateway.wait_metric("tollgate_queue_waiting", &who, count);
}

#[test]
fn a_target_has_no_more_requests_at_one_time_than_it_is_given() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "concurrency: 2").start();
    let conns: Vec<_> = (0..9).map(|number| send(&gateway, &ask(&format!("hello {number}")))).collect();
    slow.hears(2);
    waits(&gateway, "normal", 7.0);
    let status = gateway.admin_page("/status").ok().json();
    let told = &status["pressure"][0];
    assert_eq!(
        (&told["limit"], &told["in_flight"], &told["waiting"]["normal"]),
        (&2.into(), &2.into(), &7.into())
    );
    // A reload forgets nobody.
    gateway.reload();
    slow.answer(9);
    for mut conn in conns {
        let reply = conn.reply().ok();
        assert!(reply.text().contains("well"), "{}", reply.text());
    }
    assert_eq!(slow.most(), 2);
    gateway.wait_idle();
    waits(&gateway, "normal", 0.0);
    gateway.wait_metric("tollgate_concurrency_in_flight", &[("gen_ai_provider_name", "slow")], 0.0);
    gateway.wait_metric("tollgate_queued_requests_total", &[("result", "waited")], 7.0);
    slow.answer(1);
    let waited = gateway.ask(&ask("once more")).ok();
    assert!(!waited.header("server-timing").unwrap().contains("queue"), "there was a place");
}

#[test]
fn who_finds_no_room_to_wait_is_told_when_to_come_back() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "concurrency: 1, queue: 0").start();
    let mut first = send(&gateway, &ask("hello"));
    slow.hears(1);
    for client in CLIENTS {
        for request in [client.whole("slow/m", "more"), client.stream("slow/m", "more")] {
            let reply = gateway.ask(&request);
            assert!([503, 529].contains(&reply.status), "{client:?}: {}", reply.text());
            let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
            assert!(client.refusal(&reply).message.contains("at one time"), "{}", reply.text());
        }
    }
    slow.answer(1);
    first.reply().ok();
    assert_eq!(slow.provider.heard().len(), 1);
    gateway.wait_metric("tollgate_queued_requests_total", &[("result", "turned_away")], 6.0);
}

#[test]
fn who_waits_too_long_is_refused_and_leaves_nothing_behind() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "concurrency: 1, wait: 300ms").start();
    let mut first = send(&gateway, &ask("hello"));
    slow.hears(1);
    let begun = Instant::now();
    let reply = gateway.ask(&ask("more"));
    assert_eq!((reply.status, Client::Openai.refusal(&reply).code.as_deref()), (503, Some("queue_timeout")));
    assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
    assert!(
        reply.header("server-timing").unwrap().contains("queue;dur=3"),
        "{:?}",
        reply.header("server-timing")
    );
    // Its own time-out holds in the line too.
    let reply = gateway.ask(&ask("more").header("x-tollgate-timeout", "100ms"));
    assert_eq!(reply.status, 504, "{}", reply.text());
    slow.answer(2);
    first.reply().ok();
    gateway.ask(&ask("after all")).ok();
    waits(&gateway, "normal", 0.0);
    gateway.wait_metric("tollgate_concurrency_in_flight", &[("gen_ai_provider_name", "slow")], 0.0);
}

#[test]
fn a_client_that_leaves_the_line_gives_its_place_up() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "concurrency: 1").start();
    let mut first = send(&gateway, &ask("hello"));
    slow.hears(1);
    let second = send(&gateway, &ask("impatient"));
    waits(&gateway, "normal", 1.0);
    let mut third = send(&gateway, &ask("patient"));
    waits(&gateway, "normal", 2.0);
    drop(second);
    waits(&gateway, "normal", 1.0);
    slow.answer(2);
    first.reply().ok();
    third.reply().ok();
    assert_eq!(slow.words(&["impatient", "patient"]), ["patient"]);
    gateway.line_where("outcome", "client_gone");
    gateway.wait_metric("tollgate_concurrency_in_flight", &[("gen_ai_provider_name", "slow")], 0.0);
}

#[test]
fn another_target_with_room_is_asked_instead_of_waiting() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "queue: 5")
        .provider(
            "other: {vendor: custom, base_url: \"http://127.0.0.1:9/v1\", models: [n], api_keys: [k-12345]}",
        )
        .yaml("routes: {both: {targets: [slow/m, openai/gpt-4o-mini]}, alone: {targets: [slow/m]}}")
        .start();
    gateway.rewrite(|text| text.replace("models: [m],", "models: [m], concurrency: 1,"));
    gateway.reload();
    let mut first = send(&gateway, &Client::Openai.whole("both", "hello"));
    slow.hears(1);
    for _ in 0..3 {
        let reply = gateway.ask(&Client::Openai.whole("both", "#mock tokens=2")).ok();
        assert_eq!(reply.header("x-tollgate-provider"), Some("openai"));
        assert_eq!(gateway.line(&reply)["attempts"], 1);
    }
    slow.answer(1);
    first.reply().ok();
    slow.answer(1);
    let reply = gateway.ask(&Client::Openai.whole("both", "hello")).ok();
    assert_eq!(reply.header("x-tollgate-provider"), Some("slow"), "there is room again");
}

const KEYS: &str = "master_key: the-master-secret
keys:
  batch: {key: batch-key-of-the-test, owner: acme/batch, priority: low}
  crowd: {key: crowd-key-of-the-test, owner: acme/crowd}
  quiet: {key: quiet-key-of-the-test, owner: acme/quiet}
  person: {key: person-key-of-the-test, owner: acme/web, priority: high}
";

fn of(key: &str, words: &str) -> Request {
    ask(words).header("authorization", &format!("Bearer {key}-key-of-the-test"))
}

#[test]
fn who_sits_before_it_goes_first_and_owners_take_turns() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "concurrency: 1").yaml(KEYS).start();
    let mut conns = vec![send(&gateway, &of("crowd", "begin"))];
    slow.hears(1);
    let mut line = |key: &str, priority: &str, count: usize, before: usize| {
        for number in 1..=count {
            conns.push(send(&gateway, &of(key, &format!("from {key}"))));
            #[allow(clippy::cast_precision_loss)]
            waits(&gateway, priority, (before + number) as f64);
        }
    };
    line("batch", "low", 3, 0);
    line("crowd", "normal", 6, 0);
    line("quiet", "normal", 1, 6);
    line("person", "high", 2, 0);
    for count in 1..=13 {
        slow.answer(1);
        slow.hears((count + 1).min(13));
    }
    for mut conn in conns {
        conn.reply().ok();
    }
    let order = slow.words(&["from batch", "from crowd", "from quiet", "from person"]);
    let at = |who: &str| order.iter().position(|word| word.ends_with(who)).unwrap();
    let last = |who: &str| order.iter().rposition(|word| word.ends_with(who)).unwrap();
    assert!(last("person") <= 3, "{order:?}");
    assert!(at("quiet") < at("crowd") + 3 && at("quiet") < last("crowd") - 2, "{order:?}");
    assert!(at("batch") < last("crowd"), "nobody starves: {order:?}");
    assert_eq!(order.len(), 12);
}

#[test]
fn a_client_may_ask_for_less_than_its_key_has_and_not_for_more() {
    let (mock, slow) = (mock(), Slow::start());
    let gateway = setup(&mock, slow.provider.addr, "concurrency: 1").yaml(KEYS).start();
    let mut first = send(&gateway, &of("crowd", "begin"));
    slow.hears(1);
    let mut others = Vec::new();
    for (key, said, is) in [("person", "low", "low"), ("crowd", "high", "normal"), ("person", "HIGH", "high")]
    {
        others.push(send(&gateway, &of(key, "more").header("x-tollgate-priority", said)));
        waits(&gateway, is, 1.0);
    }
    let reply = gateway.ask(&of("person", "more").header("x-tollgate-priority", "urgent"));
    assert_eq!(reply.status, 400);
    let refusal = Client::Openai.refusal(&reply);
    assert_eq!(refusal.param.as_deref(), Some("x-tollgate-priority"));
    assert!(refusal.message.contains("high, normal or low"), "{}", refusal.message);
    slow.answer(4);
    first.reply().ok();
    others.iter_mut().for_each(|conn| drop(conn.reply().ok()));
}

#[test]
fn what_a_provider_asks_to_come_later_waits_for_it_instead_of_failing() {
    let mock = mock();
    let provider = Provider::start(|heard, stream| {
        if heard.number == 0 {
            let body = "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit\",\"param\":null,\"code\":null}}";
            let reply = String::from_utf8(json_reply(429, body)).unwrap();
            Heard::answer(stream, reply.replacen("\r\n", "\r\nretry-after: 1\r\n", 1).as_bytes());
        } else {
            Heard::answer(stream, &json_reply(200, REPLY));
        }
        Then::Keep
    });
    let gateway = setup(&mock, provider.addr, "concurrency: adaptive, wait: 5s").start();
    let begun = Instant::now();
    let mut first = send(&gateway, &ask("first"));
    wait("the first", PATIENCE, || (!provider.heard().is_empty()).then_some(()));
    waits(&gateway, "normal", 1.0);
    let mut second = send(&gateway, &ask("second"));
    waits(&gateway, "normal", 2.0);
    assert_eq!(provider.heard().len(), 1, "nobody asks meanwhile");
    first.reply().ok();
    second.reply().ok();
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(provider.heard().len(), 3);
}

#[test]
fn a_provider_that_has_nothing_left_is_waited_for() {
    let mock = mock();
    let provider = Provider::start(|heard, stream| {
        let left = if heard.number == 0 { "0" } else { "9" };
        let lines =
            format!("\r\nx-ratelimit-remaining-requests: {left}\r\nx-ratelimit-reset-requests: 800ms\r\n");
        let reply = String::from_utf8(json_reply(200, REPLY)).unwrap();
        Heard::answer(stream, reply.replacen("\r\n", &lines, 1).as_bytes());
        Then::Keep
    });
    let gateway = setup(&mock, provider.addr, "concurrency: 8, wait: 5s").start();
    gateway.ask(&ask("first")).ok();
    let begun = Instant::now();
    gateway.ask(&ask("second")).ok();
    assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    let begun = Instant::now();
    gateway.ask(&ask("third")).ok();
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[test]
fn who_waits_already_waits_on_when_a_provider_wants_to_be_left_alone() {
    let mock = mock();
    let provider = Provider::start(|heard, stream| {
        if heard.number == 0 {
            std::thread::sleep(Duration::from_millis(700));
            let body = "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit\",\"param\":null,\"code\":null}}";
            let reply = String::from_utf8(json_reply(429, body)).unwrap();
            Heard::answer(stream, reply.replacen("\r\n", "\r\nretry-after: 1\r\n", 1).as_bytes());
        } else {
            Heard::answer(stream, &json_reply(200, REPLY));
        }
        Then::Keep
    });
    let settings = "concurrency: 1, wait: 20s";
    let gateway = setup(&mock, provider.addr, settings).env("TOLLGATE_ATTEMPTS", "1").start();
    let mut first = send(&gateway, &ask("first"));
    wait("the first", PATIENCE, || (!provider.heard().is_empty()).then_some(()));
    let mut others: Vec<_> = (0..3).map(|_| send(&gateway, &ask("more"))).collect();
    waits(&gateway, "normal", 3.0);
    assert_eq!(first.reply().status, 429);
    let begun = Instant::now();
    for conn in &mut others {
        conn.reply().ok();
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(800) && took < Duration::from_secs(6), "{took:?}");
}

/// What a provider does at its best at one time; with more it is slower by the square of how many that is.
const AT_BEST: usize = 4;

#[test]
fn an_adaptive_limit_finds_what_a_provider_can_do_and_keeps_it_there() {
    const CLIENTS: usize = 30;
    let (warm, measured) = (Duration::from_secs(4), Duration::from_secs(5));
    let mock = mock();
    let busy = Arc::new(AtomicUsize::new(0));
    let seen: Arc<Mutex<Vec<(Instant, usize)>>> = Arc::default();
    let (own, seeing) = (Arc::clone(&busy), Arc::clone(&seen));
    let provider = Provider::start(move |_, stream| {
        let now = own.fetch_add(1, Ordering::SeqCst) + 1;
        seeing.lock().unwrap().push((Instant::now(), now));
        let times = u32::try_from((now * now).div_ceil(AT_BEST * AT_BEST)).unwrap();
        std::thread::sleep(Duration::from_millis(100) * times);
        own.fetch_sub(1, Ordering::SeqCst);
        Heard::answer(stream, &json_reply(200, REPLY));
        Then::Keep
    });
    let gateway = setup(&mock, provider.addr, "concurrency: adaptive, queue: 100, wait: 30s").start();
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut conn = gateway.conn();
            std::thread::spawn(move || {
                while begun.elapsed() < warm + measured {
                    assert_eq!(conn.ask(&ask("more")).status, 200);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("no request failed");
    }
    let seen = seen.lock().unwrap();
    let late: Vec<usize> = seen
        .iter()
        .filter(|(at, _)| (warm..warm + measured).contains(&at.duration_since(begun)))
        .map(|(_, busy)| *busy)
        .collect();
    // All of them together would get six answers a second out of it, and at its best it gives forty.
    assert!(late.len() >= 75, "{} requests in {measured:?}", late.len());
    let mean = late.iter().sum::<usize>() / late.len();
    assert!((AT_BEST / 2..=AT_BEST * 2).contains(&mean), "{mean} at one time");
}
