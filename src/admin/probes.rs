//! What machines look at: health, readiness, metrics, and what is served.

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::clock;
use crate::route::health::Stand;
use crate::route::pressure::Priority;
use crate::telemetry::{breakers, pressure};
use crate::wire::json;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page at this path, if it is one of these.
pub(super) fn page(admin: &Admin, path: &str) -> Option<Answer> {
    let is_draining = admin.shared.is_draining();
    Some(match path {
        "/health" | "/health/liveness" => Answer::json(200, b"{\"status\":\"ok\"}".to_vec()),
        "/ready" | "/health/readiness" if is_draining => {
            Answer::json(503, b"{\"status\":\"draining\"}".to_vec())
        }
        "/ready" | "/health/readiness" if admin.shared.telemetry.refuses() => {
            Answer::json(503, b"{\"status\":\"ledger_unavailable\"}".to_vec())
        }
        "/ready" | "/health/readiness" => Answer::json(200, b"{\"status\":\"ready\"}".to_vec()),
        "/metrics" => Answer::new(200, TEXT, metrics(admin)),
        "/status" => status(admin),
        _ => return None,
    })
}

fn metrics(admin: &Admin) -> Vec<u8> {
    let world = admin.shared.world.load();
    let rules = world.door.keyring.standing(clock::unix_seconds());
    admin.shared.metrics().keeps(&admin.shared.cache.stand(), &admin.shared.behind());
    let told = breakers::told(&world, clock::ticks(clock::now()));
    admin.shared.metrics().render(admin.shared.held.now(), rules, &told, &pressure::told(&world))
}

/// What is served.
pub(super) fn status(admin: &Admin) -> Answer {
    let world = admin.shared.world.load();
    let mut body = Vec::new();
    json::object(&mut body, |status| {
        status.string("version", env!("CARGO_PKG_VERSION"));
        status.number("generation", world.generation);
        if let Some(staged) = &world.staged {
            status.object("staged", |object| {
                object.number("generation", staged.world.generation);
                object.number("percent", staged.percent);
            });
        }
        status.number("in_flight", admin.shared.metrics().in_flight());
        status.number("held_bytes", admin.shared.held.now());
        status.bool("draining", admin.shared.is_draining());
        status.array("providers", |list| {
            world.providers.iter().for_each(|provider| list.string(&provider.name))
        });
        status.array("breakers", |list| {
            let told = breakers::told(&world, clock::ticks(clock::now()));
            let open = told.into_iter().filter(|told| told.resting.is_some() || told.stand != Stand::Closed);
            open.for_each(|told| {
                list.object(|one| {
                    one.string("provider", &told.provider);
                    one.string("part", told.part);
                    one.opt_string("name", Some(told.name.as_str()).filter(|name| !name.is_empty()));
                    one.string("state", if told.resting.is_some() { "resting" } else { told.stand.name() });
                    one.opt_number("wait_ms", told.resting.unwrap_or(told.wait));
                    one.number("openings", told.openings);
                });
            });
        });
        status.array("pressure", |list| {
            for told in pressure::told(&world) {
                list.object(|one| {
                    one.string("provider", &told.provider);
                    one.string("model", &told.model);
                    one.number("limit", told.stand.number);
                    one.number("in_flight", told.stand.in_flight);
                    one.object("waiting", |waiting| {
                        for (priority, count) in Priority::ALL.into_iter().zip(told.stand.waiting) {
                            waiting.number(priority.name(), count);
                        }
                    });
                });
            }
        });
        if let Some(ledger) = &admin.shared.ledger {
            let (condition, stuck) = ledger.condition();
            status.object("ledger", |ledger| {
                ledger.bool("refusing", admin.shared.telemetry.refuses());
                ledger.opt_string("failing", condition.failing.as_deref());
                ledger.opt_string("stuck", stuck.as_deref());
                ledger.number("waiting", condition.waiting);
                ledger.number("lost", condition.lost);
            });
        }
        match admin.reloads.refused.load_full() {
            None => status.null("refused_reload"),
            Some(problems) => status.array("refused_reload", |list| {
                problems.iter().for_each(|problem| list.string(&problem.to_string()))
            }),
        }
    });
    Answer::json(200, body)
}
