//! Families as Bedrock's Converse serves them.
//!
//! The service refuses what a model does not know ("This model doesn't support the … field"), so
//! each family is told only what it takes.

use crate::catalog::profile::{Beside, Converse, ThinksIn, TopK};
use crate::ir::Effort;

use super::{
    Flag, Param, Params, Profile, ReasoningHistory, RequiredTool, StructuredOutput, Subject, ThinkingStyle,
    ToolIdRule, anthropic,
};

/// Parameters of other dialects that Converse has no field for.
const NO_FIELD: Params = Params::of(&[
    Param::Seed,
    Param::N,
    Param::Logprobs,
    Param::FrequencyPenalty,
    Param::PresencePenalty,
    Param::LogitBias,
    Param::StreamOptions,
    Param::Store,
    Param::User,
]);

/// The versions of Claude that Bedrock holds to schemas; the catalogue knows of later ones.
const CLAUDE_SCHEMAS: [(u32, u32); 2] = [(4, 5), (4, 6)];
/// The first version of Claude whose prompts are cached for an hour.
const CLAUDE_HOURS: (u32, u32) = (4, 5);
/// The first version of Claude whose prompts are cached.
const CLAUDE_CACHES: (u32, u32) = (3, 5);

/// What Claude takes.
const CLAUDE: Converse = Converse {
    text_documents: true,
    top_k: TopK::Field,
    thinks_in: ThinksIn::Thinking,
    beside_results: Beside::WordsAndImages,
    result_documents: true,
    cache_tools: true,
    ..Converse::PLAIN
};

/// The other families by the beginning of their names, a longer one before a shorter.
const FAMILIES: &[(&str, Converse)] = &[
    ("nova-2", Converse { video: true, top_k: TopK::Inner, thinks_in: ThinksIn::Config, ..Converse::PLAIN }),
    ("nova-micro", Converse { images: false, top_k: TopK::Inner, ..Converse::PLAIN }),
    ("nova", Converse { video: true, top_k: TopK::Inner, ..Converse::PLAIN }),
    ("titan-text", Converse { system: false, images: false, ..Converse::PLAIN }),
    (
        "llama",
        Converse {
            beside_results: Beside::Nothing,
            result_documents: true,
            stream_tools: false,
            ..Converse::PLAIN
        },
    ),
    ("mistral-7b", Converse { system: false, images: false, ..MISTRAL }),
    ("mixtral-8x7b", Converse { system: false, images: false, ..MISTRAL }),
    ("mistral-large-2402", Converse { images: false, stream_tools: false, ..MISTRAL }),
    ("mistral-small-2402", Converse { images: false, stream_tools: false, ..MISTRAL }),
    ("mistral", MISTRAL),
    ("pixtral", MISTRAL),
    ("magistral", MISTRAL),
    ("ministral", MISTRAL),
    ("voxtral", MISTRAL),
    ("command", Converse { images: false, stream_tools: false, ..Converse::PLAIN }),
    (
        "palmyra",
        Converse {
            beside_results: Beside::Nothing,
            result_status: false,
            stream_tools: false,
            ..Converse::PLAIN
        },
    ),
    ("gpt-oss", Converse { images: false, thinks_in: ThinksIn::Effort, ..Converse::PLAIN }),
    ("gpt-", Converse { thinks_in: ThinksIn::Object, ..Converse::PLAIN }),
    ("deepseek.r1", Converse { images: false, ..Converse::PLAIN }),
    ("deepseek", Converse { images: false, thinks_in: ThinksIn::Effort, ..Converse::PLAIN }),
    ("qwen3-vl", Converse { result_images: false, ..Converse::PLAIN }),
    ("qwen", Converse { images: false, thinks_in: ThinksIn::Word, ..Converse::PLAIN }),
    ("kimi", Converse { result_images: false, ..Converse::PLAIN }),
];

const MISTRAL: Converse = Converse {
    beside_results: Beside::Nothing,
    result_images: false,
    result_documents: true,
    json_results: true,
    ..Converse::PLAIN
};

/// Families that take a demand for any tool, and those that take one for a certain tool too.
const DEMANDED: &[(&str, RequiredTool, bool)] = &[
    ("nova", RequiredTool::Any, true),
    ("mistral-large", RequiredTool::Any, false),
    ("pixtral", RequiredTool::Any, false),
    ("glm", RequiredTool::Any, true),
    ("kimi", RequiredTool::Any, true),
];

/// Families without stop strings.
const UNSTOPPABLE: &[&str] = &["llama", "gpt-", "qwen"];

/// Families that are held to schemas beside Claude.
const SCHEMAS: &[&str] = &[
    "qwen3",
    "gemma-3",
    "glm",
    "kimi",
    "minimax-m2",
    "nemotron",
    "mistral-large-3",
    "magistral",
    "ministral-3",
    "voxtral",
    "deepseek.v3",
];

pub(super) const fn norm(chat: &Profile) -> Profile {
    Profile {
        mid_system: false,
        max_temperature: Some(1.0),
        refuses: NO_FIELD,
        structured_output: StructuredOutput::Tool,
        required_tool: RequiredTool::Unsupported,
        forced_tool: false,
        tool_result_media: true,
        image_urls: false,
        document_urls: false,
        audio_input: false,
        strict_tools: false,
        include_usage: false,
        prefill: false,
        tool_id: ToolIdRule::Word,
        ..*chat
    }
}

pub(super) fn apply(profile: &mut Profile, subject: &Subject<'_>) {
    if subject.starts("claude") {
        claude(profile, subject);
        return;
    }
    let starts = |table: &[&str]| table.iter().any(|prefix| subject.starts(prefix));
    profile.converse = subject.rule(FAMILIES).copied().unwrap_or(Converse::PLAIN);
    profile.converse.images = subject.has(Flag::Vision).unwrap_or(profile.converse.images);
    profile.converse.system = subject.has(Flag::System).unwrap_or(profile.converse.system);
    if let Some((_, required, forced)) = DEMANDED.iter().find(|(prefix, ..)| subject.starts(prefix)) {
        profile.required_tool = *required;
        profile.forced_tool = *forced;
    }
    if profile.required_tool == RequiredTool::Unsupported {
        // Nor is it told that it may choose.
        profile.refuse(&[Param::ToolChoice]);
    }
    if starts(UNSTOPPABLE) {
        profile.refuse(&[Param::Stop]);
    }
    if subject.starts("gpt-") && !subject.starts("gpt-oss") {
        profile.max_temperature = None;
        profile.refuse(&[Param::TopP]);
    }
    if subject.starts("deepseek.r1") || subject.starts("titan-text") {
        profile.refuse(&[Param::Tools]);
    }
    if subject.has(Flag::NativeSchema).unwrap_or_else(|| starts(SCHEMAS)) {
        profile.structured_output = StructuredOutput::Native;
        profile.strict_tools = true;
    } else if profile.required_tool == RequiredTool::Unsupported {
        profile.structured_output = StructuredOutput::None;
    }
    profile.cache_marks = subject.has(Flag::PromptCaching).unwrap_or_else(|| subject.starts("nova"));
    profile.audio_input = subject.starts("voxtral");
    thinking(profile, subject);
}

/// How the families beside Claude are asked to think.
fn thinking(profile: &mut Profile, subject: &Subject<'_>) {
    let thinks = profile.converse.thinks_in != ThinksIn::Nothing;
    if !thinks || subject.has(Flag::Reasoning) == Some(false) {
        profile.converse.thinks_in = ThinksIn::Nothing;
        return;
    }
    profile.thinking = ThinkingStyle::Effort;
    profile.efforts = match profile.converse.thinks_in {
        ThinksIn::Config => (Effort::None, Effort::High),
        ThinksIn::Object => subject.efforts((Effort::Low, Effort::High)),
        ThinksIn::Nothing | ThinksIn::Thinking | ThinksIn::Effort | ThinksIn::Word => {
            (Effort::Low, Effort::High)
        }
    };
    if profile.converse.thinks_in == ThinksIn::Word {
        profile.only_efforts = &[Effort::Low, Effort::High];
    }
}

/// Claude is asked as Anthropic asks it, where Bedrock has caught up.
fn claude(profile: &mut Profile, subject: &Subject<'_>) {
    let version = crate::catalog::names::version(subject.name).unwrap_or((99, 0));
    profile.required_tool = RequiredTool::Any;
    profile.forced_tool = true;
    profile.prefill = true;
    profile.reasoning_history = ReasoningHistory::Keep;
    anthropic::apply(profile, subject);
    let schemas = subject.has(Flag::NativeSchema).unwrap_or(CLAUDE_SCHEMAS.contains(&version));
    profile.structured_output = if schemas { StructuredOutput::Native } else { StructuredOutput::Tool };
    profile.strict_tools = schemas;
    profile.cache_marks = subject.has(Flag::PromptCaching).unwrap_or(version >= CLAUDE_CACHES);
    profile.converse = Converse { cache_hour: version >= CLAUDE_HOURS, ..CLAUDE };
}
