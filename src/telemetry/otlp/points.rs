//! The registry's metrics as OTLP has them: sums and histograms since the process began, and gauges.
//!
//! Names of OpenTelemetry's conventions, which Prometheus has with underscores, get their dots back and
//! lose their units, which stand beside them.

use prometheus::proto::{Histogram, Metric, MetricFamily, MetricType};

use super::protobuf::Message;
use super::span::Value;
use crate::telemetry::names::{convention, field, label, metric};
use crate::wire::json::{Array, Object};

/// Counted since the beginning, and not since the last export.
const CUMULATIVE: u64 = 2;

/// When counting began and when it was read, in nanoseconds since 1970.
pub(super) type Times = (u64, u64);

/// A metric's name and unit.
fn named(family: &MetricFamily) -> (&str, &'static str) {
    match family.name() {
        metric::DURATION => (convention::DURATION, "s"),
        metric::FIRST_TOKEN => (convention::FIRST_TOKEN, "s"),
        metric::PER_TOKEN => (convention::PER_TOKEN, "s"),
        metric::TOKEN_USAGE => (convention::TOKEN_USAGE, "{token}"),
        name if name.ends_with("_seconds") => (name, "s"),
        name if name.ends_with("_bytes") => (name, "By"),
        name if name.contains("_usd") => (name, "USD"),
        name => (name, "1"),
    }
}

/// A label's name as an attribute's.
fn attribute(label: &str) -> &str {
    match label {
        label::OPERATION => field::OPERATION,
        label::PROVIDER => field::PROVIDER,
        label::MODEL => field::REQUEST_MODEL,
        label::TOKEN_TYPE => convention::TOKEN_TYPE,
        other => other,
    }
}

/// The number of a counter or gauge.
fn number(metric: &Metric, kind: MetricType) -> f64 {
    match kind {
        MetricType::COUNTER => metric.get_counter().get_value(),
        MetricType::GAUGE => metric.get_gauge().get_value(),
        MetricType::HISTOGRAM | MetricType::SUMMARY | MetricType::UNTYPED => 0.0,
    }
}

/// The bounds of a histogram, and what fell between them; the last counts what is above all.
fn buckets(histogram: &Histogram) -> (Vec<f64>, Vec<u64>) {
    let (mut bounds, mut counts) = (Vec::new(), Vec::new());
    let mut before = 0;
    for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        bounds.push(bucket.upper_bound());
        counts.push(bucket.cumulative_count().saturating_sub(before));
        before = bucket.cumulative_count();
    }
    counts.push(histogram.get_sample_count().saturating_sub(before));
    (bounds, counts)
}

/// Appends the metrics of a scope (`ScopeMetrics.metrics`).
pub(super) fn protobuf(of_scope: &mut Message<'_>, families: &[MetricFamily], times: Times) {
    for family in families {
        let kind = family.get_field_type();
        let (name, unit) = named(family);
        of_scope.message(2, |metric| {
            metric.bytes(1, name.as_bytes());
            metric.bytes(2, family.help().as_bytes());
            metric.bytes(3, unit.as_bytes());
            let points = family.get_metric();
            match kind {
                MetricType::COUNTER => metric.message(7, |sum| {
                    for point in points {
                        sum.message(1, |out| plain(out, point, kind, times));
                    }
                    sum.number(2, CUMULATIVE);
                    sum.number(3, 1);
                }),
                MetricType::GAUGE => metric.message(5, |gauge| {
                    for point in points {
                        gauge.message(1, |out| plain(out, point, kind, times));
                    }
                }),
                MetricType::HISTOGRAM => metric.message(9, |histogram| {
                    for point in points {
                        histogram.message(1, |out| spread(out, point, times));
                    }
                    histogram.number(2, CUMULATIVE);
                }),
                // The registry has none.
                MetricType::SUMMARY | MetricType::UNTYPED => {}
            }
        });
    }
}

fn plain(out: &mut Message<'_>, point: &Metric, kind: MetricType, (began, now): Times) {
    out.fixed64(2, began);
    out.fixed64(3, now);
    out.fixed64(4, number(point, kind).to_bits());
    labels(out, 7, point);
}

fn spread(out: &mut Message<'_>, point: &Metric, (began, now): Times) {
    let histogram = point.get_histogram();
    let (bounds, counts) = buckets(histogram);
    out.fixed64(2, began);
    out.fixed64(3, now);
    out.fixed64(4, histogram.get_sample_count());
    out.fixed64(5, histogram.get_sample_sum().to_bits());
    out.one_of_bytes(6, &counts.iter().flat_map(|count| count.to_le_bytes()).collect::<Vec<u8>>());
    out.bytes(7, &bounds.iter().flat_map(|bound| bound.to_le_bytes()).collect::<Vec<u8>>());
    labels(out, 9, point);
}

fn labels(out: &mut Message<'_>, field: u32, point: &Metric) {
    for label in point.get_label() {
        out.attribute(field, attribute(label.name()), &Value::from(label.value().to_owned()));
    }
}

/// The same in JSON.
pub(super) fn json(list: &mut Array<'_>, families: &[MetricFamily], times: Times) {
    for family in families {
        let kind = family.get_field_type();
        let (name, unit) = named(family);
        list.object(|metric| {
            metric.string("name", name);
            metric.string("description", family.help());
            metric.string("unit", unit);
            let key = match kind {
                MetricType::COUNTER => "sum",
                MetricType::GAUGE => "gauge",
                MetricType::HISTOGRAM => "histogram",
                MetricType::SUMMARY | MetricType::UNTYPED => return,
            };
            metric.object(key, |data| {
                data.array("dataPoints", |points| {
                    for point in family.get_metric() {
                        points.object(|object| json_point(object, point, kind, times));
                    }
                });
                if kind != MetricType::GAUGE {
                    data.number("aggregationTemporality", CUMULATIVE);
                }
                if kind == MetricType::COUNTER {
                    data.bool("isMonotonic", true);
                }
            });
        });
    }
}

fn json_point(object: &mut Object<'_>, point: &Metric, kind: MetricType, (began, now): Times) {
    object.array("attributes", |list| {
        for label in point.get_label() {
            list.object(|pair| {
                pair.string("key", attribute(label.name()));
                pair.object("value", |any| any.string("stringValue", label.value()));
            });
        }
    });
    object.string("startTimeUnixNano", &began.to_string());
    object.string("timeUnixNano", &now.to_string());
    if kind != MetricType::HISTOGRAM {
        return object.float("asDouble", number(point, kind));
    }
    let histogram = point.get_histogram();
    let (bounds, counts) = buckets(histogram);
    object.string("count", &histogram.get_sample_count().to_string());
    object.float("sum", histogram.get_sample_sum());
    object.array("bucketCounts", |list| {
        for count in &counts {
            list.string(&count.to_string());
        }
    });
    object.array("explicitBounds", |list| {
        for bound in &bounds {
            list.float(*bound);
        }
    });
}
