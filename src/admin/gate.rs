//! Who may do what here: keys of operators, sessions of their browsers, and pages of nobody else.

use http::Method;

use crate::admin::ask::Ask;
use crate::admin::refused::Refused;
use crate::admin::sessions::Sessions;
use crate::admin::tries::Tries;
use crate::policy::{Operator, Scope};
use crate::snapshot::Door;

/// The cookie with the id of a session.
pub const COOKIE: &str = "tollgate-session";

/// What a browser sends with whatever changes something; no page of another origin can.
const OWN_PAGE: &str = "x-tollgate-csrf";

const HOW: &str = "set TOLLGATE_MASTER_KEY, or admin.keys in the configuration, and show one as \
                   \"authorization: Bearer <key>\"";

/// Where operators are let in.
#[derive(Debug, Default)]
pub struct Gate {
    /// The sessions of browsers.
    pub sessions: Sessions,
    tries: Tries,
}

impl Gate {
    /// Whoever asks, if the door knows that one and it may do this; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Why not.
    pub fn enter(&self, door: &Door, ask: &Ask, scope: Option<Scope>, now: u64) -> Result<Operator, Refused> {
        let who = match shown(ask) {
            Some(secret) => self.open(door, ask, secret, now)?,
            None => self.resume(door, ask, now)?,
        };
        match scope.filter(|scope| !who.may(*scope)) {
            Some(missing) => Err(Refused::scope(&who.name, missing)),
            None => Ok(who),
        }
    }

    /// Whoever has this secret.
    ///
    /// # Errors
    /// When nobody has, or too many were tried.
    pub fn open(&self, door: &Door, ask: &Ask, secret: &str, now: u64) -> Result<Operator, Refused> {
        refuse_without_keys(door)?;
        if let Some(wait) = self.tries.wait(ask.address, now) {
            return Err(Refused::too_many_tries(wait));
        }
        door.operator(blake3::hash(secret.trim().as_bytes())).ok_or_else(|| {
            self.tries.failed(ask.address, now);
            Refused::stranger("the admin key is not known", "invalid_key")
        })
    }

    /// Whether whoever was let in for this still would be: the key opens, the session goes on, and either
    /// may do it.
    #[must_use]
    pub fn admits_still(&self, door: &Door, ask: &Ask, who: &Operator, scope: Scope, now: u64) -> bool {
        let found = match shown(ask) {
            Some(_) => door.operator(who.secret),
            None => cookie(ask).and_then(|id| self.sessions.find(id, door, now)),
        };
        found.is_some_and(|who| who.may(scope))
    }

    fn resume(&self, door: &Door, ask: &Ask, now: u64) -> Result<Operator, Refused> {
        refuse_without_keys(door)?;
        let Some(id) = cookie(ask) else {
            return Err(Refused::stranger(format!("there is no admin key: {HOW}"), "missing_key"));
        };
        let found = self.sessions.find(id, door, now);
        let who = found.ok_or_else(|| Refused::stranger("the session has ended", "session_ended"))?;
        if !matches!(ask.method, Method::GET | Method::HEAD) {
            refuse_foreign(ask)?;
            if ask.header(OWN_PAGE) != Some("1") {
                return Err(Refused::foreign(
                    "a browser changes nothing without the header x-tollgate-csrf: 1",
                ));
            }
        }
        Ok(who)
    }
}

/// Refuses everyone where no key is configured: there is none that anybody could know.
///
/// # Errors
/// When there is no key.
pub fn refuse_without_keys(door: &Door) -> Result<(), Refused> {
    if door.master.is_some() || !door.operators.is_empty() {
        return Ok(());
    }
    Err(Refused::stranger(format!("no admin key is configured: {HOW}"), "no_admin_key"))
}

/// The key that a request shows.
fn shown(ask: &Ask) -> Option<&str> {
    let authorization = ask.header("authorization")?;
    let (scheme, secret) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

/// The id of the session that a request shows.
#[must_use]
pub fn cookie(ask: &Ask) -> Option<&str> {
    let headers = ask.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, id)| id)
}

/// Refuses what a page of another origin sends, as far as the browser tells.
///
/// # Errors
/// When it does.
pub fn refuse_foreign(ask: &Ask) -> Result<(), Refused> {
    const MESSAGE: &str = "this comes from a page of another origin";
    // What a browser says of the site it has worked out itself, behind whichever proxy this stands.
    if let Some(site) = ask.header("sec-fetch-site") {
        return if matches!(site, "same-origin" | "none") { Ok(()) } else { Err(Refused::foreign(MESSAGE)) };
    }
    let Some(origin) = ask.header("origin") else { return Ok(()) };
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let mut own = ["host", "x-forwarded-host"].into_iter().filter_map(|name| ask.header(name));
    if own.any(|own| own.eq_ignore_ascii_case(host)) { Ok(()) } else { Err(Refused::foreign(MESSAGE)) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::units::Secret;

    fn ask(method: Method, headers: &[(&'static str, &str)]) -> Ask {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = headers.iter().map(pair).collect();
        Ask { method, path: "/".to_owned(), query: String::new(), headers, address: None, body: Bytes::new() }
    }

    fn door() -> Door {
        Door::new(Some(&Secret::new("the-master-secret")), false)
    }

    #[test]
    fn a_browsers_writes_come_from_our_own_pages() {
        let gate = Gate::default();
        gate.sessions.begin("id", blake3::hash(b"the-master-secret"), 0);
        let enter = |method, more: &[(&'static str, &str)]| {
            let headers = [&[("cookie", "a=b; tollgate-session=id"), ("host", "gate:9090")], more].concat();
            gate.enter(&door(), &ask(method, &headers), Some(Scope::Keys), 0).is_ok()
        };
        assert!(enter(Method::GET, &[]));
        assert!(!enter(Method::POST, &[]));
        assert!(enter(Method::POST, &[(OWN_PAGE, "1")]));
        assert!(enter(Method::POST, &[(OWN_PAGE, "1"), ("origin", "http://gate:9090")]));
        assert!(!enter(Method::POST, &[(OWN_PAGE, "1"), ("origin", "http://evil:9090")]));
        assert!(!enter(Method::POST, &[(OWN_PAGE, "1"), ("sec-fetch-site", "cross-site")]));
        assert!(enter(
            Method::POST,
            &[(OWN_PAGE, "1"), ("sec-fetch-site", "same-origin"), ("origin", "https://proxy")]
        ));
    }

    #[test]
    fn without_any_key_nobody_comes_in() {
        let gate = Gate::default();
        let with = |secret: &str| ask(Method::GET, &[("authorization", secret)]);
        assert!(gate.enter(&Door::default(), &with("Bearer "), None, 0).is_err());
        assert!(gate.enter(&door(), &with("Bearer the-master-secret"), Some(Scope::Config), 0).is_ok());
        assert!(gate.enter(&door(), &with("bearer the-master-secret "), None, 0).is_ok());
        assert!(gate.enter(&door(), &with("Basic the-master-secret"), None, 0).is_err());
    }
}
