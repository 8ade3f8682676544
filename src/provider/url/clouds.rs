//! Where clouds serve the models of several makers.

use crate::ir::Dialect;
use crate::provider::vendors::is_mistral;

use super::{Base, Operation, Slash, segment};

/// Below a project and location of Vertex: `/publishers/{maker}/models/{model}:{verb}`, or for the
/// makers that speak OpenAI's dialect one address for all.
pub(super) fn vertex(base: &Base, dialect: Dialect, operation: Operation, model: &str) -> Option<String> {
    let (maker, verb, model) = match dialect {
        Dialect::GeminiGenerate => {
            let verb = match operation {
                Operation::Generate => "generateContent",
                Operation::Stream => "streamGenerateContent?alt=sse",
                Operation::CountTokens => "countTokens",
                Operation::Embed | Operation::EmbedBatch => "predict",
                Operation::Relayed(_) | Operation::Models => return None,
            };
            ("google", verb, model.strip_prefix("google/").unwrap_or(model))
        }
        Dialect::AnthropicMessages => {
            let model = model.strip_prefix("anthropic/").unwrap_or(model);
            match operation {
                Operation::Generate => ("anthropic", "rawPredict", model),
                Operation::Stream => ("anthropic", "streamRawPredict", model),
                // The body names the model.
                Operation::CountTokens => ("anthropic", "rawPredict", "count-tokens"),
                Operation::Embed | Operation::EmbedBatch | Operation::Relayed(_) | Operation::Models => {
                    return None;
                }
            }
        }
        Dialect::OpenaiChat => {
            let verb = match operation {
                Operation::Generate => "rawPredict",
                Operation::Stream => "streamRawPredict",
                Operation::Embed
                | Operation::EmbedBatch
                | Operation::Relayed(_)
                | Operation::CountTokens
                | Operation::Models => {
                    return None;
                }
            };
            if !is_mistral(model) {
                return Some(format!("{}/endpoints/openapi/chat/completions", base.path));
            }
            ("mistralai", verb, model)
        }
        Dialect::OpenaiCompletions
        | Dialect::OpenaiResponses
        | Dialect::BedrockConverse
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => return None,
    };
    let model = model.strip_prefix("models/").unwrap_or(model);
    let name = segment(model, Slash::Kept)?;
    // Tuned models, and names that say it all.
    if model.starts_with("endpoints/") || model.starts_with("publishers/") {
        return Some(format!("{}/{name}:{verb}", base.path));
    }
    Some(format!("{}/publishers/{maker}/models/{name}:{verb}", base.path))
}

/// The address of one of `SageMaker`'s endpoints.
pub(super) fn endpoint(base: &Base, operation: Operation, name: &str) -> Option<String> {
    let verb = match operation {
        Operation::Generate => "invocations",
        Operation::Stream => "invocations-response-stream",
        Operation::Embed
        | Operation::EmbedBatch
        | Operation::Relayed(_)
        | Operation::CountTokens
        | Operation::Models => return None,
    };
    Some(format!("{}/endpoints/{}/{verb}", base.path, segment(name, Slash::Encoded)?))
}

/// Bedrock's address for a body in its maker's own form; the name may be an ARN.
pub(super) fn invoke(base: &Base, operation: Operation, model: &str) -> Option<String> {
    let verb = match operation {
        Operation::Generate => "invoke",
        Operation::Stream => "invoke-with-response-stream",
        Operation::Embed
        | Operation::EmbedBatch
        | Operation::Relayed(_)
        | Operation::CountTokens
        | Operation::Models => return None,
    };
    Some(format!("{}/model/{}/{verb}", base.path, segment(model, Slash::Encoded)?))
}

/// How names of models begin that somebody deployed at watsonx.
pub const DEPLOYED: &str = "deployment/";

/// The address of a model of watsonx, or of one that somebody deployed there.
pub(super) fn watsonx(
    base: &Base,
    operation: Operation,
    model: &str,
    version: Option<&str>,
) -> Option<String> {
    let place = match (operation, model.strip_prefix(DEPLOYED)) {
        (Operation::Models, _) => return watsonx_place(base, "/foundation_model_specs", version),
        (Operation::Generate, None) => "/text/chat".to_owned(),
        (Operation::Stream, None) => "/text/chat_stream".to_owned(),
        (Operation::Generate, Some(id)) => format!("/deployments/{}/text/chat", segment(id, Slash::Encoded)?),
        (Operation::Stream, Some(id)) => {
            format!("/deployments/{}/text/chat_stream", segment(id, Slash::Encoded)?)
        }
        (Operation::Embed | Operation::EmbedBatch | Operation::Relayed(_) | Operation::CountTokens, _) => {
            return None;
        }
    };
    watsonx_place(base, &place, version)
}

/// A place of watsonx in the version of that day.
#[must_use]
pub fn watsonx_place(base: &Base, place: &str, version: Option<&str>) -> Option<String> {
    let version = segment(version.unwrap_or_default(), Slash::Encoded)?;
    let prefix = base.path.strip_suffix("/ml/v1").unwrap_or(&base.path);
    Some(format!("{prefix}/ml/v1{place}?version={version}"))
}

/// The address of a body of Bedrock's that is neither chat nor Anthropic's.
#[must_use]
pub fn invoked(base: &Base, model: &str) -> Option<String> {
    invoke(base, Operation::Generate, model)
}

/// The address at which Triton has a model go on with a text; the name may end in a version.
pub(super) fn generated(base: &Base, operation: Operation, model: &str) -> Option<String> {
    let verb = match operation {
        Operation::Generate => "generate",
        Operation::Stream => "generate_stream",
        Operation::Embed
        | Operation::EmbedBatch
        | Operation::Relayed(_)
        | Operation::CountTokens
        | Operation::Models => return None,
    };
    let prefix = base.path.strip_suffix("/v2").unwrap_or(&base.path);
    Some(format!("{prefix}/v2/models/{}/{verb}", segment(model, Slash::Kept)?))
}

/// The address at which Replicate is asked for a prediction, which comes whole.
pub(super) fn predicted(base: &Base, operation: Operation, model: &str) -> Option<String> {
    match operation {
        Operation::Generate | Operation::Stream => {
            Some(format!("{}/models/{}/predictions", base.path, segment(model, Slash::Kept)?))
        }
        Operation::Embed
        | Operation::EmbedBatch
        | Operation::Relayed(_)
        | Operation::CountTokens
        | Operation::Models => None,
    }
}
