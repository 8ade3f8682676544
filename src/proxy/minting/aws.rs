//! Walks the places where Amazon's credentials may be found, and assumes the roles on the way.

use std::pin::Pin;

use super::carrier::{Carrier, find, read};
use crate::clock;
use crate::provider::auth::aws::{self, Chain, Link, Role, WebIdentity};
use crate::provider::auth::profile::{Elsewhere, Files, Profile};
use crate::provider::auth::sigv4::Keys;
use crate::provider::auth::{Credential, Minted};

/// Keys from the first place that has some.
///
/// # Errors
/// Why there are none.
pub(super) async fn mint(carrier: &Carrier<'_>, chain: &Chain) -> Result<Minted, String> {
    let walk = Walk { carrier, chain };
    let mut found = None;
    for link in &chain.links {
        found = walk.link(link).await?;
        if found.is_some() {
            break;
        }
    }
    let minted =
        found.ok_or("there are no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")?;
    match &chain.role {
        Some(role) => walk.assume(role, &minted).await,
        None => Ok(minted),
    }
}

struct Walk<'a> {
    carrier: &'a Carrier<'a>,
    chain: &'a Chain,
}

impl Walk<'_> {
    /// The keys of one place; none where there is nothing.
    async fn link(&self, link: &Link) -> Result<Option<Minted>, String> {
        match link {
            Link::Keys(keys) => Ok(Some(lasting(keys))),
            Link::WebIdentity(identity) => self.with_token(identity).await.map(Some),
            Link::Profile { name, chosen, credentials, config } => {
                let (credentials, config) = (find(credentials)?, find(config)?);
                let files = Files {
                    credentials: credentials.as_deref().unwrap_or_default(),
                    config: config.as_deref().unwrap_or_default(),
                };
                match files.profile(name) {
                    Ok(Some(profile)) => self.profile(&profile).await.map(Some),
                    Ok(None) if *chosen => Err(format!("there is no AWS profile {name}")),
                    // A default profile may be there for other reasons.
                    Ok(None) => Ok(None),
                    Err(_) if !*chosen => Ok(None),
                    Err(why) => Err(why),
                }
            }
            Link::Container { base, token, token_file } => {
                let token = match token_file.as_str() {
                    "" => token.expose().to_owned(),
                    path => read(path)?,
                };
                let answer = self.carrier.ask(&aws::container(base, &token)).await?;
                aws::read_json(&answer).map(Some)
            }
            Link::Imds(base) => self.machine(base).await.map(Some),
        }
    }

    async fn machine(&self, base: &crate::provider::Base) -> Result<Minted, String> {
        let session = self.carrier.ask(&aws::imds::session(base)).await.map_err(|why| {
            format!("there are no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ({why})")
        })?;
        let text = |answer: &crate::provider::auth::Answer| match answer.status {
            200 => Ok(String::from_utf8_lossy(&answer.body).trim().to_owned()),
            404 => Err("this machine has no role".to_owned()),
            _ => Err(answer.complaint()),
        };
        let session = text(&session)?;
        let roles = text(&self.carrier.ask(&aws::imds::role(base, &session, "")).await?)?;
        let role = roles.lines().next().unwrap_or_default().trim();
        aws::read_json(&self.carrier.ask(&aws::imds::role(base, &session, role)).await?)
    }

    /// The keys that a profile comes to. It may stand on others, hence the box.
    fn profile<'a>(
        &'a self,
        profile: &'a Profile,
    ) -> Pin<Box<dyn Future<Output = Result<Minted, String>> + Send + 'a>> {
        Box::pin(async move {
            match profile {
                Profile::Keys(keys) => Ok(lasting(keys)),
                Profile::WebIdentity(identity) => self.with_token(identity).await,
                Profile::Role(role, from) => {
                    let from = self.profile(from).await?;
                    self.assume(role, &from).await
                }
                Profile::Elsewhere(place) => self.elsewhere(*place).await,
            }
        })
    }

    async fn elsewhere(&self, place: Elsewhere) -> Result<Minted, String> {
        let link = self.chain.links.iter().find(|link| {
            matches!(
                (place, link),
                (Elsewhere::Environment, Link::Keys(_))
                    | (Elsewhere::Machine, Link::Imds(_))
                    | (Elsewhere::Container, Link::Container { .. })
            )
        });
        let found = match link {
            Some(link) => self.link(link).await?,
            None => None,
        };
        found.ok_or_else(|| "the profile's credential_source has no credentials".to_owned())
    }

    async fn with_token(&self, identity: &WebIdentity) -> Result<Minted, String> {
        let token = read(&identity.token_file)?;
        let ask = self.chain.sts.assume_with_token(&identity.role, &token);
        aws::read_sts(&self.carrier.ask(&ask).await?)
    }

    async fn assume(&self, role: &Role, from: &Minted) -> Result<Minted, String> {
        let Credential::Aws(keys) = &from.credential else {
            return Err("the role cannot be assumed without keys".to_owned());
        };
        let ask = self.chain.sts.assume(role, keys, clock::unix_seconds());
        aws::read_sts(&self.carrier.ask(&ask).await?)
    }
}

fn lasting(keys: &Keys) -> Minted {
    Minted { credential: Credential::Aws(keys.clone()), expires: None }
}
