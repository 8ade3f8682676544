//! Servers that people run themselves, and the row for whatever is not in the table.

use crate::catalog::profile::{Param, Params, ReasoningHistory, ThinkingStyle};
use crate::catalog::quirks::Quirks;
use crate::ir::Dialect::{
    AnthropicMessages, OllamaChat, OllamaGenerate, OpenaiChat, OpenaiCompletions, OpenaiResponses,
};

use super::{ALL_THREE, Platform, Vendor, openai, own_server, refuses, with_ranks, with_vectors};

/// An engine that shows its model's reasoning and takes it back.
const ENGINE: Quirks =
    Quirks { reasoning_history: Some(ReasoningHistory::Keep), thinking_of: TEMPLATES, ..Quirks::NONE };

/// Open models whose templates can be told whether to think.
const TEMPLATES: &[(&str, ThinkingStyle)] = &[
    ("qwen3-coder", ThinkingStyle::None),
    ("qwen3", ThinkingStyle::Template),
    ("glm-4.5", ThinkingStyle::Template),
    ("glm-4.6", ThinkingStyle::Template),
    ("glm-4.7", ThinkingStyle::Template),
    ("glm-5", ThinkingStyle::Template),
];

pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        aliases: &["ollama_chat"],
        speaks: &[
            // Only its own API takes all that a model may be told: how hard to think, a schema.
            (OllamaChat, ""),
            (OllamaGenerate, ""),
            (OpenaiChat, ""),
            (AnthropicMessages, ""),
            (OpenaiCompletions, ""),
        ],
        quirks: Quirks {
            // Some versions hang when they are told which tool to call.
            refuses: Params::of(&[
                Param::ToolChoice,
                Param::ParallelTools,
                Param::N,
                Param::Logprobs,
                Param::LogitBias,
                Param::User,
            ]),
            image_urls: Some(false),
            ..Quirks::NONE
        },
        ..own_server("ollama", "Ollama", "http://localhost:11434/v1", &["OLLAMA_API_KEY"])
    },
    Vendor {
        aliases: &["hosted_vllm"],
        speaks: &[(OpenaiChat, ""), (OpenaiResponses, ""), (AnthropicMessages, ""), (OpenaiCompletions, "")],
        quirks: ENGINE,
        ..own_server("vllm", "vLLM", "http://localhost:8000/v1", &["VLLM_API_KEY", "HOSTED_VLLM_API_KEY"])
    },
    Vendor {
        speaks: ALL_THREE,
        quirks: ENGINE,
        ..own_server("sglang", "SGLang", "http://localhost:30000/v1", &["SGLANG_API_KEY"])
    },
    Vendor {
        aliases: &["lmstudio"],
        speaks: ALL_THREE,
        ..own_server("lm_studio", "LM Studio", "http://localhost:1234/v1", &["LM_STUDIO_API_KEY"])
    },
    Vendor {
        aliases: &["llama_cpp"],
        quirks: ENGINE,
        ..own_server("llamacpp", "llama.cpp server", "http://localhost:8080/v1", &["LLAMACPP_API_KEY"])
    },
    Vendor {
        aliases: &["nvidia_triton"],
        quirks: ENGINE,
        ..own_server("triton", "NVIDIA Triton", "http://localhost:9000/v1", &["TRITON_API_KEY"])
    },
    Vendor {
        platform: Platform::Triton,
        speaks: &[(OpenaiCompletions, "")],
        embeddings: None,
        rerank: None,
        quirks: Quirks {
            retold: true,
            ..refuses(&[Param::StreamOptions, Param::N, Param::Logprobs, Param::LogitBias, Param::User])
        },
        ..own_server(
            "triton_generate",
            "NVIDIA Triton (generate)",
            "http://localhost:8000",
            &["TRITON_GENERATE_API_KEY"],
        )
    },
    Vendor {
        quirks: ENGINE,
        ..own_server("kserve", "KServe", "http://localhost:8080/openai/v1", &["KSERVE_API_KEY"])
    },
    own_server("llamafile", "llamafile", "http://127.0.0.1:8080/v1", &["LLAMAFILE_API_KEY"]),
    Vendor { aliases: &["llm_d"], quirks: ENGINE, ..own_server("llmd", "llm-d", "", &["LLMD_API_KEY"]) },
    own_server(
        "docker_model_runner",
        "Docker Model Runner",
        "http://localhost:12434/engines/llama.cpp/v1",
        &["DOCKER_MODEL_RUNNER_API_KEY"],
    ),
    Vendor {
        quirks: refuses(&[Param::ParallelTools, Param::Logprobs]),
        ..own_server("xinference", "Xinference", "http://127.0.0.1:9997/v1", &["XINFERENCE_API_KEY"])
    },
    Vendor {
        aliases: &["litellm"],
        speaks: &[(OpenaiChat, ""), (OpenaiResponses, ""), (AnthropicMessages, ""), (OpenaiCompletions, "")],
        quirks: Quirks {
            thinking: Some(ThinkingStyle::Effort),
            reasoning_history: Some(ReasoningHistory::Keep),
            cache_marks: Some(true),
            ..Quirks::NONE
        },
        ..own_server("litellm_proxy", "LiteLLM proxy", "", &["LITELLM_PROXY_API_KEY"])
    },
    Vendor {
        aliases: &["openai_compatible"],
        key_required: false,
        ..with_ranks(&with_vectors(&openai(
            "custom",
            "Any OpenAI-compatible server",
            "",
            &["CUSTOM_API_KEY"],
        )))
    },
    Vendor {
        key_required: false,
        speaks: &[(OpenaiResponses, ""), (OpenaiChat, "")],
        ..with_vectors(&openai(
            "custom_responses",
            "Any server of OpenAI's Responses",
            "",
            &["CUSTOM_RESPONSES_API_KEY"],
        ))
    },
];
