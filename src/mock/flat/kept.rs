//! Files and batches, kept in memory: a batch is done as soon as it is made, and each of its requests
//! is answered with the same few words.

use serde_json::{Value, json};

use super::form;
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::{Act, Body};
use crate::mock::say::script::Script;
use crate::mock::unix_now;

/// One thing that is kept: what is told of it, and its bytes.
#[derive(Debug, Clone)]
pub(in crate::mock) struct Thing {
    about: Value,
    bytes: Vec<u8>,
}

/// More than this is forgotten, all at once.
const MOST: usize = 1000;

/// Answers a request about files or batches; `None` where the path is of neither.
pub(in crate::mock) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Option<Result<Act, Refusal>> {
    let place = path.trim_start_matches("/v1").trim_start_matches('/');
    let parts: Vec<&str> = place.split('/').collect();
    let anthropic = spoken == Dialect::Anthropic;
    Some(match (request.method, parts.as_slice()) {
        ("POST", ["files"]) => {
            upload(request, anthropic, world).map(|about| spoken.json(world, about.to_string()))
        }
        ("POST", ["batches"]) => batch(request, world).map(|about| spoken.json(world, about.to_string())),
        ("POST", ["messages", "batches"]) => {
            messages(request, world).map(|about| spoken.json(world, about.to_string()))
        }
        ("GET", ["files"]) => Ok(list(world, &["file-", "file_"], spoken)),
        ("GET", ["batches"]) => Ok(list(world, &["batch_"], spoken)),
        ("GET", ["messages", "batches"]) => Ok(list(world, &["msgbatch_"], spoken)),
        ("GET", ["files", id, "content"] | ["messages", "batches", id, "results"]) => {
            find(world, id).map(|thing| {
                let kind = "application/octet-stream";
                spoken.say(world, &Script::default(), kind, Body::Whole(thing.bytes), 1)
            })
        }
        ("GET", ["files" | "batches", id] | ["messages", "batches", id]) => {
            find(world, id).map(|thing| spoken.json(world, thing.about.to_string()))
        }
        ("POST", ["batches", id, "cancel"] | ["messages", "batches", id, "cancel"]) => {
            find(world, id).map(|thing| spoken.json(world, thing.about.to_string()))
        }
        ("DELETE", ["files", id] | ["messages", "batches", id]) => find(world, id).map(|_| {
            forget(world, id);
            let gone = if anthropic {
                json!({"id": id, "type": "file_deleted"})
            } else {
                json!({"id": id, "object": "file", "deleted": true})
            };
            spoken.json(world, gone.to_string())
        }),
        _ => return None,
    })
}

fn upload(request: &Request<'_>, anthropic: bool, world: &World) -> Result<Value, Refusal> {
    let (fields, files) = form::read_whole(request)?;
    let [(name, bytes)] = files.as_slice() else {
        return Err(Refusal::bad("Missing required parameter: 'file'.").at("file"));
    };
    if name != "file" {
        return Err(Refusal::bad("Missing required parameter: 'file'.").at("file"));
    }
    let about = if anthropic {
        json!({"id": world.id("file_", 24), "type": "file", "filename": "a.txt", "mime_type": "text/plain",
            "size_bytes": bytes.len(), "created_at": "2026-11-26T00:00:00Z", "downloadable": false})
    } else {
        let purpose = fields["purpose"]
            .as_str()
            .ok_or_else(|| Refusal::bad("Missing required parameter: 'purpose'.").at("purpose"))?;
        json!({"id": world.id("file-", 22), "object": "file", "bytes": bytes.len(), "created_at": unix_now(),
            "filename": "a.jsonl", "purpose": purpose, "status": "processed"})
    };
    Ok(keep(world, about, bytes.clone()))
}

fn batch(request: &Request<'_>, world: &World) -> Result<Value, Refusal> {
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    let input = find(world, body["input_file_id"].as_str().unwrap_or_default())?;
    let mut answers = Vec::new();
    for line in input.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let asked: Value = serde_json::from_slice(line).unwrap_or_default();
        let answer = json!({"id": world.id("batch_req_", 20), "custom_id": asked["custom_id"], "error": null,
            "response": {"status_code": 200, "request_id": "r", "body": {
                "id": "chatcmpl-1", "object": "chat.completion", "created": unix_now(),
                "model": asked["body"]["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}}}});
        answers.extend_from_slice(format!("{answer}\n").as_bytes());
    }
    let output = json!({"id": world.id("file-", 22), "object": "file", "bytes": answers.len(),
        "created_at": unix_now(), "filename": "out.jsonl", "purpose": "batch_output", "status": "processed"});
    let output = keep(world, output, answers);
    let about = json!({"id": world.id("batch_", 24), "object": "batch", "endpoint": body["endpoint"],
        "completion_window": "24h", "created_at": unix_now(), "status": "completed", "errors": null,
        "input_file_id": body["input_file_id"], "output_file_id": output["id"], "error_file_id": null,
        "metadata": body["metadata"]});
    Ok(keep(world, about, Vec::new()))
}

fn messages(request: &Request<'_>, world: &World) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(request.body)
        .map_err(|error| Refusal::not_json(Dialect::Anthropic, &error))?;
    let asked = body["requests"].as_array().filter(|list| !list.is_empty());
    let asked = asked.ok_or_else(|| Refusal::bad("requests: Field required"))?;
    let answers: Vec<String> = asked
        .iter()
        .map(|one| {
            json!({"custom_id": one["custom_id"], "result": {"type": "succeeded", "message": {
                "id": "msg_1", "type": "message", "role": "assistant", "model": one["params"]["model"],
                "content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn", "stop_sequence": null,
                "usage": {"input_tokens": 10, "output_tokens": 2}}}})
            .to_string()
        })
        .collect();
    let id = world.id("msgbatch_", 24);
    let about = json!({"id": id, "type": "message_batch", "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": asked.len(), "errored": 0, "canceled": 0, "expired": 0},
        "ended_at": "2026-11-26T00:00:00Z", "created_at": "2026-11-26T00:00:00Z",
        "expires_at": "2026-11-27T00:00:00Z", "archived_at": null, "cancel_initiated_at": null,
        "results_url": format!("https://api.anthropic.com/v1/messages/batches/{id}/results")});
    Ok(keep(world, about, format!("{}\n", answers.join("\n")).into_bytes()))
}

fn list(world: &World, beginnings: &[&str], spoken: Dialect) -> Act {
    let things = lock(world);
    let own = |id: &str| beginnings.iter().any(|beginning| id.starts_with(beginning));
    let data: Vec<Value> =
        things.iter().filter(|(id, _)| own(id)).map(|(_, thing)| thing.about.clone()).collect();
    let id = |thing: Option<&Value>| thing.map(|thing| thing["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    let body = json!({"object": "list", "data": data, "has_more": false, "first_id": first, "last_id": last});
    drop(things);
    spoken.json(world, body.to_string())
}

fn keep(world: &World, about: Value, bytes: Vec<u8>) -> Value {
    let mut things = lock(world);
    if things.len() >= MOST {
        things.clear();
    }
    let id = about["id"].as_str().unwrap_or_default().to_owned();
    things.insert(id, Thing { about: about.clone(), bytes });
    about
}

fn find(world: &World, id: &str) -> Result<Thing, Refusal> {
    let missing = || Refusal::bad(format!("No such object: {id}")).at("id").with_status(404);
    lock(world).get(id).cloned().ok_or_else(missing)
}

fn forget(world: &World, id: &str) {
    lock(world).remove(id);
}

fn lock(world: &World) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<String, Thing>> {
    world.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
