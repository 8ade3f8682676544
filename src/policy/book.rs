//! All windows of the process, by what they are kept under: they outlive reloads, and what they hold
//! outlives the process.

use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::policy::rule::Bound;
use crate::policy::window::Window;

/// What was settled in one slice of a window since it was last written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// What the window is kept under.
    pub id: Arc<str>,
    /// Which slice.
    pub slice: u64,
    /// How much was added; less than nothing where it was corrected.
    pub change: i64,
    /// When the slice no longer counts, in seconds since 1970.
    pub ends: Option<u64>,
}

/// So many parts has the book.
const PARTS: usize = 64;

/// All windows of the process. A key's are looked up when keys are compiled, those of somebody with a token
/// while a request waits: so the book is in parts, and who goes through all of it holds one at a time.
#[derive(Debug)]
pub struct Book {
    workers: usize,
    parts: [Mutex<Pages>; PARTS],
    /// What is known from before this process began, for windows that are not there yet.
    before: Mutex<Before>,
}

/// Pages by what their window is kept under.
type Pages = FxHashMap<Arc<str>, Page>;

/// What is known by what their window is kept under.
type Before = FxHashMap<Arc<str>, Vec<Past>>;

/// What is known of a slice from before this process began.
#[derive(Debug, Clone, Copy)]
struct Past {
    slice: u64,
    /// How much is written down.
    written: u64,
    /// How much it was at least.
    least: u64,
}

#[derive(Debug)]
struct Page {
    node: Arc<str>,
    bound: Bound,
    window: Arc<Window>,
    /// How much of each slice is written down.
    written: FxHashMap<u64, u64>,
}

impl Book {
    /// An empty book for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self { workers, parts: std::array::from_fn(|_| Mutex::default()), before: Mutex::default() }
    }

    /// The part in which the page of this id is.
    fn place(&self, id: &str) -> &Mutex<Pages> {
        let [first, ..] = &self.parts;
        let place = usize::try_from(FxBuildHasher.hash_one(id)).unwrap_or(0) % PARTS;
        self.parts.get(place).unwrap_or(first)
    }

    fn part(&self, id: &str) -> MutexGuard<'_, Pages> {
        self.place(id).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All parts, each locked while it is looked at.
    fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, Pages>> {
        self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what was written down: id, slice, amount.
    pub fn remember(&self, tallies: impl IntoIterator<Item = (String, u64, u64)>) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, slice, amount) in tallies {
            before.entry(id.into()).or_default().push(Past { slice, written: amount, least: amount });
        }
    }

    /// Windows that are not there yet must have counted at least so much: id, slice, amount.
    pub fn expect(&self, least: impl IntoIterator<Item = (String, u64, u64)>) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, slice, least) in least {
            let known = before.entry(id.into()).or_default();
            match known.iter_mut().find(|past| past.slice == slice) {
                Some(past) => past.least = past.least.max(least),
                None => known.push(Past { slice, written: 0, least }),
            }
        }
    }

    /// The window of a rule at a node, which is begun if it is not there. That of a node of many keys
    /// is made for all workers at once.
    #[must_use]
    pub fn window(&self, node: &str, bound: &Bound, is_of_many: bool) -> Arc<Window> {
        let id: Arc<str> = bound.id(node).into();
        let mut pages = self.part(&id);
        if let Some(page) = pages.get(&id) {
            return Arc::clone(&page.window);
        }
        let window = Arc::new(Window::new(bound.span, if is_of_many { self.workers } else { 1 }));
        let mut written = FxHashMap::default();
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        for past in before.remove(&id).into_iter().flatten() {
            window.absorb(past.slice, i64::try_from(past.least).unwrap_or(i64::MAX));
            written.insert(past.slice, past.written);
        }
        let page = Page { node: node.into(), bound: bound.clone(), window: Arc::clone(&window), written };
        pages.insert(id, page);
        window
    }

    /// Forgets windows that no key holds any more and in which nothing counts: those of people who
    /// came in with tokens would else only ever become more.
    pub fn sweep(&self, now: u64) {
        for mut pages in self.parts() {
            // Nobody can take a window up meanwhile: that is done under the same lock.
            pages.retain(|_, page| Arc::strong_count(&page.window) > 1 || page.window.level(now) > 0);
        }
    }

    /// The windows that must be known when the process begins again: the node of each, what it counts, and
    /// itself.
    #[must_use]
    pub fn lasting(&self) -> Vec<(Arc<str>, Bound, Arc<Window>)> {
        let mut lasting = Vec::new();
        for pages in self.parts() {
            let of_part = pages.values().filter(|page| page.bound.outlives());
            lasting.extend(
                of_part.map(|page| (Arc::clone(&page.node), page.bound.clone(), Arc::clone(&page.window))),
            );
        }
        lasting
    }

    /// The most that one of many has used now, under what the window of the key is kept under that they
    /// come in as.
    #[must_use]
    pub fn most_of_each(&self, now: u64) -> FxHashMap<String, u64> {
        let mut most = FxHashMap::default();
        for pages in self.parts() {
            for page in pages.values().filter(|page| page.node.starts_with("key:")) {
                for host in hosts_of(&page.node) {
                    let level: &mut u64 = most.entry(page.bound.id(host)).or_default();
                    *level = page.window.level(now).max(*level);
                }
            }
        }
        most
    }

    /// What was settled and is not written down yet.
    #[must_use]
    pub fn changes(&self) -> Vec<Tally> {
        let mut changes = Vec::new();
        for pages in self.parts() {
            for (id, page) in pages.iter().filter(|(_, page)| page.bound.outlives()) {
                page.changes(id, &mut changes);
            }
        }
        changes
    }

    /// A change is written down, and came to this sum: what is in it from elsewhere counts here too.
    pub fn wrote(&self, tally: &Tally, sum: u64) {
        let mut pages = self.part(&tally.id);
        let Some(page) = pages.get_mut(&tally.id) else { return };
        let known = page.written.get(&tally.slice).copied().unwrap_or(0).saturating_add_signed(tally.change);
        let elsewhere = difference(sum, known);
        if elsewhere != 0 {
            page.window.absorb(tally.slice, elsewhere);
        }
        page.written.insert(tally.slice, sum);
        let counting: Vec<u64> = page.window.settled().into_iter().map(|(slice, _)| slice).collect();
        page.written.retain(|slice, _| counting.contains(slice));
    }
}

impl Page {
    /// Adds what was settled in its window and is not written down yet.
    fn changes(&self, id: &Arc<str>, changes: &mut Vec<Tally>) {
        for (slice, settled) in self.window.settled() {
            let written = self.written.get(&slice).copied().unwrap_or(0);
            let change = difference(settled, written);
            if change != 0 {
                let ends = self.window.span().end_of(slice);
                changes.push(Tally { id: Arc::clone(id), slice, change, ends });
            }
        }
    }
}

/// The nodes of the keys as which somebody may come in whose node this is: `key:HOST` of `key:HOST|EACH`,
/// where both may have such strokes themselves.
pub fn hosts_of(node: &str) -> impl Iterator<Item = &str> {
    node.match_indices('|').filter_map(|(place, _)| node.get(..place))
}

/// How much more one is than the other.
fn difference(one: u64, other: u64) -> i64 {
    let more = i64::try_from(one.abs_diff(other)).unwrap_or(i64::MAX);
    if one >= other { more } else { -more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::period::{Period, Shape, Span};
    use crate::policy::rule::Measure;
    use crate::policy::window::Moment;

    fn bound() -> Bound {
        let span = Span { period: Period::Day, shape: Shape::Calendar };
        Bound { measure: Measure::Usd, span, limit: 100, soft: None, model: None }
    }

    fn use_some(window: &Window, amount: u64) {
        let slice = window.reserve(Moment { now: 10, shard: 0 }, amount + 5, u64::MAX).unwrap();
        window.settle(&slice, 0, amount + 5, amount);
    }

    #[test]
    fn what_was_written_down_is_there_again_and_is_not_written_twice() {
        let book = Book::new(2);
        use_some(&book.window("key:web", &bound(), false), 30);
        let [tally] = &book.changes()[..] else { panic!("one change") };
        assert_eq!((tally.change, tally.ends), (30, Some(86_400)));
        book.wrote(tally, 30);
        assert_eq!(book.changes(), []);

        let next = Book::new(2);
        next.remember([(tally.id.to_string(), tally.slice, 30)]);
        let window = next.window("key:web", &bound(), false);
        assert_eq!((window.level(10), next.changes()), (30, vec![]));
        assert!(window.reserve(Moment { now: 10, shard: 0 }, 71, 100).is_none());
    }

    #[test]
    fn what_was_counted_and_not_written_down_is_expected_and_then_written() {
        let book = Book::new(2);
        let id = |node: &str| bound().id(node);
        book.remember([(id("key:staff|ann"), 0, 30)]);
        let more = [("key:staff|ann", 40), ("key:staff|bob", 7), ("key:staff|ann", 35)];
        book.expect(more.map(|(node, amount)| (id(node), 0, amount)));
        let [ann, bob] = ["key:staff|ann", "key:staff|bob"].map(|node| book.window(node, &bound(), false));
        assert_eq!((ann.level(10), bob.level(10)), (40, 7));
        let mut changes: Vec<_> = book.changes().into_iter().map(|tally| tally.change).collect();
        changes.sort_unstable();
        assert_eq!(changes, [7, 10]);
    }

    #[test]
    fn two_processes_that_share_a_file_learn_of_each_other() {
        let book = Book::new(2);
        let window = book.window("key:web", &bound(), false);
        use_some(&window, 30);
        let tally = book.changes().remove(0);
        // The other has written 12 meanwhile.
        book.wrote(&tally, 42);
        assert_eq!((window.level(10), book.changes()), (42, vec![]));
        use_some(&window, 1);
        assert_eq!(book.changes()[0].change, 1);
    }

    #[test]
    fn a_window_is_forgotten_when_nobody_holds_it_and_nothing_counts() {
        let book = Book::new(2);
        let held = book.window("key:held", &bound(), false);
        use_some(&book.window("key:used", &bound(), false), 30);
        drop(book.window("key:gone", &bound(), false));
        let known = |book: &Book| book.parts().map(|pages| pages.len()).sum::<usize>();
        book.sweep(10);
        assert_eq!(known(&book), 2);
        assert_eq!(book.window("key:used", &bound(), false).level(10), 30);
        book.sweep(86_400 + 10);
        assert_eq!(known(&book), 1);
        assert!(Arc::ptr_eq(&held, &book.window("key:held", &bound(), false)));
    }

    #[test]
    fn who_goes_through_the_book_holds_no_more_than_a_part_of_it() {
        let book = Book::new(2);
        let node = |number: usize| format!("key:staff|{number}");
        for number in 0..1000 {
            use_some(&book.window(&node(number), &bound(), false), 30);
        }
        let largest = book.parts().map(|pages| pages.len()).max().unwrap();
        assert!(largest < 100, "{largest} pages are in one part");
        assert_eq!((book.changes().len(), book.lasting().len()), (1000, 1000));
        let held = book.part(&bound().id(&node(0)));
        let others = (1..1000).filter(|number| {
            let other = book.place(&bound().id(&node(*number)));
            other.try_lock().is_ok()
        });
        assert!(others.count() > 900, "whose windows are elsewhere are not held up");
        drop(held);
    }

    #[test]
    fn a_window_outlives_another_amount() {
        let book = Book::new(2);
        let one = book.window("key:web", &bound(), false);
        let other = book.window("key:web", &Bound { limit: 7, ..bound() }, false);
        assert!(Arc::ptr_eq(&one, &other));
        let apart = book.window("key:job", &bound(), false);
        assert!(!Arc::ptr_eq(&one, &apart));
    }
}
