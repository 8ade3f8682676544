//! Hosts that are left alone are asked for their models now and then, so that no client need be the one who
//! finds out that they are back.

use std::time::Duration;

use pingora::connectors::http::Connector;
use tokio::time::{Instant, timeout};

use crate::clock;
use crate::proxy::discovery;
use crate::proxy::shared::Shared;
use crate::snapshot::{Provider, Snapshot};

/// A host that takes longer for its head is not back.
const PATIENCE: Duration = Duration::from_secs(5);

/// When hosts were asked last.
#[derive(Debug)]
pub struct Prober(Instant);

impl Default for Prober {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Prober {
    /// Whether there is a host to be asked now.
    #[must_use]
    pub fn is_due(&self, shared: &Shared) -> bool {
        let world = shared.world.load();
        let every = world.breakers.probe.filter(|_| world.breakers.rules.is_some());
        every.is_some_and(|every| self.0.elapsed() >= every) && left_alone(&world).next().is_some()
    }

    /// Asks all of them. One that answers anything but an error of its own is back; one that does not, once
    /// its time was over, is left alone for longer.
    pub async fn run(&mut self, shared: &Shared) {
        self.0 = Instant::now();
        let world = shared.world.load_full();
        let Some(rules) = &world.breakers.rules else { return };
        let connector = Connector::new(None);
        for provider in left_alone(&world) {
            let host = &provider.health.host;
            let begun = clock::ticks(clock::now());
            if provider.health.rest.is_on(begun) {
                continue;
            }
            let asked = timeout(PATIENCE, discovery::ask(&connector, shared, provider)).await;
            let status = asked.ok().flatten().map(|(status, _)| status);
            if status.is_some_and(|status| status < 500) {
                host.close();
                log::info!("{} answers again", provider.name);
            } else {
                host.ill(clock::ticks(clock::now()), begun, rules, rules.share, None);
            }
        }
    }
}

/// The providers whose hosts are left alone. One that cannot be asked is tried by clients as if nobody asked.
fn left_alone(world: &Snapshot) -> impl Iterator<Item = &Provider> {
    let alone = |provider: &&Provider| provider.health.host.until().is_some();
    world
        .both()
        .flat_map(|world| &world.providers)
        .filter(alone)
        .filter(|provider| discovery::can_be_asked(provider))
}
