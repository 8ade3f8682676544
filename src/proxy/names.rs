//! The names of the headers that the gateway writes, parsed once.

use http::HeaderName;

/// The request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The same as Anthropic's clients look for it.
pub const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The same as AWS's clients look for it.
pub const AWS_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// By what name AWS's clients know an error.
pub const AWS_ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// What the gateway itself added, and the upstream.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Who answered.
pub const PROVIDER: HeaderName = HeaderName::from_static("x-tollgate-provider");
/// The model as the provider knows it.
pub const MODEL: HeaderName = HeaderName::from_static("x-tollgate-model");
/// What part the cache had.
pub const CACHE: HeaderName = HeaderName::from_static("x-tollgate-cache");
/// What guards found.
pub const GUARDS: HeaderName = HeaderName::from_static("x-tollgate-guards");
/// What could not be carried.
pub const LOSSES: HeaderName = HeaderName::from_static("x-tollgate-losses");

/// Whether a provider's header tells of its own house or its connection and not of the answer.
#[must_use]
pub fn is_private(name: &str) -> bool {
    matches!(
        name,
        "set-cookie"
            | "server"
            | "via"
            | "alt-svc"
            | "cf-ray"
            | "cf-cache-status"
            | "strict-transport-security"
            | "openai-organization"
            | "openai-project"
            | "anthropic-organization-id"
            | "x-request-id"
            | "server-timing"
            | "access-control-allow-origin"
            | "access-control-expose-headers"
            | "location"
            | "content-location"
            | "refresh"
            | "link"
            | "www-authenticate"
    ) || is_of_the_connection(name)
}

/// Whether a provider's header tells of the connection to it.
#[must_use]
pub fn is_of_the_connection(name: &str) -> bool {
    matches!(
        name,
        "proxy-authenticate"
            | "upgrade"
            | "keep-alive"
            | "proxy-connection"
            | "connection"
            | "te"
            | "trailer"
    )
}
