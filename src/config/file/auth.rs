//! How a cloud lends a provider its credentials, as a human writes it.

use serde::Deserialize;

use super::scalar::Key;

/// How a cloud lends credentials. Each cloud takes the fields that are its own.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Auth {
    /// Amazon: the id of an access key.
    pub(in crate::config) access_key_id: Option<String>,
    /// Amazon: the secret that belongs to it.
    pub(in crate::config) secret_access_key: Option<Key>,
    /// Amazon: the session token of a short-lived access key.
    pub(in crate::config) session_token: Option<Key>,
    /// Amazon: the profile in `~/.aws/credentials` and `~/.aws/config`. Oracle: that in `~/.oci/config`,
    /// default: `DEFAULT`.
    pub(in crate::config) profile: Option<String>,
    /// Amazon: the ARN of a role to assume with whatever else is found.
    pub(in crate::config) role_arn: Option<String>,
    /// Amazon: what the session of that role is called. Default: `tollgate`.
    pub(in crate::config) role_session_name: Option<String>,
    /// Amazon: what the owner of that role wants to hear.
    pub(in crate::config) external_id: Option<String>,
    /// Google: the file of a service account, of a person or of a federated workload.
    pub(in crate::config) credentials_file: Option<String>,
    /// Google: the same as JSON text, best given by reference.
    pub(in crate::config) credentials: Option<Key>,
    /// Microsoft: the tenant's id.
    pub(in crate::config) tenant_id: Option<String>,
    /// Microsoft: the client's id, also of a managed identity. Databricks: a service principal's. Sber:
    /// the project's.
    pub(in crate::config) client_id: Option<String>,
    /// Microsoft, Databricks and Sber: the client's secret.
    pub(in crate::config) client_secret: Option<Key>,
    /// Microsoft: what tokens are for. Default: `https://cognitiveservices.azure.com/.default`. Sber: whose
    /// they are. Default: that of `GIGACHAT_SCOPE`, else `GIGACHAT_API_PERS`.
    pub(in crate::config) scope: Option<String>,
    /// Microsoft: whether the machine's own identity is used. Default: false.
    pub(in crate::config) managed_identity: bool,
    /// Amazon and Microsoft: a file with a token of another issuer, read each time.
    pub(in crate::config) token_file: Option<String>,
    /// IBM, Databricks, Sber and GitHub: where tokens come from. Default: the cloud's or the workspace's own.
    pub(in crate::config) token_url: Option<String>,
    /// Oracle: the tenancy's OCID.
    pub(in crate::config) tenancy: Option<String>,
    /// Oracle: the OCID of the user who signs.
    pub(in crate::config) user: Option<String>,
    /// Oracle: the fingerprint of the user's key.
    pub(in crate::config) fingerprint: Option<String>,
    /// Oracle: the user's private key in PEM form, best given by reference.
    pub(in crate::config) private_key: Option<Key>,
    /// Oracle: the file that holds it.
    pub(in crate::config) key_file: Option<String>,
}
