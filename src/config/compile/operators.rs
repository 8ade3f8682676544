//! Admin keys: who may do what at the operator's listener.

use crate::config::file::File;
use crate::policy::{Operator, Scope};

use super::Check;
use super::keys::is_name;

/// A secret shorter than this can be guessed.
const SHORTEST_SECRET: usize = 16;

/// The admin keys of the file, besides the master key.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Vec<Operator> {
    let mut operators: Vec<Operator> = Vec::with_capacity(file.admin.keys.len());
    for (name, written) in &file.admin.keys {
        let path = ["admin", "keys", name.as_str()];
        if !is_name(name) || name.trim() == Operator::MASTER {
            let hint = "\"master\" is what the master key is called".to_owned();
            check.error(&path, "expected a name", hint);
        }
        let Some(secret) = written.key.as_ref().map(|key| &key.0).filter(|key| !key.is_empty()) else {
            let hint = "key: ${env:NAME} or ${file:PATH} takes it from there".to_owned();
            check.error(&path, "the admin key has no secret", hint);
            continue;
        };
        if secret.expose().len() < SHORTEST_SECRET {
            let message = format!("a secret of less than {SHORTEST_SECRET} letters can be guessed");
            let place = check.place(&["admin", "keys", name, "key"]);
            check.problems.warning(&place, message, "`openssl rand -hex 32` makes a good one".to_owned());
        }
        let secret = blake3::hash(secret.expose().as_bytes());
        if let Some(other) = operators.iter().find(|other| other.secret == secret) {
            let message = format!("\"{name}\" has the same secret as \"{}\"", other.name);
            check.error(&path, message, None);
        }
        let mut scopes: Vec<Scope> = written.scopes.iter().map(|scope| Scope::from(*scope)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        operators.push(Operator { name: name.trim().into(), secret, scopes });
    }
    operators
}
