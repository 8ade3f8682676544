//! `tollgate keys`: makes, shows, changes and revokes virtual keys in the folder for data. A running
//! gateway takes a change over within a second.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{complain, complain_of, say};
use crate::clock::{self, RequestId};
use crate::config::{self, Sources, Stored};
use crate::policy::{Digest, key};
use crate::store::keys::{Failure, Kept, Keys};
use crate::units::{Secret, parse_duration};
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

const EXAMPLES: &str = "\
Examples:
  tollgate keys create web --owner acme/search/api --model 'gpt-4o*' --expires 90d
  tollgate keys create batch --label night --address 10.0.0.0/8 --json | jq -r .key
  tollgate keys update web --set 'limits=[{\"requests\": 60, \"per\": \"minute\"}]'
  tollgate keys rotate web --grace 24h
  tollgate keys revoke web
A key's secret is shown once, when it is made; only its hash is kept.";

/// The command's own arguments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and print its secret, once.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// List the keys.
    List {
        /// Revoked ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show all that is known of a key.
    Show {
        /// Its name or id.
        name: String,
    },
    /// Change a key; what is not named stays.
    Update {
        /// Its name or id.
        name: String,
        /// Give it another name.
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Switch it on.
        #[arg(long, conflicts_with = "disabled")]
        enabled: bool,
        #[command(flatten)]
        fields: Fields,
    },
    /// Give a key another secret and print it, once.
    Rotate {
        /// Its name or id.
        name: String,
        /// How long the present secret still opens: 24h, 30m.
        #[arg(long, default_value = "0s", value_parser = parse_duration, value_name = "TIME")]
        grace: std::time::Duration,
    },
    /// Take a key out of use for ever.
    Revoke {
        /// Its name or id.
        name: String,
    },
    /// Print the hash of the secret on standard input, for `hash:` in the configuration.
    Hash,
}

/// The fields of a key; each has the meaning that it has in the configuration.
#[derive(Debug, Args)]
struct Fields {
    /// Whose it is: org/team/service.
    #[arg(long, value_name = "PATH")]
    owner: Option<String>,
    /// What it is counted under besides; may be given several times.
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// A model it may ask for, `*` standing for any letters; may be given several times.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// A route or alias it may ask for; may be given several times.
    #[arg(long = "route", value_name = "ROUTE")]
    routes: Vec<String>,
    /// A block of addresses it may be used from; may be given several times.
    #[arg(long = "address", value_name = "CIDR")]
    addresses: Vec<String>,
    /// When it ends: in 30d, at 2027-01-31, or never.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// A note: NAME=TEXT; may be given several times.
    #[arg(long = "metadata", value_name = "NAME=TEXT")]
    metadata: Vec<String>,
    /// Switch it off.
    #[arg(long)]
    disabled: bool,
    /// Any field as JSON, or null to take it out: FIELD=JSON; may be given several times.
    #[arg(long = "set", value_name = "FIELD=JSON")]
    set: Vec<String>,
}

/// Runs the command.
pub(super) fn keys(file: Option<PathBuf>, arguments: &Arguments) -> ExitCode {
    if let Command::Hash = arguments.command {
        return hash();
    }
    let compiled = match config::load(&Sources::from_process(file), 1) {
        Ok(compiled) => compiled,
        Err(problems) => return complain_of(&problems),
    };
    let mut store = match Keys::open(&compiled.process.data_dir) {
        Ok(store) => store,
        Err(unusable) => {
            complain(&format!("the keys cannot be read: {unusable}"));
            return ExitCode::FAILURE;
        }
    };
    let now = clock::unix_seconds();
    let mut desk = Desk { store: &mut store, now, json: arguments.json };
    let written = compiled.keys.drafts.iter().map(|draft| &*draft.key.name);
    let outcome = match &arguments.command {
        Command::Create { name, fields } => desk.create(name, fields, written),
        Command::List { all } => desk.list(*all),
        Command::Show { name } => desk.show(name),
        Command::Update { name, rename, enabled, fields } => {
            desk.update(name, rename.as_deref(), *enabled, fields, written)
        }
        Command::Rotate { name, grace } => desk.rotate(name, grace.as_secs()),
        Command::Revoke { name } => desk.revoke(name),
        Command::Hash => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn hash() -> ExitCode {
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() || text.trim().is_empty() {
        complain("expected a secret on standard input");
        return ExitCode::FAILURE;
    }
    say(&Digest::of(Secret::new(&text).expose().as_bytes()).to_string());
    ExitCode::SUCCESS
}

struct Desk<'a> {
    store: &'a mut Keys,
    now: u64,
    json: bool,
}

impl Desk<'_> {
    fn create<'n>(
        &mut self,
        name: &str,
        fields: &Fields,
        mut written: impl Iterator<Item = &'n str>,
    ) -> Result<(), String> {
        let name = name.trim();
        if written.any(|written| written == name) {
            return Err(format!("the configuration has a key \"{name}\" already"));
        }
        let (secret, digest) = fresh()?;
        let stored = Stored {
            id: format!("key_{}", RequestId::fresh()),
            name: name.to_owned(),
            secrets: vec![(digest, None)],
            revoked: None,
            fields: fields.laid_over("{}", self.now)?,
        };
        check(&stored)?;
        let kept = Kept { stored, hint: key::hint(&secret), made: self.now, changed: self.now };
        self.store.create(&kept).map_err(|failure| told(name, &failure))?;
        self.tell_secret(&kept, &secret, "Keep it now: it is not shown again.");
        Ok(())
    }

    fn update<'n>(
        &mut self,
        name: &str,
        rename: Option<&str>,
        enabled: bool,
        fields: &Fields,
        mut written: impl Iterator<Item = &'n str>,
    ) -> Result<(), String> {
        let mut kept = self.find(name)?;
        if let Some(other) = rename.map(str::trim) {
            if written.any(|written| written == other) {
                return Err(format!("the configuration has a key \"{other}\" already"));
            }
            other.clone_into(&mut kept.stored.name);
        }
        let mut changed = fields.laid_over(&kept.stored.fields, self.now)?;
        if enabled {
            changed = with(&changed, &[Edit::Remove { key: "enabled".into() }])?;
        }
        kept.stored.fields = changed;
        check(&kept.stored)?;
        let Stored { id, name: named, fields, .. } = &kept.stored;
        self.store.update(id, named, fields, self.now).map_err(|failure| told(named, &failure))?;
        self.show(&kept.stored.id)
    }

    fn rotate(&mut self, name: &str, grace: u64) -> Result<(), String> {
        let kept = self.find(name)?;
        let (secret, digest) = fresh()?;
        let until = self.now.saturating_add(grace);
        let hint = key::hint(&secret);
        self.store
            .rotate(&kept.stored.id, digest, &hint, until, self.now)
            .map_err(|failure| told(name, &failure))?;
        let kept = self.find(&kept.stored.id)?;
        let note = if grace == 0 {
            "Keep it now: it is not shown again. The one before opens nothing any more.".to_owned()
        } else {
            format!("Keep it now: it is not shown again. The one before opens until {}.", moment(until))
        };
        self.tell_secret(&kept, &secret, &note);
        Ok(())
    }

    fn revoke(&mut self, name: &str) -> Result<(), String> {
        let kept = self.find(name)?;
        self.store.revoke(&kept.stored.id, self.now).map_err(|failure| told(name, &failure))?;
        let kept = self.find(&kept.stored.id)?;
        if self.json {
            say(&shown(&kept, None));
        } else {
            say(&format!("the key \"{}\" is revoked", kept.stored.name));
        }
        Ok(())
    }

    fn show(&mut self, name: &str) -> Result<(), String> {
        let kept = self.find(name)?;
        if self.json {
            say(&shown(&kept, None));
        } else {
            say(&for_humans(&kept, self.now));
        }
        Ok(())
    }

    fn list(&self, all: bool) -> Result<(), String> {
        let mut keys = self.store.all().map_err(|failure| failure.to_string())?;
        keys.retain(|kept| all || kept.stored.revoked.is_none());
        if self.json {
            let keys: Vec<_> = keys.iter().map(|kept| shown(kept, None)).collect();
            say(&format!("[{}]", keys.join(",")));
            return Ok(());
        }
        say(&format!("{:<24} {:<12} {:<9} {:<32} MADE", "NAME", "SECRET", "STATE", "OWNER"));
        for kept in keys {
            let owner = field(&kept, "owner").unwrap_or_default();
            let (name, hint) = (&kept.stored.name, format!("{}…", kept.hint));
            let made = moment(kept.made);
            say(&format!("{name:<24} {hint:<12} {:<9} {owner:<32} {made}", state(&kept, self.now)));
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<Kept, String> {
        self.store.find(name).map_err(|failure| told(name, &failure))
    }

    fn tell_secret(&self, kept: &Kept, secret: &Secret, note: &str) {
        if self.json {
            say(&shown(kept, Some(secret)));
            return;
        }
        say(secret.expose());
        complain(&format!("This is the key \"{}\" ({}). {note}", kept.stored.name, kept.stored.id));
    }
}

impl Fields {
    /// The fields with those that were given in their places.
    fn laid_over(&self, fields: &str, now: u64) -> Result<String, String> {
        let mut edits = Vec::new();
        let mut set = |key: &'static str, value: String| edits.push(Edit::Set { key: key.into(), value });
        if let Some(owner) = &self.owner {
            set("owner", json::string(owner));
        }
        for (key, list) in [
            ("labels", &self.labels),
            ("models", &self.models),
            ("routes", &self.routes),
            ("addresses", &self.addresses),
        ] {
            if !list.is_empty() {
                let mut out = Vec::new();
                json::array(&mut out, |array| list.iter().for_each(|item| array.string(item)));
                set(key, String::from_utf8_lossy(&out).into_owned());
            }
        }
        if !self.metadata.is_empty() {
            let mut notes = Vec::new();
            for note in &self.metadata {
                notes.push(
                    note.split_once('=').ok_or_else(|| format!("expected NAME=TEXT, found \"{note}\""))?,
                );
            }
            let mut out = Vec::new();
            json::object(&mut out, |object| notes.iter().for_each(|(name, text)| object.string(name, text)));
            set("metadata", String::from_utf8_lossy(&out).into_owned());
        }
        if self.disabled {
            set("enabled", "false".to_owned());
        }
        match self.expires.as_deref().map(str::trim) {
            None => {}
            Some("never") => edits.push(Edit::Remove { key: "expires".into() }),
            Some(when) => {
                let moment = parse_duration(when).ok().map(|time| moment(now.saturating_add(time.as_secs())));
                let value = json::string(moment.as_deref().unwrap_or(when));
                edits.push(Edit::Set { key: "expires".into(), value });
            }
        }
        for pair in &self.set {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("expected FIELD=JSON, found \"{pair}\""))?;
            let key: std::borrow::Cow<'static, str> = key.trim().to_owned().into();
            if value.trim() == "null" {
                edits.push(Edit::Remove { key });
                continue;
            }
            json::validate(value.as_bytes()).map_err(|wrong| format!("--set {key}: no JSON: {wrong}"))?;
            edits.push(Edit::Set { key, value: value.trim().to_owned() });
        }
        with(fields, &edits)
    }
}

fn with(fields: &str, edits: &[Edit]) -> Result<String, String> {
    let lens = Lens::new(fields.as_bytes())
        .map_err(|wrong| format!("what is kept of the key is broken: {wrong}"))?;
    Ok(String::from_utf8_lossy(&lens.apply(edits)).into_owned())
}

fn fresh() -> Result<(Secret, Digest), String> {
    let bits = clock::secret_bits().ok_or("the system gives no random numbers")?;
    let secret = key::secret(bits);
    let digest = Digest::of(secret.expose().as_bytes());
    Ok((secret, digest))
}

/// Says what is wrong with a key before it is kept.
fn check(stored: &Stored) -> Result<(), String> {
    let (_, problems) = config::stored(std::slice::from_ref(stored));
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn told(name: &str, failure: &Failure) -> String {
    match failure {
        Failure::Taken | Failure::Unknown => format!("\"{name}\": {failure}"),
        Failure::Failed(_) => failure.to_string(),
    }
}

fn state(kept: &Kept, now: u64) -> &'static str {
    let (drafts, _) = config::stored(std::slice::from_ref(&kept.stored));
    match drafts.first().map(|draft| draft.key.admit(now, None)) {
        None => "broken",
        Some(Ok(()) | Err(crate::policy::Closed::Address | crate::policy::Closed::Rotated(_))) => "live",
        Some(Err(crate::policy::Closed::Revoked(_))) => "revoked",
        Some(Err(crate::policy::Closed::Disabled)) => "disabled",
        Some(Err(crate::policy::Closed::Expired(_))) => "expired",
    }
}

fn field(kept: &Kept, name: &str) -> Option<String> {
    Some(Lens::new(kept.stored.fields.as_bytes()).ok()?.string(name)?.into_owned())
}

fn moment(seconds: u64) -> String {
    crate::provider::auth::moment::rfc3339(seconds)
}

/// A key as JSON, with its secret where that is fresh.
fn shown(kept: &Kept, secret: Option<&Secret>) -> String {
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.string("id", &kept.stored.id);
        object.string("name", &kept.stored.name);
        object.opt_string("key", secret.map(Secret::expose));
        object.string("hint", &kept.hint);
        object.string("state", state(kept, clock::unix_seconds()));
        object.string("made", &moment(kept.made));
        object.string("changed", &moment(kept.changed));
        object.opt_string("revoked", kept.stored.revoked.map(moment).as_deref());
        let old = kept.stored.secrets.iter().find_map(|(_, until)| *until);
        object.opt_string("replaced_secret_ends", old.map(moment).as_deref());
        object.raw("fields", &kept.stored.fields);
    });
    String::from_utf8_lossy(&out).into_owned()
}

fn for_humans(kept: &Kept, now: u64) -> String {
    let mut lines = vec![
        format!("name     {}", kept.stored.name),
        format!("id       {}", kept.stored.id),
        format!("secret   {}…", kept.hint),
        format!("state    {}", state(kept, now)),
        format!("made     {}", moment(kept.made)),
        format!("changed  {}", moment(kept.changed)),
    ];
    for (_, until) in &kept.stored.secrets {
        lines.extend(until.map(|until| format!("the secret before opens until {}", moment(until))));
    }
    if let Ok(fields) = json::parse(kept.stored.fields.as_bytes()) {
        lines.extend(fields.entries().iter().map(|(key, value)| format!("{key:<8} {}", value.raw())));
    }
    lines.join("\n")
}
