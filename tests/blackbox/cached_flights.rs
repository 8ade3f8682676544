//! Answers that several wait for, of which not all goes well.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::cached::{calls, part, question, said, send, wait_calls, with};
use crate::harness::{CLIENTS, Client, End, Heard, Http2, PATIENCE, Provider, Setup, Then, mock, wait};

const MAIL: &str = "jo.doe@example.org";

#[test]
fn who_waits_hears_the_answer_of_the_second_target_when_the_first_breaks_off() {
    let mock = mock();
    let (go, gone) = channel();
    let gone = Mutex::new(gone);
    let first = Provider::start(move |_, stream| {
        // Half of an answer, and the end once all wait for it.
        Heard::answer(
            stream,
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n",
        );
        Heard::answer(stream, b"{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[");
        let _ = gone.lock().unwrap().recv_timeout(PATIENCE);
        Then::Close
    });
    let gateway = Setup::new(&mock)
        .provider(&format!("first: {{vendor: custom, base_url: \"http://{}/v1\", models: [m]}}", first.addr))
        .yaml("routes:\n  both: {targets: [first/m, claude-sonnet-4-5]}")
        .start();
    let text = "#mock tokens=9";
    // An answer that is said otherwise is gathered, so that another attempt can be made.
    let mut leader = send(&gateway, &question(Client::Gemini, "both", text, false));
    wait("the first target to be asked", PATIENCE, || (first.heard().len() == 1).then_some(()));
    let others: Vec<_> = CLIENTS
        .into_iter()
        .flat_map(|client| [(client, false), (client, true)])
        .map(|(client, stream)| (client, stream, send(&gateway, &question(client, "both", text, stream))))
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    go.send(()).unwrap();
    let reply = leader.reply().ok();
    assert_eq!(gateway.line(&reply)["attempts"], 2);
    let expected = said(Client::Gemini, &reply, false);
    for (client, stream, mut conn) in others {
        let reply = conn.reply().ok();
        let told = format!("{client:?} {stream}: {}", reply.text());
        assert_eq!(part(&reply), "hit; tier=in-flight", "{told}");
        assert_eq!(reply.header("x-tollgate-provider"), Some("anthropic"), "{told}");
        assert_eq!(said(client, &reply, stream), expected, "{told}");
    }
    assert_eq!((first.heard().len(), calls(&mock)), (1, 1));
    let kept = gateway.ask(&question(Client::Openai, "both", text, false)).ok();
    assert_eq!(part(&kept), "hit; tier=exact");
}

#[test]
fn what_a_guard_refuses_one_key_is_not_refused_another() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(
            "cache: {scope: owner}\nkeys:\n  one: {key: the-secret-of-one, owner: acme}\n  \
             two: {key: the-secret-of-two, owner: acme}\n\
             guards:\n  pii: {detect: [email], action: block, on: [answer], keys: [one]}",
        )
        .start();
    for (round, leads) in [false, true].into_iter().enumerate() {
        let text = format!(
            "#mock echo first=300 rate=200\nRound {round}: write to {MAIL} first of all, and then say the rest of this to whoever else may ask for it."
        );
        let before = calls(&mock);
        let leader = with(question(Client::Openai, "gpt-4o-mini", &text, leads), "the-secret-of-one");
        let mut leader = send(&gateway, &leader);
        wait_calls(&mock, before + 1);
        let others: Vec<_> = CLIENTS
            .into_iter()
            .map(|client| {
                let request = question(client, "gpt-4o-mini", &text, false);
                (client, send(&gateway, &with(request, "the-secret-of-two")))
            })
            .collect();
        let refused = leader.reply();
        assert!(refused.text().contains("guard"), "{}", refused.text());
        for (client, mut conn) in others {
            let reply = conn.reply().ok();
            assert!(said(client, &reply, false).contains(MAIL), "{client:?}: {}", reply.text());
        }
        // Of an answer that broke off one of the others asked, and the rest waited for it.
        assert_eq!(calls(&mock), before + 1 + u64::from(leads));
    }
}

#[test]
fn whose_stream_is_one_of_many_joins_others_and_leads_nobody() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut many = Http2::to(gateway.addr);
    let ask = |text: &str| question(Client::Openai, "gpt-4o-mini", text, true);
    let mut first = send(&gateway, &ask("#mock tokens=9 first=300"));
    wait_calls(&mock, 1);
    let joined = many.ask(&ask("#mock tokens=9 first=300")).ok();
    assert_eq!((part(&joined), calls(&mock)), ("hit; tier=in-flight", 1));
    first.reply().ok();
    // Pingora waits for such a stream's window, and whoever shared its answer would, too.
    std::thread::scope(|scope| {
        let leads = scope.spawn(|| many.ask(&ask("#mock tokens=8 first=300")).ok());
        wait_calls(&mock, 2);
        let apart = gateway.ask(&ask("#mock tokens=8 first=300")).ok();
        assert_eq!((part(&apart), calls(&mock)), ("miss", 3));
        assert_eq!(part(&leads.join().unwrap()), "miss");
    });
    let kept = gateway.ask(&ask("#mock tokens=8 first=300")).ok();
    assert_eq!(part(&kept), "hit; tier=exact");
}

#[test]
fn a_replay_at_its_recorded_pace_ends_with_the_drain() {
    let mock = mock();
    let mut gateway =
        Setup::new(&mock).yaml("cache: {replay: recorded}").env("TOLLGATE_DRAIN", "300ms").start();
    let request = question(Client::Openai, "gpt-4o-mini", "#mock tokens=60 rate=30", true);
    gateway.ask(&request).ok();
    let mut conn = send(&gateway, &request);
    let mut head = conn.head();
    assert_eq!(head.header("x-tollgate-cache"), Some("hit; tier=exact"));
    conn.read_until(&mut head, "content");
    gateway.signal("TERM");
    let (rest, end) = conn.rest(&mut head);
    assert_ne!(end, End::Cut, "{rest}");
    assert!(Client::Openai.error_in(&rest).is_some() && !Client::Openai.is_complete(&rest), "{rest}");
    assert!(gateway.wait_end(PATIENCE).success());
}
