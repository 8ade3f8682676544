//! What a worker remembers of the targets it has served: their tolerances and addresses.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::catalog::profile::Profile;
use crate::ir::Dialect;
use crate::provider::url::path_for;
use crate::provider::{Base, Embeddings, Operation};
use crate::route::Target;
use crate::snapshot::Snapshot;

/// A target as one worker speaks to it, worked out once and then shared by its requests.
#[derive(Debug)]
pub struct Known {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The provider's place in the snapshot.
    pub index: usize,
    /// The vendor's id in the catalogue.
    pub vendor: &'static str,
    /// The model's name there.
    pub model: Arc<str>,
    /// The dialect in which it is spoken to.
    pub dialect: Dialect,
    /// What it tolerates.
    pub profile: Profile,
    /// Where it is.
    pub base: Base,
    /// The `host` header.
    pub authority: String,
    /// The path of each operation that it has.
    pub paths: Paths,
}

/// The paths of a target's operations.
#[derive(Debug)]
pub struct Paths {
    /// A whole reply.
    pub generate: String,
    /// A streamed reply.
    pub stream: String,
    /// Vectors, and how they are asked for.
    pub embed: Option<(Embeddings, String)>,
    /// The number of tokens of a prompt.
    pub count: Option<String>,
}

type Key = (u64, usize, Dialect, String);

thread_local! {
    static KNOWN: RefCell<FxHashMap<Key, Arc<Known>>> = RefCell::default();
}

/// A worker remembers this many targets; names beyond it are worked out each time anew.
const MOST: usize = 4096;

/// What is known of a target for a client of this dialect; `None` when its vendor speaks nothing
/// that could answer.
#[must_use]
pub fn known(world: &Snapshot, target: &Target, client: Dialect) -> Option<Arc<Known>> {
    KNOWN.with_borrow_mut(|known| {
        let key = (world.generation, target.provider, client, target.model.clone());
        if let Some(known) = known.get(&key) {
            return Some(Arc::clone(known));
        }
        let fresh = Arc::new(learn(world, target, client)?);
        if known.len() >= MOST {
            known.clear();
        }
        known.retain(|(generation, ..), _| *generation == world.generation);
        known.insert(key, Arc::clone(&fresh));
        Some(fresh)
    })
}

fn learn(world: &Snapshot, target: &Target, client: Dialect) -> Option<Known> {
    let provider = world.providers.get(target.provider)?;
    let vendor = provider.vendor;
    let spoken = provider.spoken();
    // A vendor of vectors alone speaks no dialect; its vectors still have an address.
    let (dialect, base) = spoken
        .iter()
        .find(|(dialect, _)| *dialect == client)
        .or_else(|| spoken.first())
        .cloned()
        .unwrap_or_else(|| (Dialect::OpenaiChat, provider.base.clone()));
    let model = world
        .catalog
        .find(&provider.name, &target.model)
        .filter(|model| model.provider == provider.name)
        .or_else(|| vendor.model(&world.catalog, &target.model));
    let path = |dialect, operation| {
        path_for(vendor, &base, dialect, operation, &target.model, provider.api_version.as_deref())
    };
    let embed = vendor.embeddings.and_then(|form| {
        let (dialect, base) = (form.dialect(), &provider.base);
        let version = provider.api_version.as_deref();
        let path = path_for(vendor, base, dialect, Operation::EmbedBatch, &target.model, version)?;
        Some((form, path))
    });
    Some(Known {
        provider: provider.name.as_str().into(),
        index: target.provider,
        vendor: vendor.catalogue_ids.first().copied().unwrap_or(vendor.id),
        model: target.model.as_str().into(),
        dialect,
        profile: Profile::of(dialect, &vendor.quirks, &target.model, model),
        authority: base.authority(),
        paths: Paths {
            generate: path(dialect, Operation::Generate)?,
            stream: path(dialect, Operation::Stream)?,
            embed,
            count: path(dialect, Operation::CountTokens),
        },
        base,
    })
}
