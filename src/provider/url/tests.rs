use super::*;
use crate::ir::Dialect::{AnthropicMessages, BedrockConverse, GeminiGenerate, OpenaiChat, OpenaiResponses};

fn path(vendor: &str, base: &str, dialect: Dialect, operation: Operation, model: &str) -> String {
    let vendor = Vendor::find(vendor).unwrap();
    let base = Base::parse(base).unwrap();
    path_for(vendor, &base, dialect, operation, model, None).unwrap_or_default()
}

#[test]
fn a_base_is_read_into_its_parts() {
    let base = Base::parse("https://API.openai.com/v1/").unwrap();
    assert_eq!((base.tls, base.host.as_str(), base.port), (true, "api.openai.com", 443));
    assert_eq!((base.path.as_str(), base.authority().as_str()), ("/v1", "api.openai.com"));
    let base = Base::parse("http://localhost:11434").unwrap();
    assert_eq!((base.tls, base.port, base.path.as_str()), (false, 11434, ""));
    assert_eq!(base.authority(), "localhost:11434");
    let base = Base::parse("http://[::1]:8080/v1").unwrap();
    assert_eq!((base.host.as_str(), base.authority().as_str()), ("::1", "[::1]:8080"));
}

#[test]
fn a_bad_base_is_refused_with_what_is_wrong() {
    for (text, bad) in [
        ("api.openai.com/v1", BadBase::Scheme),
        ("ftp://host", BadBase::Scheme),
        ("https://user:pass@host/v1", BadBase::User),
        ("https:///v1", BadBase::Host),
        ("https://ho st", BadBase::Host),
        ("https://[host]", BadBase::Host),
        ("https://host:0", BadBase::Port),
        ("https://host:port", BadBase::Port),
        ("https://{resource}.openai.azure.com", BadBase::Placeholder),
        ("https://host/a/../b", BadBase::Path),
        ("https://host/v1?key=1", BadBase::Path),
    ] {
        assert_eq!(Base::parse(text), Err(bad), "{text}");
    }
}

#[test]
fn each_dialect_has_its_paths() {
    let openai = "https://api.openai.com/v1";
    let chat = |operation| path("openai", openai, OpenaiChat, operation, "gpt-4o");
    assert_eq!(chat(Operation::Generate), "/v1/chat/completions");
    assert_eq!(chat(Operation::Embed), "/v1/embeddings");
    assert_eq!(chat(Operation::Models), "/v1/models");
    assert_eq!(chat(Operation::CountTokens), "");
    for base in ["https://api.anthropic.com", "https://api.anthropic.com/v1"] {
        let messages = |operation| path("anthropic", base, AnthropicMessages, operation, "c");
        assert_eq!(messages(Operation::Stream), "/v1/messages");
        assert_eq!(messages(Operation::CountTokens), "/v1/messages/count_tokens");
    }
    let base = "https://api.deepseek.com/anthropic";
    let messages = path("deepseek", base, AnthropicMessages, Operation::Generate, "x");
    assert_eq!(messages, "/anthropic/v1/messages");
    let google = "https://generativelanguage.googleapis.com/v1beta";
    let gemini = |operation, model| path("gemini", google, GeminiGenerate, operation, model);
    assert_eq!(
        gemini(Operation::Stream, "models/gemini-2.5-pro"),
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    );
    assert_eq!(
        gemini(Operation::EmbedBatch, "gemini-embedding-001"),
        "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    );
    assert_eq!(gemini(Operation::CountTokens, "tunedModels/mine"), "/v1beta/tunedModels/mine:countTokens");
    assert_eq!(gemini(Operation::Models, ""), "/v1beta/models");
}

#[test]
fn azure_s_deployments_and_its_newer_addresses_are_told_apart() {
    let azure = |base, operation| path("azure", base, OpenaiChat, operation, "my gpt");
    let deployment = "/openai/deployments/my%20gpt";
    for base in ["https://r.openai.azure.com", "https://r.openai.azure.com/openai"] {
        assert_eq!(
            azure(base, Operation::Stream),
            format!("{deployment}/chat/completions?api-version=2024-10-21")
        );
        assert_eq!(azure(base, Operation::Models), "/openai/models?api-version=2024-10-21");
    }
    assert_eq!(
        azure("https://r.openai.azure.com/openai/deployments/own", Operation::Embed),
        "/openai/deployments/own/embeddings?api-version=2024-10-21"
    );
    assert_eq!(
        azure("https://r.openai.azure.com/openai/v1", Operation::Generate),
        "/openai/v1/chat/completions"
    );
    let vendor = Vendor::find("azure_ai").unwrap();
    let base = Base::parse("https://r.services.ai.azure.com/models").unwrap();
    let own = Some("2025-04-01&x=1");
    assert_eq!(
        path_for(vendor, &base, OpenaiChat, Operation::Generate, "m", own).unwrap(),
        "/models/chat/completions?api-version=2025-04-01%26x%3D1"
    );
}

#[test]
fn no_model_s_name_leads_out_of_its_place() {
    let google = "https://generativelanguage.googleapis.com/v1beta";
    for model in ["../secret", "a/../b", ".", "", "a//b", "models/.."] {
        assert_eq!(path("gemini", google, GeminiGenerate, Operation::Generate, model), "");
    }
    assert_eq!(
        path("gemini", google, GeminiGenerate, Operation::Generate, "a?b#c%2f:d"),
        "/v1beta/models/a%3Fb%23c%252f%3Ad:generateContent"
    );
    assert_eq!(
        path("azure", "https://r.openai.azure.com", OpenaiChat, Operation::Models, "../x"),
        "/openai/models?api-version=2024-10-21"
    );
}

#[test]
fn bedrock_has_the_model_or_its_address_in_the_path() {
    let base = "https://bedrock-runtime.us-east-1.amazonaws.com";
    let bedrock = |operation, model| path("bedrock", base, BedrockConverse, operation, model);
    let nova = "us.amazon.nova-lite-v1:0";
    assert_eq!(bedrock(Operation::Generate, nova), "/model/us.amazon.nova-lite-v1%3A0/converse");
    assert_eq!(bedrock(Operation::Stream, nova), "/model/us.amazon.nova-lite-v1%3A0/converse-stream");
    // Tokens are counted by models and not by profiles.
    assert_eq!(bedrock(Operation::CountTokens, nova), "/model/amazon.nova-lite-v1%3A0/count-tokens");
    let profile = "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0";
    assert_eq!(
        bedrock(Operation::Generate, profile),
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0/converse"
    );
    assert_eq!(bedrock(Operation::Models, ""), "");
}

#[test]
fn responses_lie_beside_chat_and_azure_serves_them_at_its_newer_addresses() {
    let responses = |vendor, base, operation| path(vendor, base, OpenaiResponses, operation, "gpt-5-codex");
    let openai = |operation| responses("openai", "https://api.openai.com/v1", operation);
    assert_eq!(openai(Operation::Generate), "/v1/responses");
    assert_eq!(openai(Operation::Stream), "/v1/responses");
    assert_eq!(openai(Operation::CountTokens), "/v1/responses/input_tokens");
    assert_eq!(openai(Operation::Embed), "");
    assert_eq!(responses("vllm", "http://gpu:8000/v1", Operation::CountTokens), "");
    for base in [
        "https://me.openai.azure.com",
        "https://me.openai.azure.com/openai/v1",
        "https://me.openai.azure.com/openai/deployments/mine",
    ] {
        assert_eq!(responses("azure", base, Operation::Generate), "/openai/v1/responses", "{base}");
    }
}

#[test]
fn an_address_that_keeps_to_a_region_is_known() {
    for (address, keeps) in [
        ("https://aiplatform.googleapis.com/v1/projects/p/locations/global", false),
        ("https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu", true),
        ("https://x.example/v1/projects/p/locations/us-east5", true),
        ("https://aiplatform.googleapis.com/v1", false),
        ("https://eu.api.openai.com/v1", true),
        ("https://api.openai.com/v1", false),
    ] {
        assert_eq!(Base::parse(address).unwrap().keeps_to_region(), keeps, "{address}");
    }
}

#[test]
fn vertex_has_a_place_for_each_maker() {
    let base = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1";
    let at = |dialect, operation, model: &str| {
        let path = path("vertex", base, dialect, operation, model);
        path.strip_prefix("/v1/projects/p/locations/europe-west1").unwrap_or_default().to_owned()
    };
    for (dialect, operation, model, expected) in [
        (
            GeminiGenerate,
            Operation::Generate,
            "gemini-2.5-pro",
            "google/models/gemini-2.5-pro:generateContent",
        ),
        (
            GeminiGenerate,
            Operation::Stream,
            "google/gemini-2.5-pro",
            "google/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        ),
        (GeminiGenerate, Operation::CountTokens, "models/gemini-x", "google/models/gemini-x:countTokens"),
        (
            AnthropicMessages,
            Operation::Generate,
            "claude-sonnet-4-5@20250929",
            "anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            AnthropicMessages,
            Operation::Stream,
            "anthropic/claude-opus-4-7",
            "anthropic/models/claude-opus-4-7:streamRawPredict",
        ),
        (AnthropicMessages, Operation::CountTokens, "claude-x", "anthropic/models/count-tokens:rawPredict"),
        (
            OpenaiChat,
            Operation::Stream,
            "mistral-medium-3",
            "mistralai/models/mistral-medium-3:streamRawPredict",
        ),
        (
            GeminiGenerate,
            Operation::Generate,
            "publishers/google/models/x",
            "google/models/x:generateContent",
        ),
    ] {
        assert_eq!(at(dialect, operation, model), format!("/publishers/{expected}"));
    }
    assert_eq!(
        at(OpenaiChat, Operation::Stream, "meta/llama-3.3-70b-instruct-maas"),
        "/endpoints/openapi/chat/completions"
    );
    assert_eq!(at(GeminiGenerate, Operation::Generate, "endpoints/123"), "/endpoints/123:generateContent");
    assert_eq!(at(GeminiGenerate, Operation::Generate, "../x"), "");
}

#[test]
fn a_cloud_serves_each_model_in_its_makers_dialect() {
    for (model, dialect) in [
        ("gemini-2.5-flash", GeminiGenerate),
        ("google/gemini-2.5-flash", GeminiGenerate),
        ("publishers/google/models/gemini-2.5-flash", GeminiGenerate),
        ("endpoints/1234", GeminiGenerate),
        ("claude-opus-4-7", AnthropicMessages),
        ("publishers/anthropic/models/claude-opus-4-7", AnthropicMessages),
        ("mistral-medium-3", OpenaiChat),
        ("deepseek-ai/deepseek-v3.1-maas", OpenaiChat),
    ] {
        let served: Vec<_> = [OpenaiChat, AnthropicMessages, GeminiGenerate]
            .into_iter()
            .filter(|dialect| Platform::Vertex.serves(*dialect, model))
            .collect();
        assert_eq!(served, [dialect], "{model}");
    }
    assert!(Platform::Bedrock.serves(AnthropicMessages, "eu.anthropic.claude-opus-4-7-v1:0"));
    assert!(!Platform::Bedrock.serves(AnthropicMessages, "amazon.nova-pro-v1:0"));
    assert!(Platform::None.serves(OpenaiChat, "anything"));
}
