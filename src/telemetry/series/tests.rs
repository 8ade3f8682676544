use super::*;
use crate::account::Outcome;
use crate::fault::Fault;
use crate::policy::Key;
use crate::refusal::Kind;
use crate::telemetry::sample::settled;
use crate::telemetry::standing::Stand;

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render(0, std::iter::empty(), &[], &[])).unwrap()
}

fn observer(metrics: &Arc<Metrics>) -> Observer {
    Observer::new(Arc::clone(metrics), Arc::default())
}

#[test]
fn many_observers_add_to_the_same_series() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let mut one = observer(&metrics);
    one.observe(&settled("m"));
    one.observe(&settled("m"));
    observer(&metrics).observe(&settled("m"));
    let text = text(&metrics);
    let line =
        |start: &str, end: &str| text.lines().any(|line| line.starts_with(start) && line.ends_with(end));
    assert!(line("tollgate_requests_total{client_dialect=\"openai_chat\"", " 3"), "{text}");
    assert!(line("tollgate_tokens_total{class=\"cache_read\"", " 15"), "{text}");
    assert!(line("gen_ai_client_operation_duration_seconds_count{", " 3"), "{text}");
    assert!(line("tollgate_cost_usd_total{", " 1.5"), "{text}");
    assert!(!text.contains("time_per_output_chunk"), "a series that nobody needed:\n{text}");
}

#[test]
fn kinds_of_requests_are_told_apart() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let mut observer = observer(&metrics);
    let mut refused = settled("m");
    refused.record.status = 429;
    let mut elsewhere = settled("m");
    elsewhere.record.provider = Some("bedrock".into());
    let mut nowhere = settled("m");
    (nowhere.record.provider, nowhere.record.model, nowhere.record.client) = (None, None, None);
    for settled in [&settled("m"), &refused, &elsewhere, &nowhere, &settled("n")] {
        observer.observe(settled);
        observer.observe(settled);
    }
    let text = text(&metrics);
    let requests = text.lines().filter(|line| line.starts_with("tollgate_requests_total{"));
    assert_eq!(requests.filter(|line| line.ends_with(" 2")).count(), 5, "{text}");
}

#[test]
fn past_the_bound_models_share_a_label() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let mut observer = observer(&metrics);
    for model in 0..600 {
        observer.observe(&settled(&format!("model-{model}")));
    }
    observer.observe(&settled("model-599"));
    let text = text(&metrics);
    let shared =
        text.lines().find(|line| line.starts_with("tollgate_cost_usd_total{") && line.contains("\"other\""));
    assert!(shared.is_some_and(|line| line.ends_with(" 44.5")), "{shared:?}");
    assert_eq!(observer.known.len(), 513);
}

#[test]
fn members_that_clients_make_up_share_a_label() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let mut observer = observer(&metrics);
    let mut lossy = settled("m");
    lossy.record.losses.dropped("logit_bias", "not known there");
    observer.observe(&lossy);
    for member in 0..10_000 {
        let mut lossy = settled("m");
        lossy.record.losses.dropped(format!("invented_{member}"), "not known there");
        observer.observe(&lossy);
    }
    let text = text(&metrics);
    let mut series: Vec<_> = text.lines().filter(|line| line.starts_with("tollgate_losses_total{")).collect();
    series.sort_unstable();
    let [own, shared] = &series[..] else { panic!("{} series", series.len()) };
    assert!(own.contains("field=\"logit_bias\"") && own.ends_with(" 1"), "{own}");
    assert!(shared.contains("field=\"other\"") && shared.ends_with(" 10000"), "{shared}");
}

#[test]
fn only_requests_with_a_key_are_told_by_key() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let mut observer = observer(&metrics);
    observer.observe(&settled("m"));
    assert!(!text(&metrics).contains("tollgate_key_"));
    let mut of_key = settled("m");
    of_key.record.key = Some(Arc::new(Key { name: "one".into(), owner: "acme".into(), ..Key::default() }));
    observer.observe(&of_key);
    observer.observe(&of_key);
    let text = text(&metrics);
    let mut lines = text.lines().filter(|line| line.starts_with("tollgate_key_requests_total{"));
    let of_one =
        |line: &str| line.contains("key=\"one\"") && line.contains("owner=\"acme\"") && line.ends_with(" 2");
    assert!(lines.next().is_some_and(of_one) && lines.next().is_none(), "{text}");
}

#[test]
fn how_providers_do_is_told_beside_their_series() {
    let (metrics, standing) = (Arc::new(Metrics::new().unwrap()), Arc::new(Standing::default()));
    let mut observer = Observer::new(metrics, Arc::clone(&standing));
    let mut elsewhere = settled("m");
    elsewhere.record.timings.upstream = Some(Duration::from_millis(7));
    elsewhere.record.faults =
        vec![("bedrock".into(), Fault { status: 503, ..Fault::new(Kind::Overloaded, "no room") })];
    let mut refused = settled("m");
    refused.record.outcome = Outcome::Refused(Kind::RateLimited);
    for settled in [&settled("m"), &elsewhere, &refused] {
        observer.observe(settled);
    }
    let stand = standing.of("anthropic");
    assert_eq!((stand.requests, stand.errors, stand.median), (2, 0, Some(7)));
    let stand = standing.of("bedrock");
    assert_eq!((stand.requests, stand.errors), (1, 1));
    assert_eq!(
        stand.last_fault.map(|fault| (fault.status, fault.message)),
        Some((503, "no room".to_owned()))
    );
    assert_eq!(standing.of("nobody"), Stand::default());
}
