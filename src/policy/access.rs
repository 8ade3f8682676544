//! What a key may ask for, and from where.

use std::net::IpAddr;

use crate::catalog::names::{matches, matches_target, without_region};
use crate::policy::address::Network;

/// What a key may ask for, and from where. An empty list asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Models, by the names clients ask for, their plain names or `provider/model`; `*` stands for
    /// any letters.
    pub models: Vec<String>,
    /// Routes and aliases of the configuration, likewise.
    pub routes: Vec<String>,
    /// Where clients with this key may be.
    pub addresses: Vec<Network>,
}

impl Access {
    /// Whether any model may be asked for.
    #[must_use]
    pub const fn is_for_all_models(&self) -> bool {
        self.models.is_empty() && self.routes.is_empty()
    }

    /// Whether a name that a client asks for is allowed as such, whatever is behind it.
    #[must_use]
    pub fn allows_name(&self, name: &str, is_route: bool) -> bool {
        let named = |list: &[String]| list.iter().any(|pattern| matches(pattern, name));
        self.is_for_all_models() || named(&self.models) || (is_route && named(&self.routes))
    }

    /// Whether a model behind a provider is allowed, by whatever name it was asked for.
    #[must_use]
    pub fn allows_target(&self, provider: &str, model: &str) -> bool {
        let (mut patterns, provider) = (self.models.iter(), without_region(provider));
        self.is_for_all_models() || patterns.any(|pattern| matches_target(pattern, provider, model))
    }

    /// Whether a client may be there. One whose address nobody knows may be anywhere only.
    #[must_use]
    pub fn allows_address(&self, address: Option<IpAddr>) -> bool {
        let within = |address| self.addresses.iter().any(|network| network.holds(address));
        self.addresses.is_empty() || address.is_some_and(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(models: &[&str], routes: &[&str]) -> Access {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Access { models: list(models), routes: list(routes), addresses: Vec::new() }
    }

    #[test]
    fn a_model_is_allowed_by_any_of_its_names() {
        let access = access(&["gpt-4o*", "anthropic/*", "fast"], &[]);
        assert!(access.allows_name("gpt-4o-mini", false) && access.allows_name("fast", true));
        assert!(!access.allows_name("openai/gpt-4o", false) && access.allows_target("openai", "gpt-4o"));
        assert!(access.allows_target("openai@eu", "gpt-4o") && !access.allows_target("openai@eu", "o3"));
        assert!(access.allows_target("anthropic", "claude-x") && !access.allows_target("openai", "claude-x"));
        assert!(!access.allows_name("gemini", false) && !access.allows_target("gemini", "gemini"));
    }

    #[test]
    fn a_route_is_allowed_by_its_name_and_does_not_open_what_is_behind_it() {
        let access = access(&[], &["smart"]);
        assert!(access.allows_name("smart", true) && !access.allows_name("smart", false));
        assert!(!access.allows_target("openai", "gpt-4o"));
    }

    #[test]
    fn empty_lists_ask_nothing() {
        let access = access(&[], &[]);
        assert!(access.allows_name("x", false) && access.allows_target("p", "x"));
        assert!(access.allows_address(None));
    }

    #[test]
    fn an_address_must_be_known_to_be_allowed() {
        let addresses = vec!["10.0.0.0/8".parse().unwrap()];
        let access = Access { addresses, ..Access::default() };
        assert!(access.allows_address(Some([10, 1, 2, 3].into())));
        assert!(!access.allows_address(Some([11, 1, 2, 3].into())) && !access.allows_address(None));
    }
}
