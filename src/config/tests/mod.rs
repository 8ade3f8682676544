//! The configuration as its users meet it: files and variables in, a world or problems out.

mod caching;
mod clouds;
mod examples;
mod external;
mod guards;
mod keys;
mod mistakes;
mod operators;
mod providers;
mod rewrites;
mod routes;
mod telemetry;
mod variables;

use std::time::Duration;

pub(super) use super::*;
use crate::route::Names;

/// A file in a folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate-config-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Compiled, Vec<Problem>> {
        load(&Sources { file: Some(self.0.join("tollgate.yaml")), environment: set(variables) }, 1)
    }

    /// The problems as humans read them, without the folder before the file's name.
    fn told(&self, problems: &[Problem]) -> Vec<String> {
        let folder = format!("{}/", self.0.display());
        problems.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn set(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn of_variables(variables: &[(&str, &str)]) -> Result<Compiled, Vec<Problem>> {
    load(&Sources { file: None, environment: set(variables) }, 7)
}

fn of_yaml(yaml: &str, variables: &[(&str, &str)]) -> Result<Compiled, Vec<Problem>> {
    Folder::new().with("tollgate.yaml", yaml).load(variables)
}

fn problems(yaml: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let folder = Folder::new().with("tollgate.yaml", yaml);
    folder.told(&folder.load(variables).unwrap_err())
}

fn names(compiled: &Compiled) -> Vec<&str> {
    compiled.snapshot.providers.iter().map(|provider| provider.name.as_str()).collect()
}

fn provider<'a>(compiled: &'a Compiled, name: &str) -> &'a crate::snapshot::Provider {
    compiled.snapshot.providers.iter().find(|provider| provider.name == name).unwrap()
}

fn opens(door: &crate::snapshot::Door, secret: Option<&[u8]>) -> bool {
    door.admit(secret.into_iter().map(Into::into), 0, None).is_ok()
}

fn keys(compiled: &Compiled, name: &str) -> Vec<String> {
    provider(compiled, name).keys.iter().map(|key| key.expose().to_owned()).collect()
}

fn targets(compiled: &Compiled, name: &str) -> Vec<String> {
    let choice = compiled.snapshot.table.choose(name, &Names::default()).unwrap();
    let providers = &compiled.snapshot.providers;
    choice
        .targets
        .iter()
        .map(|target| format!("{}/{}", providers[target.provider].name, target.model))
        .collect()
}

const KEYS: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-1"), ("TOLLGATE_MASTER_KEY", "m")];
