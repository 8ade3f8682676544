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
        "server_tool_use" => served(text("name")?, json.field("input")?),
        "mcp_tool_use" => {
            let arguments = json.field("input").map_or("{}", Json::raw);
            Some(format!("The tool {} was called with {arguments}.", text("name")?))
        }
        "mcp_tool_result" => {
            let parts = json.field("content").map(Json::elements).unwrap_or_default();
            lines(parts.iter().filter_map(said)).map(|answer| format!("It answered:\n{answer}"))
        }
        "web_search_tool_result" => {
            let pages = json.field("content").map(Json::elements).unwrap_or_default();
            let page = |page: &Json<'_>| {
                let text = |key: &str| page.field(key).and_then(Json::as_str).unwrap_or_default().to_owned();
                format!("{} {}", text("title"), text("url")).trim().to_owned()
            };
            let pages: Vec<String> = pages.iter().map(page).collect();
            lines(pages.iter().map(String::as_str)).map(|pages| format!("Found on the web:\n{pages}"))
        }
        "web_fetch_tool_result" => {
            let page = json.at(&["content", "content", "source", "data"]).and_then(Json::as_str);
            let address = json.at(&["content", "url"]).and_then(Json::as_str).unwrap_or_default();
            Some(format!("The page {address} says:\n{}", page?))
        }
        "code_execution_tool_result" | "bash_code_execution_tool_result" => {
            let told = |key: &str| json.at(&["content", key]).and_then(Json::as_str);
            let output = lines([told("stdout"), told("stderr")].into_iter().flatten());
            output.map(|output| format!("Its output:\n{output}"))
        }
        _ => None,
    }
}

/// What the provider did for the model.
fn served(name: &str, input: &Json<'_>) -> Option<String> {
    let text = |key: &str| input.field(key).and_then(Json::as_str);
    match name {
        "web_search" => Some(format!("The web was searched for {}.", text("query")?)),
        "code_execution" | "bash_code_execution" => {
            Some(format!("Code that was run:\n{}", text("code").or_else(|| text("command"))?))
        }
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
