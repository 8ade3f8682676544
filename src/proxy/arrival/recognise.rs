//! What a client asks for, read from the method, the path and a few headers.

use http::Method;
use pingora::http::RequestHeader;

use crate::dialect::live::Opening;
use crate::dialect::{Framing, Kept, Live, Ranks, Relayed, Vectors};
use crate::ir::Dialect;
use crate::proxy::arrival::address::{self, Address};
use crate::proxy::arrival::asked::{Asked, InPath, Machine, Through};
use crate::proxy::keeping::asked::Shelved;
use crate::refusal::{Kind, Refusal};
use crate::wire::percent;

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
    if let Some(place) = path.strip_prefix("/p/") {
        return through(head, place);
    }
    recognise_at(path, head)
}

/// Recognises what goes through: whatever it is, it is the provider's to judge.
fn through(head: &RequestHeader, place: &str) -> Result<Asked, Unrecognised> {
    let (provider, rest) = place.split_once('/').unwrap_or((place, ""));
    let (provider, place) = (percent::decode_text(provider).into_owned(), format!("/{rest}"));
    let like = recognise_at(&place, head).ok();
    let dialect = match &like {
        Some(Asked::Health) | None => by_headers(head).unwrap_or(Dialect::OpenaiChat),
        Some(like) => like.dialect(),
    };
    // What a server echoes for TRACE would hold the provider's credential.
    if head.method == Method::TRACE || head.method == Method::CONNECT {
        let message = format!("{} does not go through", head.method);
        let refusal = Refusal { status: 405, ..Refusal::new(Kind::InvalidRequest, message) };
        return Err(Unrecognised { dialect, refusal, allow: Some("GET, HEAD, POST, PUT, PATCH, DELETE") });
    }
    Ok(Asked::Through(Box::new(Through { provider, place, like, dialect, kept: None })))
}

/// Recognises what is asked for at a path of the gateway's own.
fn recognise_at(path: &str, head: &RequestHeader) -> Result<Asked, Unrecognised> {
    let Address { place, spoken, .. } = Address::of(path);
    let machine = if spoken == Some(Dialect::OllamaChat) { of_machine(&place) } else { None };
    let asked = match machine {
        Some(asked) => asked,
        None => at_place(&place, spoken, head)?,
    };
    let expected = match asked {
        Asked::Through(_) | Asked::Shelved(_) => return Ok(asked),
        Asked::Models(_)
        | Asked::Model(..)
        | Asked::Live(_)
        | Asked::Machine(Machine::Running | Machine::Version)
        | Asked::Health => "GET",
        Asked::Chat { .. }
        | Asked::Embed { .. }
        | Asked::Rerank(_)
        | Asked::Relay(_)
        | Asked::Opening(_)
        | Asked::Count { .. }
        | Asked::Machine(Machine::Show) => "POST",
    };
    if head.method != expected && !(expected == "GET" && head.method == Method::HEAD) {
        return Err(wrong_method(head, asked.dialect(), expected));
    }
    Ok(asked)
}

/// What is had at a place; `spoken` is the dialect that the path told of.
fn at_place(place: &str, spoken: Option<Dialect>, head: &RequestHeader) -> Result<Asked, Unrecognised> {
    let dialect = || spoken.or_else(|| by_headers(head));
    Ok(match place {
        "chat/completions" => Asked::Chat { dialect: Dialect::OpenaiChat, path: None },
        "completions" => Asked::Chat { dialect: Dialect::OpenaiCompletions, path: None },
        "responses" => Asked::Chat { dialect: Dialect::OpenaiResponses, path: None },
        "responses/input_tokens" => Asked::Count { dialect: Dialect::OpenaiResponses, model: None },
        "v2/chat" => Asked::Chat { dialect: Dialect::CohereChat, path: None },
        "messages" => Asked::Chat { dialect: Dialect::AnthropicMessages, path: None },
        "messages/count_tokens" => Asked::Count { dialect: Dialect::AnthropicMessages, model: None },
        "embeddings" => Asked::Embed { form: Vectors::Openai, model: None },
        "embed" => Asked::Embed { form: Vectors::CohereV1, model: None },
        "v2/embed" => Asked::Embed { form: Vectors::CohereV2, model: None },
        "rerank" => Asked::Rerank(is_cohere(head).then_some(Ranks::CohereV1)),
        "v2/rerank" => Asked::Rerank(Some(Ranks::CohereV2)),
        "models" => Asked::Models(dialect().unwrap_or(Dialect::OpenaiChat)),
        // Some clients knock at their base address before they ask.
        "health" | "" => Asked::Health,
        place => {
            match Shelved::at(place, &head.method) {
                Some(Ok(kept)) => return Ok(Asked::Shelved(kept)),
                Some(Err(allow)) => return Err(wrong_method(head, Dialect::OpenaiResponses, allow)),
                None => {}
            }
            let relayed = Relayed::at(place).map(Asked::Relay);
            // Calls were made at first where sessions are had.
            let posted = head.method == Method::POST || Live::at(place).is_none();
            let opening = Opening::at(place).filter(|_| posted).map(Asked::Opening);
            let relayed = relayed.or(opening).or_else(|| Live::at(place).map(Asked::Live));
            let relayed = relayed.or_else(|| of_bedrock(place)).or_else(|| kept(place, dialect()));
            relayed.or_else(|| of_model(place, head, dialect())).ok_or_else(|| Unrecognised {
                dialect: dialect().unwrap_or_else(|| by_place(place)),
                refusal: unknown_path(head, place),
                allow: None,
            })?
        }
    })
}

fn wrong_method(head: &RequestHeader, dialect: Dialect, expected: &'static str) -> Unrecognised {
    let message = format!("{} takes {expected}, not {}", head.uri.path(), head.method);
    let refusal = Refusal { status: 405, ..Refusal::new(Kind::InvalidRequest, message) };
    Unrecognised { dialect, refusal, allow: Some(expected) }
}

/// What a provider keeps, which goes through to whoever that is.
fn kept(place: &str, spoken: Option<Dialect>) -> Option<Asked> {
    let (kept, dialect) = Kept::at(place, spoken)?;
    let place = format!("/v1/{place}");
    let through = Through { provider: String::new(), place, like: None, dialect, kept: Some(kept) };
    Some(Asked::Through(Box::new(through)))
}

/// Whether Cohere's own SDK asks.
fn is_cohere(head: &RequestHeader) -> bool {
    let name = head.headers.get("x-fern-sdk-name").and_then(|name| name.to_str().ok());
    name.is_some_and(|name| name.contains("cohere"))
}

/// What a client speaks by the headers that its SDK always sends; lists of models have one path
/// in several dialects.
fn by_headers(head: &RequestHeader) -> Option<Dialect> {
    let has = |name: &str| head.headers.contains_key(name);
    if has("anthropic-version") {
        Some(Dialect::AnthropicMessages)
    } else if has("x-goog-api-key") || has("x-goog-api-client") {
        Some(Dialect::GeminiGenerate)
    } else if is_cohere(head) {
        Some(Dialect::CohereChat)
    } else {
        None
    }
}

fn by_place(place: &str) -> Dialect {
    match place.split('/').next() {
        Some("model" | "foundation-models" | "inference-profiles" | "guardrail") => Dialect::BedrockConverse,
        Some("messages" | "complete") => Dialect::AnthropicMessages,
        Some("responses" | "conversations") => Dialect::OpenaiResponses,
        Some("interactions" | "cachedContents" | "ws") => Dialect::GeminiGenerate,
        _ if place.contains(':') => Dialect::GeminiGenerate,
        _ => Dialect::OpenaiChat,
    }
}

/// What is asked of a model in Bedrock's way; its name may hold slashes (an ARN).
fn of_bedrock(place: &str) -> Option<Asked> {
    let (model, operation) = place.strip_prefix("model/")?.rsplit_once('/')?;
    let model = model.to_owned();
    let dialect = Dialect::BedrockConverse;
    match operation {
        _ if model.is_empty() => None,
        "converse" => Some(Asked::Chat { dialect, path: Some(InPath { model, stream: None }) }),
        "converse-stream" => {
            let stream = Some(Framing::AwsEvents);
            Some(Asked::Chat { dialect, path: Some(InPath { model, stream }) })
        }
        "count-tokens" => Some(Asked::Count { dialect, model: Some(model) }),
        // In its maker's own form, of which Claude's is known.
        "invoke" => Some(claude(model, None)),
        "invoke-with-response-stream" => Some(claude(model, Some(Framing::AwsEvents))),
        _ => None,
    }
}

fn of_model(place: &str, head: &RequestHeader, dialect: Option<Dialect>) -> Option<Asked> {
    let name = match place.strip_prefix("models/") {
        Some(name) => name,
        None if place.starts_with("tunedModels/") || place.starts_with("endpoints/") => place,
        None => return None,
    };
    let (model, verb) = name.rsplit_once(':').unwrap_or((name, ""));
    let plain = model.to_owned();
    Some(match verb {
        "generateContent" => chat(plain, None),
        "streamGenerateContent" => {
            let query = head.uri.query().unwrap_or("");
            let sse = query.split('&').any(|pair| pair == "alt=sse");
            chat(plain, Some(if sse { Framing::Sse } else { Framing::JsonArray }))
        }
        "countTokens" => Asked::Count { dialect: Dialect::GeminiGenerate, model: Some(plain) },
        // Claude on Vertex, whose body is Anthropic's but for the model.
        "rawPredict" if model == "count-tokens" => {
            Asked::Count { dialect: Dialect::AnthropicMessages, model: None }
        }
        "rawPredict" => claude(plain, None),
        "streamRawPredict" => claude(plain, Some(Framing::Sse)),
        "embedContent" => Asked::Embed { form: Vectors::GeminiOne, model: Some(plain) },
        "predict" => Asked::Embed { form: Vectors::VertexPredict, model: Some(plain) },
        "batchEmbedContents" => Asked::Embed { form: Vectors::GeminiBatch, model: Some(plain) },
        // Names hold colons too, but nothing is posted to them.
        _ if !verb.is_empty() && head.method == Method::POST => return None,
        _ => Asked::Model(dialect.unwrap_or(Dialect::OpenaiChat), name.to_owned()),
    })
}

/// What stands at Ollama's own addresses, which lie below `/api/`.
fn of_machine(place: &str) -> Option<Asked> {
    use crate::dialect::ollama::embed::Form;
    Some(match place {
        "chat" => Asked::Chat { dialect: Dialect::OllamaChat, path: None },
        "generate" => Asked::Chat { dialect: Dialect::OllamaGenerate, path: None },
        "embed" => Asked::Embed { form: Vectors::Ollama(Form::Embed), model: None },
        "embeddings" => Asked::Embed { form: Vectors::Ollama(Form::Embeddings), model: None },
        "tags" => Asked::Models(Dialect::OllamaChat),
        "show" => Asked::Machine(Machine::Show),
        "ps" => Asked::Machine(Machine::Running),
        "version" => Asked::Machine(Machine::Version),
        _ => return None,
    })
}

const fn chat(model: String, stream: Option<Framing>) -> Asked {
    Asked::Chat { dialect: Dialect::GeminiGenerate, path: Some(InPath { model, stream }) }
}

const fn claude(model: String, stream: Option<Framing>) -> Asked {
    Asked::Chat { dialect: Dialect::AnthropicMessages, path: Some(InPath { model, stream }) }
}

fn unknown_path(head: &RequestHeader, place: &str) -> Refusal {
    let path: String = head.uri.path().chars().take(128).collect();
    let mut message = format!("there is nothing at {} {path}", head.method);
    if let Some(instead) = address::instead(place) {
        message.extend(["; ", instead]);
    }
    Refusal::new(Kind::NotFound, message).with_code("unknown_url")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::arrival::address::deployment;

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
    fn a_base_address_may_be_written_in_many_ways() {
        let chat = || Asked::Chat { dialect: Dialect::OpenaiChat, path: None };
        let text = || Asked::Chat { dialect: Dialect::OpenaiCompletions, path: None };
        let responses = || Asked::Chat { dialect: Dialect::OpenaiResponses, path: None };
        let generate = || super::chat("m".to_owned(), None);
        for (path, asked) in [
            ("/chat/completions", chat()),
            ("//v1/chat/completions", chat()),
            ("/v1/v1/chat/completions", chat()),
            ("/openai/v1/chat/completions?api-version=preview", chat()),
            ("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", chat()),
            ("/v1beta/openai/chat/completions", chat()),
            ("/v1/completions", text()),
            ("/api/chat", Asked::Chat { dialect: Dialect::OllamaChat, path: None }),
            ("/ollama/api/generate", Asked::Chat { dialect: Dialect::OllamaGenerate, path: None }),
            ("/api/chat/completions", chat()),
            ("/api/v1/chat/completions", chat()),
            ("/v2/chat", Asked::Chat { dialect: Dialect::CohereChat, path: None }),
            ("/api/show", Asked::Machine(Machine::Show)),
            ("/openai/deployments/davinci-002/completions?api-version=2024-10-21", text()),
            ("/beta/completions", text()),
            ("/v1/v1/messages?beta=true", Asked::Chat { dialect: Dialect::AnthropicMessages, path: None }),
            ("/openai/v1/responses", responses()),
            ("/openai/responses?api-version=2025-04-01-preview", responses()),
            ("/v1/models/m:generateContent", generate()),
            ("/models/m:generateContent", generate()),
            ("/v1/v1beta/models/m%3AgenerateContent", generate()),
            ("/v1beta1/publishers/google/models/m:generateContent", generate()),
        ] {
            assert_eq!(recognise(&head("POST", path)).unwrap(), asked, "{path}");
        }
        for (path, dialect) in [
            ("/v1/models", Dialect::OpenaiChat),
            ("/v1beta/models?pageSize=2", Dialect::GeminiGenerate),
            ("/v1beta/openai/models", Dialect::OpenaiChat),
            ("/api/tags", Dialect::OllamaChat),
            ("/api/v1/models", Dialect::OpenaiChat),
            ("/api/models", Dialect::OpenaiChat),
            ("/anthropic/v1/models", Dialect::AnthropicMessages),
        ] {
            assert_eq!(recognise(&head("GET", path)).unwrap(), Asked::Models(dialect), "{path}");
        }
        for (path, live) in [
            ("/v1/realtime?model=m", Live::Openai),
            ("/openai/realtime?api-version=2025-04-01-preview&deployment=m", Live::Openai),
            ("/openai/v1/realtime?model=m", Live::Openai),
            ("/v1/realtime/translations?model=m", Live::Openai),
            (
                "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k",
                Live::Gemini,
            ),
        ] {
            assert_eq!(recognise(&head("GET", path)).unwrap(), Asked::Live(live), "{path}");
        }
        for (path, place) in [
            ("/v1/realtime?model=m", "realtime"),
            ("/v1/realtime/client_secrets", "realtime/client_secrets"),
            ("/openai/v1/realtime/calls", "realtime/calls"),
        ] {
            let opening = Opening::at(place).map(Asked::Opening);
            assert_eq!(recognise(&head("POST", path)).ok(), opening, "{path}");
        }
        assert_eq!(recognise(&head("GET", "/v1/realtime/calls")).unwrap_err().allow, Some("POST"));
        for path in ["/", "/v1", "/v1/", "/health"] {
            assert_eq!(recognise(&head("HEAD", path)).unwrap(), Asked::Health, "{path}");
        }
        assert_eq!(deployment("/openai/deployments/a%20b/embeddings").as_deref(), Some("a b"));
        assert_eq!(deployment("/v1/embeddings"), None);
    }

    #[test]
    fn bedrocks_path_names_a_model_or_its_address() {
        let asked = |path: &str| recognise(&head("POST", path)).unwrap();
        let chat = |model: &str, stream| Asked::Chat {
            dialect: Dialect::BedrockConverse,
            path: Some(InPath { model: model.to_owned(), stream }),
        };
        let sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        assert_eq!(
            asked("/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"),
            chat(sonnet, None)
        );
        assert_eq!(
            asked("/bedrock/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse-stream"),
            chat(sonnet, Some(Framing::AwsEvents))
        );
        let profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0";
        let encoded = profile.replace(':', "%3A").replace('/', "%2F");
        assert_eq!(asked(&format!("/model/{encoded}/converse")), chat(profile, None));
        assert_eq!(
            asked("/model/amazon.nova-lite-v1%3A0/count-tokens"),
            Asked::Count {
                dialect: Dialect::BedrockConverse,
                model: Some("amazon.nova-lite-v1:0".to_owned())
            }
        );
        let claude = |model: &str, stream| Asked::Chat {
            dialect: Dialect::AnthropicMessages,
            path: Some(InPath { model: model.to_owned(), stream }),
        };
        assert_eq!(asked("/model/anthropic.claude-x-v1%3A0/invoke"), claude("anthropic.claude-x-v1:0", None));
        assert_eq!(asked("/model/m/invoke-with-response-stream"), claude("m", Some(Framing::AwsEvents)));
        let unknown = recognise(&head("POST", "/model/m/predict")).unwrap_err();
        assert_eq!((unknown.dialect, unknown.refusal.status), (Dialect::BedrockConverse, 404));
    }

    #[test]
    fn another_api_is_told_what_to_use_instead() {
        for (path, dialect, instead) in [
            ("/v1beta/interactions", Dialect::GeminiGenerate, ":generateContent"),
            ("/v1beta/batches", Dialect::GeminiGenerate, "each request by itself"),
            ("/v1beta/models/m:embedText", Dialect::GeminiGenerate, ":generateContent"),
            ("/v1/chat/completions/chat/completions", Dialect::OpenaiChat, "POST /v1/chat/completions"),
        ] {
            let unknown = recognise(&head("POST", path)).unwrap_err();
            assert_eq!((unknown.dialect, unknown.refusal.status), (dialect, 404), "{path}");
            assert!(unknown.refusal.message.contains(instead), "{path}: {}", unknown.refusal.message);
        }
    }

    #[test]
    fn unknown_paths_and_methods_are_refused_in_the_likely_dialect() {
        let unknown = recognise(&head("POST", "/v1beta/nothing")).unwrap_err();
        assert_eq!((unknown.dialect, unknown.refusal.status), (Dialect::GeminiGenerate, 404));
        let unknown = recognise(&head("GET", "/v1/messages")).unwrap_err();
        assert_eq!((unknown.dialect, unknown.refusal.status), (Dialect::AnthropicMessages, 405));
        assert_eq!(unknown.allow, Some("POST"));
    }
}
