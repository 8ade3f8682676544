//! Blocks that only this dialect has, in words for others: what the user gave or was told must
//! reach every model.

use crate::wire::json::Json;

/// What a block says, where a model that does not know its kind must hear of it.
pub(super) fn of(name: &str, json: &Json<'_>) -> Option<String> {
    let text = |key: &str| json.field(key).and_then(Json::as_str);
    match name {
        "tool_reference" => Some(format!("The tool {} can be called.", text("tool_name")?)),
        "tool_addition" => Some(format!("The tool {} can be called from here on.", tool(json)?)),
        "tool_removal" => Some(format!("The tool {} must not be called any more.", tool(json)?)),
        "search_result" => {
            let parts = json.field("content").map(Json::elements).unwrap_or_default();
            lines([text("title"), text("source")].into_iter().flatten().chain(parts.iter().filter_map(said)))
        }
        // A document that is made of blocks.
        "document" => {
            let parts = json.at(&["source", "content"]);
            let whole = parts.and_then(Json::as_str);
            let parts = parts.map(Json::elements).unwrap_or_default();
            let parts = whole.into_iter().chain(parts.iter().filter_map(said));
            lines([text("title"), text("context")].into_iter().flatten().chain(parts))
        }
        // All that is left of what came before it.
        "compaction" => text("content").map(str::to_owned),
        _ => None,
    }
}

/// The name of the tool that a change is about.
fn tool<'j>(json: &'j Json<'_>) -> Option<&'j str> {
    let paths: [&[&str]; 3] =
        [&["tool", "name"], &["tool", "definition", "name"], &["tool_reference", "tool_name"]];
    paths.into_iter().find_map(|path| json.at(path)?.as_str())
}

fn said<'j>(block: &'j Json<'_>) -> Option<&'j str> {
    block.field("text").and_then(Json::as_str)
}

fn lines<'t>(parts: impl Iterator<Item = &'t str>) -> Option<String> {
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}
