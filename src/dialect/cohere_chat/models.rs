//! Lists of models as Cohere's `/v1/models` gives them.

use crate::wire::json::{self, Object};

/// What is told of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// The endpoint that it is for; none where Cohere has no such.
    pub endpoint: Option<&'static str>,
    /// How many tokens it reads at once.
    pub context: Option<u64>,
}

/// The list of these models, all on one page.
#[must_use]
pub fn render_list(models: &[Listed<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + models.len() * 96);
    json::object(&mut out, |list| {
        list.array("models", |array| {
            for model in models {
                array.object(|object| write_one(object, model));
            }
        });
    });
    out
}

/// One model.
#[must_use]
pub fn render_one(model: &Listed<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    json::object(&mut out, |object| write_one(object, model));
    out
}

fn write_one(object: &mut Object<'_>, model: &Listed<'_>) {
    object.string("name", model.name);
    object.array("endpoints", |list| model.endpoint.iter().for_each(|endpoint| list.string(endpoint)));
    object.bool("finetuned", false);
    object.opt_number("context_length", model.context);
}
