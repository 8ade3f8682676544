//! Which models the configured providers list, asked in the background and kept on disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;
use pingora::protocols::http::client::HttpSession;

use crate::ir::Dialect;
use crate::provider::url::path_for;
use crate::provider::{Base, Operation};
use crate::proxy::departure;
use crate::proxy::shared::Shared;
use crate::route::Names;
use crate::snapshot::{Cloud, Provider};
use crate::wire::json;

/// A provider may take this long to list its models.
const PATIENCE: Duration = Duration::from_secs(20);

/// A list may be this large.
const LARGEST: usize = 8 << 20;

/// The background discovery.
pub struct Discovery {
    cache: PathBuf,
    /// Provider name → the models it listed last.
    lists: BTreeMap<String, Vec<String>>,
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Discovery {
    /// A discovery that keeps what it finds in this file.
    #[must_use]
    pub fn new(cache: PathBuf) -> Self {
        let lists = std::fs::read(&cache).map(|bytes| read_lists(&bytes)).unwrap_or_default();
        Self { cache, lists }
    }

    /// Publishes what is known so far of providers that are asked; an older list may be of one that is not any more.
    pub fn remember(&self, shared: &Shared) {
        for world in shared.world.load().both() {
            let mut names = Names::default();
            let asked = world.providers.iter().enumerate().filter(|(_, provider)| provider.discover);
            for (index, provider) in asked {
                for model in self.lists.get(&provider.name).into_iter().flatten() {
                    let servers = names.entry(model.clone()).or_default();
                    if !servers.contains(&index) {
                        servers.push(index);
                    }
                }
            }
            world.discovered.store(names.into());
        }
    }

    /// Asks every provider that anybody may be sent to, publishes and keeps what they list.
    pub async fn run(&mut self, shared: &Shared) {
        let world = shared.world.load_full();
        // It holds every root certificate; between runs, an hour apart, nobody needs them.
        let connector = Connector::new(None);
        for provider in world.providers_of_both().filter(|provider| provider.discover) {
            match tokio::time::timeout(PATIENCE, Self::list(&connector, shared, provider)).await {
                Ok(Some(models)) if !models.is_empty() => {
                    log::debug!("{} lists {} models", provider.name, models.len());
                    self.lists.insert(provider.name.clone(), models);
                }
                Ok(_) | Err(_) => log::debug!("{} lists no models", provider.name),
            }
        }
        self.remember(shared);
        if let Err(error) = self.keep() {
            log::debug!("the discovered models cannot be kept: {error}");
        }
    }

    async fn list(connector: &Connector, shared: &Shared, provider: &Provider) -> Option<Vec<String>> {
        let (status, mut session) = ask(connector, shared, provider).await?;
        if status != 200 {
            return None;
        }
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = session.read_response_body().await {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return None;
            }
        }
        read_list(&body)
    }

    fn keep(&self) -> std::io::Result<()> {
        if self.lists.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        json::object(&mut text, |lists| {
            for (provider, models) in &self.lists {
                lists.array(provider, |list| models.iter().for_each(|model| list.string(model)));
            }
        });
        if let Some(folder) = self.cache.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let fresh = self.cache.with_extension("json.new");
        std::fs::write(&fresh, text)?;
        std::fs::rename(fresh, &self.cache)
    }
}

/// How a provider is asked for its models; `None` where it lists none, or only to those who sign.
fn place(provider: &Provider) -> Option<(Dialect, Base, String)> {
    if provider.cloud.as_ref().is_some_and(Cloud::signs) {
        return None;
    }
    let (dialect, base) = provider.spoken().into_iter().next()?;
    let version = provider.api_version.as_deref();
    let path = path_for(provider.vendor, &base, dialect, Operation::Models, "", version)?;
    Some((dialect, base, path))
}

/// Whether a provider can be asked for its models.
pub(super) fn can_be_asked(provider: &Provider) -> bool {
    place(provider).is_some()
}

/// Asks a provider for its models: the status that it answers with, and where the rest comes from; nothing where
/// it cannot be asked, or does not answer.
pub(super) async fn ask(
    connector: &Connector,
    shared: &Shared,
    provider: &Provider,
) -> Option<(u16, HttpSession)> {
    let (dialect, base, path) = place(provider)?;
    let address = shared.resolver.address(&base.host, base.port).await?;
    let mut peer = HttpPeer::new(address, base.tls, base.host.clone());
    peer.options.connection_timeout = Some(PATIENCE);
    peer.options.read_timeout = Some(PATIENCE);
    let (mut session, _) = connector.get_http_session(&peer).await.ok()?;
    let mut head = RequestHeader::build("GET", path.as_bytes(), Some(8)).ok()?;
    head.insert_header("host", base.authority()).ok()?;
    head.insert_header("accept", "application/json").ok()?;
    head.insert_header("accept-encoding", "identity").ok()?;
    for (name, value) in provider.vendor.auth.headers(dialect, departure::secret(provider, 0)) {
        head.insert_header(name, value).ok()?;
    }
    if let Some(cloud) = &provider.cloud {
        let lent = shared.credentials.lend(&cloud.source, None, PATIENCE).await.ok()?;
        head.insert_header("authorization", lent.header.clone()?).ok()?;
    }
    for (name, value) in &provider.headers {
        head.insert_header(name.clone(), value).ok()?;
    }
    session.write_request_header(Box::new(head)).await.ok()?;
    session.finish_request_body().await.ok()?;
    session.read_response_header().await.ok()?;
    let status = session.response_header()?.status.as_u16();
    Some((status, session))
}

/// The models in a vendor's list: OpenAI's and Anthropic's `data[].id`; `models[].name` of Gemini,
/// Ollama and Cohere; watsonx' `resources[].model_id`.
fn read_list(body: &[u8]) -> Option<Vec<String>> {
    let list = json::parse(body).ok()?;
    let lists = ["data", "models", "resources"].into_iter().map(|name| list.field(name));
    let entries = lists.chain([Some(&list)]).flatten();
    let entries = entries.map(json::Json::elements).find(|entries| !entries.is_empty())?;
    let name = |entry: &json::Json<'_>| {
        let name = ["id", "name", "model_id"].into_iter().find_map(|key| entry.field(key));
        let name = name?.as_str()?;
        Some(name.strip_prefix("models/").unwrap_or(name).to_owned())
    };
    Some(entries.iter().filter_map(name).filter(|name| name.len() <= 256).collect())
}

fn read_lists(bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
    let Ok(lists) = json::parse(bytes) else { return BTreeMap::new() };
    let list = |models: &json::Json<'_>| {
        models.elements().iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    lists.entries().iter().map(|(provider, models)| (provider.clone().into_owned(), list(models))).collect()
}

/// The hosts that a provider may be spoken to at.
#[must_use]
pub fn hosts(provider: &Provider) -> Vec<String> {
    let mut hosts = vec![provider.base.host.clone()];
    for (_, base) in provider.spoken() {
        if !hosts.contains(&base.host) {
            hosts.push(base.host);
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Sources};

    #[test]
    fn who_lists_no_models_or_only_to_those_who_sign_cannot_be_asked() {
        let file = std::env::temp_dir().join(format!("tollgate-discovery-{}.yaml", std::process::id()));
        let yaml = "master_key: m\nproviders:\n  openai: {api_key: k}\n  bedrock: {region: r-1, api_key: k}\n  \
                    bedrock_mantle: {region: r-1, auth: {access_key_id: a, secret_access_key: s}}\n  \
                    keyed: {vendor: bedrock_mantle, region: r-1, api_key: k}\n  replicate: {api_key: k}\n  \
                    watsonx: {api_key: k, project: p}\n";
        std::fs::write(&file, yaml).unwrap();
        let loaded = config::load(&Sources { file: Some(file.clone()), ..Sources::default() }, 1);
        std::fs::remove_file(file).unwrap();
        let providers = loaded.unwrap().snapshot.providers;
        let mut asked: Vec<_> =
            providers.iter().filter(|one| can_be_asked(one)).map(|one| one.name.as_str()).collect();
        asked.sort_unstable();
        assert_eq!(asked, ["keyed", "openai", "watsonx"]);
    }
}
