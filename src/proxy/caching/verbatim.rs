//! Who asks once more what was answered, and in the same bytes, is known by them: nothing is read.
//!
//! Most of what is asked again is asked by the same program. A hit finds its request's bytes, and what else
//! makes its fingerprint, under a number that is a mere glance at them; they are compared, and the fingerprint
//! stands beside them. They lie in the cache like any entry and go like one.

use std::hash::Hasher as _;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHasher;

use crate::cache::{Answer, Entry, Exact, Fingerprint, OtherWords, Realm, Reworded};
use crate::ir::Dialect;
use crate::policy::rewrite::Steer;
use crate::proxy::exchange::Ask;

/// What is longer is read each time: it would push out what answers.
const LONGEST: usize = 32 << 10;

/// All that makes a request's fingerprint, in the bytes in which it was said.
#[derive(PartialEq, Eq)]
pub struct Verbatim {
    number: Fingerprint,
    told: Box<[u8]>,
}

impl std::fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verbatim").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Verbatim {
    /// Of a request in this realm; nothing where more than its fingerprint is wanted of it.
    #[must_use]
    pub fn of(other_words: OtherWords, realm: &Realm<'_>, ask: &Ask) -> Option<Self> {
        // Anthropic's streams begin with the number of tokens that were asked.
        let is_estimated = ask.stream && ask.dialect == Dialect::AnthropicMessages;
        if other_words != OtherWords::Unknown
            || is_estimated
            || ask.keep
            || ask.steer != Steer::default()
            || ask.body.len() > LONGEST
        {
            return None;
        }
        let mut told = Vec::with_capacity(ask.body.len() + 384);
        let mut tell = |piece: &[u8]| {
            told.extend_from_slice(&piece.len().to_le_bytes());
            told.extend_from_slice(piece);
        };
        for text in [ask.dialect.name(), &ask.path, &ask.query, realm.scope, realm.namespace] {
            tell(text.as_bytes());
        }
        tell(realm.strictly.map_or("", Dialect::name).as_bytes());
        tell(&ask.carried.len().to_le_bytes());
        for (name, value) in &ask.carried {
            tell(name.as_bytes());
            tell(value.as_bytes());
        }
        for (provider, model, base) in realm.targets {
            for text in [*provider, *model, &base.host, &base.path] {
                tell(text.as_bytes());
            }
            tell(&[u8::from(base.tls)]);
            tell(&base.port.to_le_bytes());
        }
        tell(&ask.body);
        Some(Self { number: glance(&told), told: told.into() })
    }

    /// The fingerprint that a request had which said the same.
    #[must_use]
    pub fn known(&self, cache: &Exact, now: u64) -> Option<Fingerprint> {
        cache.find_told(self.number, &self.told, now)
    }

    /// The same request will find this answer at once, for so long.
    pub fn note(self, cache: &Exact, answered: Fingerprint, answer: &Answer, now: u64, ttl: Duration) {
        let entry = Entry::Reworded(Reworded {
            answered,
            provider: Arc::clone(&answer.origin.provider),
            model: Arc::clone(&answer.origin.model),
            mark: answer.mark.clone(),
            place: None,
            told: Some(self.told),
        });
        cache.keep(self.number, entry, now, ttl, cache.purges());
    }
}

/// A number that tells most things apart.
fn glance(told: &[u8]) -> Fingerprint {
    let mut hasher = FxHasher::default();
    hasher.write(told);
    let half = hasher.finish();
    hasher.write_u64(half);
    let both = u128::from(half) << 64 | u128::from(hasher.finish());
    Fingerprint::from_bytes(both.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::provider::Base;

    fn ask(body: &'static str) -> Ask {
        let path = "/v1/chat/completions".to_owned();
        Ask {
            body: Bytes::from_static(body.as_bytes()),
            ..Ask::new(Dialect::OpenaiChat, path, String::new(), "m".into())
        }
    }

    #[test]
    fn all_that_makes_a_fingerprint_is_told() {
        let base = Base { tls: true, host: "a".into(), port: 443, path: String::new() };
        let targets = [("openai", "m", &base)];
        let realm = Realm { scope: "key:1", namespace: "", targets: &targets, strictly: None };
        let of = |realm: &Realm<'_>, ask: &Ask| Verbatim::of(OtherWords::Unknown, realm, ask).unwrap();
        let first = of(&realm, &ask("{}"));
        assert_eq!(first, of(&realm, &ask("{}")));
        let elsewhere = Base { port: 80, ..base.clone() };
        for other in [
            of(&realm, &ask("{ }")),
            of(&Realm { scope: "key:2", ..realm }, &ask("{}")),
            of(&Realm { namespace: "n", ..realm }, &ask("{}")),
            of(&Realm { strictly: Some(Dialect::OpenaiChat), ..realm }, &ask("{}")),
            of(&Realm { targets: &[("openai", "m", &elsewhere)], ..realm }, &ask("{}")),
            of(&realm, &Ask { dialect: Dialect::OpenaiResponses, ..ask("{}") }),
            of(&realm, &Ask { carried: vec![("anthropic-beta", "b".into())], ..ask("{}") }),
            of(&realm, &Ask { path: "/v1/other".into(), ..ask("{}") }),
        ] {
            assert_ne!(first.told, other.told);
            assert_ne!(first.number, other.number);
        }
    }

    #[test]
    fn what_wants_more_than_a_fingerprint_is_read() {
        let realm = Realm { scope: "", namespace: "", targets: &[], strictly: None };
        for known in [OtherWords::Watched, OtherWords::Answered] {
            assert!(Verbatim::of(known, &realm, &ask("{}")).is_none());
        }
        let of = |ask: &Ask| Verbatim::of(OtherWords::Unknown, &realm, ask);
        assert!(of(&ask("{}")).is_some() && of(&Ask { keep: true, ..ask("{}") }).is_none());
        let stream = Ask { dialect: Dialect::AnthropicMessages, stream: true, ..ask("{}") };
        assert!(of(&stream).is_none());
    }
}
