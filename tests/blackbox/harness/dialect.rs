//! How the three kinds of clients ask, and how they read what they get.

use serde_json::{Value, json};

use super::{Reply, Request, post};

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Openai,
    Anthropic,
    Gemini,
}

/// All of them.
pub(crate) const CLIENTS: [Client; 3] = [Client::Openai, Client::Anthropic, Client::Gemini];

/// An error as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// OpenAI's and Anthropic's `type`, Gemini's `status`.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// OpenAI's `param`.
    pub(crate) param: Option<String>,
    /// OpenAI's `code`.
    pub(crate) code: Option<String>,
}

impl Client {
    /// The dialect's name in the log.
    pub(crate) const fn dialect(self) -> &'static str {
        match self {
            Self::Openai => "openai_chat",
            Self::Anthropic => "anthropic_messages",
            Self::Gemini => "gemini_generate",
        }
    }

    /// A model of the vendor whose dialect this is.
    pub(crate) const fn model(self) -> &'static str {
        match self {
            Self::Openai => "gpt-4o-mini",
            Self::Anthropic => "claude-sonnet-4-5",
            Self::Gemini => "gemini-2.5-flash",
        }
    }

    /// The vendor whose dialect this is.
    pub(crate) const fn vendor(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Where this client sends its questions.
    pub(crate) fn path(self, model: &str, stream: bool) -> String {
        match self {
            Self::Openai => "/v1/chat/completions".to_owned(),
            Self::Anthropic => "/v1/messages".to_owned(),
            Self::Gemini if stream => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Self::Gemini => format!("/v1beta/models/{model}:generateContent"),
        }
    }

    /// A question in one message.
    pub(crate) fn question(self, model: &str, text: &str, stream: bool) -> Value {
        let mut body = match self {
            Self::Openai => json!({"model": model, "messages": [{"role": "user", "content": text}]}),
            Self::Anthropic => {
                json!({"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": text}]})
            }
            Self::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
        };
        if stream && self != Self::Gemini {
            body["stream"] = true.into();
        }
        body
    }

    fn request(self, model: &str, text: &str, stream: bool) -> Request {
        let request = post(&self.path(model, stream)).json(&self.question(model, text, stream));
        match self {
            Self::Anthropic => request.header("anthropic-version", "2023-06-01"),
            Self::Openai | Self::Gemini => request,
        }
    }

    /// A question that wants a whole answer.
    pub(crate) fn whole(self, model: &str, text: &str) -> Request {
        self.request(model, text, false)
    }

    /// A question that wants a stream.
    pub(crate) fn stream(self, model: &str, text: &str) -> Request {
        self.request(model, text, true)
    }

    /// The text of a whole answer.
    pub(crate) fn text(self, reply: &Value) -> String {
        let text = match self {
            Self::Openai => &reply["choices"][0]["message"]["content"],
            Self::Anthropic => &reply["content"][0]["text"],
            Self::Gemini => &reply["candidates"][0]["content"]["parts"][0]["text"],
        };
        text.as_str().unwrap_or_else(|| panic!("no text for {self:?} in {reply}")).to_owned()
    }

    /// Input and output tokens of a whole answer, each counted whole.
    pub(crate) fn usage(self, reply: &Value) -> (u64, u64) {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        match self {
            Self::Openai => {
                let usage = &reply["usage"];
                (number(&usage["prompt_tokens"]), number(&usage["completion_tokens"]))
            }
            Self::Anthropic => {
                let usage = &reply["usage"];
                let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
                let cached: u64 = cached.iter().map(|name| number(&usage[name])).sum();
                (number(&usage["input_tokens"]) + cached, number(&usage["output_tokens"]))
            }
            Self::Gemini => {
                let usage = &reply["usageMetadata"];
                let thought = number(&usage["thoughtsTokenCount"]);
                (number(&usage["promptTokenCount"]), number(&usage["candidatesTokenCount"]) + thought)
            }
        }
    }

    /// The data of the events of a stream.
    pub(crate) fn events(stream: &str) -> Vec<String> {
        let stream = stream.replace("\r\n", "\n");
        let data = |event: &str| {
            let lines: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        };
        stream.split("\n\n").filter_map(data).collect()
    }

    /// All text of a stream.
    pub(crate) fn streamed_text(self, stream: &str) -> String {
        let texts = Self::events(stream).into_iter().filter(|data| data != "[DONE]").map(|data| {
            let event: Value = serde_json::from_str(&data).unwrap_or_else(|_| panic!("no JSON: {data}"));
            let text = match self {
                Self::Openai => &event["choices"][0]["delta"]["content"],
                Self::Anthropic => &event["delta"]["text"],
                Self::Gemini => &event["candidates"][0]["content"]["parts"][0]["text"],
            };
            text.as_str().unwrap_or("").to_owned()
        });
        texts.collect()
    }

    /// Whether a stream says that its answer is complete.
    pub(crate) fn is_complete(self, stream: &str) -> bool {
        match self {
            Self::Openai => stream.contains("\"finish_reason\":\"") || stream.contains("data: [DONE]"),
            Self::Anthropic => stream.contains("message_stop") || stream.contains("\"stop_reason\":\""),
            Self::Gemini => stream.contains("finishReason"),
        }
    }

    /// The error that a stream tells of.
    pub(crate) fn error_in(self, stream: &str) -> Option<Said> {
        Self::events(stream).iter().find_map(|data| {
            let event: Value = serde_json::from_str(data).ok()?;
            event.get("error").is_some().then(|| self.said(&event))
        })
    }

    /// The error in an answer, which must have the whole shape that this dialect prescribes.
    pub(crate) fn refusal(self, reply: &Reply) -> Said {
        assert_eq!(reply.header("content-type"), Some("application/json"), "{}", reply.text());
        let body = reply.json();
        if self == Self::Gemini {
            assert_eq!(body["error"]["code"], reply.status, "{body}");
        }
        self.said(&body)
    }

    fn said(self, body: &Value) -> Said {
        let error = &body["error"];
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        let must = |name: &str| text(name).unwrap_or_else(|| panic!("no {name} for {self:?} in {body}"));
        match self {
            Self::Openai => {
                for field in ["param", "code"] {
                    assert!(error.get(field).is_some(), "no {field} in {body}");
                }
                Said {
                    kind: must("type"),
                    message: must("message"),
                    param: text("param"),
                    code: text("code"),
                }
            }
            Self::Anthropic => {
                assert_eq!(body["type"], "error", "{body}");
                Said { kind: must("type"), message: must("message"), param: None, code: None }
            }
            Self::Gemini => Said { kind: must("status"), message: must("message"), param: None, code: None },
        }
    }
}
