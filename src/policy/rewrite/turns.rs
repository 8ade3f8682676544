//! A system prompt among the turns of a conversation.

use super::prompt::{Blocks, Place, SystemPrompt};
use crate::dialect::Malformed;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};
use crate::wire::list::List;

/// What changes where a system prompt is a turn like others.
///
/// It becomes one with the client's own, since many models take no more than one. Whoever has a turn of a
/// developer keeps it: OpenAI's older models refuse both kinds together.
pub(super) fn among(
    prompt: &SystemPrompt,
    body: &Lens<'_>,
    key: &'static str,
) -> Result<Vec<Edit>, Malformed> {
    let Some(turns) = body.raw(key).and_then(List::new) else { return Ok(Vec::new()) };
    let systems = systems(&turns, key)?;
    let first = systems.iter().position(|system| *system);
    // Those that stand before all else.
    let leading = systems.iter().take_while(|system| **system).count();
    let beside = match prompt.place {
        Place::Inject if first.is_some() => return Ok(Vec::new()),
        Place::Inject | Place::Replace => None,
        Place::Prepend => (leading > 0).then_some(0),
        Place::Append => leading.checked_sub(1),
    };
    let value = match beside.and_then(|place| Some((place, turns.iter().nth(place)?))) {
        Some((place, turn)) => turns.replaced(place, &said_beside(prompt, turn, key, place)?),
        None => {
            let role = first.and_then(|place| role(turns.iter().nth(place)?));
            let role = role.filter(|_| prompt.place == Place::Replace).unwrap_or_else(|| "system".to_owned());
            let (role, content) = (json::string(&role), json::string(&prompt.text));
            let turn = format!("{{\"role\":{role},\"content\":{content}}}");
            if prompt.place == Place::Replace && first.is_some() {
                let others = turns.only(|place| systems.get(place) != Some(&true));
                List::new(&others).map_or(others.clone(), |others| others.with(0, &turn))
            } else {
                turns.with(0, &turn)
            }
        }
    };
    Ok(vec![Edit::Set { key: key.into(), value }])
}

/// Which of the turns are a system's or a developer's.
///
/// # Errors
/// When a turn says something twice, so that it could be read as two things.
pub(super) fn systems(turns: &List<'_>, key: &str) -> Result<Vec<bool>, Malformed> {
    let one = |(place, turn): (usize, &str)| {
        if !turn.starts_with('{') {
            return Ok(false);
        }
        let lens = Lens::new(turn.as_bytes());
        let lens = lens.map_err(|wrong| Malformed::new(format!("{key}[{place}]"), wrong.to_string()))?;
        Ok(lens.string("role").is_some_and(|role| matches!(&*role, "system" | "developer")))
    };
    turns.iter().enumerate().map(one).collect()
}

fn role(turn: &str) -> Option<String> {
    Some(Lens::new(turn.as_bytes()).ok()?.string("role")?.into_owned())
}

/// A turn that says the prompt, too.
fn said_beside(prompt: &SystemPrompt, turn: &str, key: &str, place: usize) -> Result<String, Malformed> {
    let wrong = |expected: &str| Malformed::new(format!("{key}[{place}].content"), expected);
    let lens = Lens::new(turn.as_bytes()).map_err(|_| wrong("expected a turn"))?;
    let value = prompt.beside(lens.raw("content"), Blocks::Typed).map_err(wrong)?;
    let Some(value) = value else { return Ok(turn.to_owned()) };
    let said = lens.apply(&[Edit::Set { key: "content".into(), value }]);
    Ok(String::from_utf8(said).unwrap_or_default())
}
