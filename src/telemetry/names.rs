//! Every name that telemetry uses, spelt once.
//!
//! Names that OpenTelemetry's conventions for generative AI have are theirs (read in the
//! semantic-conventions-genai repository, autumn 2026), with dots as underscores in Prometheus.

/// Fields of the access log.
pub mod field {
    /// When the request came, RFC 3339.
    pub const TIME: &str = "time";
    /// The request's id.
    pub const REQUEST_ID: &str = "request_id";
    /// The trace that it belongs to, where traces are followed.
    pub const TRACE: &str = "trace_id";
    /// Its own span in that.
    pub const SPAN: &str = "span_id";
    /// Where the client is.
    pub const CLIENT: &str = "client.address";
    /// On whose behalf the client says it asked.
    pub const USER: &str = "enduser.id";
    /// What the client says the request belongs to.
    pub const SESSION: &str = "session.id";
    /// What was asked for.
    pub const OPERATION: &str = "gen_ai.operation.name";
    /// Who answered.
    pub const PROVIDER: &str = "gen_ai.provider.name";
    /// The model as the client named it.
    pub const REQUEST_MODEL: &str = "gen_ai.request.model";
    /// The model that the provider says answered.
    pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
    /// Why the answer ended.
    pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
    /// All input tokens.
    pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    /// All output tokens.
    pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
    /// Input tokens read from a cache.
    pub const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
    /// Input tokens written to a cache.
    pub const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
    /// The status the client got.
    pub const STATUS: &str = "http.response.status_code";
}

/// Attributes of spans that the access log has not.
pub mod span {
    /// How the request was made.
    pub const METHOD: &str = "http.request.method";
    /// Where, without a query.
    pub const PATH: &str = "url.path";
    /// By what scheme.
    pub const SCHEME: &str = "url.scheme";
    /// The host that was asked.
    pub const SERVER: &str = "server.address";
    /// Its port.
    pub const SERVER_PORT: &str = "server.port";
    /// What the client says it is.
    pub const AGENT: &str = "user_agent.original";
    /// The version of HTTP.
    pub const VERSION: &str = "network.protocol.version";
    /// Bytes of the request's body.
    pub const BODY_IN: &str = "http.request.body.size";
    /// Bytes of the answer's body.
    pub const BODY_OUT: &str = "http.response.body.size";
    /// How often it was asked before.
    pub const RESENT: &str = "http.request.resend_count";
    /// What went wrong.
    pub const ERROR: &str = "error.type";
    /// On whose behalf the request was made.
    pub const USER: &str = "user.id";
    /// Whether a stream was asked for.
    pub const STREAM: &str = "gen_ai.request.stream";
    /// How freely the answer is drawn.
    pub const TEMPERATURE: &str = "gen_ai.request.temperature";
    /// The part of all probability that is drawn from.
    pub const TOP_P: &str = "gen_ai.request.top_p";
    /// The number of tokens that are drawn from.
    pub const TOP_K: &str = "gen_ai.request.top_k";
    /// How much less likely what was said often becomes.
    pub const FREQUENCY_PENALTY: &str = "gen_ai.request.frequency_penalty";
    /// How much less likely what was said at all becomes.
    pub const PRESENCE_PENALTY: &str = "gen_ai.request.presence_penalty";
    /// The most tokens of the answer.
    pub const MAX_TOKENS: &str = "gen_ai.request.max_tokens";
    /// What makes answers alike.
    pub const SEED: &str = "gen_ai.request.seed";
    /// How many answers are wanted.
    pub const CHOICES: &str = "gen_ai.request.choice.count";
    /// What ends the answer.
    pub const STOP: &str = "gen_ai.request.stop_sequences";
    /// The id that the provider gave the answer.
    pub const RESPONSE_ID: &str = "gen_ai.response.id";
    /// The time to the first piece of a stream, in seconds.
    pub const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
    /// Output tokens that were thought and not said.
    pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
    /// Cost in USD, as Langfuse reads it.
    pub const USAGE_COST: &str = "gen_ai.usage.cost";
    /// The request's id.
    pub const REQUEST_ID: &str = "tollgate.request.id";
    /// The name of the key that the client showed.
    pub const KEY: &str = "tollgate.key.name";
    /// Whose it is.
    pub const OWNER: &str = "tollgate.owner";
    /// What it is counted under besides.
    pub const LABELS: &str = "tollgate.labels";
    /// Words of the client's to find the request by.
    pub const TAGS: &str = "tollgate.tags";
    /// What the client speaks.
    pub const CLIENT_DIALECT: &str = "tollgate.client.dialect";
    /// How it ended.
    pub const OUTCOME: &str = "tollgate.outcome";
    /// The provider's name in the configuration.
    pub const PROVIDER: &str = "tollgate.provider.name";
    /// The model as the provider knows it.
    pub const TARGET_MODEL: &str = "tollgate.target.model";
    /// How the provider is spoken to.
    pub const TARGET_DIALECT: &str = "tollgate.target.dialect";
    /// Whether the body went through byte for byte.
    pub const VERBATIM: &str = "tollgate.verbatim";
    /// How many attempts were made.
    pub const ATTEMPTS: &str = "tollgate.attempts";
    /// What was asked, turn by turn.
    pub const INPUT_MESSAGES: &str = "gen_ai.input.messages";
    /// What was answered.
    pub const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
    /// What the operator told the model before.
    pub const SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
    /// The tools that the model may call.
    pub const TOOL_DEFINITIONS: &str = "gen_ai.tool.definitions";
    /// Whether some of what was said is not told.
    pub const CONTENT_CUT: &str = "tollgate.content.cut";
    /// What the translation lost.
    pub const LOSSES: &str = "tollgate.losses";
    /// What part the cache had.
    pub const CACHE: &str = "tollgate.cache.tier";
    /// What the gateway itself added before the answer began, in seconds.
    pub const OVERHEAD: &str = "tollgate.overhead";
    /// Where the numbers of tokens come from.
    pub const USAGE_SOURCE: &str = "tollgate.usage.source";
    /// Cost in USD.
    pub const COST: &str = "tollgate.cost.usd";
    /// What it would have cost without the cache, in USD.
    pub const SAVED: &str = "tollgate.saved.usd";
    /// The event of a stream's first piece.
    pub const FIRST_CHUNK_EVENT: &str = "tollgate.first_chunk";
    /// The event of something that a guard found.
    pub const GUARD_EVENT: &str = "tollgate.guard.finding";
    /// The guard.
    pub const GUARD: &str = "tollgate.guard.name";
    /// Its rule.
    pub const GUARD_RULE: &str = "tollgate.guard.rule";
    /// What became of what it found.
    pub const GUARD_ACTION: &str = "tollgate.guard.action";
    /// Whether that was in a request or an answer.
    pub const GUARD_ON: &str = "tollgate.guard.on";
    /// How often it was found.
    pub const GUARD_COUNT: &str = "tollgate.guard.count";
    /// All that guards found in a request: guard and rule.
    pub const GUARD_FINDINGS: &str = "tollgate.guard.findings";
}

/// Names of metrics.
pub mod metric {
    /// Spans that nobody will see.
    pub const SPANS_DROPPED: &str = "tollgate_spans_dropped_total";
    /// Spans that were handed to a collector.
    pub const SPANS_SENT: &str = "tollgate_spans_sent_total";
    /// Finished requests.
    pub const REQUESTS: &str = "tollgate_requests_total";
    /// Tokens by class.
    pub const TOKENS: &str = "tollgate_tokens_total";
    /// What is billed by number and is no token.
    pub const UNITS: &str = "tollgate_units_total";
    /// Cost in USD.
    pub const COST: &str = "tollgate_cost_usd_total";
    /// What the gateway itself added before an answer began.
    pub const OVERHEAD: &str = "tollgate_overhead_seconds";
    /// Failures of upstreams.
    pub const UPSTREAM_ERRORS: &str = "tollgate_upstream_errors_total";
    /// What translations lost.
    pub const LOSSES: &str = "tollgate_losses_total";
    /// How long guards that live elsewhere took.
    pub const GUARD_CALLS: &str = "tollgate_external_guard_seconds";
    /// What guards found.
    pub const GUARDS: &str = "tollgate_guard_findings_total";
    /// Requests refused by a limit or budget.
    pub const LIMITED: &str = "tollgate_limited_total";
    /// Budgets that reached their mark.
    pub const ALERTS: &str = "tollgate_budget_alerts_total";
    /// Finished requests by key and owner.
    pub const KEY_REQUESTS: &str = "tollgate_key_requests_total";
    /// Those of them that were refused.
    pub const KEY_REFUSALS: &str = "tollgate_key_refusals_total";
    /// Tokens by key and owner.
    pub const KEY_TOKENS: &str = "tollgate_key_tokens_total";
    /// Cost in USD by key and owner.
    pub const KEY_COST: &str = "tollgate_key_cost_usd_total";
    /// How breakers stand.
    pub const BREAKER_STATE: &str = "tollgate_breaker_state";
    /// How many times they have opened.
    pub const BREAKER_OPENINGS: &str = "tollgate_breaker_openings_total";
    /// How many requests a target is given at one time.
    pub const CONCURRENCY_LIMIT: &str = "tollgate_concurrency_limit";
    /// How many it has now.
    pub const CONCURRENCY: &str = "tollgate_concurrency_in_flight";
    /// How many wait for a place there.
    pub const QUEUE_WAITING: &str = "tollgate_queue_waiting";
    /// What became of those who found none at once.
    pub const QUEUED: &str = "tollgate_queued_requests_total";
    /// What is used of a budget or limit.
    pub const RULE_USED: &str = "tollgate_rule_used";
    /// What a budget or limit allows.
    pub const RULE_LIMIT: &str = "tollgate_rule_limit";
    /// Requests by what part the cache had in them.
    pub const CACHE: &str = "tollgate_cache_requests_total";
    /// What answers of the cache would have cost in USD.
    pub const SAVED: &str = "tollgate_cache_saved_usd_total";
    /// Requests that the cache would have answered with what it had for other words, by whether the answers agree.
    pub const CACHE_SHADOW: &str = "tollgate_cache_shadow_total";
    /// What those cost in USD.
    pub const CACHE_SHADOW_COST: &str = "tollgate_cache_shadow_usd_total";
    /// Bytes that the cache holds.
    pub const CACHE_BYTES: &str = "tollgate_cache_bytes";
    /// Entries that it holds.
    pub const CACHE_ENTRIES: &str = "tollgate_cache_entries";
    /// Entries that made room for others.
    pub const CACHE_EVICTIONS: &str = "tollgate_cache_evictions_total";
    /// Look-ups behind memory, by where and what came of them.
    pub const TIER_LOOKUPS: &str = "tollgate_cache_tier_lookups_total";
    /// How long they took.
    pub const TIER_TIME: &str = "tollgate_cache_tier_lookup_duration_seconds";
    /// Answers that were to be written behind memory, by where and what came of them.
    pub const TIER_WRITES: &str = "tollgate_cache_tier_writes_total";
    /// Whether a tier is asked now.
    pub const TIER_UP: &str = "tollgate_cache_tier_up";
    /// Bytes that a tier holds, where that is known.
    pub const TIER_BYTES: &str = "tollgate_cache_tier_bytes";
    /// Entries that it holds.
    pub const TIER_ENTRIES: &str = "tollgate_cache_tier_entries";
    /// Requests that run now.
    pub const IN_FLIGHT: &str = "tollgate_requests_in_flight";
    /// Bytes of bodies held now.
    pub const HELD: &str = "tollgate_held_bytes";
    /// Whether the ledger cannot be written.
    pub const LEDGER_FAILING: &str = "tollgate_ledger_failing";
    /// Rows of the ledger that wait in memory.
    pub const LEDGER_WAITING: &str = "tollgate_ledger_waiting_rows";
    /// Rows that the ledger lacks.
    pub const LEDGER_LOST: &str = "tollgate_ledger_lost_rows";
    /// The world that is served.
    pub const GENERATION: &str = "tollgate_config_generation";
    /// The world that is staged.
    pub const STAGED: &str = "tollgate_config_staged_generation";
    /// Of a hundred clients, how many see it.
    pub const STAGED_PERCENT: &str = "tollgate_config_staged_percent";
    /// Requests that saw a staged world.
    pub const STAGED_REQUESTS: &str = "tollgate_config_staged_requests_total";
    /// Reloads by result.
    pub const RELOADS: &str = "tollgate_config_reloads_total";
    /// How long requests took.
    pub const DURATION: &str = "gen_ai_client_operation_duration_seconds";
    /// Time to the first piece of a stream.
    pub const FIRST_TOKEN: &str = "gen_ai_client_operation_time_to_first_chunk_seconds";
    /// Time per output token after the first piece.
    pub const PER_TOKEN: &str = "gen_ai_client_operation_time_per_output_chunk_seconds";
    /// Tokens a request used.
    pub const TOKEN_USAGE: &str = "gen_ai_client_token_usage";
}

/// Names that metrics have by OTLP, where the conventions have one.
pub mod convention {
    /// How long requests took.
    pub const DURATION: &str = "gen_ai.client.operation.duration";
    /// Time to the first piece of a stream.
    pub const FIRST_TOKEN: &str = "gen_ai.client.operation.time_to_first_chunk";
    /// Time per output token after the first piece.
    pub const PER_TOKEN: &str = "gen_ai.client.operation.time_per_output_chunk";
    /// Tokens a request used.
    pub const TOKEN_USAGE: &str = "gen_ai.client.token.usage";
    /// Which side of a call tokens belong to.
    pub const TOKEN_TYPE: &str = "gen_ai.token.type";
}

/// Labels of metrics.
pub mod label {
    /// What was asked for.
    pub const OPERATION: &str = "gen_ai_operation_name";
    /// Who answered.
    pub const PROVIDER: &str = "gen_ai_provider_name";
    /// The model as the provider knows it.
    pub const MODEL: &str = "gen_ai_request_model";
    /// Which side of a call tokens belong to.
    pub const TOKEN_TYPE: &str = "gen_ai_token_type";
    /// What the client speaks.
    pub const CLIENT: &str = "client_dialect";
    /// The status the client got.
    pub const STATUS: &str = "status";
    /// How a request ended.
    pub const OUTCOME: &str = "outcome";
    /// What of a provider a breaker is for: its host, a key or a model.
    pub const PART: &str = "part";
    /// Where a rule stands: a key, an owner or a label.
    pub const NODE: &str = "node";
    /// The key that a client shows.
    pub const KEY: &str = "key";
    /// Whose it is.
    pub const OWNER: &str = "owner";
    /// For how long a rule counts together.
    pub const PERIOD: &str = "period";
    /// What that is called.
    pub const NAME: &str = "name";
    /// What a rule counts.
    pub const MEASURE: &str = "measure";
    /// What is counted that is no token.
    pub const UNIT: &str = "unit";
    /// The class of tokens.
    pub const CLASS: &str = "class";
    /// Where numbers come from.
    pub const SOURCE: &str = "source";
    /// The name of a guard.
    pub const GUARD: &str = "guard";
    /// The rule of it that found something.
    pub const RULE: &str = "rule";
    /// What becomes of what it finds.
    pub const ACTION: &str = "action";
    /// Whether it was a request or an answer.
    pub const ON: &str = "on";
    /// What kind of failure or loss.
    pub const KIND: &str = "kind";
    /// The field that was lost.
    pub const FIELD: &str = "field";
    /// What part the cache had.
    pub const TIER: &str = "tier";
    /// How much a request matters.
    pub const PRIORITY: &str = "priority";
    /// How a reload ended, and what became of something.
    pub const RESULT: &str = "result";
}

#[cfg(test)]
mod tests;
