//! Microsoft: how a token of Entra's is got.

use crate::config::file;
use crate::provider::auth::entra::{AUTHORITY, Endpoint, IMDS, Proof, SCOPE, Way};
use crate::units::Secret;

use super::{Check, Subject, said};

/// The way that the file or the environment names; none where neither does.
pub(super) fn way(subject: &Subject<'_>, check: &mut Check<'_>) -> Option<Way> {
    let none = file::Auth::default();
    let auth = subject.written.auth.as_ref().unwrap_or(&none);
    let scope = said(auth.scope.as_ref()).unwrap_or_else(|| SCOPE.to_owned());
    let client = said(auth.client_id.as_ref()).or_else(|| check.variable(&["AZURE_CLIENT_ID"]));
    if auth.managed_identity {
        return managed(client, scope, check);
    }
    let tenant = said(auth.tenant_id.as_ref()).or_else(|| check.variable(&["AZURE_TENANT_ID"]));
    let proof = proof(auth, check);
    if let (Some(tenant), Some(client), Some(proof)) = (&tenant, &client, &proof) {
        let authority = check.address("AZURE_AUTHORITY_HOST", "https", AUTHORITY)?;
        let (tenant, client, proof) = (tenant.clone(), client.clone(), proof.clone());
        return Some(Way::Client { authority, tenant, client, proof, scope });
    }
    let at_hand = check.variable(&["IDENTITY_ENDPOINT"]).is_some();
    let told = auth.client_secret.is_some() || auth.token_file.is_some() || auth.tenant_id.is_some();
    if at_hand && !told {
        return managed(client, scope, check);
    }
    if subject.written.auth.is_some() {
        let missing = [("tenant_id", tenant.is_some()), ("client_id", client.is_some())];
        let missing = missing.iter().find(|(_, there)| !there);
        let missing = missing.map_or("client_secret or token_file", |(field, _)| *field);
        let hint = "or set managed_identity: true for the machine's own".to_owned();
        check.error(&["providers", subject.name, "auth"], format!("{missing} is missing"), hint);
    }
    None
}

fn proof(auth: &file::Auth, check: &Check<'_>) -> Option<Proof> {
    let secret = auth.client_secret.as_ref().map(|secret| secret.0.clone());
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        return Some(Proof::Secret(secret));
    }
    if let Some(path) = said(auth.token_file.as_ref()) {
        return Some(Proof::File(check.beside(&path)));
    }
    let secret = check.variable(&["AZURE_CLIENT_SECRET"]).map(|secret| Proof::Secret(Secret::new(&secret)));
    secret.or_else(|| check.variable(&["AZURE_FEDERATED_TOKEN_FILE"]).map(Proof::File))
}

fn managed(client: Option<String>, scope: String, check: &mut Check<'_>) -> Option<Way> {
    let endpoint = if check.variable(&["IDENTITY_ENDPOINT"]).is_some() {
        let header = check.variable(&["IDENTITY_HEADER"]).unwrap_or_default();
        Endpoint::App(check.address("IDENTITY_ENDPOINT", "http", IMDS)?, Secret::new(&header))
    } else {
        Endpoint::Imds(check.address("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http", IMDS)?)
    };
    Some(Way::Managed { endpoint, client: client.unwrap_or_default(), scope })
}
