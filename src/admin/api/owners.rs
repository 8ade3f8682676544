//! The tree of owners, with labels and keys, and what binds them.

use std::collections::BTreeSet;

use super::{Call, object, rules, text_or_null};
use crate::admin::answer::Answer;
use crate::clock;
use crate::policy::Rule;

pub(super) fn tree(call: &Call<'_>) -> Answer {
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
    object(200, |answer| {
        answer.array("nodes", |array| {
            let mut node = |kind: &str, name: &str, parent: Option<&str>, id: Option<&str>, own: &[&Rule]| {
                array.object(|object| {
                    object.string("kind", kind);
                    object.string("name", name);
                    text_or_null(object, "parent", parent);
                    object.opt_string("id", id);
                    rules::rules(object, "rules", own.iter().copied(), now);
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
    })
}
