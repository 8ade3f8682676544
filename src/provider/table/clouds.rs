//! Clouds that serve the models of several makers and lend the credentials for them.

use crate::catalog::profile::Param;
use crate::catalog::quirks::Quirks;
use crate::dialect::Vectors;
use crate::ir::Dialect::{AnthropicMessages, BedrockConverse, GeminiGenerate, OpenaiChat};

use super::{Auth, Platform, RESPONSES, Ranks, Vendor, openai, refuses};

pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        aliases: &["vertex_ai", "google_vertex", "gemini_vertex"],
        auth: Auth::GoogleCloud,
        platform: Platform::Vertex,
        speaks: &[(GeminiGenerate, ""), (AnthropicMessages, ""), (OpenaiChat, "")],
        embeddings: Some(Vectors::VertexPredict),
        catalogue_ids: &["vertex"],
        ..openai(
            "vertex",
            "Google Vertex AI",
            "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}",
            &["VERTEX_API_KEY", "VERTEXAI_API_KEY"],
        )
    },
    Vendor {
        aliases: &["claude_platform", "claude_aws"],
        auth: Auth::Aws { service: "aws-external-anthropic", header: Some("x-api-key") },
        speaks: &[(AnthropicMessages, "")],
        catalogue_ids: &["anthropic"],
        ..openai(
            "anthropic_aws",
            "Claude Platform on AWS",
            "https://aws-external-anthropic.{region}.api.aws",
            &["ANTHROPIC_AWS_API_KEY"],
        )
    },
    Vendor {
        aliases: &["aws_bedrock", "amazon_bedrock"],
        auth: Auth::Aws { service: "bedrock", header: None },
        platform: Platform::Bedrock,
        speaks: &[(BedrockConverse, ""), (AnthropicMessages, "")],
        catalogue_ids: &["bedrock"],
        ..openai(
            "bedrock",
            "Amazon Bedrock",
            "https://bedrock-runtime.{region}.amazonaws.com",
            &["AWS_BEARER_TOKEN_BEDROCK"],
        )
    },
    Vendor {
        aliases: &["aws_sagemaker", "amazon_sagemaker"],
        auth: Auth::Aws { service: "sagemaker", header: None },
        platform: Platform::SageMaker,
        ..openai(
            "sagemaker",
            "Amazon SageMaker",
            "https://runtime.sagemaker.{region}.amazonaws.com",
            &["SAGEMAKER_API_KEY"],
        )
    },
    Vendor {
        auth: Auth::Aws { service: "bedrock-mantle", header: None },
        speaks: &[(OpenaiChat, ""), (AnthropicMessages, "https://bedrock-mantle.{region}.api.aws/anthropic")],
        catalogue_ids: &["bedrock"],
        ..openai(
            "bedrock_mantle",
            "Amazon Bedrock Mantle",
            "https://bedrock-mantle.{region}.api.aws/v1",
            &["BEDROCK_MANTLE_API_KEY"],
        )
    },
    Vendor {
        aliases: &["oci_genai", "oracle_genai"],
        auth: Auth::Oracle,
        speaks: RESPONSES,
        ..openai(
            "oci",
            "Oracle Generative AI",
            "https://inference.generativeai.{region}.oci.oraclecloud.com/openai/v1",
            &["OCI_GENAI_API_KEY"],
        )
    },
    Vendor {
        aliases: &["ibm_watsonx", "watsonx_ai"],
        auth: Auth::Ibm,
        platform: Platform::Watsonx,
        embeddings: Some(Vectors::Watsonx),
        rerank: Some(Ranks::Watsonx),
        api_version: Some("2025-02-11"),
        // It refuses a body with any member that it does not know.
        quirks: Quirks {
            retold: true,
            extras: Some(false),
            strict_tools: Some(false),
            own_members: &[
                "chat_template_kwargs",
                "guided_choice",
                "guided_grammar",
                "guided_json",
                "guided_regex",
                "include_reasoning",
                "length_penalty",
                "repetition_penalty",
                "time_limit",
            ],
            ..refuses(&[
                Param::ParallelTools,
                Param::StreamOptions,
                Param::User,
                Param::ServiceTier,
                Param::Metadata,
                Param::Store,
                Param::TopK,
            ])
        },
        ..openai(
            "watsonx",
            "IBM watsonx.ai",
            "https://{region}.ml.cloud.ibm.com",
            &["WATSONX_API_KEY", "WATSONX_APIKEY"],
        )
    },
];
