//! The hub: what a model is asked and what it answers, in no vendor's words.
//!
//! Every dialect is parsed to these types and rendered from them, so that a format added costs
//! one codec and not one translator for each other format. JSON that only passes through (tool
//! schemas, tool arguments, fields nobody here knows) stays the text it came as.

pub mod addressed;
pub mod embed;
pub mod event;
pub mod extras;
pub mod fold;
pub mod grammar;
pub mod losses;
pub mod reply;
pub mod request;
pub mod rerank;
pub mod service;
pub mod unfold;
pub mod usage;
pub mod words;

pub use event::{Delta, Event, Opening};
pub use extras::{Dialect, Extra, Extras, MOOT, Signature, seal_id, unseal_id};
pub use losses::{Loss, LossKind, Losses};
pub use reply::{Candidate, Finish, FinishReason, Reply};
pub use request::{
    Block, CacheMark, Citation, Content, Effort, Format, Media, Reasoning, Request, Role, Sampling,
    ServiceTier, Source, Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
pub use service::{Breadth, Near, Service, WebSearch};
pub use usage::{Usage, UsageSource};
