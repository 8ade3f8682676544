//! Lists of models as `/api/tags`, `/api/ps` and `/api/show` give them, and the server's version.
//!
//! What only somebody who holds a model's weights could say (size, digest, quantization) is left at
//! what says nothing.

use crate::dialect::Malformed;
use crate::dialect::place::filled;
use crate::units::civil;
use crate::wire::json::{self, Json, Object};

/// The version that clients are told: that of the API which is spoken here, since some turn features
/// on by it.
pub const VERSION: &str = "0.13.0";

/// A digest must look like one.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The list of these models.
#[must_use]
pub fn render_list(models: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + models.len() * 320);
    json::object(&mut out, |list| {
        list.array("models", |array| {
            for name in models {
                array.object(|model| {
                    model.string("name", name);
                    model.string("model", name);
                    model.string("modified_at", &civil::rfc3339(0));
                    model.number("size", 0_u8);
                    model.string("digest", NO_DIGEST);
                    model.object("details", write_details);
                });
            }
        });
    });
    out
}

/// The models that are in memory: nobody here has any.
#[must_use]
pub fn render_running() -> Vec<u8> {
    b"{\"models\":[]}".to_vec()
}

/// The server's version.
#[must_use]
pub fn render_version() -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    json::object(&mut out, |version| version.string("version", VERSION));
    out
}

/// Reads which model a client wants to be shown.
///
/// # Errors
/// When the body names none.
pub fn parse_show(body: &[u8]) -> Result<String, Malformed> {
    let root = json::parse(body)?;
    let name = |key: &str| filled(root.get(key).and_then(Json::as_str)).map(str::to_owned);
    let missing = || Malformed::new("model", "missing required parameter: 'model'");
    name("model").or_else(|| name("name")).ok_or_else(missing)
}

/// What is known of one model: how much it reads at once, and what it can do.
#[must_use]
pub fn render_show(name: &str, context: Option<u64>, capabilities: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    json::object(&mut out, |model| {
        model.string("modelfile", "");
        model.string("parameters", "");
        model.string("template", "");
        model.object("details", write_details);
        model.object("model_info", |info| {
            info.string("general.architecture", ARCHITECTURE);
            info.string("general.basename", name);
            if let Some(context) = context {
                info.number(&format!("{ARCHITECTURE}.context_length"), context);
            }
        });
        model.array("capabilities", |list| capabilities.iter().for_each(|word| list.string(word)));
        model.string("modified_at", &civil::rfc3339(0));
    });
    out
}

/// Clients look for the length of the context under the architecture's name.
const ARCHITECTURE: &str = "remote";

fn write_details(details: &mut Object<'_>) {
    details.string("parent_model", "");
    details.string("format", "");
    details.string("family", ARCHITECTURE);
    details.array("families", |list| list.string(ARCHITECTURE));
    details.string("parameter_size", "");
    details.string("quantization_level", "");
}

/// The answer to a client that only wants a model to be loaded, or let go of: whoever has none in
/// memory need do nothing.
#[must_use]
pub fn render_loaded(form: Loading, model: &str, created: u64, unload: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    json::object(&mut out, |answer| {
        super::reply::write_lead(answer, model, created);
        match form {
            Loading::Chat => answer.object("message", |message| {
                message.string("role", "assistant");
                message.string("content", "");
            }),
            Loading::Generate => answer.string("response", ""),
        }
        answer.bool("done", true);
        answer.string("done_reason", if unload { "unload" } else { "load" });
    });
    out.push(b'\n');
    out
}

/// How a client asked for a model to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// By a chat without messages.
    Chat,
    /// By a prompt without words.
    Generate,
}
