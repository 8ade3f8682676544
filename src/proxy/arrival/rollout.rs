//! Which of two worlds a client sees, where one is staged beside the one that is served.

use std::net::IpAddr;
use std::sync::Arc;

use pingora::proxy::Session;

use super::{admission, tokens};
use crate::policy::Key;
use crate::proxy::exchange::Exchange;
use crate::proxy::shared::Shared;
use crate::snapshot::Staged;

/// Gives a request that just came the staged world, where its client is one of those who see it: known by
/// its key, or by its address where it shows none. A key that the served world does not let in
/// and the staged one does sees that; nobody else gets in by it.
pub(super) async fn choose(shared: &Shared, session: &Session, exchange: &mut Exchange) {
    let world = Arc::clone(&exchange.world);
    let Some(staged) = &world.staged else { return };
    let head = session.req_header();
    let (address, now) = (admission::address(&world, &shared.background, session), exchange.at / 1000);
    // What the gateway asks itself is asked for somebody.
    let own = shared.background.of(head).map(|(_, key)| key).or_else(|| shared.background.judged(head));
    let sees = if let Some(key) = own {
        is_for(staged, key.as_deref(), address)
    } else {
        match tokens::let_in(shared, &world, head, address, now).await {
            Ok(key) => is_for(staged, key.as_deref(), address),
            Err(_) => {
                tokens::let_in(shared, &staged.world, head, address, now).await.is_ok_and(|key| key.is_some())
            }
        }
    };
    if sees {
        exchange.see(Arc::clone(&staged.world));
    }
}

fn is_for(staged: &Staged, key: Option<&Key>, address: Option<IpAddr>) -> bool {
    match (key, address) {
        (Some(key), _) => staged.is_for(key.id.as_bytes()),
        (None, Some(address)) => staged.is_for(address.to_string().as_bytes()),
        (None, None) => false,
    }
}
