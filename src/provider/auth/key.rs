//! How a vendor is told who asks.

use crate::ir::Dialect;
use crate::units::Secret;

/// The version of Anthropic's API that Tollgate speaks.
pub const ANTHROPIC_VERSION: &str = "2023-06-01";
/// The beta that Anthropic's subscription tokens need.
pub const ANTHROPIC_OAUTH_BETA: &str = "oauth-2025-04-20";
/// How such a token begins.
const ANTHROPIC_OAUTH_TOKEN: &str = "sk-ant-oat";

/// How a vendor takes its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone in a header of this lower-case name.
    Header(&'static str),
    /// `Authorization: PREFIX KEY`.
    Prefixed(&'static str),
    /// Anthropic's `x-api-key`, or Bearer for its subscription tokens.
    Anthropic,
    /// Google's `x-goog-api-key`.
    Google,
    /// The same, or a token that Google's cloud lends.
    GoogleCloud,
    /// Azure's `api-key`, or a token that Entra lends.
    Azure,
    /// A token that IBM lends for the key, which is shown to nobody else.
    Ibm,
    /// The same of Sber's.
    Sber,
    /// The same of GitHub's, for Copilot.
    Copilot,
    /// A key as Bearer, or a token that Databricks lends to a client with a secret.
    Databricks,
    /// A signature that names the service, or a key: in the header of this name, or else Bearer.
    Aws {
        /// The service's name in signatures.
        service: &'static str,
        /// The header that takes a key, where that is not Bearer.
        header: Option<&'static str>,
    },
    /// A key as Bearer, or a signature of Oracle's.
    Oracle,
    /// No key at all.
    None,
}

impl Auth {
    /// The headers, with lower-case names, that a request in `dialect` needs.
    ///
    /// An empty secret gives no credential, only what the dialect itself demands. What a
    /// renderer adds to `anthropic-beta` must be joined to the value given here with a comma.
    #[must_use]
    pub fn headers(self, dialect: Dialect, secret: &Secret) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(3);
        if dialect == Dialect::AnthropicMessages {
            headers.push(("anthropic-version", ANTHROPIC_VERSION.to_owned()));
        }
        if secret.is_empty() {
            return headers;
        }
        let key = secret.expose();
        let bearer = || ("authorization", format!("Bearer {key}"));
        match self {
            Self::None | Self::Ibm | Self::Sber | Self::Copilot => {}
            Self::Bearer | Self::Databricks | Self::Oracle | Self::Aws { header: None, .. } => {
                headers.push(bearer());
            }
            Self::Azure => headers.push(("api-key", key.to_owned())),
            Self::Header(name) | Self::Aws { header: Some(name), .. } => headers.push((name, key.to_owned())),
            Self::Prefixed(prefix) => headers.push(("authorization", format!("{prefix} {key}"))),
            Self::Google | Self::GoogleCloud => headers.push(("x-goog-api-key", key.to_owned())),
            Self::Anthropic if key.starts_with(ANTHROPIC_OAUTH_TOKEN) => {
                headers.push(bearer());
                headers.push(("anthropic-beta", ANTHROPIC_OAUTH_BETA.to_owned()));
            }
            Self::Anthropic => headers.push(("x-api-key", key.to_owned())),
        }
        headers
    }

    /// Whether a cloud lends credentials to who has no key.
    #[must_use]
    pub const fn is_lent(self) -> bool {
        matches!(self, Self::GoogleCloud | Self::Azure | Self::Databricks | Self::Oracle | Self::Aws { .. })
    }

    /// Whether a token is lent for the key, which is not sent itself.
    #[must_use]
    pub const fn is_exchanged(self) -> bool {
        matches!(self, Self::Ibm | Self::Sber | Self::Copilot)
    }

    /// The headers in which a client's own credentials could reach the vendor, and which are
    /// therefore never passed on.
    pub const NEVER_FORWARDED: [&'static str; 9] = [
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "xi-api-key",
        "api-subscription-key",
        "x-amz-security-token",
        "cookie",
        "proxy-authorization",
    ];
}
