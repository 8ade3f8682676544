//! Usage: two counts, of which the first is missing where the prompt was still in memory.

use std::sync::LazyLock;

use crate::ir::{Losses, Usage};
use crate::wire::json::{self, Json, Object};
use crate::wire::lens;
use crate::wire::needle::Needle;

const PROMPT: &str = "prompt_eval_count";
const ANSWER: &str = "eval_count";

/// Reads the counts of an answer or of the last line of a stream; `None` where there are none.
pub(super) fn parse(answer: &Json<'_>) -> Option<Usage> {
    let count = |key: &str| answer.get(key).and_then(Json::as_u64);
    of(count(PROMPT), count(ANSWER))
}

fn of(prompt: Option<u64>, answer: Option<u64>) -> Option<Usage> {
    (prompt.is_some() || answer.is_some()).then(|| Usage {
        input: prompt.unwrap_or_default(),
        output: answer.unwrap_or_default(),
        ..Usage::default()
    })
}

/// Finds the counts in the bytes of an answer or a line without reading the rest.
pub(super) fn find(bytes: &[u8]) -> Option<Usage> {
    static COUNTED: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"eval_count\""));
    static ASKED: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"prompt_eval_count\""));
    if !COUNTED.is_in(bytes) && !ASKED.is_in(bytes) {
        return None;
    }
    // Of several lines, or of the end of some, the last one counts.
    let last = || bytes.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    counts(bytes).or_else(|| counts(last()))
}

fn counts(object: &[u8]) -> Option<Usage> {
    let count = |key: &str| json::prefix(lens::find(object, key)?.as_bytes())?.as_u64();
    of(count(PROMPT), count(ANSWER))
}

/// Writes the counts, and times beside them: nobody knows how long which part took, but clients
/// divide by them, so none is 0.
pub(super) fn write(usage: Option<&Usage>, object: &mut Object<'_>, losses: &mut Losses) {
    let usage = usage.copied().unwrap_or_default();
    object.number("total_duration", 1_u8);
    object.number("load_duration", 0_u8);
    object.number(PROMPT, usage.total_input());
    object.number("prompt_eval_duration", 1_u8);
    object.number(ANSWER, usage.total_output());
    object.number("eval_duration", 1_u8);
    if usage.total_input() > usage.input || usage.total_output() > usage.output {
        losses.bent("usage", "input and output are told as one number each");
    }
}
