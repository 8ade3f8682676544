//! `options`: how the answer is drawn, and how the model is run, which only Ollama understands.

use crate::catalog::profile::Profile;
use crate::dialect::Malformed;
use crate::dialect::ollama::types::{Form, OPTION};
use crate::dialect::place::Place;
use crate::ir::{Losses, Request};
use crate::wire::json::{Json, Object};

/// Reads `options` into a request.
pub(super) fn parse(
    form: Form,
    value: &Json<'_>,
    at: Place<'_>,
    request: &mut Request,
) -> Result<(), Malformed> {
    let sampling = &mut request.sampling;
    for (key, option) in at.object(value)?.entries() {
        let place = at.member(key);
        match &**key {
            _ if option.is_null() => {}
            // Below 0 there is no limit but the context.
            "num_predict" if option.as_i64().is_some_and(|limit| limit < 0) => {}
            "num_predict" => sampling.max_tokens = Some(place.count(option)?),
            "temperature" => sampling.temperature = Some(place.number(option)?),
            "top_p" => sampling.top_p = Some(place.number(option)?),
            "top_k" => sampling.top_k = Some(place.count(option)?),
            "seed" => sampling.seed = Some(place.whole(option)?),
            "frequency_penalty" => sampling.frequency_penalty = Some(place.number(option)?),
            "presence_penalty" => sampling.presence_penalty = Some(place.number(option)?),
            "stop" => {
                sampling.stop = match option.as_str() {
                    Some(only) => vec![only.to_owned()],
                    None => {
                        let texts = place.list(option)?.iter().enumerate();
                        texts.map(|(at, text)| place.element(at).owned(text)).collect::<Result<_, _>>()?
                    }
                };
            }
            other => request.extras.push(form.dialect(), &format!("{OPTION}{other}"), option.raw()),
        }
    }
    Ok(())
}

/// Writes `options`, if there are any.
pub(super) fn write(
    form: Form,
    body: &mut Object<'_>,
    request: &Request,
    profile: &Profile,
    losses: &mut Losses,
) {
    let sampling = &request.sampling;
    let mut own = request
        .extras
        .of(form.dialect())
        .filter_map(|extra| Some((extra.name.strip_prefix(OPTION)?, extra.json.as_str())));
    let none = sampling.max_tokens.is_none()
        && sampling.temperature.is_none()
        && sampling.top_p.is_none()
        && sampling.top_k.is_none()
        && sampling.seed.is_none()
        && sampling.frequency_penalty.is_none()
        && sampling.presence_penalty.is_none()
        && sampling.stop.is_empty();
    let first = own.next();
    if none && first.is_none() {
        return;
    }
    body.object("options", |options| {
        if let Some(wanted) = sampling.max_tokens {
            let most = profile.max_output.unwrap_or(u64::MAX);
            if wanted > most {
                losses.clamped("max_tokens", "the model cannot produce more");
            }
            options.number("num_predict", wanted.min(most));
        }
        options.opt_float("temperature", sampling.temperature);
        options.opt_float("top_p", sampling.top_p);
        options.opt_number("top_k", sampling.top_k);
        options.opt_number("seed", sampling.seed);
        options.opt_float("frequency_penalty", sampling.frequency_penalty);
        options.opt_float("presence_penalty", sampling.presence_penalty);
        if !sampling.stop.is_empty() {
            options.array("stop", |list| sampling.stop.iter().for_each(|text| list.string(text)));
        }
        for (name, json) in first.into_iter().chain(own) {
            options.raw(name, json);
        }
    });
}
