//! What only one dialect understands: kept as text, tagged with where it came from.

/// The wire formats that Tollgate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI chat completions.
    OpenaiChat,
    /// OpenAI Responses.
    OpenaiResponses,
    /// Anthropic Messages.
    AnthropicMessages,
    /// Gemini generateContent.
    GeminiGenerate,
    /// Bedrock Converse.
    BedrockConverse,
    /// OpenAI text completions, the older form without messages.
    OpenaiCompletions,
    /// Ollama's own chats.
    OllamaChat,
    /// Ollama's own prompts.
    OllamaGenerate,
    /// Cohere's chats, version 2.
    CohereChat,
}

impl Dialect {
    /// Every dialect, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::GeminiGenerate,
        Self::BedrockConverse,
        Self::OpenaiCompletions,
        Self::OllamaChat,
        Self::OllamaGenerate,
        Self::CohereChat,
    ];

    /// The name in configuration, headers, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiResponses => "openai_responses",
            Self::AnthropicMessages => "anthropic_messages",
            Self::GeminiGenerate => "gemini_generate",
            Self::BedrockConverse => "bedrock_converse",
            Self::OpenaiCompletions => "openai_completions",
            Self::OllamaChat => "ollama_chat",
            Self::OllamaGenerate => "ollama_generate",
            Self::CohereChat => "cohere_chat",
        }
    }

    /// The dialect of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::OpenaiChat => "o",
            Self::OpenaiResponses => "r",
            Self::AnthropicMessages => "a",
            Self::GeminiGenerate => "g",
            Self::BedrockConverse => "b",
            Self::OpenaiCompletions => "t",
            Self::OllamaChat => "l",
            Self::OllamaGenerate => "e",
            Self::CohereChat => "h",
        }
    }
}

/// One member that a codec did not know, as the JSON text it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The dialect it was said in; only that dialect's codec may say it again.
    pub dialect: Dialect,
    /// The member's name.
    pub name: String,
    /// The member's value as JSON text.
    pub json: String,
}

/// Stands before the name of an extra that was a header and not a member of the body.
pub const HEADER: &str = "header:";

/// Stands before the name of an extra that asks for what comes without asking: nothing is lost where
/// it cannot be said.
pub const MOOT: &str = "moot:";

/// Members that a codec did not know, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras(Vec<Extra>);

impl Extras {
    /// No extras.
    pub const NONE: Self = Self(Vec::new());

    /// Keeps one more member.
    pub fn push(&mut self, dialect: Dialect, name: &str, json: &str) {
        self.0.push(Extra { dialect, name: name.to_owned(), json: json.to_owned() });
    }

    /// Lets go of the members that are not wanted.
    pub fn retain(&mut self, wanted: impl FnMut(&Extra) -> bool) {
        self.0.retain(wanted);
    }

    /// Keeps members, each in place of the one that had its name.
    pub fn put(&mut self, later: Self) {
        for extra in later.0 {
            match self.0.iter_mut().find(|known| known.dialect == extra.dialect && known.name == extra.name) {
                Some(known) => *known = extra,
                None => self.0.push(extra),
            }
        }
    }

    /// The members that `dialect` said.
    pub fn of(&self, dialect: Dialect) -> impl Iterator<Item = &Extra> {
        self.0.iter().filter(move |extra| extra.dialect == dialect)
    }

    /// The members that other dialects than `dialect` said and that would be lost in it. Headers
    /// (kept under [`HEADER`]) concern one vendor's own switches and are no part of what is asked,
    /// and what is kept under [`MOOT`] asks for nothing.
    pub fn foreign(&self, dialect: Dialect) -> impl Iterator<Item = &Extra> {
        let silent = |extra: &Extra| [HEADER, MOOT].iter().any(|mark| extra.name.starts_with(mark));
        self.0.iter().filter(move |extra| extra.dialect != dialect && !silent(extra))
    }

    /// The JSON text of one member that `dialect` said.
    #[must_use]
    pub fn json(&self, dialect: Dialect, name: &str) -> Option<&str> {
        self.of(dialect).find(|extra| extra.name == name).map(|extra| extra.json.as_str())
    }

    /// All members, whoever said them.
    #[must_use]
    pub fn all(&self) -> &[Extra] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A provider's seal on what its model thought; only the dialect that issued it can check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who issued it.
    pub dialect: Dialect,
    /// The seal, opaque.
    pub value: String,
}

/// Stands before a seal that another dialect's field carries to the client and back. Native
/// seals are base64, which has no tilde.
const FOREIGN: char = '~';

impl Signature {
    /// A seal issued by `dialect`.
    #[must_use]
    pub fn new(dialect: Dialect, value: impl Into<String>) -> Self {
        Self { dialect, value: value.into() }
    }

    /// The text to put in a signature field of `carrier`: the seal itself where it is that
    /// dialect's own, else the seal marked with its issuer so that it finds its way back.
    #[must_use]
    pub fn carried_by(&self, carrier: Dialect) -> String {
        if self.dialect == carrier {
            return self.value.clone();
        }
        format!("{FOREIGN}{}{FOREIGN}{}", self.dialect.mark(), self.value)
    }

    /// Reads what a client sent back in a signature field of `carrier`.
    #[must_use]
    pub fn read(carrier: Dialect, text: &str) -> Self {
        let marked = text.strip_prefix(FOREIGN).and_then(|rest| rest.split_once(FOREIGN));
        let issuer = marked.and_then(|(mark, value)| {
            let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.mark() == mark)?;
            Some((dialect, value))
        });
        match issuer {
            Some((dialect, value)) => Self::new(dialect, value),
            None => Self::new(carrier, text),
        }
    }
}

/// Stands between a tool call's id and the seal that rides on it.
const SEAL_IN_ID: &str = "__thought__";

/// A tool call's id with its seal behind it, for clients that send back ids but no side fields.
/// The seal is spelt in base64url, since some clients take only word characters in ids.
#[must_use]
pub fn seal_id(id: &str, seal: &Signature) -> String {
    let url_safe: String = seal
        .value
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    format!("{id}{SEAL_IN_ID}{url_safe}")
}

/// Takes an id apart into the id proper and the Gemini seal that [`seal_id`] put behind it.
#[must_use]
pub fn unseal_id(id: &str) -> (&str, Option<Signature>) {
    let Some((id, spelt)) = id.split_once(SEAL_IN_ID) else { return (id, None) };
    let mut value: String = spelt
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    while !value.len().is_multiple_of(4) {
        value.push('=');
    }
    (id, (!value.is_empty()).then(|| Signature::new(Dialect::GeminiGenerate, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_comes_back_to_its_issuer_through_any_carrier() {
        for issuer in Dialect::ALL {
            for carrier in Dialect::ALL {
                let seal = Signature::new(issuer, "EqQBCgIYAh+/=");
                assert_eq!(Signature::read(carrier, &seal.carried_by(carrier)), seal);
            }
        }
    }

    #[test]
    fn a_seal_rides_on_an_id_of_word_characters() {
        let seal = Signature::new(Dialect::GeminiGenerate, "CiQB4/Hc+A==");
        let id = seal_id("call_1", &seal);
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        assert_eq!(unseal_id(&id), ("call_1", Some(seal)));
        assert_eq!(unseal_id("call_1"), ("call_1", None));
    }

    #[test]
    fn dialect_names_are_read_back() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::from_name(dialect.name()), Some(dialect));
        }
    }
}
