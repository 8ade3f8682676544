//! The forms in which vectors are asked for and given: what each endpoint of embeddings speaks.
//!
//! A form is more than a dialect, since vendors that share one for chat part ways here, and some
//! serve nothing but vectors. Each is one file with the same few functions; this is their list.

use super::gemini_generate::embed as gemini;
use super::{Head, Malformed, Seed, codec, openai_embeddings as openai};
use crate::ir::embed::{EmbedReply, EmbedRequest, Encoding};
use crate::ir::{Dialect, Losses, Usage};

/// A form of asking for vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vectors {
    /// OpenAI's `/embeddings`.
    Openai,
    /// Gemini's `:embedContent`, for one text.
    GeminiOne,
    /// Gemini's `:batchEmbedContents`.
    GeminiBatch,
}

impl Vectors {
    /// The dialect whose addresses, credentials and errors the form shares.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Openai => Dialect::OpenaiChat,
            Self::GeminiOne | Self::GeminiBatch => Dialect::GeminiGenerate,
        }
    }

    /// Reads a client's request.
    ///
    /// # Errors
    /// Names the first field that is not as the form prescribes.
    pub fn parse_request(self, head: &Head<'_>, body: &[u8]) -> Result<EmbedRequest, Malformed> {
        match self {
            Self::Openai => openai::parse_request(body),
            Self::GeminiOne => gemini::parse_request(head, body),
            Self::GeminiBatch => gemini::parse_batch_request(head, body),
        }
    }

    /// Says a request to a target that knows itself as `model`.
    ///
    /// # Errors
    /// When the target takes fewer inputs at once than the request has.
    pub fn render_request(
        self,
        request: &EmbedRequest,
        model: &str,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Malformed> {
        match self {
            Self::Openai => Ok(openai::render_request(request, model, losses)),
            Self::GeminiOne | Self::GeminiBatch => {
                gemini::fits_batch(request)?;
                Ok(gemini::render_batch_request(request, model, losses))
            }
        }
    }

    /// Reads a provider's answer.
    ///
    /// # Errors
    /// When the body holds no vectors.
    pub fn parse_reply(self, body: &[u8]) -> Result<EmbedReply, Malformed> {
        match self {
            Self::Openai => openai::parse_reply(body),
            Self::GeminiOne | Self::GeminiBatch => gemini::parse_batch_reply(body),
        }
    }

    /// Reads the usage out of an answer, or the end of one, without reading the vectors.
    #[must_use]
    pub fn find_usage(self, body: &[u8]) -> Option<Usage> {
        match self {
            Self::Openai => openai::find_usage(body),
            Self::GeminiOne | Self::GeminiBatch => codec(Dialect::GeminiGenerate).find_usage(body),
        }
    }

    /// Says the vectors to a client, in the spelling that it asked for.
    #[must_use]
    pub fn render_reply(self, reply: &EmbedReply, encoding: Encoding, seed: &Seed) -> Vec<u8> {
        match self {
            Self::Openai => openai::render_reply(reply, &seed.model, encoding),
            Self::GeminiOne => gemini::render_reply(reply),
            Self::GeminiBatch => gemini::render_batch_reply(reply),
        }
    }
}
