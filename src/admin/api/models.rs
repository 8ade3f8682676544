//! What clients can ask for, where that would go, and what it costs.

use super::{Call, object};
use crate::admin::answer::Answer;
use crate::catalog::{PriceTable, Rates};
use crate::ir::Dialect;
use crate::proxy::departure::targets;
use crate::route::Target;
use crate::snapshot::Snapshot;
use crate::units::{PicoUsd, Price};
use crate::wire::json::{Array, Object};

pub(super) fn list(call: &Call<'_>) -> Answer {
    let world = call.admin.shared.world.load();
    let names = world.discovered.load();
    object(200, |answer| {
        answer.array("models", |array| {
            for (name, _) in world.table.list(&names) {
                let Ok(choice) = world.table.choose(&name, &names) else { continue };
                array.object(|object| one(object, &world, &name, &choice.targets));
            }
        });
    })
}

fn one(object: &mut Object<'_>, world: &Snapshot, name: &str, all: &[Target]) {
    object.string("name", name);
    let kind = match (world.table.is_route(name), all) {
        (true, [_]) => "alias",
        (true, _) => "route",
        (false, _) => "model",
    };
    object.string("kind", kind);
    object.array("targets", |array| all.iter().for_each(|target| told(array, world, target)));
    let first = all.first().and_then(|target| {
        let provider = world.providers.get(target.provider)?;
        let prices =
            targets::known(world, target, Dialect::OpenaiChat).and_then(|known| known.prices.clone());
        Some((prices, world.catalog.find(provider.vendor.id, &target.model)))
    });
    let (prices, model) = first.unwrap_or_default();
    match prices {
        Some(prices) => object.object("price", |object| price(object, &prices)),
        None => object.null("price"),
    }
    let mut bound = |key: &str, bound: Option<u64>| match bound {
        Some(bound) => object.number(key, bound),
        None => object.null(key),
    };
    bound("max_input", model.and_then(|model| model.max_input));
    bound("max_output", model.and_then(|model| model.max_output));
}

fn told(array: &mut Array<'_>, world: &Snapshot, target: &Target) {
    let provider = world.providers.get(target.provider).map_or("", |provider| provider.name.as_str());
    let dialect = targets::known(world, target, Dialect::OpenaiChat).map(|known| known.dialect.name());
    array.object(|object| {
        object.string("provider", provider);
        object.string("model", &target.model);
        super::text_or_null(object, "dialect", dialect);
    });
}

/// What is stated of a price, in USD for a million each; what is not costs what its kind does.
fn price(object: &mut Object<'_>, prices: &PriceTable) {
    let Rates {
        input,
        output,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        reasoning,
        audio_input,
        audio_output,
        image_output,
        image_input,
        audio_cache_read,
        image_cache_read,
        image,
        character,
        second,
        search,
    } = prices.standard;
    for (name, rate) in [
        ("input", input),
        ("output", output),
        ("cache_read", cache_read),
        ("cache_write_5m", cache_write_5m),
        ("cache_write_1h", cache_write_1h),
        ("reasoning", reasoning),
        ("audio_input", audio_input),
        ("audio_output", audio_output),
        ("image_input", image_input),
        ("image_output", image_output),
        ("audio_cache_read", audio_cache_read),
        ("image_cache_read", image_cache_read),
        ("image", image),
        ("character", character),
        ("second", second),
        ("search", search),
    ] {
        object.opt_raw(name, rate.map(per_million).as_deref());
    }
    object.opt_raw("web_search", prices.web_search.map(|price| price.to_string()).as_deref());
    if !prices.tiers.is_empty() {
        object.array("long_prompts_from", |array| {
            prices.tiers.iter().for_each(|tier| array.number(tier.from));
        });
    }
}

fn per_million(price: Price) -> String {
    let PicoUsd(million) = price.times(1_000_000);
    PicoUsd(million).to_string()
}
