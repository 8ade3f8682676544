//! How budgets and limits stand at the moment when somebody looks.

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};

use crate::policy::{Measure, Rule};
use crate::telemetry::names::{label, metric};
use crate::units::PicoUsd;

/// So many rules are shown, those of owners and labels first.
const MOST: usize = 4096;

const WHO: [&str; 5] = [label::NODE, label::NAME, label::MEASURE, label::PERIOD, label::MODEL];

/// How these rules stand: what of each is used and reserved, and what it allows.
///
/// # Errors
/// When a metric has a name that is none, which a test rules out.
pub(super) fn families<'r>(
    rules: impl Iterator<Item = (&'r Rule, u64)>,
) -> prometheus::Result<Vec<MetricFamily>> {
    let gauges = |name: &str, help: &str| GaugeVec::new(Opts::new(name, help), &WHO);
    let used = gauges(
        metric::RULE_USED,
        "What is used and reserved of a budget (in USD) or limit (in what it measures)",
    )?;
    let limit = gauges(metric::RULE_LIMIT, "What a budget or limit allows")?;
    for (rule, level) in rules.take(MOST) {
        let bound = &rule.bound;
        let model = bound.model.as_deref().unwrap_or("");
        let period = match bound.measure {
            Measure::Concurrency => "",
            Measure::Requests | Measure::Tokens | Measure::TokensIn | Measure::TokensOut | Measure::Usd => {
                bound.span.period.name()
            }
        };
        let labels = [rule.node.kind, rule.node.public_name(), bound.measure.name(), period, model];
        used.with_label_values(&labels).set(amount(bound.measure, level));
        limit.with_label_values(&labels).set(amount(bound.measure, bound.limit));
    }
    let mut families = used.collect();
    families.extend(limit.collect());
    Ok(families.into_iter().filter(|family| !family.get_metric().is_empty()).collect())
}

#[allow(clippy::cast_precision_loss)]
fn amount(measure: Measure, amount: u64) -> f64 {
    match measure {
        Measure::Usd => PicoUsd(amount.into()).as_usd_f64(),
        Measure::Requests
        | Measure::Tokens
        | Measure::TokensIn
        | Measure::TokensOut
        | Measure::Concurrency => amount as f64,
    }
}
