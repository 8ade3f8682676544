//! Prices run again over history, after one was corrected.

use super::{Call, Outcome, object};
use crate::admin::refused::Refused;
use crate::clock;
use crate::proxy::departure::targets;
use crate::store::ledger::{self, Run};
use crate::wire::json::{self, Kind};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let (since, until, run) = asked(call)?;
    let world = call.admin.shared.world.load_full();
    let repriced = call
        .admin
        .desk
        .reprice(move |folder| {
            let price_of = |provider: &str, model: &str| targets::price_of(&world, provider, model);
            ledger::reprice(folder, (since, until), run, &price_of)
        })
        .await?;
    let tell = |object: &mut json::Object<'_>| {
        object.number("requests", repriced.requests);
        object.number("changed", repriced.changed);
        object.raw("before_usd", &repriced.before.to_string());
        object.raw("after_usd", &repriced.after.to_string());
    };
    if run != Run::Dry {
        let mut detail = Vec::new();
        json::object(&mut detail, |object| {
            object.string("since", clock::rfc3339(since).as_str());
            object.string("until", clock::rfc3339(until).as_str());
            tell(object);
        });
        let detail = String::from_utf8(detail).unwrap_or_default();
        call.admin.desk.note(&call.who.name, "ledger.reprice", None, detail).await;
    }
    Ok(object(200, tell))
}

/// From when until when, and whether it is only looked at.
fn asked(call: &Call<'_>) -> Result<(u64, u64, Run), Refused> {
    const EXPECTED: &str = "expected a moment, a day, or a time back from now such as 7d";
    let body =
        json::parse(&call.ask.body).map_err(|wrong| Refused::malformed(format!("no JSON: {wrong}")))?;
    if !body.is_object() {
        return Err(Refused::malformed("expected a JSON object"));
    }
    let now = clock::unix_millis();
    let (mut since, mut until, mut run) = (None, now + 1, Run::Real(now / 1000));
    for (field, value) in body.entries() {
        let moment = || match value.kind() {
            Kind::String(text) => ledger::moment(text, now),
            Kind::Number(text) => ledger::moment(text, now),
            Kind::Null | Kind::Bool(_) | Kind::Array(_) | Kind::Object(_) => None,
        };
        let expected = |message: &str| Refused::invalid(&**field, message);
        match (&**field, value.kind()) {
            ("until", Kind::Null) | ("dry_run", Kind::Null | Kind::Bool(false)) => {}
            ("since", _) => since = Some(moment().ok_or_else(|| expected(EXPECTED))?),
            ("until", _) => until = moment().ok_or_else(|| expected(EXPECTED))?,
            ("dry_run", Kind::Bool(true)) => run = Run::Dry,
            ("dry_run", _) => return Err(expected("expected true or false")),
            _ => return Err(expected("unknown field; the fields here are since, until, dry_run")),
        }
    }
    let since = since.ok_or_else(|| Refused::invalid("since", EXPECTED))?;
    if until <= since {
        return Err(Refused::invalid("until", "expected a moment after \"since\""));
    }
    Ok((since, until, run))
}
