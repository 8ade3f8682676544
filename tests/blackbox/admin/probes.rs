//! The probes of the operator's listener, and what is no page of it.

use crate::harness::{Conn, Setup, get, mock, post};

#[test]
fn probes_and_metrics_are_for_anyone_who_reaches_the_listener() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("master_key: the-master-secret").start();
    // All on one connection.
    let mut conn = Conn::to(gateway.admin);
    for (path, text) in [
        ("/health", "\"ok\""),
        ("/health/liveness", "\"ok\""),
        ("/ready", "\"ready\""),
        ("/metrics", "tollgate_config_generation 1"),
        ("/status", "\"generation\":1"),
    ] {
        let page = conn.ask(&get(path)).ok();
        assert!(page.text().contains(text), "{path}: {}", page.text());
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(conn.ask(&get("/no-such-page")).status, 404);
    let refused = conn.ask(&post("/health"));
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
}
