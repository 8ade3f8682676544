//! Streams, from what an upstream sends to what a client is told.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tollgate::dialect::transcode::Transcoder;
use tollgate::dialect::{Restore, codec};
use tollgate::ir::{Dialect, Losses};

use crate::material::{Pair, SSE, events, pairs, seed, stream};

/// A whole stream of 100 pieces of text; the budget is 1 µs an event each way.
#[divan::bench(args = pairs())]
fn whole(bencher: Bencher, Pair(upstream, client): Pair) {
    let (bytes, seed) = (stream(upstream), seed());
    bencher.counter(ItemsCount::new(100_usize)).bench(|| {
        let mut pipe = Transcoder::new(upstream, client, Restore::default(), &seed, SSE);
        let mut out = Vec::with_capacity(32 << 10);
        for piece in black_box(&bytes).chunks(1400) {
            pipe.push(piece, &mut out, &mut |_| {});
        }
        pipe.finish(&mut out, &mut |_| {});
        out
    });
}

#[divan::bench(args = Dialect::ALL)]
fn render_events(bencher: Bencher, dialect: Dialect) {
    let (events, seed) = (events(), seed());
    bencher.counter(ItemsCount::new(100_usize)).bench(|| {
        let mut renderer = codec(dialect).stream_renderer(&seed, SSE);
        let (mut out, mut losses) = (Vec::with_capacity(32 << 10), Losses::new());
        for event in black_box(&events) {
            renderer.push(event, &mut out, &mut losses);
        }
        out
    });
}
