//! What is kept to answer the same question once more: how much, and away with it.

use super::{Call, Outcome, object};
use crate::admin::answer::Answer;
use crate::cache::Which;
use crate::wire::json;

/// How much is kept.
pub(super) fn show(call: &Call<'_>) -> Answer {
    let stand = call.admin.shared.cache.stand();
    let (world, shadow) = (call.admin.shared.world.load(), call.admin.shared.metrics().shadow());
    let own = world.door.keyring.keys().iter().filter_map(|key| key.cache.as_ref());
    let watches = world.caching.watches(own);
    object(200, |answer| {
        answer.number("entries", stand.entries);
        answer.number("bytes", stand.bytes);
        answer.number("room", stand.room);
        answer.number("evictions", stand.evicted);
        answer.object("shadow", |seen| {
            seen.bool("on", watches);
            seen.number("agreed", shadow.agreed);
            seen.number("differed", shadow.differed);
            seen.float("cost_usd", shadow.usd);
        });
        answer.array("tiers", |tiers| {
            for standing in call.admin.shared.behind() {
                tiers.object(|tier| {
                    tier.string("name", standing.tier.name());
                    tier.bool("up", standing.is_up);
                    if let Some((entries, bytes, room)) = standing.held {
                        tier.number("entries", entries);
                        tier.number("bytes", bytes);
                        tier.number("room", room);
                    }
                });
            }
        });
    })
}

/// Lets go of what the query names; of everything where it names nothing.
pub(super) async fn purge(call: &Call<'_>) -> Outcome {
    let param = |name| call.ask.param(name).map(|text| text.to_string());
    let which = Which { key: param("key"), owner: param("owner"), model: param("model"), tag: param("tag") };
    let (entries, bytes) = call.admin.shared.cache.purge(&which);
    let mut behind = Vec::new();
    if let Some(tiers) = &call.admin.shared.tiers {
        behind = tiers.purge(&which).await;
        // Who looked there meanwhile has it in memory again.
        call.admin.shared.cache.purge(&which);
    }
    let mut detail = Vec::new();
    json::object(&mut detail, |detail| {
        for (name, said) in
            [("key", &which.key), ("owner", &which.owner), ("model", &which.model), ("tag", &which.tag)]
        {
            detail.opt_string(name, said.as_deref());
        }
        detail.number("entries", entries);
        for (tier, entries) in &behind {
            detail.opt_number(tier.name(), *entries);
        }
    });
    let detail = String::from_utf8(detail).unwrap_or_default();
    call.admin.desk.note(&call.who.name, "cache.purge", None, detail).await;
    Ok(object(200, |answer| {
        answer.number("entries", entries);
        answer.number("bytes", bytes);
        answer.array("tiers", |tiers| {
            for (name, entries) in &behind {
                tiers.object(|tier| {
                    tier.string("name", name.name());
                    tier.bool("purged", entries.is_some());
                    tier.number("entries", entries.unwrap_or(0));
                });
            }
        });
    }))
}
