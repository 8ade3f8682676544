//! Walks the places where Google's credentials may be found.

use ring::rand::SystemRandom;

use super::carrier::{Carrier, find, read};
use crate::clock;
use crate::provider::auth::google::{self, Account, Chain, Link, Subject};
use crate::provider::auth::{Minted, entra};

/// A token from the first place that has credentials.
///
/// # Errors
/// Why there is none.
pub(super) async fn mint(carrier: &Carrier<'_>, chain: &Chain) -> Result<Minted, String> {
    for link in &chain.0 {
        let text = match link {
            Link::Inline(text) => text.expose().to_owned(),
            Link::File(path) => read(path)?,
            Link::WellKnown(path) => match find(path)? {
                Some(text) => text,
                None => continue,
            },
            Link::Metadata(base) => {
                let answer = carrier.ask(&google::metadata(base)).await.map_err(|why| {
                    format!("there are no Google credentials; set GOOGLE_APPLICATION_CREDENTIALS ({why})")
                })?;
                return entra::read(&answer, clock::unix_seconds());
            }
        };
        return of(carrier, &Account::read(text.as_bytes())?).await;
    }
    Err("there are no Google credentials; set GOOGLE_APPLICATION_CREDENTIALS".to_owned())
}

async fn of(carrier: &Carrier<'_>, account: &Account) -> Result<Minted, String> {
    let subject = match account.subject() {
        None => String::new(),
        Some(Subject::File(path, name)) => google::subject_token(read(path)?.as_bytes(), name.as_deref())?,
        Some(Subject::Url(ask, name)) => {
            let answer = carrier.ask(ask).await?;
            if answer.status != 200 {
                return Err(answer.complaint());
            }
            google::subject_token(&answer.body, name.as_deref())?
        }
    };
    let now = clock::unix_seconds();
    let ask = account.ask(&subject, now, &SystemRandom::new())?;
    let own = entra::read(&carrier.ask(&ask).await?, now)?;
    match account.impersonate(&own) {
        None => Ok(own),
        Some(ask) => google::read_impersonated(&carrier.ask(&ask).await?),
    }
}
