//! `GET /v1/models`: the models, for clients that name this dialect's version in a header.

use crate::wire::json::{self, Object};

/// What the API itself gives for a model whose release date is not known.
const RELEASE_UNKNOWN: &str = "1970-01-01T00:00:00Z";

/// Says a list of models, each an id and a display name, as one page.
#[must_use]
pub fn render_models(models: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + models.len() * 128);
    json::object(&mut out, |o| {
        o.array("data", |a| {
            for (id, name) in models {
                a.object(|o| write_model(id, name, o));
            }
        });
        o.bool("has_more", false);
        write_edge("first_id", models.first(), o);
        write_edge("last_id", models.last(), o);
    });
    out
}

/// Says one model.
#[must_use]
pub fn render_model(id: &str, display_name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    json::object(&mut out, |o| write_model(id, display_name, o));
    out
}

fn write_model(id: &str, display_name: &str, o: &mut Object<'_>) {
    o.string("type", "model");
    o.string("id", id);
    o.string("display_name", display_name);
    o.string("created_at", RELEASE_UNKNOWN);
}

fn write_edge(key: &str, model: Option<&(&str, &str)>, o: &mut Object<'_>) {
    match model {
        Some((id, _)) => o.string(key, id),
        None => o.null(key),
    }
}
