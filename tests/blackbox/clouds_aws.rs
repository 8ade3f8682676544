//! Amazon: requests are signed over what is sent, with keys from each place where its own tools look.

use std::sync::atomic::Ordering;

use serde_json::Value;
use tollgate::dialect::bedrock_invoke::Unwrap;
use tollgate::ir::Dialect;
use tollgate::provider::auth::sigv4::{self, Head, Keys, Scope};
use tollgate::units::Secret;
use tollgate::wire::event_stream;

use crate::harness::{
    CLIENTS, Client, Cloud, Heard, Provider, Setup, Then, json_reply, mock, mock_page, post,
};

/// A gateway in front of Claude at Amazon.
fn setup(cloud: &Cloud) -> Setup {
    let at = cloud.addr();
    Setup::default()
        .provider(&format!("claude: {{vendor: anthropic_aws, base_url: \"http://{at}\", region: eu-west-1}}"))
        .env("AWS_ENDPOINT_URL_STS", &format!("http://{at}"))
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// Signs what was heard once more, as the provider would, and compares.
fn check_signature(heard: &Heard, access_key: &str, session_token: &str, service: &str) {
    let shown = heard.header("authorization").expect("a signature");
    let day = heard.header("x-amz-date").expect("a date").to_ascii_uppercase();
    let scope = format!("credential={access_key}/{}/eu-west-1/{service}/aws4_request", &day[..8]);
    assert!(shown.contains(&scope), "{shown}");
    assert_eq!(heard.header("x-amz-security-token").unwrap_or_default(), session_token);
    let now = tollgate::clock::unix_seconds();
    let keys = Keys {
        access_key: access_key.to_owned(),
        secret_key: Secret::new("s3cret"),
        session_token: Secret::new(session_token),
    };
    let headers =
        [("content-type", heard.header("content-type").unwrap()), ("host", heard.header("host").unwrap())];
    let target = heard.path().replace("%3a", "%3A").replace("%2f", "%2F");
    let head = Head { method: "POST", target: &target, headers: &headers };
    let hash = sigv4::hash(&heard.body);
    let scope = Scope { region: "eu-west-1", service };
    let fits = (now - 20..=now).rev().any(|moment| {
        let signed = sigv4::sign(&head, &hash, &keys, scope, moment);
        signed[0].1.to_ascii_lowercase() == shown
    });
    assert!(fits, "{shown}");
}

#[test]
fn a_request_is_signed_over_its_path_headers_and_body() {
    let cloud = Cloud::start();
    let gateway =
        setup(&cloud).env("AWS_ACCESS_KEY_ID", "akid").env("AWS_SECRET_ACCESS_KEY", "s3cret").start();
    for client in [Client::Anthropic, Client::Openai] {
        for request in
            [client.whole("claude-sonnet-4-5", "hello"), client.stream("claude-sonnet-4-5", "hello")]
        {
            gateway.ask(&request).ok();
        }
    }
    let heard = cloud.models();
    assert_eq!(heard.len(), 4);
    for heard in &heard {
        check_signature(heard, "akid", "", "aws-external-anthropic");
        assert_eq!(heard.path(), "/v1/messages");
    }
    assert!(cloud.asked().is_empty());
}

#[test]
fn keys_are_found_wherever_amazon_s_tools_find_them() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = |name: &str| folder.join(format!("{name}-{}", std::process::id())).display().to_string();
    let (token, credentials, config) = (path("web-identity"), path("credentials"), path("config"));
    std::fs::write(&token, "issued-elsewhere\n").unwrap();
    std::fs::write(
        &credentials,
        "[default]\naws_access_key_id = akid-of-file\naws_secret_access_key = s3cret\n",
    )
    .unwrap();
    let written =
        "[profile prod]\nrole_arn = arn:aws:iam::1:role/prod\nsource_profile = default\nregion = eu-west-1\n";
    std::fs::write(&config, written).unwrap();
    let files = [("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()), ("AWS_CONFIG_FILE", config.as_str())];
    type Case<'a> = (&'a str, Vec<(&'a str, String)>, &'a str, &'a str, &'a str);
    let cases: Vec<Case<'_>> = vec![
        ("the environment's", vec![("AWS_SESSION_TOKEN", "t".to_owned())], "akid", "t", ""),
        (
            "web identity",
            vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", token.clone()),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod".to_owned()),
                ("AWS_ROLE_SESSION_NAME", "me".to_owned()),
            ],
            "akid1",
            "session-token-1",
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpod&\
             RoleSessionName=me&WebIdentityToken=issued-elsewhere",
        ),
        ("a profile", files.map(|(name, value)| (name, value.to_owned())).to_vec(), "akid-of-file", "", ""),
        (
            "a profile that assumes a role",
            files
                .map(|(name, value)| (name, value.to_owned()))
                .into_iter()
                .chain([("AWS_PROFILE", "prod".to_owned())])
                .collect(),
            "akid1",
            "session-token-1",
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fprod&RoleSessionName=tollgate",
        ),
        (
            "a container",
            vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container".to_owned())],
            "akid1",
            "session-token-1",
            "",
        ),
        (
            "a machine",
            vec![("AWS_EC2_METADATA_DISABLED", "false".to_owned())],
            "akid1",
            "session-token-1",
            "",
        ),
    ];
    for (what, variables, access_key, session_token, asked) in cases {
        let cloud = Cloud::start();
        let at = cloud.addr();
        let mut setup = setup(&cloud);
        if access_key == "akid" {
            setup = setup.env("AWS_ACCESS_KEY_ID", "akid").env("AWS_SECRET_ACCESS_KEY", "s3cret");
        }
        setup = setup.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{at}"));
        for (name, value) in &variables {
            let value =
                if value.starts_with("/container") { format!("http://{at}{value}") } else { value.clone() };
            setup = setup.env(name, &value).env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "shown");
        }
        let gateway = setup.start();
        gateway.ask(&Client::Anthropic.whole("claude-sonnet-4-5", "hello")).ok();
        check_signature(&cloud.models()[0], access_key, session_token, "aws-external-anthropic");
        let heard = cloud.asked();
        if !asked.is_empty() {
            assert_eq!(heard[0].text(), asked, "{what}");
            let signed = heard[0].header("authorization").is_some();
            assert_eq!(signed, asked.starts_with("Action=AssumeRole&"), "{what}");
        }
        if what == "a container" {
            assert_eq!(heard[0].header("authorization"), Some("shown"));
        }
        for line in gateway.said() {
            assert!(!line.contains("s3cret") && !line.contains("session-token"), "{line}");
        }
    }
    for file in [token, credentials, config] {
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn an_ended_session_is_renewed_and_never_shown() {
    let cloud = Cloud::start();
    let at = cloud.addr();
    let gateway = setup(&cloud)
        .env("AWS_EC2_METADATA_DISABLED", "false")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{at}"))
        .start();
    cloud.wait_lent(1);
    cloud.state.ended.lock().unwrap().push("credential=akid1/".to_owned());
    gateway.ask(&Client::Anthropic.whole("claude-sonnet-4-5", "hello")).ok();
    assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 2);
    let models = cloud.models();
    assert_eq!(models.len(), 2);
    check_signature(&models[1], "akid2", "session-token-2", "aws-external-anthropic");
}

#[test]
fn a_key_of_amazon_s_own_needs_no_signature() {
    let cloud = Cloud::start();
    let at = cloud.addr();
    let gateway = Setup::default()
        .provider(&format!("claude: {{vendor: anthropic_aws, base_url: \"http://{at}\", api_key: k-1}}"))
        .provider(&format!("mantle: {{vendor: bedrock_mantle, base_url: \"http://{at}/v1\", api_key: k-2}}"))
        .start();
    gateway.ask(&Client::Anthropic.whole("claude/claude-sonnet-4-5", "hello")).ok();
    gateway.ask(&Client::Openai.whole("mantle/openai.gpt-oss-120b", "hello")).ok();
    gateway.ask(&Client::Anthropic.whole("mantle/anthropic.claude-sonnet-4-5", "hello")).ok();
    let heard = cloud.models();
    assert_eq!((heard[0].header("x-api-key"), heard[0].header("authorization")), (Some("k-1"), None));
    assert_eq!(
        (heard[1].path(), heard[1].header("authorization")),
        ("/v1/chat/completions", Some("bearer k-2"))
    );
    assert_eq!(heard[2].path(), "/anthropic/v1/messages");
}

#[test]
fn what_goes_through_is_signed_too() {
    let cloud = Cloud::start();
    let gateway =
        setup(&cloud).env("AWS_ACCESS_KEY_ID", "akid").env("AWS_SECRET_ACCESS_KEY", "s3cret").start();
    let mut request = Client::Anthropic.whole("claude-sonnet-4-5", "hello");
    request.path = "/p/claude/v1/messages".to_owned();
    let reply = gateway.ask(&request.header("x-api-key", "ours")).ok();
    assert_eq!(reply.json()["content"][0]["text"], "onetwo");
    let heard = cloud.models().remove(0);
    check_signature(&heard, "akid", "", "aws-external-anthropic");
    assert_eq!(heard.header("x-api-key"), None);
    let line = gateway.line(&reply);
    assert_eq!(line["gen_ai.request.model"], "claude-sonnet-4-5");
    assert_eq!(line["gen_ai.usage.output_tokens"], 2);
}

#[test]
fn claude_on_bedrock_is_invoked_in_its_own_form_for_its_own_clients() {
    let cloud = Cloud::start();
    let at = cloud.addr();
    let gateway = Setup::default()
        .provider(&format!("bedrock: {{base_url: \"http://{at}\", region: eu-west-1}}"))
        .env("AWS_ACCESS_KEY_ID", "akid")
        .env("AWS_SECRET_ACCESS_KEY", "s3cret")
        .start();
    let model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    for (request, verb) in [
        (Client::Anthropic.whole(model, "hello"), "invoke"),
        (Client::Anthropic.stream(model, "hello"), "invoke-with-response-stream"),
    ] {
        let betas = "interleaved-thinking-2025-05-14,claude-code-20250219";
        let reply = gateway.ask(&request.header("anthropic-beta", betas)).ok();
        assert!(reply.text().contains("one") && reply.text().contains("two"), "{}", reply.text());
        if verb != "invoke" {
            assert_eq!(reply.header("content-type"), Some("text/event-stream"));
            assert!(Client::Anthropic.is_complete(&reply.text()), "{}", reply.text());
        }
        assert_eq!(reply.header("x-tollgate-losses"), Some("anthropic-beta.claude-code-20250219;dropped"));
        let heard = cloud.models().pop().unwrap();
        assert_eq!(heard.path(), format!("/model/{}/{verb}", model.replace(':', "%3a")));
        check_signature(&heard, "akid", "", "bedrock");
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        assert_eq!(body["anthropic_version"], "bedrock-2023-05-31");
        assert_eq!(body["anthropic_beta"], serde_json::json!(["interleaved-thinking-2025-05-14"]));
        assert!(body["model"].is_null() && body["stream"].is_null() && body["max_tokens"].is_number());
        assert_eq!(heard.header("anthropic-beta"), None);
        let line = gateway.line(&reply);
        assert_eq!(
            (&line["gen_ai.usage.input_tokens"], &line["gen_ai.usage.output_tokens"]),
            (&3.into(), &2.into())
        );
    }
}

#[test]
fn an_end_of_bedrock_s_session_is_renewed_too() {
    let cloud = Cloud::start();
    let at = cloud.addr();
    let gateway = Setup::default()
        .provider(&format!("bedrock: {{base_url: \"http://{at}\", region: eu-west-1}}"))
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{at}"))
        .start();
    cloud.wait_lent(1);
    cloud.state.ended.lock().unwrap().push("credential=akid1/".to_owned());
    let model = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let reply = gateway.ask(&Client::Anthropic.stream(model, "hello")).ok();
    assert!(Client::Anthropic.is_complete(&reply.text()), "{}", reply.text());
    check_signature(&cloud.models()[1], "akid2", "session-token-2", "bedrock");
}

#[test]
fn clients_that_invoke_claude_reach_every_provider() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for target in CLIENTS {
        let model = target.model();
        let body = serde_json::json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64,
            "anthropic_beta": ["interleaved-thinking-2025-05-14"],
            "messages": [{"role": "user", "content": "hello"}]});
        let reply = gateway.ask(&post(&format!("/model/{model}/invoke")).json(&body)).ok();
        assert!(Client::Anthropic.text(&reply.json()).contains("hello"), "{}", reply.text());
        if target == Client::Anthropic {
            let last = mock_page(&mock, "last");
            assert_eq!(last["headers"]["anthropic-beta"], "interleaved-thinking-2025-05-14");
            assert!(last["body"]["anthropic_beta"].is_null() && last["body"]["anthropic_version"].is_null());
        }
        let path = format!("/model/{model}/invoke-with-response-stream");
        let reply = gateway.ask(&post(&path).json(&body)).ok();
        assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"));
        let mut events = Vec::new();
        Unwrap::new(Dialect::AnthropicMessages, 1 << 20).push(&reply.body, &mut events);
        let text = String::from_utf8(events).unwrap();
        assert!(Client::Anthropic.is_complete(&text), "{text}");
    }
    let refused =
        gateway.ask(&post("/model/gpt-4o-mini/invoke").json(&serde_json::json!({"inputText": "x"})));
    assert_eq!(refused.status, 400);
    assert!(Client::Anthropic.refusal(&refused).message.contains("/converse"), "{}", refused.text());
}

/// An endpoint that streams what its server says, cut anywhere, in Amazon's messages.
fn endpoint() -> Provider {
    Provider::start(|heard, stream| {
        let chunk = |delta: &str, end: &str| {
            format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{end}}}]}}\n\n"
            )
        };
        if heard.head.starts_with("post /endpoints/my-llama/invocations-response-stream ") {
            let said = chunk(r#"{"role":"assistant","content":"he"}"#, "null")
                + &chunk(r#"{"content":"llo"}"#, "null")
                + &chunk("{}", "\"stop\"")
                + "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n\ndata: [DONE]\n\n";
            let mut body = Vec::new();
            for piece in said.as_bytes().chunks(50) {
                event_stream::write(&mut body, event_stream::Kind::Event("PayloadPart"), |out| {
                    out.extend_from_slice(piece)
                });
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            Heard::answer(stream, &[head.as_bytes(), &body].concat());
        } else if heard.head.starts_with("post /endpoints/my-llama/invocations ") {
            let said = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
            Heard::answer(stream, &json_reply(200, said));
        } else {
            Heard::answer(stream, &json_reply(404, "{}"));
        }
        Then::Keep
    })
}

#[test]
fn an_endpoint_of_sagemaker_answers_whole_and_streamed() {
    let server = endpoint();
    let mock = mock();
    let line = format!("sagemaker: {{base_url: \"http://{}\", region: eu-central-1}}", server.addr);
    let gateway = Setup::new(&mock)
        .provider(&line)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret-of-aws")
        .start();
    for client in [Client::Openai, Client::Anthropic] {
        for request in [client.whole("sagemaker/my-llama", "hi"), client.stream("sagemaker/my-llama", "hi")] {
            let reply = gateway.ask(&request).ok();
            let said = reply.text();
            let told = if said.contains("hello") { 1 } else { said.matches("\"he\"").count() };
            assert_eq!(told, 1, "{client:?}: {said}");
            let line = gateway.line(&reply);
            assert_eq!(line["gen_ai.usage.output_tokens"], 3, "{line}");
        }
    }
    for heard in server.heard() {
        assert!(heard.head.contains("/eu-central-1/sagemaker/aws4_request"), "{}", heard.head);
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        assert!(body.get("model").is_none() && body["messages"].is_array(), "{body}");
    }
}
