//! Where realtime sessions are had.

use crate::provider::auth::Auth;
use crate::provider::through::before_version;
use crate::provider::vendors::{Platform, Vendor};

use super::{Base, Slash, segment};

/// Which words OpenAI's form is spoken in: Azure has an address for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Those of today.
    Current,
    /// Those of the time before, in the version of Azure's API that the client named, or "".
    Preview(String),
}

/// The version of Azure's API that had the older words last.
const LAST_PREVIEW: &str = "2025-04-01-preview";

/// What is asked for in OpenAI's form.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The words in which.
    pub protocol: &'a Protocol,
    /// Where it lies below a base, without a slash before it.
    pub place: &'a str,
    /// The model to name in the query; "" for none.
    pub model: &'a str,
    /// What else the query says.
    pub rest: &'a str,
}

/// The address of a session in OpenAI's form, or of what opens one.
#[must_use]
pub fn openai(vendor: &Vendor, base: &Base, api_version: Option<&str>, wanted: Wanted<'_>) -> Option<String> {
    let Wanted { protocol, place, model, rest } = wanted;
    if vendor.platform != Platform::None {
        return None;
    }
    let mut query = Vec::new();
    let name = |model: &str| segment(model, Slash::Encoded);
    let path = if vendor.auth == Auth::Azure {
        let (resource, named) = azure(&base.path);
        let model = named.unwrap_or(model);
        match protocol {
            Protocol::Current => {
                if !model.is_empty() {
                    query.push(format!("model={}", name(model)?));
                }
                format!("{resource}/openai/v1/{place}")
            }
            Protocol::Preview(asked) => {
                let own = api_version.filter(|version| version.ends_with("preview"));
                let version =
                    Some(asked.as_str()).filter(|asked| !asked.is_empty()).or(own).unwrap_or(LAST_PREVIEW);
                query.push(format!("api-version={}", name(version)?));
                if !model.is_empty() {
                    query.push(format!("deployment={}", name(model)?));
                }
                format!("{resource}/openai/{place}")
            }
        }
    } else {
        if !model.is_empty() {
            query.push(format!("model={}", name(model)?));
        }
        format!("{}/{place}", base.path)
    };
    query.extend((!rest.is_empty()).then(|| rest.to_owned()));
    Some(with_query(path, &query.join("&")))
}

/// The address of a session in Gemini's form: `place` is where the client asked, and lies beside the
/// versions of the rest of the API.
#[must_use]
pub fn gemini(base: &Base, place: &str, rest: &str) -> String {
    with_query(format!("{}/{place}", before_version(&base.path)), rest)
}

/// Where a resource of Azure's begins, and the deployment that its address names.
fn azure(path: &str) -> (&str, Option<&str>) {
    let named = path.split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
    let ends = ["/openai", "/models", "/anthropic"];
    let resource = ends.iter().find_map(|end| path.split_once(end)).map_or(path, |(resource, _)| resource);
    (resource, named)
}

fn with_query(path: String, query: &str) -> String {
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(vendor: &str, base: &str, protocol: &Protocol, model: &str, rest: &str) -> Option<String> {
        let base = Base::parse(base).unwrap();
        let wanted = Wanted { protocol, place: "realtime", model, rest };
        openai(Vendor::find(vendor).unwrap(), &base, None, wanted)
    }

    #[test]
    fn openai_s_form_lies_below_the_version_and_names_the_model() {
        let current = Protocol::Current;
        let openai = "https://api.openai.com/v1";
        for (model, rest, path) in [
            ("gpt-realtime", "", "/v1/realtime?model=gpt-realtime"),
            ("a/b c", "x=1", "/v1/realtime?model=a%2Fb%20c&x=1"),
            ("", "call_id=rtc_1", "/v1/realtime?call_id=rtc_1"),
        ] {
            assert_eq!(address("openai", openai, &current, model, rest).as_deref(), Some(path));
        }
        let preview = Protocol::Preview("2024-10-01-preview".to_owned());
        let path = address("openai", openai, &preview, "m", "");
        assert_eq!(path.as_deref(), Some("/v1/realtime?model=m"));
        assert_eq!(address("bedrock", "https://a", &current, "m", ""), None);
    }

    #[test]
    fn azure_has_an_address_for_each_set_of_words() {
        let preview = |version: &str| Protocol::Preview(version.to_owned());
        for (base, protocol, path) in [
            ("https://me.openai.azure.com", Protocol::Current, "/openai/v1/realtime?model=m"),
            ("https://me.openai.azure.com/openai/v1", Protocol::Current, "/openai/v1/realtime?model=m"),
            (
                "https://me.openai.azure.com",
                preview("2024-10-01-preview"),
                "/openai/realtime?api-version=2024-10-01-preview&deployment=m",
            ),
            (
                "https://me.openai.azure.com/openai/deployments/d",
                preview(""),
                "/openai/realtime?api-version=2025-04-01-preview&deployment=d",
            ),
        ] {
            assert_eq!(address("azure", base, &protocol, "m", "").as_deref(), Some(path), "{base}");
        }
    }

    #[test]
    fn gemini_s_form_lies_beside_the_versions() {
        let place = "ws/x.v1beta.Y";
        for (base, path) in [
            ("https://g/v1beta", "/ws/x.v1beta.Y?a=1"),
            ("https://g", "/ws/x.v1beta.Y?a=1"),
            ("https://p/gemini/v1beta", "/gemini/ws/x.v1beta.Y?a=1"),
            ("https://v/v1/projects/p/locations/l", "/ws/x.v1beta.Y?a=1"),
        ] {
            assert_eq!(gemini(&Base::parse(base).unwrap(), place, "a=1"), path);
        }
    }
}
