//! What one rule has counted: reserved before it is used, settled after, all of it by atomics.
//!
//! A window is cut into slices of time. What is reserved belongs to the slice of that moment, and
//! leaves the window with it, whenever it is settled. `drawn` is what all slices that count hold
//! together, and no request may draw it past the limit; that one comparison is the whole promise.
//!
//! Where many workers share a window, one number that all of them write would cost them a miss each
//! time. So each worker draws more than it needs and keeps the rest of it (`granted`) for its next
//! requests. What is granted counts as drawn: the sum of what all workers can use never passes the
//! limit, though they do not look at each other. When the limit is near, what is granted is gathered
//! in again, so that nobody is refused for what another keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::policy::period::Span;
use crate::units::Apart;

/// What a slice holds once it has left its window.
const GONE: u64 = u64::MAX;

/// How often a request looks again for what another has just picked up, before it is refused.
const LOOKS: u32 = 10_000;

/// When something happens, and on which worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub now: u64,
    /// Which of the workers.
    pub shard: usize,
}

/// What one rule has counted.
#[derive(Debug)]
pub struct Window {
    span: Span,
    /// What is used, reserved and granted in all slices that count.
    drawn: Apart<AtomicU64>,
    /// What each worker keeps of what is drawn; empty where one number will do.
    granted: Box<[Apart<AtomicU64>]>,
    /// How many requests have something in hand that is drawn and not yet granted, or the reverse.
    moving: AtomicU32,
    /// The slices that count, the oldest first. The last of them has never left.
    live: ArcSwap<Vec<Arc<Slice>>>,
    /// The last slice in which somebody was told that the limit is near, and one more.
    told: AtomicU64,
}

/// What was counted in one slice of time.
#[derive(Debug)]
pub struct Slice {
    index: u64,
    cells: Box<[Apart<Cell>]>,
}

#[derive(Debug, Default)]
struct Cell {
    /// What is used or reserved, or [`GONE`].
    used: AtomicU64,
    /// What of that is reserved.
    held: AtomicU64,
}

impl Cell {
    /// Whether it could be added: not where the slice is gone.
    fn add(&self, amount: u64) -> bool {
        let added = |used: u64| (used != GONE).then(|| used.saturating_add(amount).min(GONE - 1));
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, added).is_ok()
    }

    /// Whether it could be taken away: not where the slice is gone.
    fn take(&self, amount: u64) -> bool {
        let taken = |used: u64| (used != GONE).then(|| used.saturating_sub(amount));
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_ok()
    }

    fn used(&self) -> u64 {
        Some(self.used.load(Ordering::Acquire)).filter(|used| *used != GONE).unwrap_or(0)
    }
}

impl Slice {
    fn new(index: u64, shards: usize) -> Self {
        Self { index, cells: (0..shards.max(1)).map(|_| Apart::default()).collect() }
    }

    fn cell(&self, shard: usize) -> Option<&Cell> {
        self.cells.get(shard % self.cells.len().max(1)).map(|cell| &cell.0)
    }

    /// What is used or reserved in it.
    fn used(&self) -> u64 {
        self.cells.iter().fold(0, |sum, cell| sum.saturating_add(cell.0.used()))
    }

    /// What is settled in it.
    fn settled(&self) -> u64 {
        let held = |cell: &Apart<Cell>| cell.0.held.load(Ordering::Acquire);
        self.used().saturating_sub(self.cells.iter().map(held).fold(0, u64::saturating_add))
    }
}

impl Window {
    /// An empty window, which so many workers share.
    #[must_use]
    pub fn new(span: Span, shards: usize) -> Self {
        let shards = if shards > 1 { shards } else { 0 };
        Self {
            span,
            drawn: Apart::default(),
            granted: (0..shards).map(|_| Apart::default()).collect(),
            moving: AtomicU32::new(0),
            live: ArcSwap::default(),
            told: AtomicU64::new(0),
        }
    }

    /// How time is cut.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Reserves an amount within a limit: the slice that it belongs to, or none where it does not fit.
    /// Nothing fits always.
    #[must_use]
    pub fn reserve(&self, at: Moment, amount: u64, limit: u64) -> Option<Arc<Slice>> {
        loop {
            let slice = self.present(at.now);
            if amount > 0 && !self.draw(at.shard, amount, limit) {
                return None;
            }
            let cell = slice.cell(at.shard)?;
            cell.held.fetch_add(amount, Ordering::AcqRel);
            if cell.add(amount) {
                return Some(slice);
            }
            // The slice has left meanwhile: somebody's clock is ahead.
            cell.held.fetch_sub(amount, Ordering::AcqRel);
            self.give_back(at.shard, amount);
        }
    }

    /// Reserves as much of an amount as there is, but not less than `least`.
    #[must_use]
    pub fn reserve_what_is_left(
        &self,
        at: Moment,
        amount: u64,
        least: u64,
        limit: u64,
    ) -> Option<(Arc<Slice>, u64)> {
        let mut amount = amount;
        loop {
            if let Some(slice) = self.reserve(at, amount, limit) {
                return Some((slice, amount));
            }
            let left = self.left(limit);
            if left < least.max(1) {
                return None;
            }
            amount = left.min(amount);
        }
    }

    /// Settles what was reserved in a slice on what was used of it, be that less or more.
    pub fn settle(&self, slice: &Slice, shard: usize, reserved: u64, used: u64) {
        let Some(cell) = slice.cell(shard) else { return };
        let unused = reserved.saturating_sub(used);
        if unused > 0 && cell.take(unused) {
            self.give_back(shard, unused);
        }
        let over = used.saturating_sub(reserved);
        if over > 0 {
            self.raise(over);
            if !cell.add(over) {
                self.drawn.0.fetch_sub(over, Ordering::AcqRel);
            }
        }
        cell.held.fetch_sub(reserved, Ordering::AcqRel);
    }

    /// What is used or reserved of the time that counts now.
    #[must_use]
    pub fn level(&self, now: u64) -> u64 {
        let oldest = self.span.oldest(self.span.slice(now));
        let live = self.live.load();
        let counts = live.iter().filter(|slice| slice.index >= oldest);
        counts.fold(0, |sum, slice| sum.saturating_add(slice.used()))
    }

    /// When so much will have left the window again, in seconds since 1970; `None` where it will not.
    #[must_use]
    pub fn when_free(&self, now: u64, amount: u64) -> Option<u64> {
        let oldest = self.span.oldest(self.span.slice(now));
        let live = self.live.load();
        let mut freed = 0_u64;
        let mut counts = live.iter().filter(|slice| slice.index >= oldest);
        let last = counts.find(|slice| {
            freed = freed.saturating_add(slice.used());
            freed >= amount
        });
        last.and_then(|slice| self.span.end_of(slice.index))
    }

    /// When nothing of what is used now will count any more, in seconds since 1970.
    #[must_use]
    pub fn when_empty(&self) -> Option<u64> {
        let live = self.live.load();
        let last = live.iter().rev().find(|slice| slice.used() > 0)?;
        self.span.end_of(last.index)
    }

    /// Whether somebody is to be told now that a level is reached: once while it is.
    #[must_use]
    pub fn tells(&self, now: u64, mark: u64) -> bool {
        if self.level(now) < mark {
            self.told.store(0, Ordering::Release);
            return false;
        }
        let oldest = self.span.oldest(self.span.slice(now)) + 1;
        self.told.swap(self.span.slice(now) + 1, Ordering::AcqRel) < oldest
    }

    /// What is settled in each slice that counts.
    #[must_use]
    pub fn settled(&self) -> Vec<(u64, u64)> {
        self.live.load().iter().map(|slice| (slice.index, slice.settled())).collect()
    }

    /// Counts what was used elsewhere: before this process began, or by another one. What was
    /// corrected there is less than nothing.
    pub fn absorb(&self, index: u64, change: i64) {
        let Some(slice) = self.slice_at(index) else { return };
        let Some(cell) = slice.cell(0) else { return };
        let amount = change.unsigned_abs();
        if change >= 0 {
            self.raise(amount);
            if !cell.add(amount) {
                self.drawn.0.fetch_sub(amount, Ordering::AcqRel);
            }
            return;
        }
        let settled = cell.used().saturating_sub(cell.held.load(Ordering::Acquire));
        let amount = amount.min(settled);
        if cell.take(amount) {
            self.drawn.0.fetch_sub(amount, Ordering::AcqRel);
        }
    }

    fn raise(&self, amount: u64) {
        let raised = |drawn: u64| Some(drawn.saturating_add(amount));
        let _ = self.drawn.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, raised);
    }

    /// Draws an amount, unless that would pass the limit.
    fn draw(&self, shard: usize, amount: u64, limit: u64) -> bool {
        let own = self.granted.get(shard % self.granted.len().max(1)).map(|granted| &granted.0);
        let take = |granted: u64| granted.checked_sub(amount);
        if let Some(own) = own
            // What is granted was drawn under a limit that may have been lowered since.
            && self.drawn.0.load(Ordering::Acquire) <= limit
            && own.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
        {
            return true;
        }
        let mut looks = 0;
        loop {
            let drawn = self.drawn.0.load(Ordering::Acquire);
            let Some(after) = drawn.checked_add(amount).filter(|after| *after <= limit) else {
                looks += 1;
                // Somebody else may have gathered since.
                if looks < LOOKS && (self.gather() || self.drawn.0.load(Ordering::Acquire) < drawn) {
                    continue;
                }
                return false;
            };
            let extra = if own.is_some() { self.extra(limit - after, amount) } else { 0 };
            self.moving.fetch_add(u32::from(extra > 0), Ordering::AcqRel);
            let exchanged =
                self.drawn.0.compare_exchange(drawn, after + extra, Ordering::AcqRel, Ordering::Acquire);
            if let (Ok(_), Some(own)) = (exchanged, own.filter(|_| extra > 0)) {
                own.fetch_add(extra, Ordering::AcqRel);
            }
            self.moving.fetch_sub(u32::from(extra > 0), Ordering::AcqRel);
            if exchanged.is_ok() {
                return true;
            }
        }
    }

    /// How much more than it needs a worker draws: for some requests, and never so much that the
    /// others would soon have to gather it.
    fn extra(&self, room: u64, amount: u64) -> u64 {
        let fair = room / (4 * self.granted.len().max(1) as u64);
        amount.saturating_mul(8).min(fair)
    }

    fn give_back(&self, shard: usize, amount: u64) {
        match self.granted.get(shard % self.granted.len().max(1)) {
            Some(own) => own.0.fetch_add(amount, Ordering::AcqRel),
            None => self.drawn.0.fetch_sub(amount, Ordering::AcqRel),
        };
    }

    /// Takes back what all workers keep; whether there was something, or somebody else has it in hand.
    fn gather(&self) -> bool {
        if self.granted.is_empty() {
            return false;
        }
        self.moving.fetch_add(1, Ordering::AcqRel);
        let taken = self.granted.iter().map(|granted| granted.0.swap(0, Ordering::AcqRel)).sum::<u64>();
        self.drawn.0.fetch_sub(taken, Ordering::AcqRel);
        let others = self.moving.fetch_sub(1, Ordering::AcqRel) > 1;
        if others && taken == 0 {
            std::hint::spin_loop();
        }
        taken > 0 || others
    }

    /// What is neither used nor reserved of a limit.
    fn left(&self, limit: u64) -> u64 {
        self.gather();
        limit.saturating_sub(self.drawn.0.load(Ordering::Acquire))
    }

    /// The slice that is now.
    fn present(&self, now: u64) -> Arc<Slice> {
        let index = self.span.slice(now);
        match self.live.load().last() {
            Some(last) if last.index >= index => Arc::clone(last),
            _ => self.roll(index),
        }
    }

    /// Begins a slice; those that no longer count leave, with all they hold.
    fn roll(&self, index: u64) -> Arc<Slice> {
        let fresh = Arc::new(Slice::new(index, self.granted.len()));
        let oldest = self.span.oldest(index);
        loop {
            let live = self.live.load_full();
            if let Some(last) = live.last().filter(|last| last.index >= index) {
                return Arc::clone(last);
            }
            let (leaving, staying): (Vec<_>, Vec<_>) =
                live.iter().cloned().partition(|slice| slice.index < oldest);
            let next: Vec<_> = staying.into_iter().chain([Arc::clone(&fresh)]).collect();
            if Arc::ptr_eq(&self.live.compare_and_swap(&live, Arc::new(next)), &live) {
                for slice in &leaving {
                    self.end(slice);
                }
                return fresh;
            }
        }
    }

    fn end(&self, slice: &Slice) {
        for cell in &slice.cells {
            let held = cell.0.used.swap(GONE, Ordering::AcqRel);
            if held != GONE {
                self.drawn.0.fetch_sub(held, Ordering::AcqRel);
            }
        }
    }

    /// The slice with this number, which is begun if it may still count.
    fn slice_at(&self, index: u64) -> Option<Arc<Slice>> {
        loop {
            let live = self.live.load_full();
            let last = live.last().map_or(0, |slice| slice.index);
            if live.is_empty() || last < index {
                return Some(self.roll(index));
            }
            if index < self.span.oldest(last) {
                return None;
            }
            match live.binary_search_by_key(&index, |slice| slice.index) {
                Ok(place) => return live.get(place).cloned(),
                Err(place) => {
                    let mut next = Vec::clone(&live);
                    let fresh = Arc::new(Slice::new(index, self.granted.len()));
                    next.insert(place, Arc::clone(&fresh));
                    if Arc::ptr_eq(&self.live.compare_and_swap(&live, Arc::new(next)), &live) {
                        return Some(fresh);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
