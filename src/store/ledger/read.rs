//! Reads the ledger: sums by time and group, lists of requests, one of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

use rusqlite::{Connection, InterruptHandle, params};

use super::blocks;
use super::bodies;
use super::filter::Filter;
use super::grouping::{By, Grouping};
use super::hours::{HOUR, OTHER};
use super::rows::Row;
use super::schema::{self, GROUPS, NUMBERS};
use super::sums::Sums;
use crate::account::{Entry, Said};
use crate::clock::RequestId;
use crate::store::file::{Unusable, signed, unsigned};

/// So many groups are told apart; all further ones are told of together.
const MOST_GROUPS: usize = 20_000;

/// So many requests of a list are looked at, before it is told as far as it came.
const MOST_LOOKED_AT: usize = 200_000;

/// So many milliseconds before and after its id was made a request is looked for: what is done in the
/// background for it comes later.
const EARLIER: u64 = 5_000;
const LATER: u64 = 60_000;

/// The ledger, for whoever reads it. It is asked beside requests, never on their way.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Which requests are meant.
    pub filter: Filter,
    /// How time is told apart.
    pub by: By,
    /// By what they are told apart besides.
    pub groups: Vec<Grouping>,
}

/// Where sums come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From the sums by the hour: the time asked for is that of whole hours then.
    Hours,
    /// From the requests themselves, as long as those are kept.
    Requests,
}

impl Source {
    /// The word for it in the admin API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hours => "rollups",
            Self::Requests => "requests",
        }
    }
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usages {
    /// From when on, in milliseconds since 1970: earlier than asked for where whole hours are told of.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// Where it comes from.
    pub source: Source,
    /// By time, then by group.
    pub rows: Vec<UsedBy>,
}

/// What was used by one group in one piece of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsedBy {
    /// When the piece begins, in milliseconds since 1970; 0 where time is not told apart.
    pub at: u64,
    /// The names of the group, in the order in which they were asked for.
    pub group: Vec<String>,
    /// What it came to.
    pub sums: Sums,
}

/// A piece of a list of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The requests, the latest first.
    pub rows: Vec<Row>,
    /// Where the list goes on; nowhere at its end.
    pub next: Option<Cursor>,
}

/// A place in a list of requests, which stays whatever is added: when a request came, and its place
/// among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(u64, i64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let (at, seq) = text.split_once('-').ok_or(NoCursor)?;
        Ok(Self(at.parse().map_err(|_| NoCursor)?, seq.parse().map_err(|_| NoCursor)?))
    }
}

/// A text is no place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the \"next\" of a list")]
pub struct NoCursor;

impl Reader {
    /// Opens the ledger in this folder, and makes it if it is not there.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, Unusable> {
        schema::open(folder).map(|connection| Self { connection })
    }

    /// What ends whatever is read with this just then, from any thread.
    #[must_use]
    pub fn interrupter(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Whether there is a ledger in this folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        schema::is_in(folder)
    }

    /// Whether no request was ever recorded that is still known.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_empty(&self) -> rusqlite::Result<bool> {
        let any = "SELECT EXISTS (SELECT 1 FROM blocks) OR EXISTS (SELECT 1 FROM hours)";
        self.connection.query_row(any, [], |row| row.get(0)).map(|any: bool| !any)
    }

    /// What was used, by time and group.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn usage(&self, query: &Query) -> rusqlite::Result<Usages> {
        let of_hours = query.by != By::Minute
            && query.filter.is_of_hours()
            && query.groups.iter().all(|grouping| grouping.is_of_hours());
        if of_hours { self.usage_of_hours(query) } else { self.usage_of_requests(query) }
    }

    fn usage_of_hours(&self, query: &Query) -> rusqlite::Result<Usages> {
        let mut filter = query.filter.clone();
        filter.from -= filter.from % HOUR;
        if filter.to > 0 {
            filter.to = filter.to.div_ceil(HOUR).saturating_mul(HOUR);
        }
        let labelled = !filter.labels.is_empty() || query.groups.contains(&Grouping::Label);
        let mut gathered = Gathered::new(query);
        self.each_hour(&filter, |entry, sums| {
            if entry.labels.is_empty() != labelled && filter.admits(entry) {
                gathered.add(entry, sums);
            }
        })?;
        let Filter { from, to, .. } = filter;
        Ok(Usages { from, to, source: Source::Hours, rows: gathered.into_rows() })
    }

    /// Does something with all sums by the hour within the filter's time, the earliest first: once those
    /// of all requests, and once more those of each label, which then is the only one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_hour(&self, filter: &Filter, mut work: impl FnMut(&Entry, &Sums)) -> rusqlite::Result<()> {
        let last = if filter.to == 0 { i64::MAX } else { signed(filter.to / HOUR) };
        let select = format!(
            "SELECT hour, {}, key_name, counted, {}, latency, first_token FROM hours
             WHERE hour >= ?1 AND hour < ?2 ORDER BY hour",
            GROUPS.join(", "),
            NUMBERS.join(", ")
        );
        let mut statement = self.connection.prepare_cached(&select)?;
        let mut rows = statement.query(params![signed(filter.from / HOUR), last])?;
        while let Some(row) = rows.next()? {
            let text = |column: usize| row.get::<_, String>(column);
            let (label, key): (String, String) = (row.get(1)?, row.get(2)?);
            let entry = Entry {
                at: unsigned(row.get(0)?) * HOUR,
                labels: Some(label).filter(|label| !label.is_empty()).into_iter().collect(),
                key: if key.is_empty() { None } else { Some((key, text(10)?)) },
                owner: text(3)?,
                provider: text(4)?,
                asked_model: text(5)?,
                model: text(6)?,
                operation: text(7)?,
                client: text(8)?,
                cache: text(9)?,
                counted: text(11)?,
                ..Entry::default()
            };
            work(&entry, &Sums::of_row(row, 12)?);
        }
        Ok(())
    }

    pub(super) fn usage_of_requests(&self, query: &Query) -> rusqlite::Result<Usages> {
        let mut gathered = Gathered::new(query);
        let _: ControlFlow<()> = self.each(&query.filter, |row| {
            gathered.add(&row.entry, &Sums::of_request(row));
            ControlFlow::Continue(())
        })?;
        let Filter { from, to, .. } = query.filter;
        Ok(Usages { from, to, source: Source::Requests, rows: gathered.into_rows() })
    }

    /// Does something with every request that is meant, about in the order in which they ended, until that
    /// has enough; what it then says.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each<B>(
        &self,
        filter: &Filter,
        mut work: impl FnMut(&Row) -> ControlFlow<B>,
    ) -> rusqlite::Result<ControlFlow<B>> {
        let enough = blocks::within(&self.connection, time(filter), |block, bytes| {
            for row in blocks::rows(&self.connection, block, bytes)? {
                if filter.admits_time(row.entry.at)
                    && filter.admits(&row.entry)
                    && let ControlFlow::Break(enough) = work(&row)
                {
                    return Ok(Some(enough));
                }
            }
            Ok(None)
        })?;
        Ok(enough.map_or(ControlFlow::Continue(()), ControlFlow::Break))
    }

    /// A list of requests, the latest first, from where another ended.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, filter: &Filter, before: Option<Cursor>, limit: usize) -> rusqlite::Result<Page> {
        let (from, to) = time(filter);
        let before = before.map_or((u64::MAX, i64::MAX), |Cursor(at, seq)| (at, seq));
        let mut listing = Listing { filter, limit, page: Page::default(), looked_at: 0, place: None };
        // Rows are in order only once all are known that may come before them.
        let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
        let done = blocks::back(&self.connection, (from, to.min(before.0)), |last_at, block, bytes| {
            while waiting.peek().is_some_and(|row| row.at() > last_at) {
                if let Some(Waiting(row)) = waiting.pop()
                    && listing.is_done_with(row)
                {
                    return Ok(Some(()));
                }
            }
            let rows = blocks::rows(&self.connection, block, bytes)?.into_iter();
            let meant =
                rows.filter(|row| filter.admits_time(row.entry.at) && (row.entry.at, row.seq) < before);
            waiting.extend(meant.map(Waiting));
            Ok(None)
        })?;
        let mut is_done = done.is_some();
        while !is_done && let Some(Waiting(row)) = waiting.pop() {
            is_done = listing.is_done_with(row);
        }
        Ok(listing.page)
    }

    /// One request. Of one that went on in the background, what was done there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&self, id: &str) -> rusqlite::Result<Option<Row>> {
        let Some(at) = RequestId::parse(id).map(|id| id.at()) else { return Ok(None) };
        let time = (at.saturating_sub(EARLIER), at.saturating_add(LATER));
        let found = blocks::find(&self.connection, id, time)?;
        Ok(found.into_iter().max_by_key(|row| row.entry.background))
    }
}

/// The time that a filter means, with both its ends.
fn time(filter: &Filter) -> (u64, u64) {
    (filter.from, if filter.to == 0 { u64::MAX } else { filter.to - 1 })
}

/// A row that waits for those before it.
struct Waiting(Row);

impl Waiting {
    const fn at(&self) -> u64 {
        self.0.entry.at
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at(), self.0.seq).cmp(&(other.at(), other.0.seq))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

/// A list as it is made.
struct Listing<'f> {
    filter: &'f Filter,
    limit: usize,
    page: Page,
    looked_at: usize,
    place: Option<Cursor>,
}

impl Listing<'_> {
    /// Takes the next row; whether the list ends before it or with it.
    fn is_done_with(&mut self, row: Row) -> bool {
        let place = Cursor(row.entry.at, row.seq);
        if self.filter.admits(&row.entry) {
            if self.page.rows.len() >= self.limit {
                self.page.next = self.place;
                return true;
            }
            self.page.rows.push(row);
        }
        self.place = Some(place);
        self.looked_at += 1;
        if self.looked_at >= MOST_LOOKED_AT {
            self.page.next = self.place;
            return true;
        }
        false
    }
}

impl Reader {
    /// What was asked and answered in a request, where that was logged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bodies(&self, entry: &Entry) -> rusqlite::Result<Option<(Said, Said)>> {
        bodies::find(&self.connection, &entry.id, entry.background)
    }
}

/// Sums by time and group, as they are gathered.
struct Gathered<'q> {
    query: &'q Query,
    sums: BTreeMap<(u64, Vec<String>), Sums>,
}

impl<'q> Gathered<'q> {
    const fn new(query: &'q Query) -> Self {
        Self { query, sums: BTreeMap::new() }
    }

    fn add(&mut self, entry: &Entry, sums: &Sums) {
        let at = self.query.by.begin(entry.at);
        // A request with several labels or tags is in the groups of each of them; one without tags is in
        // that of none, and one without labels in no group, since the sums by the hour know none such.
        let mut groups = vec![Vec::new()];
        for grouping in &self.query.groups {
            let mut names = grouping.of(entry);
            if *grouping == Grouping::Label && !self.query.filter.labels.is_empty() {
                names.retain(|name| self.query.filter.labels.contains(name));
            }
            if names.is_empty() && *grouping != Grouping::Label {
                names.push(String::new());
            }
            groups = groups
                .into_iter()
                .flat_map(|group: Vec<String>| {
                    names.iter().map(move |name| [group.as_slice(), std::slice::from_ref(name)].concat())
                })
                .collect();
        }
        for group in groups {
            let mut place = (at, group);
            if self.sums.len() >= MOST_GROUPS && !self.sums.contains_key(&place) {
                place.1.iter_mut().for_each(|name| OTHER.clone_into(name));
            }
            self.sums.entry(place).or_default().add(sums);
        }
    }

    fn into_rows(self) -> Vec<UsedBy> {
        let mut rows: Vec<_> =
            self.sums.into_iter().map(|((at, group), sums)| UsedBy { at, group, sums }).collect();
        // The dearest of each piece of time first.
        rows.sort_by(|one, other| {
            let rank = |row: &UsedBy| (row.sums.cost(), row.sums.requests());
            one.at.cmp(&other.at).then_with(|| rank(other).cmp(&rank(one)))
        });
        rows
    }
}
