//! [`Request`] → the JSON of a target that speaks this dialect.

use super::format::{self, Shape};
use super::parse::{BETA_EXTRA, BETA_HEADER, BILLING_EXTRA};
use super::turns::{self, Taken};
use crate::catalog::profile::{Param, Profile};
use crate::dialect::anthropic_messages::content::send::{Marks, Writer};
use crate::dialect::anthropic_messages::tools::{ANSWER_TOOL, Toolbox};
use crate::dialect::anthropic_messages::types::{DIALECT, tier_asked_word};
use crate::dialect::claude_thinking::{self, Mode, Plan};
use crate::dialect::taking_turns::{self, Message};
use crate::dialect::tool_names::Names;
use crate::dialect::{Rendered, Restore};
use crate::ir::extras::MOOT;
use crate::ir::{Losses, Request, Sampling};
use crate::wire::json::{self, Array, Json, Object};

/// The longest tool name that is taken.
const LONGEST_NAME: usize = 128;

/// Says a request.
pub(in super::super) fn render(
    request: &Request,
    model: &str,
    profile: &Profile,
    losses: &mut Losses,
) -> Rendered {
    let names = Names::of(request, LONGEST_NAME);
    let messages = taking_turns::arrange(request, &Taken(profile), losses);
    let plan = claude_thinking::plan(request, &messages, profile, losses);
    let thinks = plan.mode.is_on();
    let frees = plan.mode.frees_tools();
    let Shape { schema, tool, words } = format::plan(request, frees, profile, losses);
    let answer_tool = tool.as_ref().map(|_| ANSWER_TOOL.to_owned());
    let toolbox = Toolbox::new(request, &names, profile, tool, losses);
    // One mark for the whole request, set by the provider itself on the last block it can.
    let automatic = request.extras.json(DIALECT, "cache_control");
    let marks = Marks::new(profile, usize::from(automatic.is_some()));
    let mut writer = Writer { names: &names, profile, marks, betas: Vec::new() };
    let mut body = Vec::with_capacity(4096);
    json::object(&mut body, |o| {
        o.string("model", model);
        o.number("max_tokens", plan.max_tokens);
        if request.stream {
            o.bool("stream", true);
        }
        toolbox.write(frees, &mut writer.marks, o, losses);
        write_system(request, words.as_deref(), &mut writer, o, losses);
        o.array("messages", |a| write_messages(&messages, &mut writer, a, losses));
        write_thinking(request, plan.mode, o);
        write_output_config(request, &plan, schema.as_deref(), o);
        write_sampling(&request.sampling, thinks, profile, o, losses);
        write_metadata(request, profile, o, losses);
        write_tier(request, profile, o, losses);
        write_automatic_mark(automatic, profile, o, losses);
        write_extras(request, o, losses);
    });
    let headers = betas(request, &writer.betas).into_iter().map(|betas| (BETA_HEADER, betas));
    let headers = headers.collect();
    let restore = Restore { names: names.into_restore(), answer_tool, ..Restore::functions(request) };
    Rendered { body, headers, restore }
}

fn write_messages(messages: &[Message<'_>], writer: &mut Writer<'_>, a: &mut Array<'_>, losses: &mut Losses) {
    for message in messages {
        turns::write(message, writer, a, losses);
    }
}

fn write_system(
    request: &Request,
    words: Option<&str>,
    writer: &mut Writer<'_>,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let sent = request.system.iter().filter_map(|block| Some((block, block.as_text()?)));
    let sent: Vec<_> = sent.filter(|(_, text)| !text.trim().is_empty()).collect();
    if request.system.iter().any(|block| block.as_text().is_none()) {
        losses.dropped("system", "the operator can only say words");
    }
    let billing = request.extras.json(DIALECT, BILLING_EXTRA);
    if sent.is_empty() && words.is_none() && billing.is_none() {
        return;
    }
    o.array("system", |a| {
        if let Some(note) = billing {
            a.object(|o| {
                o.string("type", "text");
                o.raw("text", note);
            });
        }
        for (block, text) in sent {
            writer.text(text, Some(block), a, losses);
        }
        if let Some(words) = words {
            writer.text(words, None, a, losses);
        }
    });
}

fn write_thinking(request: &Request, mode: Mode, o: &mut Object<'_>) {
    let kind = match mode {
        // What is said of thoughts without asking for them (`block_binding`) stands alone.
        Mode::Unsaid if request.thinking.is_none() => {
            if request.extras.json(DIALECT, "thinking").is_some() {
                o.object("thinking", |o| write_kept(request, "thinking", o));
            }
            return;
        }
        Mode::Unsaid => return,
        Mode::Off => "disabled",
        Mode::Budget(_) => "enabled",
        Mode::Adaptive(_) => "adaptive",
    };
    o.object("thinking", |o| {
        o.string("type", kind);
        match mode {
            Mode::Budget(budget) => {
                o.number("budget_tokens", budget);
                let display = match request.thinking.as_ref().and_then(|asked| asked.visible) {
                    Some(false) => Some("omitted"),
                    Some(true) | None => None,
                };
                o.opt_string("display", display);
            }
            Mode::Adaptive(display) => o.opt_string("display", display),
            Mode::Unsaid | Mode::Off => {}
        }
        write_kept(request, "thinking", o);
    });
}

fn write_output_config(request: &Request, plan: &Plan, schema: Option<&str>, o: &mut Object<'_>) {
    let kept = request.extras.json(DIALECT, "output_config");
    if plan.effort.is_none() && schema.is_none() && kept.is_none() {
        return;
    }
    o.object("output_config", |o| {
        o.opt_string("effort", plan.effort.map(crate::ir::Effort::name));
        if let Some(schema) = schema {
            o.object("format", |o| {
                o.string("type", "json_schema");
                o.raw("schema", schema);
            });
        }
        write_kept(request, "output_config", o);
    });
}

fn write_sampling(
    sampling: &Sampling,
    thinks: bool,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    if let Some(temperature) = sampling.temperature
        && takes(profile, Param::Temperature, "temperature", losses)
    {
        write_temperature(temperature, thinks, profile, o, losses);
    }
    write_nucleus(sampling, thinks, profile, o, losses);
    write_stop(sampling, profile, o, losses);
    for (is_said, field) in unknown_sampling(sampling) {
        if is_said {
            losses.dropped(field, "the target has no such parameter");
        }
    }
}

/// What OpenAI and Gemini have and this API has not; values that change nothing are no loss.
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

fn write_temperature(asked: f64, thinks: bool, profile: &Profile, o: &mut Object<'_>, losses: &mut Losses) {
    let is_default = (asked - 1.0).abs() < f64::EPSILON;
    if thinks && !is_default {
        losses.dropped("temperature", "a model that thinks takes none");
        return;
    }
    let Some(highest) = profile.max_temperature else {
        if !is_default {
            losses.dropped("temperature", "the model takes none");
        }
        return;
    };
    let taken = asked.clamp(0.0, highest.max(0.0));
    if (taken - asked).abs() > 0.0 {
        losses.clamped("temperature", "out of the range that the target takes");
    }
    o.float("temperature", taken);
}

fn write_nucleus(
    sampling: &Sampling,
    thinks: bool,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let samples = profile.max_temperature.is_some();
    // The newest models refuse `top_p` beside `temperature`; 1 cuts nothing, so it can go.
    let idle = |top_p: f64| top_p >= 1.0 && (sampling.temperature.is_some() || !samples);
    if let Some(top_p) = sampling.top_p.filter(|top_p| !idle(*top_p))
        && takes(profile, Param::TopP, "top_p", losses)
    {
        if !profile.both_samplers && sampling.temperature.is_some() && !thinks {
            losses.dropped("top_p", "the model takes it only without temperature");
        } else if samples && (!thinks || top_p >= 0.95) {
            o.float("top_p", top_p);
        } else {
            losses.dropped("top_p", "the model takes none now");
        }
    }
    if let Some(top_k) = sampling.top_k
        && takes(profile, Param::TopK, "top_k", losses)
    {
        if samples && !thinks {
            o.number("top_k", top_k);
        } else {
            losses.dropped("top_k", "the model takes none now");
        }
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
        o.array("stop_sequences", |a| stops.for_each(|stop| a.string(stop)));
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

fn write_metadata(request: &Request, profile: &Profile, o: &mut Object<'_>, losses: &mut Losses) {
    if request.metadata.is_some() {
        losses.dropped("metadata", "the target keeps no labels");
    }
    let user = request.user.as_deref();
    let user = user.filter(|_| takes(profile, Param::User, "user", losses));
    let user = user.filter(|user| {
        let personal = is_personal(user);
        if personal {
            losses.dropped("user", "it looks like an address or a phone number");
        }
        !personal
    });
    if user.is_none() && request.extras.json(DIALECT, "metadata").is_none() {
        return;
    }
    o.object("metadata", |o| {
        o.opt_string("user_id", user);
        write_kept(request, "metadata", o);
    });
}

/// Whether a user id looks like an e-mail address or a phone number, which the provider forbids.
fn is_personal(user: &str) -> bool {
    let mail = user.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.contains('@') && !user.contains(' ')
    });
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let dialled = user.bytes().all(|b| b.is_ascii_digit() || b"+-(). ".contains(&b));
    mail || (dialled && (7..=15).contains(&digits))
}

fn write_tier(request: &Request, profile: &Profile, o: &mut Object<'_>, losses: &mut Losses) {
    let Some(tier) = &request.service_tier else { return };
    if takes(profile, Param::ServiceTier, "service_tier", losses) {
        o.opt_string("service_tier", tier_asked_word(tier, losses));
    }
}

fn write_automatic_mark(mark: Option<&str>, profile: &Profile, o: &mut Object<'_>, losses: &mut Losses) {
    if mark.is_some() && !profile.cache_marks {
        losses.dropped("cache_control", "the target has none");
        return;
    }
    o.opt_raw("cache_control", mark);
}

/// Members that were taken apart when they were read, or have a place of their own.
const PLACED: [&str; 6] =
    ["thinking", "output_config", "metadata", "cache_control", BETA_EXTRA, BILLING_EXTRA];

fn write_extras(request: &Request, o: &mut Object<'_>, losses: &mut Losses) {
    for extra in request.extras.all() {
        let placed = extra.dialect == DIALECT && PLACED.contains(&extra.name.as_str());
        if placed || extra.name.starts_with(MOOT) {
            continue;
        }
        if extra.dialect == DIALECT {
            o.raw(&extra.name, &extra.json);
        } else {
            losses.dropped(extra.name.clone(), "only its own dialect has it");
        }
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

/// The client's betas and those that the request needs, each once.
fn betas(request: &Request, needed: &[&'static str]) -> Option<String> {
    let asked = request.extras.json(DIALECT, BETA_EXTRA);
    let asked = asked.and_then(|asked| json::parse(asked.as_bytes()).ok());
    let asked = asked.as_ref().and_then(Json::as_str).unwrap_or_default();
    let mut betas: Vec<&str> = Vec::new();
    for beta in asked.split(',').map(str::trim).chain(needed.iter().copied()) {
        if !beta.is_empty() && !betas.contains(&beta) {
            betas.push(beta);
        }
    }
    (!betas.is_empty()).then(|| betas.join(","))
}
