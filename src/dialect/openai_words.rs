//! Words that OpenAI's dialects share, and what they mean in the hub.

use crate::ir::{Effort, ServiceTier};

/// The tier of a word.
pub(in crate::dialect) fn service_tier(word: &str) -> ServiceTier {
    match word {
        "auto" => ServiceTier::Auto,
        // Groq's word for it.
        "default" | "on_demand" => ServiceTier::Standard,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        "batch" => ServiceTier::Batch,
        other => ServiceTier::Other(other.to_owned()),
    }
}

/// The word for a tier.
pub(in crate::dialect) fn tier_word(tier: &ServiceTier) -> &str {
    match tier {
        ServiceTier::Auto => "auto",
        ServiceTier::Standard => "default",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
        ServiceTier::Batch => "batch",
        ServiceTier::Other(word) => word,
    }
}

/// The effort that a thinking budget amounts to.
pub(in crate::dialect) fn effort_of_budget(budget: u64) -> Effort {
    match budget {
        0 => Effort::None,
        1..1024 => Effort::Minimal,
        1024..2048 => Effort::Low,
        2048..4096 => Effort::Medium,
        _ => Effort::High,
    }
}

/// JSON arguments, `{}` where there are none.
pub(in crate::dialect) fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}
