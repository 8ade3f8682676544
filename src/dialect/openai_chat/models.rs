//! Lists of models as OpenAI's `/v1/models` gives them.

use crate::wire::json::{self, Object};

/// The list of these models, each with its owner.
#[must_use]
pub fn render_list(models: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + models.len() * 96);
    json::object(&mut out, |list| {
        list.string("object", "list");
        list.array("data", |data| {
            for (id, owner) in models {
                data.object(|model| write_one(model, id, owner));
            }
        });
    });
    out
}

/// One model.
#[must_use]
pub fn render_one(id: &str, owner: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    json::object(&mut out, |model| write_one(model, id, owner));
    out
}

fn write_one(model: &mut Object<'_>, id: &str, owner: &str) {
    model.string("id", id);
    model.string("object", "model");
    // When a model was made is in no list that all vendors give; clients want some number.
    model.number("created", 0_u32);
    model.string("owned_by", owner);
}
