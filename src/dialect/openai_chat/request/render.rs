//! The hub's request → a target's body.

use crate::catalog::profile::{EffortBesideTools, MaxTokensField, Param, Profile};
use crate::dialect::openai_chat::types::{OWN, tier_word};
use crate::dialect::openai_chat::{extras, older, tools};
use crate::dialect::openai_names::{self as names, Names};
use crate::dialect::{Rendered, Restore};
use crate::ir::{Losses, Request, Sampling, ServiceTier, Tool, ToolChoice, ToolKind};
use crate::wire::json::{self, Json, Object};

use super::{format, history, thinking};

/// Writes a request for a target that knows itself as `model`.
pub(in crate::dialect::openai_chat) fn render(
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
        body.array("messages", |messages| {
            let words = plan.instruction.as_deref();
            history::write(messages, request, words, profile, &names, losses);
        });
        let tools = write_tools(body, request, &plan, profile, &names, losses);
        write_sampling(body, &request.sampling, profile, losses);
        format::write(body, plan.field);
        let beside = if tools { profile.together.effort_beside_tools } else { EffortBesideTools::Taken };
        thinking::write(body, request, beside, profile, losses);
        write_rest(body, request, profile, losses);
        write_stream(body, request, profile);
        write_extras(body, request, profile, losses);
    });
    let mut restore = Restore::functions(request);
    if profile.developer_role {
        restore.free_text.clear();
    }
    Rendered {
        body: out,
        headers: Vec::new(),
        restore: Restore {
            names: names.into_restore(),
            answer_tool: plan.tool.map(|(name, _)| name.to_owned()),
            ..restore
        },
    }
}

/// Members that the codec does not know: all where unknown ones may be sent, else those alone that are
/// the target's own.
fn write_extras(body: &mut Object<'_>, request: &Request, profile: &Profile, losses: &mut Losses) {
    for extra in request.extras.foreign(OWN) {
        losses.dropped(extra.name.clone(), "only known to the dialect it came from");
    }
    let own = extras::takes_own(profile);
    for extra in request.extras.of(OWN) {
        let name = extra.name.as_ref();
        if name == "store" && refuses_store(profile) {
            losses.dropped("store", "the target refuses it");
        } else if !own && !profile.own_members.contains(&name) {
            losses.dropped(extra.name.clone(), "the target takes no unknown members");
        } else if name != "stream_options" {
            body.raw(name, &extra.json);
        }
    }
}

fn refuses_store(profile: &Profile) -> bool {
    profile.refuses.has(Param::Store)
}

/// About how many bytes the body will have, so that it is not copied while it grows.
fn room(request: &Request) -> usize {
    let text = |block: &crate::ir::Block| block.as_text().map_or(256, str::len);
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let words: usize = request.system.iter().chain(blocks).map(|b| text(b) + 64).sum();
    let schema = |tool: &Tool| tool.schema.as_ref().map_or(0, String::len) + 256;
    words + request.tools.iter().map(schema).sum::<usize>() + 512
}

/// Writes the tools and what is wanted of them; whether there are any.
fn write_tools(
    body: &mut Object<'_>,
    request: &Request,
    plan: &format::Plan<'_>,
    profile: &Profile,
    names: &Names,
    losses: &mut Losses,
) -> bool {
    let searches = request.tools.iter().find_map(tools::search_options);
    if let Some(options) = searches {
        if extras::takes_own(profile) {
            body.raw("web_search_options", options);
        } else {
            losses.dropped("web_search_options", "the target takes no unknown members");
        }
    }
    let mut list: Vec<&Tool> = request.tools.iter().collect();
    list.retain(|tool| tools::search_options(tool).is_none());
    if profile.refuses.has(Param::Tools) {
        if !list.is_empty() {
            losses.dropped("tools", "the target takes no tools");
        }
        return false;
    }
    let answer = plan.tool.map(|(name, schema)| Tool {
        name: name.to_owned(),
        description: Some("Gives the final answer.".to_owned()),
        schema: Some(schema.to_owned()),
        strict: None,
        kind: ToolKind::Function,
        cache: None,
        extras: crate::ir::Extras::NONE,
    });
    list.retain(|tool| tools::known(tool, losses));
    if let Some(ToolChoice::Allowed(allowed, _)) = &request.tool_choice
        && !tools::takes_allowed(profile)
    {
        losses.bent("tool_choice", "the other tools are left out");
        list.retain(|tool| allowed.contains(&tool.name));
    }
    let users = !list.is_empty();
    list.extend(&answer);
    if list.is_empty() {
        note_idle_choice(request, losses);
        return false;
    }
    if profile.older_tools {
        older::write(body, &list, names, profile, losses);
    } else {
        body.array("tools", |array| {
            tools::write(array, &list, names, profile, losses);
        });
    }
    let thinks = request.thinking.as_ref().is_some_and(|thinking| {
        thinking.enabled == Some(true) || thinking.effort.is_some() || thinking.budget.is_some()
    });
    let forced = answer
        .as_ref()
        .map(|tool| if users { ToolChoice::Required } else { ToolChoice::Tool(tool.name.clone()) });
    let choice = forced.filter(|_| !thinks).or_else(|| request.tool_choice.clone());
    match choice {
        None => {}
        Some(ToolChoice::Auto) if profile.refuses.has(Param::ToolChoice) => {}
        Some(_) if profile.refuses.has(Param::ToolChoice) => {
            losses.dropped("tool_choice", "the target takes no choice of tools");
        }
        Some(choice) if profile.older_tools => older::write_choice(body, &choice, &list, names, losses),
        Some(choice) => tools::write_choice(body, &choice, &list, names, profile, losses),
    }
    let one = request.takes_one_call();
    if let Some(parallel) = request.parallel_tools.or(one.then_some(false)) {
        if profile.refuses.has(Param::ParallelTools) {
            if !parallel && !one {
                losses.dropped("parallel_tool_calls", "the target takes no such wish");
            }
        } else {
            body.bool("parallel_tool_calls", parallel);
        }
    }
    true
}

/// Without tools neither a choice of them nor their number may be said.
fn note_idle_choice(request: &Request, losses: &mut Losses) {
    match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed(..)) => {
            losses.dropped("tool_choice", "there are no tools to choose from");
        }
        Some(ToolChoice::Auto | ToolChoice::None) | None => {}
    }
}

fn write_sampling(body: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    if let Some(wanted) = sampling.max_tokens {
        let most = profile.max_output.unwrap_or(u64::MAX);
        if wanted > most {
            losses.clamped("max_tokens", "the model cannot produce more");
        }
        let field = match profile.max_tokens_field {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        body.number(field, wanted.min(most));
    }
    write_temperature(body, sampling, profile, losses);
    let mut floats = |key, param, value: Option<f64>, usual: f64| {
        let Some(value) = value else { return };
        if !profile.refuses.has(param) {
            body.float(key, value);
        } else if (value - usual).abs() > f64::EPSILON {
            losses.dropped(key, "the target refuses it");
        }
    };
    floats("frequency_penalty", Param::FrequencyPenalty, sampling.frequency_penalty, 0.0);
    floats("presence_penalty", Param::PresencePenalty, sampling.presence_penalty, 0.0);
    if let Some(top_k) = sampling.top_k
        && takes(profile, Param::TopK, "top_k", losses)
    {
        body.number("top_k", top_k);
    }
    if !sampling.stop.is_empty() && takes(profile, Param::Stop, "stop", losses) {
        // OpenAI takes four; what other vendors take is not known.
        let most = if profile.extras { usize::MAX } else { 4 };
        if sampling.stop.len() > most {
            losses.clamped("stop", "at most four");
        }
        body.array("stop", |list| sampling.stop.iter().take(most).for_each(|text| list.string(text)));
    }
    if let Some(seed) = sampling.seed
        && takes(profile, Param::Seed, "seed", losses)
    {
        body.number(profile.seed_field, seed);
    }
    match sampling.candidates {
        Some(1) if profile.refuses.has(Param::N) => {}
        Some(n) if takes(profile, Param::N, "n", losses) => body.number("n", n),
        Some(_) | None => {}
    }
    write_logprobs(body, sampling, profile, losses);
    if let Some(bias) = &sampling.logit_bias
        && takes(profile, Param::LogitBias, "logit_bias", losses)
    {
        body.raw("logit_bias", bias);
    }
}

fn takes(profile: &Profile, param: Param, name: &'static str, losses: &mut Losses) -> bool {
    let refused = profile.refuses.has(param);
    if refused {
        losses.dropped(name, "the target refuses it");
    }
    !refused
}

fn write_temperature(body: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    let most = profile.max_temperature;
    if let Some(wanted) = sampling.temperature {
        match most.filter(|_| !profile.refuses.has(Param::Temperature)) {
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
        if most.is_some() && !profile.refuses.has(Param::TopP) {
            body.float("top_p", wanted);
        } else if (wanted - 1.0).abs() > f64::EPSILON {
            losses.dropped("top_p", "the target refuses it");
        }
    }
}

fn write_logprobs(body: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    let wanted = sampling.logprobs == Some(true) || sampling.top_logprobs.is_some();
    if profile.refuses.has(Param::Logprobs) {
        if wanted {
            losses.dropped("logprobs", "the target refuses it");
        }
        return;
    }
    // The alternatives may only be asked for together with the probabilities themselves.
    let switch = sampling.logprobs.or(sampling.top_logprobs.map(|_| true));
    body.opt_bool("logprobs", switch);
    body.opt_number("top_logprobs", sampling.top_logprobs);
}

fn write_rest(body: &mut Object<'_>, request: &Request, profile: &Profile, losses: &mut Losses) {
    if let Some(user) = &request.user
        && takes(profile, Param::User, "user", losses)
    {
        let sent = names::user(user);
        if *sent != **user {
            losses.bent("user", "longer than 64 characters, so hashed");
        }
        body.string("user", &sent);
    }
    if let Some(tier) = &request.service_tier
        && (*tier != ServiceTier::Auto || !profile.refuses.has(Param::ServiceTier))
        && takes(profile, Param::ServiceTier, "service_tier", losses)
    {
        let own = profile.standard_tier.filter(|_| *tier == ServiceTier::Standard);
        body.string("service_tier", own.unwrap_or_else(|| tier_word(tier)));
    }
    if extras::takes_own(profile) {
        body.opt_string("verbosity", request.verbosity.as_deref());
        body.opt_string("prompt_cache_key", request.cache_key.as_deref());
    } else if request.verbosity.is_some() {
        losses.dropped("verbosity", "the target takes no unknown members");
    }
    if let Some(metadata) = &request.metadata
        && takes(profile, Param::Metadata, "metadata", losses)
    {
        body.raw("metadata", metadata);
    }
}

/// Usage is asked for whether the client wants it or not: what a call cost must be known.
fn write_stream(body: &mut Object<'_>, request: &Request, profile: &Profile) {
    if !request.stream {
        return;
    }
    body.bool("stream", true);
    let given = request.extras.json(OWN, "stream_options");
    let given = given.filter(|_| extras::takes_own(profile));
    let refused = profile.refuses.has(Param::StreamOptions);
    if refused || (given.is_none() && !profile.include_usage) {
        return;
    }
    body.object("stream_options", |options| {
        if profile.include_usage {
            options.bool("include_usage", true);
        }
        let given = given.and_then(|text| json::parse(text.as_bytes()).ok());
        for (key, value) in given.as_ref().map(Json::entries).unwrap_or_default() {
            if key != "include_usage" {
                options.raw(key, value.raw());
            }
        }
    });
}
