//! How a search of the web is asked for: the members that OpenAI's and Anthropic's tools share.

use crate::ir::{Breadth, Near, WebSearch};
use crate::wire::json::{Json, Object};

/// The members of [`Near`], which everyone spells alike.
const PLACES: [&str; 4] = ["city", "region", "country", "timezone"];

/// Reads a tool, or `web_search_options`: how often, how much, and near whom.
pub(super) fn read(tool: &Json<'_>) -> WebSearch {
    let list = |path: &[&str]| {
        let domains = tool.at(path).map(Json::elements).unwrap_or_default();
        domains.iter().filter_map(Json::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = |paths: [&[&str]; 2]| {
        let lists = paths.map(list);
        lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
    };
    WebSearch {
        most: tool.field("max_uses").and_then(Json::as_u64),
        breadth: match tool.field("search_context_size").and_then(Json::as_str) {
            Some("low") => Some(Breadth::Low),
            Some("medium") => Some(Breadth::Medium),
            Some("high") => Some(Breadth::High),
            _ => None,
        },
        only: first([&["allowed_domains"], &["filters", "allowed_domains"]]),
        never: first([&["blocked_domains"], &["filters", "excluded_domains"]]),
        near: tool.field("user_location").map(|place| near(place.field("approximate").unwrap_or(place))),
    }
}

fn near(place: &Json<'_>) -> Near {
    let [city, region, country, timezone] =
        PLACES.map(|key| place.field(key).and_then(Json::as_str).map(str::to_owned));
    Near { city, region, country, timezone }
}

/// Writes `user_location`, where the person's place is known.
pub(super) fn write_near(search: &WebSearch, tool: &mut Object<'_>) {
    let Some(near) = &search.near else { return };
    tool.object("user_location", |place| {
        place.string("type", "approximate");
        for (key, value) in PLACES.into_iter().zip([&near.city, &near.region, &near.country, &near.timezone])
        {
            place.opt_string(key, value.as_deref());
        }
    });
}
