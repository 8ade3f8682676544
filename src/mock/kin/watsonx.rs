//! IBM's watsonx: chat, vectors and ranks below `/ml/v1`
//! (<https://cloud.ibm.com/apidocs/watsonx-ai>, seen 2026-11).

use serde_json::{Map, Value, json};

use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::{Act, Body, Fault, Pace, Say};
use crate::mock::say::tokens_of;

const CHAT: [&str; 27] = [
    "messages",
    "model_id",
    "project_id",
    "space_id",
    "tools",
    "tool_choice",
    "tool_choice_option",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "n",
    "seed",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "response_format",
    "reasoning_effort",
    "include_reasoning",
    "chat_template_kwargs",
    "repetition_penalty",
    "length_penalty",
    "time_limit",
    "guided_choice",
];

pub(super) fn is_own(path: &str) -> bool {
    path.contains("/ml/v1/")
}

pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Act {
    let Some(token) = request.bearer() else {
        return refuse(401, "authentication_token_not_found", "A bearer token is expected.");
    };
    if token == "bad-key" || token.starts_with("api-key") {
        return refuse(
            401,
            "authentication_token_not_valid",
            "Failed to authenticate: the token is not one.",
        );
    }
    if request.param("version").is_none_or(|day| day.len() != 10) {
        return refuse(
            400,
            "missing_required_version_parameter",
            "The `version` query parameter is required.",
        );
    }
    if path.ends_with("/foundation_model_specs") {
        let body = json!({"limit": 200, "total_count": 1, "resources": [
            {"model_id": "ibm/granite-3-3-8b-instruct", "label": "granite", "provider": "IBM"}]});
        return Dialect::OpenAi.json(world, body.to_string());
    }
    let deployed = path.contains("/ml/v1/deployments/");
    let answered = super::object(request).and_then(|body| match path.rsplit_once("/text/") {
        Some((_, "chat")) => chat(body, deployed, false, world),
        Some((_, "chat_stream")) => chat(body, deployed, true, world),
        Some((_, "embeddings")) => vectors(&body, world),
        Some((_, "rerank")) => ranks(&body, world),
        _ => Err(Refusal::bad("no such place").with_status(404)),
    });
    answered.unwrap_or_else(|refusal| {
        refuse(refusal.status, refusal.code.unwrap_or("json_validation_error"), &refusal.message)
    })
}

fn chat(mut body: Map<String, Value>, deployed: bool, stream: bool, world: &World) -> Result<Act, Refusal> {
    only(&body, &CHAT)?;
    owned(&body, deployed)?;
    if !body.get("tool_choice").is_none_or(Value::is_object) {
        return Err(invalid("tool_choice", "expected an object"));
    }
    if let Some(choice) = body.remove("tool_choice_option") {
        body.insert("tool_choice".to_owned(), choice);
    }
    let model = body.remove("model_id").unwrap_or_else(|| "granite-deployed".into());
    body.remove("project_id");
    body.remove("space_id");
    body.insert("model".to_owned(), model.clone());
    body.insert("stream".to_owned(), stream.into());
    if stream {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    let say = |value: &mut Value| {
        let Some(value) = value.as_object_mut() else { return };
        for key in ["object", "system_fingerprint", "service_tier"] {
            value.remove(key);
        }
        if value.get("usage").is_none_or(Value::is_null) {
            value.remove("usage");
        }
        value.insert("model_id".to_owned(), model.clone());
        value.insert("created_at".to_owned(), "2026-11-26T12:00:00.000Z".into());
    };
    let frame = |value: Option<&Value>, number: usize| match value {
        Some(value) => format!("id: {number}\nevent: message\ndata: {value}\n\n"),
        None => format!("id: {number}\nevent: close\ndata: {{}}\n\n"),
    };
    super::chat(body, world, say, frame)
}

fn vectors(body: &Map<String, Value>, world: &World) -> Result<Act, Refusal> {
    only(body, &["model_id", "project_id", "space_id", "inputs", "parameters"])?;
    owned(body, false)?;
    let inputs = texts(body, |input| input.as_str())?;
    let results: Vec<Value> =
        inputs.iter().map(|text| json!({"embedding": [0.5, -0.25, text.len() % 7]})).collect();
    let said = json!({"model_id": body["model_id"], "created_at": "2026-11-26T12:00:00.000Z",
        "results": results, "input_token_count": count(&inputs)});
    Ok(Dialect::OpenAi.json(world, said.to_string()))
}

fn ranks(body: &Map<String, Value>, world: &World) -> Result<Act, Refusal> {
    only(body, &["model_id", "project_id", "space_id", "query", "inputs", "parameters"])?;
    owned(body, false)?;
    let inputs = texts(body, |input| input["text"].as_str())?;
    let most = body.get("parameters").and_then(|told| told["return_options"]["top_n"].as_u64());
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(inputs.len());
    let results: Vec<Value> = (0..inputs.len().min(most))
        .map(|index| json!({"index": index, "score": 1.0 / f64::from(u32::try_from(index + 2).unwrap_or(2))}))
        .collect();
    let said = json!({"model_id": body["model_id"], "results": results, "input_token_count": count(&inputs)});
    Ok(Dialect::OpenAi.json(world, said.to_string()))
}

fn texts<'b>(
    body: &'b Map<String, Value>,
    text: impl Fn(&'b Value) -> Option<&'b str>,
) -> Result<Vec<&'b str>, Refusal> {
    let inputs = body.get("inputs").and_then(Value::as_array).filter(|inputs| !inputs.is_empty());
    let inputs = inputs.and_then(|inputs| inputs.iter().map(text).collect());
    inputs.ok_or_else(|| invalid("inputs", "expected a list of texts"))
}

fn count(inputs: &[&str]) -> usize {
    inputs.iter().map(|text| tokens_of(text.len())).sum()
}

/// Who pays must be said of a model, and may not of what is deployed.
fn owned(body: &Map<String, Value>, deployed: bool) -> Result<(), Refusal> {
    let owners = ["project_id", "space_id"].iter().filter(|key| body.contains_key(**key)).count();
    if deployed && (owners > 0 || body.contains_key("model_id")) {
        return Err(invalid("model_id", "should not be present"));
    }
    if !deployed && (owners != 1 || !body.get("model_id").is_some_and(Value::is_string)) {
        let message = "exactly one of project_id, space_id must be specified, and a model_id";
        return Err(Refusal::bad(message).coded("missing_parameter"));
    }
    Ok(())
}

fn only(body: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(invalid(key, "should not be present")),
        None => Ok(()),
    }
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::bad(format!("Json document validation error: {field} {why}")).coded("json_validation_error")
}

fn refuse(status: u16, code: &str, message: &str) -> Act {
    let body = json!({"errors": [{"code": code, "message": message,
        "more_info": "https://cloud.ibm.com/apidocs/watsonx-ai#text-chat"}],
        "trace": "84ca0edd5bb3b1ac0fdbc4a1b9ec9d77", "status_code": status});
    Act::Say(Box::new(Say {
        status,
        kind: "application/json",
        headers: String::new(),
        body: Body::Whole(body.to_string().into_bytes()),
        pace: Pace::default(),
        fault: Fault::default(),
    }))
}
