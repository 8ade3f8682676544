//! OTLP: where spans and metrics go, and which.

use http::{HeaderName, HeaderValue};

use super::Check;
use crate::config::file::{Compression, File, Protocol};
use crate::config::{Otlp, OtlpForm};
use crate::provider::Base;
use crate::units::ByteSize;

/// What the exporter sets itself.
const NOT_YOURS: [&str; 6] =
    ["content-type", "content-length", "content-encoding", "transfer-encoding", "host", "connection"];

/// A batch that had no room would never be sent.
const LEAST: ByteSize = ByteSize(16 << 10);

pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Option<Otlp> {
    let written = &file.telemetry.otlp;
    let path = |name| ["telemetry", "otlp", name];
    let own = (written.traces_endpoint.as_deref(), "traces_endpoint");
    let traces = address(own, (written.endpoint.as_deref(), "/v1/traces"), check);
    let own = (written.metrics_endpoint.as_deref(), "metrics_endpoint");
    let metrics = address(own, (written.endpoint.as_deref(), "/v1/metrics"), check);
    let mut headers = Vec::with_capacity(written.headers.len());
    for (name, value) in &written.headers {
        let place = ["telemetry", "otlp", "headers", name.as_str()];
        match HeaderName::from_bytes(name.trim().as_bytes()) {
            Err(_) => check.error(&place, "expected the name of a header", None),
            Ok(name) if NOT_YOURS.contains(&name.as_str()) => {
                check.error(&place, format!("the header {name} is Tollgate's own to set"), None);
            }
            Ok(_) if HeaderValue::from_str(value.0.expose()).is_err() => {
                check.error(&place, "the value holds letters that no header can carry", None);
            }
            Ok(name) => headers.push((name.as_str().to_owned(), value.0.clone())),
        }
    }
    if written.queue.0 < LEAST {
        check.error(&path("queue"), format!("expected a size of at least {LEAST}"), None);
    }
    let (interval, timeout) =
        (check.time(&path("interval"), written.interval), check.time(&path("timeout"), written.timeout));
    let otlp = Otlp {
        traces: traces.filter(|_| written.enabled && written.traces),
        metrics: metrics.filter(|_| written.enabled && written.metrics),
        metrics_interval: check.time(&path("metrics_interval"), written.metrics_interval),
        headers,
        form: match written.protocol {
            Protocol::Protobuf => OtlpForm::Protobuf,
            Protocol::Json => OtlpForm::Json,
        },
        gzip: written.compression == Compression::Gzip,
        sample: written.sample.of_all_traces(),
        parent_based: written.parent_based,
        errors: written.errors,
        propagate: written.propagate,
        content: written.content,
        content_limit: written.content_limit.0,
        interval,
        timeout,
        queue: written.queue.0,
        resource: resource(file),
    };
    (otlp.traces.is_some() || otlp.metrics.is_some()).then_some(otlp)
}

/// The whole address of a signal: its own as it is, or the collector's with where the specification has
/// the signal go.
fn address(
    (own, field): (Option<&str>, &'static str),
    (shared, more): (Option<&str>, &str),
    check: &mut Check<'_>,
) -> Option<Base> {
    let written = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    match (written(own), written(shared)) {
        (Some(text), _) => endpoint(&text, "", field, check),
        (None, Some(text)) => endpoint(&text, more, "endpoint", check),
        (None, None) => None,
    }
}

fn endpoint(text: &str, more: &str, field: &str, check: &mut Check<'_>) -> Option<Base> {
    match Base::parse(text) {
        Ok(mut base) => {
            base.path.push_str(more);
            if base.port == 4317 {
                let hint = "collectors take OTLP over HTTP at port 4318".to_owned();
                check.warning(
                    &["telemetry", "otlp", field],
                    "port 4317 is gRPC's, which is not spoken",
                    hint,
                );
            }
            Some(base)
        }
        Err(bad) => {
            let hint = "such as http://collector:4318".to_owned();
            check.error(&["telemetry", "otlp", field], bad.to_string(), hint);
            None
        }
    }
}

/// What is said of this service.
fn resource(file: &File) -> Vec<(String, String)> {
    let written = &file.telemetry;
    let name = match (written.service.trim(), written.resource.get("service.name")) {
        // The default gives way to what was written elsewhere.
        ("" | "tollgate", Some(name)) => name.trim(),
        ("", None) => "tollgate",
        (service, _) => service,
    };
    let mut resource = vec![("service.name".to_owned(), name.to_owned())];
    let more = written.resource.iter().filter(|(key, _)| *key != "service.name");
    resource.extend(more.map(|(key, value)| (key.clone(), value.clone())));
    resource
}
