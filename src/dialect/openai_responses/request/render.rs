//! The hub's request → a target's body.

use crate::catalog::profile::{Param, Profile, ThinkingStyle};
use crate::dialect::openai_names::{self as names, Names};
use crate::dialect::openai_responses::types::{OWN, tier_word};
use crate::dialect::openai_responses::{extras, tools};
use crate::dialect::{Rendered, Restore};
use crate::ir::extras::MOOT;
use crate::ir::{Losses, Request, Sampling, Tool, ToolChoice};
use crate::wire::json::{self, Json, Object};

use super::{format, history};

/// Writes a request for a target that knows itself as `model`.
pub(in crate::dialect::openai_responses) fn render(
    request: &Request,
    model: &str,
    profile: &Profile,
    losses: &mut Losses,
) -> Rendered {
    let names = Names::of(request);
    let plan = format::plan(request, profile, losses);
    let mut out = Vec::with_capacity(room(request));
    json::object(&mut out, |body| {
        body.string("model", model);
        body.opt_string("instructions", history::instructions(&request.system).as_deref());
        body.array("input", |items| {
            let words = plan.instruction.as_deref();
            history::write(items, request, words, profile, &names, losses);
        });
        write_tools(body, request, profile, &names, losses);
        write_sampling(body, &request.sampling, profile, losses);
        format::write(body, &plan, request);
        format::write_thinking(body, request, profile, losses);
        write_rest(body, request, profile, losses);
        write_include(body, request, profile);
        if request.stream {
            body.bool("stream", true);
        }
        for extra in request.extras.of(OWN) {
            let name = extra.name.strip_prefix(MOOT).unwrap_or(&extra.name);
            if !name.contains('.') && !name.starts_with('@') && name != "include" {
                body.raw(name, &extra.json);
            }
        }
        extras::note_lost(&request.extras, losses);
    });
    let mut restore = Restore::functions(request);
    if tools::takes_custom(profile) {
        restore.free_text.clear();
    }
    Rendered { body: out, headers: Vec::new(), restore: Restore { names: names.into_restore(), ..restore } }
}

/// About how many bytes the body will have, so that it is not copied while it grows.
fn room(request: &Request) -> usize {
    let text = |block: &crate::ir::Block| block.as_text().map_or(256, str::len);
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let words: usize = request.system.iter().chain(blocks).map(|b| text(b) + 64).sum();
    let schema = |tool: &Tool| tool.schema.as_ref().map_or(0, String::len) + 256;
    words + request.tools.iter().map(schema).sum::<usize>() + 512
}

fn write_tools(
    body: &mut Object<'_>,
    request: &Request,
    profile: &Profile,
    names: &Names,
    losses: &mut Losses,
) {
    if profile.refuses.has(Param::Tools) {
        if !request.tools.is_empty() {
            losses.dropped("tools", "the target takes no tools");
        }
        return;
    }
    let mut list: Vec<&Tool> = request.tools.iter().collect();
    list.retain(|tool| tools::known(tool, profile, losses));
    if let Some(ToolChoice::Allowed(allowed, _)) = &request.tool_choice
        && !tools::takes_allowed(profile)
    {
        losses.bent("tool_choice", "the other tools are left out");
        list.retain(|tool| allowed.contains(&tool.name));
    }
    if list.is_empty() {
        match &request.tool_choice {
            Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed(..)) => {
                losses.dropped("tool_choice", "there are no tools to choose from");
            }
            Some(ToolChoice::Auto | ToolChoice::None) | None => {}
        }
    } else {
        body.array("tools", |array| tools::write(array, &list, names, profile, losses));
        if let Some(choice) = &request.tool_choice {
            tools::write_choice(body, choice, &list, names, profile, losses);
        }
    }
    let one = request.takes_one_call();
    if let Some(parallel) = request.parallel_tools.or(one.then_some(false)) {
        body.bool("parallel_tool_calls", parallel);
    }
}

fn write_sampling(body: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    /// OpenAI takes no lower limit here.
    const LEAST: u64 = 16;
    if let Some(wanted) = sampling.max_tokens {
        let most = profile.max_output.unwrap_or(u64::MAX);
        let limit = if profile.extras { wanted.min(most) } else { wanted.max(LEAST).min(most) };
        if limit != wanted {
            losses.clamped("max_tokens", "the target takes no such limit");
        }
        body.number("max_output_tokens", limit);
    }
    let samples = profile.max_temperature;
    if let Some(wanted) = sampling.temperature {
        match samples.filter(|_| !profile.refuses.has(Param::Temperature)) {
            Some(most) => {
                if wanted > most {
                    losses.clamped("temperature", "the target takes no higher one");
                }
                body.float("temperature", wanted.min(most));
            }
            None if (wanted - 1.0).abs() < f64::EPSILON => {}
            None => losses.dropped("temperature", "the target refuses it"),
        }
    }
    if let Some(wanted) = sampling.top_p {
        if samples.is_some() && !profile.refuses.has(Param::TopP) {
            body.float("top_p", wanted);
        } else if (wanted - 1.0).abs() > f64::EPSILON {
            losses.dropped("top_p", "the target refuses it");
        }
    }
    if !profile.refuses.has(Param::Logprobs) {
        body.opt_number("top_logprobs", sampling.top_logprobs);
    } else if sampling.top_logprobs.is_some() || sampling.logprobs == Some(true) {
        losses.dropped("logprobs", "the target refuses it");
    }
    note_unsaid(sampling, losses);
}

/// What chat completions can say of sampling and this dialect cannot.
fn note_unsaid(sampling: &Sampling, losses: &mut Losses) {
    const WHY: &str = "the dialect has no such parameter";
    let differs = |value: Option<f64>| value.is_some_and(|value| value != 0.0);
    for (field, said) in [
        ("top_k", sampling.top_k.is_some()),
        ("stop", !sampling.stop.is_empty()),
        ("seed", sampling.seed.is_some()),
        ("frequency_penalty", differs(sampling.frequency_penalty)),
        ("presence_penalty", differs(sampling.presence_penalty)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("n", sampling.candidates.is_some_and(|n| n > 1)),
    ] {
        if said {
            losses.dropped(field, WHY);
        }
    }
}

fn write_rest(body: &mut Object<'_>, request: &Request, profile: &Profile, losses: &mut Losses) {
    let identifier = extras::moot(&request.extras, "@safety_identifier");
    body.opt_raw("safety_identifier", identifier);
    let told = |user: &str| identifier.is_some_and(|told| told == json::string(user));
    if let Some(user) = request.user.as_deref().filter(|user| !told(user)) {
        let sent = names::user(user);
        if *sent != *user {
            losses.bent("user", "longer than 64 characters, so hashed");
        }
        body.string("user", &sent);
    }
    body.opt_string("prompt_cache_key", request.cache_key.as_deref());
    if let Some(tier) = &request.service_tier {
        if profile.refuses.has(Param::ServiceTier) {
            losses.dropped("service_tier", "the target refuses it");
        } else {
            body.string("service_tier", tier_word(tier));
        }
    }
    body.opt_raw("metadata", request.metadata.as_deref());
    // Other dialects' providers keep no answers unless they are told to.
    if !request.extras.of(OWN).any(|extra| extra.name.ends_with("store")) {
        body.bool("store", false);
    }
}

/// Asks for what a client must bring back of a thought, since nobody keeps it, and for probabilities.
fn write_include(body: &mut Object<'_>, request: &Request, profile: &Profile) {
    const SEALS: &str = "reasoning.encrypted_content";
    const LOGPROBS: &str = "message.output_text.logprobs";
    let said = extras::moot(&request.extras, "include");
    let said = said.and_then(|said| json::parse(said.as_bytes()).ok());
    let mut all: Vec<&str> =
        said.as_ref().map(Json::elements).unwrap_or_default().iter().filter_map(Json::as_str).collect();
    let foreign = !request.extras.of(OWN).any(|extra| extra.name.ends_with("store"));
    if foreign && profile.thinking != ThinkingStyle::None {
        all.push(SEALS);
    }
    let refused = profile.refuses.has(Param::Logprobs);
    all.retain(|item| *item != LOGPROBS || !refused);
    let probable = request.sampling.logprobs == Some(true) && !refused;
    if probable && !all.contains(&LOGPROBS) {
        all.push(LOGPROBS);
    }
    if said.is_some() || !all.is_empty() {
        body.array("include", |items| all.iter().for_each(|item| items.string(item)));
    }
}
