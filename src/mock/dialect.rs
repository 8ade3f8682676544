//! What the dialects share around their bodies: credentials, the vendor's headers, pace and faults.

use super::World;
use super::errors::{self, Refusal};
use super::http::Request;
use super::play::{Act, Body, Fault, Pace, Say};
use super::say::script::{Flag, Script};

/// Whose manners an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Azure,
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
    Cohere,
}

impl Dialect {
    /// The key the client showed, wherever this vendor looks for it.
    pub(super) fn key<'a>(self, request: &Request<'a>) -> Option<&'a str> {
        let key = match self {
            Self::OpenAi => {
                request.bearer().or_else(|| request.header("api-key")).or_else(|| oracles(request))
            }
            Self::Cohere => request.bearer(),
            Self::Azure => request.header("api-key").or_else(|| request.bearer()),
            Self::Anthropic => request.header("x-api-key").or_else(|| request.bearer()),
            // It asks for none.
            Self::Ollama => request.bearer().or(Some("none")),
            Self::Gemini => {
                request.header("x-goog-api-key").or_else(|| request.param("key")).or_else(|| request.bearer())
            }
            Self::Bedrock => request.bearer().or_else(|| signer(request)),
        };
        key.filter(|key| !key.is_empty())
    }

    /// The headers this vendor sends with every answer.
    pub(super) fn headers(self, world: &World) -> String {
        match self {
            Self::OpenAi => {
                let id = world.id("req_", 32);
                format!(
                    "x-request-id: {id}\r\nopenai-version: 2020-10-01\r\n\
                     openai-organization: mock-org\r\nopenai-processing-ms: 12\r\n\
                     x-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 2000000\r\n\
                     x-ratelimit-remaining-requests: 9999\r\n\
                     x-ratelimit-remaining-tokens: 1999900\r\n\
                     x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 3ms\r\n"
                )
            }
            Self::Azure => {
                let id = world.id("", 32);
                format!(
                    "apim-request-id: {id}\r\nx-ms-region: Mock\r\n\
                     x-ratelimit-remaining-requests: 9999\r\n\
                     x-ratelimit-remaining-tokens: 1999900\r\n"
                )
            }
            Self::Anthropic => {
                let id = world.id("req_011C", 20);
                format!(
                    "request-id: {id}\r\n\
                     anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n\
                     anthropic-ratelimit-requests-limit: 4000\r\n\
                     anthropic-ratelimit-requests-remaining: 3999\r\n\
                     anthropic-ratelimit-tokens-limit: 400000\r\n\
                     anthropic-ratelimit-tokens-remaining: 399000\r\n"
                )
            }
            Self::Ollama => String::new(),
            Self::Cohere => {
                let id = world.id("", 32);
                format!(
                    "x-debug-trace-id: {id}\r\nx-trial-endpoint-call-limit: 20\r\n\
                     x-trial-endpoint-call-remaining: 19\r\n"
                )
            }
            Self::Gemini => "vary: Origin, X-Origin, Referer\r\nserver: scaffolding on HTTPServer2\r\n\
                x-content-type-options: nosniff\r\nserver-timing: gfet4t7; dur=12\r\n"
                .to_owned(),
            Self::Bedrock => {
                let id = world.id("", 32);
                format!("x-amzn-requestid: {id}\r\n")
            }
        }
    }

    /// An answer with `body`, paced and broken as `script` and the options say.
    pub(super) fn say(
        self,
        world: &World,
        script: &Script,
        kind: &'static str,
        body: Body,
        tokens: usize,
    ) -> Act {
        let mut fault = Fault {
            cut: script.cut,
            end: script.end,
            error_at: script.stream_error,
            error: Vec::new(),
            piece: script.chunk,
            crlf: script.has(Flag::Crlf),
            // Between lines of JSON there are none.
            comments: script.has(Flag::Comments) && self != Self::Ollama,
        };
        if fault.error_at.is_some() {
            fault.error = errors::in_stream(self);
        }
        Act::Say(Box::new(Say {
            status: 200,
            kind,
            headers: self.headers(world),
            body,
            pace: Pace {
                first: script.first.unwrap_or(world.options.first_token),
                rate: script.rate.or(world.options.rate).filter(|rate| *rate > 0.0),
                tokens,
            },
            fault,
        }))
    }

    /// A JSON answer at once, for what is not generated: model lists, counts, embeddings.
    pub(super) fn json(self, world: &World, body: String) -> Act {
        Act::Say(Box::new(Say {
            status: 200,
            kind: "application/json",
            headers: self.headers(world),
            body: Body::Whole(body.into_bytes()),
            pace: Pace { first: world.options.first_token, ..Pace::default() },
            fault: Fault::default(),
        }))
    }

    /// What a directive, or bad luck, answers in place of the model.
    pub(super) fn mishap(self, world: &World, model: &str, script: &Script) -> Option<Act> {
        if script.has(Flag::Hang) {
            return Some(Act::Hang);
        }
        if script.has(Flag::Html) {
            return Some(errors::proxy_page(script));
        }
        let refusal = if let Some(status) = script.error {
            Refusal::canned(self, status, model, script.retry_after)
        } else if script.has(Flag::Context) {
            Refusal::too_long(self)
        } else if script.has(Flag::Quota) {
            Refusal::no_money(self)
        } else if unlucky(world) {
            let statuses = [500, 503, if self == Self::Anthropic { 529 } else { 503 }];
            let pick = usize::try_from(world.roll() % 3).unwrap_or(0);
            let status = statuses.get(pick).copied().unwrap_or(500);
            Refusal::canned(self, status, model, None)
        } else {
            return None;
        };
        let mut act = refusal.act(self, world);
        if let (Act::Say(say), Some(first)) = (&mut act, script.first) {
            say.pace.first = first;
        }
        Some(act)
    }
}

/// The access key id that a request is signed with. The mock knows no secrets, so it takes any
/// signature.
fn signer<'a>(request: &Request<'a>) -> Option<&'a str> {
    let signed = request.header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let (_, credential) = signed.split_once("Credential=")?;
    credential.split('/').next()
}

/// Who signs as Oracle has it, whose signature is taken as it is, too.
fn oracles<'a>(request: &Request<'a>) -> Option<&'a str> {
    let signed = request.header("authorization")?.strip_prefix("Signature version=\"1\",keyId=\"")?;
    let dated = request.header("date").is_some() && request.header("x-content-sha256").is_some();
    signed.split('"').next().filter(|_| dated)
}

fn unlucky(world: &World) -> bool {
    let share = world.options.failure_rate;
    if share <= 0.0 {
        return false;
    }
    // The upper 32 bits as a fraction of one.
    let dice = u32::try_from(world.roll() >> 32).unwrap_or(0);
    f64::from(dice) / f64::from(u32::MAX) < share
}
