//! Blocks that only this dialect has, in words for others: what the user gave or was told must
//! reach every model.

use crate::wire::json::Json;

/// What a block says, where a model that does not know its kind must hear of it.
pub(super) fn of(name: &str, inner: &Json<'_>) -> Option<String> {
    let text = |key: &str| inner.field(key).and_then(Json::as_str);
    let parts = |path: &[&'static str]| -> Vec<&str> {
        let parts = inner.at(path).map(Json::elements).unwrap_or_default();
        parts.iter().filter_map(|part| part.field("text").and_then(Json::as_str)).collect()
    };
    match name {
        "guardContent" => inner.at(&["text", "text"]).and_then(Json::as_str).map(str::to_owned),
        "searchResult" => lines(text("title").into_iter().chain(text("source")).chain(parts(&["content"]))),
        // A document that is made of blocks.
        "document" => {
            let parts = parts(&["source", "content"]);
            lines(text("name").into_iter().chain(text("context")).chain(parts))
        }
        "toolAddition" => Some(format!("The tool {} can be called from here on.", tool(inner)?)),
        "toolRemoval" => Some(format!("The tool {} must not be called any more.", tool(inner)?)),
        _ => None,
    }
}

/// The name of the tool that a change is about.
fn tool<'j>(inner: &'j Json<'_>) -> Option<&'j str> {
    inner.at(&["tool", "name"])?.as_str()
}

fn lines<'t>(parts: impl Iterator<Item = &'t str>) -> Option<String> {
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}
