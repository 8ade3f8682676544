//! Clients that show a token of another issuer instead of a key.
//!
//! A token is looked over once and then remembered by its hash, so that a request costs a look-up.
//! What is remembered is forgotten with the keys and the issuers it was found true under.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use pingora::http::RequestHeader;
use rustc_hash::FxHashMap;

use crate::clock;
use crate::policy::token::{self, Invalid, Issuer, Parts, Set};
use crate::policy::{Digest, Guest, Key, Keyring};
use crate::proxy::arrival::{admission, credentials};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;

/// As many tokens are remembered by each worker.
const MOST: usize = 4096;
/// Of what one request shows, so many tokens are looked at: each may have its issuer asked.
const MOST_SHOWN: usize = 4;

/// Lets a client in by its key, or else by a token that it shows.
///
/// # Errors
/// 401 or 403, as the one or the other is refused.
pub(super) async fn let_in(
    shared: &Shared,
    world: &Snapshot,
    head: &RequestHeader,
    address: Option<IpAddr>,
    now: u64,
) -> Result<Option<Arc<Key>>, Refusal> {
    let admitted = admission::admit(world, head, address, now);
    if admitted.is_err()
        && !world.door.issuers.is_empty()
        && let Some(opened) = admit(shared, world, head, address).await
    {
        return opened.map(Some);
    }
    admitted
}

/// Lets a client in that shows a token; `None` where none of its credentials is one.
async fn admit(
    shared: &Shared,
    world: &Snapshot,
    head: &RequestHeader,
    address: Option<IpAddr>,
) -> Option<Result<Arc<Key>, Refusal>> {
    let shown: Vec<_> =
        credentials::shown(head).filter(|shown| token::is_token(shown)).take(MOST_SHOWN).collect();
    let mut refused = None;
    for token in shown {
        match open(shared, world, &token, address).await {
            Ok(key) => return Some(Ok(key)),
            Err(refusal) => {
                refused.get_or_insert(Err(refusal));
            }
        }
    }
    refused
}

async fn open(
    shared: &Shared,
    world: &Snapshot,
    token: &[u8],
    address: Option<IpAddr>,
) -> Result<Arc<Key>, Refusal> {
    let digest = Digest::of(token);
    let now = clock::unix_seconds();
    let changes = shared.issuer_keys.changes();
    let known = KNOWN.with_borrow_mut(|known| of(known, world, changes).get(&digest).cloned());
    let key = match known.filter(|key| key.expires.is_none_or(|end| end > now)) {
        Some(key) => key,
        None => {
            let key = Arc::new(look_over(shared, world, token, now).await?);
            KNOWN.with_borrow_mut(|known| {
                let known = of(known, world, changes);
                if known.len() >= MOST {
                    known.clear();
                }
                known.insert(digest, Arc::clone(&key));
            });
            key
        }
    };
    match key.admit(now, address) {
        Ok(()) => Ok(key),
        Err(why) => Err(admission::closed(&key.name, why)),
    }
}

async fn look_over(shared: &Shared, world: &Snapshot, token: &[u8], now: u64) -> Result<Key, Refusal> {
    let parts = Parts::of(token).map_err(|invalid| refusal(&invalid))?;
    let made = parts.issuer().map_err(|invalid| refusal(&invalid))?;
    let mut why = refusal(&Invalid::Issuer);
    // Of issuers with one name, each for an audience of its own, one that takes the token counts.
    for issuer in world.door.issuers.iter().filter(|issuer| issuer.issuer == made) {
        let guest = match verify(shared, issuer, &parts, now).await {
            Ok(guest) => guest,
            Err(refusal) => {
                why = refusal;
                continue;
            }
        };
        return world.door.keyring.welcome(&guest).map_err(|no_host| {
            log::warn!("a token of {} opens nothing: {no_host}", issuer.name);
            Refusal::new(Kind::Authentication, no_host.to_string()).with_code("invalid_token")
        });
    }
    Err(why)
}

async fn verify(shared: &Shared, issuer: &Issuer, parts: &Parts<'_>, now: u64) -> Result<Guest, Refusal> {
    let with = |published: Option<&Set>| {
        let sets: Vec<&Set> = std::iter::once(&issuer.keys).chain(published).collect();
        token::verify(parts, issuer, &sets, now)
    };
    let Some(origin) = &issuer.origin else { return with(None).map_err(|invalid| refusal(&invalid)) };
    let known = shared.issuer_keys.known(origin);
    match with(known.as_deref()) {
        // The issuer may have a new one since it was asked last.
        Err(Invalid::Key(_)) => {}
        decided => return decided.map_err(|invalid| refusal(&invalid)),
    }
    let Some(fresh) = shared.issuer_keys.fresh(origin).await else {
        let message = format!("the keys of the issuer \"{}\" cannot be had at the moment", issuer.name);
        return Err(Refusal::new(Kind::Unavailable, message).with_code("issuer_unavailable"));
    };
    with(Some(&fresh)).map_err(|invalid| refusal(&invalid))
}

fn refusal(invalid: &Invalid) -> Refusal {
    let code = if *invalid == Invalid::Expired { "token_expired" } else { "invalid_token" };
    Refusal::new(Kind::Authentication, invalid.to_string()).with_code(code)
}

thread_local! {
    /// Those under the keys of the world that is served, and those under the staged one's.
    static KNOWN: RefCell<[Known; 2]> = RefCell::default();
}

/// The tokens that were found true, each with what it opens.
#[derive(Default)]
struct Known {
    /// The keys that they were bound with.
    ring: Option<Arc<Keyring>>,
    /// The count of changes of issuers' keys.
    changes: u64,
    keys: FxHashMap<Digest, Arc<Key>>,
}

/// Those that hold in this world.
fn of<'k>(
    [served, staged]: &'k mut [Known; 2],
    world: &Snapshot,
    changes: u64,
) -> &'k mut FxHashMap<Digest, Arc<Key>> {
    (if world.is_staged { staged } else { served }).of(&world.door.keyring, changes)
}

impl Known {
    /// Those that hold under these keys.
    fn of(&mut self, ring: &Arc<Keyring>, changes: u64) -> &mut FxHashMap<Digest, Arc<Key>> {
        let same = self.ring.as_ref().is_some_and(|known| Arc::ptr_eq(known, ring));
        if !same || self.changes != changes {
            self.ring = Some(Arc::clone(ring));
            self.changes = changes;
            self.keys.clear();
        }
        &mut self.keys
    }
}
