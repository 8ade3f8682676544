//! What a client asks for, read from the method, the path and a few headers.

use http::Method;
use pingora::http::RequestHeader;

use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::refusal::{Kind, Refusal};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A completion.
    Chat {
        /// What the client speaks.
        dialect: Dialect,
        /// What the path itself says: the model, and whether and how to stream (Gemini).
        path: Option<InPath>,
    },
    /// Vectors.
    Embed(EmbedForm),
    /// The number of tokens of a prompt.
    Count {
        /// What the client speaks.
        dialect: Dialect,
        /// The model in the path (Gemini).
        model: Option<String>,
    },
    /// The list of models.
    Models(Dialect),
    /// One model.
    Model(Dialect, String),
    /// Whether the gateway is alive.
    Health,
}

/// What Gemini's path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPath {
    /// The model.
    pub model: String,
    /// How to stream, if at all.
    pub stream: Option<Framing>,
}

/// The forms in which vectors are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbedForm {
    /// OpenAI's `/v1/embeddings`.
    Openai,
    /// Gemini's `:embedContent`, for this model.
    GeminiOne(String),
    /// Gemini's `:batchEmbedContents`, for this model.
    GeminiBatch(String),
}

impl Asked {
    /// The name of the operation in records and metrics.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "chat",
            Self::Embed(_) => "embeddings",
            Self::Count { .. } => "count_tokens",
            Self::Models(_) | Self::Model(..) => "models",
            Self::Health => "health",
        }
    }

    /// What the client speaks, and wants its errors in.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Chat { dialect, .. }
            | Self::Count { dialect, .. }
            | Self::Models(dialect)
            | Self::Model(dialect, _) => *dialect,
            Self::Embed(EmbedForm::Openai) | Self::Health => Dialect::OpenaiChat,
            Self::Embed(EmbedForm::GeminiOne(_) | EmbedForm::GeminiBatch(_)) => Dialect::GeminiGenerate,
        }
    }

    /// Whether anyone may ask.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::Health)
    }
}

/// A request that asks for nothing we have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecognised {
    /// The dialect in which to say so.
    pub dialect: Dialect,
    /// What to say: 404 for an unknown path, 405 for a wrong method.
    pub refusal: Refusal,
    /// The method that would have been right.
    pub allow: Option<&'static str>,
}

/// Recognises a request.
///
/// # Errors
/// When the path or the method is unknown.
pub fn recognise(head: &RequestHeader) -> Result<Asked, Unrecognised> {
    let path = head.uri.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let anthropic = || head.headers.contains_key("anthropic-version");
    let google =
        || head.headers.contains_key("x-goog-api-key") || head.headers.contains_key("x-goog-api-client");
    // People set base addresses with a vendor's name in them; it says nothing that the rest of
    // the path does not.
    let path = ["/openai", "/anthropic", "/gemini"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')))
        .unwrap_or(path);
    let asked = match path {
        "/v1/chat/completions" | "/chat/completions" => {
            Asked::Chat { dialect: Dialect::OpenaiChat, path: None }
        }
        "/v1/messages" | "/messages" => Asked::Chat { dialect: Dialect::AnthropicMessages, path: None },
        "/v1/messages/count_tokens" | "/messages/count_tokens" => {
            Asked::Count { dialect: Dialect::AnthropicMessages, model: None }
        }
        "/v1/embeddings" | "/embeddings" => Asked::Embed(EmbedForm::Openai),
        "/v1/models" | "/models" if anthropic() => Asked::Models(Dialect::AnthropicMessages),
        // Google's SDK asks for lists below /v1 too.
        "/v1/models" if google() => Asked::Models(Dialect::GeminiGenerate),
        "/v1/models" | "/models" => Asked::Models(Dialect::OpenaiChat),
        "/v1beta/models" => Asked::Models(Dialect::GeminiGenerate),
        "/health" | "/" | "/v1/health" | "" => Asked::Health,
        _ => model_path(path, head.uri.query().unwrap_or(""), anthropic(), google()).ok_or_else(|| {
            Unrecognised {
                dialect: error_dialect(path, anthropic()),
                refusal: unknown_path(head),
                allow: None,
            }
        })?,
    };
    let expected = match asked {
        Asked::Models(_) | Asked::Model(..) | Asked::Health => "GET",
        Asked::Chat { .. } | Asked::Embed(_) | Asked::Count { .. } => "POST",
    };
    if head.method != expected && !(expected == "GET" && head.method == Method::HEAD) {
        let message = format!("{path} takes {expected}, not {}", head.method);
        let refusal = Refusal { status: 405, ..Refusal::new(Kind::InvalidRequest, message) };
        return Err(Unrecognised { dialect: asked.dialect(), refusal, allow: Some(expected) });
    }
    Ok(asked)
}

fn model_path(path: &str, query: &str, anthropic: bool, google: bool) -> Option<Asked> {
    let (beta, rest) = match path.strip_prefix("/v1beta/") {
        Some(rest) => (true, rest),
        None => (false, path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/v1alpha/"))?),
    };
    let name = match rest.strip_prefix("models/") {
        Some(name) => name.to_owned(),
        None if rest.starts_with("tunedModels/") => rest.to_owned(),
        None => return None,
    };
    let (model, verb) = name.rsplit_once(':').map_or((name.as_str(), ""), |(model, verb)| (model, verb));
    let plain = decode(model);
    Some(match verb {
        "generateContent" => chat(plain, None),
        "streamGenerateContent" => {
            let sse = query.split('&').any(|pair| pair == "alt=sse");
            chat(plain, Some(if sse { Framing::Sse } else { Framing::JsonArray }))
        }
        "countTokens" => Asked::Count { dialect: Dialect::GeminiGenerate, model: Some(plain) },
        "embedContent" => Asked::Embed(EmbedForm::GeminiOne(plain)),
        "batchEmbedContents" => Asked::Embed(EmbedForm::GeminiBatch(plain)),
        _ if beta || google => Asked::Model(Dialect::GeminiGenerate, decode(&name)),
        _ if anthropic => Asked::Model(Dialect::AnthropicMessages, decode(&name)),
        _ => Asked::Model(Dialect::OpenaiChat, decode(&name)),
    })
}

const fn chat(model: String, stream: Option<Framing>) -> Asked {
    Asked::Chat { dialect: Dialect::GeminiGenerate, path: Some(InPath { model, stream }) }
}

fn error_dialect(path: &str, anthropic: bool) -> Dialect {
    if anthropic || path.starts_with("/v1/messages") {
        Dialect::AnthropicMessages
    } else if path.starts_with("/v1beta") {
        Dialect::GeminiGenerate
    } else {
        Dialect::OpenaiChat
    }
}

fn unknown_path(head: &RequestHeader) -> Refusal {
    let path: String = head.uri.path().chars().take(128).collect();
    Refusal::new(Kind::NotFound, format!("there is nothing at {} {path}", head.method))
        .with_code("unknown_url")
}

/// Undoes percent-encoding; what is no encoding stays.
#[must_use]
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The credential that a client shows, wherever its SDK puts it.
#[must_use]
pub fn credential(head: &RequestHeader) -> Option<Vec<u8>> {
    let header = |name: &str| head.headers.get(name).map(http::HeaderValue::as_bytes);
    let bearer = head.headers.get(http::header::AUTHORIZATION).and_then(|value| {
        let value = value.as_bytes();
        let (scheme, token) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
    });
    bearer
        .or_else(|| header("x-api-key"))
        .or_else(|| header("api-key"))
        .or_else(|| header("x-goog-api-key"))
        .filter(|key| !key.is_empty())
        .map(<[u8]>::to_vec)
        .or_else(|| {
            let query = head.uri.query()?;
            let key = query.split('&').find_map(|pair| pair.strip_prefix("key="))?;
            Some(decode(key).into_bytes())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, path: &str) -> RequestHeader {
        RequestHeader::build(method, path.as_bytes(), None).unwrap()
    }

    #[test]
    fn a_gemini_path_names_model_and_framing() {
        let asked =
            recognise(&head("POST", "/v1beta/models/openrouter%2Fx/y:streamGenerateContent?alt=sse&key=k"));
        let path = Some(InPath { model: "openrouter/x/y".into(), stream: Some(Framing::Sse) });
        assert_eq!(asked.unwrap(), Asked::Chat { dialect: Dialect::GeminiGenerate, path });
    }

    #[test]
    fn a_model_may_hold_colons_and_slashes() {
        assert_eq!(
            recognise(&head("GET", "/v1/models/ollama/llama3.2:1b")).unwrap(),
            Asked::Model(Dialect::OpenaiChat, "ollama/llama3.2:1b".into())
        );
    }

    #[test]
    fn unknown_paths_and_methods_are_refused_in_the_likely_dialect() {
        let unknown = recognise(&head("POST", "/v1beta/nothing")).unwrap_err();
        assert_eq!((unknown.dialect, unknown.refusal.status), (Dialect::GeminiGenerate, 404));
        let unknown = recognise(&head("GET", "/v1/messages")).unwrap_err();
        assert_eq!((unknown.dialect, unknown.refusal.status), (Dialect::AnthropicMessages, 405));
        assert_eq!(unknown.allow, Some("POST"));
    }

    #[test]
    fn credentials_are_found_wherever_an_sdk_puts_them() {
        for (name, value) in [
            ("authorization", "Bearer k-1"),
            ("authorization", "bearer k-1"),
            ("x-api-key", "k-1"),
            ("api-key", "k-1"),
            ("x-goog-api-key", "k-1"),
        ] {
            let mut head = head("GET", "/v1/models");
            head.insert_header(name.to_owned(), value).unwrap();
            assert_eq!(credential(&head).as_deref(), Some(&b"k-1"[..]), "{name}");
        }
        assert_eq!(credential(&head("GET", "/v1beta/models?alt=x&key=k%2D1")).as_deref(), Some(&b"k-1"[..]));
        assert_eq!(credential(&head("GET", "/v1/models")), None);
    }
}
