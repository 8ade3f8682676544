//! What a path says once everything is taken off that only tells whose address it was made for.
//!
//! People write base addresses with and without a version, with a vendor's name, with a slash too
//! many, or with the prefixes of Azure, of Vertex and of Gemini's OpenAI-compatible form. What is
//! asked for stands behind all that.

use std::borrow::Cow;

use crate::ir::Dialect;
use crate::wire::percent;

/// A path in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// What is asked for, such as `chat/completions` or `models/gemini-2.5-flash:countTokens`,
    /// without escapes.
    pub place: Cow<'a, str>,
    /// The dialect that the prefix speaks of, if it does.
    pub spoken: Option<Dialect>,
    /// The model that an Azure deployment names.
    pub deployment: Option<Cow<'a, str>>,
}

impl<'a> Address<'a> {
    /// Takes a path apart.
    #[must_use]
    pub fn of(path: &'a str) -> Self {
        let place = match plain(path) {
            Cow::Borrowed(path) => path,
            Cow::Owned(path) => return Address::cut(&path).into_owned(),
        };
        Self::cut(place)
    }

    fn cut(path: &'a str) -> Self {
        let mut rest = path.trim_matches('/');
        let mut spoken = None;
        let mut deployment = None;
        loop {
            let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
            let dialect = match part {
                "v1beta" | "v1alpha" | "v1beta1" | "v1beta2" | "v1beta3" | "gemini" => {
                    Some(Dialect::GeminiGenerate)
                }
                "openai" => Some(Dialect::OpenaiChat),
                "anthropic" => Some(Dialect::AnthropicMessages),
                "bedrock" | "bedrock-runtime" => Some(Dialect::BedrockConverse),
                // Ollama's own; any other address below it is somebody's way to write a base.
                "ollama" | "api" => Some(Dialect::OllamaChat),
                "v1" if spoken == Some(Dialect::OllamaChat) => None,
                // DeepSeek has an address for what is not settled yet.
                "v1" | "beta" => spoken,
                "deployments" | "publishers" | "projects" | "locations" | "endpoints" => {
                    let Some((name, after)) = after.split_once('/') else { break };
                    match part {
                        "deployments" => (spoken, deployment) = (Some(Dialect::OpenaiChat), Some(name)),
                        "publishers" if name == "google" => spoken = Some(Dialect::GeminiGenerate),
                        "publishers" if name == "anthropic" => spoken = Some(Dialect::AnthropicMessages),
                        "endpoints" if name == "openapi" => spoken = Some(Dialect::OpenaiChat),
                        // A tuned model's own endpoint is its name.
                        "endpoints" => break,
                        _ => {}
                    }
                    rest = after;
                    continue;
                }
                _ => break,
            };
            spoken = dialect;
            rest = after;
        }
        // Whatever else lies below `/api` is nobody's in particular.
        let spoken = spoken.filter(|dialect| *dialect != Dialect::OllamaChat || is_machines(rest));
        Self { place: rest.into(), spoken, deployment: deployment.map(Cow::Borrowed) }
    }

    fn into_owned(self) -> Address<'static> {
        Address {
            place: self.place.into_owned().into(),
            spoken: self.spoken,
            deployment: self.deployment.map(|name| name.into_owned().into()),
        }
    }
}

/// Whether Ollama has something at a place below its `/api`.
fn is_machines(place: &str) -> bool {
    const PLACES: [&str; 15] = [
        "chat",
        "generate",
        "embed",
        "embeddings",
        "tags",
        "show",
        "ps",
        "version",
        "pull",
        "push",
        "create",
        "copy",
        "delete",
        "blobs",
        "me",
    ];
    place.split('/').next().is_some_and(|first| PLACES.contains(&first)) && !place.starts_with("chat/")
}

/// The path without escapes and without empty parts.
fn plain(path: &str) -> Cow<'_, str> {
    if path.contains("//") || path.contains('%') {
        let decoded = percent::decode_text(path);
        let parts: Vec<_> = decoded.split('/').filter(|part| !part.is_empty()).collect();
        return parts.join("/").into();
    }
    path.into()
}

/// The model that Azure's form of a path names, `/openai/deployments/{name}/chat/completions`; it
/// wins over the body's.
#[must_use]
pub fn deployment(path: &str) -> Option<String> {
    if !path.contains("deployments") {
        return None;
    }
    Address::of(path).deployment.filter(|name| !name.is_empty()).map(Cow::into_owned)
}

/// What to say of a place where nothing is: what this would be, and what to use instead.
#[must_use]
pub fn instead(place: &str) -> Option<&'static str> {
    let says = |end: &str| place.ends_with(end);
    let first = place.split('/').next().unwrap_or(place);
    Some(match first {
        "responses" | "conversations" => {
            "responses are made, read, counted, compacted, cancelled and deleted here, and nothing more; \
             a conversation goes on with POST /v1/responses"
        }
        "pull" | "push" | "create" | "copy" | "delete" | "blobs" => {
            "no models are kept here, so none can be fetched, made or deleted; GET /api/tags lists what can be asked"
        }
        "edits" => "edits are not served; use POST /v1/chat/completions",
        "complete" => "the Text Completions API is not served; use POST /v1/messages",
        "interactions" => {
            "the Interactions API is not served; use POST /v1beta/models/{model}:generateContent"
        }
        "assistants" | "threads" => "the Assistants API is not served; use POST /v1/chat/completions",
        "batches" | "batch" => {
            "no batch has this address; use POST /v1/batches or POST /v1/messages/batches, or send \
             each request by itself"
        }
        "files" | "uploads" | "upload" => {
            "no file has this address; use POST /v1/files, a provider's own addresses below \
             /p/{provider}/, or put it into the request itself, as base64 or by its address"
        }
        "cachedContents" => "no cached contents are kept; send the whole prompt with each request",
        "models" if place.contains(':') => {
            "a model takes :generateContent, :streamGenerateContent, :countTokens, :embedContent and \
             :batchEmbedContents"
        }
        "model" => {
            "a model takes /converse, /converse-stream, /count-tokens, /invoke and /invoke-with-response-stream"
        }
        "foundation-models" | "inference-profiles" => "did you mean GET /v1/models?",
        _ if says("chat/completions") => "did you mean POST /v1/chat/completions?",
        _ if says("messages") => "did you mean POST /v1/messages?",
        _ if says("embeddings") => "did you mean POST /v1/embeddings?",
        _ if says("Content") => "did you mean POST /v1beta/models/{model}:generateContent?",
        _ if says("models") => "did you mean GET /v1/models?",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tells_whose_address_it_was_is_taken_off() {
        let (openai, gemini) = (Some(Dialect::OpenaiChat), Some(Dialect::GeminiGenerate));
        for (path, place, spoken, deployment) in [
            ("/v1/chat/completions", "chat/completions", None, None),
            ("//v1//chat/completions/", "chat/completions", None, None),
            ("/v1/v1/messages", "messages", None, None),
            ("/api/v1/models", "models", None, None),
            ("/v1beta/openai/chat/completions", "chat/completions", openai, None),
            ("/openai/deployments/my%2Dgpt/embeddings", "embeddings", openai, Some("my-gpt")),
            ("/v1beta/models/a%2Fb%3Ax:countTokens", "models/a/b:x:countTokens", gemini, None),
            ("/v1beta1/projects/p/locations/l/publishers/google/models/m:x", "models/m:x", gemini, None),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
                "models/m:rawPredict",
                Some(Dialect::AnthropicMessages),
                None,
            ),
            (
                "/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
                "chat/completions",
                openai,
                None,
            ),
            (
                "/v1/projects/p/locations/l/endpoints/1:generateContent",
                "endpoints/1:generateContent",
                None,
                None,
            ),
            ("/v1/models/v1/x", "models/v1/x", None, None),
            ("/v1/deployments", "deployments", None, None),
            ("/", "", None, None),
        ] {
            let address = Address::of(path);
            assert_eq!((&*address.place, address.spoken), (place, spoken), "{path}");
            assert_eq!(address.deployment.as_deref(), deployment, "{path}");
        }
    }

    #[test]
    fn another_api_is_told_what_to_use_instead() {
        for (place, name) in [
            ("responses/r/forget", "POST /v1/responses"),
            ("files/f/share", "POST /v1/files"),
            ("interactions", ":generateContent"),
            ("batches", "each request by itself"),
            ("models/m:embedText", ":generateContent"),
            ("team/chat/completions", "POST /v1/chat/completions"),
        ] {
            assert!(instead(place).is_some_and(|said| said.contains(name)), "{place}");
        }
        assert_eq!(instead("favicon.ico"), None);
    }
}
