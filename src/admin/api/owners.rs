//! The tree of owners, with labels and keys, and what binds them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, Outcome, object, rules, text_or_null};
use crate::account::Entry;
use crate::clock;
use crate::policy::Rule;
use crate::store::ledger::{By, Filter, Reader};
use crate::units::PicoUsd;

pub(super) async fn tree(call: &Call<'_>) -> Outcome {
    let spent = spent(call).await;
    let world = call.admin.shared.world.load();
    let keyring = &world.door.keyring;
    let now = clock::unix_seconds();
    let live = || keyring.keys().iter().filter(|key| key.revoked.is_none());
    // Whoever has a rule, a key, or somebody below.
    let mut owners: BTreeSet<&str> = live().map(|key| &*key.owner).collect();
    let mut labels: BTreeSet<&str> = live().flat_map(|key| key.labels.iter().map(|label| &**label)).collect();
    let mut bound: BTreeMap<(&str, &str), Vec<&Rule>> = BTreeMap::new();
    for rule in keyring.shared_rules() {
        bound.entry((rule.node.kind, &rule.node.name)).or_default().push(rule);
        let names = if rule.node.kind == "owner" { &mut owners } else { &mut labels };
        names.insert(&rule.node.name);
    }
    for path in owners.clone() {
        let mut path = path;
        while let Some((above, _)) = path.rsplit_once('/') {
            owners.insert(above);
            path = above;
        }
    }
    owners.remove("");
    Ok(object(200, |answer| {
        answer.array("nodes", |array| {
            let mut node = |kind: &str, name: &str, parent: Option<&str>, id: Option<&str>, own: &[&Rule]| {
                array.object(|object| {
                    object.string("kind", kind);
                    object.string("name", name);
                    text_or_null(object, "parent", parent);
                    object.opt_string("id", id);
                    rules::rules(object, "rules", own.iter().copied(), now);
                    if let Some(spent) = &spent {
                        let (requests, cost) = spent.of(kind, name, id);
                        object.number("requests", requests);
                        object.raw("cost_usd", &cost.to_string());
                    }
                });
            };
            for owner in &owners {
                let above = owner.rsplit_once('/').map(|(above, _)| above);
                let own = bound.get(&("owner", *owner));
                node("owner", owner, above, None, own.map_or(&[][..], Vec::as_slice));
            }
            for label in &labels {
                let own = bound.get(&("label", *label));
                node("label", label, None, None, own.map_or(&[][..], Vec::as_slice));
            }
            for key in live() {
                let own: Vec<&Rule> = key.rules.iter().filter(|rule| rule.node.kind == "key").collect();
                let owner = Some(&*key.owner).filter(|owner| !owner.is_empty());
                node("key", &key.name, owner, Some(&key.id), &own);
            }
        });
    }))
}

/// Requests, and what they cost.
type Sum = (u64, PicoUsd);

/// What was asked this month, and what it cost.
#[derive(Default)]
struct Spent {
    /// By path: an owner has what all below it have.
    owners: BTreeMap<String, Sum>,
    labels: BTreeMap<String, Sum>,
    /// By id.
    keys: BTreeMap<String, Sum>,
}

impl Spent {
    /// Of the month since then, from the sums by the hour.
    fn since(from: u64, ledger: &Reader) -> rusqlite::Result<Self> {
        let mut spent = Self::default();
        let filter = Filter { from, ..Filter::default() };
        ledger.each_hour(&filter, |entry, sums| spent.add(entry, (sums.requests(), sums.cost())))?;
        Ok(spent)
    }

    /// Those of each label come once more, without all others.
    fn add(&mut self, entry: &Entry, (requests, cost): Sum) {
        fn add(to: &mut BTreeMap<String, Sum>, name: &str, (requests, cost): Sum) {
            let Some(sum) = to.get_mut(name) else {
                to.insert(name.to_owned(), (requests, cost));
                return;
            };
            sum.0 += requests;
            sum.1 += cost;
        }
        if let Some(label) = entry.labels.first() {
            return add(&mut self.labels, label, (requests, cost));
        }
        if let Some((id, _)) = &entry.key {
            add(&mut self.keys, id, (requests, cost));
        }
        let mut path = Some(&*entry.owner).filter(|owner| !owner.is_empty());
        while let Some(owner) = path {
            add(&mut self.owners, owner, (requests, cost));
            path = owner.rsplit_once('/').map(|(above, _)| above);
        }
    }

    fn of(&self, kind: &str, name: &str, id: Option<&str>) -> Sum {
        let found = match kind {
            "label" => self.labels.get(name),
            "key" => self.keys.get(id.unwrap_or(name)),
            _ => self.owners.get(name),
        };
        found.copied().unwrap_or_default()
    }
}

/// What was asked this month; nothing where there is no ledger.
async fn spent(call: &Call<'_>) -> Option<Spent> {
    let from = By::Month.begin(clock::unix_millis());
    call.admin.desk.read(move |ledger| Spent::since(from, ledger)).await.ok()
}
