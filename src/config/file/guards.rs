//! Guards as a human writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::scalar::Percent;

/// A guard: what is looked for in requests and answers, and what becomes of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Guard {
    /// What is looked for: `pii`, or of it `email`, `phone`, `card`, `iban` and national numbers such as
    /// `us_ssn`; `secrets`, `invisible`, `exfiltration`, `injection`, `schema`. Default: what the other fields say.
    pub(in crate::config) detect: Vec<String>,
    /// Words and phrases. Letters of ASCII match in either case, and only whole words do.
    pub(in crate::config) words: Vec<String>,
    /// The same in lists by topic: name → words. Verdicts name the topic.
    pub(in crate::config) topics: BTreeMap<String, Vec<String>>,
    /// Regular expressions by name; a match has 512 bytes at most. Verdicts give the name.
    pub(in crate::config) patterns: BTreeMap<String, String>,
    /// Hosts that pictures and links in answers may be of; `.example.com` is all below it too.
    /// Default: none.
    pub(in crate::config) hosts: Vec<String>,
    /// From which score on signs of injection count. Default: `60%`.
    pub(in crate::config) threshold: Option<Percent>,
    /// The most characters of a text. Default: any number.
    pub(in crate::config) max_length: Option<u64>,
    /// The most tokens of a request, all its texts together; they are estimated. Default: any number.
    pub(in crate::config) max_tokens: Option<u64>,
    /// The languages that a text may be in, as `en`, `de`; where none can be told it may pass.
    /// Default: all.
    pub(in crate::config) languages: Vec<String>,
    /// What becomes of it: `monitor` records it, `tag` tells the client too, `mask` puts a word in its
    /// place, `mask_and_restore` a name that becomes the text again in the answer, `route` sends the request
    /// to another route, and `block` ends it. Default: `monitor`.
    pub(in crate::config) action: GuardAction,
    /// The route or alias to which `route` sends a request.
    pub(in crate::config) route: Option<String>,
    /// The class of what it finds in requests (`classes`): who may have such requests, whatever becomes of
    /// them. Default: none.
    pub(in crate::config) class: Option<String>,
    /// Where it looks: `request`, `answer`. Default: both.
    pub(in crate::config) on: Vec<GuardOn>,
    /// The keys that it is for, by name. Default: all, and those who have none.
    pub(in crate::config) keys: Vec<String>,
    /// The owners that it is for, each with all below it. Default: all.
    pub(in crate::config) owners: Vec<String>,
    /// The models and routes that it is for, by the name that clients use; `*` stands for any letters.
    /// Default: all.
    pub(in crate::config) models: Vec<String>,
}

/// A class of data: who may have requests with such in them. Whoever either list names may.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Class {
    /// Models by their name, or as `provider/model`; `*` stands for any letters.
    pub(in crate::config) models: Vec<String>,
    /// Providers by name.
    pub(in crate::config) providers: Vec<String>,
}

/// What becomes of what a guard finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum GuardAction {
    /// It is recorded.
    #[default]
    Monitor,
    /// The client is told too.
    Tag,
    /// The request goes to another route.
    Route,
    /// A word stands in its place.
    Mask,
    /// A name stands in its place, and it again in place of the name.
    MaskAndRestore,
    /// It ends the request.
    Block,
}

/// Where a guard looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum GuardOn {
    /// At requests.
    Request,
    /// At answers.
    Answer,
}
