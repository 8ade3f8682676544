//! Providers of clouds that the environment configures without a key: the variables that the
//! clouds' own tools read are enough.

use crate::config::tree::{Node, Value};
use crate::provider::Vendor;

use super::Variables;

/// Sets of variables, each of which is enough for the vendor. Names with `|` between them stand for
/// each other. What many environments hold for other reasons is never enough by itself.
const ENOUGH: [(&str, &[&[&str]]); 5] = [
    (
        "vertex",
        &[
            &["VERTEX_PROJECT|VERTEXAI_PROJECT|ANTHROPIC_VERTEX_PROJECT_ID"],
            &["GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS|GOOGLE_GENAI_USE_VERTEXAI"],
        ],
    ),
    (
        "bedrock",
        &[
            &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION|AWS_DEFAULT_REGION"],
            &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_REGION|AWS_DEFAULT_REGION"],
        ],
    ),
    (
        "azure",
        &[
            &[
                "AZURE_BASE_URL|AZURE_OPENAI_BASE_URL|AZURE_OPENAI_ENDPOINT|AZURE_API_BASE",
                "AZURE_TENANT_ID",
                "AZURE_CLIENT_ID",
                "AZURE_CLIENT_SECRET|AZURE_FEDERATED_TOKEN_FILE",
            ],
            &[
                "AZURE_BASE_URL|AZURE_OPENAI_BASE_URL|AZURE_OPENAI_ENDPOINT|AZURE_API_BASE",
                "IDENTITY_ENDPOINT",
            ],
        ],
    ),
    ("oci", &[&["OCI_TENANCY", "OCI_USER", "OCI_FINGERPRINT", "OCI_KEY|OCI_KEY_FILE", "OCI_REGION"]]),
    (
        "databricks",
        &[&[
            "DATABRICKS_HOST|DATABRICKS_BASE_URL|DATABRICKS_API_BASE",
            "DATABRICKS_CLIENT_ID",
            "DATABRICKS_CLIENT_SECRET",
        ]],
    ),
];

/// Declares the providers that the variables are enough for and the file does not have.
pub(super) fn declare(tree: &mut Node, variables: &Variables) {
    for (id, sets) in ENOUGH {
        let Some(vendor) = Vendor::find(id) else { continue };
        let declared = tree.get("providers").is_some_and(|providers| {
            let of_vendor = |entry: &crate::config::tree::Entry| {
                let written = entry.node.get("vendor").and_then(|vendor| match &vendor.value {
                    Value::Text(text) => Some(text.as_str()),
                    Value::Null | Value::List(_) | Value::Map(_) => None,
                });
                Vendor::find(written.unwrap_or(&entry.key)).is_some_and(|found| found.id == vendor.id)
            };
            providers.entries().iter().any(of_vendor)
        });
        let set = |names: &&str| names.split('|').find_map(|name| variables.get(name));
        let enough = sets.iter().find(|set_of| set_of.iter().all(|names| set(names).is_some()));
        if let Some((_, place)) = enough.filter(|_| !declared).and_then(|names| set(names.first()?)) {
            let empty = Node::new(&place.clone(), Value::Map(Vec::new()));
            tree.put(&["providers", vendor.id], empty);
        }
    }
}
