//! The providers: what is configured, and how they do.

use super::{Call, object, rest, text_or_null, texts};
use crate::admin::answer::Answer;
use crate::clock;
use crate::provider::Source;
use crate::snapshot::Provider;
use crate::telemetry::breakers::{self, Told};
use crate::telemetry::standing::Stand;
use crate::wire::json::Object;

pub(super) fn list(call: &Call<'_>) -> Answer {
    let shared = &call.admin.shared;
    let world = shared.world.load();
    let names = world.discovered.load();
    let told = breakers::told(&world, clock::ticks(clock::now()));
    object(200, |answer| {
        answer.array("providers", |array| {
            for (index, provider) in world.providers.iter().enumerate() {
                let models = world.table.served_by(index, &names);
                let stand = shared.telemetry.standing.of(&provider.name);
                array.object(|object| one(object, provider, models, &stand, &told));
            }
        });
    })
}

fn one(object: &mut Object<'_>, provider: &Provider, models: usize, stand: &Stand, told: &[Told]) {
    object.string("name", &provider.name);
    object.string("vendor", provider.vendor.id);
    object.string("base_url", &provider.base.to_string());
    texts(object, "dialects", provider.spoken().iter().map(|(dialect, _)| dialect.name()));
    object.number("models", models);
    object.number("credentials", provider.keys.len());
    text_or_null(object, "cloud", provider.cloud.as_ref().map(|cloud| whose(&cloud.source)));
    object.number("requests", stand.requests);
    object.number("errors", stand.errors);
    match &stand.last_fault {
        None => object.null("last_fault"),
        Some(fault) => object.object("last_fault", |object| {
            object.string("at", clock::rfc3339(fault.at).as_str());
            object.string("kind", fault.kind);
            object.number("status", fault.status);
            object.string("message", &fault.message);
        }),
    }
    object.object("latency_ms", |object| match stand.median {
        Some(millis) => object.number("p50", millis),
        None => object.null("p50"),
    });
    object.array("resting", |array| rest::resting(array, &provider.name, told));
    // What is learned of them is of one key at one model, and changes with each answer.
    object.object("limits", |_| {});
}

/// The cloud that lends credentials.
const fn whose(source: &Source) -> &'static str {
    match source {
        Source::Aws(_) => "aws",
        Source::Google(_) => "google",
        Source::Entra(_) => "entra",
        Source::Oauth(_) => "oauth",
        Source::Oracle(_) => "oracle",
    }
}
