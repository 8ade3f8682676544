//! What Bedrock's models take and refuse, as its documentation lists them.

/// A model, by what its name says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model<'a>(pub(super) &'a str);

impl Model<'_> {
    fn is(self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains(name))
    }

    /// Whether it is one of Anthropic's.
    pub(super) fn is_claude(self) -> bool {
        self.is(&["anthropic.claude"])
    }

    /// The generation of one of Anthropic's, as in `anthropic.claude-opus-4-6-v1`.
    pub(super) fn claude(self) -> Option<(u8, u8)> {
        let (_, rest) = self.0.split_once("anthropic.claude-")?;
        let mut numbers = rest.split(['-', '.', ':']).map(str::parse::<u8>).skip_while(Result::is_err);
        let major = numbers.next()?.ok()?;
        Some((major, numbers.next().and_then(Result::ok).unwrap_or(0)))
    }

    /// Whether it takes instructions.
    pub(super) fn takes_system(self) -> bool {
        !self.is(&["amazon.titan", "mistral.mistral-7b", "mistral.mixtral"])
    }

    /// Whether it takes pictures.
    pub(super) fn takes_images(self) -> bool {
        let blind = [
            "amazon.titan",
            "nova-micro",
            "mistral-7b",
            "mixtral",
            "mistral-large-24",
            "deepseek",
            "gpt-oss",
        ];
        let sees = self.is(&["llama3-2-11b", "llama3-2-90b"]);
        !self.is(&blind) && (sees || !self.is(&["meta.llama3"]))
    }

    /// Whether it can call functions.
    pub(super) fn takes_tools(self) -> bool {
        !self.is(&[
            "amazon.titan",
            "mistral.mistral-7b",
            "mistral.mixtral",
            "meta.llama3-8b",
            "meta.llama3-70b",
        ])
    }

    /// Whether it can call them in a stream.
    pub(super) fn takes_tools_in_streams(self) -> bool {
        !self.is(&[
            "mistral.mistral-large-24",
            "meta.llama3-1",
            "meta.llama3-2",
            "meta.llama3-3",
            "ai21.jamba",
        ])
    }

    /// Whether it can be forced to call one.
    pub(super) fn can_be_forced(self) -> bool {
        self.is_claude() || self.is(&["amazon.nova"]) || self.is(&["mistral.mistral-large"])
    }

    /// Whether it keeps prefixes of prompts.
    pub(super) fn caches(self) -> bool {
        self.is_claude() || self.is(&["amazon.nova"])
    }

    /// Whether it can be told where to stop.
    pub(super) fn takes_stops(self) -> bool {
        !self.is(&["meta.llama", "openai.gpt-oss"])
    }
}
