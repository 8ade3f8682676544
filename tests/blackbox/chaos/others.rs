//! Chaos as the clients of the other dialects hear of it, who are always told in translation.

use serde_json::{Value, json};

use super::faults::{End as Ends, Fault, Framing, PLACES, SPOILT, Wanted};
use super::{before, failing};
use crate::harness::{Client, End, Gateway, Reply, Request, post};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    Responses,
    Ollama,
    Cohere,
}

const TARGETS: [(Client, &str); 3] = [
    (Client::Openai, "house/m"),
    (Client::Anthropic, "claude-sonnet-4-5"),
    (Client::Gemini, "gemini-2.5-flash"),
];

impl Other {
    fn request(self, model: &str, text: &str, stream: bool) -> Request {
        let messages = json!([{"role": "user", "content": text}]);
        match self {
            Self::Responses => {
                post("/v1/responses").json(&json!({"model": model, "input": text, "stream": stream}))
            }
            Self::Ollama => {
                post("/api/chat").json(&json!({"model": model, "messages": messages, "stream": stream}))
            }
            Self::Cohere => {
                post("/v2/chat").json(&json!({"model": model, "messages": messages, "stream": stream}))
            }
        }
    }

    /// The events of a stream, all of which must be JSON.
    fn events(self, stream: &str) -> Result<Vec<Value>, String> {
        let data: Vec<String> = match self {
            Self::Ollama => stream.lines().map(str::to_owned).collect(),
            Self::Responses | Self::Cohere => Client::events(stream),
        };
        data.iter()
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).map_err(|_| format!("no JSON: {data}")))
            .collect()
    }

    /// The words of the pieces of a stream.
    fn words(self, events: &[Value]) -> String {
        let words = |event: &Value| {
            let words = match self {
                Self::Responses if event["type"] == "response.output_text.delta" => &event["delta"],
                Self::Responses => &Value::Null,
                Self::Ollama => &event["message"]["content"],
                Self::Cohere => &event["delta"]["message"]["content"]["text"],
            };
            words.as_str().unwrap_or_default().to_owned()
        };
        events.iter().map(words).collect()
    }

    fn is_complete(self, events: &[Value]) -> bool {
        events.iter().any(|event| match self {
            Self::Responses => event["type"] == "response.completed",
            Self::Ollama => event["done"] == true,
            Self::Cohere => event["type"] == "message-end" && event["delta"]["finish_reason"] != "ERROR",
        })
    }

    fn tells_of_an_error(self, events: &[Value]) -> bool {
        events.iter().any(|event| match self {
            Self::Responses => event["type"] == "error" && event["error"]["message"].is_string(),
            Self::Ollama => event["error"].is_string(),
            Self::Cohere => event["delta"]["finish_reason"] == "ERROR" && event["delta"]["error"].is_string(),
        })
    }

    /// Whether this is a refusal in the dialect's form.
    fn is_refusal(self, body: &Value) -> bool {
        match self {
            Self::Responses => {
                let error = &body["error"];
                error["message"].is_string() && error["type"].is_string() && error.get("param").is_some()
            }
            Self::Ollama => body["error"].is_string(),
            Self::Cohere => body["message"].is_string(),
        }
    }

    fn text(self, body: &Value) -> Option<&str> {
        match self {
            Self::Responses => body["output"][0]["content"][0]["text"].as_str(),
            Self::Ollama => body["message"]["content"].as_str(),
            Self::Cohere => body["message"]["content"][0]["text"].as_str(),
        }
    }

    /// What is wrong with this answer.
    fn judge(self, target: Client, stream: bool, fault: Fault, reply: &Reply) -> Result<(), String> {
        let must = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        must(reply.end == End::Clean, "what is translated ends as its framing promised")?;
        let text = reply.text();
        let wanted = fault.wanted();
        if let Wanted::Status(status) = wanted {
            must(reply.status == status, "another status was wanted")?;
        }
        if reply.status != 200 {
            let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            must(self.is_refusal(&body), "it is no refusal in these words")?;
            return must(wanted != Wanted::Answer && reply.status >= 429, "an answer was wanted");
        }
        let (said, complete, failed) = if stream {
            let events = self.events(&text)?;
            (self.words(&events), self.is_complete(&events), self.tells_of_an_error(&events))
        } else {
            let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            (self.text(&body).unwrap_or_default().to_owned(), true, false)
        };
        must(complete != failed, "it is either complete or broken")?;
        if complete {
            must(wanted != Wanted::Failure, "there is no whole answer to this")?;
            let sent = String::from_utf8_lossy(&fault.sent(target, stream)).into_owned();
            must(target.is_complete(&sent), "it looks complete and never was")?;
            let spoilt = fault == Fault::NoText && said.starts_with("one") && said.ends_with("two");
            return must(said == "onetwo" || spoilt, "these are not the words");
        }
        must(wanted != Wanted::Answer, "an answer was wanted")
    }
}

fn all_are_told_truly(gateway: &Gateway, faults: &[Fault]) {
    let mut wrong = Vec::new();
    for client in [Other::Responses, Other::Ollama, Other::Cohere] {
        for (target, model) in TARGETS {
            for (number, fault) in faults.iter().enumerate() {
                for stream in [false, true] {
                    for (fault, text) in
                        [(*fault, format!("#fault {number};")), (Fault::Nothing, "hello".to_owned())]
                    {
                        let reply = gateway.ask(&client.request(model, &text, stream));
                        if let Err(why) = client.judge(target, stream, fault, &reply) {
                            let (status, body) = (reply.status, reply.text());
                            wrong.push(format!(
                                "{client:?} from {target:?}, stream {stream}, {fault:?}: {why}\n  {status} {body}"
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    gateway.wait_idle();
}

#[test]
fn chaos_is_told_truly_to_clients_of_the_other_dialects() {
    let mut faults = vec![Fault::Refuses(429), Fault::Refuses(500), Fault::RefusesInHtml(503)];
    faults.extend(SPOILT);
    faults.extend((0..PLACES).step_by(2).map(|place| {
        let by = if place % 4 == 0 { Ends::Goodbye } else { Ends::Reset };
        Fault::Stops { place, framing: Framing::Chunks, by }
    }));
    let (provider, faults) = failing(faults);
    let at = provider.addr;
    let house =
        format!("house: {{vendor: custom, base_url: \"http://{at}/v1\", models: [m], api_key: k-1234}}");
    let gateway = before(at).provider(&house).start();
    all_are_told_truly(&gateway, &faults);
}
