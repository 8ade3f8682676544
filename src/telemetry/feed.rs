//! Finished requests, for those who listen: the dashboard's live feed.

use std::sync::Arc;

use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::account::{Settled, entry};
use crate::store::ledger::Row;

/// So many may wait for one who listens; a slower one misses the oldest.
const WAITING: usize = 1024;

/// A finished request, as the ledger has it.
pub type Told = Arc<Row>;

/// Where finished requests are told of. Nothing is made for it while nobody listens.
#[derive(Debug)]
pub struct Feed(Sender<Told>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Feed {
    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> Receiver<Told> {
        self.0.subscribe()
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }

    /// Tells of a request.
    pub fn tell(&self, settled: &Settled) {
        if self.listeners() == 0 {
            return;
        }
        let mut row = Vec::new();
        entry::write(&settled.record, &settled.used(), &mut row);
        if let Ok(entry) = entry::read(entry::VERSION, &row) {
            // They may have left meanwhile.
            let _ = self.0.send(Arc::new(Row { entry, ..Row::default() }));
        }
    }
}
