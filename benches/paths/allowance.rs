//! What a request with a key pays for its limits and budgets: reserved and settled over a chain of four.

use std::sync::Arc;

use divan::{Bencher, black_box};
use tollgate::policy::{
    Book, Bound, Bounds, Claim, Digest, Draft, Key, Keyring, Measure, Moment, Period, Shape, Span, Spent,
    Subject, reserve,
};

fn bound(measure: Measure, period: Period, shape: Shape) -> Bound {
    Bound { measure, span: Span { period, shape }, limit: u64::MAX / 4, soft: None, model: None }
}

fn ring(workers: usize) -> Keyring {
    let key = Key { id: "web".into(), owner: "acme/search".into(), enabled: true, ..Key::default() };
    let own = vec![
        bound(Measure::Requests, Period::Minute, Shape::Rolling),
        bound(Measure::Usd, Period::Month, Shape::Calendar),
    ];
    let draft = Draft { key, secrets: vec![(Digest::of(b"secret"), None)], bounds: own };
    let above = |path: &str| (path.to_owned(), vec![bound(Measure::Usd, Period::Month, Shape::Calendar)]);
    let bounds = Bounds { owners: [above("acme"), above("acme/search")].into(), ..Bounds::default() };
    Keyring::new([draft], &bounds, &Arc::new(Book::new(workers)))
}

#[divan::bench(threads = [1, 2])]
fn reserve_and_settle(bencher: Bencher) {
    let ring = ring(2);
    let key = Arc::clone(&ring.keys()[0]);
    let claim =
        Claim { tokens_in: 100, tokens_out: 900, usd: 1_000_000, is_capped: true, ..Claim::default() };
    let spent = Spent { tokens_in: 90, tokens_out: 100, usd: 100_000 };
    let subject = Subject { asked: "gpt-4o", targets: &[("openai".into(), "gpt-4o".into())] };
    bencher.bench(|| {
        let at = Moment { now: 1_790_000_000, shard: 0 };
        let reserved = reserve(&key, black_box(&subject), black_box(&claim), at).unwrap();
        reserved.settle(&spent, at.now)
    });
}

#[divan::bench]
fn find_a_key(bencher: Bencher) {
    let ring = ring(1);
    bencher.bench(|| ring.find(black_box(b"secret")).is_some());
}
