//! Virtual keys: those of the store, which are made and changed here, and those of the configuration,
//! which are only shown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Call, Outcome, moment_or_null, object, rules, text_or_null, texts};
use crate::admin::answer::Answer;
use crate::admin::refused::Refused;
use crate::clock;
use crate::config::{Problem, Stored};
use crate::policy::{Home, Key, Keyring};
use crate::store::keys::{Kept, Keys};
use crate::store::smith::{self, Smith, Wrong};
use crate::units::{Secret, parse_duration};
use crate::wire::json::{self, Json, Kind, Object};
use crate::wire::lens::Edit;

pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let revoked = call.ask.flag("revoked")?;
    let kept = call.admin.desk.keys(Keys::all).await.map_err(|wrong| refused(&wrong))?;
    let world = call.admin.shared.world.load();
    let all = all(&world.door.keyring, &kept);
    Ok(object(200, |answer| {
        answer.array("keys", |array| {
            for one in all.iter().filter(|one| revoked || !one.is_revoked()) {
                array.object(|object| one.tell(object));
            }
        });
    }))
}

pub(super) async fn show(call: &Call<'_>) -> Outcome {
    let name = call.name.clone();
    let world = call.admin.shared.world.load_full();
    if let Some(key) = written(&world.door.keyring, &name) {
        return Ok(object(200, |object| Shown { key: Some(key), kept: None }.tell(object)));
    }
    let kept = call.admin.desk.smith(&call.who.name, Vec::new(), move |smith| smith.find(&name)).await;
    Ok(told(call, &kept.map_err(|wrong| refused(&wrong))?, None, 200))
}

pub(super) async fn make(call: &Call<'_>) -> Outcome {
    let (name, fields) = asked(call)?;
    let Some(name) = name else { return Err(Refused::invalid("name", "expected a name")) };
    let made = call.change_keys(move |smith| smith.make(&name, &fields)).await?;
    Ok(told(call, &made.0, Some(&made.1), 201))
}

pub(super) async fn change(call: &Call<'_>) -> Outcome {
    call.refuse_written()?;
    let (other, fields) = asked(call)?;
    let name = call.name.clone();
    let kept = call.change_keys(move |smith| smith.change(&name, other.as_deref(), &fields)).await?;
    Ok(told(call, &kept, None, 200))
}

pub(super) async fn revoke(call: &Call<'_>) -> Outcome {
    call.refuse_written()?;
    let name = call.name.clone();
    let kept = call.change_keys(move |smith| smith.revoke(&name)).await?;
    Ok(told(call, &kept, None, 200))
}

pub(super) async fn rotate(call: &Call<'_>) -> Outcome {
    call.refuse_written()?;
    let mut grace = 0;
    if !call.ask.body.is_empty() {
        let body = parsed(&call.ask.body)?;
        for (field, value) in body.entries() {
            let text = match value.kind() {
                Kind::String(text) => text,
                Kind::Number(text) => *text,
                Kind::Null => continue,
                Kind::Bool(_) | Kind::Array(_) | Kind::Object(_) => "",
            };
            if field != "grace" {
                return Err(Refused::invalid(
                    &**field,
                    format!("unknown field \"{field}\"; the field here is grace"),
                ));
            }
            let span = parse_duration(text).map_err(|wrong| Refused::invalid("grace", wrong.to_string()))?;
            grace = span.as_secs();
        }
    }
    let name = call.name.clone();
    let made = call.change_keys(move |smith| smith.rotate(&name, grace)).await?;
    Ok(told(call, &made.0, Some(&made.1), 200))
}

impl Call<'_> {
    /// Works on the store's keys; what comes of it holds from the next request on.
    async fn change_keys<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Smith<'_>) -> Result<T, Wrong> + Send + 'static,
    ) -> Result<T, Refused> {
        let world = self.admin.shared.world.load_full();
        let written = world.door.keyring.keys().iter().filter(|key| is_written(key));
        let written = written.map(|key| key.name.to_string()).collect();
        let done =
            self.admin.desk.smith(&self.who.name, written, work).await.map_err(|wrong| refused(&wrong))?;
        match self.admin.reloads.take_over_keys().await {
            Ok(()) => Ok(done),
            Err(why) => {
                log::warn!("a key has changed and is not in force yet: {why}");
                Err(Refused::not_yet(&why))
            }
        }
    }

    /// Refuses to change a key of the configuration.
    fn refuse_written(&self) -> Result<(), Refused> {
        match written(&self.admin.shared.world.load().door.keyring, &self.name) {
            None => Ok(()),
            Some(key) => {
                let message = format!(
                    "the key \"{}\" is written in the configuration, and is changed there alone",
                    key.name
                );
                Err(Refused::conflict(None, "key_of_configuration", message))
            }
        }
    }
}

fn is_written(key: &Key) -> bool {
    key.home == Home::Configuration
}

fn written(keyring: &Keyring, name: &str) -> Option<Arc<Key>> {
    keyring.keys().iter().find(|key| is_written(key) && *key.name == *name).cloned()
}

/// The name and the fields that the body asks for.
fn asked(call: &Call<'_>) -> Result<(Option<String>, Vec<Edit>), Refused> {
    let body = parsed(&call.ask.body)?;
    let (mut name, mut edits) = (None, Vec::new());
    for (field, value) in body.entries() {
        let key = || Cow::Owned(field.to_string());
        match (&**field, value.kind()) {
            ("name", Kind::String(text)) if !text.trim().is_empty() => name = Some(text.trim().to_owned()),
            ("name", _) => return Err(Refused::invalid("name", "expected a name")),
            ("expires", Kind::String(when)) => edits.push(smith::expiry(when, clock::unix_seconds())),
            (_, Kind::Null) => edits.push(Edit::Remove { key: key() }),
            (_, Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Array(_) | Kind::Object(_)) => {
                edits.push(Edit::Set { key: key(), value: value.raw().to_owned() })
            }
        }
    }
    Ok((name, edits))
}

fn parsed(body: &[u8]) -> Result<Json<'_>, Refused> {
    let parsed = json::parse(body).map_err(|wrong| {
        let message = format!("no JSON: {wrong}");
        if wrong.path.is_empty() {
            Refused::malformed(message)
        } else {
            Refused::invalid(wrong.path, message)
        }
    })?;
    if parsed.is_object() { Ok(parsed) } else { Err(Refused::malformed("expected a JSON object")) }
}

/// Says no to what cannot be done with a key.
fn refused(wrong: &Wrong) -> Refused {
    match wrong {
        Wrong::Written(_) => Refused::conflict(Some("name"), "key_of_configuration", wrong.to_string()),
        Wrong::IsId => Refused::invalid("name", wrong.to_string()),
        Wrong::Taken(_) => Refused::conflict(Some("name"), "name_taken", wrong.to_string()),
        Wrong::Unknown(_) => Refused::unknown(wrong.to_string()),
        Wrong::Fields(problems) => of_fields(problems),
        Wrong::Broken(_) | Wrong::NoChance | Wrong::Failed(_) | Wrong::Stuck(_) => {
            Refused::unavailable(wrong.to_string())
        }
    }
}

fn of_fields(problems: &[Problem]) -> Refused {
    let said: Vec<String> = problems
        .iter()
        .map(|problem| {
            let hint = problem.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("{}{hint}", problem.message)
        })
        .collect();
    // What is wrong deep inside may make more around it look wrong.
    let depth = |field: &&String| field.matches('.').count();
    let field = problems.iter().rev().filter_map(|problem| problem.field.as_ref()).max_by_key(depth).cloned();
    match field {
        Some(field) => Refused::invalid(field, said.join("; ")),
        None => Refused::malformed(said.join("; ")),
    }
}

/// Tells of a key of the store as it now is in force.
fn told(call: &Call<'_>, kept: &Kept, secret: Option<&Secret>, status: u16) -> Answer {
    let world = call.admin.shared.world.load();
    let is_it = |key: &&Arc<Key>| !is_written(key) && *key.id == *kept.stored.id;
    let key = world.door.keyring.keys().iter().find(is_it).cloned();
    let shown = Shown { key, kept: Some(kept) };
    match secret {
        None => object(status, |object| shown.tell(object)),
        Some(secret) => object(status, |object| {
            object.object("key", |object| shown.tell(object));
            object.string("secret", secret.expose());
        }),
    }
}

/// All keys: those of the configuration before those of the store, which are in order of their age.
fn all<'k>(keyring: &Keyring, kept: &'k [Kept]) -> Vec<Shown<'k>> {
    let stored = keyring.keys().iter().filter(|key| !is_written(key));
    let by_id: BTreeMap<&str, &Arc<Key>> = stored.map(|key| (&*key.id, key)).collect();
    let written = keyring.keys().iter().filter(|key| is_written(key));
    let written = written.map(|key| Shown { key: Some(Arc::clone(key)), kept: None });
    let stored = kept.iter().map(|kept| {
        let key = by_id.get(&*kept.stored.id).map(|key| Arc::clone(key));
        Shown { key, kept: Some(kept) }
    });
    written.chain(stored).collect()
}

/// What is known of a key.
struct Shown<'k> {
    /// As it is in force; none where its fields are broken, or the configuration has one of its name.
    key: Option<Arc<Key>>,
    /// As it is kept; none where it is written in the configuration.
    kept: Option<&'k Kept>,
}

impl Shown<'_> {
    fn is_revoked(&self) -> bool {
        self.kept.is_some_and(|kept| kept.stored.revoked.is_some())
    }

    fn tell(&self, object: &mut Object<'_>) {
        let now = clock::unix_seconds();
        let nothing = Key::default();
        let key = self.key.as_deref().unwrap_or(&nothing);
        let stored = self.kept.map(|kept| &kept.stored);
        object.string("id", stored.map_or(&*key.id, |stored| &stored.id));
        object.string("name", stored.map_or(&*key.name, |stored| &stored.name));
        object.string("source", if stored.is_some() { "store" } else { "configuration" });
        object.string("state", self.state(stored, key, now));
        object.string("owner", &key.owner);
        texts(object, "labels", key.labels.iter().map(|label| &**label));
        object.bool("enabled", key.enabled);
        moment_or_null(object, "expires", key.expires);
        moment_or_null(object, "revoked", stored.and_then(|stored| stored.revoked));
        text_or_null(object, "hint", self.kept.map(|kept| kept.hint.as_str()));
        moment_or_null(object, "made", self.kept.map(|kept| kept.made));
        moment_or_null(object, "changed", self.kept.map(|kept| kept.changed));
        let old = stored.and_then(|stored| stored.secrets.iter().find_map(|(_, until)| *until));
        moment_or_null(object, "replaced_secret_ends", old);
        texts(object, "models", key.access.models.iter().map(String::as_str));
        texts(object, "routes", key.access.routes.iter().map(String::as_str));
        let addresses: Vec<String> = key.access.addresses.iter().map(ToString::to_string).collect();
        texts(object, "addresses", addresses.iter().map(String::as_str));
        let own = || key.rules.iter().filter(|rule| rule.node.kind == "key");
        rules::rules(object, "limits", own().filter(|rule| !rules::is_budget(rule)), now);
        rules::rules(object, "budgets", own().filter(|rule| rules::is_budget(rule)), now);
        object.object("metadata", |notes| {
            key.metadata.iter().for_each(|(name, text)| notes.string(name, text));
        });
        // What a form begins with: the words in which it is changed.
        match stored {
            Some(stored) => object.raw("fields", &stored.fields),
            None => object.null("fields"),
        }
    }

    fn state(&self, stored: Option<&Stored>, key: &Key, now: u64) -> &'static str {
        match stored {
            Some(stored) if self.key.is_none() => match smith::state(stored, now) {
                "live" | "disabled" | "expired" => "shadowed",
                state => state,
            },
            Some(stored) => smith::state(stored, now),
            None if !key.enabled => "disabled",
            None if key.expires.is_some_and(|end| end <= now) => "expired",
            None => "live",
        }
    }
}
