//! The answer to a question: text, calls or structured output, cut where a limit or stop string says.

use super::media::describe;
use super::prose::{Pieces, Words};
use super::script::{self, Flag, Script};
use super::{Answer, Ask, Block, Call, Choice, Finish, Format, Outcome, Tool, fingerprint, quote, schema};

/// Answers `ask` as `script` says, with `tokens` tokens where nothing else sets the length.
#[must_use]
pub fn answer(ask: &Ask, script: &Script, tokens: usize) -> Answer {
    let tokens = script.tokens.unwrap_or(tokens);
    let seed = fingerprint(&ask.text);
    let reasoned = script.reasoning.unwrap_or(ask.reasoning);
    let reasoning =
        (reasoned > 0).then(|| Pieces::prose("Let me think about this.", seed ^ 1, reasoned, Words::Plain));
    let calls = calls(ask, script);
    let finish = if calls.is_empty() { Finish::Stop } else { Finish::Tools };
    let blocks = if calls.is_empty() {
        vec![Block::Text(text(ask, script, seed, tokens))]
    } else if script.has(Flag::Interleave) {
        let before = Pieces::exact("Let me look that up.".to_owned());
        let after = Pieces::exact(" One moment, please.".to_owned());
        let calls = calls.into_iter().map(Block::Call);
        [Block::Text(before)].into_iter().chain(calls).chain([Block::Text(after)]).collect()
    } else {
        calls.into_iter().map(Block::Call).collect()
    };
    let mut answer = Answer { reasoning, blocks, finish };
    stop_at(&mut answer, &ask.stop);
    if let Some(limit) = ask.limit {
        limit_to(&mut answer, limit);
    }
    if let Some(found) = &script.stop_sequence {
        answer.finish = Finish::StopString(found.clone());
    }
    if let Some(finish) = &script.finish {
        answer.finish = match finish.as_str() {
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            other => Finish::Scripted(other.to_owned()),
        };
    }
    answer
}

fn calls(ask: &Ask, script: &Script) -> Vec<Call> {
    if let Some(step) = ask.planned.as_ref().filter(|_| ask.choice != Choice::None) {
        // A gateway may have changed the name; only whole endings tell what was meant.
        let tool = ask.tools.iter().find(|tool| tool.name.ends_with(&step.name));
        let call =
            |tool: &Tool| Call { name: tool.name.clone(), arguments: Pieces::exact(step.arguments.clone()) };
        return tool.map(call).into_iter().collect();
    }
    let forced = matches!(ask.choice, Choice::Any | Choice::Named(_));
    let unwanted =
        ask.choice == Choice::None || !ask.results.is_empty() || (!forced && ask.text.contains("no tool"));
    if unwanted || ask.tools.is_empty() {
        return Vec::new();
    }
    let named = ask.tools.iter().filter(|tool| match &ask.choice {
        Choice::Named(name) => tool.name == *name,
        _ => true,
    });
    let several = if ask.text.contains("parallel") { named.clone().count().max(2) } else { 1 };
    let count = if ask.single { 1 } else { script.tools.unwrap_or(several) };
    let numbered = named.cycle().take(count).enumerate();
    numbered
        .map(|(index, tool)| {
            let arguments = if script.has(Flag::EmptyArgs) {
                "{}".to_owned()
            } else {
                schema::instance(&tool.schema, index as u64).to_string()
            };
            let arguments = if arguments.starts_with('{') { arguments } else { "{}".to_owned() };
            Call { name: tool.name.clone(), arguments: Pieces::exact(arguments) }
        })
        .collect()
}

fn text(ask: &Ask, script: &Script, seed: u64, tokens: usize) -> Pieces {
    let words = if script.has(Flag::Unicode) { Words::Wide } else { Words::Plain };
    if script.has(Flag::Echo) {
        return Pieces::exact(script::below(&ask.text).to_owned());
    }
    if let Some(bytes) = script.big {
        return Pieces::big(bytes, words);
    }
    if let Some(step) = &ask.planned {
        let offered: Vec<_> = ask.tools.iter().map(|tool| tool.name.as_str()).collect();
        return Pieces::exact(format!("No tool is named {}, only: {}", step.name, offered.join(", ")));
    }
    match &ask.format {
        Some(Format::Json) => {
            let said = quote(&opening(&ask.text));
            return Pieces::exact(format!(r#"{{"answer": {said}, "ok": true}}"#));
        }
        Some(Format::Schema(schema)) => {
            return Pieces::exact(schema::instance(schema, 0).to_string());
        }
        None => {}
    }
    if !ask.results.is_empty() {
        return Pieces::exact(report(&ask.results));
    }
    if !ask.media.is_empty() {
        return Pieces::exact(format!("{}. {}", describe(&ask.media), opening(&ask.text)));
    }
    Pieces::prose(&opening(&ask.text), seed, tokens, words)
}

/// A first sentence that takes up the beginning of the prompt.
fn opening(text: &str) -> String {
    const WORDS: usize = 8;
    const LONGEST: usize = 24;
    let about = match script::below(text) {
        "" => text.split("#mock").next().unwrap_or_default(),
        below => below,
    };
    let mut opening = String::from("You asked: \"");
    for (index, word) in about.split_whitespace().take(WORDS).enumerate() {
        if index > 0 {
            opening.push(' ');
        }
        opening.extend(word.chars().take(LONGEST));
    }
    opening.push_str("\".");
    opening
}

fn report(results: &[Outcome]) -> String {
    let told = results.iter().map(|result| {
        let verb = if result.failed { "The tool reported an error" } else { "The tool said" };
        let mut told = format!("{verb}: {}", result.text);
        if !result.media.is_empty() {
            told = format!("{told} ({})", describe(&result.media));
        }
        told
    });
    told.collect::<Vec<_>>().join("\n")
}

/// Ends the answer before the first stop string in its text.
fn stop_at(answer: &mut Answer, stops: &[String]) {
    if stops.is_empty() {
        return;
    }
    for index in 0..answer.blocks.len() {
        let Some(Block::Text(pieces)) = answer.blocks.get_mut(index) else {
            continue;
        };
        let hits = stops.iter().filter(|stop| !stop.is_empty());
        let hit = hits.filter_map(|stop| Some((pieces.text.find(stop)?, stop))).min();
        if let Some((at, stop)) = hit {
            pieces.cut(at);
            answer.finish = Finish::StopString(stop.clone());
            answer.blocks.truncate(index + 1);
            return;
        }
    }
}

/// Ends the answer at `limit` tokens; a call that would not fit is left out whole.
fn limit_to(answer: &mut Answer, limit: usize) {
    if answer.tokens() <= limit {
        return;
    }
    answer.finish = Finish::Length;
    let mut left = limit;
    if let Some(reasoning) = &mut answer.reasoning {
        reasoning.truncate(left);
        left -= reasoning.len();
    }
    answer.blocks.retain_mut(|block| match block {
        Block::Text(pieces) => {
            pieces.truncate(left);
            left -= pieces.len();
            true
        }
        Block::Call(call) if call.arguments.len() + 4 <= left => {
            left -= call.arguments.len() + 4;
            true
        }
        Block::Call(_) => {
            left = 0;
            false
        }
    });
}
