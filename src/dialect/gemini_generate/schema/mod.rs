//! Schemas, both ways: the provider's `Schema` (a subset of `OpenAPI` 3.0 with its own type words,
//! <https://ai.google.dev/api/caching#Schema>, seen 2026-11) and the JSON Schema of the hub.

mod lower;
mod plain;
mod subset;

pub(super) use lower::to_json_schema;
pub(super) use plain::write_plain;
use subset::resolve;
pub(super) use subset::{Ordering, write_subset};
