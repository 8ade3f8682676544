//! What a provider does for a model while it answers, in no vendor's words.

/// A service behind a tool that the provider runs itself, where several providers have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// It searches the web.
    WebSearch(WebSearch),
    /// It reads pages whose addresses stand in the conversation.
    WebFetch,
    /// It runs code that the model writes.
    CodeExecution,
}

/// How the web is searched. What the client did not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebSearch {
    /// The most searches to make.
    pub most: Option<u64>,
    /// How much of what is found the model is shown.
    pub breadth: Option<Breadth>,
    /// The only domains to be found.
    pub only: Vec<String>,
    /// The domains not to be found.
    pub never: Vec<String>,
    /// About where the person is.
    pub near: Option<Near>,
}

/// How much of what a search finds the model is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// About where a person is, as far as it was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Near {
    /// The city's name.
    pub city: Option<String>,
    /// The region's name.
    pub region: Option<String>,
    /// The country's code of two letters.
    pub country: Option<String>,
    /// The time zone's name, as IANA has it.
    pub timezone: Option<String>,
}
