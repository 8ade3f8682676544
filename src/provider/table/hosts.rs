//! Clouds, hosts and gateways that serve other people's models.

use crate::catalog::profile::{
    MaxTokensField, Param, Params, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle,
};
use crate::catalog::quirks::Quirks;
use crate::ir::Dialect::{AnthropicMessages, OpenaiChat, OpenaiCompletions, OpenaiResponses};

use super::{
    ALL_THREE, Auth, OPEN_QWEN, Platform, QWEN, RESPONSES, Ranks, TEXT_TOO, Vectors, Vendor, openai, refuses,
    with_ranks, with_vectors,
};

/// A gateway that turns `reasoning` into whatever the model behind it takes, and passes
/// reasoning and cache marks on.
const GATEWAY: Quirks = Quirks {
    thinking: Some(ThinkingStyle::Object),
    reasoning_history: Some(ReasoningHistory::Keep),
    cache_marks: Some(true),
    ..Quirks::NONE
};

/// Together's models that can be told whether to think.
const HYBRIDS: &[(&str, ThinkingStyle)] = &[
    ("deepseek-v3.1", ThinkingStyle::ObjectSwitch),
    ("deepseek-v3.2", ThinkingStyle::ObjectSwitch),
    ("deepseek-v4", ThinkingStyle::ObjectSwitch),
    ("glm-", ThinkingStyle::ObjectSwitch),
    ("kimi-k2.", ThinkingStyle::ObjectSwitch),
    ("qwen3.", ThinkingStyle::ObjectSwitch),
];

/// SiliconFlow's models that can be told whether to think.
const SWITCHED: &[(&str, ThinkingStyle)] = &[
    ("deepseek-v3.1", ThinkingStyle::Switch),
    ("deepseek-v3.2", ThinkingStyle::Switch),
    ("glm-4.", ThinkingStyle::Switch),
    ("hunyuan-a13b", ThinkingStyle::Switch),
    ("qwen3-coder", ThinkingStyle::None),
    ("qwen3", ThinkingStyle::Switch),
];

/// A vendor whose API is its own: what is asked goes through as it is, with our key.
const fn only_through(
    id: &'static str,
    name: &'static str,
    base_url: &'static str,
    key_env: &'static [&'static str],
) -> Vendor {
    Vendor { speaks: &[], ..openai(id, name, base_url, key_env) }
}

/// Databricks' models that think as their makers have it.
const DATABRICKS: &[(&str, ThinkingStyle)] = &[
    ("databricks-claude", ThinkingStyle::Budget),
    ("databricks-gpt", ThinkingStyle::Effort),
    ("databricks-gemini", ThinkingStyle::Effort),
];

pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        speaks: ALL_THREE,
        aliases: &["azure_openai"],
        auth: Auth::Azure,
        api_version: Some("2024-10-21"),
        deployments: true,
        catalogue_ids: &["azure", "openai"],
        // The general API version knows the newer name for thinking models only.
        quirks: Quirks { max_tokens_field: Some(MaxTokensField::MaxTokens), ..Quirks::OWN },
        ..with_vectors(&openai(
            "azure",
            "Azure OpenAI",
            "https://{resource}.openai.azure.com",
            &["AZURE_API_KEY", "AZURE_OPENAI_API_KEY"],
        ))
    },
    Vendor {
        aliases: &["azure_foundry"],
        auth: Auth::Azure,
        speaks: &[
            (OpenaiChat, ""),
            (OpenaiResponses, "https://{resource}.services.ai.azure.com/openai/v1"),
            (AnthropicMessages, "https://{resource}.services.ai.azure.com/anthropic"),
        ],
        api_version: Some("2024-05-01-preview"),
        catalogue_ids: &["azure_ai", "azure", "anthropic"],
        ..with_vectors(&openai(
            "azure_ai",
            "Azure AI Foundry",
            "https://{resource}.services.ai.azure.com/models",
            &["AZURE_AI_API_KEY", "AZURE_API_KEY"],
        ))
    },
    Vendor {
        speaks: RESPONSES,
        catalogue_ids: &["groq"],
        quirks: Quirks {
            refuses: Params::of(&[Param::Logprobs, Param::LogitBias, Param::TopK]),
            structured_output: Some(StructuredOutput::Tool),
            schema_models: &["gpt-oss", "kimi-k2", "llama-4"],
            format_beside_tools: Some(false),
            standard_tier: Some("on_demand"),
            no_nulls: true,
            extras: Some(false),
            own_members: &[
                "citation_options",
                "compound_custom",
                "disable_tool_validation",
                "documents",
                "exclude_domains",
                "include_domains",
                "include_reasoning",
                "reasoning_format",
                "search_settings",
            ],
            ..Quirks::NONE
        },
        ..openai("groq", "Groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"])
    },
    Vendor {
        speaks: TEXT_TOO,
        aliases: &["together_ai", "togetherai"],
        catalogue_ids: &["together"],
        quirks: Quirks { thinking_of: HYBRIDS, ..Quirks::NONE },
        rerank: Some(Ranks::Jina),
        ..with_vectors(&openai(
            "together",
            "Together AI",
            "https://api.together.ai/v1",
            &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"],
        ))
    },
    Vendor {
        speaks: ALL_THREE,
        aliases: &["fireworks_ai"],
        catalogue_ids: &["fireworks"],
        quirks: Quirks {
            required_tool: Some(RequiredTool::Any),
            reasoning_history: Some(ReasoningHistory::Keep),
            ..Quirks::NONE
        },
        rerank: Some(Ranks::Jina),
        ..with_vectors(&openai(
            "fireworks",
            "Fireworks AI",
            "https://api.fireworks.ai/inference/v1",
            &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"],
        ))
    },
    Vendor {
        speaks: TEXT_TOO,
        catalogue_ids: &["cerebras"],
        quirks: Quirks {
            extras: Some(false),
            own_members: &[
                "clear_thinking",
                "disable_reasoning",
                "prediction",
                "reasoning_format",
                "queue_threshold",
            ],
            ..refuses(&[Param::N, Param::LogitBias, Param::TopK, Param::Metadata, Param::Store])
        },
        ..openai("cerebras", "Cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"])
    },
    Vendor {
        aliases: &["open_router"],
        speaks: &[(OpenaiChat, ""), (OpenaiResponses, ""), (AnthropicMessages, ""), (OpenaiCompletions, "")],
        catalogue_ids: &["openrouter"],
        quirks: Quirks { states_cost: true, ..GATEWAY },
        ..with_vectors(&openai(
            "openrouter",
            "OpenRouter",
            "https://openrouter.ai/api/v1",
            &["OPENROUTER_API_KEY"],
        ))
    },
    Vendor {
        aliases: &["vercel_ai_gateway"],
        speaks: RESPONSES,
        quirks: GATEWAY,
        ..with_vectors(&openai(
            "vercel",
            "Vercel AI Gateway",
            "https://ai-gateway.vercel.sh/v1",
            &["VERCEL_AI_GATEWAY_API_KEY", "AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"],
        ))
    },
    Vendor {
        aliases: &["github_models"],
        ..with_vectors(&openai(
            "github",
            "GitHub Models",
            "https://models.inference.ai.azure.com",
            &["GITHUB_API_KEY", "GITHUB_TOKEN"],
        ))
    },
    Vendor {
        aliases: &["workers_ai"],
        ..with_vectors(&openai(
            "cloudflare",
            "Cloudflare Workers AI",
            "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
            &["CLOUDFLARE_API_KEY"],
        ))
    },
    Vendor {
        aliases: &["hf"],
        speaks: RESPONSES,
        ..openai(
            "huggingface",
            "Hugging Face Inference Providers",
            "https://router.huggingface.co/v1",
            &["HF_TOKEN", "HUGGINGFACE_API_KEY"],
        )
    },
    Vendor {
        auth: Auth::Databricks,
        quirks: Quirks {
            cache_marks: Some(true),
            thinking_of: DATABRICKS,
            reasoning_history: Some(ReasoningHistory::Summaries),
            ..refuses(&[
                Param::ParallelTools,
                Param::Seed,
                Param::Logprobs,
                Param::FrequencyPenalty,
                Param::PresencePenalty,
                Param::LogitBias,
            ])
        },
        ..with_vectors(&openai(
            "databricks",
            "Databricks",
            "https://{workspace}/serving-endpoints",
            &["DATABRICKS_API_KEY", "DATABRICKS_TOKEN"],
        ))
    },
    Vendor {
        quirks: Quirks { thinking_of: QWEN, streams_thought: OPEN_QWEN, ..Quirks::NONE },
        ..with_vectors(&openai(
            "modelscope",
            "ModelScope",
            "https://api-inference.modelscope.cn/v1",
            &["MODELSCOPE_API_KEY"],
        ))
    },
    Vendor {
        quirks: Quirks { thinking_of: SWITCHED, ..Quirks::NONE },
        ..with_ranks(&with_vectors(&openai(
            "siliconflow",
            "SiliconFlow",
            "https://api.siliconflow.cn/v1",
            &["SILICONFLOW_API_KEY"],
        )))
    },
    Vendor {
        aliases: &["nvidia"],
        quirks: refuses(&[Param::N, Param::Logprobs, Param::LogitBias]),
        embeddings: Some(Vectors::Nvidia),
        ..openai(
            "nvidia_nim",
            "NVIDIA NIM",
            "https://integrate.api.nvidia.com/v1",
            &["NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"],
        )
    },
    Vendor {
        quirks: refuses(&[
            Param::ParallelTools,
            Param::Seed,
            Param::N,
            Param::Logprobs,
            Param::FrequencyPenalty,
            Param::PresencePenalty,
            Param::LogitBias,
        ]),
        ..with_vectors(&openai(
            "sambanova",
            "SambaNova",
            "https://api.sambanova.ai/v1",
            &["SAMBANOVA_API_KEY"],
        ))
    },
    Vendor {
        speaks: TEXT_TOO,
        quirks: Quirks {
            required_tool: Some(RequiredTool::Unsupported),
            forced_tool: Some(false),
            ..refuses(&[Param::ParallelTools, Param::Logprobs, Param::LogitBias])
        },
        ..with_vectors(&openai(
            "deepinfra",
            "DeepInfra",
            "https://api.deepinfra.com/v1/openai",
            &["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"],
        ))
    },
    Vendor {
        speaks: TEXT_TOO,
        quirks: refuses(&[Param::ParallelTools, Param::Logprobs]),
        ..openai("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1", &["HYPERBOLIC_API_KEY"])
    },
    Vendor {
        aliases: &["lambda_ai"],
        ..openai("lambda", "Lambda", "https://api.lambda.ai/v1", &["LAMBDA_API_KEY"])
    },
    Vendor {
        speaks: TEXT_TOO,
        ..with_vectors(&openai(
            "nebius",
            "Nebius AI Studio",
            "https://api.studio.nebius.ai/v1",
            &["NEBIUS_API_KEY"],
        ))
    },
    Vendor {
        speaks: TEXT_TOO,
        ..with_vectors(&openai("novita", "Novita", "https://api.novita.ai/v3/openai", &["NOVITA_API_KEY"]))
    },
    Vendor {
        speaks: TEXT_TOO,
        aliases: &["friendli"],
        ..openai(
            "friendliai",
            "FriendliAI",
            "https://api.friendli.ai/serverless/v1",
            &["FRIENDLI_TOKEN", "FRIENDLIAI_API_KEY"],
        )
    },
    Vendor {
        speaks: TEXT_TOO,
        aliases: &["featherless_ai"],
        quirks: refuses(&[Param::ParallelTools, Param::Seed, Param::Logprobs]),
        ..openai(
            "featherless",
            "Featherless",
            "https://api.featherless.ai/v1",
            &["FEATHERLESS_AI_API_KEY", "FEATHERLESS_API_KEY"],
        )
    },
    Vendor {
        quirks: refuses(&[Param::ParallelTools, Param::Seed]),
        ..with_vectors(&openai(
            "nscale",
            "Nscale",
            "https://inference.api.nscale.com/v1",
            &["NSCALE_API_KEY"],
        ))
    },
    Vendor {
        quirks: refuses(&[Param::ParallelTools, Param::N, Param::Logprobs]),
        ..openai("baseten", "Baseten", "https://inference.baseten.co/v1", &["BASETEN_API_KEY"])
    },
    Vendor {
        quirks: refuses(&[Param::ParallelTools, Param::Seed, Param::N, Param::Logprobs, Param::Stop]),
        ..with_vectors(&openai(
            "clarifai",
            "Clarifai",
            "https://api.clarifai.com/v2/ext/openai/v1",
            &["CLARIFAI_API_KEY", "CLARIFAI_PAT"],
        ))
    },
    Vendor {
        aliases: &["veniceai"],
        ..with_vectors(&openai(
            "venice",
            "Venice",
            "https://api.venice.ai/api/v1",
            &["VENICE_AI_API_KEY", "VENICE_API_KEY"],
        ))
    },
    with_vectors(&openai("scaleway", "Scaleway", "https://api.scaleway.ai/v1", &["SCW_SECRET_KEY"])),
    Vendor {
        aliases: &["ovh"],
        ..with_vectors(&openai(
            "ovhcloud",
            "OVHcloud AI Endpoints",
            "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
            &["OVHCLOUD_API_KEY"],
        ))
    },
    Vendor {
        speaks: TEXT_TOO,
        quirks: refuses(&[Param::Store]),
        ..with_vectors(&openai("parasail", "Parasail", "https://api.parasail.io/v1", &["PARASAIL_API_KEY"]))
    },
    openai("gmi", "GMI Cloud", "https://api.gmi-serving.com/v1", &["GMI_API_KEY"]),
    openai("crusoe", "Crusoe", "https://managed-inference-api-proxy.crusoecloud.com/v1", &["CRUSOE_API_KEY"]),
    openai("chutes", "Chutes", "https://llm.chutes.ai/v1", &["CHUTES_API_KEY"]),
    openai("poe", "Poe", "https://api.poe.com/v1", &["POE_API_KEY"]),
    with_vectors(&openai(
        "synthetic",
        "Synthetic",
        "https://api.synthetic.new/openai/v1",
        &["SYNTHETIC_API_KEY"],
    )),
    with_vectors(&openai("nano_gpt", "NanoGPT", "https://nano-gpt.com/api/v1", &["NANOGPT_API_KEY"])),
    with_vectors(&openai("aihubmix", "AIHubMix", "https://aihubmix.com/v1", &["AIHUBMIX_API_KEY"])),
    with_vectors(&openai(
        "cometapi",
        "CometAPI",
        "https://api.cometapi.com/v1",
        &["COMETAPI_KEY", "COMETAPI_API_KEY"],
    )),
    with_vectors(&openai("302ai", "302.AI", "https://api.302.ai/v1", &["AI302_API_KEY"])),
    openai("edenai", "Eden AI", "https://api.edenai.run/v3", &["EDENAI_API_KEY"]),
    openai("helicone", "Helicone AI Gateway", "https://ai-gateway.helicone.ai", &["HELICONE_API_KEY"]),
    openai("kilo", "Kilo Gateway", "https://api.kilo.ai/api/gateway", &["KILO_API_KEY"]),
    openai("opencode_go", "OpenCode Go", "https://opencode.ai/zen/go/v1", &["OPENCODE_GO_API_KEY"]),
    openai("inference_net", "Inference.net", "https://api.inference.net/v1", &["INFERENCE_API_KEY"]),
    Vendor {
        aliases: &["kluster_ai"],
        ..openai("kluster", "kluster.ai", "https://api.kluster.ai/v1", &["KLUSTER_API_KEY"])
    },
    Vendor {
        aliases: &["lemonfox_ai"],
        ..openai("lemonfox", "Lemonfox", "https://api.lemonfox.ai/v1", &["LEMONFOX_API_KEY"])
    },
    Vendor {
        aliases: &["iointelligence"],
        ..openai(
            "io_intelligence",
            "io.net Intelligence",
            "https://api.intelligence.io.solutions/api/v1",
            &["IOINTELLIGENCE_API_KEY"],
        )
    },
    openai("ncompass", "nCompass", "https://api.ncompass.tech/v1", &["NCOMPASS_API_KEY"]),
    openai("monsterapi", "MonsterAPI", "https://llm.monsterapi.ai/v1", &["MONSTERAPI_API_KEY"]),
    openai("modal", "Modal", "https://api.modal.com/v1", &["MODAL_API_KEY"]),
    Vendor {
        chat_path: "/deployments/v2/llms/{model}/v1/chat/completions",
        ..openai(
            "predibase",
            "Predibase",
            "https://serving.app.predibase.com/{tenant}",
            &["PREDIBASE_API_KEY"],
        )
    },
    openai("wandb", "W&B Inference", "https://api.inference.wandb.ai/v1", &["WANDB_API_KEY"]),
    with_vectors(&openai(
        "heroku",
        "Heroku Managed Inference",
        "https://us.inference.heroku.com/v1",
        &["HEROKU_API_KEY"],
    )),
    openai(
        "datarobot",
        "DataRobot",
        "https://app.datarobot.com/api/v2/genai/llmgw",
        &["DATAROBOT_API_TOKEN"],
    ),
    Vendor {
        aliases: &["snowflake_cortex", "cortex"],
        speaks: &[
            (OpenaiChat, ""),
            (AnthropicMessages, "https://{account}.snowflakecomputing.com/api/v2/cortex"),
        ],
        quirks: Quirks {
            max_tokens_field: Some(MaxTokensField::MaxCompletionTokens),
            ..refuses(&[Param::ParallelTools, Param::Seed, Param::N, Param::Logprobs, Param::LogitBias])
        },
        ..openai(
            "snowflake",
            "Snowflake Cortex",
            "https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
            &["SNOWFLAKE_PAT", "SNOWFLAKE_JWT", "SNOWFLAKE_API_KEY"],
        )
    },
    openai("hetzner", "Hetzner", "https://inference.hetzner.com/api/v1", &["HETZNER_API_KEY"]),
    Vendor {
        aliases: &["oracle_compatible"],
        ..openai("oracle", "Oracle GenAI (OpenAI-compatible)", "", &["ORACLE_API_KEY"])
    },
    openai("bytez", "Bytez", "https://api.bytez.com/models/v2/openai/v1", &["BYTEZ_API_KEY"]),
    Vendor {
        aliases: &["copilot"],
        auth: Auth::Copilot,
        ..with_vectors(&openai(
            "github_copilot",
            "GitHub Copilot",
            "https://api.githubcopilot.com",
            &["GITHUB_COPILOT_TOKEN"],
        ))
    },
    Vendor {
        platform: Platform::Replicate,
        speaks: &[(OpenaiCompletions, "")],
        quirks: Quirks {
            retold: true,
            ..refuses(&[Param::StreamOptions, Param::N, Param::Logprobs, Param::LogitBias, Param::User])
        },
        ..openai("replicate", "Replicate", "https://api.replicate.com/v1", &["REPLICATE_API_TOKEN"])
    },
    only_through("stability", "Stability AI", "https://api.stability.ai", &["STABILITY_API_KEY"]),
    Vendor {
        auth: Auth::Prefixed("Token"),
        ..only_through("deepgram", "Deepgram", "https://api.deepgram.com/v1", &["DEEPGRAM_API_KEY"])
    },
    Vendor {
        auth: Auth::Header("xi-api-key"),
        ..only_through("elevenlabs", "ElevenLabs", "https://api.elevenlabs.io", &["ELEVENLABS_API_KEY"])
    },
];
