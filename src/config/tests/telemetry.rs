use super::*;
use crate::account::trace::ALL;

const AT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/otlp/");

fn otlp(variables: &[(&str, &str)]) -> Option<Otlp> {
    let all = [KEYS, &[AT], variables].concat();
    let compiled = of_variables(&all).unwrap();
    assert_eq!(compiled.warnings, []);
    compiled.process.otlp
}

#[test]
fn an_address_is_enough() {
    let bare = otlp(&[]).unwrap();
    let (traces, metrics) = (bare.traces.unwrap(), bare.metrics.unwrap());
    assert_eq!((traces.authority().as_str(), traces.path.as_str()), ("collector:4318", "/otlp/v1/traces"));
    assert_eq!((metrics.authority().as_str(), metrics.path.as_str()), ("collector:4318", "/otlp/v1/metrics"));
    assert_eq!(bare.metrics_interval, Duration::from_secs(60));
    assert_eq!((bare.form, bare.gzip, bare.sample), (OtlpForm::Protobuf, false, ALL));
    assert!(bare.parent_based && bare.propagate && !bare.errors);
    assert_eq!((bare.interval, bare.timeout), (Duration::from_secs(5), Duration::from_secs(10)));
    assert_eq!(bare.resource, [("service.name".to_owned(), "tollgate".to_owned())]);
    assert_eq!(of_variables(KEYS).unwrap().process.otlp, None);
    let no_traces = ("OTEL_TRACES_EXPORTER", "none");
    assert_eq!(otlp(&[no_traces]).map(|otlp| (otlp.traces, otlp.metrics.is_some())), Some((None, true)));
    assert_eq!(otlp(&[("OTEL_SDK_DISABLED", "true")]), None);
    assert_eq!(otlp(&[no_traces, ("OTEL_METRICS_EXPORTER", "prometheus")]), None);
    assert!(otlp(&[("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]).is_some());
}

#[test]
fn the_standard_variables_mean_what_they_mean_everywhere() {
    let all = otlp(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example.com/here"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics.example.com/there"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20a%3Db, x-team = t"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=a%2Cb"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ])
    .unwrap();
    assert_eq!(all.traces.map(|base| (base.tls, base.path)), Some((true, "/here".to_owned())));
    assert_eq!(all.metrics.map(|base| (base.tls, base.path)), Some((false, "/there".to_owned())));
    assert_eq!(all.metrics_interval, Duration::from_millis(1500));
    let headers: Vec<_> = all.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(headers, [("authorization", "Bearer a=b"), ("x-team", "t")]);
    assert_eq!((all.form, all.gzip), (OtlpForm::Json, true));
    assert_eq!((all.timeout, all.interval), (Duration::from_millis(2500), Duration::from_millis(250)));
    assert_eq!((all.sample, all.parent_based), (ALL / 4, false));
    assert_eq!(all.resource[0], ("service.name".to_owned(), "other".to_owned()));
    assert_eq!(all.resource[1], ("deployment.environment.name".to_owned(), "a,b".to_owned()));
    let named = otlp(&[("OTEL_SERVICE_NAME", "door"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")]);
    assert_eq!(named.unwrap().resource, [("service.name".to_owned(), "door".to_owned())]);
    let ours = otlp(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off"), ("TOLLGATE_OTLP_SAMPLE", "50%")]);
    assert_eq!(ours.map(|all| (all.sample, all.parent_based)), Some((ALL / 2, true)));
}

#[test]
fn what_cannot_be_is_told_where_it_stands() {
    let yaml = "telemetry:\n  otlp:\n    endpoint: collector:4318\n    sample: 2\n    headers: {content-type: x}\n    queue: 1KiB\n";
    let told = problems(yaml, KEYS).join("\n");
    for place in ["yaml:3:15", "yaml:4:13", "yaml:5:", "yaml:6:12"] {
        assert!(told.contains(place), "{place}: {told}");
    }
    let grpc =
        [KEYS, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]];
    let compiled = of_variables(&grpc.concat()).unwrap();
    assert_eq!(compiled.warnings.len(), 2, "{:?}", compiled.warnings);
    assert!(compiled.process.otlp.is_some());
}

#[test]
fn headers_for_a_collector_are_shown_to_nobody() {
    let compiled =
        of_variables(&[KEYS, &[AT, ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hush-hush")]].concat()).unwrap();
    let shown = format!("{:?} {:?} {:?}", compiled.written.effective(), compiled.process, compiled.written);
    assert!(shown.contains("x-key") && !shown.contains("hush"), "{shown}");
    assert!(environment::is_secret("OTEL_EXPORTER_OTLP_HEADERS"));
}
