//! What an embedding model is asked and answers.

use super::extras::Extras;
use super::usage::Usage;

/// A request for embeddings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbedRequest {
    /// The model as the client named it.
    pub model: String,
    /// What to embed.
    pub inputs: Vec<EmbedInput>,
    /// Whether the client gave one input outside a list.
    pub single: bool,
    /// The length of the vectors.
    pub dimensions: Option<u64>,
    /// What the vectors are for, in Gemini's words (`RETRIEVAL_QUERY` …).
    pub task: Option<String>,
    /// A document's title, where the dialect has one.
    pub title: Option<String>,
    /// How the client wants the numbers.
    pub encoding: Encoding,
    /// The end user.
    pub user: Option<String>,
    /// Members that the codec did not know.
    pub extras: Extras,
}

/// One thing to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbedInput {
    /// Words.
    Text(String),
    /// Token numbers of the model's own vocabulary.
    Tokens(Vec<u64>),
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A JSON array of numbers.
    #[default]
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// The vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbedReply {
    /// The model that the provider says answered.
    pub model: Option<String>,
    /// One vector an input, in order.
    pub vectors: Vec<Vec<f32>>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// Members that the codec did not know.
    pub extras: Extras,
}
