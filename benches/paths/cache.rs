//! What a look into the cache costs: the number of a question, and what there is under it.

use std::time::Duration;

use bytes::Bytes;
use divan::{Bencher, black_box};
use tollgate::cache::{
    Answer, Entry, Exact, Fingerprint, Flights, Look, Mark, Origin, Realm, fingerprint, packed,
};
use tollgate::dialect::{Restore, StreamShape, codec, transcode};
use tollgate::ir::{Block, Dialect, Losses, Request, Role, Turn};
use tollgate::provider::Base;

use crate::material::{SIZES, conversation, parse, reply, seed};

const KEY: [u8; 32] = [7; 32];
static BASE: Base = Base { tls: true, host: String::new(), port: 443, path: String::new() };
const REALM: Realm<'static> =
    Realm { scope: "key:web", namespace: "", targets: &[("openai", "gpt-4.1", &BASE)], strictly: None };

/// The number of a question that has been read.
#[divan::bench(args = SIZES)]
fn number(bencher: Bencher, size: usize) {
    let request = parse(Dialect::OpenaiChat, &conversation(Dialect::OpenaiChat, size));
    bencher.bench(|| fingerprint::of_request(&KEY, &REALM, black_box(&request)));
}

/// All that a hit costs before its answer is told: the question is read and its number looked up.
#[divan::bench(args = SIZES)]
fn read_and_look_up(bencher: Bencher, size: usize) {
    let body = conversation(Dialect::OpenaiChat, size);
    let cache = filled(10_000);
    let request = parse(Dialect::OpenaiChat, &body);
    cache.keep(fingerprint::of_request(&cache.key, &REALM, &request), entry(), 0, Duration::from_secs(60), 0);
    bencher.bench(|| {
        let request = parse(Dialect::OpenaiChat, black_box(&body));
        cache.find(fingerprint::of_request(&cache.key, &REALM, &request), &LOOK)
    });
}

/// A look among this many entries.
#[divan::bench(args = [100, 10_000])]
fn look_up(bencher: Bencher, entries: u64) {
    let cache = filled(entries);
    let wanted = question(entries / 2);
    bencher.bench(|| cache.find(black_box(wanted), &LOOK));
}

/// An entry takes the place of the least used one.
#[divan::bench]
fn keep_where_there_is_no_room(bencher: Bencher) {
    let room = entry().weight() * 1000;
    let cache = Exact::new(KEY, room, room);
    let mut next = 0;
    bencher.bench_local(|| {
        next += 1;
        cache.keep(question(next), entry(), 0, Duration::from_secs(60), 0)
    });
}

/// A whole answer is told to a client of another dialect, as a stream.
#[divan::bench]
fn tell_again(bencher: Bencher) {
    let body = reply(Dialect::OpenaiChat);
    let shape = StreamShape { framing: tollgate::dialect::Framing::Sse, usage: true };
    let restore = Restore { anew: true, ..Restore::NONE };
    bencher.bench(|| {
        let mut reply = codec(Dialect::OpenaiChat).parse_reply(black_box(&body)).unwrap();
        restore.reply(&mut reply);
        transcode::stream(reply, Dialect::AnthropicMessages, &seed(), shape, &mut Losses::new())
    });
}

/// An answer of a few kilobytes comes from behind memory, and its checksum is looked at.
#[divan::bench]
fn unpack_from_behind(bencher: Bencher) {
    let number = question(0);
    let packed = Bytes::from(packed::pack(&KEY, number, &entry(), 0, u64::MAX));
    bencher.bench(|| packed::unpack(&KEY, number, black_box(&packed)).unwrap());
}

const LOOK: Look = Look { now: 1, max_age: None, entries: true, flights: Flights::Apart };

fn question(number: u64) -> Fingerprint {
    let turn = Turn::new(Role::User, vec![Block::text(number.to_string())]);
    fingerprint::of_request(&KEY, &REALM, &Request { turns: vec![turn], ..Request::default() })
}

fn entry() -> Entry {
    let (dialect, restore) = (Dialect::OpenaiChat, Restore::NONE);
    let (provider, model, losses) = ("openai".into(), "gpt-4.1".into(), Losses::new());
    let origin = Origin { dialect, framing: None, restore, provider, model, losses };
    let body = Bytes::from(reply(Dialect::OpenaiChat));
    Entry::Answer(Answer { origin, body, pace: Vec::new(), mark: Mark::default() })
}

fn filled(entries: u64) -> Exact {
    let cache = Exact::new(KEY, 1 << 30, 1 << 20);
    for number in 0..entries {
        cache.keep(question(number), entry(), 0, Duration::from_secs(60), 0);
    }
    cache
}
