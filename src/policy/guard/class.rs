//! Classes of data: who may have what a guard has found.

use std::sync::Arc;

use super::rule::{Action, Guard};
use crate::catalog::names::{matches_target, without_region};

/// A class of data, and who may have such: whoever either list names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Models by their name or as `provider/model`; `*` stands for any letters.
    pub models: Vec<String>,
    /// Providers by name.
    pub providers: Vec<String>,
}

impl Class {
    /// Whether a model behind a provider may have such data.
    #[must_use]
    pub fn may_have(&self, provider: &str, model: &str) -> bool {
        self.providers.iter().any(|name| name == provider)
            || self.models.iter().any(|pattern| matches_target(pattern, provider, model))
    }
}

/// Where a request goes because of what guards found in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diversion {
    /// The route to which the first guard sent it that sends somewhere.
    pub route: Option<Arc<str>>,
    /// The classes of what was found, each with the guard that did.
    pub classes: Vec<(Arc<Class>, Arc<str>)>,
}

impl Diversion {
    /// Whether it goes where it would go anyway.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.route.is_none() && self.classes.is_empty()
    }

    /// A guard has found something.
    pub(super) fn follow(&mut self, guard: &Guard) {
        if guard.action == Action::Route && self.route.is_none() {
            self.route.clone_from(&guard.route);
        }
        if let Some(class) = &guard.class
            && !self.classes.iter().any(|(known, _)| Arc::ptr_eq(known, class))
        {
            self.classes.push((Arc::clone(class), Arc::clone(&guard.name)));
        }
    }

    /// The class and the guard for which a model behind a provider may not have the request; `None` where it may.
    #[must_use]
    pub fn bars(&self, provider: &str, model: &str) -> Option<(&Class, &str)> {
        let provider = without_region(provider);
        let barred = self.classes.iter().find(|(class, _)| !class.may_have(provider, model));
        barred.map(|(class, guard)| (&**class, &**guard))
    }
}

#[cfg(test)]
mod tests {
    use super::super::detector::Wanted;
    use super::*;

    #[test]
    fn a_request_may_go_where_all_of_its_classes_may() {
        let class = |models: &[&str], providers: &[&str]| {
            let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Arc::new(Class { name: "c".to_owned(), models: list(models), providers: list(providers) })
        };
        let guard = |class: &Arc<Class>| Guard {
            class: Some(Arc::clone(class)),
            ..Guard::new("g", Wanted::PII, Action::Monitor)
        };
        let (house, cloud) = (class(&["big-*"], &["house"]), class(&["house/small", "eu/*"], &[]));
        let mut diversion = Diversion::default();
        assert!(diversion.is_none() && diversion.bars("anybody", "any").is_none());
        diversion.follow(&guard(&house));
        diversion.follow(&guard(&house));
        assert_eq!(diversion.classes.len(), 1);
        assert!(diversion.bars("house", "any").is_none() && diversion.bars("eu", "big-1").is_none());
        assert_eq!(diversion.bars("eu", "small").map(|(_, guard)| guard), Some("g"));
        diversion.follow(&guard(&cloud));
        assert!(diversion.bars("house", "any").is_some());
        assert!(diversion.bars("house", "small").is_none() && diversion.bars("eu", "big-1").is_none());
    }

    #[test]
    fn the_first_guard_that_sends_somewhere_does() {
        let guard =
            |route: &str, action| Guard { route: Some(route.into()), ..Guard::new("g", Wanted::PII, action) };
        let mut diversion = Diversion::default();
        diversion.follow(&guard("none", Action::Tag));
        diversion.follow(&guard("one", Action::Route));
        diversion.follow(&guard("two", Action::Route));
        assert_eq!(diversion.route.as_deref(), Some("one"));
    }
}
