//! Where the lines of finished requests go, in which form, and which requests get one.

use crate::harness::{Client, PATIENCE, Setup, mock, post, wait};

#[test]
fn lines_go_to_a_file_in_the_form_that_is_asked_for() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .env("TOLLGATE_LOG_FORMAT", "pretty")
        .env("TOLLGATE_LOG_OUTPUT", "logs/access.log")
        .start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=3")).ok();
    let path = gateway.data().with_file_name("logs").join("access.log");
    let text = wait("the line", PATIENCE, || {
        std::fs::read_to_string(&path).ok().filter(|text| text.contains(&reply.id()))
    });
    assert!(text.contains(" 200 ") && text.contains("chat       gpt-4o-mini → openai"), "{text}");
    assert!(gateway.lines().is_empty());
}

#[test]
fn what_goes_well_may_have_no_line_and_what_fails_has_one() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_LOG_SAMPLE", "0").start();
    let mut conn = gateway.conn();
    for _ in 0..5 {
        conn.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    }
    let refused = conn.ask(&post("/v1/chat/completions").body("{"));
    assert_eq!(gateway.line(&refused)["outcome"], "invalid_request");
    assert_eq!(gateway.lines().len(), 1);
}
