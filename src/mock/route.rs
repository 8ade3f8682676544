//! Which dialect a request speaks, by the end of its path and whatever prefix stands before.

use std::str;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body, Fault, Pace, Say};
use super::{anthropic, bedrock, cohere, flat, gemini, kin, live, models, ollama, openai, responses};

/// Answers one request; `head` are the bytes it was parsed from, kept for the `/__mock/` pages.
pub(super) fn answer(request: &Request<'_>, head: &[u8], world: &World) -> Act {
    if request.path.starts_with("/__mock/") {
        let (status, page) = world.stats.page(request);
        return plain(status, page);
    }
    world.stats.keep(head, request.body);
    let path = request.path.trim_end_matches('/');
    if path.is_empty() || path == "/health" {
        return plain(200, r#"{"ok":true}"#.to_owned());
    }
    if let Some(answered) = kin::answer(request, path, world) {
        return answered;
    }
    let spoken = dialect(request, path);
    let Some(key) = spoken.key(request) else {
        return Refusal::no_key(spoken).act(spoken, world);
    };
    if key == "bad-key" {
        return Refusal::wrong_key(spoken, key).act(spoken, world);
    }
    if let Some(answered) = live::answer(request, path, spoken) {
        return answered.unwrap_or_else(|refusal| refusal.act(spoken, world));
    }
    if let Some(answered) = flat::kept::answer(request, path, spoken, world) {
        return answered.unwrap_or_else(|refusal| refusal.act(spoken, world));
    }
    let answered = match request.method {
        _ if spoken == Dialect::Ollama => ollama::answer(request, path, world),
        "GET" if is_models(path) => models::answer(request, path, spoken, world),
        "POST" => post(request, path, spoken, world),
        method => Err(nowhere(spoken, method, path)),
    };
    answered.unwrap_or_else(|refusal| refusal.act(spoken, world))
}

fn post(request: &Request<'_>, path: &str, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    match spoken {
        Dialect::OpenAi | Dialect::Azure if path.contains("/realtime") => {
            live::opening::answer(request, path, spoken, world)
                .unwrap_or_else(|| Err(nowhere(spoken, "POST", path)))
        }
        Dialect::OpenAi | Dialect::Azure if path.ends_with("/chat/completions") => {
            openai::answer(request, path, spoken, world)
        }
        Dialect::OpenAi | Dialect::Azure if path.ends_with("/completions") => {
            openai::text::answer(request, path, spoken, world)
        }
        Dialect::OpenAi | Dialect::Azure
            if path.ends_with("/responses") || path.ends_with("/responses/input_tokens") =>
        {
            responses::answer(request, path, spoken, world)
        }
        Dialect::OpenAi | Dialect::Azure if path.ends_with("/embeddings") => {
            openai::embeddings::answer(request, path, spoken, world)
        }
        Dialect::Anthropic => anthropic::answer(request, path, world),
        Dialect::Gemini => gemini::answer(request, path, world),
        Dialect::Bedrock => bedrock::answer(request, path, world),
        Dialect::Ollama => ollama::answer(request, path, world),
        Dialect::Cohere => cohere::answer(request, world),
        Dialect::OpenAi | Dialect::Azure => {
            flat::answer(request, path, spoken, world).unwrap_or_else(|| Err(nowhere(spoken, "POST", path)))
        }
    }
}

fn dialect(request: &Request<'_>, path: &str) -> Dialect {
    let last = path.rsplit('/').next().unwrap_or_default();
    if live::is_gemini(path) {
        return Dialect::Gemini;
    }
    if path.contains("/openai/deployments/") || path.ends_with("/openai/realtime") {
        return Dialect::Azure;
    }
    if bedrock::is_place(path) {
        return Dialect::Bedrock;
    }
    if ollama::is_own(path) {
        return Dialect::Ollama;
    }
    if cohere::is_own(path) {
        return Dialect::Cohere;
    }
    if path.ends_with("/messages")
        || path.ends_with("/messages/count_tokens")
        || path.contains("/messages/batches")
        || last.ends_with("awPredict")
    {
        return Dialect::Anthropic;
    }
    // Newer Google clients list models under a plain /v1 too; only their key header tells.
    let listed_by_google = is_models(path) && request.header("x-goog-api-key").is_some();
    let beta = path.contains("/v1beta") && !path.contains("/openai/");
    if last.contains(':') || beta || listed_by_google {
        return Dialect::Gemini;
    }
    if request.header("anthropic-version").is_some() {
        return Dialect::Anthropic;
    }
    Dialect::OpenAi
}

fn is_models(path: &str) -> bool {
    path.ends_with("/models") || path.contains("/models/")
}

/// No such page, or not with this method.
fn nowhere(spoken: Dialect, method: &str, path: &str) -> Refusal {
    match spoken {
        Dialect::OpenAi
            if method == "GET" && (path.ends_with("/chat/completions") || path.ends_with("/embeddings")) =>
        {
            Refusal::bad(format!(
                "Not allowed to GET on {path}. (HINT: Perhaps you meant to use a different HTTP \
                 method?)"
            ))
            .with_status(405)
        }
        Dialect::OpenAi => Refusal::bad(format!("Invalid URL ({method} {path})")).with_status(404),
        Dialect::Azure => Refusal::bad("Resource not found").with_status(404),
        Dialect::Anthropic | Dialect::Ollama | Dialect::Cohere => Refusal::bad("Not found").with_status(404),
        Dialect::Gemini => Refusal::bad("Requested entity was not found.").with_status(404),
        Dialect::Bedrock => {
            Refusal::bad("Unable to determine service/operation name to be authorized").with_status(403)
        }
    }
}

fn plain(status: u16, page: String) -> Act {
    Act::Say(Box::new(Say {
        status,
        kind: "application/json",
        headers: String::new(),
        body: Body::Whole(page.into_bytes()),
        pace: Pace::default(),
        fault: Fault::default(),
    }))
}
