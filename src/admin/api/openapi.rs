//! The OpenAPI document, made of the table that routes and of the schemas beside it.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::admin::answer::Answer;
use crate::admin::table::{BASE, Body, Param, ROWS, Row, Told};
use crate::wire::json::{self, Array, Object};

/// The schemas of what is sent and answered, by their names.
const SCHEMAS: &str = include_str!("schemas.json");

const ABOUT: &str = "Keys, limits, budgets, what was used and what it cost. Money is in US dollars, exact \
                     to the last digit; times are RFC 3339 in UTC.";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| write().into());

pub(super) fn document() -> Answer {
    Answer::new(200, "application/json", DOCUMENT.clone())
}

fn write() -> Vec<u8> {
    let mut out = Vec::new();
    json::object(&mut out, |document| {
        document.string("openapi", "3.1.0");
        document.object("info", |info| {
            info.string("title", "Tollgate's admin API");
            info.string("version", env!("CARGO_PKG_VERSION"));
            info.string("description", ABOUT);
        });
        document.array("servers", |servers| servers.object(|server| server.string("url", BASE)));
        document.array("security", |all| {
            for scheme in ["key", "session"] {
                all.object(|one| one.array(scheme, |_| {}));
            }
        });
        document.object("paths", paths);
        document.object("components", |components| {
            components.raw("schemas", SCHEMAS.trim());
            components.raw("securitySchemes", SCHEMES);
        });
    });
    out
}

const SCHEMES: &str = r#"{"key":{"type":"http","scheme":"bearer","description":"An admin key, or the master key."},"session":{"type":"apiKey","in":"cookie","name":"tollgate-session","description":"A browser's session. What changes something needs the header x-tollgate-csrf: 1 besides."}}"#;

fn paths(object: &mut Object<'_>) {
    let mut done: Vec<&str> = Vec::new();
    for row in ROWS {
        if done.contains(&row.path) {
            continue;
        }
        done.push(row.path);
        object.object(row.path, |path| {
            for row in ROWS.iter().filter(|other| other.path == row.path) {
                path.object(&row.method.as_str().to_lowercase(), |operation| one(operation, row));
            }
        });
    }
}

fn one(operation: &mut Object<'_>, row: &Row) {
    operation.string("operationId", &format!("{:?}", row.page));
    operation.string("summary", row.summary);
    if let Some(scope) = row.scope {
        operation.string("description", &format!("Needs the scope `{}`.", scope.name()));
        operation.string("x-scope", scope.name());
    }
    operation.array("parameters", |array| {
        if let Some((_, rest)) = row.path.split_once('{') {
            let name = rest.split('}').next().unwrap_or_default();
            parameter(array, "path", &Param { name, kind: "string", about: "What it is about." });
        }
        row.query.iter().for_each(|param| parameter(array, "query", param));
    });
    if let Some(Body { kind, schema, .. }) = row.body {
        operation.object("requestBody", |body| {
            body.bool("required", true);
            content(body, kind, schema);
        });
    }
    let Told { status, kind, schema } = row.told;
    operation.object("responses", |responses| {
        responses.object(&status.to_string(), |answer| {
            answer.string("description", "All is well.");
            if !schema.is_empty() {
                content(answer, kind, schema);
            }
        });
        responses.object("default", |answer| {
            answer.string("description", "What is wrong.");
            content(answer, "application/json", "Error");
        });
    });
}

fn parameter(array: &mut Array<'_>, place: &str, param: &Param) {
    array.object(|object| {
        object.string("name", param.name);
        object.string("in", place);
        object.bool("required", place == "path");
        object.string("description", param.about);
        object.object("schema", |schema| schema.string("type", param.kind));
    });
}

fn content(object: &mut Object<'_>, kind: &str, schema: &str) {
    object.object("content", |content| {
        content.object(kind, |media| {
            media.object("schema", |object| {
                object.string("$ref", &format!("#/components/schemas/{schema}"));
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there_and_every_one_is_named() {
        let document = write();
        let parsed = json::parse(&document).unwrap();
        let text = String::from_utf8(document.clone()).unwrap();
        let schemas = parsed.get("components").and_then(|components| components.get("schemas")).unwrap();
        let named: Vec<&str> =
            text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        for name in &named {
            assert!(schemas.get(name).is_some(), "{name} is no schema");
        }
        for (name, _) in schemas.entries() {
            assert!(named.contains(&&**name), "{name} is asked for nowhere");
        }
    }

    #[test]
    fn every_line_of_the_table_is_in_the_document() {
        let document = write();
        let parsed = json::parse(&document).unwrap();
        for row in ROWS {
            let path = parsed.get("paths").and_then(|paths| paths.get(row.path)).unwrap();
            assert!(path.get(&row.method.as_str().to_lowercase()).is_some(), "{} {}", row.method, row.path);
        }
    }
}
