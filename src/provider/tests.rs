use std::collections::HashSet;

use super::*;
use crate::catalog::Catalog;
use crate::catalog::profile::{
    MaxTokensField, Param, Profile, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle,
    ToolIdRule,
};
use crate::ir::Dialect::{AnthropicMessages, GeminiGenerate, OpenaiChat, OpenaiCompletions, OpenaiResponses};
use crate::units::Secret;

fn vendor(id: &str) -> &'static Vendor {
    Vendor::find(id).unwrap_or_else(|| panic!("no vendor {id}"))
}

fn profile(id: &str, model: &str) -> Profile {
    let vendor = vendor(id);
    let (dialect, _) = vendor.speaks[0];
    Profile::of(dialect, &vendor.quirks, model, vendor.model(Catalog::builtin(), model))
}

#[test]
fn every_vendor_is_well_formed() {
    let mut ids = HashSet::new();
    for vendor in Vendor::all() {
        let id = vendor.id;
        for id in std::iter::once(&vendor.id).chain(vendor.aliases) {
            assert!(ids.insert(*id), "{id} is there twice");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(!id.is_empty() && id.chars().all(plain), "{id}");
        }
        assert!(!vendor.name.is_empty() && !vendor.key_env.is_empty(), "{id}");
        for key in vendor.key_env {
            let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            assert!(key.chars().all(upper), "{id} {key}");
        }
        let bases = vendor.speaks.iter().map(|(_, base)| base).chain([&vendor.base_url]);
        for base in bases.filter(|base| !base.is_empty()) {
            assert!(!base.ends_with('/'), "{id}");
            let filled = base.replace(['{', '}'], "");
            let parsed = Base::parse(&filled).unwrap_or_else(|bad| panic!("{id}: {bad}"));
            let local = matches!(parsed.host.as_str(), "localhost" | "127.0.0.1");
            assert!(parsed.tls || (local && !vendor.key_required), "{id}");
        }
        let through = ["stability", "deepgram", "elevenlabs"].contains(&id);
        let serves = !vendor.speaks.is_empty() || vendor.embeddings.is_some();
        assert!(serves != through, "{id} serves nothing");
        assert!(vendor.chat_path.starts_with('/'), "{id}");
    }
    assert!(Vendor::all().count() >= 90, "{}", Vendor::all().count());
}

#[test]
fn every_provider_of_the_catalogue_with_an_api_of_its_own_has_a_vendor() {
    let named: HashSet<_> = Vendor::all().flat_map(|vendor| vendor.catalogue_ids).collect();
    for model in Catalog::builtin().iter() {
        let clouds = ["bedrock", "vertex"];
        let provider = &*model.provider;
        assert!(clouds.contains(&provider) || named.contains(&provider), "{provider}");
    }
}

#[test]
fn every_family_points_to_vendors_that_exist() {
    for model in ["gpt-4o", "claude-x", "gemini-2.5-pro", "grok-4", "deepseek-chat", "kimi-k2"] {
        assert!(Vendor::find(crate::catalog::family(model)[0]).is_some());
    }
    for id in crate::catalog::names::family_vendors() {
        assert!(Vendor::find(id).is_some(), "{id}");
    }
}

#[test]
fn a_vendor_is_found_under_other_names() {
    for (name, id) in [
        ("bailian", "dashscope"),
        ("xiaomi", "xiaomi_mimo"),
        ("together-ai", "together"),
        ("Azure-OpenAI", "azure"),
        ("lm-studio", "lm_studio"),
        ("hosted_vllm", "vllm"),
        ("google", "gemini"),
    ] {
        assert_eq!(vendor(name).id, id);
    }
    assert!(Vendor::find("nobody").is_none());
}

#[test]
fn a_user_s_base_stands_for_the_dialects_that_share_it() {
    let chat = (OpenaiChat, "http://gpu:8000/v1".to_owned());
    let messages = (AnthropicMessages, "http://gpu:8000/v1".to_owned());
    let responses = (OpenaiResponses, "http://gpu:8000/v1".to_owned());
    let prompts = (OpenaiCompletions, "http://gpu:8000/v1".to_owned());
    let all = [chat.clone(), responses, messages, prompts];
    assert_eq!(vendor("vllm").bases(Some("http://gpu:8000/v1/")), all);
    assert_eq!(vendor("deepseek").bases(Some("http://gpu:8000/v1")), [chat]);
    assert_eq!(vendor("deepseek").bases(None)[1].1, "https://api.deepseek.com/anthropic");
    let foundry = vendor("azure_ai").bases(Some("https://me.services.ai.azure.com/models"));
    assert_eq!(foundry[1].1, "https://me.services.ai.azure.com/openai/v1");
    assert_eq!(foundry[2].1, "https://me.services.ai.azure.com/anthropic");
}

#[test]
fn a_vendor_knows_its_models_by_its_own_row_first() {
    let catalog = Catalog::builtin();
    let provider =
        |id: &str, model: &str| vendor(id).model(catalog, model).map(|model| model.provider.to_string());
    assert_eq!(provider("azure", "gpt-4o").as_deref(), Some("azure"));
    assert_eq!(provider("azure_ai", "claude-opus-4-7").as_deref(), Some("azure_ai"));
    assert_eq!(provider("codestral", "codestral-latest").as_deref(), Some("mistral"));
    assert_eq!(provider("custom", "claude-opus-4-7").as_deref(), Some("anthropic"));
    assert_eq!(provider("ollama", "llama3.2"), None);
}

#[test]
fn vendors_bend_the_profile_of_their_models() {
    let deepseek = profile("deepseek", "deepseek-reasoner");
    assert_eq!(deepseek.thinking, ThinkingStyle::Toggle);
    assert_eq!(deepseek.reasoning_history, ReasoningHistory::Require);
    assert_eq!(deepseek.structured_output, StructuredOutput::JsonObject);
    assert!(deepseek.text_only_content && !deepseek.developer_role);
    assert!(deepseek.refuses.has(Param::Tools), "the catalogue says so");
    assert!(!profile("deepseek", "deepseek-chat").refuses.has(Param::Tools));

    let mistral = profile("mistral", "mistral-large-latest");
    assert_eq!((mistral.tool_id, mistral.seed_field), (ToolIdRule::Nine, "random_seed"));
    assert_eq!(mistral.required_tool, RequiredTool::Any);
    assert_eq!(mistral.max_tokens_field, MaxTokensField::MaxTokens);
    assert!(!mistral.include_usage && !mistral.strict_tools && !mistral.extras);

    let grok = profile("xai", "grok-4");
    assert!(grok.refuses.has(Param::Stop) && grok.refuses.has(Param::PresencePenalty));
    assert_eq!(grok.thinking, ThinkingStyle::None);
    assert!(!profile("xai", "grok-3").refuses.has(Param::Stop));
    assert_eq!(profile("xai", "grok-3-mini").thinking, ThinkingStyle::Effort);

    let llama = profile("groq", "llama-3.3-70b-versatile");
    assert_eq!(llama.structured_output, StructuredOutput::Tool);
    assert!(llama.no_nulls && llama.include_usage && !llama.extras);
    let oss = profile("groq", "openai/gpt-oss-120b");
    assert_eq!(oss.structured_output, StructuredOutput::Native);
    assert_eq!(oss.thinking, ThinkingStyle::Effort);

    let kimi = profile("moonshot", "kimi-k2.6");
    assert_eq!((kimi.max_temperature, kimi.required_tool), (None, RequiredTool::Unsupported));
    assert_eq!(profile("moonshot", "moonshot-v1-8k").max_temperature, Some(1.0));

    let azure = profile("azure", "gpt-4o");
    assert_eq!(azure.max_tokens_field, MaxTokensField::MaxTokens);
    assert!(azure.developer_role);
    let o3 = profile("azure", "o3");
    assert_eq!(o3.max_tokens_field, MaxTokensField::MaxCompletionTokens);
    assert!(profile("openrouter", "anthropic/claude-sonnet-4.5").cache_marks);
}

#[test]
fn a_key_goes_where_its_vendor_looks_for_it() {
    let headers = |id: &str, dialect, key: &str| {
        let pairs = vendor(id).auth.headers(dialect, &Secret::new(key));
        pairs.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
    };
    assert_eq!(headers("openai", OpenaiChat, "sk-1"), ["authorization: Bearer sk-1"]);
    assert_eq!(headers("azure", OpenaiChat, "k"), ["api-key: k"]);
    assert_eq!(headers("gemini", GeminiGenerate, "k"), ["x-goog-api-key: k"]);
    assert_eq!(
        headers("anthropic", AnthropicMessages, "sk-ant-api03-x"),
        ["anthropic-version: 2023-06-01", "x-api-key: sk-ant-api03-x"]
    );
    assert_eq!(
        headers("anthropic", AnthropicMessages, "sk-ant-oat01-x"),
        [
            "anthropic-version: 2023-06-01",
            "authorization: Bearer sk-ant-oat01-x",
            "anthropic-beta: oauth-2025-04-20"
        ]
    );
    assert_eq!(
        headers("deepseek", AnthropicMessages, "k"),
        ["anthropic-version: 2023-06-01", "authorization: Bearer k"]
    );
    assert!(headers("ollama", OpenaiChat, "").is_empty());
}
