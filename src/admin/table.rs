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
    /// One of them taken out.
    Rest,
    /// Back in.
    Serve,
    /// As if nothing had been seen of it.
    Recover,
    /// The configuration in force.
    Config,
    /// Another one.
    Reload,
    /// Another one for a share of the clients.
    Stage,
    /// Another share for it.
    Share,
    /// All clients for it.
    Promote,
    /// None.
    Unstage,
    /// What is wrong with one.
    Check,
    /// What it would have made of past requests.
    Try,
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

impl Row {
    /// Whoever is let in at all may ask it.
    const fn for_all(mut self) -> Self {
        self.scope = None;
        self
    }

    /// These may stand in its query.
    const fn asks(mut self, query: &'static [Param]) -> Self {
        self.query = query;
        self
    }

    /// This is sent.
    const fn sends(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// The answer has this status and media type.
    const fn tells(mut self, status: u16, kind: &'static str) -> Self {
        self.told.status = status;
        self.told.kind = kind;
        self
    }
}

const fn change(
    method: Method,
    path: &'static str,
    scope: Scope,
    page: Page,
    summary: &'static str,
    schema: &'static str,
) -> Row {
    let told = Told { status: 200, kind: JSON, schema };
    Row { method, path, scope: Some(scope), page, summary, query: &[], body: None, told }
}

const fn get(path: &'static str, page: Page, summary: &'static str, schema: &'static str) -> Row {
    change(Method::GET, path, Scope::Read, page, summary, schema)
}

const fn param(name: &'static str, kind: &'static str, about: &'static str) -> Param {
    Param { name, kind, about }
}

const LIMIT: Param = param("limit", "integer", "How many, from 1 to 1000.");
const BEFORE: Param = param("before", "string", "The `next` of the page before, for the one after it.");
const FROM: Param = param("from", "string", "From when on: RFC 3339, a day, seconds, or 24h ago (usual).");
const TO: Param = param("to", "string", "Until when; now is usual.");

/// Filters of requests, of which each may be given several times.
macro_rules! filters {
    ($($more:expr),* $(,)?) => {
        &[
            param("owner", "string", "Of this owner and all below it."),
            param("key", "string", "Of the key of this name or id."),
            param("label", "string", "Of keys with this label."),
            param("model", "string", "Of this model, as asked for or as served."),
            param("provider", "string", "Of this provider."),
            param("session", "string", "Of this session."),
            param("user", "string", "Of this user."),
            param("tag", "string", "With this tag."),
            param("operation", "string", "Of this operation: chat, embeddings …"),
            param("client", "string", "Of clients that speak this dialect."),
            param("status", "string", "With this status, or ok, or error."),
            param("cache", "string", "In which the gateway's cache had this part."),
            param("config", "string", "That saw this configuration: served or staged."),
            param("min_cost", "number", "That cost at least so many USD."),
            param("search", "string", "With this in an id, a name, a model, an outcome …"),
            $($more),*
        ]
    };
}

/// The whole table.
pub static ROWS: &[Row] = &[
    get("/session", Page::Session, "Who asks, what that one may do, and what there is here", "Session")
        .for_all(),
    change(
        Method::POST,
        "/session",
        Scope::Read,
        Page::Login,
        "Begin a session for a browser: it gets a cookie for twelve hours",
        "Session",
    )
    .for_all()
    .sends(Body { kind: JSON, schema: "Login", most: LOGIN_LIMIT }),
    change(Method::DELETE, "/session", Scope::Read, Page::Logout, "End the browser's session", "")
        .for_all()
        .tells(204, JSON),
    get("/overview", Page::Overview, "What all requests came to, over time, and whose they were", "Overview")
        .asks(filters![FROM, TO]),
    get("/usage", Page::Usage, "What was used, by time and group", "Usage").asks(filters![
        FROM,
        TO,
        param("by", "string", "none, minute, hour, day, week or month."),
        param("group", "string", "By what besides, with commas between: model,key."),
        param("format", "string", "json, or csv, jsonl or parquet as an attachment."),
    ]),
    get("/requests", Page::Requests, "Finished requests, the last first", "Requests")
        .asks(filters![FROM, TO, LIMIT, BEFORE]),
    get("/requests/{id}", Page::Request, "A finished request with all that became of it", "RequestInFull"),
    get(
        "/live",
        Page::Live,
        "Requests as they finish: events `request`, and `missed` where they came too fast",
        "Request",
    )
    .asks(filters![])
    .tells(200, "text/event-stream"),
    get("/keys", Page::Keys, "List the virtual keys", "Keys").asks(&[param(
        "revoked",
        "boolean",
        "Those that were revoked as well.",
    )]),
    change(
        Method::POST,
        "/keys",
        Scope::Keys,
        Page::MakeKey,
        "Make a virtual key; its secret is told once, and holds from the next request on",
        "MadeKey",
    )
    .sends(json("NewKey"))
    .tells(201, JSON),
    get("/keys/{key}", Page::Key, "Show the virtual key of this id or name", "Key"),
    change(
        Method::PATCH,
        "/keys/{key}",
        Scope::Keys,
        Page::ChangeKey,
        "Change a virtual key: what is not named stays, null takes a field out",
        "Key",
    )
    .sends(json("KeyFields")),
    change(
        Method::DELETE,
        "/keys/{key}",
        Scope::Keys,
        Page::RevokeKey,
        "Take a virtual key out of use for ever",
        "Key",
    ),
    change(
        Method::POST,
        "/keys/{key}/rotate",
        Scope::Keys,
        Page::RotateKey,
        "Give a virtual key another secret, told once; the one it has opens for the grace",
        "MadeKey",
    )
    .sends(json("Rotate")),
    get(
        "/owners",
        Page::Owners,
        "The tree of owners, with labels and keys, and how full their limits and budgets are",
        "Owners",
    ),
    get("/models", Page::Models, "What clients can ask for, where it would go, and what it costs", "Models"),
    get(
        "/providers",
        Page::Providers,
        "The providers, and how they do since this process began",
        "Providers",
    ),
    change(
        Method::POST,
        "/providers/{provider}/rest",
        Scope::Config,
        Page::Rest,
        "Take a provider out, or one of its models or keys, for a while or until it is taken back in",
        "Resting",
    )
    .sends(json("Rest")),
    change(
        Method::DELETE,
        "/providers/{provider}/rest",
        Scope::Config,
        Page::Serve,
        "Take it back in",
        "Resting",
    )
    .asks(&[
        param("model", "string", "This model of it."),
        param("key", "integer", "This of its keys, counted from 1."),
    ]),
    change(
        Method::POST,
        "/providers/{provider}/recover",
        Scope::Config,
        Page::Recover,
        "Close all breakers of a provider, whatever was seen of it",
        "Resting",
    ),
    get("/config", Page::Config, "The configuration in force, without secrets", "Config"),
    change(
        Method::POST,
        "/config/reload",
        Scope::Config,
        Page::Reload,
        "Read the configuration anew, and serve it if it is whole",
        "Reloaded",
    ),
    change(
        Method::POST,
        "/config/stage",
        Scope::Config,
        Page::Stage,
        "Have a share of the clients see another configuration: this text, or the file as it is now",
        "Staging",
    )
    .sends(Body { kind: JSON, schema: "Stage", most: FILE_LIMIT }),
    change(
        Method::PATCH,
        "/config/stage",
        Scope::Config,
        Page::Share,
        "Have another share of the clients see the configuration that is staged",
        "Staging",
    )
    .sends(json("Share")),
    change(
        Method::DELETE,
        "/config/stage",
        Scope::Config,
        Page::Unstage,
        "Let go of the configuration that is staged; all clients see the one in force",
        "Staging",
    ),
    change(
        Method::POST,
        "/config/stage/promote",
        Scope::Config,
        Page::Promote,
        "Serve the configuration that is staged to all clients, as it was tried",
        "Staging",
    ),
    change(
        Method::POST,
        "/config/check",
        Scope::Config,
        Page::Check,
        "What would be wrong with this text as the configuration's file",
        "Checked",
    )
    .sends(Body { kind: "application/yaml", schema: "Text", most: FILE_LIMIT }),
    change(
        Method::POST,
        "/config/try",
        Scope::Config,
        Page::Try,
        "What this text as the configuration's file would have made of requests that are in the ledger",
        "Tried",
    )
    .asks(&[param("since", "string", "From when on: RFC 3339, a day, seconds, or 1h ago (usual).")])
    .sends(Body { kind: "application/yaml", schema: "Text", most: FILE_LIMIT }),
    change(
        Method::POST,
        "/reprice",
        Scope::Config,
        Page::Reprice,
        "Run the prices in force again over what was used; what it cost first is kept",
        "Repriced",
    )
    .sends(json("Reprice")),
    get("/cache", Page::Cache, "How much is kept to answer the same question once more", "Cache"),
    change(
        Method::DELETE,
        "/cache",
        Scope::Config,
        Page::Purge,
        "Let go of what is kept: all of it, or what fits everything that the query says",
        "Purged",
    )
    .asks(&[
        param("key", "string", "What the key of this name asked for."),
        param("owner", "string", "Of this owner and all below it."),
        param("model", "string", "Of this model, as asked for or as served."),
        param("tag", "string", "With this tag."),
    ]),
    get("/audit", Page::Audit, "What operators have done, the last first", "Audit").asks(&[LIMIT, BEFORE]),
    change(
        Method::POST,
        "/play/{path}",
        Scope::Read,
        Page::Play,
        "Ask the client listener, with the key of the header x-tollgate-play-key",
        "Anything",
    )
    .sends(Body { kind: JSON, schema: "Anything", most: PLAY_LIMIT }),
    get("/openapi.json", Page::OpenApi, "This document", "Anything"),
];

/// Why a path leads to no line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Astray {
    /// It is asked in these ways.
    Asked(String),
    /// There is no such path.
    Nowhere,
}

/// The line that a request means, with what stands in the path's place for a name; `path` begins with
/// [`BASE`].
///
/// # Errors
/// When there is none.
pub fn find(method: &Method, path: &str) -> Result<(&'static Row, String), Astray> {
    let path = path.strip_prefix(BASE).ok_or(Astray::Nowhere)?;
    let fitting = || ROWS.iter().filter_map(|row| Some((row, fit(row.path, path)?)));
    // What is read can be asked about without its body.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    if let Some(found) = fitting().find(|(row, _)| row.method == *method) {
        return Ok(found);
    }
    let ways: Vec<&str> = fitting().map(|(row, _)| row.method.as_str()).collect();
    Err(if ways.is_empty() { Astray::Nowhere } else { Astray::Asked(ways.join(", ")) })
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
        find(method, path).ok().map(|(row, name)| (row.page, name))
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
            assert_eq!(find(&Method::GET, nowhere).unwrap_err(), Astray::Nowhere, "{nowhere}");
        }
        let ways = Astray::Asked("GET, PATCH, DELETE".to_owned());
        assert_eq!(find(&Method::PUT, "/api/v1/keys/x").unwrap_err(), ways);
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
