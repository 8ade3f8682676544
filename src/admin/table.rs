//! The table of the admin API: it routes, says who may ask, and is what the OpenAPI document is made
//! of, so that none of them can say anything else.

use http::Method;

use crate::policy::Scope;
use crate::wire::percent;

/// What all paths of the API begin with.
pub const BASE: &str = "/api/v1";

/// What is done for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Who asks.
    Session,
    /// A session for a browser.
    Login,
    /// Its end.
    Logout,
    /// What all requests came to.
    Overview,
    /// What was used.
    Usage,
    /// Finished requests.
    Requests,
    /// One of them.
    Request,
    /// Those that finish.
    Live,
    /// All virtual keys.
    Keys,
    /// A new one.
    MakeKey,
    /// One.
    Key,
    /// Other fields for it.
    ChangeKey,
    /// Its end.
    RevokeKey,
    /// Another secret for it.
    RotateKey,
    /// Owners, labels and keys with what binds them.
    Owners,
    /// What can be asked for.
    Models,
    /// Whom it is asked of.
    Providers,
    /// The configuration in force.
    Config,
    /// Another one.
    Reload,
    /// What is wrong with one.
    Check,
    /// Prices, run again.
    Reprice,
    /// How much is kept of answers.
    Cache,
    /// Away with it.
    Purge,
    /// What operators did.
    Audit,
    /// The client listener, for the dashboard's pages.
    Play,
    /// The document of all this.
    OpenApi,
}

/// What may stand in a query.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its type, as JSON schemas call it.
    pub kind: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Its media type.
    pub kind: &'static str,
    /// The name of its schema.
    pub schema: &'static str,
    /// The most bytes that are read.
    pub most: usize,
}

/// What is answered when all is well.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The status.
    pub status: u16,
    /// Its media type.
    pub kind: &'static str,
    /// The name of its schema; "" where it has none.
    pub schema: &'static str,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// How it is asked.
    pub method: Method,
    /// The path behind [`BASE`]; `{name}` stands for one part of it, `{path}` for all that follows.
    pub path: &'static str,
    /// What an operator needs to ask; whoever is let in at all may where there is none.
    pub scope: Option<Scope>,
    /// What is done.
    pub page: Page,
    /// What that is, in one sentence.
    pub summary: &'static str,
    /// What may stand in its query.
    pub query: &'static [Param],
    /// What is sent.
    pub body: Option<Body>,
    /// What is answered.
    pub told: Told,
}

/// Whoever logs in is nobody yet, and sends no more than a key.
const LOGIN_LIMIT: usize = 4 << 10;
/// A body of JSON is no larger than this.
const JSON_LIMIT: usize = 256 << 10;
/// A configuration is no larger than this.
const FILE_LIMIT: usize = 4 << 20;
/// What a page plays with is no larger than this.
const PLAY_LIMIT: usize = 32 << 20;

const JSON: &str = "application/json";

const fn json(schema: &'static str) -> Body {
    Body { kind: JSON, schema, most: JSON_LIMIT }
}

const fn tells(schema: &'static str) -> Told {
    Told { status: 200, kind: JSON, schema }
}

const LIMIT: Param = Param { name: "limit", kind: "integer", about: "How many, from 1 to 1000." };
const BEFORE: Param =
    Param { name: "before", kind: "string", about: "The `next` of the page before, for the one after it." };

const FROM: Param = Param {
    name: "from",
    kind: "string",
    about: "From when on: RFC 3339, a day, seconds, or 24h ago (usual).",
};
const TO: Param = Param { name: "to", kind: "string", about: "Until when; now is usual." };

/// Filters of requests, of which each may be given several times.
macro_rules! filters {
    ($($more:expr),* $(,)?) => {
        &[
            Param { name: "owner", kind: "string", about: "Of this owner and all below it." },
            Param { name: "key", kind: "string", about: "Of the key of this name or id." },
            Param { name: "label", kind: "string", about: "Of keys with this label." },
            Param { name: "model", kind: "string", about: "Of this model, as asked for or as served." },
            Param { name: "provider", kind: "string", about: "Of this provider." },
            Param { name: "session", kind: "string", about: "Of this session." },
            Param { name: "user", kind: "string", about: "Of this user." },
            Param { name: "tag", kind: "string", about: "With this tag." },
            Param { name: "operation", kind: "string", about: "Of this operation: chat, embeddings …" },
            Param { name: "client", kind: "string", about: "Of clients that speak this dialect." },
            Param { name: "status", kind: "string", about: "With this status, or ok, or error." },
            Param { name: "cache", kind: "string", about: "In which the gateway's cache had this part." },
            Param { name: "min_cost", kind: "number", about: "That cost at least so many USD." },
            Param { name: "search", kind: "string", about: "With this in an id, a name, a model, an outcome …" },
            $($more),*
        ]
    };
}

/// The whole table.
pub static ROWS: &[Row] = &[
    Row {
        method: Method::GET,
        path: "/session",
        scope: None,
        page: Page::Session,
        summary: "Who asks, what that one may do, and what there is here",
        query: &[],
        body: None,
        told: tells("Session"),
    },
    Row {
        method: Method::POST,
        path: "/session",
        scope: None,
        page: Page::Login,
        summary: "Begin a session for a browser: it gets a cookie for twelve hours",
        query: &[],
        body: Some(Body { most: LOGIN_LIMIT, ..json("Login") }),
        told: tells("Session"),
    },
    Row {
        method: Method::DELETE,
        path: "/session",
        scope: None,
        page: Page::Logout,
        summary: "End the browser's session",
        query: &[],
        body: None,
        told: Told { status: 204, kind: JSON, schema: "" },
    },
    Row {
        method: Method::GET,
        path: "/overview",
        scope: Some(Scope::Read),
        page: Page::Overview,
        summary: "What all requests came to, over time, and whose they were",
        query: filters![FROM, TO],
        body: None,
        told: tells("Overview"),
    },
    Row {
        method: Method::GET,
        path: "/usage",
        scope: Some(Scope::Read),
        page: Page::Usage,
        summary: "What was used, by time and group",
        query: filters![
            FROM,
            TO,
            Param { name: "by", kind: "string", about: "none, minute, hour, day, week or month." },
            Param {
                name: "group",
                kind: "string",
                about: "By what besides, with commas between: model,key."
            },
            Param {
                name: "format",
                kind: "string",
                about: "json, or csv, jsonl or parquet as an attachment."
            },
        ],
        body: None,
        told: tells("Usage"),
    },
    Row {
        method: Method::GET,
        path: "/requests",
        scope: Some(Scope::Read),
        page: Page::Requests,
        summary: "Finished requests, the last first",
        query: filters![FROM, TO, LIMIT, BEFORE],
        body: None,
        told: tells("Requests"),
    },
    Row {
        method: Method::GET,
        path: "/requests/{id}",
        scope: Some(Scope::Read),
        page: Page::Request,
        summary: "A finished request with all that became of it",
        query: &[],
        body: None,
        told: tells("RequestInFull"),
    },
    Row {
        method: Method::GET,
        path: "/live",
        scope: Some(Scope::Read),
        page: Page::Live,
        summary: "Requests as they finish: events `request`, and `missed` where they came too fast",
        query: filters![],
        body: None,
        told: Told { status: 200, kind: "text/event-stream", schema: "Request" },
    },
    Row {
        method: Method::GET,
        path: "/keys",
        scope: Some(Scope::Read),
        page: Page::Keys,
        summary: "List the virtual keys",
        query: &[Param { name: "revoked", kind: "boolean", about: "Those that were revoked as well." }],
        body: None,
        told: tells("Keys"),
    },
    Row {
        method: Method::POST,
        path: "/keys",
        scope: Some(Scope::Keys),
        page: Page::MakeKey,
        summary: "Make a virtual key; its secret is told once, and holds from the next request on",
        query: &[],
        body: Some(json("NewKey")),
        told: Told { status: 201, kind: JSON, schema: "MadeKey" },
    },
    Row {
        method: Method::GET,
        path: "/keys/{key}",
        scope: Some(Scope::Read),
        page: Page::Key,
        summary: "Show the virtual key of this id or name",
        query: &[],
        body: None,
        told: tells("Key"),
    },
    Row {
        method: Method::PATCH,
        path: "/keys/{key}",
        scope: Some(Scope::Keys),
        page: Page::ChangeKey,
        summary: "Change a virtual key: what is not named stays, null takes a field out",
        query: &[],
        body: Some(json("KeyFields")),
        told: tells("Key"),
    },
    Row {
        method: Method::DELETE,
        path: "/keys/{key}",
        scope: Some(Scope::Keys),
        page: Page::RevokeKey,
        summary: "Take a virtual key out of use for ever",
        query: &[],
        body: None,
        told: tells("Key"),
    },
    Row {
        method: Method::POST,
        path: "/keys/{key}/rotate",
        scope: Some(Scope::Keys),
        page: Page::RotateKey,
        summary: "Give a virtual key another secret, told once; the one it has opens for the grace",
        query: &[],
        body: Some(json("Rotate")),
        told: tells("MadeKey"),
    },
    Row {
        method: Method::GET,
        path: "/owners",
        scope: Some(Scope::Read),
        page: Page::Owners,
        summary: "The tree of owners, with labels and keys, and how full their limits and budgets are",
        query: &[],
        body: None,
        told: tells("Owners"),
    },
    Row {
        method: Method::GET,
        path: "/models",
        scope: Some(Scope::Read),
        page: Page::Models,
        summary: "What clients can ask for, where it would go, and what it costs",
        query: &[],
        body: None,
        told: tells("Models"),
    },
    Row {
        method: Method::GET,
        path: "/providers",
        scope: Some(Scope::Read),
        page: Page::Providers,
        summary: "The providers, and how they do since this process began",
        query: &[],
        body: None,
        told: tells("Providers"),
    },
    Row {
        method: Method::GET,
        path: "/config",
        scope: Some(Scope::Read),
        page: Page::Config,
        summary: "The configuration in force, without secrets",
        query: &[],
        body: None,
        told: tells("Config"),
    },
    Row {
        method: Method::POST,
        path: "/config/reload",
        scope: Some(Scope::Config),
        page: Page::Reload,
        summary: "Read the configuration anew, and serve it if it is whole",
        query: &[],
        body: None,
        told: tells("Reloaded"),
    },
    Row {
        method: Method::POST,
        path: "/config/check",
        scope: Some(Scope::Config),
        page: Page::Check,
        summary: "What would be wrong with this text as the configuration's file",
        query: &[],
        body: Some(Body { kind: "application/yaml", schema: "Text", most: FILE_LIMIT }),
        told: tells("Checked"),
    },
    Row {
        method: Method::POST,
        path: "/reprice",
        scope: Some(Scope::Config),
        page: Page::Reprice,
        summary: "Run the prices in force again over what was used; what it cost first is kept",
        query: &[],
        body: Some(json("Reprice")),
        told: tells("Repriced"),
    },
    Row {
        method: Method::GET,
        path: "/cache",
        scope: Some(Scope::Read),
        page: Page::Cache,
        summary: "How much is kept to answer the same question once more",
        query: &[],
        body: None,
        told: tells("Cache"),
    },
    Row {
        method: Method::DELETE,
        path: "/cache",
        scope: Some(Scope::Config),
        page: Page::Purge,
        summary: "Let go of what is kept: all of it, or what fits everything that the query says",
        query: &[
            Param { name: "key", kind: "string", about: "What the key of this name asked for." },
            Param { name: "owner", kind: "string", about: "Of this owner and all below it." },
            Param { name: "model", kind: "string", about: "Of this model, as asked for or as served." },
            Param { name: "tag", kind: "string", about: "With this tag." },
        ],
        body: None,
        told: tells("Purged"),
    },
    Row {
        method: Method::GET,
        path: "/audit",
        scope: Some(Scope::Read),
        page: Page::Audit,
        summary: "What operators have done, the last first",
        query: &[LIMIT, BEFORE],
        body: None,
        told: tells("Audit"),
    },
    Row {
        method: Method::POST,
        path: "/play/{path}",
        scope: Some(Scope::Read),
        page: Page::Play,
        summary: "Ask the client listener, with the key of the header x-tollgate-play-key",
        query: &[],
        body: Some(Body { kind: JSON, schema: "Anything", most: PLAY_LIMIT }),
        told: Told { status: 200, kind: JSON, schema: "Anything" },
    },
    Row {
        method: Method::GET,
        path: "/openapi.json",
        scope: Some(Scope::Read),
        page: Page::OpenApi,
        summary: "This document",
        query: &[],
        body: None,
        told: tells("Anything"),
    },
];

/// What a path leads to.
#[derive(Debug)]
pub enum Way {
    /// This line, with what stood in the path's place for a name.
    To(&'static Row, String),
    /// Lines that are asked in these ways.
    Otherwise(String),
    /// Nothing.
    Nowhere,
}

/// Where a request goes; `path` begins with [`BASE`].
#[must_use]
pub fn find(method: &Method, path: &str) -> Way {
    let Some(path) = path.strip_prefix(BASE) else { return Way::Nowhere };
    let fitting = || ROWS.iter().filter_map(|row| Some((row, fit(row.path, path)?)));
    // What is read can be asked about without its body.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    if let Some((row, name)) = fitting().find(|(row, _)| row.method == *method) {
        return Way::To(row, name);
    }
    let ways: Vec<&str> = fitting().map(|(row, _)| row.method.as_str()).collect();
    if ways.is_empty() { Way::Nowhere } else { Way::Otherwise(ways.join(", ")) }
}

/// What stands in the place of the name in a path, "" where there is none; `None` for another path.
fn fit(pattern: &str, path: &str) -> Option<String> {
    let (mut name, mut rest) = (String::new(), path);
    for part in pattern.split('/').skip(1) {
        rest = rest.strip_prefix('/')?;
        if part == "{path}" {
            return Some(rest.to_owned()).filter(|rest| !rest.is_empty());
        }
        let (own, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match part.starts_with('{') {
            true if own.is_empty() => return None,
            true => name = percent::decode_text(own).into_owned(),
            false if own != part => return None,
            false => {}
        }
        rest = after;
    }
    rest.is_empty().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(method: &Method, path: &str) -> Option<(Page, String)> {
        match find(method, path) {
            Way::To(row, name) => Some((row.page, name)),
            Way::Otherwise(_) | Way::Nowhere => None,
        }
    }

    #[test]
    fn a_path_leads_to_one_line() {
        let page = |method, path| leads(method, path);
        assert_eq!(page(&Method::GET, "/api/v1/keys"), Some((Page::Keys, String::new())));
        assert_eq!(page(&Method::HEAD, "/api/v1/keys/a%2Fb+c"), Some((Page::Key, "a/b+c".to_owned())));
        assert_eq!(page(&Method::POST, "/api/v1/keys/x/rotate"), Some((Page::RotateKey, "x".to_owned())));
        let played = Some((Page::Play, "v1/chat/completions".to_owned()));
        assert_eq!(page(&Method::POST, "/api/v1/play/v1/chat/completions"), played);
        for nowhere in
            ["/api/v1", "/api/v1/", "/api/v1/keys/", "/api/v1/keys/x/y", "/api/v2/keys", "/api/v1keys"]
        {
            assert!(matches!(find(&Method::GET, nowhere), Way::Nowhere), "{nowhere}");
        }
        let Way::Otherwise(ways) = find(&Method::PUT, "/api/v1/keys/x") else { panic!("a way") };
        assert_eq!(ways, "GET, PATCH, DELETE");
    }

    #[test]
    fn no_two_lines_are_asked_alike() {
        for (place, row) in ROWS.iter().enumerate() {
            let twin = ROWS
                .iter()
                .skip(place + 1)
                .find(|other| other.path == row.path && other.method == row.method);
            assert!(twin.is_none(), "{} {}", row.method, row.path);
        }
    }
}
