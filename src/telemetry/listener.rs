//! The thread that settles records and tells of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::account::count::Calibration;
use crate::account::{Outcome, Record, Settled, settle};
use crate::clock;
use crate::policy::{Outputs, Reservation, Spent};
use crate::store::journal::{Condition, Journal, Kind};
use crate::store::ledger::bodies::Waiting;
use crate::telemetry::access::Access;
use crate::telemetry::feed::Feed;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::Tracing;
use crate::telemetry::series::Observer;
use crate::telemetry::standing::Standing;
use crate::units::{Apart, PicoUsd};

/// So many records may wait; when there are more, a worker settles its own instead of losing it.
const QUEUE: u64 = 8192;

/// How often the thread looks.
const BEAT: Duration = Duration::from_millis(20);

/// Where workers leave their records.
#[derive(Debug)]
pub struct Telemetry {
    queue: Sender<Box<Record>>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    calibration: Arc<Calibration>,
    outputs: Arc<Outputs>,
    /// How providers do.
    pub standing: Arc<Standing>,
    /// Where finished requests are told of.
    pub feed: Arc<Feed>,
    /// Who decides what is traced; `None` where nobody follows traces.
    pub tracing: Option<Arc<Tracing>>,
    access: Option<Access>,
    journal: Option<Arc<Journal>>,
    left: Apart<AtomicU64>,
    told: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// The running thread; stops when dropped, after telling of everything in the queue.
#[derive(Debug)]
pub struct Listener {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told what it could.
            let _ = thread.join();
        }
    }
}

impl Telemetry {
    /// Starts the thread. `access` says which requests get a line, and where it goes; a row a request
    /// goes to the journal, and spans to whoever follows traces.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        metrics: Arc<Metrics>,
        access: Option<Access>,
        journal: Option<Arc<Journal>>,
        tracing: Option<Arc<Tracing>>,
    ) -> std::io::Result<(Arc<Self>, Listener)> {
        let (queue, records) = channel();
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        if let Some(journal) = &journal {
            metrics.tell_of(journal);
        }
        let calibration = Arc::new(Calibration::default());
        let outputs = Arc::new(Outputs::default());
        let (standing, feed) = (Arc::new(Standing::default()), Arc::new(Feed::default()));
        let telemetry = Arc::new(Self {
            queue,
            metrics: Arc::clone(&metrics),
            calibration: Arc::clone(&calibration),
            outputs: Arc::clone(&outputs),
            standing: Arc::clone(&standing),
            feed: Arc::clone(&feed),
            tracing: tracing.clone(),
            access: access.clone(),
            journal: journal.clone(),
            left: Apart::default(),
            told: Arc::clone(&told),
            stop: Arc::clone(&stop),
        });
        let teller = Teller {
            observer: Observer::new(Arc::clone(&metrics), standing),
            metrics,
            calibration,
            outputs,
            feed,
            tracing,
            access,
            journal,
            lines: Vec::with_capacity(2 * FLUSH),
            waiting: 0,
            told,
        };
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || teller.run(&records, &stopping))?;
        Ok((telemetry, Listener { thread: Some(thread), stop }))
    }

    /// Whether where clients are is told of.
    #[must_use]
    pub const fn tells_addresses(&self) -> bool {
        self.access.is_some() || self.tracing.is_some()
    }

    /// Whether nothing new may be begun, since what it uses could not be written down.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.refuses())
    }

    /// Where bodies are left that are logged; `None` where there is no ledger.
    #[must_use]
    pub fn bodies(&self) -> Option<&Waiting> {
        self.journal.as_ref().map(|journal| &journal.bodies)
    }

    /// How the journal does; `None` where there is none.
    #[must_use]
    pub fn journal(&self) -> Option<Condition> {
        self.journal.as_ref().map(|journal| journal.condition())
    }

    /// Writes down what a finished request used, before anything else is told of it. What must be
    /// counted for that is estimated until it is.
    fn write_down(&self, record: &mut Record) {
        let Some(journal) = &self.journal else { return };
        match &record.known {
            Some(used) => journal.append(record, used, Kind::Whole),
            None => {
                record.is_estimated = true;
                journal.append(record, &record.estimated(), Kind::Estimate);
            }
        }
    }

    /// Leaves one record. Never waits and never loses it.
    pub fn leave(&self, mut record: Box<Record>) {
        // Where nobody here must know, whoever settles it finds out.
        if self.journal.is_some() || record.reserved.is_some() {
            record.known = record.told();
        }
        self.write_down(&mut record);
        if let Some(mut reserved) = record.reserved.take() {
            reserved.end();
            // What must be counted first is settled by whoever counts it. A provider that was at work
            // when its client left may charge for all that was reserved; dropped, it counts as used.
            match &record.known {
                _ if record.was_left_at_work() => drop(reserved),
                Some(used) => close(&self.metrics, reserved, &used.spent()),
                None => record.reserved = Some(reserved),
            }
        }
        let left = self.left.0.fetch_add(1, Ordering::Relaxed);
        let waiting = left.saturating_sub(self.told.load(Ordering::Relaxed));
        // The channel is a list and not a ring, whose places would take megabytes of an idle process.
        let record = if waiting < QUEUE {
            let Err(SendError(record)) = self.queue.send(record) else { return };
            record
        } else {
            record
        };
        let mut teller = Teller {
            observer: Observer::new(Arc::clone(&self.metrics), Arc::clone(&self.standing)),
            metrics: Arc::clone(&self.metrics),
            calibration: Arc::clone(&self.calibration),
            outputs: Arc::clone(&self.outputs),
            feed: Arc::clone(&self.feed),
            tracing: self.tracing.clone(),
            access: self.access.clone(),
            journal: self.journal.clone(),
            lines: Vec::new(),
            waiting: 0,
            told: Arc::clone(&self.told),
        };
        teller.tell(record);
        teller.write();
    }

    /// Whether every record left so far has been told of.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.told.load(Ordering::Acquire) >= self.left.0.load(Ordering::Acquire)
    }

    /// Whether any record was left so far.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.left.0.load(Ordering::Relaxed) > 0
    }

    /// The lengths of the answers that were seen.
    #[must_use]
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The calibration of token estimates.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Asks the thread to tell what is left and end, without waiting for it.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// Settles what was reserved, and tells the operator of budgets that are nearly spent.
fn close(metrics: &Metrics, reserved: Reservation, spent: &Spent) {
    let now = clock::unix_seconds();
    for rule in reserved.settle(spent, now) {
        metrics.alerted(&rule);
        let used = PicoUsd(rule.window.level(now).into());
        log::warn!("the {} has used {used} USD of its budget of {}", rule.node, rule.bound);
    }
}

struct Teller {
    observer: Observer,
    metrics: Arc<Metrics>,
    calibration: Arc<Calibration>,
    outputs: Arc<Outputs>,
    feed: Arc<Feed>,
    tracing: Option<Arc<Tracing>>,
    access: Option<Access>,
    journal: Option<Arc<Journal>>,
    lines: Vec<u8>,
    /// Records in `lines`, told of once those are written.
    waiting: u64,
    told: Arc<AtomicU64>,
}

/// Lines are written when this much has gathered, or on the beat.
const FLUSH: usize = 32 << 10;

impl Teller {
    fn run(mut self, records: &Receiver<Box<Record>>, stop: &AtomicBool) {
        loop {
            // Read before the queue, so that what was left before the stop is still told.
            let stopping = stop.load(Ordering::Acquire);
            let ended = loop {
                match records.try_recv() {
                    Ok(record) => self.tell(record),
                    Err(TryRecvError::Empty) => break stopping,
                    Err(TryRecvError::Disconnected) => break true,
                }
                if self.lines.len() > FLUSH {
                    self.write();
                }
            };
            self.write();
            if ended {
                return;
            }
            std::thread::sleep(BEAT);
        }
    }

    fn tell(&mut self, record: Box<Record>) {
        let mut settled = settle(record, &self.calibration);
        if let (true, Some(journal)) = (settled.record.is_estimated, &self.journal) {
            journal.append(&settled.record, &settled.used(), Kind::Amendment);
        }
        if let Some(reserved) = settled.record.reserved.take() {
            close(&self.metrics, reserved, &settled.used().spent());
        }
        self.learn(&settled);
        self.observer.observe(&settled);
        self.feed.tell(&settled);
        if let (Some(trace), Some(tracing)) = (&settled.record.trace, &self.tracing) {
            tracing.tell(&settled, trace);
        }
        if let Some(access) = &self.access {
            access.tell(&settled, &mut self.lines);
        }
        self.waiting += 1;
    }

    /// Learns how long answers are that came to their end.
    fn learn(&self, settled: &Settled) {
        let whole = matches!(settled.record.outcome, Outcome::Answered);
        if let (Some(model), true) = (&settled.record.model, whole)
            && settled.record.operation == "chat"
            && settled.usage.total_output() > 0
            && !settled.record.is_cached()
        {
            self.outputs.learn(model, settled.usage.total_output());
        }
    }

    fn write(&mut self) {
        if let (Some(access), false) = (&self.access, self.lines.is_empty()) {
            access.write(&self.lines);
            self.lines.clear();
        }
        self.told.fetch_add(std::mem::take(&mut self.waiting), Ordering::Release);
    }
}
