//! Maintenance: a provider, one of its models or one of its keys is taken out, and back in.

use super::{Call, Outcome, moment_or_null, object, text_or_null};
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::catalog::nearest;
use crate::clock;
use crate::snapshot::Provider;
use crate::telemetry::breakers::{self, Told};
use crate::units::civil::parse_rfc3339;
use crate::units::parse_duration;
use crate::wire::json::{self, Array, Json, Kind};

/// Takes it out, for a while or for good.
pub(super) async fn begin(call: &Call<'_>) -> Outcome {
    let provider = provider(call)?;
    let wanted = Wanted::read(&call.ask.body)?;
    let part = Part::of(&provider, wanted.model.as_deref(), wanted.key)?;
    let (now, seconds) = (clock::ticks(clock::now()), clock::unix_seconds());
    let until = match wanted.until {
        None => None,
        Some(until) if until <= seconds => {
            return Err(Refused::invalid("until", "expected a moment that is still to come"));
        }
        Some(until) => Some(now.saturating_add(until.saturating_sub(seconds).saturating_mul(1000))),
    };
    match &part {
        Part::Whole => provider.health.rest.begin(until),
        Part::Model(name) => provider.health.model(name).rest.begin(until),
        Part::Key(_, fingerprint) => provider.health.key(*fingerprint).rest.begin(until),
    }
    note(call, "provider.rest", &part, |detail| {
        moment_or_null(detail, "until", wanted.until);
        text_or_null(detail, "reason", wanted.reason.as_deref());
    })
    .await;
    Ok(told(call, &provider))
}

/// Takes it back in.
pub(super) async fn end(call: &Call<'_>) -> Outcome {
    let provider = provider(call)?;
    let key = match call.ask.param("key") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| Refused::invalid("key", "expected a key's number"))?),
    };
    let part = Part::of(&provider, call.ask.param("model").as_deref(), key)?;
    match &part {
        Part::Whole => provider.health.rest.end(),
        Part::Model(name) => provider.health.model(name).rest.end(),
        Part::Key(_, fingerprint) => provider.health.key(*fingerprint).rest.end(),
    }
    note(call, "provider.serve", &part, |_| {}).await;
    Ok(told(call, &provider))
}

/// Closes all its breakers, whatever was seen.
pub(super) async fn recover(call: &Call<'_>) -> Outcome {
    let provider = provider(call)?;
    provider.health.recover();
    note(call, "provider.recover", &Part::Whole, |_| {}).await;
    Ok(told(call, &provider))
}

fn provider(call: &Call<'_>) -> Result<Provider, Refused> {
    let world = call.admin.shared.world.load();
    let found = world.providers_of_both().find(|provider| provider.name == call.name);
    found.cloned().ok_or_else(|| {
        let hint =
            match nearest(&call.name, world.providers_of_both().map(|provider| &*provider.name)).as_slice() {
                [] => String::new(),
                nearest => format!("; did you mean {}?", nearest.join(", ")),
            };
        Refused::unknown(format!("no provider is named \"{}\"{hint}", call.name))
    })
}

/// What of a provider is meant.
enum Part {
    Whole,
    Model(String),
    /// Which of its keys, counted from 1, and its fingerprint.
    Key(usize, u64),
}

impl Part {
    fn of(provider: &Provider, model: Option<&str>, key: Option<usize>) -> Result<Self, Refused> {
        match (model.map(str::trim), key) {
            (None, None) => Ok(Self::Whole),
            (Some(_), Some(_)) => Err(Refused::invalid("key", "expected a model or a key, not both")),
            (Some(""), None) => Err(Refused::invalid("model", "expected the name of a model")),
            (Some(model), None) => Ok(Self::Model(model.to_owned())),
            (None, Some(number)) => {
                let keys = provider.fingerprints();
                let found = number.checked_sub(1).and_then(|place| keys.get(place).copied());
                let expected = match keys.len() {
                    0 => "the provider has no keys".to_owned(),
                    count => format!("expected a key's number from 1 to {count}"),
                };
                found.map(|key| Self::Key(number, key)).ok_or_else(|| Refused::invalid("key", expected))
            }
        }
    }
}

/// What is asked for.
#[derive(Default)]
struct Wanted {
    model: Option<String>,
    key: Option<usize>,
    /// Until when, in seconds since 1970; for good where nothing is said.
    until: Option<u64>,
    reason: Option<String>,
}

impl Wanted {
    fn read(body: &[u8]) -> Result<Self, Refused> {
        let mut wanted = Self::default();
        if body.trim_ascii().is_empty() {
            return Ok(wanted);
        }
        let parsed = json::parse(body).map_err(|wrong| Refused::malformed(format!("no JSON: {wrong}")))?;
        if !matches!(parsed.kind(), Kind::Object(_)) {
            return Err(Refused::malformed("expected a JSON object"));
        }
        for (field, value) in parsed.entries() {
            wanted.set(field, value)?;
        }
        Ok(wanted)
    }

    fn set(&mut self, field: &str, value: &Json<'_>) -> Result<(), Refused> {
        let text = match value.kind() {
            Kind::String(text) => Some(text.to_string()),
            Kind::Number(text) => Some((*text).to_owned()),
            Kind::Null => return Ok(()),
            Kind::Bool(_) | Kind::Array(_) | Kind::Object(_) => None,
        };
        let wrong = |expected: &str| Refused::invalid(field, expected);
        match field {
            "model" => self.model = Some(text.ok_or_else(|| wrong("expected the name of a model"))?),
            "key" => {
                let number = text.and_then(|text| text.parse().ok());
                self.key = Some(number.ok_or_else(|| wrong("expected a key's number, counted from 1"))?);
            }
            "for" => {
                let span = text.and_then(|text| parse_duration(&text).ok()).filter(|span| !span.is_zero());
                let span = span.ok_or_else(|| wrong("expected a time such as 30m or 2h"))?;
                self.until = Some(clock::unix_seconds().saturating_add(span.as_secs().max(1)));
            }
            "until" => {
                let moment = text.and_then(|text| parse_rfc3339(&text));
                let expected = "expected a moment in UTC such as 2027-01-31T12:00:00Z";
                self.until = Some(moment.ok_or_else(|| wrong(expected))?);
            }
            "reason" => self.reason = Some(text.ok_or_else(|| wrong("expected a text"))?),
            unknown => {
                let message = format!(
                    "unknown field \"{unknown}\"; the fields here are for, until, model, key and reason"
                );
                return Err(Refused::invalid(unknown, message));
            }
        }
        Ok(())
    }
}

async fn note(call: &Call<'_>, action: &str, part: &Part, more: impl FnOnce(&mut json::Object<'_>)) {
    let mut detail = Vec::new();
    json::object(&mut detail, |object| {
        match part {
            Part::Whole => {}
            Part::Model(name) => object.string("model", name),
            Part::Key(number, _) => object.number("key", *number),
        }
        more(object);
    });
    let detail = String::from_utf8(detail).unwrap_or_default();
    call.admin.desk.note(&call.who.name, action, Some(&call.name), detail).await;
}

/// Tells how the provider stands now.
fn told(call: &Call<'_>, provider: &Provider) -> Answer {
    let world = call.admin.shared.world.load();
    let all = breakers::told(&world, clock::ticks(clock::now()));
    object(200, |answer| {
        answer.string("provider", &provider.name);
        answer.array("resting", |array| resting(array, &provider.name, &all));
    })
}

/// What of a provider an operator has taken out.
pub(super) fn resting(array: &mut Array<'_>, provider: &str, all: &[Told]) {
    let now = clock::unix_seconds();
    for told in all.iter().filter(|told| told.provider == provider) {
        let Some(rest) = told.resting else { continue };
        array.object(|one| {
            one.string("part", if told.part == "host" { "provider" } else { told.part });
            text_or_null(one, "name", Some(told.name.as_str()).filter(|name| !name.is_empty()));
            moment_or_null(one, "until", rest.map(|millis| now.saturating_add(millis.div_ceil(1000))));
        });
    }
}
