//! The addresses of providers, looked up beside the requests and never on a worker's time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;

use crate::clock;

/// Known addresses, by host.
type Addresses = FxHashMap<String, Vec<IpAddr>>;

/// How long a look-up may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The table of addresses.
#[derive(Debug, Default)]
pub struct Resolver {
    known: ArcSwap<Addresses>,
}

impl Resolver {
    /// An address of the host: from the table, or looked up where it is not there yet.
    pub async fn address(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if let Ok(ip) = host.parse() {
            return Some(SocketAddr::new(ip, port));
        }
        if let Some(ip) = self.known.load().get(host).and_then(|ips| pick(ips)) {
            return Some(SocketAddr::new(ip, port));
        }
        self.refresh(host).await.map(|ip| SocketAddr::new(ip, port))
    }

    /// Looks a host up for once, since a client named it: nothing is remembered of it. All its addresses,
    /// the older kind first.
    pub async fn once(host: &str) -> Vec<IpAddr> {
        if let Ok(ip) = host.parse() {
            return vec![ip];
        }
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
        let Ok(Ok(found)) = found else { return Vec::new() };
        let mut ips: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        ips.sort_unstable_by_key(IpAddr::is_ipv6);
        ips
    }

    /// Looks a host up and remembers what was found; a failed look-up leaves the old addresses.
    pub async fn refresh(&self, host: &str) -> Option<IpAddr> {
        if host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
        let Ok(Ok(found)) = found else {
            log::warn!("the host {host} could not be resolved");
            return None;
        };
        let mut ips: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        // Edge hosts often have no way out by IPv6; where there is a choice, take the older.
        ips.sort_unstable_by_key(IpAddr::is_ipv6);
        if ips.iter().any(IpAddr::is_ipv4) {
            ips.retain(IpAddr::is_ipv4);
        }
        let first = pick(&ips)?;
        self.known.rcu(|known| {
            let mut known = Addresses::clone(known);
            known.insert(host.to_owned(), ips.clone());
            Arc::new(known)
        });
        Some(first)
    }
}

/// One of several addresses, each in its turn by chance.
fn pick(ips: &[IpAddr]) -> Option<IpAddr> {
    let place = match ips.len() {
        0 => return None,
        1 => 0,
        many => usize::try_from(clock::random() >> 32).unwrap_or(0) % many,
    };
    ips.get(place).copied()
}
