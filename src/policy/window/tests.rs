use std::sync::atomic::AtomicBool;
use std::sync::{Barrier, Mutex};

use super::*;
use crate::policy::period::{Period, Shape};
use crate::wire::xorshift::XorShift;

fn below(chance: &mut XorShift, bound: u64) -> u64 {
    chance.below(usize::try_from(bound).unwrap()) as u64
}

const fn at(now: u64, shard: usize) -> Moment {
    Moment { now, shard }
}

fn window(period: Period, shape: Shape, shards: usize) -> Window {
    Window::new(Span { period, shape }, shards)
}

/// What workers keep counts as drawn, and nothing else does.
fn drawn_is_what_it_must_be(window: &Window) {
    let granted: u64 = window.granted.iter().map(|granted| granted.0.load(Ordering::Acquire)).sum();
    let used: u64 = window.live.load().iter().map(|slice| slice.used()).sum();
    assert_eq!(window.drawn.0.load(Ordering::Acquire), used + granted);
}

#[test]
fn two_hundred_at_once_on_room_for_one_are_one_ten_thousand_times() {
    const THREADS: usize = 4;
    for shards in [1, THREADS] {
        let window = Mutex::new(Arc::new(window(Period::Ever, Shape::Calendar, shards)));
        let (begin, end) = (Barrier::new(THREADS), Barrier::new(THREADS));
        let let_in = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for shard in 0..THREADS {
                let (window, begin, end, let_in) = (&window, &begin, &end, &let_in);
                scope.spawn(move || {
                    for round in 1..=5_000 {
                        let own = Arc::clone(&window.lock().unwrap());
                        begin.wait();
                        for _ in 0..200 / THREADS {
                            if own.reserve(at(7, shard), 1000, 1999).is_some() {
                                let_in.fetch_add(1, Ordering::AcqRel);
                            }
                        }
                        end.wait();
                        assert_eq!(let_in.load(Ordering::Acquire), round);
                        if shard == 0 {
                            let fresh = Window::new(own.span, shards);
                            *window.lock().unwrap() = Arc::new(fresh);
                        }
                        end.wait();
                    }
                });
            }
        });
    }
}

#[test]
fn workers_that_reserve_and_settle_never_pass_the_limit_and_lose_nothing() {
    const THREADS: usize = 4;
    const LIMIT: u64 = 10_000;
    for shards in [1, THREADS] {
        let window = window(Period::Ever, Shape::Calendar, shards);
        let (spent, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let running = AtomicU64::new(THREADS as u64);
        std::thread::scope(|scope| {
            for shard in 0..THREADS {
                let (window, spent, running) = (&window, &spent, &running);
                scope.spawn(move || {
                    let mut chance = XorShift::new(shard as u64 + 1);
                    for _ in 0..20_000 {
                        let amount = below(&mut chance, 400) + 1;
                        let Some(slice) = window.reserve(at(1, shard), amount, LIMIT) else { continue };
                        let used =
                            if below(&mut chance, 50) == 0 { below(&mut chance, amount + 1) } else { 0 };
                        spent.fetch_add(used, Ordering::AcqRel);
                        window.settle(&slice, shard, amount, used);
                    }
                    running.fetch_sub(1, Ordering::AcqRel);
                });
            }
            scope.spawn(|| {
                while running.load(Ordering::Acquire) > 0 {
                    over.fetch_or(window.level(1) > LIMIT, Ordering::AcqRel);
                }
            });
        });
        assert!(!over.load(Ordering::Acquire));
        assert_eq!(window.level(1), spent.load(Ordering::Acquire));
        drawn_is_what_it_must_be(&window);
        assert_eq!(window.settled(), [(0, spent.load(Ordering::Acquire))]);
        // Whatever workers keep, all that is left can be had by any one of them.
        let left = LIMIT - window.level(1);
        assert!(window.reserve(at(1, 1), left, LIMIT).is_some());
        assert!(window.reserve(at(1, 0), 1, LIMIT).is_none());
    }
}

/// A plain account of the same: what is used or reserved, with the slice that it belongs to.
#[derive(Default)]
struct Plain(Vec<(u64, u64)>);

impl Plain {
    fn level(&self, span: Span, now: u64) -> u64 {
        let oldest = span.oldest(span.slice(now));
        self.0.iter().filter(|(slice, _)| *slice >= oldest).map(|(_, amount)| amount).sum()
    }
}

#[test]
fn a_window_counts_as_a_plain_account_does() {
    for (seed, period) in (1..).zip(Period::ALL) {
        for shape in [Shape::Calendar, Shape::Rolling] {
            for shards in [1, 3] {
                let window = window(period, shape, shards);
                let span = window.span();
                let mut chance = XorShift::new(seed * 7919 + shards as u64);
                let (mut plain, mut now, mut open) = (Plain::default(), 1_790_000_000, Vec::new());
                for _ in 0..4000 {
                    // Up to an hour goes by, or a month.
                    let most = if below(&mut chance, 20) == 0 { 3_000_000 } else { 3600 };
                    now += below(&mut chance, most);
                    let shard = chance.below(shards);
                    if below(&mut chance, 2) == 0 {
                        let amount = below(&mut chance, 300);
                        let fits = amount == 0 || plain.level(span, now) + amount <= 1000;
                        let slice = window.reserve(at(now, shard), amount, 1000);
                        assert_eq!(slice.is_some(), fits, "{period:?} {shape:?} {shards}");
                        if let Some(slice) = slice {
                            open.push((slice, shard, amount, plain.0.len()));
                            plain.0.push((span.slice(now), amount));
                        }
                    } else if !open.is_empty() {
                        let place = chance.below(open.len());
                        let (slice, shard, amount, entry) = open.swap_remove(place);
                        let used = below(&mut chance, amount + 1);
                        window.settle(&slice, shard, amount, used);
                        plain.0[entry].1 = used;
                    }
                    assert_eq!(window.level(now), plain.level(span, now), "{period:?} {shape:?} {shards}");
                    drawn_is_what_it_must_be(&window);
                }
            }
        }
    }
}

#[test]
fn what_was_used_past_its_reservation_counts_too() {
    let window = window(Period::Day, Shape::Calendar, 2);
    let slice = window.reserve(at(0, 0), 10, 100).unwrap();
    window.settle(&slice, 0, 10, 130);
    assert_eq!(window.level(0), 130);
    assert!(window.reserve(at(0, 1), 1, 100).is_none());
    // The next day is another.
    assert!(window.reserve(at(86_400, 1), 100, 100).is_some());
}

#[test]
fn what_is_settled_after_its_time_changes_nothing_in_another() {
    let window = window(Period::Minute, Shape::Calendar, 1);
    let slice = window.reserve(at(59, 0), 80, 100).unwrap();
    let next = window.reserve(at(60, 0), 90, 100).unwrap();
    window.settle(&slice, 0, 80, 10);
    assert_eq!(window.level(60), 90);
    window.settle(&slice, 0, 0, 500);
    assert_eq!(window.level(60), 90);
    window.settle(&next, 0, 90, 0);
    drawn_is_what_it_must_be(&window);
    // A clock that lags behind counts in the present.
    assert!(window.reserve(at(30, 0), 100, 100).is_some());
    assert_eq!(window.level(60), 100);
}

#[test]
fn a_lowered_limit_holds_at_once_whatever_workers_keep() {
    let window = window(Period::Ever, Shape::Calendar, 4);
    assert!(window.reserve(at(0, 0), 10, 100_000).is_some());
    assert!(window.granted[0].0.load(Ordering::Acquire) > 0);
    assert!(window.reserve(at(0, 0), 10, 15).is_none());
    assert!(window.reserve(at(0, 0), 5, 15).is_some());
    assert!(window.reserve(at(0, 0), 1, 15).is_none());
}

#[test]
fn what_is_left_goes_to_one_who_does_not_know_how_much_he_needs() {
    for shards in [1, 4] {
        let window = window(Period::Ever, Shape::Calendar, shards);
        let (slice, amount) = window.reserve_what_is_left(at(0, 0), 5000, 10, 100).unwrap();
        assert_eq!(amount, 100);
        assert!(window.reserve_what_is_left(at(0, 0), 5000, 10, 100).is_none());
        window.settle(&slice, 0, amount, 91);
        assert!(window.reserve_what_is_left(at(0, 1), 5000, 10, 100).is_none());
        assert_eq!(window.reserve_what_is_left(at(0, 1), 5000, 9, 100).unwrap().1, 9);
    }
}

#[test]
fn it_is_known_when_there_will_be_room() {
    let rolling = window(Period::Minute, Shape::Rolling, 1);
    for now in [0, 10, 20] {
        assert!(rolling.reserve(at(now, 0), 30, 100).is_some());
    }
    assert_eq!((rolling.when_free(21, 20), rolling.when_free(21, 31)), (Some(65), Some(75)));
    assert_eq!((rolling.when_free(21, 91), rolling.when_empty()), (None, Some(85)));
    let ever = window(Period::Ever, Shape::Calendar, 1);
    assert!(ever.reserve(at(0, 0), 30, 100).is_some());
    assert_eq!(ever.when_free(0, 1), None);
}

#[test]
fn somebody_is_told_once_that_a_mark_is_reached() {
    let window = window(Period::Day, Shape::Calendar, 1);
    assert!(!window.tells(0, 50));
    let slice = window.reserve(at(0, 0), 60, 100).unwrap();
    assert_eq!([window.tells(1, 50), window.tells(2, 50)], [true, false]);
    window.settle(&slice, 0, 60, 0);
    assert!(!window.tells(3, 50));
    assert!(window.reserve(at(4, 0), 60, 100).is_some());
    assert_eq!([window.tells(5, 50), window.tells(6, 50)], [true, false]);
    assert!(window.reserve(at(86_400, 0), 60, 100).is_some());
    assert!(window.tells(86_401, 50));
}

#[test]
fn absurd_amounts_are_refused_and_harm_nothing() {
    let window = window(Period::Ever, Shape::Calendar, 2);
    assert!(window.reserve(at(0, 0), u64::MAX, u64::MAX - 1).is_none());
    assert!(window.reserve(at(0, 0), 5, 10).is_some());
    assert!(window.reserve(at(0, 0), u64::MAX, u64::MAX).is_none());
    window.absorb(0, i64::MIN);
    assert_eq!(window.level(0), 5);
    drawn_is_what_it_must_be(&window);
}
