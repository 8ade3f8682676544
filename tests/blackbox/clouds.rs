//! Clouds lend credentials: they are got beside the requests, renewed in time, and shown to the
//! right provider alone.

use std::sync::atomic::Ordering;

use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::json;

use crate::harness::{
    CLIENTS, Client, Cloud, Heard, PATIENCE, Provider, Setup, Then, json_reply, mock, mock_page, post, wait,
};

const KEY: &str = include_str!("../../src/provider/auth/testdata/service-account.pem");

fn account(cloud: &Cloud) -> String {
    json!({"type": "service_account", "project_id": "my-project", "private_key_id": "k1", "private_key": KEY,
        "client_email": "me@my-project.iam.gserviceaccount.com",
        "token_uri": format!("http://{}/google/token", cloud.addr())})
    .to_string()
}

/// A gateway in front of Vertex, whose models are at this address.
fn vertex(cloud: &Cloud, models: std::net::SocketAddr) -> Setup {
    Setup::default()
        .provider(&format!("vertex: {{base_url: \"http://{models}\", location: europe-west1}}"))
        .env("GOOGLE_APPLICATION_CREDENTIALS", &account(cloud))
}

#[test]
fn every_client_reaches_both_makers_on_vertex() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = vertex(&cloud, mock.addr()).start();
    let below = "/v1/projects/my-project/locations/europe-west1/publishers";
    for client in CLIENTS {
        for (model, whole, stream) in [
            ("gemini-2.5-flash", "google/models/gemini-2.5-flash:generateContent", "streamGenerateContent"),
            ("claude-sonnet-4-5", "anthropic/models/claude-sonnet-4-5:rawPredict", "streamRawPredict"),
        ] {
            let reply = gateway.ask(&client.whole(model, "hello")).ok();
            assert!(client.text(&reply.json()).contains("hello"), "{}", reply.text());
            let last = mock_page(&mock, "last");
            assert_eq!(last["path"], format!("{below}/{whole}"));
            assert_eq!(last["headers"]["authorization"], "Bearer token-1");
            assert!(last["headers"]["x-goog-api-key"].is_null());
            let body = &last["body"];
            let claude = model.starts_with("claude");
            assert_eq!(body["anthropic_version"] == "vertex-2023-10-16", claude);
            assert!(body["model"].is_null() && (!claude || body["max_tokens"].is_number()), "{body}");
            let reply = gateway.ask(&client.stream(model, "#mock tokens=5")).ok();
            assert!(client.is_complete(&reply.text()), "{}", reply.text());
            let last = mock_page(&mock, "last");
            assert!(last["path"].as_str().unwrap().ends_with(&format!(":{stream}")), "{last}");
        }
    }
    assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 1);
}

#[test]
fn a_service_account_signs_with_its_own_key() {
    let cloud = Cloud::start();
    let gateway = vertex(&cloud, cloud.addr()).start();
    gateway.ask(&Client::Gemini.whole("gemini-2.5-flash", "hello")).ok();
    let asked = cloud.asked().remove(0);
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = asked.text();
    let token = form.split_once("&assertion=").expect("an assertion").1;
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&base64(&der)).expect("a key");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
    key.verify(signed.as_bytes(), &base64(signature)).expect("its own signature");
}

fn base64(text: &str) -> Vec<u8> {
    use ::base64::Engine as _;
    let plain = text.replace('-', "+").replace('_', "/");
    let padded = format!("{plain}{}", "=".repeat((4 - plain.len() % 4) % 4));
    ::base64::engine::general_purpose::STANDARD.decode(padded).expect("base64")
}

#[test]
fn a_credential_is_renewed_before_it_ends_and_no_request_waits() {
    let cloud = Cloud::start();
    cloud.state.life.store(4, Ordering::Relaxed);
    let gateway = vertex(&cloud, cloud.addr()).start();
    cloud.wait_lent(3);
    cloud.state.life.store(3600, Ordering::Relaxed);
    cloud.wait_lent(4);
    wait("a renewed credential", PATIENCE, || {
        gateway.ask(&Client::Gemini.whole("gemini-2.5-flash", "hello")).ok();
        let last = cloud.models().pop()?;
        last.header("authorization")?.ends_with("token-4").then_some(())
    });
    assert!(cloud.models().iter().all(|heard| heard.header("authorization").is_some()));
}

#[test]
fn a_refused_credential_is_renewed_and_the_client_hears_nothing_of_it() {
    let cloud = Cloud::start();
    let gateway = vertex(&cloud, cloud.addr()).start();
    cloud.wait_lent(1);
    cloud.state.ended.lock().unwrap().push("token-1".to_owned());
    for stream in [false, true] {
        let request = if stream {
            Client::Anthropic.stream("claude-sonnet-4-5", "hello")
        } else {
            Client::Anthropic.whole("claude-sonnet-4-5", "hello")
        };
        let reply = gateway.ask(&request).ok();
        assert!(reply.text().contains("one"), "{}", reply.text());
        assert_eq!(gateway.line(&reply)["attempts"], 1);
    }
    let shown: Vec<_> =
        cloud.models().iter().map(|heard| heard.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(shown, ["bearer token-1", "bearer token-2", "bearer token-2"]);
}

#[test]
fn a_credential_that_stays_refused_is_the_provider_s_answer() {
    let cloud = Cloud::start();
    cloud.state.ended.lock().unwrap().push("token-".to_owned());
    let gateway = vertex(&cloud, cloud.addr()).start();
    for client in CLIENTS {
        let refused = gateway.ask(&client.whole("claude-sonnet-4-5", "hello"));
        assert_eq!(refused.status, 401);
        let said = client.refusal(&refused);
        assert!(!refused.text().contains("token-"), "{}", refused.text());
        assert!(said.message.contains("expired"), "{}", said.message);
    }
    for line in gateway.said() {
        assert!(!line.contains("token-1") && !line.contains("PRIVATE"), "{line}");
    }
}

#[test]
fn without_credentials_each_client_is_told_whose_are_missing_and_why() {
    let cloud = Cloud::start();
    cloud.state.closed.store(true, Ordering::Relaxed);
    let gateway = vertex(&cloud, cloud.addr()).yaml("upstream: {attempts: 1}").start();
    for client in CLIENTS {
        let refused = gateway.ask(&client.whole("gemini-2.5-flash", "hello"));
        assert_eq!(refused.status, 502);
        let said = client.refusal(&refused);
        assert_eq!(
            said.message,
            "vertex has no credentials: it answered 400: invalid_grant: the account is closed"
        );
    }
    gateway.wait_said("vertex has no fresh credentials");
    assert!(cloud.models().is_empty());
    cloud.state.closed.store(false, Ordering::Relaxed);
    wait("credentials after all", PATIENCE, || {
        let reply = gateway.ask(&Client::Openai.whole("gemini-2.5-flash", "hello"));
        (reply.status == 200).then_some(())
    });
}

#[test]
fn the_first_request_waits_for_the_first_credential() {
    let cloud = Cloud::start();
    cloud.state.delay.store(700, Ordering::Relaxed);
    let gateway = vertex(&cloud, cloud.addr()).start();
    gateway.ask(&Client::Gemini.whole("gemini-2.5-flash", "hello")).ok();
    assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 1);
}

#[test]
fn a_reload_keeps_what_was_lent_to_a_source_that_is_still_named() {
    let cloud = Cloud::start();
    let gateway = vertex(&cloud, cloud.addr()).start();
    gateway.ask(&Client::Gemini.whole("gemini-2.5-flash", "hello")).ok();
    gateway.rewrite(|file| format!("{file}aliases: {{quick: vertex/gemini-2.5-flash}}\n"));
    gateway.reload();
    gateway.ask(&Client::Gemini.whole("quick", "hello")).ok();
    assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 1);
    let other = account(&cloud).replace("me@my-project", "you@my-project");
    gateway.rewrite(|file| {
        file.replace("location:", &format!("auth: {{credentials: {}}}, location:", json!(other)))
    });
    gateway.reload();
    gateway.ask(&Client::Gemini.whole("quick", "hello")).ok();
    assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 2);
    assert!(cloud.models().pop().unwrap().header("authorization").unwrap().ends_with("token-2"));
}

#[test]
fn google_s_other_credentials_lead_to_tokens_too() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("subject-{}", std::process::id()));
    std::fs::write(&file, "issued-elsewhere\n").unwrap();
    let user = |at| {
        json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
            "token_uri": format!("http://{at}/google/token")})
        .to_string()
    };
    let external = |at| {
        json!({"type": "external_account", "audience": "//iam.googleapis.com/x",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("http://{at}/sts/token"),
            "service_account_impersonation_url": format!("http://{at}/v1/me:generateAccessToken"),
            "credential_source": {"file": file}})
        .to_string()
    };
    for (credentials, asked, shown) in [
        (Some(true), "grant_type=refresh_token&client_id=c", "bearer token-1"),
        (Some(false), "subject_token=issued-elsewhere", "bearer token-2"),
        (None, "", "bearer token-1"),
    ] {
        let cloud = Cloud::start();
        let at = cloud.addr();
        let mut setup = Setup::default()
            .provider(&format!("vertex: {{base_url: \"http://{at}\", project: p}}"))
            .env("HOME", "/nonexistent")
            .env("GCE_METADATA_HOST", &at.to_string());
        if let Some(user_s) = credentials {
            let text = if user_s { user(at) } else { external(at) };
            setup = setup.env("GOOGLE_APPLICATION_CREDENTIALS", &text);
        }
        let gateway = setup.start();
        gateway.ask(&Client::Gemini.whole("gemini-2.5-flash", "hello")).ok();
        let heard = cloud.asked();
        assert!(heard[0].text().contains(asked), "{}", heard[0].text());
        if credentials.is_none() {
            assert_eq!(heard[0].path(), "/computemetadata/v1/instance/service-accounts/default/token");
            assert_eq!(heard[0].header("metadata-flavor"), Some("google"));
        }
        assert_eq!(cloud.models()[0].header("authorization"), Some(shown));
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn an_express_key_needs_neither_project_nor_token() {
    let mock = mock();
    let gateway = Setup::default()
        .provider(&format!("vertex: {{base_url: \"http://{}\", api_key: express-key}}", mock.addr()))
        .start();
    gateway.ask(&Client::Openai.whole("gemini-2.5-flash", "hello")).ok();
    let last = mock_page(&mock, "last");
    assert_eq!(last["path"], "/v1/publishers/google/models/gemini-2.5-flash:generateContent");
    assert_eq!(last["headers"]["x-goog-api-key"], "express-key");
    assert!(last["headers"]["authorization"].is_null());
}

#[test]
fn azure_is_asked_with_entra_s_tokens_at_each_of_its_addresses() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("federated-{}", std::process::id()));
    std::fs::write(&file, "issued-elsewhere").unwrap();
    let file_name = file.display().to_string();
    for (variables, asked) in [
        (
            vec![("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s3")],
            "client_id=c&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default&client_secret=s3",
        ),
        (
            vec![
                ("AZURE_TENANT_ID", "t"),
                ("AZURE_CLIENT_ID", "c"),
                ("AZURE_FEDERATED_TOKEN_FILE", file_name.as_str()),
            ],
            "client_assertion=issued-elsewhere",
        ),
        (vec![("IDENTITY_HEADER", "h")], ""),
    ] {
        let (cloud, mock) = (Cloud::start(), mock());
        let (at, models) = (cloud.addr(), mock.addr());
        let mut setup = Setup::default()
            .provider(&format!("azure: {{base_url: \"http://{models}\", models: [gpt-4o-mini]}}"))
            .provider(&format!("azure-two: {{vendor: azure, base_url: \"http://{models}/openai/v1\"}}"))
            .provider(&format!("azure_ai: {{base_url: \"http://{models}/models\"}}"))
            .env("AZURE_AUTHORITY_HOST", &format!("http://{at}/"));
        if asked.is_empty() {
            setup = setup.env("IDENTITY_ENDPOINT", &format!("http://{at}/msi/token"));
        }
        for (name, value) in variables {
            setup = setup.env(name, value);
        }
        let gateway = setup.start();
        for (model, path, query) in [
            ("gpt-4o-mini", "/openai/deployments/gpt-4o-mini/chat/completions", "api-version=2024-10-21"),
            ("azure-two/gpt-4o-mini", "/openai/v1/chat/completions", ""),
            ("azure_ai/gpt-4o-mini", "/models/chat/completions", "api-version=2024-05-01-preview"),
        ] {
            gateway.ask(&Client::Openai.whole(model, "hello")).ok();
            let last = mock_page(&mock, "last");
            assert_eq!((last["path"].as_str(), last["query"].as_str()), (Some(path), Some(query)));
            assert_eq!(last["headers"]["authorization"], "Bearer token-1");
            assert!(last["headers"]["api-key"].is_null());
        }
        gateway.ask(&Client::Anthropic.whole("azure_ai/claude-sonnet-4-5", "hello")).ok();
        assert_eq!(mock_page(&mock, "last")["path"], "/anthropic/v1/messages");
        // All three have the same source.
        assert_eq!(cloud.state.lent.load(Ordering::Relaxed), 1);
        let heard = cloud.asked().remove(0);
        if asked.is_empty() {
            assert!(
                heard.path().starts_with("/msi/token?api-version=2019-08-01&resource="),
                "{}",
                heard.path()
            );
            assert_eq!(heard.header("x-identity-header"), Some("h"));
        } else {
            assert_eq!(heard.path(), "/t/oauth2/v2.0/token");
            assert!(heard.text().contains(asked), "{}", heard.text());
        }
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn what_goes_through_to_a_cloud_carries_what_it_lent() {
    let cloud = Cloud::start();
    let gateway = vertex(&cloud, cloud.addr()).start();
    let mut request = Client::Gemini.whole("gemini-2.5-flash", "hello");
    request.path = "/p/vertex/publishers/google/models/gemini-2.5-flash:generateContent".to_owned();
    gateway.ask(&request.header("authorization", "Bearer ours")).ok();
    let heard = cloud.models().remove(0);
    assert_eq!(heard.header("authorization"), Some("bearer token-1"));
    assert!(heard.path().starts_with("/v1/projects/my-project/locations/europe-west1/publishers/"));
}

#[test]
fn clients_of_vertex_reach_every_provider_at_its_paths() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let below = "/v1/projects/p/locations/global/publishers/anthropic/models";
    for target in CLIENTS {
        let model = target.model();
        let body = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 64,
            "messages": [{"role": "user", "content": "hello"}]});
        let whole = post(&format!("{below}/{model}:rawPredict")).json(&body);
        let reply = gateway.ask(&whole.header("anthropic-version", "2023-06-01")).ok();
        assert!(Client::Anthropic.text(&reply.json()).contains("hello"), "{}", reply.text());
        assert_eq!(reply.header("x-tollgate-model"), Some(model));
        let mut body = body.clone();
        body["stream"] = true.into();
        let stream = post(&format!("{below}/{model}:streamRawPredict")).json(&body);
        let reply = gateway.ask(&stream.header("authorization", "Bearer t")).ok();
        assert!(Client::Anthropic.is_complete(&reply.text()), "{}", reply.text());
        let body = json!({"anthropic_version": "vertex-2023-10-16", "model": model,
            "messages": [{"role": "user", "content": "hello"}]});
        let reply = gateway.ask(&post(&format!("{below}/count-tokens:rawPredict")).json(&body)).ok();
        assert!(reply.json()["input_tokens"].as_u64().is_some_and(|count| count > 0), "{}", reply.text());
        let chat = post("/v1/projects/p/locations/global/endpoints/openapi/chat/completions");
        let reply = gateway.ask(&chat.json(&Client::Openai.question(model, "hello", false))).ok();
        assert!(Client::Openai.text(&reply.json()).contains("hello"));
    }
    // The maker of Claude gets its own form.
    let last = mock_page(&mock, "requests");
    let claude = last.as_array().unwrap().iter().rfind(|request| request["path"] == "/v1/messages").unwrap();
    assert!(claude["body"]["anthropic_version"].is_null() && claude["body"]["model"].is_string());
}

#[test]
fn tokens_of_a_prompt_are_counted_on_vertex() {
    let (cloud, mock) = (Cloud::start(), mock());
    let gateway = vertex(&cloud, mock.addr()).start();
    let body = json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hello"}]});
    let count = post("/v1/messages/count_tokens").json(&body).header("anthropic-version", "2023-06-01");
    let reply = gateway.ask(&count.header("anthropic-beta", "interleaved-thinking-2025-05-14")).ok();
    assert!(reply.json()["input_tokens"].as_u64().is_some_and(|count| count > 0));
    let last = mock_page(&mock, "last");
    assert!(last["path"].as_str().unwrap().ends_with("/publishers/anthropic/models/count-tokens:rawPredict"));
    assert_eq!(last["body"]["model"], "claude-sonnet-4-5");
    assert_eq!(last["headers"]["anthropic-beta"], "interleaved-thinking-2025-05-14");
    let body = json!({"generateContentRequest": {"model": "models/gemini-2.5-flash",
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}]}});
    let reply = gateway.ask(&post("/v1beta/models/gemini-2.5-flash:countTokens").json(&body)).ok();
    assert!(reply.json()["totalTokens"].as_u64().is_some_and(|count| count > 0), "{}", reply.text());
    assert!(mock_page(&mock, "last")["body"]["contents"].is_array());
}

#[test]
fn what_vertex_says_of_claude_is_said_in_the_client_s_own_form() {
    let cloud = Cloud::start();
    let google = r#"{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}"#;
    let models = Provider::start(move |_, stream| {
        Heard::answer(stream, &json_reply(429, google));
        Then::Keep
    });
    let gateway = vertex(&cloud, models.addr).yaml("upstream: {attempts: 1}").start();
    for client in CLIENTS {
        let refused = gateway.ask(&client.whole("claude-sonnet-4-5", "hello"));
        assert_eq!(refused.status, 429);
        assert_eq!(client.refusal(&refused).message, "Quota exceeded");
    }
}

#[test]
fn what_keeps_to_a_region_costs_what_the_region_costs() {
    let cloud = Cloud::start();
    let at = cloud.addr();
    let gateway = vertex(&cloud, at)
        .provider(&format!("world: {{vendor: vertex, base_url: \"http://{at}\", location: global}}"))
        .start();
    for (provider, cost) in [("vertex", "0.0000429"), ("world", "0.000039")] {
        let reply =
            gateway.ask(&Client::Anthropic.whole(&format!("{provider}/claude-sonnet-4-5"), "hello")).ok();
        // Three tokens in at 3 USD a million, two out at 15; a tenth more in Europe.
        let line = gateway.line(&reply);
        assert_eq!(line["cost_usd"].as_str().map(|told| told.trim_end_matches('0')), Some(cost), "{line}");
    }
}

#[test]
fn vectors_come_from_vertex_and_go_to_its_clients() {
    let (cloud, mock) = (Cloud::start(), mock());
    let (at, models) = (cloud.addr(), mock.addr());
    let gateway = vertex(&cloud, models)
        .provider(&format!("openai: {{base_url: \"http://{models}/v1\", api_key: k}}"))
        .provider(&format!("gemini: {{base_url: \"http://{models}/v1beta\", api_key: k}}"))
        .env("GCE_METADATA_HOST", &at.to_string())
        .start();
    let body = json!({"model": "vertex/text-embedding-005", "input": ["one", "two three"], "dimensions": 8});
    let reply = gateway.ask(&post("/v1/embeddings").json(&body)).ok();
    let data = reply.json()["data"].as_array().cloned().unwrap();
    assert_eq!((data.len(), data[1]["embedding"].as_array().map(Vec::len)), (2, Some(8)));
    let last = mock_page(&mock, "last");
    assert!(last["path"].as_str().unwrap().ends_with("/publishers/google/models/text-embedding-005:predict"));
    let line = gateway.line(&reply);
    assert!(
        line["gen_ai.usage.input_tokens"].as_u64().is_some_and(|count| count > 0)
            && line["cost_usd"].is_string()
    );
    for model in ["vertex/text-embedding-005", "openai/text-embedding-3-small", "gemini/gemini-embedding-001"]
    {
        let path = format!(
            "/v1/projects/p/locations/l/publishers/google/models/{}:predict",
            model.replace('/', "%2F")
        );
        // Of what was asked before the cache has the vector, and its share of the tokens.
        let body = json!({"instances": [{"content": "one"}], "parameters": {"outputDimensionality": 8}});
        let reply = gateway.ask(&post(&path).json(&body)).ok();
        let vector = &reply.json()["predictions"][0]["embeddings"];
        assert_eq!(vector["values"].as_array().map(Vec::len), Some(8), "{}", reply.text());
        assert!(
            vector["statistics"]["token_count"].as_u64().is_some_and(|count| count > 0),
            "{}",
            reply.text()
        );
        assert!(gateway.line(&reply)["gen_ai.usage.input_tokens"].as_u64().is_some_and(|count| count > 0));
    }
}
