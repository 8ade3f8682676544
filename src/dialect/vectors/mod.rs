//! The forms in which vectors are asked for and given: what each endpoint of embeddings speaks.
//!
//! A form is more than a dialect, since vendors that share one for chat part ways here, and some
//! serve nothing but vectors. Each is one file with the same few functions; this is their list.

pub mod task;

mod bedrock;
mod cohere;
mod vertex;
mod watsonx;

#[cfg(test)]
mod tests;

use super::gemini_generate::embed as gemini;
use super::ollama::embed as ollama;
use super::openai_embeddings::{self as openai, Spelling};
use super::{Head, Malformed, Seed, codec};
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest};
use crate::ir::{Dialect, Losses, Usage};

pub(in crate::dialect) use bedrock::nameless;
pub(in crate::dialect) use watsonx::find_usage as watsonx_usage;

/// A form of asking for vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vectors {
    /// OpenAI's `/embeddings`.
    Openai,
    /// The same with Mistral's words for some members.
    Mistral,
    /// The same with Voyage's.
    Voyage,
    /// The same with Jina's.
    Jina,
    /// The same with NVIDIA's.
    Nvidia,
    /// Gemini's `:embedContent`, for one text.
    GeminiOne,
    /// Gemini's `:batchEmbedContents`.
    GeminiBatch,
    /// Vertex's `:predict`.
    VertexPredict,
    /// Cohere's `/v1/embed`.
    CohereV1,
    /// Cohere's `/v2/embed`.
    CohereV2,
    /// watsonx'.
    Watsonx,
    /// Titan's on Bedrock, for one text.
    BedrockTitan,
    /// Cohere's on Bedrock.
    BedrockCohere,
    /// Ollama's own, newer or older.
    Ollama(ollama::Form),
}

/// Refuses token numbers, which only the provider whose vocabulary they are from understands: a vector
/// of nothing would look like an answer.
fn in_words(request: &EmbedRequest) -> Result<(), Malformed> {
    if request.inputs.iter().all(|input| matches!(input, EmbedInput::Text(_))) {
        return Ok(());
    }
    Err(Malformed::new("input", "this model's provider embeds texts, not tokens"))
}

/// Refuses a request with more inputs than a provider takes at once.
fn fits(request: &EmbedRequest, most: usize) -> Result<(), Malformed> {
    let count = request.inputs.len();
    if count <= most {
        return Ok(());
    }
    let message =
        format!("the model's provider embeds at most {most} inputs in one request, this one has {count}");
    Err(Malformed::new("input", message))
}

impl Vectors {
    /// The form of a model of Bedrock's; `None` for one that gives no vectors.
    #[must_use]
    pub fn on_bedrock(model: &str) -> Option<Self> {
        if model.contains("titan-embed") {
            Some(Self::BedrockTitan)
        } else {
            model.contains("cohere.embed").then_some(Self::BedrockCohere)
        }
    }

    /// The dialect whose addresses, credentials and errors the form shares.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Openai
            | Self::Mistral
            | Self::Voyage
            | Self::Jina
            | Self::Nvidia
            | Self::Watsonx
            | Self::CohereV1
            | Self::CohereV2 => Dialect::OpenaiChat,
            Self::GeminiOne | Self::GeminiBatch | Self::VertexPredict => Dialect::GeminiGenerate,
            Self::BedrockTitan | Self::BedrockCohere => Dialect::BedrockConverse,
            Self::Ollama(_) => Dialect::OllamaChat,
        }
    }

    /// Where it lies, with a version of its own; `None` for what lies where its dialect has it.
    #[must_use]
    pub const fn own_place(self) -> Option<&'static str> {
        match self {
            Self::CohereV1 => Some("/v1/embed"),
            Self::CohereV2 => Some("/v2/embed"),
            Self::Watsonx => Some("/text/embeddings"),
            Self::Openai
            | Self::Mistral
            | Self::Voyage
            | Self::Jina
            | Self::Nvidia
            | Self::GeminiOne
            | Self::GeminiBatch
            | Self::VertexPredict
            | Self::BedrockTitan
            | Self::BedrockCohere
            | Self::Ollama(_) => None,
        }
    }

    /// Reads a client's request.
    ///
    /// # Errors
    /// Names the first field that is not as the form prescribes.
    pub fn parse_request(self, head: &Head<'_>, body: &[u8]) -> Result<EmbedRequest, Malformed> {
        match self {
            Self::Openai | Self::Mistral | Self::Voyage | Self::Jina | Self::Nvidia | Self::Watsonx => {
                openai::parse_request(body)
            }
            Self::CohereV1 | Self::CohereV2 | Self::BedrockTitan | Self::BedrockCohere => {
                cohere::parse_request(body)
            }
            Self::GeminiOne => gemini::parse_request(head, body),
            Self::GeminiBatch => gemini::parse_batch_request(head, body),
            Self::VertexPredict => vertex::parse_request(head, body),
            Self::Ollama(form) => ollama::parse_request(form, body),
        }
    }

    /// Says a request to a target that knows itself as `model`.
    ///
    /// # Errors
    /// When the target takes fewer inputs at once than the request has, or words alone.
    pub fn render_request(
        self,
        request: &EmbedRequest,
        model: &str,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Malformed> {
        let mut spelt = |spelling: &Spelling| {
            fits(request, spelling.most_inputs)?;
            Ok(openai::render_request(request, model, spelling, losses))
        };
        // Where a form has none, their own provider cannot be meant.
        match self {
            Self::Openai | Self::Mistral | Self::Voyage | Self::Jina | Self::Nvidia => {}
            Self::CohereV1
            | Self::CohereV2
            | Self::GeminiOne
            | Self::GeminiBatch
            | Self::VertexPredict
            | Self::Watsonx
            | Self::BedrockTitan
            | Self::BedrockCohere
            | Self::Ollama(_) => in_words(request)?,
        }
        match self {
            Self::Openai => spelt(&openai::OPENAI),
            Self::Mistral => spelt(&openai::MISTRAL),
            Self::Voyage => spelt(&openai::VOYAGE),
            Self::Jina => spelt(&openai::JINA),
            Self::Nvidia => spelt(&openai::NVIDIA),
            Self::CohereV1 | Self::CohereV2 => {
                cohere::fits(request)?;
                Ok(cohere::render_request(request, model, losses))
            }
            Self::GeminiOne | Self::GeminiBatch => {
                gemini::fits_batch(request)?;
                Ok(gemini::render_batch_request(request, model, losses))
            }
            Self::VertexPredict => vertex::render_request(request, model, losses),
            Self::BedrockTitan => {
                fits(request, 1)?;
                Ok(bedrock::render_titan(request, losses))
            }
            Self::BedrockCohere => {
                cohere::fits(request)?;
                Ok(bedrock::render_cohere(request, losses))
            }
            Self::Watsonx => {
                fits(request, watsonx::MOST_INPUTS)?;
                Ok(watsonx::render_request(request, model, losses))
            }
            Self::Ollama(_) => Ok(ollama::render_request(request, model, losses)),
        }
    }

    /// Reads a provider's answer.
    ///
    /// # Errors
    /// When the body holds no vectors.
    pub fn parse_reply(self, body: &[u8]) -> Result<EmbedReply, Malformed> {
        match self {
            Self::Openai | Self::Mistral | Self::Voyage | Self::Jina | Self::Nvidia => {
                openai::parse_reply(body)
            }
            Self::CohereV1 | Self::CohereV2 | Self::BedrockCohere => cohere::parse_reply(body),
            Self::BedrockTitan => bedrock::parse_titan(body),
            Self::GeminiOne | Self::GeminiBatch => gemini::parse_batch_reply(body),
            Self::VertexPredict => vertex::parse_reply(body),
            Self::Watsonx => watsonx::parse_reply(body),
            Self::Ollama(_) => ollama::parse_reply(body),
        }
    }

    /// Reads the usage out of an answer, or the end of one, without reading the vectors.
    #[must_use]
    pub fn find_usage(self, body: &[u8]) -> Option<Usage> {
        match self {
            Self::Openai | Self::Mistral | Self::Voyage | Self::Jina | Self::Nvidia => {
                openai::find_usage(body)
            }
            Self::CohereV1 | Self::CohereV2 | Self::BedrockCohere => cohere::find_usage(body),
            Self::BedrockTitan => bedrock::titan_usage(body),
            Self::GeminiOne | Self::GeminiBatch => codec(Dialect::GeminiGenerate).find_usage(body),
            Self::VertexPredict => vertex::find_usage(body),
            Self::Watsonx => watsonx::find_usage(body),
            Self::Ollama(_) => codec(Dialect::OllamaChat).find_usage(body),
        }
    }

    /// Says the vectors to a client, in the spelling that it asked for.
    #[must_use]
    pub fn render_reply(self, reply: &EmbedReply, asked: &EmbedRequest, seed: &Seed) -> Vec<u8> {
        match self {
            Self::Openai | Self::Mistral | Self::Voyage | Self::Jina | Self::Nvidia | Self::Watsonx => {
                openai::render_reply(reply, &seed.model, asked.encoding)
            }
            Self::GeminiOne => gemini::render_reply(reply),
            Self::GeminiBatch => gemini::render_batch_reply(reply),
            Self::VertexPredict => vertex::render_reply(reply),
            Self::Ollama(form) => ollama::render_reply(form, reply, &seed.model),
            Self::CohereV1 => cohere::render_reply("1", reply, asked, seed),
            Self::CohereV2 | Self::BedrockTitan | Self::BedrockCohere => {
                cohere::render_reply("2", reply, asked, seed)
            }
        }
    }
}
