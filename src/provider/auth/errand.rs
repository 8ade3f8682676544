//! A request for a credential, and its answer.

use std::fmt;

use crate::provider::Base;
use crate::wire::json::{self, Json};

/// A request for a credential, to be carried by whoever reaches the network.
#[derive(Clone, PartialEq, Eq)]
pub struct Errand {
    /// The method.
    pub method: &'static str,
    /// Where; the path in it is not used.
    pub base: Base,
    /// The path and query.
    pub target: String,
    /// The headers, with lower-case names; the host and the length come by themselves.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Errand {
    /// A question without a body to an address, whose own path stands before `target`.
    #[must_use]
    pub fn get(base: &Base, target: &str) -> Self {
        let target = format!("{}{target}", base.path);
        let target = if target.is_empty() { "/".to_owned() } else { target };
        let headers = vec![("accept", "application/json".to_owned())];
        Self { method: "GET", base: base.clone(), target, headers, body: String::new() }
    }

    /// A form sent to an address, whose own path stands before `target`.
    #[must_use]
    pub fn form(base: &Base, target: &str, pairs: &[(&str, &str)]) -> Self {
        const FORM: &str = "application/x-www-form-urlencoded";
        let mut errand = Self::get(base, target).with("content-type", FORM.to_owned());
        errand.method = "POST";
        errand.body = super::form::form(pairs);
        errand
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Headers and body hold secrets.
impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "{} {}{path}", self.method, self.base.authority())
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({})", self.status)
    }
}

impl Answer {
    /// The body as JSON, of an answer that is a success.
    ///
    /// # Errors
    /// What the other side said instead.
    pub fn json(&self) -> Result<Json<'_>, String> {
        if self.status != 200 && self.status != 201 {
            return Err(self.complaint());
        }
        json::parse(&self.body).map_err(|error| format!("it answered with no JSON: {error}"))
    }

    /// What it complains of: the words of OAuth, Google and Amazon where there are some.
    #[must_use]
    pub fn complaint(&self) -> String {
        let said = json::parse(&self.body).ok().and_then(|body| {
            let text = |path: &[&str]| body.at(path).and_then(Json::as_str).map(str::to_owned);
            let name = text(&["error"]).or_else(|| text(&["error", "status"])).or_else(|| text(&["code"]));
            let words = text(&["error_description"])
                .or_else(|| text(&["error", "message"]))
                .or_else(|| text(&["message"]));
            let said: Vec<String> = [name, words].into_iter().flatten().collect();
            (!said.is_empty()).then(|| said.join(": "))
        });
        let said = said.or_else(|| {
            let text = std::str::from_utf8(&self.body).ok()?;
            let said: Vec<&str> =
                ["Code", "Message"].iter().filter_map(|name| super::aws::tagged(text, name)).collect();
            (!said.is_empty()).then(|| said.join(": "))
        });
        match said {
            // Microsoft's go on for pages.
            Some(said) => {
                let line = said.lines().next().unwrap_or_default();
                format!("it answered {}: {}", self.status, line.chars().take(300).collect::<String>())
            }
            None => format!("it answered {}", self.status),
        }
    }
}
