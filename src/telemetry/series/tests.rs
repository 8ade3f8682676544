use super::*;
use crate::telemetry::sample::settled;

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render(0, std::iter::empty())).unwrap()
}

#[test]
fn many_observers_add_to_the_same_series() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let mut one = Observer::new(Arc::clone(&metrics));
    one.observe(&settled("m"));
    one.observe(&settled("m"));
    Observer::new(Arc::clone(&metrics)).observe(&settled("m"));
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
    let mut observer = Observer::new(Arc::clone(&metrics));
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
    let mut observer = Observer::new(Arc::clone(&metrics));
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
    let mut observer = Observer::new(Arc::clone(&metrics));
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
