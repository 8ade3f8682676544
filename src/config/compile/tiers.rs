//! Where answers are kept behind memory.

use std::path::PathBuf;

use crate::config::file::File;
use crate::config::{DiskTier, RedisServer, SecondTiers};
use crate::units::Secret;
use crate::wire::percent;

use super::Check;

/// Where Redis listens unless something else is said.
const PORT: u16 = 6379;
/// No folder on a disk holds more.
const MOST: u64 = 1 << 44;

/// What lies behind memory.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> SecondTiers {
    let (disk, entry) = (&file.cache.disk, file.cache.entry.0);
    let bytes = disk.bytes.map(|bytes| bytes.0).filter(|bytes| bytes.0 > 0);
    if let Some(bytes) = bytes {
        if bytes < entry {
            let message = format!("one answer of {entry} would not fit into all that may be kept there");
            check.error(
                &["cache", "disk", "bytes"],
                message,
                "give it at least the size of entry".to_owned(),
            );
        }
        if bytes.0 > MOST {
            check.error(&["cache", "disk", "bytes"], "expected a size of at most 16TiB", None);
        }
    }
    let path = disk.path.as_deref().map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from);
    if path.is_some() && bytes.is_none() {
        let hint = "give bytes, too: disk: {bytes: 1GiB}".to_owned();
        check.warning(&["cache", "disk", "path"], "nothing is kept there", hint);
    }
    SecondTiers { disk: bytes.map(|bytes| DiskTier { bytes, path }), redis: redis(file, check) }
}

fn redis(file: &File, check: &mut Check<'_>) -> Option<RedisServer> {
    let written = &file.cache.redis;
    let timeout = check.time(&["cache", "redis", "timeout"], written.timeout);
    if written.prefix.len() > 128 {
        check.error(&["cache", "redis", "prefix"], "expected at most 128 letters", None);
    }
    let url = written.url.as_ref().map(|url| url.0.expose().trim()).filter(|url| !url.is_empty())?;
    let place = match Place::read(url) {
        Ok(place) => place,
        Err(expected) => {
            check.error(&["cache", "redis", "url"], expected, None);
            return None;
        }
    };
    let secret = written.secret.as_ref().or(file.master_key.as_ref());
    let Place { tls, host, port, user, password, database } = place;
    Some(RedisServer {
        tls,
        host,
        port,
        user,
        password,
        database,
        timeout,
        prefix: written.prefix.clone(),
        secret: secret.map(|secret| secret.0.clone()).unwrap_or_default(),
    })
}

/// What an address says.
#[derive(Debug, PartialEq)]
struct Place {
    tls: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Secret>,
    database: u32,
}

impl Place {
    /// The address of a server; else what was expected, without a word of what stands there.
    fn read(url: &str) -> Result<Self, &'static str> {
        const SHAPE: &str =
            "expected an address such as redis://user:password@host:6379/0, or rediss:// for TLS";
        let (scheme, rest) = url.split_once("://").ok_or(SHAPE)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(SHAPE),
        };
        if rest.contains(['?', '#']) {
            return Err("expected an address without parameters, which are fields beside it");
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (user, password) = match login {
            None => (None, None),
            Some(login) => {
                // As in all of Redis's own tools, one word before the host is a user.
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let text = |text| percent::decode_text(text).into_owned();
                let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
                (given(&text(user)), given(&text(password)).map(|password| Secret::new(&password)))
            }
        };
        if user.is_some() && password.is_none() {
            return Err(
                "expected a password behind the user: redis://user:password@host, or redis://:password@host",
            );
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or(SHAPE)?)),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse).ok().filter(|port| *port > 0).ok_or(SHAPE)?;
        if host.is_empty() {
            return Err(SHAPE);
        }
        let database = match path.trim_end_matches('/') {
            "" => 0,
            number => number.parse().map_err(|_| "expected the number of a database behind the host")?,
        };
        Ok(Self { tls, host: host.to_owned(), port, user, password, database })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_as_whom_and_which_database() {
        let plain = |host: &str, port| Place {
            tls: false,
            host: host.to_owned(),
            port,
            user: None,
            password: None,
            database: 0,
        };
        assert_eq!(Place::read("redis://cache"), Ok(plain("cache", 6379)));
        assert_eq!(Place::read("valkey://10.0.0.1:7000/"), Ok(plain("10.0.0.1", 7000)));
        assert_eq!(Place::read("redis://[::1]:7000"), Ok(plain("::1", 7000)));
        let whole = Place {
            tls: true,
            user: Some("me".to_owned()),
            password: Some(Secret::new("p@ss:w/rd")),
            database: 3,
            ..plain("cache", 7000)
        };
        assert_eq!(Place::read("rediss://me:p%40ss%3Aw%2Frd@cache:7000/3"), Ok(whole));
        let only = Place { password: Some(Secret::new("p")), ..plain("cache", 6379) };
        assert_eq!(Place::read("redis://:p@cache"), Ok(only));
        for wrong in [
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://cache:0",
            "redis://cache:x",
            "redis://me@cache",
            "redis://cache/x",
            "redis://cache?db=1",
            "redis://[::1]7000",
        ] {
            assert!(Place::read(wrong).is_err(), "{wrong}");
        }
    }
}
