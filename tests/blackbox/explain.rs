//! `tollgate explain` shows what the gateway would do, and does nothing.

use serde_json::Value;

use crate::harness::{CLIENTS, Client, Setup, mock, mock_page};

#[test]
fn what_is_explained_is_what_is_sent() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            for request in [client.whole(target.model(), "hi"), client.stream(target.model(), "hi")] {
                gateway.ask(&request).ok();
                let arrived = mock_page(&mock, "last");
                let (well, said) = gateway.explain(&request, &["--json", "-d", client.dialect()]);
                assert!(well, "{said}");
                let said: Value = serde_json::from_str(&said).unwrap();
                let sent: Value = serde_json::from_str(arrived["body_text"].as_str().unwrap()).unwrap();
                assert_eq!(said["body"], sent, "{client:?} to {target:?}");
                let place = format!("http://{}{}", mock.addr(), arrived["path"].as_str().unwrap());
                assert_eq!(said["url"].as_str().unwrap().split('?').next(), Some(&*place));
                assert_eq!(said["provider"], target.vendor());
                assert_eq!(said["verbatim"], client == target);
            }
        }
    }
}

#[test]
fn no_secret_is_explained() {
    let mock = mock();
    let house = format!(
        "house: {{vendor: custom, base_url: \"http://{}/house/v1\", models: [big-llama], api_key: house-secret, \
         headers: {{x-team: team-secret}}}}",
        mock.addr()
    );
    let gateway = Setup::new(&mock).provider(&house).start();
    for model in ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "big-llama"] {
        for form in [&["--all"][..], &["--all", "--json"][..]] {
            let (well, said) = gateway.explain(&Client::Openai.whole(model, "hi"), form);
            assert!(well && said.contains("***") && !said.contains("-secret"), "{said}");
        }
    }
}

#[test]
fn a_loss_and_a_refusal_are_explained() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut request = Client::Openai.whole("claude-sonnet-4-5", "hi");
    request.body =
        String::from_utf8(request.body).unwrap().replacen('{', "{\"logit_bias\":{\"1\":2},", 1).into_bytes();
    let (well, said) = gateway.explain(&request, &[]);
    assert!(well && said.contains("loss     logit_bias dropped: "), "{said}");
    assert!(said.contains("plan     translated from openai_chat to anthropic_messages"), "{said}");
    let (well, said) = gateway.explain(&request, &["-H", "x-tollgate-strict: true"]);
    assert!(!well && said.contains("refused with status 400") && said.contains("\"logit_bias\""), "{said}");
}
