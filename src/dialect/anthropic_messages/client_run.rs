//! Tools that Anthropic's models know without being told how to call them, and that the client
//! runs: for every other model they are functions with these arguments.
//!
//! Seen at <https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview> in November 2026.

/// A tool of this kind as a function.
#[derive(Debug)]
pub(super) struct ClientRun {
    /// What the types of its versions begin with.
    family: &'static str,
    /// What it does.
    pub(super) description: &'static str,
    /// The JSON schema of its arguments.
    pub(super) schema: &'static str,
}

const ALL: [ClientRun; 3] = [
    ClientRun {
        family: "bash_2",
        description: "Runs a command in a shell that keeps its state between calls, or starts that shell anew.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string"},"restart":{"type":"boolean"}}}"#,
    },
    ClientRun {
        family: "text_editor_2",
        description: "Views and changes files: `view` with `view_range` (first and last line), `create` with \
            `file_text`, `str_replace` of the one place of `old_str` by `new_str`, `insert` of \
            `insert_text` behind the line `insert_line`.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},"path":{"type":"string"},"view_range":{"type":"array","items":{"type":"integer"}},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"}},"required":["command","path"]}"#,
    },
    ClientRun {
        family: "memory_2",
        description: "Keeps notes in files under `/memories`: `view` with `view_range`, `create` with `file_text`, \
            `str_replace` of `old_str` by `new_str`, `insert` of `insert_text` at `insert_line`, \
            `delete`, and `rename` of `old_path` to `new_path`.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},"path":{"type":"string"},"view_range":{"type":"array","items":{"type":"integer"}},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"}},"required":["command"]}"#,
    },
];

/// The tool of this type, if it is one of them.
pub(super) fn find(kind: &str) -> Option<&'static ClientRun> {
    ALL.iter().find(|tool| kind.starts_with(tool.family))
}
