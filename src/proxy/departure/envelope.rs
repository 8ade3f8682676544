//! What a cloud wants around a body that is otherwise its maker's own.

use std::borrow::Cow;

use crate::ir::{Dialect, Losses};
use crate::provider::Platform;
use crate::provider::url::DEPLOYED;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};

/// The forms that Claude's body has at clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// The maker's own.
    None,
    /// Vertex: the path names the model, the body the version.
    Vertex,
    /// Bedrock: the same, and the path says whether to stream, the body which betas.
    Bedrock,
    /// `SageMaker`: the path names what is served, in OpenAI's form.
    SageMaker,
    /// watsonx: OpenAI's form with other names for some members, and with whose account pays.
    Watsonx,
    /// Triton: the path names the model and whether to stream, the prompt has another name, and all else
    /// are parameters.
    Triton,
    /// Replicate: the path names the model, all else is its input, and the answer is waited for.
    Replicate,
}

/// The betas that a cloud knows, without their dates; it refuses a request with any other. Seen in
/// the clouds' own lists in November 2026.
const VERTEX_BETAS: &[&str] =
    &["computer-use", "context-management", "interleaved-thinking", "tool-search-tool", "web-search"];
const BEDROCK_BETAS: &[&str] = &[
    "compact",
    "computer-use",
    "context-1m",
    "context-management",
    "interleaved-thinking",
    "tool-search-tool",
];
/// What only Anthropic's own service takes, and a cloud refuses a request for.
const OWN_ALONE: [&str; 3] = ["service_tier", "inference_geo", "speed"];
/// What Anthropic itself calls the search for tools, and what clouds call it.
const RENAMED: (&str, &str) = ("advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19");

impl Envelope {
    /// The form for a target that is spoken to in this dialect.
    #[must_use]
    pub const fn of(platform: Platform, dialect: Dialect) -> Self {
        match (platform, dialect) {
            (Platform::Vertex, Dialect::AnthropicMessages) => Self::Vertex,
            (Platform::Bedrock, Dialect::AnthropicMessages) => Self::Bedrock,
            (Platform::SageMaker, _) => Self::SageMaker,
            (Platform::Watsonx, _) => Self::Watsonx,
            (Platform::Triton, _) => Self::Triton,
            (Platform::Replicate, _) => Self::Replicate,
            (Platform::None | Platform::Vertex | Platform::Bedrock, _) => Self::None,
        }
    }

    /// Whether the target goes to addresses of pictures and documents itself. Clouds fetch nothing for
    /// Claude.
    #[must_use]
    pub const fn fetches(self) -> bool {
        matches!(self, Self::None | Self::Watsonx | Self::Triton | Self::Replicate)
    }

    /// What must change in a body, and in the headers beside it. A change of the model's name that is
    /// among `edits` already is taken back where the path names it.
    pub fn seal(
        self,
        body: &Lens<'_>,
        account: &[(&'static str, String)],
        edits: &mut Vec<Edit>,
        headers: &mut Vec<(&'static str, String)>,
        losses: &mut Losses,
    ) {
        let version = match self {
            Self::None => return,
            Self::SageMaker => {
                // Servers know their model by other names than its endpoint has.
                edits.retain(|edit| !matches!(edit, Edit::Set { key, .. } if key == "model"));
                edits.push(remove("model"));
                return;
            }
            Self::Watsonx => return watsonx(body, account, edits),
            Self::Triton => return triton(body, edits, losses),
            Self::Replicate => return replicate(body, edits, headers, losses),
            Self::Vertex => "vertex-2023-10-16",
            Self::Bedrock => "bedrock-2023-05-31",
        };
        edits.retain(|edit| !matches!(edit, Edit::Set { key, .. } if key == "model"));
        edits.push(remove("model"));
        if body.raw("anthropic_version").is_none() {
            edits.push(set("anthropic_version", json::string(version)));
        }
        for key in OWN_ALONE {
            if body.raw(key).is_some_and(|value| value != "null") {
                losses.dropped(key, "the cloud does not take it");
            }
            edits.push(remove(key));
        }
        let betas = self.betas(headers, losses);
        match self {
            Self::None | Self::SageMaker | Self::Watsonx | Self::Triton | Self::Replicate => {}
            Self::Vertex if betas.is_empty() => {}
            Self::Vertex => headers.push(("anthropic-beta", betas.join(","))),
            Self::Bedrock => {
                edits.push(remove("stream"));
                headers.retain(|(name, _)| *name != "anthropic-version");
                if !betas.is_empty() && body.raw("anthropic_beta").is_none() {
                    let mut list = Vec::new();
                    json::array(&mut list, |list| betas.iter().for_each(|beta| list.string(beta)));
                    edits.push(set("anthropic_beta", String::from_utf8_lossy(&list).into_owned()));
                }
            }
        }
    }

    /// The same for a body whose tokens are counted: there the body names the model everywhere.
    pub fn seal_count(
        self,
        body: &Lens<'_>,
        edits: &mut Vec<Edit>,
        headers: &mut Vec<(&'static str, String)>,
        losses: &mut Losses,
    ) {
        let named = edits.clone();
        self.seal(body, &[], edits, headers, losses);
        if self != Self::None {
            edits.retain(|edit| *edit != remove("model"));
            edits.extend(named);
        }
    }

    /// Takes the betas out of the headers; those that the cloud does not know are lost.
    fn betas(self, headers: &mut Vec<(&'static str, String)>, losses: &mut Losses) -> Vec<Cow<'static, str>> {
        let known = if self == Self::Bedrock { BEDROCK_BETAS } else { VERTEX_BETAS };
        let mut betas: Vec<Cow<'static, str>> = Vec::new();
        headers.retain(|(name, value)| {
            if *name != "anthropic-beta" {
                return true;
            }
            for beta in value.split(',').map(str::trim).filter(|beta| !beta.is_empty()) {
                let beta =
                    if beta == RENAMED.0 { Cow::Borrowed(RENAMED.1) } else { Cow::Owned(beta.to_owned()) };
                let fits = known
                    .iter()
                    .any(|known| beta.strip_prefix(known).is_some_and(|date| date.starts_with("-2")));
                if !fits {
                    losses.dropped(format!("anthropic-beta.{beta}"), "the cloud does not know this beta");
                } else if !betas.contains(&beta) {
                    betas.push(beta);
                }
            }
            false
        });
        betas
    }
}

/// The path says whether to stream, and which deployment is meant: that knows its model and who pays.
fn watsonx(body: &Lens<'_>, account: &[(&'static str, String)], edits: &mut Vec<Edit>) {
    edits.push(remove("stream"));
    if body.raw("tool_choice").is_some_and(|choice| choice.starts_with('"')) {
        edits.push(rename("tool_choice", "tool_choice_option"));
    }
    if body.string("model").is_some_and(|model| model.starts_with(DEPLOYED)) {
        edits.push(remove("model"));
    } else {
        edits.push(rename("model", "model_id"));
        edits.extend(account.iter().map(|(key, value)| set(key, json::string(value))));
    }
}

fn triton(body: &Lens<'_>, edits: &mut Vec<Edit>, losses: &mut Losses) {
    let parameters = gathered(body, &["model", "prompt"], edits, losses);
    edits.push(remove("model"));
    edits.push(rename("prompt", "text_input"));
    // Else most servers begin their answer with the prompt.
    edits.push(set("exclude_input_in_output", "true".to_owned()));
    edits.push(set("parameters", parameters));
}

fn replicate(
    body: &Lens<'_>,
    edits: &mut Vec<Edit>,
    headers: &mut Vec<(&'static str, String)>,
    losses: &mut Losses,
) {
    let input = gathered(body, &["model", "stream"], edits, losses);
    edits.extend([remove("model"), remove("stream"), set("input", input)]);
    headers.push(("prefer", "wait".to_owned()));
}

/// Takes the members of a body out of it, but for these, and puts them into an object of plain values: of a
/// list only its one element can be said.
fn gathered(body: &Lens<'_>, except: &[&str], edits: &mut Vec<Edit>, losses: &mut Losses) -> String {
    let mut out = Vec::with_capacity(128);
    json::object(&mut out, |values| {
        for key in body.keys().filter(|key| !except.contains(key)) {
            edits.push(Edit::Remove { key: key.to_owned().into() });
            let Some(value) = body.raw(key).filter(|value| *value != "null") else { continue };
            if !value.starts_with(['[', '{']) {
                values.raw(key, value);
            } else if let Ok(list) = json::parse(value.as_bytes())
                && let [only] = list.elements()
            {
                values.raw(key, only.raw());
            } else {
                losses.dropped(key.to_owned(), "the target takes plain values alone");
            }
        }
    });
    String::from_utf8_lossy(&out).into_owned()
}

fn rename(from: &'static str, to: &'static str) -> Edit {
    Edit::Rename { from: from.into(), to: to.into() }
}

fn remove(key: &'static str) -> Edit {
    Edit::Remove { key: key.into() }
}

fn set(key: &'static str, value: String) -> Edit {
    Edit::Set { key: key.into(), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(envelope: Envelope, body: &str, betas: &str) -> (String, Vec<(&'static str, String)>, Losses) {
        let lens = Lens::new(body.as_bytes()).unwrap();
        let mut edits = vec![set("model", "\"there\"".to_owned())];
        let mut headers = vec![("anthropic-version", "2023-06-01".to_owned())];
        if !betas.is_empty() {
            headers.push(("anthropic-beta", betas.to_owned()));
        }
        let mut losses = Losses::new();
        let account = [("project_id", "p".to_owned())];
        envelope.seal(&lens, &account, &mut edits, &mut headers, &mut losses);
        (String::from_utf8(lens.apply(&edits)).unwrap(), headers, losses)
    }

    #[test]
    fn the_path_names_the_model_and_the_body_the_version() {
        let body = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[]}"#;
        let (vertex, headers, _) = sealed(Envelope::Vertex, body, "");
        assert_eq!(
            vertex,
            r#"{"max_tokens":9,"stream":true,"messages":[],"anthropic_version":"vertex-2023-10-16"}"#
        );
        assert_eq!(headers.len(), 1);
        let (bedrock, headers, _) =
            sealed(Envelope::Bedrock, body, "context-1m-2025-08-07, output-128k-2025-02-19");
        assert_eq!(
            bedrock,
            r#"{"max_tokens":9,"messages":[],"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["context-1m-2025-08-07"]}"#
        );
        assert!(headers.is_empty());
        let (own, ..) = sealed(Envelope::None, body, "");
        assert!(own.contains(r#""model":"there""#));
    }

    #[test]
    fn what_only_anthropic_takes_is_lost_and_said_to_be() {
        let body = r#"{"model":"m","service_tier":"auto","speed":null}"#;
        let (sealed, _, losses) = sealed(Envelope::Vertex, body, "");
        assert_eq!(sealed, r#"{"anthropic_version":"vertex-2023-10-16"}"#);
        assert_eq!(losses.first().map(|loss| loss.field.to_string()).as_deref(), Some("service_tier"));
    }

    #[test]
    fn betas_that_a_cloud_does_not_know_are_lost_and_said_to_be() {
        let betas = "interleaved-thinking-2025-05-14,advanced-tool-use-2025-11-20,claude-code-20250219";
        let (_, headers, losses) = sealed(Envelope::Vertex, r#"{"anthropic_version":"mine"}"#, betas);
        let kept = "interleaved-thinking-2025-05-14,tool-search-tool-2025-10-19";
        assert!(headers.contains(&("anthropic-beta", kept.to_owned())));
        assert_eq!(
            losses.first().map(|loss| loss.field.to_string()).as_deref(),
            Some("anthropic-beta.claude-code-20250219")
        );
    }
}
