//! The vendors' error bodies, word for word where a client might look at the words.
//!
//! Shapes as documented by OpenAI (platform.openai.com/docs/guides/error-codes), Anthropic
//! (docs.claude.com/en/api/errors), Google (ai.google.dev/gemini-api/docs/troubleshooting) and Amazon
//! (docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).

use super::World;
use super::dialect::Dialect;
use super::play::{Act, Body, Fault, Pace, Say};
use super::say::quote;
use super::say::script::Script;

/// A request refused, before it is put in a vendor's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
    /// OpenAI's `type` or Amazon's exception, where it is not the usual one of the status.
    pub(super) kind: Option<&'static str>,
    /// OpenAI's `param`.
    pub(super) param: Option<Box<str>>,
    /// OpenAI's `code`.
    pub(super) code: Option<&'static str>,
    /// Google's `details`, as JSON values joined by commas; Anthropic's, as members.
    pub(super) details: String,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    /// A 400 with only a message.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into(), ..Self::default() }
    }

    /// The same, naming the parameter at fault.
    pub(super) fn at(self, param: impl Into<Box<str>>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The same with OpenAI's code for it.
    pub(super) fn coded(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The body is not JSON.
    pub(super) fn not_json(dialect: Dialect, error: &serde_json::Error) -> Self {
        Self::bad(match dialect {
            Dialect::OpenAi | Dialect::Azure => format!(
                "We could not parse the JSON body of your request. (HINT: This likely means you \
                 aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, \
                 but what was sent was not valid JSON: {error})"
            ),
            Dialect::Anthropic => format!("The request body is not valid JSON: {error}"),
            Dialect::Gemini => format!("Invalid JSON payload received. {error}"),
            Dialect::Bedrock => {
                let refusal = Self::bad("The request body is not valid JSON");
                return Self { kind: Some("SerializationException"), ..refusal };
            }
            Dialect::Ollama => format!("invalid character in request body: {error}"),
            Dialect::Cohere => format!("invalid request: failed to decode the body: {error}"),
        })
    }

    /// No key was shown.
    pub(super) fn no_key(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenAi => Self::bad(
                "You didn't provide an API key. You need to provide your API key in an \
                 Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
            .with_status(401),
            Dialect::Azure | Dialect::Ollama => Self::wrong_key(dialect, ""),
            Dialect::Anthropic => Self::bad("x-api-key header is required").with_status(401),
            Dialect::Cohere => Self::bad("no api key supplied").with_status(401),
            Dialect::Gemini => Self::bad(
                "Method doesn't allow unregistered callers (callers without established \
                 identity). Please use API Key or other form of API consumer identity to call \
                 this API.",
            )
            .with_status(403),
            Dialect::Bedrock => Self {
                kind: Some("MissingAuthenticationTokenException"),
                ..Self::bad("Missing Authentication Token").with_status(403)
            },
        }
    }

    /// The key is not a good one.
    pub(super) fn wrong_key(dialect: Dialect, key: &str) -> Self {
        match dialect {
            Dialect::OpenAi => Self::bad(format!(
                "Incorrect API key provided: {key}. You can find your API key at \
                 https://platform.openai.com/account/api-keys."
            ))
            .coded("invalid_api_key")
            .with_status(401),
            Dialect::Azure => Self::bad(
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure \
                 to provide a valid key for an active subscription and use a correct regional API \
                 endpoint for your resource.",
            )
            .with_status(401),
            Dialect::Anthropic => Self::bad("invalid x-api-key").with_status(401),
            Dialect::Ollama => Self::bad("unauthorized").with_status(401),
            Dialect::Cohere => Self::bad("invalid api token").with_status(401),
            Dialect::Gemini => Self {
                details: r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}},{"@type":"type.googleapis.com/google.rpc.LocalizedMessage","locale":"en-US","message":"API key not valid. Please pass a valid API key."}"#.to_owned(),
                ..Self::bad("API key not valid. Please pass a valid API key.")
            },
            Dialect::Bedrock => Self {
                kind: Some("UnrecognizedClientException"),
                ..Self::bad("The security token included in the request is invalid.").with_status(403)
            },
        }
    }

    /// The prompt does not fit the model.
    pub(super) fn too_long(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenAi | Dialect::Azure => Self::bad(
                "This model's maximum context length is 128000 tokens. However, your messages \
                 resulted in 130042 tokens. Please reduce the length of the messages.",
            )
            .at("messages")
            .coded("context_length_exceeded"),
            Dialect::Anthropic => Self::bad("prompt is too long: 200042 tokens > 200000 maximum"),
            Dialect::Ollama => Self::bad("the input length exceeds the context length"),
            Dialect::Cohere => Self::bad(
                "too many tokens: size limit exceeded by 2042 tokens. Try using shorter or fewer \
                 inputs, or setting prompt_truncation='AUTO'. The limit for this model is 128000 tokens.",
            ),
            Dialect::Gemini => Self::bad(
                "The input token count (1048618) exceeds the maximum number of tokens allowed \
                 (1048576).",
            ),
            Dialect::Bedrock => {
                Self::bad("The model returned the following errors: Input is too long for requested model.")
            }
        }
    }

    /// The account is empty; waiting will not help.
    pub(super) fn no_money(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenAi | Dialect::Azure => Self {
                kind: Some("insufficient_quota"),
                ..Self::bad(
                    "You exceeded your current quota, please check your plan and billing details. \
                     For more information on this error, read the docs: \
                     https://platform.openai.com/docs/guides/error-codes/api-errors.",
                )
                .coded("insufficient_quota")
                .with_status(429)
            },
            Dialect::Anthropic => Self::bad(
                "Your credit balance is too low to access the Anthropic API. Please go to Plans & \
                 Billing to upgrade or purchase credits.",
            ),
            Dialect::Gemini => Self::canned(dialect, 429, "", None),
            Dialect::Bedrock => Self {
                kind: Some("ServiceQuotaExceededException"),
                ..Self::bad("Your account has reached its quota for this model.")
            },
            Dialect::Ollama => Self::bad("you've reached your usage limit, please upgrade").with_status(402),
            Dialect::Cohere => {
                Self::bad("Please add or update your payment method to continue").with_status(402)
            }
        }
    }

    /// What this vendor says with `status`.
    pub(super) fn canned(dialect: Dialect, status: u16, model: &str, retry_after: Option<u64>) -> Self {
        let refusal = match dialect {
            Dialect::OpenAi | Dialect::Azure => openai(status, model),
            Dialect::Anthropic => anthropic(status, model),
            Dialect::Gemini => gemini(status, model, retry_after),
            Dialect::Bedrock => bedrock(status),
            Dialect::Ollama => ollama(status, model),
            Dialect::Cohere => cohere(status, model),
        };
        // Google says it in RetryInfo instead, and Amazon does not say it.
        let patient = !matches!(dialect, Dialect::Gemini | Dialect::Bedrock);
        let patience = (status == 429 && patient).then_some(7);
        Self { retry_after: retry_after.or(patience), ..refusal.with_status(status) }
    }

    /// The body in this vendor's words.
    pub(super) fn body(&self, dialect: Dialect, request_id: &str) -> String {
        let message = quote(&self.message);
        match dialect {
            Dialect::Ollama => format!(r#"{{"error":{message}}}"#),
            Dialect::Cohere => {
                format!(r#"{{"id":"00000000-0000-4000-8000-000000000000","message":{message}}}"#)
            }
            Dialect::Azure if matches!(self.status, 401 | 404 | 429) && self.param.is_none() => {
                format!(r#"{{"error":{{"code":"{}","message":{message}}}}}"#, self.status)
            }
            Dialect::OpenAi | Dialect::Azure => {
                let kind = self.kind.unwrap_or(match self.status {
                    403 => "request_forbidden",
                    429 => "requests",
                    500.. => "server_error",
                    _ => "invalid_request_error",
                });
                let param = self.param.as_deref().map_or("null".to_owned(), quote);
                let code = self.code.map_or("null".to_owned(), quote);
                format!(
                    r#"{{"error":{{"message":{message},"type":"{kind}","param":{param},"code":{code}}}}}"#
                )
            }
            Dialect::Anthropic => {
                let kind = anthropic_kind(self.status);
                let details = match self.details.as_str() {
                    "" => String::new(),
                    details => format!(r#","details":{{{details}}}"#),
                };
                format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":{message}{details}}},"request_id":"{request_id}"}}"#
                )
            }
            Dialect::Gemini => {
                let (code, status) = (self.status, gemini_status(self.status));
                let details = match self.details.as_str() {
                    "" => String::new(),
                    details => format!(r#","details":[{details}]"#),
                };
                format!(r#"{{"error":{{"code":{code},"message":{message},"status":"{status}"{details}}}}}"#)
            }
            Dialect::Bedrock => format!(r#"{{"message":{message}}}"#),
        }
    }

    /// The answer that says so.
    pub(super) fn act(&self, dialect: Dialect, world: &World) -> Act {
        let mut headers = dialect.headers(world);
        if let Some(wait) = self.retry_after {
            headers = format!("{headers}retry-after: {wait}\r\n");
            if dialect == Dialect::OpenAi {
                let millis = wait.saturating_mul(1000);
                headers = format!("{headers}retry-after-ms: {millis}\r\n");
            }
        }
        if dialect == Dialect::Anthropic {
            let again = if matches!(self.status, 429 | 500..) { "true" } else { "false" };
            headers = format!("{headers}x-should-retry: {again}\r\n");
        }
        if dialect == Dialect::Bedrock {
            let kind = self.kind.unwrap_or(bedrock_kind(self.status));
            let from = "http://internal.amazon.com/coral/com.amazon.bedrock/";
            headers = format!("{headers}x-amzn-errortype: {kind}:{from}\r\n");
        }
        let id = headers.split_once("request-id: ").and_then(|(_, rest)| rest.split_once('\r'));
        let body = self.body(dialect, id.map_or("", |(id, _)| id));
        Act::Say(Box::new(Say {
            status: self.status,
            kind: "application/json",
            headers,
            body: Body::Whole(body.into_bytes()),
            pace: Pace::default(),
            fault: Fault::default(),
        }))
    }
}

fn openai(status: u16, model: &str) -> Refusal {
    match status {
        401 => Refusal::wrong_key(Dialect::OpenAi, "sk-mock"),
        403 => Refusal::bad("Country, region, or territory not supported")
            .coded("unsupported_country_region_territory"),
        404 => Refusal::bad(format!("The model `{model}` does not exist or you do not have access to it."))
            .coded("model_not_found"),
        429 => Refusal::bad(format!(
            "Rate limit reached for {model} in organization org-mock on requests per min (RPM): \
             Limit 500, Used 500, Requested 1. Please try again in 7s. Visit \
             https://platform.openai.com/account/rate-limits to learn more."
        ))
        .coded("rate_limit_exceeded"),
        503 => Refusal::bad("The engine is currently overloaded, please try again later"),
        500.. => Refusal::bad(
            "The server had an error while processing your request. Sorry about that! You can \
             retry your request, or contact us through our help center at help.openai.com if the \
             error persists.",
        ),
        _ => Refusal::bad("Your request was refused, because a directive asked for it."),
    }
}

fn anthropic(status: u16, model: &str) -> Refusal {
    Refusal::bad(match status {
        401 => "invalid x-api-key".to_owned(),
        403 => "Your API key does not have permission to use the specified resource.".to_owned(),
        404 => format!("model: {model}"),
        413 => "Request exceeds the maximum size".to_owned(),
        429 => "This request would exceed your organization's rate limit of 50 requests per \
                minute. For details, refer to: https://docs.claude.com/en/api/rate-limits."
            .to_owned(),
        529 => "Overloaded".to_owned(),
        500.. => "Internal server error".to_owned(),
        _ => "The request was refused, because a directive asked for it.".to_owned(),
    })
}

fn ollama(status: u16, model: &str) -> Refusal {
    Refusal::bad(match status {
        401 => "unauthorized".to_owned(),
        404 => format!("model '{model}' not found"),
        429 => "you've reached your hourly usage limit, please wait".to_owned(),
        503 => "server busy, please try again.  maximum pending requests exceeded".to_owned(),
        500.. => "llama runner process has terminated: exit status 2".to_owned(),
        _ => "the request was refused, because a directive asked for it".to_owned(),
    })
}

fn cohere(status: u16, model: &str) -> Refusal {
    Refusal::bad(match status {
        401 => "invalid api token".to_owned(),
        404 => format!("model '{model}' not found, make sure the correct model ID was used"),
        429 => "You are using a Trial key, which is limited to 20 API calls / minute. You can \
                continue to use the Trial key for free or upgrade to a Production key with higher rate \
                limits at 'https://dashboard.cohere.com/api-keys'."
            .to_owned(),
        503 => "the model is overloaded, please try again later".to_owned(),
        500.. => "internal server error, this has been reported to our developers.".to_owned(),
        _ => "invalid request: a directive asked for it".to_owned(),
    })
}

fn gemini(status: u16, model: &str, retry_after: Option<u64>) -> Refusal {
    match status {
        401 => Refusal::bad(
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
             cookie or other valid authentication credential.",
        ),
        403 => Refusal::bad("The caller does not have permission"),
        404 => Refusal::bad(format!(
            "models/{model} is not found for API version v1beta, or is not supported for \
             generateContent. Call ListModels to see the list of available models and their \
             supported methods."
        )),
        429 => Refusal {
            details: format!(
                r#"{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaMetric":"generativelanguage.googleapis.com/generate_content_paid_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel","quotaDimensions":{{"location":"global","model":{}}},"quotaValue":"10"}}]}},{{"@type":"type.googleapis.com/google.rpc.Help","links":[{{"description":"Learn more about Gemini API quotas","url":"https://ai.google.dev/gemini-api/docs/rate-limits"}}]}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{}s"}}"#,
                quote(model),
                retry_after.unwrap_or(7)
            ),
            ..Refusal::bad(
                "You exceeded your current quota, please check your plan and billing details. For \
                 more information on this error, head to: \
                 https://ai.google.dev/gemini-api/docs/rate-limits.",
            )
        },
        503 | 529 => Refusal::bad("The model is overloaded. Please try again later."),
        504 => Refusal::bad("The request timed out. Please try again."),
        500.. => Refusal::bad(
            "An internal error has occurred. Please retry or report in \
             https://developers.generativeai.google/guide/troubleshooting",
        ),
        _ => Refusal::bad("Request contains an invalid argument."),
    }
}

fn bedrock(status: u16) -> Refusal {
    Refusal::bad(match status {
        401 => "The security token included in the request is expired",
        403 => "You don't have access to the model with the specified model ID.",
        404 => "Could not resolve the foundation model from the provided model identifier.",
        408 => "Model has timed out in processing the request. Try your request again.",
        429 => "Too many requests, please wait before trying again.",
        503 => "Bedrock is unable to process your request.",
        424 | 500.. => {
            "The system encountered an unexpected error during processing. Try your request again."
        }
        _ => "The request was refused, because a directive asked for it.",
    })
}

/// The exception of a status.
const fn bedrock_kind(status: u16) -> &'static str {
    match status {
        401 => "ExpiredTokenException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    }
}

fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

/// The error frame of a stream that fails on its way.
pub(super) fn in_stream(dialect: Dialect) -> Vec<u8> {
    let frame = match dialect {
        Dialect::OpenAi | Dialect::Azure => {
            let body = openai(500, "").with_status(500).body(Dialect::OpenAi, "");
            format!("data: {body}\n\n")
        }
        Dialect::Ollama => format!("{}\n", ollama(500, "").body(dialect, "")),
        Dialect::Cohere => {
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\
            \"ERROR\",\"error\":\"internal server error\"}}\n\n"
                .to_owned()
        }
        // In a stream the event has no request id.
        Dialect::Anthropic => "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\
            \"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
            .to_owned(),
        Dialect::Gemini => {
            let body = gemini(503, "", None).with_status(503).body(dialect, "");
            format!("data: {body}\r\n\r\n")
        }
        Dialect::Bedrock => {
            return super::bedrock::exception("serviceUnavailableException", &bedrock(503).message);
        }
    };
    frame.into_bytes()
}

/// A 502 as a proxy between the vendor and the client words it.
pub(super) fn proxy_page(script: &Script) -> Act {
    const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
        <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n\
        </html>\r\n";
    Act::Say(Box::new(Say {
        status: 502,
        kind: "text/html",
        headers: "server: nginx\r\n".to_owned(),
        body: Body::Whole(PAGE.into()),
        pace: Pace { first: script.first.unwrap_or_default(), ..Pace::default() },
        fault: Fault::default(),
    }))
}
