//! Laws of requests: what a ledger does not name has arrived.

use tollgate::catalog::House;
use tollgate::catalog::profile::{
    Converse, Params, Profile, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle, ThinksIn,
    ToolIdRule, TopK,
};
use tollgate::dialect::{Restore, codec};
use tollgate::ir::{Content, Dialect, Effort, Extras, Format, Losses, Request, ToolChoice};
use tollgate::wire::json;

use crate::corpus::{self, Kind};
use crate::essence::asked;

/// A target that takes whatever its dialect can say, and thinks in the words of the request.
fn open(dialect: Dialect, request: &Request) -> Profile {
    let effort = request.thinking.as_ref().is_some_and(|thinking| thinking.effort.is_some());
    // To ask for an effort alone is another field than to switch thinking on.
    let switched = request.thinking.as_ref().is_some_and(|thinking| thinking.enabled.is_some());
    let thinks_in = if effort && !switched { ThinksIn::Effort } else { ThinksIn::Thinking };
    let thinking = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => ThinkingStyle::Effort,
        Dialect::AnthropicMessages if effort => ThinkingStyle::Adaptive,
        Dialect::AnthropicMessages => ThinkingStyle::Budget,
        Dialect::GeminiGenerate if effort => ThinkingStyle::GeminiLevel { minimal: true },
        Dialect::GeminiGenerate => ThinkingStyle::GeminiBudget(0),
        Dialect::BedrockConverse if effort => ThinkingStyle::Adaptive,
        Dialect::BedrockConverse => ThinkingStyle::Budget,
        Dialect::OllamaChat | Dialect::OllamaGenerate => ThinkingStyle::Effort,
        Dialect::CohereChat => ThinkingStyle::Budget,
        Dialect::OpenaiCompletions => ThinkingStyle::None,
    };
    Profile {
        developer_role: false,
        mid_system: dialect != Dialect::GeminiGenerate,
        prefill: true,
        max_temperature: Some(2.0),
        refuses: Params::NONE,
        thinking,
        efforts: (Effort::None, Effort::Max),
        reasoning_history: ReasoningHistory::Keep,
        structured_output: StructuredOutput::Native,
        tool_result_media: true,
        image_urls: true,
        audio_input: true,
        documents: true,
        strict_tools: true,
        cache_marks: true,
        tool_id: ToolIdRule::Any,
        json_schema: true,
        // With it go the ids of calls.
        requires_signature: true,
        extras: true,
        required_tool: RequiredTool::Any,
        forced_tool: true,
        converse: Converse {
            video: true,
            text_documents: true,
            top_k: TopK::Field,
            thinks_in,
            result_documents: true,
            cache_tools: true,
            cache_hour: true,
            ..Converse::PLAIN
        },
        ..Profile::norm(dialect, House::Own)
    }
}

fn requests() -> impl Iterator<Item = (String, Dialect, Request)> {
    corpus::all(Kind::Request).map(|recording| {
        let request = corpus::ask(recording.dialect, &recording.bytes).unwrap();
        (format!("{}/{}", recording.dialect.name(), recording.file), recording.dialect, request)
    })
}

#[test]
fn every_rendered_request_is_json_that_its_own_dialect_reads() {
    for (name, _, request) in requests() {
        for to in Dialect::ALL {
            let targets =
                corpus::targets(to).into_iter().map(|target| target.profile).chain([open(to, &request)]);
            for profile in targets {
                let rendered = codec(to).render_request(&request, "m", &profile, &mut Losses::new());
                json::validate(&rendered.body).unwrap();
                if let Err(malformed) = corpus::ask(to, &rendered.body) {
                    let body = String::from_utf8_lossy(&rendered.body);
                    panic!("{name} to {}: {}: {malformed}\n{body}", to.name(), malformed.param);
                }
            }
        }
    }
}

#[test]
fn a_request_that_loses_nothing_comes_back_whole_from_its_own_dialect() {
    let mut kept = 0;
    for (name, dialect, mut request) in requests() {
        let mut losses = Losses::new();
        let rendered =
            codec(dialect).render_request(&request, &request.model, &open(dialect, &request), &mut losses);
        if !losses.is_empty() || !rendered.restore.is_empty() {
            continue;
        }
        let mut back = corpus::ask(dialect, &rendered.body).unwrap();
        // Asking for usage in a stream is ours; where a dialect demands a limit, so is that.
        back.stream_usage = request.stream_usage;
        request.sampling.max_tokens = request.sampling.max_tokens.or(back.sampling.max_tokens);
        settle(&mut back);
        settle(&mut request);
        assert_eq!(back, request, "{name}: {}", String::from_utf8_lossy(&rendered.body));
        kept += 1;
    }
    assert!(kept > 40, "only {kept} requests were comparable");
}

#[test]
fn a_request_that_loses_nothing_says_the_same_in_every_dialect() {
    let mut kept = 0;
    for (name, from, request) in requests() {
        for to in Dialect::ALL.into_iter().filter(|to| *to != from) {
            for profile in
                corpus::targets(to).into_iter().map(|target| target.profile).chain([open(to, &request)])
            {
                let mut losses = Losses::new();
                let rendered = codec(to).render_request(&request, "m", &profile, &mut losses);
                if !losses.is_empty() {
                    continue;
                }
                let back = corpus::ask(to, &rendered.body).unwrap();
                let body = String::from_utf8_lossy(&rendered.body).into_owned();
                assert_eq!(
                    asked(&back, &rendered.restore),
                    asked(&request, &Restore::default()),
                    "{name} to {}: {body}",
                    to.name()
                );
                let of = format!("{name} to {}: {body}", to.name());
                steering(&request, &back, &profile, &of);
                if to == Dialect::CohereChat {
                    assert_eq!(unnamed_choice(&back), unnamed_choice(&request), "{of}");
                } else {
                    assert_eq!(choice(&back), choice(&request), "{of}");
                }
                kept += 1;
            }
        }
    }
    assert!(kept > 80, "only {kept} requests were comparable");
}

/// To demand one of a single tool is to demand that tool, and to leave the choice is to say nothing.
fn choice(request: &Request) -> Option<ToolChoice> {
    match request.tool_choice.as_ref()? {
        ToolChoice::Allowed(names, true) if names.len() == 1 => Some(ToolChoice::Tool(names[0].clone())),
        ToolChoice::Auto => None,
        other => Some(other.clone()),
    }
}

/// The same as Cohere hears it, which cannot name a tool: to demand the only tool that there is, or
/// one of all that there are, is to demand any.
fn unnamed_choice(request: &Request) -> Option<ToolChoice> {
    let all = |names: &[String]| request.tools.iter().all(|tool| names.contains(&tool.name));
    match choice(request)? {
        ToolChoice::Tool(name) if all(std::slice::from_ref(&name)) => Some(ToolChoice::Required),
        ToolChoice::Allowed(names, true) if all(&names) => Some(ToolChoice::Required),
        other => Some(other),
    }
}

/// JSON without white space, and unknown members in the order of their names.
fn settle(request: &mut Request) {
    let compact = |text: &mut String| {
        if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
            *text = json.to_string();
        }
    };
    let mut all = request.extras.all().to_vec();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    request.extras = Extras::NONE;
    for mut extra in all {
        compact(&mut extra.json);
        request.extras.push(extra.dialect, &extra.name, &extra.json);
    }
    if let Some(Format::JsonSchema { schema, .. }) = &mut request.format {
        compact(schema);
    }
    request.metadata.iter_mut().for_each(compact);
    request.tools.iter_mut().filter_map(|tool| tool.schema.as_mut()).for_each(compact);
    for block in request.turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        if let Content::ToolCall(call) = &mut block.content {
            compact(&mut call.arguments);
        }
    }
}

/// What steers the answer is asked for as the client did.
fn steering(request: &Request, back: &Request, profile: &Profile, of: &str) {
    let limit = request.sampling.max_tokens.or(back.sampling.max_tokens);
    let limit = limit.map(|limit| limit.min(profile.max_output.unwrap_or(u64::MAX)));
    assert_eq!(back.sampling.max_tokens, limit, "{of}");
    assert_eq!(back.sampling.temperature, request.sampling.temperature, "{of}");
    assert_eq!(back.sampling.top_p, request.sampling.top_p, "{of}");
    assert_eq!(back.sampling.stop, request.sampling.stop, "{of}");
    assert_eq!(back.format.is_some(), request.format.is_some(), "{of}");
    assert_eq!(back.user, request.user, "{of}");
}
