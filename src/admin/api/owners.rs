//! The tree of owners, with labels and keys, and what binds them.

use std::collections::BTreeSet;

use super::{Call, Outcome, object, rules, text_or_null};
use crate::clock;
use crate::policy::Rule;
use crate::store::ledger::{By, Filter, Grouping, Query, UsedBy};
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
    for rule in keyring.shared_rules() {
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
                        let (requests, cost) = spent.of(kind, name);
                        object.number("requests", requests);
                        object.raw("cost_usd", &cost.to_string());
                    }
                });
            };
            let shared = |kind: &str, name: &str| -> Vec<&Rule> {
                let of = |rule: &&Rule| rule.node.kind == kind && *rule.node.name == *name;
                keyring.shared_rules().iter().filter(of).collect()
            };
            for owner in &owners {
                let above = owner.rsplit_once('/').map(|(above, _)| above);
                node("owner", owner, above, None, &shared("owner", owner));
            }
            for label in &labels {
                node("label", label, None, None, &shared("label", label));
            }
            for key in live() {
                let own: Vec<&Rule> = key.rules.iter().filter(|rule| rule.node.kind == "key").collect();
                let owner = Some(&*key.owner).filter(|owner| !owner.is_empty());
                node("key", &key.name, owner, Some(&key.id), &own);
            }
        });
    }))
}

/// What was asked this month, and what it cost.
struct Spent {
    by_owner: Vec<UsedBy>,
    by_label: Vec<UsedBy>,
}

impl Spent {
    /// Of a node: an owner has what all below it have.
    fn of(&self, kind: &str, name: &str) -> (u64, PicoUsd) {
        let (rows, place) = match kind {
            "label" => (&self.by_label, 0),
            "key" => (&self.by_owner, 1),
            _ => (&self.by_owner, 0),
        };
        let is_own = |own: &str| own == name || (kind == "owner" && is_below(own, name));
        let own = rows.iter().filter(|row| row.group.get(place).is_some_and(|own| is_own(own)));
        own.fold((0, PicoUsd::ZERO), |(requests, cost), row| {
            (requests + row.sums.requests(), cost + row.sums.cost())
        })
    }
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// What was asked this month; nothing where there is no ledger.
async fn spent(call: &Call<'_>) -> Option<Spent> {
    let from = By::Month.begin(clock::unix_millis());
    let query = |groups: &[Grouping]| Query {
        filter: Filter { from, ..Filter::default() },
        by: By::None,
        groups: groups.to_vec(),
    };
    let (owners, labels) = (query(&[Grouping::Owner, Grouping::Key]), query(&[Grouping::Label]));
    let read = call.admin.desk.read(move |ledger| {
        Ok(Spent { by_owner: ledger.usage(&owners)?.rows, by_label: ledger.usage(&labels)?.rows })
    });
    read.await.ok()
}
