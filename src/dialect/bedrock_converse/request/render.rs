//! [`Request`] → the JSON of a target that speaks this dialect.

use super::fields::{self, BETAS, FIELDS, Thought};
use super::format::{self, Schema, Shape};
use super::turns;
use crate::catalog::profile::{Param, Profile, ThinkingStyle, ThinksIn};
use crate::dialect::bedrock_converse::content::send::{Marks, Writer};
use crate::dialect::bedrock_converse::tools::{ANSWER_TOOL, INSIDE, NO_CALLS, Toolbox};
use crate::dialect::bedrock_converse::types::{DIALECT, tier_asked_word};
use crate::dialect::claude_thinking::{self, Mode};
use crate::dialect::taking_turns::Message;
use crate::dialect::tool_names::Names;
use crate::dialect::{Rendered, Restore};
use crate::ir::{Block, Content, Effort, Losses, Request, Role, Sampling, Thinking, Turn};
use crate::wire::json::{self, Array, Json, Object};

/// The longest tool name that is taken.
const LONGEST_NAME: usize = 64;

/// Says a request. Its model and whether to stream stand in the path.
pub(in super::super) fn render(request: &Request, profile: &Profile, losses: &mut Losses) -> Rendered {
    let moved = without_system(request, profile, losses);
    let request = moved.as_ref().unwrap_or(request);
    let names = Names::of(request, LONGEST_NAME);
    let messages = turns::arrange(request, profile, losses);
    let thought = plan(request, &messages, profile, losses);
    let frees = thought.mode.frees_tools();
    let Shape { schema, tool, words } = format::plan(request, frees, profile, losses);
    let answer_tool = tool.as_ref().map(|_| ANSWER_TOOL.to_owned());
    let toolbox = Toolbox::new(request, &names, profile, tool, losses);
    let marks = Marks::new(profile);
    let mut writer = Writer { names: &names, profile, marks, documents: Vec::new() };
    let mut body = Vec::with_capacity(4096);
    json::object(&mut body, |o| {
        toolbox.write(frees, &mut writer.marks, o, losses);
        let silence = toolbox.silenced.then_some(NO_CALLS);
        write_system(request, [words.as_deref(), silence], &mut writer, o, losses);
        o.array("messages", |a| write_messages(&messages, &mut writer, a, losses));
        write_inference(request, thought, profile, o, losses);
        write_output(request, schema.as_ref(), o);
        let single = toolbox.single(frees, losses);
        fields::write(request, thought, single, profile, o, losses);
        if let Some(tier) = &request.service_tier
            && takes(profile, Param::ServiceTier, "service_tier", losses)
            && let Some(word) = tier_asked_word(tier, losses)
        {
            o.object("serviceTier", |o| o.string("type", word));
        }
        write_labels(request, profile, o, losses);
        write_extras(request, o, losses);
    });
    let restore = Restore { names: names.into_restore(), answer_tool, ..Restore::functions(request) };
    Rendered { body, headers: Vec::new(), restore }
}

/// The request with its system prompt at the beginning of its first turn, for a model that has no
/// place for one.
fn without_system(request: &Request, profile: &Profile, losses: &mut Losses) -> Option<Request> {
    if profile.converse.system || request.system.is_empty() {
        return None;
    }
    losses.bent("system", "said in the first turn of the user");
    let mut moved = request.clone();
    let system = std::mem::take(&mut moved.system);
    moved.turns.insert(0, Turn::new(Role::User, system));
    Some(moved)
}

fn write_messages(messages: &[Message<'_>], writer: &mut Writer<'_>, a: &mut Array<'_>, losses: &mut Losses) {
    for message in messages {
        turns::write(message, writer, a, losses);
    }
}

fn write_system(
    request: &Request,
    words: [Option<&str>; 2],
    writer: &mut Writer<'_>,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let sent = |block: &&Block| match &block.content {
        Content::Text { text, .. } => !text.trim().is_empty(),
        Content::Opaque { dialect: DIALECT, .. } => true,
        _ => false,
    };
    if request.system.iter().any(|block| block.as_text().is_none() && !sent(&block)) {
        losses.dropped("system", "the operator can only say words");
    }
    let mut blocks = request.system.iter().filter(sent).peekable();
    let mut words = words.into_iter().flatten().peekable();
    if blocks.peek().is_none() && words.peek().is_none() {
        return;
    }
    o.array("system", |a| {
        blocks.for_each(|block| writer.block(block, a, losses));
        words.for_each(|words| writer.text(words, None, a, losses));
    });
}

/// What is said of thinking: Claude's way, or an effort in the range that the model knows.
fn plan(request: &Request, messages: &[Message<'_>], profile: &Profile, losses: &mut Losses) -> Thought {
    if profile.converse.thinks_in == ThinksIn::Thinking {
        let plan = claude_thinking::plan(request, messages, profile, losses);
        return Thought { mode: plan.mode, effort: plan.effort };
    }
    let effort = request.thinking.as_ref().and_then(|thinking| effort(thinking, profile, losses));
    Thought { mode: Mode::Unsaid, effort }
}

fn effort(thinking: &Thinking, profile: &Profile, losses: &mut Losses) -> Option<Effort> {
    let off = thinking.enabled == Some(false)
        || thinking.budget == Some(0)
        || (thinking.effort == Some(Effort::None) && thinking.enabled.is_none());
    if profile.thinking == ThinkingStyle::None {
        if !off {
            let field = if thinking.effort.is_some() { "reasoning_effort" } else { "thinking" };
            losses.dropped(field, "the model cannot be told to think");
        }
        return None;
    }
    if off && profile.efforts.0 > Effort::None {
        losses.clamped("reasoning_effort", "the model always thinks");
    }
    if thinking.budget.is_some_and(|budget| budget > 0) && thinking.effort.is_none() {
        losses.bent("thinking.budget_tokens", "a budget is said as an effort");
    }
    let by_budget = thinking.budget.map(claude_thinking::budget_effort);
    let asked = if off { Effort::None } else { thinking.effort.or(by_budget).unwrap_or(Effort::Medium) };
    let known = profile.effort(asked);
    if known != asked && !off {
        losses.clamped("reasoning_effort", "the target knows fewer efforts");
    }
    Some(known)
}

fn write_inference(
    request: &Request,
    thought: Thought,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let sampling = &request.sampling;
    let hardest = thought.is_hardest(profile);
    let thinks = thought.mode.is_on();
    let mut config = Vec::new();
    json::object(&mut config, |o| {
        if hardest && sampling.max_tokens.is_some() {
            losses.dropped("max_tokens", "a model that thinks its hardest takes no limit");
        } else if let Some(asked) = sampling.max_tokens {
            let most = profile.max_output.unwrap_or(u64::MAX);
            if asked > most {
                losses.clamped("max_tokens", "the model cannot produce so many");
            }
            o.number("maxTokens", asked.min(most).max(1));
        }
        if !hardest {
            write_temperature(sampling, thinks, profile, o, losses);
            write_nucleus(sampling, thinks, profile, o, losses);
        } else if sampling.temperature.is_some() || sampling.top_p.is_some() {
            losses.dropped("temperature", "a model that thinks its hardest takes none");
        }
        write_stop(sampling, profile, o, losses);
        write_kept(request, "inferenceConfig", o);
    });
    if config.len() > "{}".len() {
        o.embed("inferenceConfig", |out| out.extend_from_slice(&config));
    }
    for (is_said, field) in unknown_sampling(sampling) {
        if is_said {
            losses.dropped(field, "the target has no such parameter");
        }
    }
}

/// What other APIs have and this one has not; values that change nothing are no loss.
fn unknown_sampling(sampling: &Sampling) -> [(bool, &'static str); 7] {
    let penalizes = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    [
        (sampling.seed.is_some(), "seed"),
        (penalizes(sampling.frequency_penalty), "frequency_penalty"),
        (penalizes(sampling.presence_penalty), "presence_penalty"),
        (sampling.candidates.is_some_and(|count| count > 1), "n"),
        (sampling.logprobs == Some(true), "logprobs"),
        (sampling.top_logprobs.is_some_and(|count| count > 0), "top_logprobs"),
        (sampling.logit_bias.as_deref().is_some_and(|bias| bias != "{}"), "logit_bias"),
    ]
}

fn write_temperature(
    sampling: &Sampling,
    thinks: bool,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let Some(asked) = sampling.temperature else { return };
    let is_default = (asked - 1.0).abs() < f64::EPSILON;
    let highest = profile.max_temperature.filter(|_| !profile.refuses.has(Param::Temperature));
    match highest {
        Some(highest) if !thinks => {
            let taken = asked.clamp(0.0, highest.max(0.0));
            if (taken - asked).abs() > 0.0 {
                losses.clamped("temperature", "out of the range that the target takes");
            }
            o.float("temperature", taken);
        }
        Some(_) | None if is_default => {}
        Some(_) => losses.dropped("temperature", "a model that thinks takes none"),
        None => losses.dropped("temperature", "the model takes none"),
    }
}

fn write_nucleus(
    sampling: &Sampling,
    thinks: bool,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let Some(top_p) = sampling.top_p else { return };
    let samples = profile.max_temperature.is_some() && !profile.refuses.has(Param::TopP);
    // 1 cuts nothing, so it can go where it would be refused.
    let idle = top_p >= 1.0 && (sampling.temperature.is_some() || !samples);
    if idle {
        return;
    }
    if !profile.both_samplers && sampling.temperature.is_some() && !thinks {
        losses.dropped("top_p", "the model takes it only without temperature");
    } else if samples && (!thinks || top_p >= 0.95) {
        o.float("topP", top_p);
    } else {
        losses.dropped("top_p", "the model takes none now");
    }
}

fn write_stop(sampling: &Sampling, profile: &Profile, o: &mut Object<'_>, losses: &mut Losses) {
    if sampling.stop.is_empty() || !takes(profile, Param::Stop, "stop", losses) {
        return;
    }
    let visible = |stop: &&String| !stop.trim().is_empty();
    if !sampling.stop.iter().all(|stop| visible(&stop)) {
        losses.dropped("stop", "blank stop strings are refused");
    }
    let mut stops = sampling.stop.iter().filter(visible).peekable();
    if stops.peek().is_some() {
        o.array("stopSequences", |a| stops.for_each(|stop| a.string(stop)));
    }
}

/// Whether the target takes a parameter that was said; if not, the ledger says so.
fn takes(profile: &Profile, param: Param, field: &'static str, losses: &mut Losses) -> bool {
    let refused = profile.refuses.has(param);
    if refused {
        losses.dropped(field, "the target does not take it");
    }
    !refused
}

fn write_output(request: &Request, schema: Option<&Schema<'_>>, o: &mut Object<'_>) {
    if schema.is_none() && request.extras.json(DIALECT, "outputConfig").is_none() {
        return;
    }
    o.object("outputConfig", |o| {
        if let Some(schema) = schema {
            schema.write(o);
        }
        write_kept(request, "outputConfig", o);
    });
}

/// The most labels of one request.
const MOST_LABELS: usize = 16;
/// The longest name or value of a label.
const LONGEST_LABEL: usize = 256;

/// Writes the client's labels, as far as their names and values are taken; the end user has no place.
fn write_labels(request: &Request, profile: &Profile, o: &mut Object<'_>, losses: &mut Losses) {
    if request.user.is_some() {
        losses.dropped("user", "the target is told of no users");
    }
    let Some(labels) = &request.metadata else { return };
    if !takes(profile, Param::Metadata, "metadata", losses) {
        return;
    }
    let json = json::parse(labels.as_bytes()).ok();
    let entries = json.as_ref().map(Json::entries).unwrap_or_default();
    let fits = |text: &str| text.len() <= LONGEST_LABEL && text.chars().all(is_labelled);
    let kept: Vec<_> = entries
        .iter()
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(key, value)| !key.is_empty() && fits(key) && fits(value))
        .take(MOST_LABELS)
        .collect();
    if kept.len() < entries.len() {
        losses.dropped("metadata", "only sixteen short plain labels are taken");
    }
    if !kept.is_empty() {
        o.object("requestMetadata", |o| kept.iter().for_each(|(key, value)| o.string(key, value)));
    }
}

fn is_labelled(c: char) -> bool {
    c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c)
}

/// Members that were taken apart when they were read.
const PLACED: [&str; 4] = ["inferenceConfig", "outputConfig", FIELDS, BETAS];

fn write_extras(request: &Request, o: &mut Object<'_>, losses: &mut Losses) {
    for extra in request.extras.of(DIALECT) {
        let inside = extra.name.starts_with(INSIDE);
        if !inside && !PLACED.contains(&extra.name.as_str()) {
            o.raw(&extra.name, &extra.json);
        }
    }
    for extra in request.extras.foreign(DIALECT) {
        losses.dropped(extra.name.clone(), "only its own dialect has it");
    }
}

/// Writes the members of an object that only this dialect has.
fn write_kept(request: &Request, name: &str, o: &mut Object<'_>) {
    let kept = request.extras.json(DIALECT, name);
    let kept = kept.and_then(|kept| json::parse(kept.as_bytes()).ok());
    for (key, value) in kept.as_ref().map(Json::entries).unwrap_or_default() {
        o.raw(key, value.raw());
    }
}
