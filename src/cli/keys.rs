//! `tollgate keys`: makes, shows, changes and revokes virtual keys in the folder for data. A running
//! gateway takes a change over within a second.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{complain, complain_of, say};
use crate::clock;
use crate::config::{self, Sources};
use crate::policy::Digest;
use crate::store::keys::{Kept, Keys};
use crate::store::smith::{self, Smith, state};
use crate::units::civil::rfc3339;
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
    let written: Vec<String> = compiled.keys.drafts.iter().map(|draft| draft.key.name.to_string()).collect();
    let smith = Smith { store: &mut store, who: "cli", written: &written };
    let mut desk = Desk { smith, now: clock::unix_seconds(), json: arguments.json };
    let outcome = match &arguments.command {
        Command::Create { name, fields } => desk.create(name, fields),
        Command::List { all } => desk.list(*all),
        Command::Show { name } => desk.show(name),
        Command::Update { name, rename, enabled, fields } => {
            desk.update(name, rename.as_deref(), *enabled, fields)
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
    smith: Smith<'a>,
    now: u64,
    json: bool,
}

impl Desk<'_> {
    fn create(&mut self, name: &str, fields: &Fields) -> Result<(), String> {
        let (kept, secret) =
            self.smith.make(name, &fields.edits(self.now)?).map_err(|wrong| wrong.to_string())?;
        self.tell_secret(&kept, &secret, "Keep it now: it is not shown again.");
        Ok(())
    }

    fn update(
        &mut self,
        name: &str,
        rename: Option<&str>,
        enabled: bool,
        fields: &Fields,
    ) -> Result<(), String> {
        let mut edits = fields.edits(self.now)?;
        if enabled {
            edits.push(Edit::Remove { key: "enabled".into() });
        }
        let kept = self.smith.change(name, rename, &edits).map_err(|wrong| wrong.to_string())?;
        self.tell(&kept);
        Ok(())
    }

    fn rotate(&mut self, name: &str, grace: u64) -> Result<(), String> {
        let (kept, secret) = self.smith.rotate(name, grace).map_err(|wrong| wrong.to_string())?;
        let until = kept.stored.secrets.iter().find_map(|(_, until)| *until).filter(|_| grace > 0);
        let note = match until {
            None => "Keep it now: it is not shown again. The one before opens nothing any more.".to_owned(),
            Some(until) => {
                format!("Keep it now: it is not shown again. The one before opens until {}.", rfc3339(until))
            }
        };
        self.tell_secret(&kept, &secret, &note);
        Ok(())
    }

    fn revoke(&mut self, name: &str) -> Result<(), String> {
        let kept = self.smith.revoke(name).map_err(|wrong| wrong.to_string())?;
        if self.json {
            say(&shown(&kept, None));
        } else {
            say(&format!("the key \"{}\" is revoked", kept.stored.name));
        }
        Ok(())
    }

    fn show(&self, name: &str) -> Result<(), String> {
        self.tell(&self.smith.find(name).map_err(|wrong| wrong.to_string())?);
        Ok(())
    }

    fn tell(&self, kept: &Kept) {
        say(&if self.json { shown(kept, None) } else { for_humans(kept, self.now) });
    }

    fn list(&self, all: bool) -> Result<(), String> {
        let mut keys = self.smith.store.all().map_err(|failure| failure.to_string())?;
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
            let made = rfc3339(kept.made);
            say(&format!("{name:<24} {hint:<12} {:<9} {owner:<32} {made}", state(&kept.stored, self.now)));
        }
        Ok(())
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
    /// What is to be set of those that were given.
    fn edits(&self, now: u64) -> Result<Vec<Edit>, String> {
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
        edits.extend(self.expires.as_deref().map(|when| smith::expiry(when, now)));
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
        Ok(edits)
    }
}

fn field(kept: &Kept, name: &str) -> Option<String> {
    Some(Lens::new(kept.stored.fields.as_bytes()).ok()?.string(name)?.into_owned())
}

/// A key as JSON, with its secret where that is fresh.
fn shown(kept: &Kept, secret: Option<&Secret>) -> String {
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.string("id", &kept.stored.id);
        object.string("name", &kept.stored.name);
        object.opt_string("key", secret.map(Secret::expose));
        object.string("hint", &kept.hint);
        object.string("state", state(&kept.stored, clock::unix_seconds()));
        object.string("made", &rfc3339(kept.made));
        object.string("changed", &rfc3339(kept.changed));
        object.opt_string("revoked", kept.stored.revoked.map(rfc3339).as_deref());
        let old = kept.stored.secrets.iter().find_map(|(_, until)| *until);
        object.opt_string("replaced_secret_ends", old.map(rfc3339).as_deref());
        object.raw("fields", &kept.stored.fields);
    });
    String::from_utf8_lossy(&out).into_owned()
}

fn for_humans(kept: &Kept, now: u64) -> String {
    let mut lines = vec![
        format!("name     {}", kept.stored.name),
        format!("id       {}", kept.stored.id),
        format!("secret   {}…", kept.hint),
        format!("state    {}", state(&kept.stored, now)),
        format!("made     {}", rfc3339(kept.made)),
        format!("changed  {}", rfc3339(kept.changed)),
    ];
    for (_, until) in &kept.stored.secrets {
        lines.extend(until.map(|until| format!("the secret before opens until {}", rfc3339(until))));
    }
    if let Ok(fields) = json::parse(kept.stored.fields.as_bytes()) {
        lines.extend(fields.entries().iter().map(|(key, value)| format!("{key:<8} {}", value.raw())));
    }
    lines.join("\n")
}
