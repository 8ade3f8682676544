//! Tokens that are lent for a key or a client's own secret: IBM's, Databricks', Sber's, GitHub's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::provider::Base;
use crate::units::Secret;

use super::errand::Errand;

/// Where IBM lends tokens.
pub const IBM: &str = "https://iam.cloud.ibm.com/identity/token";
/// Where GitHub does.
pub const GITHUB: &str = "https://api.github.com/copilot_internal/v2/token";
/// Where Sber does.
pub const SBER: &str = "https://ngw.devices.sberbank.ru:9443/api/v2/oauth";

/// How a token is got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Way {
    /// Where tokens come from, with the whole path.
    pub tokens: Base,
    /// What is asked; values may be secret. Where it is empty nothing is posted.
    pub form: Vec<(&'static str, Secret)>,
    /// The value of `authorization`; empty for none.
    pub shown: Secret,
    /// Whether each request must bear a number of its own.
    pub numbered: bool,
}

impl Way {
    /// IBM's way: an API key is exchanged
    /// (<https://cloud.ibm.com/apidocs/iam-identity-token-api>, seen 2026-11).
    #[must_use]
    pub fn ibm(tokens: Base, key: &Secret) -> Self {
        let grant = Secret::new("urn:ibm:params:oauth:grant-type:apikey");
        let form = vec![("grant_type", grant), ("apikey", key.clone())];
        Self { tokens, form, shown: Secret::default(), numbered: false }
    }

    /// Databricks' way: a service principal shows its id and secret
    /// (<https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m>, seen 2026-11).
    #[must_use]
    pub fn databricks(tokens: Base, client: &str, secret: &Secret) -> Self {
        let form =
            vec![("grant_type", Secret::new("client_credentials")), ("scope", Secret::new("all-apis"))];
        Self { tokens, form, shown: shown("Basic", &basic(client, secret)), numbered: false }
    }

    /// Sber's way: the key stands behind `Basic`, and each request has a number
    /// (<https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-token>, seen 2026-11).
    #[must_use]
    pub fn sber(tokens: Base, key: &Secret, scope: &str) -> Self {
        let form = vec![("scope", Secret::new(scope))];
        Self { tokens, form, shown: shown("Basic", key), numbered: true }
    }

    /// GitHub's way for Copilot: whoever may use it shows their own token, and nothing is posted.
    #[must_use]
    pub fn copilot(tokens: Base, key: &Secret) -> Self {
        Self { tokens, form: Vec::new(), shown: shown("token", key), numbered: false }
    }

    /// The request for a token; `number` is one that no other request has.
    #[must_use]
    pub fn ask(&self, number: u128) -> Errand {
        let pairs: Vec<_> = self.form.iter().map(|(name, value)| (*name, value.expose())).collect();
        let mut errand = if pairs.is_empty() {
            Errand::get(&self.tokens, "")
        } else {
            Errand::form(&self.tokens, "", &pairs)
        };
        if !self.shown.is_empty() {
            errand = errand.with("authorization", self.shown.expose().to_owned());
        }
        if self.numbered {
            errand = errand.with("rquid", uuid(number));
        }
        errand
    }
}

fn shown(scheme: &str, key: &Secret) -> Secret {
    Secret::new(&format!("{scheme} {}", key.expose()))
}

/// An id and its secret as `Basic` has them.
#[must_use]
pub fn basic(client: &str, secret: &Secret) -> Secret {
    Secret::new(&STANDARD.encode(format!("{client}:{}", secret.expose())))
}

/// A number in the form of a UUID of the fourth version.
fn uuid(number: u128) -> String {
    let fixed = number & !(0xf000 << 64) & !(0xc000 << 48) | (0x4000 << 64) | (0x8000 << 48);
    let hex = format!("{fixed:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_exchanged_and_a_client_shows_its_secret() {
        let ibm = Way::ibm(Base::parse(IBM).unwrap(), &Secret::new("k&y")).ask(0);
        assert_eq!(ibm.body, "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%26y");
        assert_eq!(format!("{ibm:?}"), "POST iam.cloud.ibm.com/identity/token");
        let base = Base::parse("https://dbc.cloud.databricks.com/oidc/v1/token").unwrap();
        let databricks = Way::databricks(base, "id", &Secret::new("s")).ask(0);
        assert_eq!(databricks.body, "grant_type=client_credentials&scope=all-apis");
        assert!(databricks.headers.contains(&("authorization", "Basic aWQ6cw==".to_owned())));
        assert_eq!(databricks.target, "/oidc/v1/token");
        let sber =
            Way::sber(Base::parse(SBER).unwrap(), &Secret::new("aWQ6cw=="), "GIGACHAT_API_PERS").ask(7);
        assert_eq!((sber.body.as_str(), sber.base.port), ("scope=GIGACHAT_API_PERS", 9443));
        let number = ("rquid", "00000000-0000-4000-8000-000000000007".to_owned());
        assert!(sber.headers.contains(&number), "{:?}", sber.headers);
    }

    #[test]
    fn copilot_s_users_show_their_token_and_post_nothing() {
        let errand = Way::copilot(Base::parse(GITHUB).unwrap(), &Secret::new("gho_1")).ask(0);
        assert_eq!(format!("{errand:?}"), "GET api.github.com/copilot_internal/v2/token");
        assert!(errand.headers.contains(&("authorization", "token gho_1".to_owned())));
    }

    #[test]
    fn a_number_has_the_form_of_a_uuid() {
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(1), "00000000-0000-4000-8000-000000000001");
    }
}
