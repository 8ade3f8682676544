//! Where each operation lies: the host to reach and the path to ask for.

mod clouds;
pub mod live;
#[cfg(test)]
mod tests;

use crate::dialect::Relayed;
use crate::ir::Dialect;

pub use clouds::{DEPLOYED, invoked, watsonx_place};
pub use live::{Protocol, Wanted};

use super::vendors::{Platform, Vendor};
use crate::catalog::House;

/// The part of an address that all operations share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Base {
    /// Whether to speak TLS.
    pub tls: bool,
    /// The host's name or number, IPv6 without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What stands before every path, without a slash at its end; "" for nothing.
    pub path: String,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBase {
    /// It begins with neither `http://` nor `https://`.
    #[error("expected an address that begins with https:// or http://")]
    Scheme,
    /// It holds `user:password@`.
    #[error("expected an address without a user or password; keys belong in their own setting")]
    User,
    /// There is no host, or it holds characters that no host has.
    #[error("expected a host name after https:// or http://")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("expected a port from 1 to 65535")]
    Port,
    /// It holds a place such as `{resource}` that must be filled in first.
    #[error("expected an address without braces; put your own name in their place")]
    Placeholder,
    /// The path goes upwards, or holds spaces, a query or a fragment.
    #[error("expected a plain path without .., spaces, ? or #")]
    Path,
}

impl Base {
    /// Reads an address such as `https://api.openai.com/v1`.
    ///
    /// # Errors
    /// Says what was expected; never holds the address, which might hold a secret.
    pub fn parse(text: &str) -> Result<Self, BadBase> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(BadBase::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(BadBase::Scheme),
        };
        if rest.contains(['{', '}']) {
            return Err(BadBase::Placeholder);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(BadBase::Host)?;
        if authority.contains('@') {
            return Err(BadBase::User);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => default_port(tls),
            Some(digits) => digits.parse().ok().filter(|port| *port > 0).ok_or(BadBase::Port)?,
        };
        let path = path.trim_end_matches('/');
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'));
        if !plain || path.split('/').any(|part| part == "." || part == "..") {
            return Err(BadBase::Path);
        }
        Ok(Self { tls, host, port, path: path.to_owned() })
    }

    /// Whether what is asked here stays in a region, which some models cost more for: a location of
    /// Vertex, or OpenAI's own addresses for Europe and the United States.
    #[must_use]
    pub fn keeps_to_region(&self) -> bool {
        let location = self.path.split("/locations/").nth(1).and_then(|rest| rest.split('/').next());
        location.is_some_and(|location| location != "global")
            || matches!(self.host.as_str(), "eu.api.openai.com" | "us.api.openai.com")
    }

    /// The value of the `host` header: with the port only where it is not the usual one.
    #[must_use]
    pub fn authority(&self) -> String {
        let v6 = self.host.contains(':');
        let host = if v6 { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }
}

/// The address as it would be written down.
impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), BadBase> {
    if let Some(v6) = authority.strip_prefix('[') {
        let (host, rest) = v6.split_once(']').ok_or(BadBase::Host)?;
        let known = host.parse::<std::net::Ipv6Addr>().is_ok();
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(BadBase::Host)?) };
        return if known { Ok((host.to_ascii_lowercase(), port)) } else { Err(BadBase::Host) };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.is_empty() || !host.bytes().all(fine) {
        return Err(BadBase::Host);
    }
    Ok((host.to_ascii_lowercase(), port))
}

/// What is asked of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A whole reply.
    Generate,
    /// A streamed reply.
    Stream,
    /// One vector, or in OpenAI's dialect any number.
    Embed,
    /// Many vectors at once (Gemini; elsewhere the same as [`Operation::Embed`]).
    EmbedBatch,
    /// What is relayed.
    Relayed(Relayed),
    /// The number of tokens of a prompt.
    CountTokens,
    /// The list of models.
    Models,
}

/// The path and query of an operation; `None` where the dialect does not have it, or the model's
/// name cannot stand in a path.
///
/// `api_version` is the user's own; without it [`Vendor::api_version`] stands.
#[must_use]
pub fn path_for(
    vendor: &Vendor,
    base: &Base,
    dialect: Dialect,
    operation: Operation,
    model: &str,
    api_version: Option<&str>,
) -> Option<String> {
    match (vendor.platform, dialect) {
        (Platform::Vertex, dialect) => return clouds::vertex(base, dialect, operation, model),
        (Platform::Bedrock, Dialect::AnthropicMessages) => return clouds::invoke(base, operation, model),
        (Platform::SageMaker, _) => return clouds::endpoint(base, operation, model),
        (Platform::Replicate, _) => return clouds::predicted(base, operation, model),
        (Platform::Triton, _) => return clouds::generated(base, operation, model),
        (Platform::Watsonx, _) => {
            return clouds::watsonx(base, operation, model, api_version.or(vendor.api_version));
        }
        (Platform::Bedrock | Platform::None, _) => {}
    }
    match dialect {
        Dialect::OpenaiChat => openai(vendor, vendor.chat_path, base, operation, model, api_version),
        Dialect::OpenaiResponses => responses(vendor, base, operation, model, api_version),
        Dialect::CohereChat => cohere(base, operation),
        Dialect::OllamaChat => ollama(base, "/api/chat", operation),
        Dialect::OllamaGenerate => ollama(base, "/api/generate", operation),
        Dialect::OpenaiCompletions => openai(vendor, "/completions", base, operation, model, api_version),
        Dialect::AnthropicMessages => anthropic(base, operation),
        Dialect::GeminiGenerate => gemini(base, operation, model),
        Dialect::BedrockConverse if matches!(operation, Operation::Embed | Operation::EmbedBatch) => {
            (vendor.platform == Platform::Bedrock).then(|| invoked(base, model)).flatten()
        }
        Dialect::BedrockConverse => bedrock(base, operation, model),
    }
}

fn openai(
    vendor: &Vendor,
    said_at: &str,
    base: &Base,
    operation: Operation,
    model: &str,
    api_version: Option<&str>,
) -> Option<String> {
    let place = match operation {
        Operation::Relayed(Relayed::Compaction) => {
            return responses(vendor, base, operation, model, api_version);
        }
        Operation::Generate | Operation::Stream => said_at,
        Operation::Embed | Operation::EmbedBatch => "/embeddings",
        Operation::Models => "/models",
        Operation::Relayed(relayed) => relayed.place(),
        Operation::CountTokens => return None,
    };
    // Azure's newer addresses end so, and take neither deployment nor version.
    let version = if base.path.ends_with("/openai/v1") { None } else { api_version.or(vendor.api_version) };
    let mut path = if vendor.deployments && version.is_some() {
        deployment(&base.path, operation, model)?
    } else {
        base.path.clone()
    };
    match place.split_once("{model}") {
        Some((before, after)) => {
            path.extend([before, &segment(model, Slash::Kept)?, after]);
        }
        None => path.push_str(place),
    }
    if let Some(version) = version {
        path.push_str("?api-version=");
        path.push_str(&segment(version, Slash::Encoded)?);
    }
    Some(path)
}

fn responses(
    vendor: &Vendor,
    base: &Base,
    operation: Operation,
    model: &str,
    api_version: Option<&str>,
) -> Option<String> {
    let speaks = vendor.speaks.iter().any(|(dialect, _)| *dialect == Dialect::OpenaiResponses);
    let own = speaks && vendor.quirks.house == House::Own;
    let place = match operation {
        Operation::Generate | Operation::Stream => "/responses",
        // Who imitates the API mostly leaves these out.
        Operation::CountTokens if own => "/responses/input_tokens",
        Operation::Relayed(Relayed::Compaction) if own => "/responses/compact",
        Operation::Relayed(Relayed::Compaction)
        | Operation::CountTokens
        | Operation::Embed
        | Operation::EmbedBatch => return None,
        Operation::Models | Operation::Relayed(_) => {
            return openai(vendor, vendor.chat_path, base, operation, model, api_version);
        }
    };
    // Azure serves it at its newer addresses, which take neither deployment nor version.
    if vendor.deployments && !base.path.ends_with("/openai/v1") {
        let resource = base.path.split("/openai").next().unwrap_or_default();
        return Some(format!("{resource}/openai/v1{place}"));
    }
    Some(format!("{}{place}", base.path))
}

/// The path of a place that begins with a version of its own, at a base that may end in another.
#[must_use]
pub fn versioned(base: &Base, place: &str) -> String {
    const VERSIONS: [&str; 3] = ["/compatibility/v1", "/v1", "/v2"];
    let prefix = VERSIONS.iter().find_map(|version| base.path.strip_suffix(version));
    format!("{}{place}", prefix.unwrap_or(&base.path))
}

/// Where an Azure deployment lies. A base may already name it; else it is called like the model.
fn deployment(base: &str, operation: Operation, model: &str) -> Option<String> {
    let (resource, named) = match base.split_once("/openai/deployments/") {
        Some((resource, rest)) => (resource, rest.split('/').next()),
        None => (base.strip_suffix("/openai").unwrap_or(base), None),
    };
    if operation == Operation::Models {
        return Some(format!("{resource}/openai"));
    }
    let name = match named {
        Some(name) => name.to_owned(),
        None => segment(model, Slash::Encoded)?,
    };
    Some(format!("{resource}/openai/deployments/{name}"))
}

fn anthropic(base: &Base, operation: Operation) -> Option<String> {
    let place = match operation {
        Operation::Generate | Operation::Stream => "/v1/messages",
        Operation::CountTokens => "/v1/messages/count_tokens",
        Operation::Models => "/v1/models",
        Operation::Embed | Operation::EmbedBatch | Operation::Relayed(_) => return None,
    };
    // Some people write the version into the address, some do not.
    let prefix = base.path.strip_suffix("/v1").unwrap_or(&base.path);
    Some(format!("{prefix}{place}"))
}

/// Cohere's own addresses lie beside the one at which it imitates OpenAI.
fn cohere(base: &Base, operation: Operation) -> Option<String> {
    let place = match operation {
        Operation::Generate | Operation::Stream => "/v2/chat",
        Operation::Models => "/v1/models?page_size=1000",
        Operation::Embed | Operation::EmbedBatch | Operation::CountTokens | Operation::Relayed(_) => {
            return None;
        }
    };
    let path = &base.path;
    let known = ["/compatibility/v1", "/v1", "/v2"];
    let prefix = known.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    Some(format!("{prefix}{place}"))
}

/// Ollama's own addresses lie beside those of the dialects that it imitates.
fn ollama(base: &Base, said_at: &str, operation: Operation) -> Option<String> {
    let place = match operation {
        Operation::Generate | Operation::Stream => said_at,
        Operation::Models => "/api/tags",
        Operation::Embed | Operation::EmbedBatch => "/api/embed",
        Operation::CountTokens | Operation::Relayed(_) => return None,
    };
    let path = &base.path;
    let prefix = path.strip_suffix("/v1").or_else(|| path.strip_suffix("/api")).unwrap_or(path);
    Some(format!("{prefix}{place}"))
}

fn gemini(base: &Base, operation: Operation, model: &str) -> Option<String> {
    let verb = match operation {
        Operation::Models => return Some(format!("{}/models", gemini_prefix(base))),
        Operation::Generate => "generateContent",
        Operation::Stream => "streamGenerateContent?alt=sse",
        Operation::Embed => "embedContent",
        Operation::EmbedBatch => "batchEmbedContents",
        Operation::CountTokens => "countTokens",
        Operation::Relayed(_) => return None,
    };
    // Tuned models bring a collection of their own: `tunedModels/…`.
    let name = model.strip_prefix("models/").unwrap_or(model);
    let collection = if name.starts_with("tunedModels/") { "" } else { "models/" };
    Some(format!("{}/{collection}{}:{verb}", gemini_prefix(base), segment(name, Slash::Kept)?))
}

fn bedrock(base: &Base, operation: Operation, model: &str) -> Option<String> {
    let verb = match operation {
        Operation::Generate => "converse",
        Operation::Stream => "converse-stream",
        Operation::CountTokens => "count-tokens",
        // Models are listed at another host.
        Operation::Embed | Operation::EmbedBatch | Operation::Models | Operation::Relayed(_) => return None,
    };
    // Tokens are counted by models themselves, not by the profiles that lead to them.
    let model = if operation == Operation::CountTokens { regionless(model) } else { model };
    Some(format!("{}/model/{}/{verb}", base.path, segment(model, Slash::Encoded)?))
}

/// The name of a model without the region of its inference profile.
fn regionless(model: &str) -> &str {
    let region = model.split('.').next().unwrap_or_default();
    let known = matches!(region, "us" | "eu" | "apac" | "global" | "jp" | "au" | "ca" | "us-gov");
    if known { model.get(region.len() + 1..).unwrap_or(model) } else { model }
}

/// A base without a version gets the usual one.
fn gemini_prefix(base: &Base) -> String {
    if base.path.is_empty() { "/v1beta".to_owned() } else { base.path.clone() }
}

/// What becomes of a slash inside a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Encoded,
}

/// A name made safe to stand in a path; `None` for one with empty parts or parts that lead
/// upwards, which no model has and some servers would follow even when encoded.
fn segment(name: &str, slash: Slash) -> Option<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().map_or('0', char::from);
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    let mut out = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        match byte {
            b'/' if slash == Slash::Kept => out.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                out.push(char::from(byte));
            }
            other => out.extend(['%', hex(other >> 4), hex(other & 15)]),
        }
    }
    Some(out)
}
