use super::*;
use crate::catalog::Catalog;
use crate::ir::Dialect::{AnthropicMessages, GeminiGenerate, OpenaiChat};

fn profile(dialect: Dialect, quirks: &Quirks, provider: &str, model: &str) -> Profile {
    Profile::of(dialect, quirks, model, Catalog::builtin().find(provider, model))
}

fn openai(model: &str) -> Profile {
    profile(OpenaiChat, &Quirks::OWN, "openai", model)
}

fn claude(model: &str) -> Profile {
    profile(AnthropicMessages, &Quirks::OWN, "anthropic", model)
}

fn gemini(model: &str) -> Profile {
    profile(GeminiGenerate, &Quirks::OWN, "gemini", model)
}

#[test]
fn gpt_4o_takes_sampling_and_does_not_think() {
    let profile = openai("gpt-4o");
    assert_eq!(profile.max_tokens_field, MaxTokensField::MaxCompletionTokens);
    assert!(profile.developer_role && profile.documents && !profile.audio_input);
    assert_eq!(profile.max_temperature, Some(2.0));
    assert_eq!(profile.thinking, ThinkingStyle::None);
    assert_eq!(profile.structured_output, StructuredOutput::Native);
    assert_eq!(profile.max_output, Some(16_384));
    assert!(!profile.refuses.has(Param::Logprobs) && profile.refuses.has(Param::TopK));
    assert!(openai("gpt-4o-audio-preview").audio_input);
    assert_eq!(openai("gpt-4-turbo").structured_output, StructuredOutput::JsonObject);
    assert_eq!(openai("gpt-4-0613").structured_output, StructuredOutput::None);
    assert_eq!(openai("gpt-4").structured_output, StructuredOutput::None);
    assert_eq!(openai("gpt-4.1-mini").structured_output, StructuredOutput::Native);
}

#[test]
fn openai_thinkers_take_no_temperature_and_their_own_efforts() {
    for (model, efforts) in [
        ("o3", (Effort::Low, Effort::High)),
        ("o4-mini-2025-04-16", (Effort::Low, Effort::High)),
        ("gpt-5", (Effort::Minimal, Effort::High)),
        ("gpt-5-mini", (Effort::Minimal, Effort::High)),
        ("gpt-5.1", (Effort::None, Effort::High)),
        ("gpt-5.2", (Effort::None, Effort::XHigh)),
        ("gpt-5.1-chat-latest", (Effort::Medium, Effort::Medium)),
        ("gpt-5.5-pro", (Effort::Medium, Effort::XHigh)),
        ("gpt-6-astra", (Effort::Low, Effort::Max)),
        ("gpt-6-sol", (Effort::None, Effort::Max)),
        ("gpt-7", (Effort::Low, Effort::High)),
    ] {
        let profile = openai(model);
        if model == "gpt-7" {
            assert_eq!(profile.thinking, ThinkingStyle::None, "nothing is made up");
            continue;
        }
        assert_eq!(profile.max_tokens_field, MaxTokensField::MaxCompletionTokens, "{model}");
        assert_eq!(profile.max_temperature, None, "{model}");
        assert_eq!(profile.thinking, ThinkingStyle::Effort, "{model}");
        assert_eq!(profile.efforts, efforts, "{model}");
        assert!(profile.refuses.has(Param::PresencePenalty), "{model}");
        assert!(profile.refuses.has(Param::Logprobs) && profile.refuses.has(Param::Stop));
    }
    assert!(openai("o3").refuses.has(Param::ParallelTools));
    assert!(!openai("gpt-5").refuses.has(Param::ParallelTools));
    assert!(!openai("o1").refuses.has(Param::Stop));
    assert!(!openai("o1-mini").developer_role);
}

#[test]
fn gpt_5_chat_is_no_thinker() {
    let profile = openai("gpt-5-chat-latest");
    assert_eq!(profile.thinking, ThinkingStyle::None);
    assert_eq!(profile.max_temperature, Some(2.0));
    assert!(!profile.refuses.has(Param::Stop));
    assert_eq!(openai("gpt-5-search-api").max_temperature, None);
}

#[test]
fn an_effort_that_the_target_does_not_know_becomes_the_nearest() {
    assert_eq!(openai("gpt-5").effort(Effort::None), Effort::Minimal);
    assert_eq!(openai("gpt-5").effort(Effort::Max), Effort::High);
    assert_eq!(openai("gpt-5.1").effort(Effort::Minimal), Effort::Low);
    assert_eq!(openai("gpt-5.1").effort(Effort::None), Effort::None);
    assert_eq!(openai("o3").effort(Effort::Minimal), Effort::Low);
}

#[test]
fn claude_thinks_by_budget_before_4_6_and_adaptively_after() {
    let old = claude("claude-sonnet-4-5");
    assert_eq!(old.thinking, ThinkingStyle::Budget);
    assert_eq!((old.max_temperature, old.prefill, old.mid_system), (Some(1.0), true, false));
    assert_eq!(old.structured_output, StructuredOutput::Native);
    assert_eq!((old.max_output, old.default_max_tokens), (Some(64_000), 4096));
    assert_eq!(old.tool_id, ToolIdRule::Word);

    let middle = claude("claude-opus-4-6");
    assert_eq!(middle.thinking, ThinkingStyle::Adaptive);
    assert_eq!((middle.max_temperature, middle.prefill), (Some(1.0), false));
    assert_eq!(middle.efforts, (Effort::None, Effort::Max));

    let new = claude("claude-opus-4-7");
    assert_eq!(new.thinking, ThinkingStyle::Adaptive);
    assert_eq!((new.max_temperature, new.prefill), (None, false));
    assert!(new.refuses.has(Param::TopP) && new.refuses.has(Param::TopK));
    assert!(claude("claude-opus-4-8").mid_system);
    assert!(!claude("claude-opus-5-5").forced_tool);

    let oldest = claude("claude-3-haiku-20240307");
    assert_eq!(oldest.thinking, ThinkingStyle::None);
    assert_eq!(oldest.structured_output, StructuredOutput::Tool);
    assert_eq!((oldest.max_output, oldest.default_max_tokens), (Some(4096), 4096));
    assert_eq!(claude("claude-3-7-sonnet-20250219").thinking, ThinkingStyle::Budget);
    assert_eq!(claude("claude-sonnet-4-20250514").structured_output, StructuredOutput::Tool);
}

#[test]
fn names_of_claude_say_what_no_catalogue_does() {
    let unknown = |model| Profile::of(AnthropicMessages, &Quirks::OWN, model, None);
    for model in ["claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8"] {
        let (guess, known) = (unknown(model), claude(model));
        assert_eq!(guess.thinking, known.thinking, "{model}");
        assert_eq!(guess.max_temperature, known.max_temperature, "{model}");
        assert_eq!(guess.prefill, known.prefill, "{model}");
        assert_eq!(guess.mid_system, known.mid_system, "{model}");
        assert_eq!(guess.max_output, known.max_output, "{model}");
        assert_eq!(guess.structured_output, known.structured_output, "{model}");
    }
    assert_eq!(unknown("claude-next").thinking, ThinkingStyle::Adaptive);
}

#[test]
fn gemini_thinks_by_budget_in_2_5_and_by_level_in_3() {
    let pro = gemini("gemini-2.5-pro");
    assert_eq!(pro.thinking, ThinkingStyle::GeminiBudget(128));
    assert_eq!(pro.efforts, (Effort::Minimal, Effort::High), "it cannot be switched off");
    assert!(pro.json_schema && !pro.requires_signature && pro.image_urls);
    assert!(!gemini("gemini-2.0-flash").image_urls);
    let flash = gemini("gemini-2.5-flash");
    assert_eq!(flash.thinking, ThinkingStyle::GeminiBudget(0));
    assert_eq!(flash.efforts.0, Effort::None);
    assert!(flash.refuses.has(Param::FrequencyPenalty) && !flash.tool_result_media);
    assert!(!gemini("gemini-2.0-flash").refuses.has(Param::FrequencyPenalty));
    assert_eq!(gemini("gemini-2.5-flash-lite").thinking, ThinkingStyle::GeminiBudget(512));
    assert_eq!(gemini("gemini-2.0-flash").thinking, ThinkingStyle::None);
    assert!(!gemini("gemini-1.5-pro").json_schema);

    let three = gemini("gemini-3-pro-preview");
    assert_eq!(three.thinking, ThinkingStyle::GeminiLevel { minimal: false });
    assert_eq!(three.efforts, (Effort::Low, Effort::High));
    assert!(three.requires_signature && three.refuses.has(Param::PresencePenalty));
    assert!(three.tool_result_media);
    let flash = gemini("gemini-3-flash-preview");
    assert_eq!(flash.thinking, ThinkingStyle::GeminiLevel { minimal: true });
    assert_eq!(
        gemini("gemini-3.7-flash").thinking,
        ThinkingStyle::GeminiLevel { minimal: false },
        "the catalogue knows better than the name"
    );
    assert!(gemini("gemini-flash-latest").requires_signature);
}

#[test]
fn a_compatible_vendor_takes_the_old_words() {
    let profile = profile(OpenaiChat, &Quirks::NONE, "together", "some-model");
    assert_eq!(profile.max_tokens_field, MaxTokensField::MaxTokens);
    assert!(!profile.developer_role && profile.extras && profile.include_usage);
    assert_eq!(profile.thinking, ThinkingStyle::None);
    assert_eq!(profile.refuses, Params::NONE);
}

#[test]
fn some_models_are_served_in_responses_alone() {
    let only = |quirks: &Quirks, provider: &str, model: &str| {
        Profile::only_responses(quirks, model, Catalog::builtin().find(provider, model))
    };
    for model in
        ["gpt-5-codex", "gpt-5.2-pro", "o3-deep-research", "o1-pro", "gpt-7-codex", "computer-use-preview"]
    {
        assert!(only(&Quirks::OWN, "openai", model), "{model}");
    }
    for model in ["gpt-5", "gpt-4.1", "o3", "gpt-4o-mini", "gpt-5.1-chat-latest"] {
        assert!(!only(&Quirks::OWN, "openai", model), "{model}");
    }
    assert!(!only(&Quirks::NONE, "openrouter", "somebody/new-codex"));
}
