//! Items of tools that the provider runs, and of those that only OpenAI's clients know: kept whole for
//! this dialect, and put in words for the others where they say something.

use crate::ir::{Block, Content, Media, Source};
use crate::wire::json::Json;

use super::extras;
use super::types::{OWN, kind, text};

/// Whether an item stands for something that the client gave back, and not for the model's own.
pub(super) fn is_from_client(kind: &str) -> bool {
    kind.ends_with("_output") || kind == "mcp_approval_response"
}

/// The block of an item that is neither a message, a thought, a function's call nor a result.
pub(super) fn block(item: &Json<'_>) -> Block {
    if kind(item) == "image_generation_call"
        && let Some(block) = picture(item)
    {
        return block;
    }
    Block::new(Content::Opaque {
        dialect: OWN,
        name: kind(item).to_owned(),
        json: item.raw().to_owned(),
        words: words(item),
    })
}

/// A picture that the model made; what else its item tells is no loss elsewhere.
fn picture(item: &Json<'_>) -> Option<Block> {
    let data = item.field("result").and_then(Json::as_str)?;
    let format = item.field("output_format").and_then(Json::as_str).map(|format| format!("image/{format}"));
    let mut block = Block::new(Content::Image(Media::new(Source::Base64(data.to_owned()), format)));
    extras::keep_item(item, &["type", "result"], &mut block.extras);
    Some(block)
}

/// What an item says, for those who do not know it.
fn words(item: &Json<'_>) -> Option<String> {
    let joined = |list: &str, key: &str| {
        let items = item.get(list).map(Json::elements).unwrap_or_default().iter();
        let texts: Vec<&str> = items.map(|one| text(one, key)).filter(|text| !text.is_empty()).collect();
        texts.join("\n")
    };
    match kind(item) {
        "code_interpreter_call" => {
            let logs = joined("outputs", "logs");
            let code = format!("Code that was run:\n{}", text(item, "code"));
            Some(if logs.is_empty() { code } else { format!("{code}\n\nIts output:\n{logs}") })
        }
        "program" => Some(format!("Code that was run:\n{}", text(item, "code"))),
        "program_output" => Some(format!("Its output:\n{}", text(item, "result"))),
        "file_search_call" => {
            let found = joined("results", "text");
            (!found.is_empty()).then(|| format!("Found in files:\n{found}"))
        }
        "web_search_call" => {
            let query = item.at(&["action", "query"]).and_then(Json::as_str)?;
            Some(format!("The web was searched for {query}."))
        }
        "mcp_call" => {
            let (name, arguments) = (text(item, "name"), text(item, "arguments"));
            let said = [text(item, "output"), text(item, "error")].concat();
            Some(format!("The tool {name} was called with {arguments}. It answered:\n{said}"))
        }
        "local_shell_call" | "shell_call" => {
            let action = item.field("action")?;
            let command = action.field("command").or_else(|| action.field("commands"))?;
            Some(format!("Commands to run: {}", command.raw()))
        }
        "local_shell_call_output" => Some(format!("Their output:\n{}", text(item, "output"))),
        "shell_call_output" => Some(format!("Their output:\n{}", joined("output", "stdout"))),
        "apply_patch_call" => {
            let operation = item.field("operation")?;
            Some(format!("A patch of {}:\n{}", text(operation, "path"), text(operation, "diff")))
        }
        "apply_patch_call_output" => {
            Some(format!("The patch was {}. {}", text(item, "status"), text(item, "output")))
        }
        "compaction_summary" | "compaction" => item.field("summary")?.as_str().map(str::to_owned),
        _ => None,
    }
}
