//! Guards that live elsewhere: services that are asked what they make of what is said.
//!
//! Everything here is said and read as values: which texts a service is asked about (`said`), what it
//! is sent and what its answer means ([`Service`]), and what becomes of that ([`External::settle`]).
//! Who carries it is `proxy`'s business, as is time.

mod azure;
mod bedrock;
mod changes;
mod judge;
mod model_armor;
mod moderation;
mod opinion;
mod portions;
mod presidio;
mod said;
mod webhook;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use crate::policy::Key;
use crate::provider::{Base, Source};
use crate::route::health::Breaker;
use crate::units::Secret;
use crate::wire::json::{self, Json};

use super::rule::{Action, Asker, Direction, Scope};

pub use azure::ContentSafety;
pub use bedrock::Guardrail;
pub use judge::{Judge, RULES};
pub use moderation::Moderation;
use opinion::patched;
pub use opinion::{Failure, Found, Opinion, Patch, Says, Settled, place};
pub use presidio::Presidio;
pub use said::{Said, Unpatchable, gather, put_back};
pub use windows::{Window, Windows};

/// When a guard is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before a provider is: about the request.
    Pre,
    /// Beside that, about the request; the answer waits for the verdict.
    During,
    /// About the answer.
    Post,
}

impl Stage {
    /// How configuration, metrics and webhooks call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::During => "during",
            Self::Post => "post",
        }
    }

    /// Which way what it looks at goes.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Pre | Self::During => Direction::Request,
            Self::Post => Direction::Answer,
        }
    }
}

/// What becomes of a request that a guard could not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It passes, which is told.
    Open,
    /// It is refused.
    Closed,
}

/// How much of a request a guard looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// All of it.
    All,
    /// What was said since the model spoke last.
    Last,
}

/// Who lends the credentials that a service is shown, where that is a cloud.
#[derive(Debug, Clone)]
pub struct Lender {
    /// Where they come from.
    pub source: Arc<Source>,
    /// The region that signatures name; "" where nothing is signed.
    pub region: String,
    /// The service that signatures name; "" where nothing is signed.
    pub service: &'static str,
}

/// A guard that lives elsewhere.
#[derive(Debug)]
pub struct External {
    /// Its name in verdicts, records and metrics.
    pub name: Arc<str>,
    /// What it is.
    pub service: Service,
    /// When it is asked.
    pub stages: Vec<Stage>,
    /// What becomes of what it finds, at most.
    pub action: Action,
    /// How long it may take, however often it is asked about one thing.
    pub timeout: Duration,
    /// What becomes of what it did not look at.
    pub on_failure: OnFailure,
    /// How much of a request it looks at.
    pub turns: Turns,
    /// How many characters of a stream it looks at at a time.
    pub window: usize,
    /// Whom it is for.
    pub scope: Scope,
    /// Where it is; none where the gateway asks itself.
    pub at: Option<Base>,
    /// What it is sent besides, by name.
    pub headers: Vec<(String, Secret)>,
    /// Who lends what it is shown.
    pub lender: Option<Lender>,
    /// How it does.
    pub breaker: Breaker,
}

/// The kinds of services, with what each is told besides.
#[derive(Debug)]
pub enum Service {
    /// Anybody's own, by our own contract.
    Webhook,
    /// OpenAI's moderation.
    Moderation(Moderation),
    /// Presidio's analyzer.
    Presidio(Presidio),
    /// A guardrail of Amazon Bedrock.
    Bedrock(Guardrail),
    /// Azure AI Content Safety.
    Azure(ContentSafety),
    /// A template of Google's Model Armor: `projects/…/locations/…/templates/…`.
    ModelArmor(String),
    /// A model of one's own.
    Judge(Judge),
}

/// What a service is asked about.
#[derive(Debug)]
pub struct Question {
    /// The request's id.
    pub id: String,
    /// When it is asked.
    pub stage: Stage,
    /// The key, where there is one.
    pub key: Option<Arc<Key>>,
    /// The model as the client names it.
    pub model: String,
    /// What is said.
    pub said: Vec<Said>,
    /// Of a stream: which part of it this is.
    pub part: Option<Part>,
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Counted from 0.
    pub number: u64,
    /// How what was told before it ends.
    pub before: String,
}

/// One request to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The path and query, below its address.
    pub target: String,
    /// The body.
    pub body: Vec<u8>,
    /// What it is about.
    pub about: Vec<Piece>,
}

/// A part of one of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Which text.
    pub said: usize,
    /// Where in it the part begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// No more requests are made to one service about one thing.
pub const MOST_CALLS: usize = 16;

impl Question {
    /// What stands in a piece.
    #[must_use]
    pub fn text(&self, piece: &Piece) -> &str {
        let said = self.said.get(piece.said);
        said.and_then(|said| said.text.get(piece.start..piece.end)).unwrap_or_default()
    }

    /// The same question about something else.
    #[must_use]
    pub fn about(&self, said: Vec<Said>, part: Option<Part>) -> Self {
        let Self { id, stage, key, model, .. } = self;
        Self { id: id.clone(), stage: *stage, key: key.clone(), model: model.clone(), said, part }
    }

    /// Which of the texts a guard looks at that looks at so much.
    fn pieces(&self, turns: Turns) -> Vec<Piece> {
        let asked = self.stage.direction() == Direction::Request;
        let last = self.said.iter().rposition(|said| matches!(&*said.role, "assistant" | "model"));
        let first = match turns {
            // A model that spoke last is made to go on.
            Turns::Last if asked => last.map(|last| last + 1).filter(|first| *first < self.said.len()),
            Turns::Last | Turns::All => None,
        };
        let said = self.said.iter().enumerate().skip(first.unwrap_or(0));
        said.map(|(place, said)| Piece { said: place, start: 0, end: said.text.len() }).collect()
    }
}

impl External {
    /// Whether it is asked at this stage about what this asker sends or gets; `matches` compares a pattern
    /// with a model's name.
    #[must_use]
    pub fn looks(&self, stage: Stage, asker: &Asker<'_>, matches: fn(&str, &str) -> bool) -> bool {
        self.stages.contains(&stage) && self.scope.covers(asker, matches)
    }

    /// Whether nothing may pass that it did not look at: it would change or end it, and fails closed.
    #[must_use]
    pub fn binds(&self) -> bool {
        self.on_failure == OnFailure::Closed && (self.action.edits() || self.action == Action::Block)
    }

    /// What it is asked.
    ///
    /// # Errors
    /// When that is more than it may be asked.
    pub fn calls(&self, question: &Question) -> Result<Vec<Call>, Failure> {
        let pieces = question.pieces(self.turns);
        let calls = match &self.service {
            Service::Webhook => webhook::calls(&self.name, question, &pieces),
            Service::Moderation(own) => moderation::calls(own, question, &pieces),
            Service::Presidio(own) => presidio::calls(own, question, &pieces),
            Service::Bedrock(own) => bedrock::calls(own, question, &pieces),
            Service::Azure(own) => azure::calls(own, question, &pieces),
            Service::ModelArmor(template) => model_armor::calls(template, question, &pieces),
            Service::Judge(own) => judge::calls(own, question, &pieces),
        };
        if calls.len() > MOST_CALLS {
            return Err(Failure::of("what is said is longer than it may be asked about"));
        }
        Ok(calls)
    }

    /// What its answer to this means.
    ///
    /// # Errors
    /// When it is no answer.
    pub fn read(
        &self,
        question: &Question,
        call: &Call,
        status: u16,
        body: &[u8],
    ) -> Result<Opinion, Failure> {
        if !(200..300).contains(&status) {
            // What it says of one request tells nothing of how it does, or whoever words one so that it says
            // no could have it left alone.
            let why = format!("it answered {status}");
            let is_ill = matches!(status, 401 | 403 | 404 | 408 | 429 | 500..);
            return Err(if is_ill { Failure::ill(why) } else { Failure::of(why) });
        }
        let said = json::parse(body).map_err(|_| Failure::of("it answered with no JSON"))?;
        match &self.service {
            Service::Webhook => webhook::read(question, call, &said),
            Service::Moderation(own) => moderation::read(own, call, &said),
            Service::Presidio(_) => presidio::read(question, call, &said),
            Service::Bedrock(_) => bedrock::read(question, call, &said),
            Service::Azure(own) => azure::read(own, call, &said),
            Service::ModelArmor(_) => model_armor::read(question, call, &said),
            Service::Judge(_) => judge::read(call, &said),
        }
    }

    /// Whether it says itself what is to become of what it finds, and not only what it found.
    #[must_use]
    pub const fn decides(&self) -> bool {
        self.service.decides()
    }
}

impl Service {
    /// Whether it says itself what is to become of what it finds.
    const fn decides(&self) -> bool {
        match self {
            Self::Webhook | Self::Bedrock(_) | Self::ModelArmor(_) => true,
            Self::Moderation(_) | Self::Presidio(_) | Self::Azure(_) | Self::Judge(_) => false,
        }
    }

    /// Whether it tells what stands where, so that it can be masked.
    #[must_use]
    pub const fn masks(&self) -> bool {
        match self {
            Self::Webhook | Self::Bedrock(_) | Self::ModelArmor(_) | Self::Presidio(_) => true,
            Self::Moderation(_) | Self::Azure(_) | Self::Judge(_) => false,
        }
    }
}

/// A text member, or why there is none.
fn text<'a>(object: &'a Json<'_>, key: &str) -> Result<&'a str, Failure> {
    object.field(key).and_then(Json::as_str).ok_or_else(|| Failure::of(format!("its answer has no {key}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question about a request in which these say so.
    pub(super) fn asked_by(texts: &[(&str, &str)]) -> Question {
        let said = |(role, text): &(&str, &str)| Said {
            text: (*text).to_owned(),
            role: (*role).to_owned(),
            path: String::new(),
            form: super::super::sieve::Form::Plain,
            span: 0..0,
        };
        Question {
            id: "r1".to_owned(),
            stage: Stage::Pre,
            key: Some(Arc::new(Key { name: "web".into(), owner: "acme".into(), ..Key::default() })),
            model: "gpt-4o".to_owned(),
            said: texts.iter().map(said).collect(),
            part: None,
        }
    }

    /// The same where a user says all of it.
    pub(super) fn asked(texts: &[&str]) -> Question {
        asked_by(&texts.iter().map(|text| ("user", *text)).collect::<Vec<_>>())
    }

    pub(super) fn pieces(question: &Question) -> Vec<Piece> {
        question.pieces(Turns::All)
    }

    /// The rules that found something, and in which text.
    pub(super) fn told(opinion: Opinion) -> Vec<(String, Option<usize>)> {
        opinion.found.into_iter().map(|found| (found.rule, found.at)).collect()
    }

    #[test]
    fn what_the_model_said_last_ends_what_was_looked_at_before() {
        let question = asked_by(&[("user", "a"), ("assistant", "b"), ("tool", "c"), ("user", "d")]);
        let texts: Vec<_> =
            question.pieces(Turns::Last).iter().map(|piece| question.text(piece).to_owned()).collect();
        assert_eq!(texts, ["c", "d"]);
        // Where it is to go on itself, all is looked at.
        assert_eq!(asked_by(&[("user", "a"), ("assistant", "b")]).pieces(Turns::Last).len(), 2);
    }
}
