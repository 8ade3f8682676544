//! Vendors that serve models of their own.

use crate::catalog::profile::{
    MaxTokensField, Named, Param, Params, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle,
    ToolIdRule,
};
use crate::catalog::quirks::Quirks;
use crate::ir::Dialect::{
    AnthropicMessages, CohereChat, GeminiGenerate, OpenaiChat, OpenaiCompletions, OpenaiResponses,
};

use super::{
    ALL_THREE, Auth, OPEN_QWEN, QWEN, RESPONSES, Ranks, Vectors, Vendor, only_vectors, openai, refuses,
    with_vectors,
};

/// `thinking: {type: …}` and nothing finer, with the reasoning text kept in the history.
const TOGGLE: Quirks = Quirks {
    thinking: Some(ThinkingStyle::Toggle),
    reasoning_history: Some(ReasoningHistory::Keep),
    strict_tools: Some(false),
    ..Quirks::NONE
};

/// Z.AI's and Zhipu's API for GLM.
const GLM: Quirks = Quirks {
    structured_output: Some(StructuredOutput::JsonObject),
    refuses: Params::of(&[
        Param::ParallelTools,
        Param::Seed,
        Param::N,
        Param::Logprobs,
        Param::FrequencyPenalty,
        Param::PresencePenalty,
        Param::LogitBias,
    ]),
    ..TOGGLE
};

/// Moonshot's models that cannot be told whether to think, or are told how hard.
const KIMI: &[(&str, ThinkingStyle)] = &[
    ("kimi-k3", ThinkingStyle::Effort),
    ("kimi-k2.7", ThinkingStyle::None),
    ("kimi-k2-thinking", ThinkingStyle::None),
    ("moonshot-v1", ThinkingStyle::None),
];

const MISTRAL: Quirks = Quirks {
    refuses: Params::of(&[
        Param::StreamOptions,
        Param::Logprobs,
        Param::LogitBias,
        Param::User,
        Param::ServiceTier,
        Param::Store,
        Param::Metadata,
        Param::TopK,
    ]),
    max_temperature: Some(1.5),
    required_tool: Some(RequiredTool::Any),
    strict_tools: Some(false),
    tool_id: Some(ToolIdRule::Nine),
    seed_field: Some("random_seed"),
    prefix_mark: true,
    extras: Some(false),
    own_members: &["safe_prompt", "prompt_mode", "prediction", "guardrails", "prompt_cache_key"],
    named: Some(Named::Tools),
    plain_schemas: true,
    thinkers_history: Some(ReasoningHistory::Parts),
    ..Quirks::NONE
};

pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        speaks: ALL_THREE,
        catalogue_ids: &["openai"],
        quirks: Quirks::OWN,
        ..with_vectors(&openai("openai", "OpenAI", "https://api.openai.com/v1", &["OPENAI_API_KEY"]))
    },
    Vendor {
        auth: Auth::Anthropic,
        speaks: &[(AnthropicMessages, "")],
        catalogue_ids: &["anthropic"],
        quirks: Quirks::OWN,
        ..openai("anthropic", "Anthropic", "https://api.anthropic.com", &["ANTHROPIC_API_KEY"])
    },
    Vendor {
        aliases: &["google", "google_ai_studio"],
        auth: Auth::Google,
        speaks: &[(GeminiGenerate, "")],
        embeddings: Some(Vectors::GeminiBatch),
        catalogue_ids: &["gemini"],
        quirks: Quirks::OWN,
        ..openai(
            "gemini",
            "Google AI Studio (Gemini)",
            "https://generativelanguage.googleapis.com/v1beta",
            &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        )
    },
    Vendor {
        aliases: &["x_ai", "grok"],
        speaks: RESPONSES,
        catalogue_ids: &["xai"],
        quirks: Quirks {
            strict_tools: Some(false),
            named: Some(Named::Users),
            states_cost: true,
            keeps_responses: true,
            ..refuses(&[Param::LogitBias])
        },
        ..openai("xai", "xAI", "https://api.x.ai/v1", &["XAI_API_KEY"])
    },
    Vendor {
        aliases: &["mistral_ai"],
        catalogue_ids: &["mistral"],
        embeddings: Some(Vectors::Mistral),
        quirks: MISTRAL,
        ..openai("mistral", "Mistral", "https://api.mistral.ai/v1", &["MISTRAL_API_KEY"])
    },
    Vendor {
        catalogue_ids: &["codestral", "mistral"],
        quirks: MISTRAL,
        ..openai("codestral", "Mistral Codestral", "https://codestral.mistral.ai/v1", &["CODESTRAL_API_KEY"])
    },
    Vendor {
        speaks: &[
            (OpenaiChat, ""),
            (AnthropicMessages, "https://api.deepseek.com/anthropic"),
            (OpenaiCompletions, "https://api.deepseek.com/beta"),
        ],
        catalogue_ids: &["deepseek"],
        quirks: Quirks {
            reasoning_history: Some(ReasoningHistory::Require),
            structured_output: Some(StructuredOutput::JsonObject),
            text_only_content: true,
            ..TOGGLE
        },
        ..openai("deepseek", "DeepSeek", "https://api.deepseek.com", &["DEEPSEEK_API_KEY"])
    },
    Vendor {
        aliases: &["kimi", "moonshotai"],
        speaks: &[(OpenaiChat, ""), (AnthropicMessages, "https://api.moonshot.ai/anthropic")],
        catalogue_ids: &["moonshot"],
        quirks: Quirks {
            max_temperature: Some(1.0),
            thinkers_fix_sampling: true,
            thinking_of: KIMI,
            reasoning_history: Some(ReasoningHistory::Require),
            required_tool: Some(RequiredTool::Unsupported),
            forced_tool: Some(false),
            ..TOGGLE
        },
        ..openai("moonshot", "Moonshot (Kimi)", "https://api.moonshot.ai/v1", &["MOONSHOT_API_KEY"])
    },
    Vendor {
        aliases: &["kimi_code"],
        catalogue_ids: &["moonshot"],
        quirks: Quirks {
            thinkers_fix_sampling: true,
            thinking_of: KIMI,
            reasoning_history: Some(ReasoningHistory::Require),
            required_tool: Some(RequiredTool::Unsupported),
            forced_tool: Some(false),
            ..TOGGLE
        },
        ..openai(
            "kimicode",
            "Kimi Code",
            "https://api.kimi.com/coding/v1",
            &["KIMICODE_API_KEY", "KIMI_API_KEY"],
        )
    },
    Vendor {
        aliases: &["z_ai"],
        speaks: &[(OpenaiChat, ""), (AnthropicMessages, "https://api.z.ai/api/anthropic")],
        catalogue_ids: &["zai", "zhipu"],
        quirks: GLM,
        ..with_vectors(&openai(
            "zai",
            "Z.AI (GLM, international)",
            "https://api.z.ai/api/paas/v4",
            &["ZAI_API_KEY"],
        ))
    },
    Vendor {
        aliases: &["zhipuai", "bigmodel"],
        catalogue_ids: &["zhipu", "zai"],
        quirks: GLM,
        ..with_vectors(&openai(
            "zhipu",
            "Zhipu (GLM, China)",
            "https://open.bigmodel.cn/api/paas/v4",
            &["ZHIPUAI_API_KEY", "ZHIPU_API_KEY"],
        ))
    },
    Vendor {
        aliases: &["cohere_chat"],
        speaks: &[(CohereChat, ""), (OpenaiChat, "")],
        catalogue_ids: &["cohere"],
        quirks: refuses(&[
            Param::ParallelTools,
            Param::N,
            Param::Logprobs,
            Param::LogitBias,
            Param::User,
            Param::ServiceTier,
            Param::Store,
            Param::Metadata,
        ]),
        embeddings: Some(Vectors::CohereV2),
        rerank: Some(Ranks::CohereV2),
        ..openai(
            "cohere",
            "Cohere",
            "https://api.cohere.ai/compatibility/v1",
            &["COHERE_API_KEY", "CO_API_KEY"],
        )
    },
    Vendor {
        aliases: &["perplexity_ai"],
        catalogue_ids: &["perplexity"],
        quirks: Quirks {
            refuses: Params::of(&[
                Param::Tools,
                Param::ToolChoice,
                Param::ParallelTools,
                Param::StreamOptions,
                Param::Seed,
                Param::N,
                Param::Logprobs,
                Param::LogitBias,
                Param::Stop,
            ]),
            alternates: true,
            states_cost: true,
            ..Quirks::NONE
        },
        ..openai(
            "perplexity",
            "Perplexity",
            "https://api.perplexity.ai",
            &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"],
        )
    },
    Vendor {
        aliases: &["bailian", "qwen", "alibaba"],
        catalogue_ids: &["dashscope"],
        quirks: Quirks {
            cache_marks: Some(true),
            thinking_of: QWEN,
            reasoning_history: Some(ReasoningHistory::Keep),
            required_tool: Some(RequiredTool::Unsupported),
            streams_thought: OPEN_QWEN,
            ..Quirks::NONE
        },
        ..with_vectors(&openai(
            "dashscope",
            "Alibaba DashScope (Qwen)",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            &["DASHSCOPE_API_KEY", "BAILIAN_API_KEY"],
        ))
    },
    Vendor {
        speaks: &[(OpenaiChat, ""), (AnthropicMessages, "https://api.minimax.io/anthropic")],
        catalogue_ids: &["minimax"],
        quirks: Quirks { reasoning_history: Some(ReasoningHistory::Tags), ..Quirks::NONE },
        ..openai("minimax", "MiniMax", "https://api.minimax.io/v1", &["MINIMAX_API_KEY"])
    },
    Vendor {
        aliases: &["ark", "doubao"],
        catalogue_ids: &["volcengine"],
        quirks: Quirks { refuses: Params::of(&[Param::ParallelTools]), ..TOGGLE },
        ..with_vectors(&openai(
            "volcengine",
            "Volcengine Ark (Doubao)",
            "https://ark.cn-beijing.volces.com/api/v3",
            &["VOLCENGINE_API_KEY", "ARK_API_KEY"],
        ))
    },
    Vendor {
        aliases: &["hunyuan"],
        speaks: &[(OpenaiChat, ""), (AnthropicMessages, "")],
        ..openai(
            "tencent",
            "Tencent TokenHub (Hunyuan)",
            "https://tokenhub-intl.tencentcloudmaas.com/v1",
            &["TENCENT_API_KEY"],
        )
    },
    Vendor {
        aliases: &["xiaomi"],
        quirks: Quirks { reasoning_history: Some(ReasoningHistory::Require), ..TOGGLE },
        ..openai(
            "xiaomi_mimo",
            "Xiaomi MiMo",
            "https://api.xiaomimimo.com/v1",
            &["XIAOMI_MIMO_API_KEY", "XIAOMI_API_KEY"],
        )
    },
    openai("lingyi", "01.AI (Lingyi)", "https://api.lingyiwanwu.com/v1", &["LINGYI_API_KEY"]),
    Vendor {
        quirks: refuses(&[
            Param::ParallelTools,
            Param::StreamOptions,
            Param::Logprobs,
            Param::FrequencyPenalty,
            Param::PresencePenalty,
            Param::LogitBias,
        ]),
        ..openai("ai21", "AI21", "https://api.ai21.com/studio/v1", &["AI21_API_KEY"])
    },
    Vendor {
        aliases: &["llama_api"],
        ..openai("meta_llama", "Meta Llama API", "https://api.llama.com/compat/v1", &["LLAMA_API_KEY"])
    },
    Vendor {
        speaks: &[(OpenaiChat, ""), (OpenaiResponses, ""), (AnthropicMessages, "")],
        ..openai("meta", "Meta API", "https://api.meta.ai/v1", &["META_API_KEY"])
    },
    Vendor {
        aliases: &["nova"],
        quirks: refuses(&[
            Param::ParallelTools,
            Param::ResponseFormat,
            Param::Seed,
            Param::N,
            Param::Logprobs,
            Param::FrequencyPenalty,
            Param::PresencePenalty,
            Param::LogitBias,
        ]),
        ..openai("amazon_nova", "Amazon Nova API", "https://api.nova.amazon.com/v1", &["AMAZON_NOVA_API_KEY"])
    },
    Vendor { aliases: &["reka_ai"], ..openai("reka", "Reka", "https://api.reka.ai/v1", &["REKA_API_KEY"]) },
    with_vectors(&openai("upstage", "Upstage", "https://api.upstage.ai/v1", &["UPSTAGE_API_KEY"])),
    Vendor {
        aliases: &["inceptionlabs"],
        quirks: refuses(&[
            Param::ParallelTools,
            Param::Seed,
            Param::N,
            Param::Logprobs,
            Param::FrequencyPenalty,
            Param::PresencePenalty,
            Param::LogitBias,
        ]),
        ..openai(
            "inception",
            "Inception (Mercury)",
            "https://api.inceptionlabs.ai/v1",
            &["INCEPTION_API_KEY"],
        )
    },
    Vendor {
        quirks: refuses(&[
            Param::Tools,
            Param::ToolChoice,
            Param::ParallelTools,
            Param::ResponseFormat,
            Param::StreamOptions,
            Param::Seed,
            Param::N,
            Param::Logprobs,
            Param::Stop,
            Param::FrequencyPenalty,
            Param::PresencePenalty,
            Param::LogitBias,
        ]),
        rerank: Some(Ranks::Jina),
        ..with_vectors(&openai("morph", "Morph", "https://api.morphllm.com/v1", &["MORPH_API_KEY"]))
    },
    Vendor {
        quirks: refuses(&[
            Param::Temperature,
            Param::TopP,
            Param::ParallelTools,
            Param::ResponseFormat,
            Param::StreamOptions,
            Param::Seed,
            Param::N,
            Param::Logprobs,
            Param::Stop,
            Param::FrequencyPenalty,
            Param::PresencePenalty,
            Param::LogitBias,
        ]),
        ..openai("v0", "Vercel v0", "https://api.v0.dev/v1", &["V0_API_KEY"])
    },
    Vendor {
        auth: Auth::Header("api-subscription-key"),
        quirks: Quirks { max_tokens_field: Some(MaxTokensField::MaxTokens), ..Quirks::NONE },
        ..openai("sarvam", "Sarvam", "https://api.sarvam.ai/v1", &["SARVAM_API_KEY"])
    },
    Vendor {
        aliases: &["sber"],
        auth: Auth::Sber,
        quirks: Quirks {
            retold: true,
            older_tools: true,
            mid_system: Some(false),
            text_only_content: true,
            strict_tools: Some(false),
            structured_output: Some(StructuredOutput::Tool),
            ..refuses(&[
                Param::TopK,
                Param::Stop,
                Param::Seed,
                Param::N,
                Param::Logprobs,
                Param::FrequencyPenalty,
                Param::PresencePenalty,
                Param::LogitBias,
                Param::ParallelTools,
                Param::StreamOptions,
                Param::User,
                Param::ServiceTier,
                Param::Metadata,
                Param::Store,
            ])
        },
        ..with_vectors(&openai(
            "gigachat",
            "GigaChat (Sber)",
            "https://gigachat.devices.sberbank.ru/api/v1",
            &["GIGACHAT_API_KEY", "GIGACHAT_CREDENTIALS"],
        ))
    },
    openai("krutrim", "Krutrim", "https://cloud.olakrutrim.com/v1", &["KRUTRIM_API_KEY"]),
    Vendor {
        aliases: &["jina_ai"],
        catalogue_ids: &["jina"],
        embeddings: Some(Vectors::Jina),
        rerank: Some(Ranks::Jina),
        ..only_vectors("jina", "Jina AI", "https://api.jina.ai/v1", &["JINA_AI_API_KEY", "JINA_API_KEY"])
    },
    Vendor {
        aliases: &["voyageai"],
        catalogue_ids: &["voyage"],
        embeddings: Some(Vectors::Voyage),
        rerank: Some(Ranks::Voyage),
        ..only_vectors("voyage", "Voyage AI", "https://api.voyageai.com/v1", &["VOYAGE_API_KEY"])
    },
];
