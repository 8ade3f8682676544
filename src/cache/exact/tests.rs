use super::*;
use crate::cache::entry::{Mark, Vector};
use crate::cache::fingerprint::{Realm, of_request};
use crate::cache::semantic::near::Sketch;
use crate::ir::{Block, Request, Role, Turn};

fn number(index: u64) -> Fingerprint {
    let turn = Turn::new(Role::User, vec![Block::text(index.to_string())]);
    let realm = Realm { scope: "", namespace: "", targets: &[], strictly: None };
    of_request(&[7; 32], &realm, &Request { turns: vec![turn], ..Request::default() })
}

fn entry(numbers: usize, key: &str) -> Entry {
    Entry::Vector(Vector {
        numbers: vec![0.5; numbers],
        named: None,
        tokens: Some(1),
        provider: "openai".into(),
        model: "m".into(),
        mark: Mark { key: key.into(), ..Mark::default() },
    })
}

const LOOK: Look = Look { now: 1000, max_age: None, entries: true, flights: Flights::Apart };
const HOUR: Duration = Duration::from_secs(3600);

fn has(cache: &Exact, index: u64) -> bool {
    matches!(cache.find(number(index), &LOOK), Found::Entry(..))
}

#[test]
fn bytes_never_pass_the_room_and_the_least_used_go_first() {
    let weight = entry(250, "").weight();
    let cache = Exact::new([0; 32], weight * 4, weight);
    // In one part, so that the order of uses is one.
    let part = place_of(number(0));
    let same: Vec<u64> = (0..).filter(|index| place_of(number(*index)) == part).take(6).collect();
    for index in same.iter().take(4) {
        assert!(cache.keep(number(*index), entry(250, ""), 1000, HOUR, 0));
    }
    assert!(has(&cache, same[0]), "used once more");
    for index in same.iter().skip(4) {
        assert!(cache.keep(number(*index), entry(250, ""), 1000, HOUR, 0));
        assert!(cache.stand().bytes <= weight * 4);
    }
    let kept: Vec<bool> = same.iter().map(|index| has(&cache, *index)).collect();
    assert_eq!(kept, [true, false, false, true, true, true]);
    assert_eq!((cache.stand().entries, cache.stand().evicted), (4, 2));
    cache.resize(weight, weight);
    assert_eq!((cache.stand().entries, cache.stand().bytes), (1, weight));
}

#[test]
fn many_threads_never_pass_the_room() {
    let weight = entry(1000, "").weight();
    let cache = Exact::new([0; 32], weight * 10, weight);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for index in 0..200 {
                    cache.keep(number(thread * 1000 + index), entry(1000, ""), 1000, HOUR, 0);
                    assert!(cache.stand().bytes <= weight * 10);
                }
            });
        }
    });
    let stand = cache.stand();
    assert_eq!((stand.entries, stand.bytes), (10, weight * 10));
}

#[test]
fn an_entry_ends_and_one_that_is_too_old_is_not_given() {
    let cache = Exact::new([0; 32], 1 << 20, 1 << 20);
    assert!(cache.keep(number(1), entry(10, ""), 1000, Duration::from_millis(500), 0));
    let find = |now, max_age| cache.find(number(1), &Look { now, max_age, ..LOOK });
    assert!(matches!(find(1400, None), Found::Entry(_, age) if age == Duration::from_millis(400)));
    assert!(matches!(find(1400, Some(Duration::from_millis(300))), Found::Nothing(None)));
    assert!(matches!(find(1499, None), Found::Entry(..)));
    assert!(matches!(find(1500, None), Found::Nothing(None)));
    assert_eq!((cache.stand().entries, cache.stand().bytes), (0, 0));
}

#[test]
fn what_is_larger_than_the_largest_is_not_kept_and_another_replaces() {
    let cache = Exact::new([0; 32], 1 << 20, entry(10, "").weight());
    assert!(!cache.keep(number(1), entry(11, ""), 1000, HOUR, 0));
    assert!(cache.keep(number(1), entry(10, ""), 1000, HOUR, 0));
    assert!(cache.keep(number(1), entry(9, ""), 1000, HOUR, 0));
    assert_eq!((cache.stand().entries, cache.stand().bytes), (1, entry(9, "").weight()));
}

#[test]
fn a_purge_takes_what_is_meant_and_no_more() {
    let cache = Exact::new([0; 32], 1 << 20, 1 << 20);
    for (index, key) in (0..).zip(["web", "job", "web"]) {
        assert!(cache.keep(number(index), entry(10, key), 1000, HOUR, 0));
    }
    let which = Which { key: Some("web".into()), ..Which::default() };
    assert_eq!(cache.purge(&which), (2, entry(10, "web").weight() * 2));
    assert!(has(&cache, 1) && !has(&cache, 0) && !has(&cache, 2));
}

#[test]
fn the_first_leads_and_the_others_join_until_it_has_landed() {
    let cache = Exact::new([0; 32], 1 << 20, 1 << 20);
    let look = Look { flights: Flights::Lead, ..LOOK };
    let Found::Nothing(Some(led)) = cache.find(number(1), &look) else { panic!("nobody flew yet") };
    let Found::Flight(joined) = cache.find(number(1), &look) else { panic!("the second joins") };
    assert!(Arc::ptr_eq(&led, &joined));
    cache.land(number(1), &led);
    assert!(matches!(cache.find(number(1), &look), Found::Nothing(Some(_))));
    // What a flight holds counts until nobody has it any more.
    assert!(cache.take(3, 0));
    led.push(Duration::ZERO, bytes::Bytes::from_static(b"abc"), true, 10);
    assert_eq!(cache.stand().bytes, 3);
    drop(led);
    drop(joined);
    assert_eq!(cache.stand().bytes, 0);
}

#[test]
fn what_was_asked_for_before_a_purge_is_not_kept_after_it_nor_shared() {
    let cache = Exact::new([0; 32], 1 << 20, 1 << 20);
    let look = Look { flights: Flights::Lead, ..LOOK };
    assert!(matches!(cache.find(number(1), &look), Found::Nothing(Some(_))));
    assert!(matches!(cache.find(number(1), &look), Found::Flight(_)));
    let before = cache.purges();
    cache.purge(&Which::default());
    assert!(!cache.keep(number(1), entry(10, ""), 1000, HOUR, before));
    assert_eq!((cache.stand().entries, cache.stand().bytes), (0, 0));
    assert!(matches!(cache.find(number(1), &look), Found::Nothing(Some(_))), "asked for anew");
    assert!(cache.keep(number(1), entry(10, ""), 1000, HOUR, cache.purges()));
}

#[test]
fn a_question_is_found_by_others_like_it_as_long_as_its_answer_is_kept() {
    let place = |form: &str| {
        let sketch = Arc::new(Sketch::of(form).unwrap());
        Place { box_of: number(77), sketch, text: None, meaning: None }
    };
    let reworded = |answered: u64, form: &str| {
        Entry::Reworded(Reworded {
            answered: number(answered),
            provider: "openai".into(),
            model: "m".into(),
            mark: Mark { key: "a".into(), ..Mark::default() },
            place: Some(place(form)),
            told: None,
        })
    };
    let asked = [place("how do i terminate my gym contract early")];
    let keep = |cache: &Exact, at: u64, ttl: Duration| {
        assert!(cache.keep(number(at), entry(8, "a"), 1000, ttl, cache.purges()));
        let form = "how do i cancel my gym contract early";
        assert!(cache.keep(number(at + 1), reworded(at, form), 1000, ttl, cache.purges()));
    };
    // What stands there is a vector, which answers nobody: whether it is found is what counts.
    let finds = |cache: &Exact, now: u64| cache.find_near(&asked, &Look { now, ..LOOK }).is_some();
    let cache = Exact::new([0; 32], 1 << 20, 1 << 16);
    assert!(!finds(&cache, 1000));
    keep(&cache, 1, HOUR);
    assert!(finds(&cache, 1000));
    assert!(cache.find_near(&[place("how do i renew my gym contract early")], &LOOK).is_none());
    cache.purge(&Which { key: Some("a".into()), ..Which::default() });
    assert!(!finds(&cache, 1000));
    keep(&cache, 3, Duration::from_secs(1));
    assert!(finds(&cache, 1500) && !finds(&cache, 2500));
    keep(&cache, 5, HOUR);
    cache.resize(0, 0);
    assert!(!finds(&cache, 1000));
    assert_eq!((cache.stand().bytes, cache.near.is_empty()), (0, true));
}

#[test]
fn what_was_asked_in_other_bytes_is_not_taken_for_the_same_though_its_number_is() {
    let cache = Exact::new([0; 32], 1 << 20, 1 << 20);
    let told = Entry::Reworded(Reworded {
        answered: number(2),
        provider: "openai".into(),
        model: "m".into(),
        mark: Mark::default(),
        place: None,
        told: Some((*b"these").into()),
    });
    let weight = told.weight();
    assert!(cache.keep(number(1), told, 1000, HOUR, 0));
    assert_eq!(cache.find_told(number(1), b"these", 1000), Some(number(2)));
    assert_eq!(cache.find_told(number(1), b"those", 1000), None);
    assert_eq!(cache.find_told(number(2), b"these", 1000), None);
    // It is no answer, but has bytes, and goes like one.
    assert_eq!((cache.stand().entries, cache.stand().bytes), (0, weight));
    assert_eq!(cache.purge(&Which::default()), (0, weight));
    assert_eq!(cache.find_told(number(1), b"these", 1000), None);
}
