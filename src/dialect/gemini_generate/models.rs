//! The list of models, as this dialect's clients ask for it.

use crate::wire::json::{self, Object};

/// What is told of one model: its id, and the most tokens it takes and gives, where known.
pub type Model<'a> = (&'a str, Option<u64>, Option<u64>);

/// Says the list of models (`GET /v1beta/models`).
#[must_use]
pub fn render_list(models: &[Model<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(models.len() * 256 + 16);
    json::object(&mut out, |o| {
        o.array("models", |a| {
            for model in models {
                a.object(|o| write(o, model));
            }
        });
    });
    out
}

/// Says one model (`GET /v1beta/models/{model}`).
#[must_use]
pub fn render_one(model: &Model<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| write(o, model));
    out
}

fn write(o: &mut Object<'_>, (id, input, output): &Model<'_>) {
    let name = if id.starts_with("tunedModels/") { (*id).to_owned() } else { format!("models/{id}") };
    o.string("name", &name);
    o.string("baseModelId", id);
    o.string("version", "001");
    o.string("displayName", id);
    o.opt_number("inputTokenLimit", *input);
    o.opt_number("outputTokenLimit", *output);
    o.array("supportedGenerationMethods", |a| {
        for method in ["generateContent", "streamGenerateContent", "countTokens"] {
            a.string(method);
        }
    });
}
