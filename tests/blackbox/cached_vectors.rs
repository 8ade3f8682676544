//! Vectors that are kept, and what saying them may take.

use serde_json::json;

use crate::cached::{calls, part};
use crate::harness::{Client, Request, Setup, mock, post};

fn ask(input: &serde_json::Value) -> Request {
    post("/v1/embeddings").json(&json!({"model": "text-embedding-3-small", "input": input}))
}

#[test]
fn what_is_said_of_kept_vectors_is_held_within_the_budget_of_bytes() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("limits: {body: 256KiB, held: 1MiB}").start();
    assert_eq!(part(&gateway.ask(&ask(&json!(["a"]))).ok()), "miss");
    // A few of 1536 numbers fit, and a thousand do not, though the request for them is small.
    assert_eq!(part(&gateway.ask(&ask(&json!(vec!["a"; 4]))).ok()), "hit; tier=exact");
    let refused = gateway.ask(&ask(&json!(vec!["a"; 1000])));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(!Client::Openai.refusal(&refused).message.is_empty());
    assert_eq!(calls(&mock), 1);
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    assert_eq!(part(&gateway.ask(&ask(&json!(["a"]))).ok()), "hit; tier=exact");
}

#[test]
fn nothing_is_looked_for_where_more_is_wanted_than_anybody_takes_at_a_time() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    assert_eq!(part(&gateway.ask(&ask(&json!(["a"]))).ok()), "miss");
    let many = ask(&json!(vec!["a"; 2049]));
    let refused = gateway.ask(&many);
    // It is the provider who says so.
    assert_eq!((refused.status, part(&refused), calls(&mock)), (400, "", 2), "{}", refused.text());
    let only = gateway.ask(&many.header("cache-control", "only-if-cached"));
    assert_eq!((only.status, calls(&mock)), (504, 2), "{}", only.text());
}
