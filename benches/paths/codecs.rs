//! Reading and saying requests and answers, and both: what a translated exchange costs.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use http::HeaderMap;
use tollgate::dialect::{Restore, codec, transcode};
use tollgate::ir::{Dialect, Losses};

use crate::material::{self, Pair, Sized, answer, conversation, head, pairs, profile, reply, seed, sized};

#[divan::bench(args = sized())]
fn parse_request(bencher: Bencher, Sized(dialect, size): Sized) {
    let body = conversation(dialect, size);
    let headers = HeaderMap::new();
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| codec(dialect).parse_request(&head(dialect, &headers), black_box(&body)));
}

#[divan::bench(args = sized())]
fn render_request(bencher: Bencher, Sized(dialect, size): Sized) {
    let request = material::parse(dialect, &conversation(dialect, size));
    let profile = profile(dialect);
    bencher.bench(|| codec(dialect).render_request(black_box(&request), "m", &profile, &mut Losses::new()));
}

#[divan::bench(args = Dialect::ALL)]
fn parse_reply(bencher: Bencher, dialect: Dialect) {
    let body = reply(dialect);
    bencher.counter(BytesCount::new(body.len())).bench(|| codec(dialect).parse_reply(black_box(&body)));
}

#[divan::bench(args = Dialect::ALL)]
fn render_reply(bencher: Bencher, dialect: Dialect) {
    let (answer, seed) = (answer(), seed());
    bencher.bench(|| codec(dialect).render_reply(black_box(&answer), &seed, &mut Losses::new()));
}

#[divan::bench(args = Dialect::ALL)]
fn find_usage(bencher: Bencher, dialect: Dialect) {
    let body = reply(dialect);
    bencher.bench(|| codec(dialect).find_usage(black_box(&body)));
}

/// A request of 2 KB there and an answer of 1 KB back; the budget is 20 µs.
#[divan::bench(args = pairs())]
fn exchange(bencher: Bencher, Pair(upstream, client): Pair) {
    let (asked, answered) = (conversation(client, 2 << 10), reply(upstream));
    let (profile, seed, headers) = (profile(upstream), seed(), HeaderMap::new());
    bencher.bench(|| {
        let request = codec(client).parse_request(&head(client, &headers), black_box(&asked)).unwrap();
        let said = codec(upstream).render_request(&request, "m", &profile, &mut Losses::new());
        let told = transcode::reply(
            upstream,
            client,
            &Restore::default(),
            &seed,
            black_box(&answered),
            &mut Losses::new(),
        );
        (said, told)
    });
}
