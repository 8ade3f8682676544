//! What a client asks for (`recognise` reads it).

use crate::dialect::live::Opening;
use crate::dialect::{Framing, Kept, Live, Ranks, Relayed, Vectors};
use crate::ir::Dialect;
use crate::proxy::keeping::asked::Shelved;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A completion.
    Chat {
        /// What the client speaks.
        dialect: Dialect,
        /// What the path itself says: the model, and whether and how to stream (Gemini, Bedrock).
        path: Option<InPath>,
    },
    /// Vectors.
    Embed {
        /// The form in which they are asked for.
        form: Vectors,
        /// The model in the path (Gemini).
        model: Option<String>,
    },
    /// An order of documents; the form of what several vendors have at one path is told by its body.
    Rerank(Option<Ranks>),
    /// What is relayed.
    Relay(Relayed),
    /// The number of tokens of a prompt.
    Count {
        /// What the client speaks.
        dialect: Dialect,
        /// The model in the path (Gemini, Bedrock).
        model: Option<String>,
    },
    /// What Ollama's clients ask of the machine that they take us for.
    Machine(Machine),
    /// The list of models.
    Models(Dialect),
    /// One model.
    Model(Dialect, String),
    /// Something about what is kept.
    Shelved(Shelved),
    /// A realtime session.
    Live(Live),
    /// What opens one elsewhere.
    Opening(Opening),
    /// Whatever a provider's own API has.
    Through(Box<Through>),
    /// Whether the gateway is alive.
    Health,
}

/// A request that goes through to a provider as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    /// The provider's name.
    pub provider: String,
    /// The path there, with its leading slash, as sent.
    pub place: String,
    /// What it would be, were it asked of the gateway.
    pub like: Option<Asked>,
    /// The dialect in which the gateway's own errors are said.
    pub dialect: Dialect,
    /// What is asked for at the gateway's own address and kept by one provider, which is found by
    /// its id.
    pub kept: Option<Kept>,
}

/// What Ollama's clients ask of a machine that runs models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// What it can say of one model.
    Show,
    /// Which models are in memory.
    Running,
    /// Its version.
    Version,
}

/// What a path says that names its model: Gemini's, Bedrock's, and Claude's at a cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPath {
    /// The model.
    pub model: String,
    /// How to stream, if at all.
    pub stream: Option<Framing>,
}

impl Asked {
    /// The name of the operation in records and metrics.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "chat",
            Self::Embed { .. } => "embeddings",
            Self::Rerank(_) => "rerank",
            Self::Relay(relayed) => relayed.name(),
            Self::Live(_) => "realtime",
            Self::Opening(opening) => opening.name(),
            Self::Count { .. } => "count_tokens",
            Self::Models(_) | Self::Model(..) | Self::Machine(_) => "models",
            Self::Shelved(kept) if kept.is_of_conversations() => "conversations",
            Self::Shelved(_) => "responses",
            Self::Through(through) => match through.kept {
                Some(kept) => kept.name(),
                None => "passthrough",
            },
            Self::Health => "health",
        }
    }

    /// What it would be, were it asked of the gateway.
    #[must_use]
    pub fn like(&self) -> &Self {
        let Self::Through(through) = self else { return self };
        through.like.as_ref().unwrap_or(self)
    }

    /// What the client speaks, and wants its errors in.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Chat { dialect, .. }
            | Self::Count { dialect, .. }
            | Self::Models(dialect)
            | Self::Model(dialect, _) => *dialect,
            Self::Embed { form, .. } => form.dialect(),
            Self::Live(live) => live.dialect(),
            Self::Through(through) => through.dialect,
            Self::Shelved(_) => Dialect::OpenaiResponses,
            Self::Machine(_) => Dialect::OllamaChat,
            Self::Rerank(_) | Self::Relay(_) | Self::Opening(_) | Self::Health => Dialect::OpenaiChat,
        }
    }

    /// The model that the path names, where the dialect puts it there.
    #[must_use]
    pub fn model_in_path(&self) -> Option<String> {
        match self {
            Self::Chat { path: Some(InPath { model, .. }), .. }
            | Self::Count { model: Some(model), .. }
            | Self::Embed { model: Some(model), .. } => Some(model.clone()),
            _ => None,
        }
    }

    /// Whether anyone may ask.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::Health)
    }
}
